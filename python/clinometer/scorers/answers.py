"""Which of a collection's own answers are among the rows of a scan, for the notices of a scorer."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from clinometer.collection import Collection
from clinometer.counts import RankCounts

__all__ = ["answers_where"]


def answers_where(collection: Collection, ranks: RankCounts, marked: NDArray[np.bool_]) -> tuple[int, int]:
    """How many answers are marked, and how many there are.

    Args:
        collection: Its judgements say what an answer is; a scan also has rows for verbatim copies of answers.
        ranks: Counts of a scan of this collection.
        marked: `(R,)`: which rows.
    """
    indptr, documents = collection.relevant()
    size = len(collection.documents)
    keys = _keys(indptr, documents, size)
    answers = np.isin(_keys(ranks.indptr, ranks.documents, size), keys)
    return int(np.count_nonzero(answers & marked)), int(np.count_nonzero(answers))


def _keys(indptr: NDArray[np.int64], documents: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    keys: NDArray[np.int64] = np.repeat(np.arange(len(indptr) - 1), np.diff(indptr)) * size + documents
    return keys
