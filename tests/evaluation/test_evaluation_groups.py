"""Results by a field of the queries: the same as asking only those queries in the same pools."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from support.brute_force import embeddings, random_collection

import clinometer as cm
from clinometer.collection import Collection
from clinometer.encoders import PrecomputedEncoder
from clinometer.errors import CollectionError, UsageError
from clinometer.evaluation.rows import GROUPED

MEASURES = ["MaxR", "MaxRnorm", "nDCG@10", "RankGap", "Intrusion", "Intrusion(by=own)", "LangShare@3",
            "LanguageGap(MaxRnorm)", "LPR(variant=any)"]  # fmt: skip


def with_topics(collection: Collection, values: Sequence[str | None]) -> Collection:
    return replace(collection, queries=replace(collection.queries, fields={"topic": tuple(values)}))


def only(collection: Collection, rows: np.ndarray[Any, Any]) -> Collection:
    """The collection with some of its queries and all of its documents."""
    spans = [slice(collection.indptr[row], collection.indptr[row + 1]) for row in rows]
    return replace(
        collection,
        queries=collection.queries.take(rows),
        indptr=np.concatenate([[0], np.cumsum([span.stop - span.start for span in spans])]).astype(np.int64),
        judged=np.concatenate([collection.judged[span] for span in spans]),
        grades=np.concatenate([collection.grades[span] for span in spans]),
    )


def bare(row: dict[str, Any]) -> dict[str, Any]:
    assert row["field"] == "topic"
    return {key: value for key, value in row.items() if key not in ("field", "group")}


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("tied", [False, True])
def test_a_group_is_an_evaluation_of_its_queries_in_the_same_pools(seed: int, tied: bool) -> None:
    collection = random_collection(seed + 20)
    rng = np.random.default_rng(seed)
    # Values that cut across questions and languages.
    values = [str(value) for value in rng.choice(["a", "b"], size=len(collection.queries))]
    collection = with_topics(collection, values)
    queries = embeddings(seed, len(collection.queries), 4, tied)
    documents = embeddings(seed + 1, len(collection.documents), 4, tied)
    options: dict[str, Any] = {"measures": MEASURES, "resamples": 60, "seed": 3, "pairs": "all"}
    whole = cm.evaluate(collection, PrecomputedEncoder(queries, documents), by="topic", **options)
    assert whole.settings["by"] == "topic"
    for group in dict.fromkeys(values):
        rows = np.flatnonzero([value == group for value in values])
        part = only(collection, rows)
        try:
            alone = cm.evaluate(part, PrecomputedEncoder(queries[rows], documents), **options).rows
        except CollectionError:
            alone = []
        found = [bare(row) for row in whole.by if row["group"] == group]
        assert sorted(found, key=str) == sorted(alone, key=str)


def test_without_a_field_nothing_changes() -> None:
    collection = with_topics(random_collection(3), ["a"] * len(random_collection(3).queries))
    encoder = PrecomputedEncoder(
        embeddings(1, len(collection.queries), 4, False), embeddings(2, len(collection.documents), 4, False)
    )
    plain, grouped = (cm.evaluate(collection, encoder, resamples=30, by=by) for by in (None, "topic"))
    assert plain.rows == grouped.rows
    assert plain.by == []
    assert "by" not in plain.to_dict()
    assert "by" not in plain.settings
    # One group of everything is everything; unless measures are chosen, only the main ones.
    assert {row["measure"] for row in grouped.by} <= set(GROUPED)
    assert [bare(row) for row in grouped.by] == [row for row in plain.rows if row["measure"] in GROUPED]


def test_queries_without_a_value_and_groups_without_an_answer_are_counted() -> None:
    builder = cm.CollectionBuilder("made")
    for label in ("en", "de"):
        builder.add_document(f"d-{label}", f"text {label}", label)
        builder.add_query(f"q-{label}", "what?", label, fields={"topic": "a"})
        builder.add_query(f"lost-{label}", "where?", label, fields={"topic": "b"})
        builder.add_query(f"bare-{label}", "who?", label)
        for other in ("en", "de"):
            builder.judge(f"q-{label}", f"d-{label}") if other == label else None
    collection = builder.build()
    encoder = PrecomputedEncoder(np.ones((6, 2), dtype=np.float32), np.eye(2, dtype=np.float32))
    found = cm.evaluate(collection, encoder, by="topic", resamples=0)
    assert {row["group"] for row in found.by} == {"a"}
    assert "2 of 6 queries have no topic and are in no group" in found.notices
    assert "1 groups of topic have no value of any measure and no rows: b" in found.notices


def test_an_unknown_field_is_refused_before_the_work() -> None:
    class Never:
        def __getattr__(self, name: str) -> None:
            raise AssertionError(name)

    with pytest.raises(UsageError, match="no field 'toppic'; they have: topic"):
        cm.evaluate("demo", Never(), by="toppic")
    with pytest.raises(UsageError, match="by is empty"):
        cm.evaluate("demo", Never(), by="")


def test_the_fields_of_a_collection() -> None:
    demo = cm.load("demo", languages=["en", "ko"])
    topics = demo.queries.fields["topic"]
    assert len(topics) == len(demo.queries)
    assert demo.describe()["query_fields"] == {"topic": 15}
    assert demo.queries.take([3, 0]).fields == {"topic": (topics[3], topics[0])}
    kept = demo.restrict(["ko"]).queries
    assert len(kept.fields["topic"]) == len(kept)
    assert "query_fields" not in random_collection(1).describe()
    # They are no part of what is measured.
    assert with_topics(random_collection(1), ["x"] * len(random_collection(1).queries)).digest() == (
        random_collection(1).digest()
    )
