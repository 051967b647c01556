"""Clusters of queries that are not independent: what hangs together through shared answers or translations.

A hard passage is hard for every question about it, and a question that is hard in one language is hard in all: such
queries say less than as many independent ones, so an interval must draw them together.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["connected_parts", "query_clusters"]


def connected_parts(first: NDArray[np.int64], second: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """Numbers of the connected parts of a graph, from 0 in the order of their smallest nodes.

    All edges hook the larger of their two roots to the smaller one at once; then each path is halved until every node
    points to its root.

    Args:
        first: `(edges,)`: one end of each edge, a node from 0 to `size` - 1.
        second: `(edges,)`: the other end.
        size: Number of nodes.

    Returns:
        `(size,)`: number of each node's part.

    Example:
        >>> connected_parts(np.array([0, 3]), np.array([2, 4]), 5).tolist()
        [0, 1, 0, 2, 2]
    """
    root = np.arange(size, dtype=np.int64)
    while len(first):
        a, b = root[first], root[second]
        apart = a != b
        first, second, a, b = first[apart], second[apart], a[apart], b[apart]
        np.minimum.at(root, np.maximum(a, b), np.minimum(a, b))
        while not np.array_equal(further := root[root], root):
            root = further
    return np.unique(root, return_inverse=True)[1].reshape(-1).astype(np.int64)


def query_clusters(
    groups: Sequence[str | None],
    query_of: NDArray[np.int64],
    relevant: NDArray[np.int64],
    document_groups: Sequence[str | None],
) -> NDArray[np.int64]:
    """The cluster of each query: queries of one group, and queries that share a relevant document, directly or in turn.

    Documents of one group are translations of one answer and count as one document.

    Args:
        groups: Parallel group of each query, or None.
        query_of: `(judgements,)`: row of the query of each relevant document.
        relevant: `(judgements,)`: row of each relevant document.
        document_groups: Parallel group of each document, or None.

    Returns:
        `(queries,)`: numbers from 0, in the order of each cluster's first query.

    Example:
        >>> query_clusters(["a", "a", None, None], np.array([0, 2, 3]), np.array([0, 1, 2]), ["x", "x", None]).tolist()
        [0, 0, 0, 1]
    """
    queries = len(groups)
    documents, answer_of = np.unique(relevant, return_inverse=True)
    grouped, group = _codes(groups)
    grouped_documents, document_group = _codes([document_groups[row] for row in documents.tolist()])
    # Nodes: queries, their groups, relevant documents, the groups of these.
    document_start = queries + len(grouped)
    answers = document_start + np.arange(len(documents), dtype=np.int64)
    answers[grouped_documents] = document_start + len(documents) + document_group
    first = np.concatenate([grouped, query_of])
    second = np.concatenate([queries + group, answers[answer_of.reshape(-1)]])
    return connected_parts(first, second, document_start + 2 * len(documents))[:queries]


def _codes(groups: Sequence[str | None]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows that have a group, and the number of each one's group."""
    code_of: dict[str, int] = {}
    rows, codes = [], []
    for row, group in enumerate(groups):
        if group is not None:
            rows.append(row)
            codes.append(code_of.setdefault(group, len(code_of)))
    return np.array(rows, dtype=np.int64), np.array(codes, dtype=np.int64)
