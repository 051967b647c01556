"""The measures of MLAIRE from embeddings to the rows: every pool is sorted as a whole."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from support.brute_force import Pool as Judged
from support.brute_force import columns, embeddings, ordered, pools_of, random_collection, scores_of
from support.languages import LANGUAGES
from support.mlaire_readings import NAMED, PARTS, named_readings
from support.ranking_reference import Pool

import clinometer as cm
from clinometer import Collection
from clinometer.encoders import PrecomputedEncoder
from clinometer.errors import MeasureError
from clinometer.scanning.counts import TieMode
from clinometer.scenarios import settings_of


def evaluated(collection: Collection, seed: int, tied: bool, ties: TieMode) -> tuple[cm.Evaluation, NDArray[Any]]:
    rows = embeddings(seed, len(collection.documents), 3 if tied else 6, tied)
    asked = embeddings(seed + 1, len(collection.queries), rows.shape[1], tied)
    encoder = PrecomputedEncoder(asked, rows)
    evaluation = cm.evaluate(collection, encoder, measures=NAMED, ties=ties, resamples=0)
    return evaluation, scores_of(asked, rows)


def as_pool(pool: Judged, scores: NDArray[Any], collection: Collection, order: NDArray[np.int64]) -> Pool:
    """The pool with its documents in tie order, for the readings."""
    inside = set(pool.documents)
    rows = [row for row in order.tolist() if row in inside]
    labels = collection.documents.languages
    return Pool(
        [float(scores[pool.query, row]) for row in rows],
        [pool.grades.get(row, 0) for row in rows],
        [LANGUAGES.index(labels[row]) for row in rows],
        [place for place, row in enumerate(rows) if row in pool.related and row not in pool.grades],
    )


@settings(max_examples=40)
@given(
    seed=st.integers(0, 1 << 20),
    tied=st.booleans(),
    ties=st.sampled_from(["index", "trec", "optimistic", "pessimistic"]),
)
def test_evaluations_equal_full_sorts(seed: int, tied: bool, ties: TieMode) -> None:
    collection = random_collection(seed)
    evaluation, scores = evaluated(collection, seed, tied, ties)
    ids = collection.documents.ids
    tie_order = ordered(np.zeros(len(ids), dtype=np.float32), "trec" if ties == "trec" else "index", ids)
    for setting in settings_of(["multi", "one-sided", "multilingual"], collection.languages, "en", "pivot"):
        for name, reading in named_readings(LANGUAGES.index(setting.query_language)).items():
            found = columns(evaluation, setting, name)
            for judged in pools_of(collection, setting):
                pool = as_pool(judged, scores, collection, tie_order)
                # The documents are in tie order already.
                (order,) = pool.orders("index" if ties == "trec" else ties)
                query = collection.queries.ids[judged.query]
                assert found[query] == pytest.approx(reading(pool, order), nan_ok=True), (name, setting, query)


@settings(max_examples=30)
@given(seed=st.integers(0, 1 << 20), tied=st.booleans())
def test_expected_tops_are_shares_of_those_that_tie_for_the_first_place(seed: int, tied: bool) -> None:
    collection = random_collection(seed)
    evaluation, scores = evaluated(collection, seed, tied, "expected")
    labels = collection.documents.languages
    for setting in settings_of(["multi", "one-sided", "multilingual"], collection.languages, "en", "pivot"):
        found = {name: columns(evaluation, setting, name) for name in NAMED}
        for judged in pools_of(collection, setting):
            highest = max(scores[judged.query, row] for row in judged.documents)
            tops = [row for row in judged.documents if scores[judged.query, row] == highest]
            kinds = [
                ("SR-" if row in judged.grades else "NSR-") + ("QL" if labels[row] == setting.query_language else "NQL")
                for row in tops
            ]
            query = collection.queries.ids[judged.query]
            for part in PARTS:
                assert found[f"FourWay({part})"][query] == pytest.approx(100 * kinds.count(part) / len(tops))
            own = kinds.count("SR-QL") + kinds.count("NSR-QL")
            assert found["LPR(variant=any)"][query] == pytest.approx(100 * own / len(tops))


def test_more_ties_for_the_first_place_than_lists_hold_are_refused() -> None:
    builder = cm.CollectionBuilder("made")
    for language in ("en", "de"):
        builder.add_document(f"answer-{language}", f"answer {language}", language)
        for number in range(40):
            builder.add_document(f"other-{language}-{number}", f"other {language} {number}", language)
    builder.add_query("q", "what?", "de")
    for language in ("en", "de"):
        builder.judge("q", f"answer-{language}", 1)
    collection = builder.build()
    rows = np.array([[0.0, 1.0] if name.startswith("answer") else [1.0, 0.0] for name in collection.documents.ids])
    encoder = PrecomputedEncoder(np.array([[1.0, 0.1]], np.float32), rows.astype(np.float32))
    options: dict[str, Any] = {"scenarios": ["multi"], "resamples": 0}
    with pytest.raises(
        MeasureError, match=r"multi, pool en\+de: for 1 queries 33 or more documents of one language tie"
    ):
        cm.evaluate(collection, encoder, measures=["FourWay(NSR-QL)"], ties="expected", **options)
    # Enough is known of these, and in the order of the collection the English ones come first.
    found = cm.evaluate(collection, encoder, measures=["FourWay(SR-QL)", "LPR"], ties="expected", **options)
    assert [row["value"] for row in found.rows] == [0.0, 50.0]
    found = cm.evaluate(collection, encoder, measures=["FourWay(NSR-NQL)", "LPR(variant=any)"], **options)
    assert [row["value"] for row in found.rows] == [100.0, 0.0]


def test_an_unrelated_document_behind_tied_answers_can_be_on_top() -> None:
    """Pessimistic: the answer is the first of its language in the lists, and yet comes last of the tied ones."""
    builder = cm.CollectionBuilder("made")
    vectors = []
    for name, language, height in [("a-en", "en", 1.0), ("b-en", "en", 1.0), ("a-de", "de", 0.5), ("b-de", "de", 0.9)]:
        builder.add_document(name, f"text {name}", language)
        vectors.append([height, (1 - height**2) ** 0.5])
    builder.add_query("q", "what?", "en")
    builder.judge("q", "a-en", 1)
    builder.judge("q", "a-de", 1)
    encoder = PrecomputedEncoder(np.array([[1.0, 0.0]], np.float32), np.array(vectors, np.float32))
    for ties, wanted in (("index", 0.0), ("pessimistic", 100.0), ("optimistic", 0.0), ("expected", 50.0)):
        options: dict[str, Any] = {"scenarios": ["multilingual"], "ties": ties, "resamples": 0}
        found = cm.evaluate(builder.build(), encoder, measures=["FourWay(NSR-QL)"], **options)
        assert [row["value"] for row in found.rows] == [wanted]
