"""The paired permutation test: SciPy's exact p-values on small cases, no trace of threads."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy.stats import permutation_test as scipy_test

from clinometer.errors import UsageError
from clinometer.significance import permutation_test


@pytest.mark.parametrize("seed", range(6))
def test_close_to_the_exact_p_value(seed: int) -> None:
    rng = np.random.default_rng(seed)
    first, second = rng.random((2, 9))
    exact = scipy_test(
        (first, second), lambda x, y, axis: (x - y).mean(axis=axis), permutation_type="samples", vectorized=True
    ).pvalue
    found = permutation_test(first, second, resamples=40_000)[0]
    assert found == pytest.approx(exact, abs=4 * np.sqrt(0.25 / 40_000))


@pytest.mark.parametrize("seed", range(6))
def test_sums_that_differ_by_rounding_are_equal(seed: int) -> None:
    """Coarse values: many permuted means equal the observed one but for the last bits."""
    tenths = np.random.default_rng(seed).integers(-3, 4, 9)
    signs = np.array(list(product([1, -1], repeat=9)))
    exact = np.mean(np.abs(signs @ tenths) >= abs(tenths.sum()))
    found = permutation_test(tenths / 10, np.zeros(9), resamples=40_000)[0]
    assert found == pytest.approx(exact, abs=4 * np.sqrt(0.25 / 40_000))


def test_threads_and_columns_do_not_show() -> None:
    rng = np.random.default_rng(1)
    first, second = rng.random((2, 300, 3))
    together = [permutation_test(first, second, resamples=999, seed=4, threads=n).tolist() for n in (1, 2, 5)]
    alone = [permutation_test(first[:, c], second[:, c], resamples=999, seed=4)[0] for c in range(3)]
    assert together == [alone] * 3


def test_undefined_pairs_do_not_count() -> None:
    first, second = [0.3, np.nan, 0.9, 0.4], [0.1, 0.5, np.nan, 0.9]
    assert permutation_test(first, second, seed=2) == permutation_test([0.3, 0, 0, 0.4], [0.1, 0, 0, 0.9], seed=2)


def test_equal_conditions_are_never_significant() -> None:
    assert permutation_test([0.2, 0.4], [0.2, 0.4])[0] == 1.0


def test_shapes_must_agree() -> None:
    with pytest.raises(UsageError, match=r"not \(2,\) and \(3,\)"):
        permutation_test([1, 2], [1, 2, 3])
    with pytest.raises(UsageError, match="resamples is 0"):
        permutation_test([1], [2], resamples=0)
