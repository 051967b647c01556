"""Expected reciprocal rank: a reader goes down the ranking and stops at a document with a probability by its grade.

What a document adds depends on the grades of all above it, so that within tied documents the expectation is over their
random order.
"""

from __future__ import annotations

import numpy as np

from clinometer.measures.placements import Placements
from clinometer.measures.ties import Vector, check_cutoff, per_query, tie_groups

__all__ = ["expected_reciprocal_rank"]

_HIGHEST = 4
"""Highest grade of gdeval's scale."""


def expected_reciprocal_rank(placements: Placements, cutoff: int | None = None) -> Vector:
    """ERR: sum over ranks of 1/rank times the probability of stopping there; `(q,)`, 0 to 1, higher is better.

    A document of grade g satisfies the reader with probability (2^g - 1) / 2^h, and the reader who reaches it then
    stops. The highest grade h is 4, as in gdeval, or that of the documents if it is higher. Source: Chapelle et al.
    (2009), "Expected reciprocal rank for graded relevance". With expected ties, the exact mean over random orders.

    Raises:
        UsageError: The cutoff is below 1.
    """
    check_cutoff(cutoff)
    highest = max(_HIGHEST, int(placements.grades.max(initial=0)))
    satisfied = (np.exp2(placements.grades) - 1.0) / np.exp2(highest)
    groups = tie_groups(placements)
    rows = placements.retrieved_by_score
    if groups.fixed:
        stops = satisfied[rows]
        goes_on = np.cumsum(np.log1p(-stops)) - np.log1p(-stops)
        first_rows = np.arange(len(rows)) - groups.earlier
        ranks = groups.above + 1.0
        gains = stops / ranks * np.exp(goes_on - goes_on[first_rows])
        return per_query(placements, groups, np.where(ranks <= (cutoff or np.inf), gains, 0.0), empty=0.0)
    values = np.zeros(len(groups))
    start, previous, reaching = 0, -1, 1.0
    for number, relevant in enumerate(groups.relevant.tolist()):
        members = satisfied[rows[start : start + relevant]]
        start += relevant
        if groups.query[number] != previous:
            previous, reaching = groups.query[number], 1.0
        values[number] = reaching * _in_group(members, int(groups.size[number]), int(groups.above[number]), cutoff)
        reaching *= float(np.prod(1.0 - members))
    return per_query(placements, groups, values, empty=0.0)


def _in_group(satisfied: Vector, size: int, above: int, cutoff: int | None) -> float:
    """Sum of what the relevant documents of a group add, for a reader who reaches it."""
    places = np.arange(size if cutoff is None else max(0, min(size, cutoff - above)))
    inverse_ranks = 1.0 / (above + 1.0 + places)
    log_factorials = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, size + 1)))])

    def log_choose(n: int, k: Vector) -> Vector:
        valid = (k >= 0) & (k <= n)
        k = np.where(valid, k, 0).astype(np.int64)
        return np.where(valid, log_factorials[n] - log_factorials[k] - log_factorials[n - k], -np.inf)

    others = len(satisfied) - 1
    before = np.arange(others + 1.0)
    # Chance that so many of the other relevant documents are among those at `places` earlier places of the group.
    odds = np.exp(
        log_choose(others, before)[:, None]
        + log_choose(size - 1 - others, places - before[:, None])
        - log_choose(size - 1, places.astype(np.float64))
    )
    total = 0.0
    for own, number, count in zip(*np.unique(satisfied, return_index=True, return_counts=True), strict=True):
        # Means of the products of the chances to go on, over all choices of 0, 1, ... of the other documents: those of
        # one more document are means of those with and without it.
        means = np.ones(1)
        for known, chance in enumerate(np.delete(1.0 - satisfied, number), start=1):
            share = np.arange(known + 1) / known
            means = (1 - share) * np.append(means, 0.0) + share * chance * np.insert(means, 0, 0.0)
        total += count * own / size * float((inverse_ranks * (means @ odds)).sum())
    return total
