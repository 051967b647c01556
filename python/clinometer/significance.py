"""Paired tests between two evaluations of the same queries.

Every draw comes from a counter-based generator in the core, so a p-value does not depend on the number of threads.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clinometer import _core
from clinometer.errors import UsageError

__all__ = ["permutation_test"]


def permutation_test(
    first: ArrayLike, second: ArrayLike, *, resamples: int = 10_000, seed: int = 0, threads: int | None = None
) -> NDArray[np.float64]:
    """Two-sided paired permutation test of equal means, by random signs of the differences.

    Args:
        first: `(queries,)` or `(queries, columns)`: values per query, NaN where undefined.
        second: The same queries under the other condition.
        resamples: Random sign patterns; a query has one sign in all columns.
        seed: Of the patterns.
        threads: How many; never shows in the result.

    Returns:
        `(columns,)`: p-values, (count + 1) / (resamples + 1), so never 0. Pairs with a NaN do not count.

    Raises:
        UsageError: The shapes differ, or there is nothing to test.

    Example:
        >>> p = permutation_test([1.0, 0.9, 0.8, 1.0, 0.9, 1.0], [0.2, 0.3, 0.1, 0.2, 0.4, 0.3], resamples=2000)
        >>> bool(abs(p[0] - 2 / 64) < 0.01)
        True
    """
    a, b = (np.asarray(values, dtype=np.float64) for values in (first, second))
    if a.shape != b.shape or a.ndim not in (1, 2) or a.size == 0:
        raise UsageError(f"a paired test needs equal, non-empty shapes, not {a.shape} and {b.shape}")
    if resamples < 1:
        raise UsageError(f"resamples is {resamples}, but must be 1 or more")
    differences = np.ascontiguousarray((a - b).reshape(len(a), -1))
    counts = _core.permutation_counts(differences, resamples=resamples, seed=seed, threads=threads or 0)
    return np.asarray((counts + 1.0) / (resamples + 1.0), dtype=np.float64)
