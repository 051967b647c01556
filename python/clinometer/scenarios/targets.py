"""The targets of a scan: the relevant documents of each query and their verbatim duplicates, as CSR arrays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from clinometer.collection import Collection

__all__ = ["csr_rows", "most_in_one_language", "related_targets"]


def related_targets(
    collection: Collection, excluded: NDArray[np.int64] | None = None
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Relevant documents and their verbatim duplicates (grade 0 unless judged), as CSR with grades.

    Args:
        collection: Collection of the judgements.
        excluded: `(Q,)`: document that is not in each query's pool, -1 for none; it is not relevant, nor a duplicate.
    """
    twins = collection.twins()
    targets: list[int] = []
    grades: list[int] = []
    indptr = [0]
    for query in range(len(collection.queries)):
        span = slice(collection.indptr[query], collection.indptr[query + 1])
        grade_of = {
            int(row): int(grade)
            for row, grade in zip(collection.judged[span], collection.grades[span], strict=True)
            if grade >= 1 and (excluded is None or row != excluded[query])
        }
        groups = set()
        for row in list(grade_of):
            # Answers may be twins of each other.
            if (group := twins.group(row)) < 0 or group in groups:
                continue
            groups.add(group)
            for twin in twins[row].tolist():
                if excluded is None or twin != excluded[query]:
                    grade_of.setdefault(twin, 0)
        targets += grade_of.keys()
        grades += grade_of.values()
        indptr.append(len(targets))
    return np.array(indptr, np.int64), np.array(targets, np.int64), np.array(grades, np.int64)


def csr_rows(indptr: NDArray[np.int64], queries: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The rows of some queries of a CSR array, one query after the other, and their own `indptr`; -1 has no rows.

    Example:
        >>> csr_rows(np.array([0, 2, 3]), np.array([1, 0, 1]))
        (array([2, 0, 1, 2]), array([0, 1, 3, 4]))
    """
    lengths = np.where(queries < 0, 0, np.diff(indptr)[queries])
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    rows = np.arange(starts[-1]) + np.repeat(indptr[queries] - starts[:-1], lengths)
    return rows.astype(np.int64), starts


def most_in_one_language(collection: Collection, indptr: NDArray[np.int64], targets: NDArray[np.int64]) -> int:
    """Largest number of targets that a query has in one language."""
    codes = collection.documents.coded_languages.codes.astype(np.int64)
    query_of = np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))
    return int(np.unique(query_of * (codes.max() + 1) + codes[targets], return_counts=True)[1].max())
