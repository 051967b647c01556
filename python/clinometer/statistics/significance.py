"""Paired statistics of two evaluations of the same queries: tests, intervals, effect sizes, multiple-test corrections.

Every draw comes from a counter-based generator in the core, so no result depends on the number of threads.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clinometer import _core
from clinometer.errors import UsageError
from clinometer.statistics.resampling import BootstrapMeans, Range, Resamples, observed_range, summed
from clinometer.vectors import refuse_masked

__all__ = [
    "CORRECTIONS",
    "TEST_RESAMPLES",
    "Difference",
    "Effect",
    "benjamini_hochberg",
    "bootstrap_difference",
    "holm",
    "paired_effect",
    "permutation_test",
]


class Difference(NamedTuple):
    """Mean differences with their intervals, one for each column; NaN where a column has no pair."""

    mean: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


class Effect(NamedTuple):
    """The size of paired differences in each column: d_z, and the numbers of queries that rise, fall or stay equal."""

    d_z: NDArray[np.float64]
    higher: NDArray[np.int64]
    lower: NDArray[np.int64]
    equal: NDArray[np.int64]


TEST_RESAMPLES = Resamples(resamples=10_000)


def permutation_test(
    first: ArrayLike,
    second: ArrayLike,
    resamples: Resamples = TEST_RESAMPLES,
    clusters: NDArray[np.int64] | None = None,
) -> NDArray[np.float64]:
    """Two-sided paired permutation test of equal means, by random signs of the differences.

    Args:
        first: `(queries,)` or `(queries, columns)`: values per query, NaN where undefined.
        second: `(queries,)` or `(queries, columns)`: values of the same queries under the other condition.
        resamples: Number, seed and threads of the sign patterns; a query has one sign in all columns.
        clusters: `(queries,)`: number of each query's cluster, which has one sign; by default, and with the unit
            `question`, each query has its own.

    Returns:
        `(columns,)`: p-values, (count + 1) / (resamples + 1), so never 0. Pairs with a NaN do not count.

    Raises:
        UsageError: The shapes differ or are empty.

    Example:
        >>> p = permutation_test([1.0, 0.9, 0.8, 1.0, 0.9, 1.0], [0.2, 0.3, 0.1, 0.2, 0.4, 0.3])
        >>> bool(abs(p[0] - 2 / 64) < 0.01)
        True
    """
    differences = _differences(first, second)
    resamples.require_some()
    if clusters is not None and resamples.unit == "cluster":
        differences = np.ascontiguousarray(summed(np.nan_to_num(differences), _numbered(clusters, differences)))
    counts = _core.permutation_counts(
        differences, resamples=resamples.resamples, seed=resamples.seed, threads=resamples.threads or 0
    )
    return np.asarray((counts + 1.0) / (resamples.resamples + 1.0), dtype=np.float64)


def bootstrap_difference(
    before: ArrayLike,
    after: ArrayLike,
    resamples: Resamples = TEST_RESAMPLES,
    clusters: NDArray[np.int64] | None = None,
    range: Range | None = None,
) -> Difference:
    """Mean of `after` minus `before` with its interval over pairs of values, or over clusters of pairs.

    For values with a range it is the interval of Bonett and Price (2012) with an effective number of pairs, else the
    wider ends of Student's t and of Hall's interval for skewed values (1992): `clinometer.statistics.intervals`.

    Args:
        before: `(queries,)` or `(queries, columns)`: values per query, NaN where undefined.
        after: `(queries,)` or `(queries, columns)`: values of the same queries under the other condition.
        resamples: Confidence level, and the unit that counts as one.
        clusters: `(queries,)`: number of each query's cluster; by default each query is independent.
        range: Least and largest possible value of `before` and `after`; by default 0 to 1 or -1 to 1 if all lie within.

    Returns:
        One mean and interval for each column, in the unit of the values. Pairs with a NaN do not count. An interval is
        NaN with fewer than two clusters, and where all differences of values without a range are equal.

    Raises:
        UsageError: The shapes differ or are empty, or the number of resamples is 0.

    Example:
        >>> difference = bootstrap_difference([0.1, 0.4, 0.3, 0.2], [0.6, 0.5, 0.9, 0.4])
        >>> bool(difference.low[0] < difference.mean[0] < difference.high[0]), round(float(difference.mean[0]), 3)
        (True, 0.35)
    """
    differences = _differences(before, after)
    resamples.require_some()
    ranges = []
    for column in zip(
        *(np.asarray(values, dtype=np.float64).reshape(len(differences), -1).T for values in (before, after)),
        strict=True,
    ):
        low, high = observed_range(np.concatenate(column)) if range is None else range
        ranges.append((low - high, high - low))
    numbers = None if clusters is None else _numbered(clusters, differences)
    estimates = BootstrapMeans.of(differences, resamples, numbers, ranges).plain()
    return Difference(
        *(np.array([getattr(estimate, name) for estimate in estimates]) for name in ("value", "low", "high"))
    )


def paired_effect(before: ArrayLike, after: ArrayLike) -> Effect:
    """Effect size of paired differences: Cohen's d_z = mean(after - before) / standard deviation of the differences.

    The standard deviation divides by n - 1 (Cohen 1988, section 2.3.5). The share of queries that rise is `higher`
    over the sum of the three counts.

    Args:
        before: `(queries,)` or `(queries, columns)`: values per query, NaN where undefined.
        after: `(queries,)` or `(queries, columns)`: values of the same queries under the other condition.

    Returns:
        The effect of each column. d_z is NaN with fewer than two pairs, or if all differences are equal.

    Raises:
        UsageError: The shapes differ or are empty.

    Example:
        >>> effect = paired_effect([0.0, 0.5, 1.0, 0.5], [1.0, 0.5, 0.5, 1.0])
        >>> round(float(effect.d_z[0]), 3), effect.higher.tolist(), effect.lower.tolist(), effect.equal.tolist()
        (0.387, [2], [1], [1])
    """
    differences = _differences(before, after)
    known = ~np.isnan(differences)
    sizes = np.count_nonzero(known, axis=0)
    means = np.divide(np.nansum(differences, axis=0), sizes, out=np.full(len(sizes), np.nan), where=sizes > 0)
    squares = np.nansum((differences - means) ** 2, axis=0)
    spread = np.sqrt(np.divide(squares, sizes - 1, out=np.full(len(sizes), np.nan), where=sizes > 1))
    # Equal differences leave a spread of rounding errors, which would make a huge effect.
    varied = spread > 1e-12 * np.abs(means)
    return Effect(
        np.divide(means, spread, out=np.full(len(sizes), np.nan), where=varied),
        *(np.count_nonzero(known & holds, axis=0) for holds in (differences > 0, differences < 0, differences == 0)),
    )


def holm(p: ArrayLike) -> NDArray[np.float64]:
    """p-values adjusted for the number of tests by Holm's method (1979), which controls the family-wise error rate.

    The i-th smallest of m is multiplied by m - i + 1, then raised to those before it and capped at 1.

    Args:
        p: p-values; NaN means no test: it is not counted, and stays NaN.

    Raises:
        UsageError: A value is below 0 or above 1.

    Example:
        >>> holm([0.01, 0.04, 0.03, float("nan")]).tolist()
        [0.03, 0.06, 0.06, nan]
    """
    return _adjusted(p, lambda ordered: np.maximum.accumulate(ordered * np.arange(len(ordered), 0, -1)))


def benjamini_hochberg(p: ArrayLike) -> NDArray[np.float64]:
    """p-values adjusted by the method of Benjamini and Hochberg (1995), which controls the false discovery rate.

    The i-th smallest of m is multiplied by m / i, then lowered to those after it and capped at 1.

    Args:
        p: p-values; NaN means no test: it is not counted, and stays NaN.

    Raises:
        UsageError: A value is below 0 or above 1.

    Example:
        >>> benjamini_hochberg([0.01, 0.04, 0.03, float("nan")]).round(3).tolist()
        [0.03, 0.04, 0.04, nan]
    """

    def scaled(ordered: NDArray[np.float64]) -> NDArray[np.float64]:
        size = len(ordered)
        return np.minimum.accumulate((ordered * size / np.arange(1, size + 1))[::-1])[::-1]

    return _adjusted(p, scaled)


CORRECTIONS = {"holm": holm, "bh": benjamini_hochberg}
"""Corrections by the names that `clinometer.comparison.compare` takes, in addition to `none`."""


def _adjusted(p: ArrayLike, adjust: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> NDArray[np.float64]:
    refuse_masked(p, "p-values", UsageError)
    values = np.asarray(p, dtype=np.float64)
    if values.ndim != 1 or np.any((values < 0) | (values > 1)):
        raise UsageError("p-values must be a one-dimensional array of numbers from 0 to 1 (or NaN); check the input")
    tested = np.flatnonzero(~np.isnan(values))
    order = tested[np.argsort(values[tested], kind="stable")]
    adjusted = np.full(len(values), np.nan)
    adjusted[order] = np.minimum(adjust(values[order]), 1.0)
    return adjusted


def _numbered(clusters: ArrayLike, differences: NDArray[np.float64]) -> NDArray[np.int64]:
    """The clusters, one for each row of the differences."""
    numbers = np.asarray(clusters)
    if numbers.shape != (len(differences),) or numbers.dtype.kind not in "iu":
        raise UsageError(
            f"clusters have shape {numbers.shape} and type {numbers.dtype}; give one whole number for each of the "
            f"{len(differences)} queries"
        )
    return numbers.astype(np.int64)


def _differences(before: ArrayLike, after: ArrayLike) -> NDArray[np.float64]:
    """`after - before` as `(queries, columns)`."""
    for values in (before, after):
        refuse_masked(values, "the values of a paired test", UsageError)
    a, b = (np.asarray(values, dtype=np.float64) for values in (before, after))
    if a.shape != b.shape or a.ndim not in (1, 2) or a.size == 0:
        raise UsageError(f"a paired test needs equal, non-empty shapes, not {a.shape} and {b.shape}")
    return np.ascontiguousarray((b - a).reshape(len(a), -1))
