"""Feedback: a second search with the query moved a little towards the best document of the first.

The best document stays first. With unit rows q, d* and d, and weight a > 0, its second score is q·d* + a, and that of
any other document q·d + a d*·d: neither q·d nor d*·d can be greater than q·d* and 1. So measures of the first place,
such as nDCG@1, stay, and what rises are the documents that are like the best one, in whatever language.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clinometer.correction.records import with_entry
from clinometer.errors import EmbeddingError, UsageError, shown
from clinometer.parameters import is_real
from clinometer.vectors import array_of, finished_rows, unit_rows

__all__ = ["WEIGHT", "check_weight", "fed_back", "with_feedback"]

WEIGHT = 0.2
"""Weight of the best document; chosen on tico19 and train."""

_BLOCK = 8192

_MOST = 1e6
"""Largest weight: with more, float32 would hold nothing of the query, and at last nothing of the document either."""


def fed_back(queries: ArrayLike, documents: ArrayLike, weight: float = WEIGHT) -> NDArray[np.float32]:
    """Queries of the second search: `q + weight * d`, both of length one, scaled to length one.

    Args:
        queries: `(n, d)` embeddings of the queries, corrected like the index.
        documents: `(n, d)`: each query's best document in the first search. A row of zeros leaves the query as it is.
        weight: Weight of the document, above 0 and at most a million.

    Raises:
        EmbeddingError: Rows that cannot be used, or the shapes differ.
        UsageError: The weight cannot be used.

    Example:
        >>> fed_back([[1.0, 0.0]], [[0.6, 0.8]], weight=0.5).round(3).tolist()
        [[0.9559999704360962, 0.2939999997615814]]
    """
    check_weight(weight)
    query_rows, document_rows = array_of(queries, "the queries"), array_of(documents, "the documents")
    if query_rows.shape != document_rows.shape or query_rows.ndim != 2:
        raise EmbeddingError(
            f"the queries have shape {query_rows.shape}, their documents {document_rows.shape}; give one document for "
            "each query"
        )
    if document_rows.dtype.kind not in "iuf":
        raise EmbeddingError(f"the documents are {document_rows.dtype}, not a numeric array; pass embeddings")
    moved = np.empty(query_rows.shape, dtype=np.float32)
    message = "queries: nothing is left of {count} rows after feedback ({named}); lower its weight"
    for start in range(0, len(query_rows), _BLOCK):
        part = slice(start, start + _BLOCK)
        rows = unit_rows(query_rows[part], "queries", first_row=start)
        some = np.asarray(document_rows[part] != 0).any(axis=1)
        if some.any():
            rows[some] += weight * unit_rows(document_rows[part][some], "documents")
        moved[part] = finished_rows(rows, message, start)
    return moved


def check_weight(weight: object) -> None:
    """Refuse a weight that is not a number above 0, or that leaves nothing of the query.

    Raises:
        UsageError: The message gives the weight.
    """
    if not (is_real(weight) and 0 < weight < math.inf):
        raise UsageError(f"feedback is {shown(weight)}, but must be a number above 0, such as {WEIGHT}")
    if weight > _MOST:
        raise UsageError(f"feedback is {shown(weight)}, which leaves nothing of the query; give less, such as {WEIGHT}")


def with_feedback(record: Mapping[str, Any], weight: float) -> dict[str, Any]:
    """The record of an encoder, as builtins, with feedback as its last remedy, since it follows a search.

    Raises:
        UsageError: One of its remedies is a calibration. Its documents hold their language in columns of their own, and
            the best document would bring its language into the query.

    Example:
        >>> record = with_feedback({"name": "model + center", "remedies": [{"method": "center"}]}, 0.2)
        >>> record["name"], record["remedies"][1]
        ('model + center + feedback', {'method': 'feedback', 'digest': '', 'settings': {'weight': 0.2}})
    """
    if any(remedy["method"] == "calibrate" for remedy in record["remedies"]):
        raise UsageError(
            "feedback cannot follow calibrate: its documents hold their language in columns of their own, which the "
            "best document would bring into the query; correct by center instead, or leave feedback out"
        )
    return with_entry(record, {"method": "feedback", "digest": "", "settings": {"weight": float(weight)}})
