"""Quantiles of the normal distribution and of Student's t, for degrees of freedom that need not be whole numbers."""

from __future__ import annotations

import math
from functools import cache, lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["normal_quantile", "t_quantile"]

_POINTS = 48
_STEPS = 60


def normal_quantile(confidence: float) -> float:
    """The number z such that a standard normal value lies between -z and z with this probability.

    Example:
        >>> round(normal_quantile(0.95), 6)
        1.959964
    """
    from statistics import NormalDist  # here, like numpy.polynomial below, because commands start without it

    return NormalDist().inv_cdf((1 + confidence) / 2)


def t_quantile(confidence: float, freedom: ArrayLike) -> NDArray[np.float64]:
    """The number t such that Student's t lies between -t and t with this probability.

    With x = sqrt(v) tan(a), the density of Student's t becomes proportional to cos(a)^(v - 1) on a bounded range. The
    integral is a Gauss-Legendre sum, its inverse Newton's method, which rises to the quantile from the normal one
    because the integral is concave.

    Args:
        confidence: Probability, between 0 and 1.
        freedom: Degrees of freedom, 1 or more; any shape, NaN stays NaN.

    Example:
        >>> t_quantile(0.95, [1, 19, 1e9]).round(4).tolist()
        [12.7062, 2.093, 1.96]
    """
    shape = np.shape(freedom)
    distinct, place = np.unique(np.asarray(freedom, dtype=np.float64).ravel(), return_inverse=True)
    quantiles: NDArray[np.float64] = _t_quantiles(confidence, distinct.tobytes())[place].reshape(shape)
    return quantiles


@lru_cache(maxsize=64)
def _t_quantiles(confidence: float, freedom: bytes) -> NDArray[np.float64]:
    """Those of float64 values; the intervals of an evaluation ask for the same ones again and again."""
    distinct = np.frombuffer(freedom)
    known = ~np.isnan(distinct)
    v = distinct[known]
    log_scale = np.array([math.lgamma((x + 1) / 2) - math.lgamma(x / 2) for x in v.tolist()]) - 0.5 * math.log(math.pi)
    angle = np.arctan(normal_quantile(confidence) / np.sqrt(v))
    points, weights = _points_and_weights()
    for _ in range(_STEPS):
        nodes = angle[:, None] * (points + 1) / 2
        with np.errstate(under="ignore"):
            mass = angle * (np.exp((v[:, None] - 1) * np.log(np.cos(nodes)) + log_scale[:, None]) @ weights) / 2
            slope = np.exp((v - 1) * np.log(np.cos(angle)) + log_scale)
        step = (confidence / 2 - mass) / slope
        angle = np.minimum(angle + step, (angle + math.pi / 2) / 2)
        if np.all(np.abs(step) <= 1e-14 * angle):
            break
    quantiles = np.full(len(distinct), np.nan)
    quantiles[known] = np.sqrt(v) * np.tan(angle)
    return quantiles


@cache
def _points_and_weights() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Those of the Gauss-Legendre sum."""
    points, weights = np.polynomial.legendre.leggauss(_POINTS)
    return points, weights
