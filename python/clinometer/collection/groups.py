"""Parallel groups that a collection does not name, inferred from shared judgements where there is only one way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from clinometer.collection.base import Collection, Texts
from clinometer.collection.columns import coded

__all__ = ["connected", "with_inferred_groups"]

K = TypeVar("K", int, tuple[str, int])


def with_inferred_groups(collection: Collection) -> Collection:
    """The collection with groups of documents and of queries, for whichever of them none is named.

    Documents that are relevant to one query, directly or through other queries, are one parallel group if there are
    several and each has another language. Queries with the same relevant documents, in several languages, are one group
    on the same condition. If a language has several anywhere, which of them translate each other cannot be known, and
    no text of that kind gets a group. [ours]

    Returns:
        The collection. Its notes say by kind how many groups were inferred, or how many texts share judgements with
        texts in other languages and have none.

    Example:
        >>> from clinometer.collection import CollectionBuilder
        >>> builder = CollectionBuilder("tiny")
        >>> for language in ("en", "de"):
        ...     builder.add_document(f"d-{language}", f"A cat, in {language}.", language)
        ...     builder.add_query(f"q-{language}", f"Who sleeps, in {language}?", language)
        ...     builder.judge(f"q-{language}", "d-en")
        ...     builder.judge(f"q-{language}", "d-de")
        >>> collection = with_inferred_groups(builder.build())
        >>> collection.documents.groups, collection.notes["groups_inferred_from_judgements"]
        (('judged:d-en', 'judged:d-en'), {'documents': 1, 'queries': 1})
    """
    answers = _answers(collection)
    candidates = {"documents": connected(answers), "queries": _alike(answers, collection.documents)}
    inferred: dict[str, int] = {}
    unknown: dict[str, int] = {}
    sides: dict[str, Texts] = {"documents": collection.documents, "queries": collection.queries}
    for kind, row_lists in candidates.items():
        texts = sides[kind]
        if any(label is not None for label in coded(texts.groups).counts()) or len(texts.coded_languages.labels) < 2:
            continue
        groups, count, left = _groups_of(texts, row_lists)
        if left:
            unknown[kind] = left
        elif count:
            inferred[kind], sides[kind] = count, texts.with_groups(groups)
    notes: dict[str, Any] = dict(collection.notes)
    if inferred:
        notes["groups_inferred_from_judgements"] = inferred
    if unknown:
        notes["parallel_texts_without_group"] = unknown
    return replace(collection, documents=sides["documents"], queries=sides["queries"], notes=notes)


def _answers(collection: Collection) -> list[list[int]]:
    """The relevant documents of each query."""
    indptr, rows = collection.relevant()
    return [part.tolist() for part in np.split(rows, indptr[1:-1])]


def connected(lists: Iterable[list[K]]) -> Iterator[list[K]]:
    """The items that lists connect with each other, directly or through other lists; ascending.

    Example:
        >>> list(connected([[4, 2], [1, 3], [5, 2]]))
        [[1, 3], [2, 4, 5]]
    """
    parent: dict[K, K] = {}

    def root(item: K) -> K:
        while parent.setdefault(item, item) != item:
            parent[item] = parent[parent[item]]
            item = parent[item]
        return item

    for items in lists:
        for item in items:
            low, high = sorted((root(items[0]), root(item)))
            parent[high] = low
    members: dict[K, list[K]] = {}
    for item in sorted(parent):
        members.setdefault(root(item), []).append(item)
    yield from members.values()


def _alike(answers: Iterable[list[int]], documents: Texts) -> Iterator[list[int]]:
    """The queries with the same relevant documents, for documents in several languages."""
    queries_of: dict[tuple[int, ...], list[int]] = {}
    for query, rows in enumerate(answers):
        queries_of.setdefault(tuple(rows), []).append(query)
    yield from (queries for rows, queries in queries_of.items() if len({documents.languages[row] for row in rows}) > 1)


def _groups_of(texts: Texts, row_lists: Iterable[list[int]]) -> tuple[tuple[str | None, ...], int, int]:
    """Group of each text, number of groups, and number of texts among whom it is not clear who translates whom."""
    groups: list[str | None] = [None] * len(texts)
    count = unclear = across = 0
    for rows in row_lists:
        languages = {texts.languages[row] for row in rows}
        if len(languages) < 2:
            continue
        across += len(rows)
        unclear += len(languages) < len(rows)
        count += 1
        for row in rows:
            groups[row] = f"judged:{texts.ids[rows[0]]}"
    return tuple(groups), count, across if unclear else 0
