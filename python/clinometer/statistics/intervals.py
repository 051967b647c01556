"""Intervals of means from the influence of each drawing unit: which rule, and its formula.

The range of the values decides, and the rules were chosen by simulation (`studies/intervals`, docs/statistics.md).
A range that is not centred on 0, such as that of a share, takes the interval of Agresti and Coull with an effective
sample size; a range from -r to r, such as that of a difference of shares, that of Bonett and Price; every other mean
takes the wider ends of Student's t and of Hall's interval, which follows the skewness.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clinometer.statistics.quantiles import normal_quantile, t_quantile

__all__ = ["FEW", "Influences", "intervals"]

Vector = NDArray[np.float64]

FEW = 30
"""Number of drawing units below which an interval is called rough; chosen by simulation."""

_LEAST_FREEDOM = 2.0
_NO_SPREAD = 1e-12


@dataclass(frozen=True)
class Influences:
    """Means and the moments of the influences of their drawing units; all columns have one entry for each mean.

    The influence of a unit is the change of the mean without it, by the jackknife: units of unequal sizes keep their
    weights, and a mean of means needs no formula of its own.

    Args:
        values: Means; NaN where undefined.
        units: Numbers of units with a value.
        variance: Variances of the means.
        skewness: Skewness of the influences.
        kurtosis: Kurtosis of the influences (3 for a normal distribution).
        distance: Means of the values' distances from 0; NaN if unknown. Only read for a range centred on 0.
        low: Least possible values; minus infinity if there is none.
        high: Largest possible values; infinity if there is none.
        whole: Whether all values are at an end of the range, or 0 in a range centred on 0.
        single: Whether no unit has two values.
    """

    values: Vector
    units: NDArray[np.int64]
    variance: Vector
    skewness: Vector
    kurtosis: Vector
    distance: Vector
    low: Vector
    high: Vector
    whole: NDArray[np.bool_]
    single: NDArray[np.bool_]

    @classmethod
    def of(
        cls,
        values: Vector,
        influence: NDArray[np.float64],
        active: NDArray[np.bool_],
        *,
        distance: Vector,
        low: Vector,
        high: Vector,
        whole: NDArray[np.bool_],
        single: NDArray[np.bool_],
    ) -> Influences:
        """Moments of influences, `(means, units)`, 0 where a unit is not `active`, `(means, units)`, in a mean."""
        units = np.count_nonzero(active, axis=1)
        with np.errstate(all="ignore"):
            squares = influence * influence
            second = squares.sum(axis=1) / units
            third = (squares * influence).sum(axis=1) / units
            fourth = (squares * squares).sum(axis=1) / units
            variance = (units - 1) * second
            skewness, kurtosis = third / second**1.5, fourth / second**2
        return cls(values, units, variance, skewness, kurtosis, distance, low, high, whole, single)


def intervals(means: Influences, confidence: float) -> tuple[Vector, Vector]:
    """The lower and the upper ends of the means' intervals.

    NaN where a mean has fewer than two units, and where all units of a mean without a range agree: nothing then shows
    how much others could differ. Ends never lie outside the range, and the value always lies between them.

    Args:
        means: Means with the moments of their influences.
        confidence: Probability with which intervals hold the true mean, between 0 and 1.
    """
    low, high = np.full((2, len(means.values)), np.nan)
    usable = (means.units > 1) & ~np.isnan(means.values)
    scale = np.where(np.isfinite(means.high), np.abs(means.high), np.abs(means.values))
    spread = means.variance > (_NO_SPREAD * scale) ** 2
    ranged = np.isfinite(means.low) & np.isfinite(means.high)
    centred = ranged & (means.low == -means.high)
    # A centred range without distances from 0, as of a difference of two means, has no counts of rises and falls.
    counted = centred & (~np.isnan(means.distance) | ~spread)
    shares = ranged & ~centred
    for members, rule in ((shares, _of_share), (counted, _of_rises), (~shares & ~counted & spread, _skewed)):
        rows = np.flatnonzero(usable & members)
        if len(rows):
            low[rows], high[rows] = rule(means, rows, spread[rows], confidence)
    low = np.fmax(np.fmin(low, means.values), means.low)
    high = np.fmin(np.fmax(high, means.values), means.high)
    undefined = np.isnan(means.values) | ~usable | (~spread & ~ranged)
    low[undefined] = high[undefined] = np.nan
    return low, high


def _of_share(
    means: Influences, rows: NDArray[np.int64], spread: NDArray[np.bool_], confidence: float
) -> tuple[Vector, Vector]:
    """Agresti and Coull (1998), with the number of independent shares that would have the same variance (Kish 1965)."""
    start, width = means.low[rows], means.high[rows] - means.low[rows]
    share, units = (means.values[rows] - start) / width, means.units[rows]
    size = _effective(share * (1 - share), means, rows, spread, width)
    # The variance of independent shares follows from the share; every other one is estimated, as t allows for.
    known = means.whole[rows] & means.single[rows]
    quantile = np.where(known, normal_quantile(confidence), t_quantile(confidence, units - 1.0))
    enlarged = size + quantile**2
    centre = (share * size + quantile**2 / 2) / enlarged
    half = quantile * np.sqrt(np.maximum(centre * (1 - centre), 0) / enlarged)
    return start + width * (centre - half), start + width * (centre + half)


def _of_rises(
    means: Influences, rows: NDArray[np.int64], spread: NDArray[np.bool_], confidence: float
) -> tuple[Vector, Vector]:
    """Bonett and Price (2012): one rise and one fall more than were seen, of an effective number of pairs."""
    width = means.high[rows]
    change = means.values[rows] / width
    distance = np.where(np.isnan(means.distance[rows]), np.abs(change), means.distance[rows] / width)
    size = _effective(distance - change * change, means, rows, spread, width)
    freedom = np.where(means.whole[rows] | ~spread, means.units[rows] - 1.0, _freedom(means, rows))
    quantile = t_quantile(confidence, freedom)
    enlarged = size + 2
    centre, both = change * size / enlarged, (distance * size + 2) / enlarged
    half = quantile * np.sqrt(np.maximum(both - centre * centre, 0) / enlarged)
    return width * (centre - half), width * (centre + half)


def _effective(
    of_one: Vector, means: Influences, rows: NDArray[np.int64], spread: NDArray[np.bool_], width: Vector
) -> Vector:
    """The sample size at which independent values, each with the variance `of_one`, have the variance of the mean.

    Where all units agree it is their number: nothing says that values of one unit are independent.
    """
    units = means.units[rows].astype(np.float64)
    variance = means.variance[rows] / width**2 * (units - 1) / units
    return np.divide(of_one, variance, out=units, where=spread & (of_one > 0))


def _skewed(
    means: Influences, rows: NDArray[np.int64], _spread: NDArray[np.bool_], confidence: float
) -> tuple[Vector, Vector]:
    """The wider ends of Student's t and of Hall (1992), whose monotone cubic follows the skewness of the statistic."""
    value, units = means.values[rows], means.units[rows].astype(np.float64)
    error = np.sqrt(means.variance[rows])
    plain = error * t_quantile(confidence, units - 1)
    # The factor of the sample skewness that removes its bias for a normal distribution.
    skewness = means.skewness[rows] * np.sqrt(units * (units - 1)) / np.maximum(units - 2, 1)
    skewness = np.where(np.abs(skewness) < 1e-6, 1e-6, skewness)
    shift, root = skewness / (6 * units), np.sqrt(units)
    quantile = t_quantile(confidence, _freedom(means, rows)) / root

    def untransformed(at: Vector) -> Vector:
        result: Vector = 3 / skewness * (np.cbrt(1 + skewness * (at - shift)) - 1)
        return result

    low, high = (value - error * root * untransformed(at) for at in (quantile, -quantile))
    return np.minimum(low, value - plain), np.maximum(high, value + plain)


def _freedom(means: Influences, rows: NDArray[np.int64]) -> Vector:
    """Degrees of freedom of the estimated variance by Satterthwaite (1946): fewer for heavy tails and unequal units."""
    most = means.units[rows] - 1.0
    with np.errstate(divide="ignore"):
        freedom = 2 * means.units[rows] / np.maximum(means.kurtosis[rows] - 1, 0)
    return np.asarray(np.minimum(np.maximum(freedom, _LEAST_FREEDOM), most), dtype=np.float64)
