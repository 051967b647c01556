"""Error analysis beside full sorts of every pool."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from support.brute_force import embeddings, ordered, pools_of, random_collection, scores_of

import clinometer as cm
from clinometer.encoders import PrecomputedEncoder
from clinometer.scenarios import settings_of


def encoder_for(collection: cm.Collection, seed: int, tied: bool) -> PrecomputedEncoder:
    return PrecomputedEncoder(
        embeddings(seed, len(collection.queries), 4, tied), embeddings(seed + 1, len(collection.documents), 4, tied)
    )


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("ties", ["index", "trec"])
@pytest.mark.parametrize("tied", [False, True])
def test_ranks_counts_and_first_documents_are_those_of_a_full_sort(seed: int, ties: Any, tied: bool) -> None:
    collection = random_collection(seed)
    encoder = encoder_for(collection, seed, tied)
    analysis = cm.analyse(collection, encoder, scenarios=["multi", "one-sided", "multilingual"], pairs="all",
                          worst=100, shown=2, ties=ties, resamples=0)  # fmt: skip
    texts, queries = collection.documents, collection.queries
    scores = scores_of(encoder.encode_queries(queries.texts), encoder.encode_documents(texts.texts))
    expected: dict[tuple[str, str, str], dict[tuple[str, ...], list[Any]]] = {}
    lines: dict[tuple[str, ...], list[bool]] = {}
    for setting in settings_of(["multi", "one-sided", "multilingual"], collection.languages, "en", "all"):
        for pool in pools_of(collection, setting):
            names = [texts.ids[row] for row in pool.documents]
            order = [pool.documents[i] for i in ordered(scores[pool.query, pool.documents], ties, names)]
            own = [row for row in order if row in pool.grades and texts.languages[row] == setting.query_language]
            if not own:
                continue
            rank = 1 + order.index(own[0])
            lines.setdefault((setting.scenario, setting.query_language, *setting.pool), []).append(rank == 1)
            above = [row for row in order[: rank - 1] if row not in pool.related]
            if not above:
                continue
            counts = {label: sum(texts.languages[row] == label for row in above) for label in setting.pool}
            key = (setting.scenario, setting.query_language, queries.ids[pool.query])
            expected.setdefault(key, {})[setting.pool] = [
                rank,
                max(1 + order.index(row) for row in pool.grades),
                {label: count for label, count in counts.items() if count},
                texts.ids[own[0]],
                [texts.ids[row] for row in order[: min(2, rank - 1)]],
            ]
    seen: dict[tuple[str, str], list[int]] = {}
    for example in analysis.examples:
        pools = expected.pop((example["scenario"], example["query_language"], example["query_id"]))
        assert [
            example["rank"], example["max_rank"], example["above"], example["answer"]["id"],
            [document["id"] for document in example["first"]],
        ] == pools[tuple(example["pool_languages"])]  # fmt: skip
        # Of several pools the one that hurts most, and of several queries those that are hurt most come first.
        hurt = sum(example["above"].values())
        assert hurt == max(sum(found[2].values()) for found in pools.values())
        seen.setdefault((example["scenario"], example["query_language"]), []).append(hurt)
        for document in example["first"]:
            assert document["margin"] == pytest.approx(document["score"] - example["answer"]["score"])
            assert document["margin"] >= 0
    assert expected == {}
    assert all(counts == sorted(counts, reverse=True) for counts in seen.values())
    rows = [row for row in analysis.rows if row["category"] == "answer"]
    assert {(r["scenario"], r["query_language"], *r["pool_languages"]): (r["queries"], r["of"]) for r in rows} == {
        key: (sum(first), len(first)) for key, first in lines.items()
    }


def test_the_worst_are_the_first_of_all() -> None:
    collection = random_collection(3)
    encoder = encoder_for(collection, 9, False)
    every = cm.analyse(collection, encoder, worst=100).examples
    for worst in (1, 2):
        some = cm.analyse(collection, encoder, worst=worst).examples
        keys = {(example["scenario"], example["query_language"]) for example in every}
        for key in keys:
            mine, all_of_them = (
                [e for e in found if (e["scenario"], e["query_language"]) == key] for found in (some, every)
            )
            assert mine == all_of_them[:worst]
    assert cm.analyse(collection, encoder, worst=0).examples == []


def test_shares_add_up_and_lie_in_their_intervals() -> None:
    collection = random_collection(11)
    analysis = cm.analyse(collection, encoder_for(collection, 1, False), resamples=200, resample="question")
    settings = {(r["scenario"], r["query_language"], *r["pool_languages"]) for r in analysis.rows}
    for key in settings:
        rows = [r for r in analysis.rows if (r["scenario"], r["query_language"], *r["pool_languages"]) == key]
        assert sum(row["share"] for row in rows) == pytest.approx(1)
        assert sum(row["queries"] for row in rows) == rows[0]["of"]
        for row in rows:
            assert row["share"] == pytest.approx(row["queries"] / row["of"])
            # One question alone has no interval, and there are two of them.
            assert row["ci_low"] is None or 0 <= row["ci_low"] <= row["share"] <= row["ci_high"] <= 1
    assert any(row["ci_low"] is not None for row in analysis.rows)


def test_evaluate_keeps_the_same_analysis_and_the_same_rows() -> None:
    collection = random_collection(4)
    encoder = encoder_for(collection, 5, False)
    names = ["multi", "one-sided"]
    plain = cm.evaluate(collection, encoder, scenarios=names, resamples=50)
    found = cm.evaluate(collection, encoder, scenarios=names, resamples=50, examples=2)
    alone = cm.analyse(collection, encoder, scenarios=names, resamples=50, worst=2)
    assert plain.analysis is None
    assert plain.examples == []
    assert "analysis" not in plain.to_dict()
    assert (found.rows, found.notices) == (plain.rows, plain.notices)
    assert found.analysis == alone
    assert found.examples == alone.examples
    assert cm.evaluate(collection, encoder, scenarios=names, resamples=50, examples=0).examples == []


def test_no_answer_in_the_querys_language_is_no_setting() -> None:
    collection = random_collection(2)
    assert cm.analyse(collection, encoder_for(collection, 2, False), scenarios=["mono-cross"]).rows == []


def test_long_texts_are_cut_in_examples() -> None:
    builder = cm.CollectionBuilder("long")
    for label in ("en", "de"):
        builder.add_document(f"{label}-wrong", f"{label} " + "x" * 5000, label)
        builder.add_document(f"{label}-right", f"{label} right", label)
        builder.add_query(f"q-{label}", "which?", label)
        for other in ("en", "de"):
            builder.judge(f"q-{label}", f"{other}-right") if other == label else None
    rows = np.array([[1, 0], [0.5, 0.8], [0.9, 0.1], [0.4, 0.8]], dtype=np.float32)
    encoder = PrecomputedEncoder(np.array([[1, 0], [1, 0]], dtype=np.float32), rows)
    example = cm.analyse(builder.build(), encoder, scenarios=["one-sided"]).examples[0]
    text = example["first"][0]["text"]
    assert len(text) == 2000
    assert text.endswith("x…")
