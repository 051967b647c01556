"""Calibration by abstention: the formula against loops, the settings against evaluations, and what is refused."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import clinometer as cm
from clinometer.errors import MeasureError, UsageError
from clinometer.measures.abstention import confidences, nauc
from clinometer.scorers import MatrixScorer, RunScorer

levels = st.integers(0, 4).map(lambda level: level / 4)


def curve(confidence: list[float], values: list[float]) -> list[float]:
    """Mean values of the queries that are left, by taking the least confident query away one at a time."""
    means = []
    for tenths in range(10):
        rate = np.linspace(0, 1, 11)[tenths]
        left = list(range(len(values)))
        for _ in range(min(round(rate * len(values)), len(values) - 1)):
            left.remove(min(left, key=lambda query: (confidence[query], query)))
        means.append(sum(values[query] for query in left) / len(left))
    return means


@settings(max_examples=80)
@given(pairs=st.lists(st.tuples(levels, levels), min_size=1, max_size=25))
def test_the_area_is_that_between_the_curves(pairs: list[tuple[float, float]]) -> None:
    confidence, values = (list(column) for column in zip(*pairs, strict=True))
    area = nauc(confidence, values)
    curves = [curve(order, values) for order in (confidence, values)]
    areas = [sum(0.05 * (one + next_one) for one, next_one in pairwise(means)) for means in curves]
    flat = 0.9 * sum(values) / len(values)
    if areas[1] - flat < 1e-9:
        assert np.isnan(area) or len(set(values)) > 1
        return
    assert area == pytest.approx((areas[0] - flat) / (areas[1] - flat), abs=1e-9)
    assert area <= 1 + 1e-9


def test_an_oracle_chance_and_the_reverse() -> None:
    values = np.random.default_rng(0).random(4000)
    assert nauc(values, values) == pytest.approx(1)
    assert nauc(-values, values) < -0.9
    assert nauc(np.random.default_rng(1).random(4000), values) == pytest.approx(0, abs=0.05)
    assert np.isnan(nauc(values, np.ones(4000)))
    assert np.isnan(nauc([], []))


def test_statistics_of_the_scores() -> None:
    scores = np.array([[3.0, 2.0, 2.0], [1.0, np.nan, np.nan], [np.nan] * 3])
    statistics = confidences(scores)
    np.testing.assert_allclose(statistics["max"], [3, 1, np.nan])
    np.testing.assert_allclose(statistics["std"], [np.sqrt(2) / 3, 0.0, np.nan])
    np.testing.assert_allclose(statistics["diff1"], [1, 0, np.nan])


@pytest.mark.parametrize("measure", ["nDCG@10", "MaxR"])
def test_every_setting_is_measured(measure: str) -> None:
    collection = cm.load("demo", languages=["en", "de"])
    scores = np.random.default_rng(2).random((len(collection.queries), len(collection.documents)))
    matrix = MatrixScorer(scores)
    evaluation = cm.evaluate(collection, matrix, measures=[measure], resamples=0)
    rows = cm.abstention(collection, matrix, measures=[measure], depth=20)
    table = evaluation.per_query
    languages = np.array(collection.documents.languages)
    assert {(row["scenario"], row["query_language"]) for row in rows} == {
        (scenario, language)
        for scenario in ("mono-same", "mono-cross", "multi", "one-sided", "multilingual")
        for language in ("en", "de")
    }
    for row in rows:
        pool = "+".join(row["pool_languages"])
        of_setting = (table["scenario"] == row["scenario"]) & (table["query_language"] == row["query_language"])
        of_setting &= table["pool_languages"] == pool
        values = table[measure][of_setting]
        assert row["queries"] == len(values)
        if row["scenario"] == "one-sided":  # whose pools differ by query
            continue
        queries = [collection.queries.ids.index(query) for query in table["query_id"][of_setting].tolist()]
        lists = -np.sort(-scores[queries][:, np.isin(languages, row["pool_languages"])], axis=1)[:, :20]
        confidence = {"max": lists[:, 0], "std": lists.std(axis=1), "diff1": lists[:, 0] - lists[:, 1]}
        expected = nauc(confidence[row["confidence"]], values if measure == "nDCG@10" else -values)
        assert row["nauc"] == pytest.approx(expected), row


def test_queries_without_a_list_have_no_confidence() -> None:
    collection = cm.load("demo", languages=["en", "de"])
    ids = collection.queries.ids
    run = {query: {collection.documents.ids[row % 7]: 1.0 + row} for row, query in enumerate(ids) if row % 3}
    rows = cm.abstention(collection, RunScorer(run), scenarios=["multilingual"], measures=["RR"])
    assert sum(row["queries"] for row in rows) == 3 * len(run)


def test_what_cannot_be_used_is_refused() -> None:
    for arguments in (([0.1], [0.1, 0.2]), ([[0.1]], [[0.2]])):
        with pytest.raises(UsageError, match="give one of each for every query"):
            nauc(*arguments)
    with pytest.raises(UsageError, match="a confidence or a value is NaN"):
        nauc([0.1, np.nan], [0.1, 0.2])
    with pytest.raises(UsageError, match="must be one row of scores for each ranking"):
        confidences(np.zeros(3))
    wrong: Any
    for wrong in (0, True, 2.5):
        with pytest.raises(UsageError, match=r"depth is .*, but must be (a whole number|1 or more)"):
            cm.abstention("demo", depth=wrong)
    with pytest.raises(MeasureError, match="LPR cannot say how well a query is answered"):
        cm.abstention("demo", measures=["LPR"])
