"""Documents excluded from a query's own pool: a self-match, or a relevant document that must be missing.

They are scanned with all others and removed afterwards by their own scores, so that a scan still compares every query
with every document once.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from clinometer.errors import UsageError
from clinometer.scanning.arguments import repeated_pair
from clinometer.scanning.counts import Counts, RankCounts, TopK, counts_of, counts_within
from clinometer.scanning.widths import narrow

__all__ = ["join", "without", "without_listed"]


def join(
    relevant: tuple[NDArray[np.int64], NDArray[np.int64]], excluded: tuple[NDArray[np.int64], NDArray[np.int64]]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """Both kinds of documents of each query in one CSR, and which of them are excluded.

    A document that is both is refused; the message names it and its query.
    """
    queries = [np.repeat(np.arange(len(indptr) - 1), np.diff(indptr)) for indptr, _ in (relevant, excluded)]
    query, document = np.concatenate(queries), np.concatenate([relevant[1], excluded[1]])
    excluded_mask = np.arange(len(query)) >= len(relevant[1])
    if (at := repeated_pair(query, document)) is not None:
        raise UsageError(f"document {document[at]} is both relevant to and excluded from query {query[at]}")
    # Relevant documents keep their order, the excluded ones of a query follow them.
    order = np.lexsort((excluded_mask, query))
    return relevant[0] + excluded[0], document[order], excluded_mask[order]


def without(ranks: RankCounts, excluded_mask: NDArray[np.bool_], places: NDArray[np.int64]) -> RankCounts:
    """The counts of the relevant rows in pools without the documents of the excluded rows.

    `places` are those of the rows' documents in the scan's tie order.
    """
    excluded_counts = counts_within(ranks, places, excluded_mask)
    remaining = Counts(ranks.greater, ranks.equal, ranks.before) - excluded_counts
    rows_before = np.concatenate([[0], np.cumsum(~excluded_mask)])
    ranks = replace(
        ranks,
        greater=narrow(remaining.greater),
        equal=narrow(remaining.equal),
        before=narrow(remaining.before),
        pool_sizes=None,
    )
    return counts_of(ranks, ~excluded_mask, rows_before[ranks.indptr])


def without_listed(top: TopK, excluded: tuple[NDArray[np.int64], NDArray[np.int64]], k: int) -> TopK:
    """The first k entries of each list that are not excluded; lists must be longer than k by the number excluded."""
    indptr, documents = excluded
    query = np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))
    stride = int(max(documents.max(initial=0), top.ids.max(initial=0))) + 1
    list_query = np.arange(len(top.ids)).reshape(-1, *[1] * (top.ids.ndim - 1))
    excluded_mask = np.isin(list_query * stride + top.ids, query * stride + documents) & (top.ids >= 0)
    ids = np.where(excluded_mask, -1, top.ids)
    order = np.argsort(ids < 0, axis=-1, kind="stable")[..., :k]
    arrays = (ids, np.where(excluded_mask, np.float32(np.nan), top.scores), np.where(excluded_mask, -1, top.places))
    ids, scores, places = (np.take_along_axis(array, order, axis=-1) for array in arrays)
    return TopK(ids, scores, places, top.languages)
