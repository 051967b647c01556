"""Documents that are not in a query's own pool: a self-match, or an answer that is to be missing.

They are scanned with all others and taken out afterwards by their own scores, so that a scan still compares every query
with every document once.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from clinometer.errors import UsageError
from clinometer.scanning.counts import Counts, RankCounts, TopK, counts_within

__all__ = ["join", "without", "without_listed"]


def join(
    relevant: tuple[NDArray[np.int64], NDArray[np.int64]], excluded: tuple[NDArray[np.int64], NDArray[np.int64]]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """Both kinds of documents of each query in one CSR, and which of them are excluded.

    Raises:
        UsageError: A document is both; the query and the document are named.
    """
    queries = [np.repeat(np.arange(len(indptr) - 1), np.diff(indptr)) for indptr, _ in (relevant, excluded)]
    query, document = np.concatenate(queries), np.concatenate([relevant[1], excluded[1]])
    out = np.arange(len(query)) >= len(relevant[1])
    order = np.lexsort((document, query))
    both = np.flatnonzero((np.diff(document[order]) == 0) & (np.diff(query[order]) == 0))
    if both.size:
        at = order[both[0]]
        raise UsageError(f"document {document[at]} is both relevant to and excluded from query {query[at]}")
    # Relevant documents keep their order, the excluded ones of a query follow them.
    order = np.lexsort((out, query))
    return relevant[0] + excluded[0], document[order], out[order]


def without(ranks: RankCounts, out: NDArray[np.bool_], places: NDArray[np.int64]) -> RankCounts:
    """The counts of the other rows in pools that lack the excluded rows' documents.

    Args:
        ranks: Counts of relevant and excluded documents.
        out: `(R,)`: which rows are excluded.
        places: `(R,)`: place of each row's document in the scan's tie order.
    """
    gone = counts_within(ranks, places, out)
    left = Counts(*(getattr(ranks, name).astype(np.int64) for name in ("greater", "equal", "before"))) - gone
    kept = np.concatenate([[0], np.cumsum(~out)])
    return replace(
        ranks,
        indptr=kept[ranks.indptr],
        documents=ranks.documents[~out],
        codes=ranks.codes[~out],
        scores=ranks.scores[~out],
        greater=left.greater[~out].astype(np.uint32),
        equal=left.equal[~out].astype(np.uint32),
        before=left.before[~out].astype(np.uint32),
        pool_sizes=None,
    )


def without_listed(top: TopK, excluded: tuple[NDArray[np.int64], NDArray[np.int64]], k: int) -> TopK:
    """The first k entries of each list that are not excluded; the lists must have been longer by as many."""
    indptr, documents = excluded
    query = np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))
    stride = int(max(documents.max(initial=0), top.ids.max(initial=0))) + 1
    asked = np.arange(len(top.ids)).reshape(-1, *[1] * (top.ids.ndim - 1))
    gone = np.isin(asked * stride + top.ids, query * stride + documents) & (top.ids >= 0)
    ids = np.where(gone, -1, top.ids)
    order = np.argsort(ids < 0, axis=-1, kind="stable")[..., :k]
    columns = (ids, np.where(gone, np.float32(np.nan), top.scores), np.where(gone, -1, top.places))
    ids, scores, places = (np.take_along_axis(column, order, axis=-1) for column in columns)
    return TopK(ids, scores, places, top.languages)
