"""Clusters of queries, against a search that follows every link."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from clinometer.statistics.clusters import connected_parts, query_clusters

Judgement = tuple[int, int]


def followed(links: list[set[int]]) -> list[int]:
    """The part of each node, numbered by first node, by following links from it."""
    part = [-1] * len(links)
    for start in range(len(links)):
        if part[start] < 0:
            number, waiting = max(part) + 1, [start]
            while waiting:
                node = waiting.pop()
                if part[node] < 0:
                    part[node] = number
                    waiting += links[node]
    return part


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 19), st.integers(0, 19)), max_size=30), st.integers(20, 24))
def test_connected_parts_are_those_that_a_search_reaches(edges: list[tuple[int, int]], size: int) -> None:
    links: list[set[int]] = [set() for _ in range(size)]
    for a, b in edges:
        links[a].add(b)
        links[b].add(a)
    first, second = (np.array([edge[end] for edge in edges], dtype=np.int64) for end in (0, 1))
    assert connected_parts(first, second, size).tolist() == followed(links)


def test_long_chains_in_any_order_are_one_part() -> None:
    size = 20_000
    for order in (np.arange(size), np.arange(size)[::-1], np.random.default_rng(0).permutation(size)):
        assert connected_parts(order[:-1].copy(), order[1:].copy(), size).max() == 0


texts = st.lists(st.sampled_from(["a", "b", "c", None]), min_size=1, max_size=8)


@settings(max_examples=80)
@given(groups=texts, document_groups=texts, data=st.data())
def test_queries_hang_together_by_group_by_document_and_by_translated_document(
    groups: list[str | None], document_groups: list[str | None], data: st.DataObject
) -> None:
    pairs = st.tuples(st.integers(0, len(groups) - 1), st.integers(0, len(document_groups) - 1))
    judgements: list[Judgement] = sorted(data.draw(st.sets(pairs, max_size=8)))
    links: list[set[int]] = [set() for _ in groups]

    def answers(query: int) -> set[object]:
        documents = (document for judged, document in judgements if judged == query)
        return {document_groups[document] or document for document in documents}

    for one in range(len(groups)):
        for other in range(len(groups)):
            if (groups[one] is not None and groups[one] == groups[other]) or answers(one) & answers(other):
                links[one].add(other)
    query_of, relevant = (np.array([pair[side] for pair in judgements], dtype=np.int64) for side in (0, 1))
    assert query_clusters(groups, query_of, relevant, document_groups).tolist() == followed(links)
