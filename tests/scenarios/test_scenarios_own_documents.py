"""A query's own document is left out of its pool: results are those of a pool that never had it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from support.brute_force import embeddings, random_collection

import clinometer as cm
from clinometer import Collection
from clinometer.encoders import PrecomputedEncoder
from clinometer.errors import UsageError
from clinometer.io.trec import read_run
from clinometer.pools import evaluate_pools
from clinometer.scenarios.own_documents import own_documents
from clinometer.scenarios.targets import related_targets
from clinometer.scorers import RunScorer

MEASURES = ["MaxR", "MaxRnorm", "nDCG@10", "RR", "R@1", "Intrusion", "LangShare@3", "PivotFirst", "LPR", "Bpref",
            "AP(judged_only=True)"]  # fmt: skip


def with_own_documents(collection: Collection, seed: int) -> Collection:
    """The collection with the ids of some documents changed to those of queries, answers among them."""
    draw = np.random.default_rng(seed)
    ids = list(collection.documents.ids)
    count = min(len(collection.queries), len(ids)) // 2
    rows = draw.choice(len(ids), size=count, replace=False)
    for row, query in zip(rows, draw.choice(len(collection.queries), size=count, replace=False), strict=True):
        ids[row] = collection.queries.ids[query]
    return replace(collection, documents=replace(collection.documents, ids=tuple(ids)))


def values(evaluation: cm.Evaluation, query: str | None = None) -> dict[tuple[str, ...], list[float]]:
    """Values of the measures by query, scenario and pool, whose languages may come in another order."""
    table = evaluation.per_query
    pools = ["+".join(sorted(pool.split("+"))) for pool in table["pool_languages"].tolist()]
    keys = zip(table["query_id"].tolist(), table["scenario"].tolist(), pools, strict=True)
    return {
        key: [table[name][row] if name in table else np.nan for name in MEASURES]
        for row, key in enumerate(keys)
        if query in (None, key[0])
    }


@settings(max_examples=10)
@given(seed=st.integers(0, 1 << 20), tied=st.booleans(), ties=st.sampled_from(["index", "trec", "optimistic"]))
@example(seed=636359, tied=False, ties="index")
def test_results_are_those_of_pools_that_never_had_the_document(seed: int, tied: bool, ties: Any) -> None:
    collection = with_own_documents(random_collection(seed, ("en", "de")), seed)
    rows = embeddings(seed + 1, len(collection.queries), 3, tied), embeddings(seed, len(collection.documents), 3, tied)
    options: dict[str, Any] = {"measures": MEASURES, "ties": ties, "resamples": 0, "pairs": "all"}
    # Not every answer may be an own one.
    assume((related_targets(collection, own_documents(collection))[2] >= 1).any())
    everything = values(cm.evaluate(collection, PrecomputedEncoder(*rows), exclude_own_id=True, **options))
    for query, own in enumerate(own_documents(collection).tolist()):
        if own < 0:
            continue
        name = collection.queries.ids[query]
        remaining = [row for row in range(len(collection.documents)) if row != own]
        smaller = collection.only(np.array(remaining), np.arange(len(collection.queries)))
        # Without any answer there is nothing to evaluate, and the query has no values.
        answered = bool((smaller.grades >= 1).any())
        alone = PrecomputedEncoder(rows[0], rows[1][remaining])
        expected = values(cm.evaluate(smaller, alone, **options), name) if answered else {}
        assert {key for key in everything if key[0] == name} == set(expected)
        for key in expected:
            np.testing.assert_equal(everything[key], expected[key], err_msg=str(key))


def questions() -> tuple[Collection, PrecomputedEncoder]:
    """ArguAna in small: each query is a document, and its answer another one."""
    builder = cm.CollectionBuilder("questions")
    for number in range(4):
        builder.add_document(f"a{number}", f"text {number}", "en")
    builder.add_query("a0", "text 0", "en")
    builder.add_query("a1", "text one", "en")
    builder.judge("a0", "a2")
    builder.judge("a1", "a3")
    documents = np.array([[1, 0], [0, 1], [0.8, 0.6], [0.6, 0.8]], dtype=np.float32)
    return builder.build(), PrecomputedEncoder(documents[:2], documents)


def test_collisions_are_a_notice_without_the_option_and_counted_with_it() -> None:
    collection, encoder = questions()
    options: dict[str, Any] = {"scenarios": ["mono-same"], "measures": ["RR"], "resamples": 0}
    plain = cm.evaluate(collection, encoder, **options)
    assert plain.per_query["RR"].tolist() == [0.5, 0.5]
    assert plain.settings["exclude_own_id"] is False
    assert plain.notices[0].startswith(
        "for 2 of 2 queries the pool has a document with the same id that is not an answer (1 with the same text)"
    )
    without = cm.evaluate(collection, encoder, exclude_own_id=True, **options)
    assert without.per_query["RR"].tolist() == [1.0, 1.0]
    assert without.settings["exclude_own_id"] is True
    assert without.notices == ["2 of 2 queries were searched without the document that has the same id"]
    assert without.rows[0]["documents"] == 3
    with pytest.raises(UsageError, match=r"exclude_own_id \(False and True\).*--exclude-own-id"):
        cm.compare(plain, without)


def test_an_answer_under_the_query_id_is_no_collision_but_is_left_out_on_request() -> None:
    builder = cm.CollectionBuilder("translations")
    for number in range(3):
        builder.add_document(f"s{number}", f"text {number}", "en")
        builder.add_query(f"s{number}", f"text {number}", "en")
        builder.judge(f"s{number}", f"s{number}")
    builder.judge("s0", "s1")
    collection = builder.build()
    encoder = PrecomputedEncoder(np.eye(3, dtype=np.float32), np.eye(3, dtype=np.float32))
    options: dict[str, Any] = {"scenarios": ["mono-same"], "measures": ["MaxR"], "resamples": 0}
    assert not any("same id" in notice for notice in cm.evaluate(collection, encoder, **options).notices)
    without = cm.evaluate(collection, encoder, exclude_own_id=True, **options)
    assert without.notices[0].endswith("for 3 of them it is judged relevant, which then does not count")
    assert without.per_query["query_id"].tolist() == ["s0"]
    nothing = cm.evaluate("demo", "bm25", exclude_own_id=True, scenarios=["mono-same"], measures=["RR"], resamples=0)
    assert "no document has the same id as a query, so exclude_own_id left nothing out" in nothing.notices


def test_runs_examples_and_pools_are_without_the_document(tmp_path: Any) -> None:
    collection, encoder = questions()
    cm.evaluate(collection, encoder, exclude_own_id=True, save_run=tmp_path / "run.trec", resamples=0,
                scenarios=["mono-same"], measures=["RR"])  # fmt: skip
    run = read_run(tmp_path / "run.trec")
    assert {query: sorted(ranked) for query, ranked in run.items()} == {
        "a0": ["a1", "a2", "a3"], "a1": ["a0", "a2", "a3"],
    }  # fmt: skip
    analysis = cm.analyse(collection, encoder, scenarios=["mono-same"], exclude_own_id=True, resamples=0)
    assert {row["category"]: row["queries"] for row in analysis.rows if row["queries"]} == {"answer": 2}
    pool = collection.only(np.array([0, 2, 3]), np.arange(2))
    options: dict[str, Any] = {"scenarios": ["mono-same"], "measures": ["RR", "LangShare@2"], "resamples": 0}
    of_pool = evaluate_pools(collection, {"all": collection, "part": pool}, encoder, exclude_own_id=True, **options)
    assert of_pool["all"].rows == cm.evaluate(collection, encoder, exclude_own_id=True, **options).rows
    rows = encoder.encode_queries(["", ""]), encoder.encode_documents([""] * 4)[[0, 2, 3]]
    part = cm.evaluate(pool, PrecomputedEncoder(*rows), exclude_own_id=True, **options)
    assert of_pool["part"].rows == part.rows
    assert of_pool["part"].per_query["RR"].tolist() == part.per_query["RR"].tolist()


def test_a_run_that_lists_the_query_itself_is_read_without_it(tmp_path: Any) -> None:
    collection, _ = questions()
    # The second query's own document, and its answer's rival, are not listed.
    (tmp_path / "run.trec").write_text("a0 Q0 a0 1 9 t\na0 Q0 a2 2 8 t\na1 Q0 a2 1 3 t\na1 Q0 a3 2 2 t\n")
    options: dict[str, Any] = {"scenarios": ["mono-same"], "measures": ["RR", "nDCG@1"], "resamples": 0}
    run = cm.evaluate(collection, RunScorer(tmp_path / "run.trec"), exclude_own_id=True, **options)
    assert run.per_query["RR"].tolist() == [1.0, 0.5]
    assert cm.evaluate(collection, RunScorer(tmp_path / "run.trec"), **options).per_query["RR"].tolist() == [0.5, 0.5]


def test_lists_are_as_long_as_without_the_document_and_copies_of_it_stay() -> None:
    builder = cm.CollectionBuilder("copies")
    for name, text, language in (("a0", "same", "en"), ("a1", "x", "en"), ("a2", "same", "en"), ("a3", "y", "de")):
        builder.add_document(name, text, language)
    builder.add_query("a0", "same", "en")
    builder.judge("a0", "a2")
    documents = np.array([[1, 0], [0.95, 0.05], [0.9, 0.1], [0.5, 0.5]], dtype=np.float32)
    encoder = PrecomputedEncoder(documents[:1], documents)
    options: dict[str, Any] = {"scenarios": ["multilingual"], "measures": ["LangShare(lang=en)@1", "RR"]}
    evaluation = cm.evaluate(builder.build(), encoder, exclude_own_id=True, resamples=0, **options)
    # The best English document is the query itself, the next one is unrelated, then comes the answer, its copy.
    values = {name: evaluation.per_query[name].tolist() for name in ("LangShare(lang=en)@1", "RR")}
    assert values == {"LangShare(lang=en)@1": [1.0], "RR": [0.5]}
