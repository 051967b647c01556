"""Other intervals of a mean, for comparison: percentile, BCa and studentized bootstraps, and Student's t.

All of them take the same resamples of clusters for every sample, so that many samples are resampled by one product of
matrices.
"""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from clinometer.statistics.quantiles import t_quantile

Values = NDArray[np.float64]
Ends = tuple[Values, Values]

RESAMPLES = 999
_LEVEL = 0.95
_NORMAL = NormalDist()
_cdf = np.vectorize(_NORMAL.cdf, otypes=[float])
_quantile = np.vectorize(_NORMAL.inv_cdf, otypes=[float])


def percentile(values: Values, seed: int = 0) -> Ends:
    """The percentile bootstrap over rows of `(rows, samples)`, NaN where there is no value."""
    return _of_quantiles(_resampled_means(values, seed))


def over_clusters(sums: Values, counts: Values, seed: int = 0) -> dict[str, Ends]:
    """Intervals over clusters, from their sums and numbers of values, `(clusters, samples)`."""
    units = np.count_nonzero(counts, axis=0)
    means = sums.sum(axis=0) / counts.sum(axis=0)
    influence = (sums - means * counts) * units / counts.sum(axis=0)
    second = (influence**2).sum(axis=0) / units
    error = np.sqrt(second / (units - 1))
    t = t_quantile(_LEVEL, units - 1.0)
    weights = _weights(len(sums), seed)
    drawn = (weights @ sums) / np.maximum(weights @ counts, 1e-300)
    shifts, squares = weights @ influence / units, weights @ influence**2 / units
    errors = np.sqrt(np.maximum(squares - shifts**2, 0) / (units - 1))
    with np.errstate(all="ignore"):
        statistic = np.where(errors > 1e-9 * error, shifts / errors, np.sign(shifts) * np.inf)
    statistic = np.where(np.isnan(statistic), 0.0, statistic)
    low, high = np.quantile(statistic, [0.025, 0.975], axis=0, method="inverted_cdf")
    with np.errstate(invalid="ignore"):
        studentized = (means - high * error, means - low * error)
    return {
        "t": (means - t * error, means + t * error),
        "percentile": _of_quantiles(drawn),
        "bca": _bca(drawn, means, influence),
        "studentized": studentized,
    }


def _weights(rows: int, seed: int) -> Values:
    """`(resamples, rows)`: how often each row is drawn in each resample."""
    rng = np.random.default_rng(seed)
    drawn = rng.integers(0, rows, (RESAMPLES, rows)) + np.arange(RESAMPLES)[:, None] * rows
    return np.bincount(drawn.ravel(), minlength=RESAMPLES * rows).reshape(RESAMPLES, rows).astype(np.float64)


def _resampled_means(values: Values, seed: int) -> Values:
    known = ~np.isnan(values)
    weights = _weights(len(values), seed)
    if known.all():
        return np.asarray(weights @ values / len(values))
    return np.asarray((weights @ np.where(known, values, 0.0)) / np.maximum(weights @ known.astype(float), 1e-300))


def _of_quantiles(drawn: Values) -> Ends:
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
    return low, high


def _bca(drawn: Values, means: Values, influence: Values) -> Ends:
    """Bias-corrected and accelerated percentiles (Efron 1987)."""
    below = ((drawn < means).mean(axis=0) + (drawn <= means).mean(axis=0)) / 2
    bias = _quantile(np.clip(below, 0.5 / RESAMPLES, 1 - 0.5 / RESAMPLES))
    cubes, squares = (influence**3).sum(axis=0), (influence**2).sum(axis=0)
    acceleration = np.divide(cubes, 6 * squares**1.5, out=np.zeros_like(cubes), where=squares > 0)
    ordered, ends = np.sort(drawn, axis=0), []
    for tail in (0.025, 0.975):
        z = bias + _NORMAL.inv_cdf(tail)
        place = _cdf(bias + z / (1 - acceleration * z)) * (RESAMPLES + 1)
        rows = np.clip(place.astype(np.int64) - 1, 0, RESAMPLES - 1)
        ends.append(ordered[rows, np.arange(len(means))])
    return ends[0], ends[1]
