"""Intervals of means: textbook formulas for independent values, coverage by simulation, ranges, clusters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from numpy.typing import NDArray
from scipy.stats import norm, t

from clinometer.errors import UsageError
from clinometer.statistics.resampling import BootstrapMeans, Estimate, Range, Resamples
from clinometer.statistics.significance import bootstrap_difference, permutation_test

Values = NDArray[np.float64]
SHARE: Range = (0.0, 1.0)
DIFFERENCE: Range = (-1.0, 1.0)
UNBOUNDED: Range = (-np.inf, np.inf)


def means(values: Any, *, range: Range | None = None, clusters: Any = None, **options: Any) -> BootstrapMeans:
    table = np.asarray(values, dtype=np.float64)
    table = table[:, None] if table.ndim == 1 else table
    ranges = None if range is None else [range] * table.shape[1]
    numbers = None if clusters is None else np.asarray(clusters)
    return BootstrapMeans.of(table, Resamples(**options), numbers, ranges)


def one(values: Any, **options: Any) -> Estimate:
    return means(values, **options).plain()[0]


@pytest.mark.parametrize(("hits", "size"), [(0, 20), (1, 20), (2, 20), (20, 20), (19, 20), (7, 50), (3, 300)])
def test_independent_shares_have_the_interval_of_agresti_and_coull(hits: int, size: int) -> None:
    """Its centre is Wilson's; it never is shorter than Wilson's, and at 0 or 100 % it is not a point."""
    z = norm.ppf(0.975)
    centre = (hits + z * z / 2) / (size + z * z)
    half = z * np.sqrt(centre * (1 - centre) / (size + z * z))
    estimate = one([1.0] * hits + [0.0] * (size - hits))
    assert (estimate.low, estimate.high) == pytest.approx((max(centre - half, 0), min(centre + half, 1)))
    assert estimate.high - estimate.low > 1 / size
    wilson = z / (1 + z * z / size) * np.sqrt(hits / size * (1 - hits / size) / size + z * z / 4 / size**2)
    middle = (hits / size + z * z / 2 / size) / (1 + z * z / size)
    assert middle == pytest.approx(centre)
    assert estimate.low <= max(middle - wilson, 0) + 1e-12
    assert estimate.high >= min(middle + wilson, 1) - 1e-12


def test_shares_of_clusters_take_their_effective_number() -> None:
    """Each value five times in its cluster: as much as once, but with Student's t for the estimated variance."""
    values = np.array([1, 0, 0, 1, 0, 0, 0, 1, 0, 0], dtype=np.float64)
    repeated = one(np.repeat(values, 5), range=SHARE, clusters=np.repeat(np.arange(10), 5))
    quantile = t.ppf(0.975, 9)
    centre = (3 + quantile**2 / 2) / (10 + quantile**2)
    half = quantile * np.sqrt(centre * (1 - centre) / (10 + quantile**2))
    assert (repeated.low, repeated.high) == pytest.approx((max(centre - half, 0), centre + half))
    alone = one(np.repeat(values, 5), range=SHARE)
    assert alone.high - alone.low < 0.6 * (repeated.high - repeated.low)


def test_differences_of_shares_have_the_interval_of_bonett_and_price() -> None:
    differences = np.array([1] * 6 + [-1] * 2 + [0] * 22, dtype=np.float64)
    estimate = one(differences, range=DIFFERENCE)
    up, down, quantile = 7 / 32, 3 / 32, t.ppf(0.975, 29)
    half = quantile * np.sqrt((up + down - (up - down) ** 2) / 32)
    assert (estimate.low, estimate.high) == pytest.approx((up - down - half, up - down + half))


def test_means_of_normal_values_are_near_students_interval() -> None:
    values = np.random.default_rng(1).normal(size=400)
    estimate = one(values)
    half = t.ppf(0.975, 399) * values.std(ddof=1) / 20
    assert estimate.low <= values.mean() - half + 1e-12
    assert estimate.high >= values.mean() + half - 1e-12
    assert estimate.high - estimate.low < 2.1 * half


def test_halls_interval_reaches_further_where_the_tail_is() -> None:
    values = np.random.default_rng(2).lognormal(size=60)
    estimate = one(values)
    g = ((values - values.mean()) ** 3).mean() / values.std() ** 3 * np.sqrt(60 * 59) / 58
    kurtosis = ((values - values.mean()) ** 4).mean() / values.var() ** 2
    x = t.ppf(0.975, 120 / (kurtosis - 1)) / np.sqrt(60)
    inverse = 3 / g * (np.cbrt(1 + g * (-x - g / 360)) - 1)
    assert estimate.high == pytest.approx(values.mean() - values.std(ddof=1) * inverse, rel=1e-6)
    assert estimate.high - estimate.value > 1.2 * (estimate.value - estimate.low)


def held(draw: Callable[[np.random.Generator], Values], truth: float, samples: int = 600, **options: Any) -> float:
    """Coverage: `draw` gives the rows of one sample; samples are columns."""
    rng = np.random.default_rng(11)
    table = np.stack([draw(rng) for _ in range(samples)], axis=1)
    return float(np.mean([estimate.low <= truth <= estimate.high for estimate in means(table, **options).plain()]))


def passages(count: int, correlation: float) -> Callable[[np.random.Generator], Values]:
    def draw(rng: np.random.Generator) -> Values:
        common, own = rng.normal(size=(count, 1)), rng.normal(size=(count, 5))
        return np.asarray(np.sqrt(correlation) * common + np.sqrt(1 - correlation) * own).ravel()

    return draw


@pytest.mark.parametrize("size", [20, 60])
@pytest.mark.parametrize(
    ("draw", "truth", "range"),
    [
        (lambda rng, n: rng.normal(size=n), 0.0, UNBOUNDED),
        (lambda rng, n: rng.exponential(size=n), 1.0, UNBOUNDED),
        (lambda rng, n: rng.lognormal(size=n), np.exp(0.5), UNBOUNDED),
        (lambda rng, n: rng.random(n) < 0.1, 0.1, SHARE),
        (lambda rng, n: rng.random(n) < 0.02, 0.02, SHARE),
        (lambda rng, n: np.where(rng.random(n) < 0.9, 1.0, rng.beta(2, 2, n)), 0.95, SHARE),
        (lambda rng, n: (u := rng.random(n), (u < 0.15) * 1.0 - (u > 0.95))[1], 0.1, DIFFERENCE),
    ],
)
def test_intervals_hold_the_truth_at_small_sizes(draw: Any, truth: float, range: Range, size: int) -> None:
    # 600 samples: the standard error of .95 is .009. The percentile bootstrap has .86 to .9 for most of these.
    assert held(lambda rng: np.asarray(draw(rng, size), dtype=np.float64), truth, range=range) > 0.92


def test_intervals_over_clusters_hold_the_truth_and_those_over_questions_do_not() -> None:
    numbers = np.repeat(np.arange(60), 5)
    over_clusters = held(passages(60, 0.5), 0.0, clusters=numbers)
    over_questions = held(passages(60, 0.5), 0.0, clusters=numbers, unit="question")
    assert 0.92 < over_clusters < 0.98
    assert over_questions < 0.82


tables = st.integers(2, 12).flatmap(
    lambda rows: st.lists(
        st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0, np.nan]), min_size=3, max_size=3), min_size=rows, max_size=rows
    )
)


@settings(max_examples=60)
@given(values=tables, range=st.sampled_from([SHARE, DIFFERENCE, (0.0, np.inf), UNBOUNDED]), data=st.data())
def test_ends_surround_the_value_within_the_range_and_ignore_order_and_threads(
    values: list[list[float]], range: Range, data: st.DataObject
) -> None:
    clusters = np.array(data.draw(st.lists(st.integers(0, 3), min_size=len(values), max_size=len(values))))
    table = np.array(values)
    first = means(table, range=range, clusters=clusters, resamples=20, threads=1)
    for estimate in (*first.plain(), first.mean([0, 1]), first.mean([0, 1, 2]), first.mean([2])):
        if np.isnan(estimate.low):
            assert np.isnan(estimate.high)
        else:
            assert range[0] <= estimate.low <= estimate.value + 1e-12
            assert estimate.value - 1e-12 <= estimate.high <= range[1]
    pairs = [(0, 1), (1, 2)]
    distance = first.distance(pairs)
    assert np.isnan(distance.low) or 0 <= distance.low <= distance.value + 1e-12 <= distance.high + 2e-12
    order = np.array(data.draw(st.permutations(np.arange(len(values)).tolist())))
    shuffled = means(table[order], range=range, clusters=clusters[order], resamples=20).plain()
    assert_allclose([(e.low, e.high) for e in shuffled], [(e.low, e.high) for e in first.plain()], atol=1e-9)
    again = means(table, range=range, clusters=clusters, resamples=20, threads=3)
    assert repr(again.plain()) == repr(first.plain())
    assert repr(again.distance(pairs)) == repr(distance)


def test_every_query_its_own_cluster_is_the_mode_of_questions() -> None:
    rng = np.random.default_rng(3)
    values = rng.normal(size=(30, 4))
    values[rng.random((30, 4)) < 0.2] = np.nan
    own = means(values, clusters=rng.permutation(30), resamples=50)
    alone = means(values, clusters=np.zeros(30, dtype=np.int64), resamples=50, unit="question")
    for first, second in zip(own.plain(), alone.plain(), strict=True):
        assert_allclose([first.low, first.high], [second.low, second.high], rtol=1e-12)
    before, after = rng.normal(size=(2, 30))
    options = Resamples(500, unit="question")
    clustered = permutation_test(before, after, options, np.zeros(30, dtype=np.int64))
    assert clustered == permutation_test(before, after, options)


def test_all_in_one_cluster_have_no_interval() -> None:
    values = np.random.default_rng(4).normal(size=(20, 3))
    table = means(values, clusters=np.zeros(20, dtype=np.int64), resamples=50)
    for estimate in (*table.plain(), table.mean([0, 1]), table.distance([(0, 1)]), table.distance([(0, 1), (1, 2)])):
        assert not np.isnan(estimate.value)
        assert np.isnan([estimate.low, estimate.high]).all()


def test_one_column_and_many_columns_have_the_same_intervals() -> None:
    values = np.random.default_rng(5).lognormal(size=(40, 5))
    table = means(values)
    for column, estimate in enumerate(table.plain()):
        alone, mean = one(values[:, column]), table.mean([column])
        assert (estimate.low, estimate.high) == pytest.approx((alone.low, alone.high), rel=1e-12)
        assert (estimate.low, estimate.high) == pytest.approx((mean.low, mean.high), rel=1e-12)


def test_values_outside_their_range_count_as_unbounded() -> None:
    values = [0.2, 0.9, 1.3, 0.4, 0.8]
    assert one(values, range=SHARE) == one(values, range=UNBOUNDED)
    # A last bit too many is rounding.
    rounded = one([100.00000000000001, 100, 100], range=(0.0, 100.0))
    assert rounded.low < 90
    assert rounded.high == 100


def test_signs_are_those_of_clusters() -> None:
    """Twelve equal differences are certain if they are independent, and a coin's throw if they are two clusters."""
    before, after = np.zeros(12), np.ones(12)
    clusters = np.repeat([5, 2], 6)
    assert permutation_test(before, after, Resamples(4000))[0] < 0.01
    assert permutation_test(before, after, Resamples(4000), clusters)[0] == pytest.approx(0.5, abs=0.03)
    narrow = bootstrap_difference(before, after + np.arange(12) / 100)
    wide = bootstrap_difference(before, after + np.arange(12) / 100, clusters=clusters)
    assert wide.high[0] - wide.low[0] > narrow.high[0] - narrow.low[0]


def test_clusters_must_fit_the_queries() -> None:
    unfit: list[NDArray[Any]] = [np.zeros(3, dtype=np.int64), np.zeros(4)]
    for clusters in unfit:
        with pytest.raises(UsageError, match="give one whole number for each of the 4 queries"):
            permutation_test(np.zeros(4), np.ones(4), Resamples(10), clusters)
    with pytest.raises(UsageError, match="resample is 'passage', but must be cluster or question"):
        Resamples(unit="passage")  # type: ignore[arg-type]
