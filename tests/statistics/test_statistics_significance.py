"""Paired statistics: SciPy's values on small cases, hand-worked corrections, no trace of threads."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import bootstrap as scipy_bootstrap
from scipy.stats import false_discovery_control, ttest_rel
from scipy.stats import permutation_test as scipy_test

from clinometer.errors import UsageError
from clinometer.statistics.resampling import Resamples
from clinometer.statistics.significance import (
    benjamini_hochberg,
    bootstrap_difference,
    holm,
    paired_effect,
    permutation_test,
)


@pytest.mark.parametrize("seed", range(6))
def test_close_to_the_exact_p_value(seed: int) -> None:
    rng = np.random.default_rng(seed)
    first, second = rng.random((2, 9))
    exact = scipy_test(
        (first, second), lambda x, y, axis: (x - y).mean(axis=axis), permutation_type="samples", vectorized=True
    ).pvalue
    found = permutation_test(first, second, Resamples(40_000))[0]
    assert found == pytest.approx(exact, abs=4 * np.sqrt(0.25 / 40_000))


@pytest.mark.parametrize("seed", range(6))
def test_sums_that_differ_by_rounding_are_equal(seed: int) -> None:
    """Coarse values: many permuted means equal the observed one but for the last bits."""
    tenths = np.random.default_rng(seed).integers(-3, 4, 9)
    signs = np.array(list(product([1, -1], repeat=9)))
    exact = np.mean(np.abs(signs @ tenths) >= abs(tenths.sum()))
    found = permutation_test(tenths / 10, np.zeros(9), Resamples(40_000))[0]
    assert found == pytest.approx(exact, abs=4 * np.sqrt(0.25 / 40_000))


def test_threads_and_columns_do_not_show() -> None:
    rng = np.random.default_rng(1)
    first, second = rng.random((2, 300, 3))
    together = [permutation_test(first, second, Resamples(999, seed=4, threads=n)).tolist() for n in (1, 2, 5)]
    alone = [permutation_test(first[:, c], second[:, c], Resamples(999, seed=4))[0] for c in range(3)]
    assert together == [alone] * 3


def test_undefined_pairs_do_not_count() -> None:
    first, second = [0.3, np.nan, 0.9, 0.4], [0.1, 0.5, np.nan, 0.9]
    assert permutation_test(first, second, Resamples(10_000, seed=2)) == permutation_test(
        [0.3, 0, 0, 0.4], [0.1, 0, 0, 0.9], Resamples(10_000, seed=2)
    )


def test_equal_conditions_are_never_significant() -> None:
    assert permutation_test([0.2, 0.4], [0.2, 0.4])[0] == 1.0


def test_shapes_must_agree() -> None:
    with pytest.raises(UsageError, match=r"not \(2,\) and \(3,\)"):
        permutation_test([1, 2], [1, 2, 3])
    with pytest.raises(UsageError, match="resamples is 0"):
        permutation_test([1], [2], Resamples(0))


@pytest.mark.parametrize("seed", range(4))
def test_bootstrap_difference_is_near_the_paired_bootstrap_of_scipy(seed: int) -> None:
    rng = np.random.default_rng(seed)
    before, after = rng.random((2, 400))
    wanted = scipy_bootstrap(
        (before, after), lambda x, y, axis: (y - x).mean(axis=axis), paired=True, vectorized=True, n_resamples=20_000,
        confidence_level=0.9, method="percentile", rng=np.random.default_rng(seed),
    ).confidence_interval  # fmt: skip
    found = bootstrap_difference(before, after, Resamples(20_000, confidence=0.9, seed=seed))
    assert found.mean[0] == pytest.approx((after - before).mean())
    spread = (after - before).std() / np.sqrt(400)
    assert (found.low[0], found.high[0]) == pytest.approx((wanted.low, wanted.high), abs=0.06 * spread)


def test_bootstrap_differences_of_columns_do_not_depend_on_threads_or_each_other() -> None:
    rng = np.random.default_rng(3)
    before, after = rng.random((2, 60, 2))
    after[::7, 1] = np.nan
    together = [
        np.stack(bootstrap_difference(before, after, Resamples(400, seed=5, threads=n))).tolist() for n in (1, 2, 5)
    ]
    alone = [np.stack(bootstrap_difference(before[:, c], after[:, c], Resamples(400, seed=5)))[:, 0] for c in range(2)]
    assert together == [together[0]] * 3
    assert_allclose(together[0], np.stack(alone, axis=1), rtol=1e-12)
    known = ~np.isnan(after[:, 1])
    assert together[0][0][1] == pytest.approx((after - before)[known, 1].mean())


def test_a_bootstrap_difference_of_nothing_is_undefined() -> None:
    found = bootstrap_difference([[0.5, np.nan], [0.5, np.nan]], [[0.75, 1.0], [0.75, 1.0]])
    assert found.low[0] < found.mean[0] == 0.25 < found.high[0]
    assert np.isnan([part[1] for part in found]).all()
    # One pair does not show how much others differ.
    alone = bootstrap_difference([0.5], [0.75])
    assert alone.mean[0] == 0.25
    assert np.isnan([alone.low[0], alone.high[0]]).all()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [({"confidence": 1.0}, r"confidence is 1\.0, but must lie between 0 and 1"), ({"resamples": 0}, "resamples is 0")],
)
def test_options_of_the_bootstrap_are_checked(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        bootstrap_difference([1.0], [2.0], Resamples(**options))


def test_effect_sizes() -> None:
    # Differences 1, 0, -1/2, 1/2 and 3, -, 3, 3.
    before = np.array([[0.0, 0.0], [0.5, np.nan], [1.0, 1.0], [0.5, 2.0]])
    after = np.array([[1.0, 3.0], [0.5, 1.0], [0.5, 4.0], [1.0, 5.0]])
    found = paired_effect(before, after)
    assert found.d_z[0] == pytest.approx(0.25 / np.sqrt((0.75**2 + 0.25**2 + 0.75**2 + 0.25**2) / 3))
    assert np.isnan(found.d_z[1])
    assert [part.tolist() for part in found[1:]] == [[2, 3], [1, 0], [1, 0]]


@pytest.mark.parametrize("seed", range(4))
def test_d_z_is_the_t_statistic_over_the_root_of_n(seed: int) -> None:
    before, after = np.random.default_rng(seed).random((2, 11))
    assert paired_effect(before, after).d_z[0] == pytest.approx(ttest_rel(after, before).statistic / np.sqrt(11))


def test_equal_differences_have_no_effect_size() -> None:
    # In floating point, 0.1 more is not the same amount everywhere.
    before = np.array([0.1, 0.2, 0.3, 0.7])
    assert np.isnan(paired_effect(before, before + 0.1).d_z[0])
    assert np.isnan(paired_effect([0.5], [0.75]).d_z[0])
    assert np.isnan(paired_effect([0.5, 0.5], [0.5, 0.5]).d_z[0])


def test_holm_by_hand() -> None:
    # Sorted: 0.01 x 4, 0.02 x 3, 0.03 x 2 (not below 0.06), 0.9 x 1; then 1 x 0.5 is cut off at 1.
    assert holm([0.03, 0.01, 0.9, 0.02]).tolist() == pytest.approx([0.06, 0.04, 0.9, 0.06])
    assert holm([0.6, 0.7]).tolist() == [1.0, 1.0]
    assert holm([]).tolist() == []


probabilities = st.lists(st.floats(0, 1) | st.just(float("nan")), max_size=12)


@given(probabilities)
def test_benjamini_hochberg_as_scipy(p: list[float]) -> None:
    found = benjamini_hochberg(p)
    known = ~np.isnan(np.array(p))
    assert_array_equal(np.isnan(found), ~known)
    if known.any():
        assert_allclose(found[known], false_discovery_control(np.array(p)[known]), rtol=1e-12)


@given(probabilities)
def test_holm_is_the_closed_test_with_bonferroni(p: list[float]) -> None:
    """The adjusted p of a test is the largest Bonferroni p of all sets of hypotheses that hold it."""
    found = holm(p)
    known = sorted(value for value in p if not np.isnan(value))
    for value, adjusted in zip(p, found, strict=True):
        if np.isnan(value):
            assert np.isnan(adjusted)
            continue
        # The worst set of any size that holds it: itself and the largest of the others.
        sets = ([value, *sorted(set_, reverse=True)] for set_ in _others(known, value))
        assert adjusted == pytest.approx(min(1.0, max(len(one) * min(one) for one in sets)))


def _others(known: list[float], value: float) -> list[list[float]]:
    rest = list(known)
    rest.remove(value)
    return [rest[size:] for size in range(len(rest) + 1)]


@pytest.mark.parametrize("adjust", [holm, benjamini_hochberg])
def test_p_values_lie_between_0_and_1(adjust: Any) -> None:
    for wrong in ([0.1, -0.1], [1.5], [[0.1]]):
        with pytest.raises(UsageError, match="numbers from 0 to 1"):
            adjust(wrong)
