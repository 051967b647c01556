"""Calibration by abstention: whether the scores of a ranking tell which queries it answers well.

A search that may leave queries unanswered should leave the ones that it would answer badly. A statistic of the scores
says how confident it is; the normalised area under the abstention curve says how well that statistic chooses.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clinometer.errors import UsageError
from clinometer.measures.ties import Vector

__all__ = ["CONFIDENCES", "confidences", "nauc"]

CONFIDENCES = {
    "max": "score of the document on top",
    "std": "standard deviation of the scores",
    "diff1": "score of the document on top minus that of the next one, 0 if there is none",
}
"""Statistics of the scores of a ranking, as in MTEB, by name."""

_RATES = np.linspace(0, 1, 11)[:-1]
"""Shares of the queries that are left unanswered."""


def confidences(scores: NDArray[np.floating]) -> dict[str, Vector]:
    """The statistics of `CONFIDENCES` of the scores of each ranking.

    Args:
        scores: `(q, k)`: scores of the first k documents, best first, NaN past the last one.

    Returns:
        `(q,)` by name, higher is more confident; NaN for an empty ranking.

    Example:
        >>> statistics = confidences(np.array([[0.9, 0.5, 0.4], [0.7, np.nan, np.nan]]))
        >>> {name: values.round(3).tolist() for name, values in statistics.items()}
        {'max': [0.9, 0.7], 'std': [0.216, 0.0], 'diff1': [0.4, 0.0]}
    """
    values = np.asarray(scores, dtype=np.float64)
    if values.ndim != 2 or not values.shape[1]:
        raise UsageError(f"the scores have the shape {values.shape}, but must be one row of scores for each ranking")
    counts = np.count_nonzero(~np.isnan(values), axis=1)
    means = np.divide(np.nansum(values, axis=1), counts, out=np.full(len(values), np.nan), where=counts > 0)
    squares = np.nansum(np.square(values - means[:, None]), axis=1)
    deviation = np.sqrt(np.divide(squares, counts, out=np.full(len(values), np.nan), where=counts > 0))
    top = values[:, 0]
    second = values[:, 1] if values.shape[1] > 1 else np.full(len(values), np.nan)
    lead = np.where(np.isnan(top), np.nan, np.where(np.isnan(second), 0.0, top - second))
    return {"max": top, "std": deviation, "diff1": lead}


def nauc(confidence: ArrayLike, values: ArrayLike) -> float:
    """Normalised area under the abstention curve; at most 1, higher is better.

    The curve is the mean value of the queries that are left when the 0, 10, ..., 90 % with the lowest confidence are
    not answered. 0: abstention by this confidence gains nothing; 1: it leaves out the queries with the lowest values,
    as an oracle would; below 0: it leaves out the better ones. Formula of MTEB (after Gisserot-Boukhlef et al. 2024,
    "Towards trustworthy reranking: a simple yet effective abstention mechanism").

    Args:
        confidence: `(q,)`: confidence in each query's ranking, higher is more confident; equal ones in this order.
        values: `(q,)`: measure of each query, higher is better.

    Returns:
        The area; NaN if all values are equal, since no abstention could then gain anything, or if there are none.

    Raises:
        UsageError: Arrays of different shapes, or with NaN.

    Example:
        >>> nauc([0.9, 0.5, 0.4, 0.1], [1.0, 1.0, 0.5, 0.0]), nauc([0.1, 0.4, 0.5, 0.9], [1.0, 1.0, 0.5, 0.0]) < 0
        (1.0, True)
    """
    chosen, gains = np.asarray(confidence, dtype=np.float64), np.asarray(values, dtype=np.float64)
    if chosen.shape != gains.shape or chosen.ndim != 1:
        raise UsageError(f"{chosen.size} confidences and {gains.size} values; give one of each for every query")
    if np.isnan(chosen).any() or np.isnan(gains).any():
        raise UsageError("a confidence or a value is NaN; leave queries without a value out")
    if not len(gains):
        return float("nan")
    flat = float(gains.mean() * _RATES[-1])
    area, best = (_area(gains[np.argsort(order, kind="stable")]) for order in (chosen, gains))
    return float((area - flat) / (best - flat)) if gains.min() < gains.max() and best != flat else float("nan")


def _area(ordered: Vector) -> float:
    """Area under the means of what is left of the values, when a growing share of them is cut from the start."""
    cuts = [min(round(float(rate) * len(ordered)), len(ordered) - 1) for rate in _RATES]
    curve = np.array([ordered[cut:].mean() for cut in cuts])
    return float((np.diff(_RATES) * (curve[1:] + curve[:-1]) / 2).sum())
