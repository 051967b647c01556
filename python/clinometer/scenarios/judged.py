"""Judged documents in a scan: the placements of the relevant ones in pools of judged documents only.

As in trec_eval, documents of negative grades count as unjudged. The judged ones are targets of the same scan as the
relevant documents; of each query, the ranks among its judged documents follow from their scores.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from clinometer.collection import Collection
from clinometer.measures.placements import Placements
from clinometer.scanning.counts import Counts, RankCounts, TieMode, counts_of, counts_within

__all__ = ["JudgedRows", "rows_of", "with_judged"]

Targets = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]


class JudgedRows(NamedTuple):
    """Rows of a scan for every judged document of grade 0 or more.

    Args:
        counts: Their counts; only scores, languages and documents are read.
        grades: `(J,)`: their grades.
        places: `(J,)`: position of each row's document in the tie order of the scan.
    """

    counts: RankCounts
    grades: NDArray[np.int64]
    places: NDArray[np.int64]

    def placements(
        self,
        query: NDArray[np.int64],
        documents: NDArray[np.int64],
        pool: Sequence[int],
        removed: int | None,
        ties: TieMode,
    ) -> Placements:
        """Some relevant documents in a pool of the documents that were judged for their query, without languages.

        Args:
            query: `(R,)`: their queries, ascending.
            documents: `(R,)`: the documents.
            pool: Codes of the languages of the pool.
            removed: Code of the language whose relevant documents are not in the pool; None for none.
            ties: Order of equal scores.
        """
        counts = self.counts
        row_query = np.repeat(np.arange(len(counts.indptr) - 1), np.diff(counts.indptr))
        members = np.isin(counts.codes, pool)
        if removed is not None:
            members &= (counts.codes != removed) | (self.grades < 1)
        size = int(max(counts.documents.max(initial=0), documents.max(initial=0))) + 1
        row_keys = row_query * size + counts.documents
        order = np.argsort(row_keys, kind="stable")
        rows = order[np.searchsorted(row_keys, query * size + documents, sorter=order)]
        within = counts_within(counts, self.places, members)
        parts = (within.greater, within.equal, within.before)
        columns = (part[rows].sum(axis=1, dtype=np.int64)[:, None] for part in parts)
        zeros = np.zeros((len(rows), 1), dtype=np.int64)
        queries, rows_of_query = np.unique(query, return_counts=True)
        retrieved = counts.retrieved[rows]
        return Placements(
            indptr=np.concatenate([[0], np.cumsum(rows_of_query)]).astype(np.int64),
            grades=self.grades[rows],
            language=np.zeros(len(rows), dtype=np.int64),
            counts=Counts(*columns),
            related=Counts(zeros, zeros, zeros),
            sizes=np.bincount(row_query[members], minlength=len(counts.indptr) - 1)[queries].astype(np.int64),
            languages=("",),
            ties=ties,
            retrieved=None if retrieved.all() else retrieved,
            judged_only=True,
        )


def with_judged(
    collection: Collection, related: Targets, excluded: NDArray[np.int64] | None = None
) -> tuple[Targets, NDArray[np.bool_], NDArray[np.bool_]]:
    """Targets with those judged documents that are not among them, and which rows are of related and judged ones.

    `excluded` is `(Q,)`: the document that is not in each query's pool, -1 for none.
    """
    size, graded = len(collection.documents), collection.grades >= 0
    if excluded is not None:
        graded &= collection.judged != np.repeat(excluded, np.diff(collection.indptr))
    keys = [
        np.repeat(np.arange(len(indptr) - 1), np.diff(indptr)) * size + documents
        for indptr, documents in (related[:2], (collection.indptr, collection.judged))
    ]
    keys[1] = keys[1][graded]
    every = np.concatenate([keys[0], np.setdiff1d(keys[1], keys[0])])
    # The related documents of a query keep their order, the others follow them.
    order = np.lexsort((np.arange(len(every)), every // size))
    every, is_related = every[order], order < len(keys[0])
    grade_of = dict(zip(keys[1].tolist(), collection.grades[graded].tolist(), strict=True))
    grades = np.array([grade_of.get(key, 0) for key in every.tolist()], dtype=np.int64)
    queries = len(collection.queries)
    indptr = np.concatenate([[0], np.cumsum(np.bincount(every // size, minlength=queries))]).astype(np.int64)
    return (indptr, every % size, grades), is_related, np.isin(every, keys[1])


def rows_of(counts: RankCounts, rows: NDArray[np.bool_]) -> RankCounts:
    """The counts of some of the rows."""
    rows_before = np.concatenate([[0], np.cumsum(rows)]).astype(np.int64)
    return counts_of(counts, rows, rows_before[counts.indptr])
