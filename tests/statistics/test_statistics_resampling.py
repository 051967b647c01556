"""Means and bootstrap intervals: against a second computation of the draws, SciPy, and theory."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray
from scipy.stats import bootstrap
from support.brute_force import collection_of

import clinometer as cm
from clinometer import _core
from clinometer.encoders import PrecomputedEncoder
from clinometer.statistics.resampling import BootstrapMeans, Resamples, question_rows

MASK = (1 << 64) - 1


def mixed(state: int) -> int:
    """The SplitMix64 finalizer."""
    z = (state + 0x9E3779B97F4A7C15) & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def drawn_rows(rows: int, resample: int, seed: int) -> list[int]:
    """Rows of one resample: draw i is made from nothing but (seed, resample, i)."""
    return [(mixed((mixed((mixed(seed) + resample) & MASK) + i) & MASK) * rows) >> 64 for i in range(rows)]


def tables(columns: int) -> st.SearchStrategy[list[list[float]]]:
    row = st.lists(st.sampled_from([0.0, 1.0, -2.5, 7.25, np.nan]), min_size=columns, max_size=columns)
    return st.lists(row, min_size=1, max_size=9)


@settings(max_examples=30)
@given(values=st.integers(1, 12).flatmap(tables), seed=st.integers(0, MASK), threads=st.integers(1, 3))
def test_resampled_means_are_means_of_the_drawn_rows(values: list[list[float]], seed: int, threads: int) -> None:
    table = np.array(values)
    found = _core.bootstrap_means(table, resamples=5, seed=seed, threads=threads)
    for resample in range(5):
        rows = table[drawn_rows(len(table), resample, seed)]
        known = ~np.isnan(rows)
        sums, weights = np.where(known, rows, 0).sum(axis=0), known.sum(axis=0)
        wanted = np.divide(sums, weights, out=np.full(table.shape[1], np.nan), where=weights > 0)
        assert_allclose(found[resample], wanted, rtol=1e-12, atol=1e-12)


def test_threads_never_show_and_seeds_do() -> None:
    values = np.random.default_rng(1).normal(size=(40, 7))
    values[::5, 2] = np.nan
    wanted = _core.bootstrap_means(values, resamples=100, seed=3, threads=1)
    for threads in (0, 2, 3, 200):
        assert _core.bootstrap_means(values, resamples=100, seed=3, threads=threads).tobytes() == wanted.tobytes()
    assert not np.array_equal(_core.bootstrap_means(values, resamples=100, seed=4, threads=1), wanted)
    # More resamples go on where fewer ended.
    assert_array_equal(_core.bootstrap_means(values, resamples=20, seed=3, threads=1), wanted[:20])


def sampled(values: Any, **options: Any) -> BootstrapMeans:
    return BootstrapMeans.of(np.asarray(values, dtype=np.float64), Resamples(**({"resamples": 2000} | options)))


@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_intervals_are_those_of_scipy_and_of_theory(confidence: float) -> None:
    values = np.random.default_rng(2).exponential(size=300)
    found = sampled(values[:, None], confidence=confidence, resamples=4000).mean([0])
    other = bootstrap(
        (values,), np.mean, n_resamples=4000, confidence_level=confidence, method="percentile",
        rng=np.random.default_rng(3),
    ).confidence_interval  # fmt: skip
    assert found.value == pytest.approx(values.mean())
    # The Monte Carlo error of a 2.5 % quantile of 4,000 draws is about 4 % of the interval's half-width.
    half = (other.high - other.low) / 2
    assert abs(found.low - other.low) < 0.15 * half
    assert abs(found.high - other.high) < 0.15 * half
    normal = {0.8: 1.2816, 0.95: 1.96}[confidence] * values.std() / np.sqrt(300)
    assert found.high - found.low == pytest.approx(2 * normal, rel=0.1)


def test_the_interval_narrows_with_confidence() -> None:
    values = np.random.default_rng(4).normal(size=(50, 1))
    estimates = [sampled(values, confidence=confidence).mean([0]) for confidence in (0.5, 0.9, 0.99)]
    lows, highs = [one.low for one in estimates], [one.high for one in estimates]
    assert lows == sorted(lows, reverse=True)
    assert highs == sorted(highs)
    assert len({*lows, *highs}) == 6


def test_columns_are_drawn_together() -> None:
    """Two columns that differ by nearly a constant: their distance is certain, however much each one scatters."""
    values, noise = np.random.default_rng(5).normal(size=(2, 50))
    both = sampled(np.stack([values, values + 3 + 1e-4 * noise], axis=1))
    assert both.mean([0]).high - both.mean([0]).low > 0.3
    distance = both.distance([(0, 1)])
    assert (distance.value, distance.low, distance.high) == pytest.approx((3, 3, 3), abs=1e-4)
    opposite = sampled(np.stack([values, 1e-4 * noise - values], axis=1)).mean([0, 1])
    assert (opposite.low, opposite.high) == pytest.approx((0, 0), abs=1e-4)


def test_a_distance_is_absolute() -> None:
    values = sampled([[1, 4], [2, 4], [2, 5], [1, 3.5]])
    assert values.distance([(0, 1)]) == values.distance([(1, 0)])
    assert values.distance([(0, 1)]).value == 2.625
    # Differences 3, 2, 3, 2.5: Student's t of three degrees of freedom is 3.1824.
    half = 3.1824 * np.std([3, 2, 3, 2.5], ddof=1) / 2
    assert values.distance([(0, 1)]).low <= 2.625 - half + 1e-4
    near_zero = sampled([[1, 2], [2, 1.5], [3, 2], [2, 2.2]]).distance([(0, 1)])
    assert near_zero.low == 0 < near_zero.value < near_zero.high


def test_the_mean_of_distances_is_too_large_by_chance() -> None:
    """Of ten differences whose true values are 0, the mean distance is not near 0, but its lower end is."""
    hits = 0
    for seed in range(60):
        values = np.random.default_rng(seed).normal(size=(80, 20))
        distance = sampled(values, resamples=200).distance([(2 * pair, 2 * pair + 1) for pair in range(10)])
        assert distance.value > 0.03
        hits += distance.low == 0
    assert hits > 54


def test_rows_without_a_value_leave_the_mean_alone() -> None:
    table = sampled([[1, np.nan, np.nan, 7], [3, 5, np.nan, 6], [5, np.nan, np.nan, np.nan], [3, np.nan, np.nan, 8]])
    assert table.mean([0]).value == 3
    assert table.mean([0]) == sampled([[1], [3], [5], [3]]).mean([0])
    assert table.mean([3]) == sampled([[7], [6], [8]]).mean([0])
    # One value does not show how much others differ, nor does a macro average with it.
    for columns, value in (([1], 5), ([0, 1], 4)):
        estimate = table.mean(columns)
        assert estimate.value == value
        assert np.isnan([estimate.low, estimate.high]).all()
    assert np.isnan([table.mean([2]).value, table.mean([2]).low, table.mean([2]).high]).all()
    assert np.isnan(table.mean([0, 2]).value)
    macro = table.mean([0, 3])
    assert macro.low < macro.value == 5 < macro.high


def test_no_resamples_no_intervals() -> None:
    table = sampled([[1.0, 4.0], [3.0, 4.0]], resamples=0)
    for estimate, value in ((table.mean([0]), 2), (table.mean([0, 1]), 3), (table.distance([(0, 1)]), 2)):
        assert estimate.value == value
        assert np.isnan([estimate.low, estimate.high]).all()


def test_question_rows() -> None:
    groups = ["a", "b", "a", None, "a", None, "a"]
    languages = ["en", "en", "de", "de", "en", "en", "de"]
    # The fifth is a second English query of group a; the seventh a second German one: they are paired, too.
    assert question_rows(groups, languages, list("1234567")).tolist() == [0, 1, 0, 2, 3, 4, 3]


def test_a_group_may_have_the_name_of_a_query() -> None:
    assert question_rows(["1", None], ["en", "de"], ["0", "1"]).tolist() == [0, 1]


@given(st.lists(st.tuples(st.sampled_from(["a", "b", None]), st.sampled_from(["en", "de"])), max_size=12))
def test_no_two_queries_of_a_language_share_a_row(drawn: list[tuple[str | None, str]]) -> None:
    groups, languages = [group for group, _ in drawn], [label for _, label in drawn]
    rows = question_rows(groups, languages, [str(number) for number in range(len(drawn))]).tolist()
    assert len(set(zip(rows, languages, strict=True))) == len(drawn)
    assert set(rows) == set(range(len(set(rows))))


def gap_of(groups: bool) -> dict[str, Any]:
    """Questions of very different difficulty, each equally difficult in both languages."""
    topics = 24
    documents = [(f"{label}{topic}", f"{topic} {label}", label) for topic in range(topics) for label in ("en", "de")]
    queries = [(f"q-{label}{topic}", label) for topic in range(topics) for label in ("en", "de")]
    judged = {
        (f"q-{asked}{t}", f"{label}{t}"): 1 for t in range(topics) for asked in ("en", "de") for label in ("en", "de")
    }
    same_question = {f"q-{label}{topic}": f"t{topic}" for topic in range(topics) for label in ("en", "de")}
    collection = collection_of(documents, queries, judged, same_question if groups else None)
    angles = np.linspace(0, 1.2, 2 * topics)
    rows: NDArray[Any] = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    asked = np.repeat(np.array([[1.0, 0.0]]), 2 * topics, axis=0)
    encoder = PrecomputedEncoder(asked.astype(np.float32), rows.astype(np.float32))
    found = cm.evaluate(
        collection, encoder, scenarios=["multi"], measures=["MaxR", "LanguageGap(MaxR)"], resamples=500,
        resample="question",
    )  # fmt: skip
    return {row["measure"]: row for row in found.rows if row["query_language"] == "de"}


def test_translations_of_a_question_are_drawn_together() -> None:
    together, apart = gap_of(groups=True), gap_of(groups=False)
    assert together["MaxR"]["ci_high"] - together["MaxR"]["ci_low"] > 8
    gap = together["LanguageGap(MaxR)"]
    # The difference is 0 for every question, and no scatter shows how much other questions could differ.
    assert (gap["value"], gap["ci_low"], gap["ci_high"]) == (pytest.approx(0, abs=1e-9), None, None)
    # Drawn apart, the same two means would seem to differ by chance.
    assert apart["LanguageGap(MaxR)"]["ci_high"] > 4
