"""Measures of the whole ranking, as defined by trec_eval: nDCG, RR, AP, recall, precision, success.

Each returns one float64 per query, from exact ranks at any depth; with `ties="trec"` the values are those of trec_eval.
With `ties="expected"` each is its exact expectation over random orders of tied documents. A query without relevant
documents has no value: NaN. A relevant document that was not retrieved adds nothing, but counts among the relevant
ones.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinometer.errors import UsageError
from clinometer.measures.placements import Placements
from clinometer.measures.ties import (
    Vector,
    at_best,
    at_each,
    check_cutoff,
    first_missed,
    none_within,
    per_query,
    relevant_within,
    tie_groups,
    within,
)

__all__ = [
    "average_precision",
    "bpref",
    "discounted_gain",
    "ideal_gain",
    "ndcg",
    "precision",
    "r_precision",
    "rank_biased_precision",
    "recall",
    "reciprocal_rank",
    "success",
]


def ndcg(placements: Placements, cutoff: int | None = None) -> Vector:
    """Normalised discounted cumulative gain; `(q,)`, 0 to 1, higher is better.

    Sum of grade / log2(rank + 1) over the relevant documents among the first `cutoff` (None: all), over the same sum
    for the ideal order of all relevant documents of the pool (Järvelin and Kekäläinen 2002, linear gain as in
    trec_eval).

    Raises:
        UsageError: The cutoff is below 1.
    """
    check_cutoff(cutoff)
    return discounted_gain(placements, cutoff) / ideal_gain(placements, placements.grades, cutoff)


def discounted_gain(placements: Placements, cutoff: int | None, language: str | None = None) -> Vector:
    """`(q,)`: sum of grade / log2(rank + 1) over the relevant documents, or those in one language, before the cutoff.

    NaN for queries without such documents, 0 if none of them was retrieved.
    """
    groups = tie_groups(placements, language)
    gains = per_query(placements, groups, groups.gain * at_each(groups, _discount, cutoff))
    missed, _ = first_missed(placements, language)
    if len(missed):
        gains[missed] = np.nan_to_num(gains[missed], nan=0.0)
    return gains


def ideal_gain(placements: Placements, gains: NDArray[Any], cutoff: int | None) -> Vector:
    """`(q,)`: the same sum for the ideal order of all relevant documents, whose gains are `(R,)`."""
    if gains.min(initial=1) < gains.max(initial=1):
        gains = gains[np.lexsort((-gains, placements.query))]
    rank = (np.arange(len(gains)) - placements.indptr[placements.query] + 1).astype(np.float64)
    best = np.where(rank <= (cutoff or np.inf), gains * _discount(rank), 0.0)
    return per_query(placements, placements, best)


def reciprocal_rank(placements: Placements, cutoff: int | None = None) -> Vector:
    """1 over the rank of the first relevant document, 0 if it is past the cutoff; `(q,)`, 0 to 1, higher is better.

    As in trec_eval (`recip_rank`); the mean over queries is called MRR.

    Raises:
        UsageError: The cutoff is below 1.
    """
    check_cutoff(cutoff)
    best = tie_groups(placements).first()
    return per_query(placements, best, at_best(best, np.reciprocal, cutoff), empty=0.0)


def average_precision(placements: Placements, cutoff: int | None = None) -> Vector:
    """Average precision; `(q,)`, 0 to 1, higher is better.

    Precision at the rank of each relevant document among the first `cutoff` (None: all), summed, over the number of
    relevant documents in the pool (as in trec_eval, `map` and `map_cut`).

    Raises:
        UsageError: The cutoff is below 1.
    """
    check_cutoff(cutoff)
    groups = tie_groups(placements)
    # Down to a relevant document at position j of its group the mean number of relevant ones is
    # earlier + 1 + (m - 1)(j - 1)/(n - 1); `companions` is (m - 1)/(n - 1), `places_above` the mean of (j - 1)/rank.
    inverse_rank = at_each(groups, np.reciprocal, cutoff)
    places_above = within(groups, cutoff) / groups.size - (groups.above + 1) * inverse_rank
    companions = (groups.relevant - 1) / np.maximum(groups.size - 1, 1)
    precisions = groups.relevant * ((groups.earlier + 1) * inverse_rank + companions * places_above)
    return per_query(placements, groups, precisions, empty=0.0) / placements.relevant


def recall(placements: Placements, cutoff: int) -> Vector:
    """Number of relevant documents among the first `cutoff`, over all of them; `(q,)`, 0 to 1, higher is better.

    Raises:
        UsageError: The cutoff is below 1.
    """
    return relevant_within(placements, cutoff) / placements.relevant


def precision(placements: Placements, cutoff: int) -> Vector:
    """Number of relevant documents among the first `cutoff`, over `cutoff`; `(q,)`, 0 to 1, higher is better.

    The divisor is `cutoff` in smaller pools as well (as in trec_eval).

    Raises:
        UsageError: The cutoff is below 1.
    """
    return relevant_within(placements, cutoff) / cutoff


def success(placements: Placements, cutoff: int) -> Vector:
    """1 if a relevant document is among the first `cutoff`, else 0; `(q,)`, higher is better.

    With expected ties it is a probability: that not all relevant documents of the first tie group fall past the cutoff.

    Raises:
        UsageError: The cutoff is below 1.
    """
    check_cutoff(cutoff)
    best = tie_groups(placements).first()
    return per_query(placements, best, 1.0 - none_within(best, within(best, cutoff)), empty=0.0)


def r_precision(placements: Placements) -> Vector:
    """Precision of the first R documents, for R relevant ones in the pool; `(q,)`, 0 to 1, higher is better.

    As in trec_eval (`Rprec`).
    """
    groups, relevant = tie_groups(placements), placements.relevant
    places = np.clip(relevant[groups.query] - groups.above, 0, groups.size)
    return per_query(placements, groups, groups.relevant * places / groups.size, empty=0.0) / relevant


def rank_biased_precision(placements: Placements, cutoff: int | None = None, *, persistence: float = 0.8) -> Vector:
    """RBP: (1 - p) p^(rank - 1), summed over the relevant documents before the cutoff; `(q,)`, 0 to 1, higher is
    better.

    p is the persistence of a reader, who goes on to the next document with that probability. Source: Moffat and Zobel
    (2008), "Rank-biased precision for measurement of retrieval effectiveness".

    Raises:
        UsageError: The cutoff is below 1, or the persistence not between 0 and 1.
    """
    check_cutoff(cutoff)
    if not 0 < persistence < 1:
        raise UsageError(f"the persistence is {persistence}, but must lie between 0 and 1")
    groups = tie_groups(placements)
    weights = at_each(groups, lambda ranks: (1.0 - persistence) * persistence ** (ranks - 1.0), cutoff)
    return per_query(placements, groups, groups.relevant * weights, empty=0.0)


def bpref(placements: Placements) -> Vector:
    """Binary preference; `(q,)`, 0 to 1, higher is better.

    Mean over the R relevant documents of 1 - min(n, R) / min(N, R), for n judged documents above it that are not
    relevant, of N; a relevant document that was not retrieved adds 0 (Buckley and Voorhees 2004, as in trec_eval). With
    expected ties, the mean over random orders.

    Args:
        placements: Placements in a pool of judged documents only (of grade 0 or more, as in trec_eval).
    """
    groups, relevant = tie_groups(placements), placements.relevant
    of_query = relevant[groups.query]
    bound = np.minimum(placements.sizes - relevant, relevant)[groups.query]
    above, tied = groups.above - groups.earlier, groups.size - groups.relevant
    # Each number of the tied ones, from none to all, is equally likely to be above a relevant document.
    below_bound = np.clip(of_query - above, 0, tied + 1)
    sums = below_bound * above + below_bound * (below_bound - 1) / 2 + (tied + 1 - below_bound) * of_query
    shares = np.divide(sums / (tied + 1), bound, out=np.zeros(len(groups)), where=bound > 0)
    return per_query(placements, groups, groups.relevant * (1.0 - shares), empty=0.0) / relevant


def _discount(ranks: Vector) -> Vector:
    discounts: Vector = 1.0 / np.log2(ranks + 1.0)
    return discounts
