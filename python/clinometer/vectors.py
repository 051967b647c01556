"""Embeddings as rows of float64, checked, and scaled to length one.

A row's result does not depend on the other rows or their number, so nothing here calls BLAS.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clinometer.errors import EmbeddingError, first_few

__all__ = ["Rows", "checked_rows", "finished_rows", "unit", "unit_rows"]

Rows = NDArray[np.float64]

# Below this length nothing is left of a unit vector: its direction is rounding error.
_NOTHING_LEFT = 1e-6


def checked_rows(vectors: ArrayLike, what: str, *, first_row: int = 0) -> Rows:
    """A copy of the vectors as float64.

    Args:
        vectors: `(n, d)`, any real data type.
        what: Noun for the vectors, for the message.
        first_row: Number of the first row, for the message.

    Raises:
        EmbeddingError: It is not such an array, or rows are zero, NaN or infinite.
    """
    try:
        rows = np.array(vectors, dtype=np.float64)
    except (TypeError, ValueError):
        raise EmbeddingError(f"the {what} are not a numeric array; pass a (rows, dimensions) array") from None
    if rows.ndim != 2 or rows.shape[1] == 0:
        raise EmbeddingError(f"the {what} have shape {rows.shape}, but must be (rows, dimensions)")
    largest = np.abs(rows).max(axis=1)
    bad = np.flatnonzero(~np.isfinite(largest) | (largest == 0))
    if bad.size:
        named = first_few((first_row + bad).tolist())
        raise EmbeddingError(f"{what}: {bad.size} rows are zero, NaN or infinite ({named}); encode these texts again")
    return rows


def unit(rows: Rows) -> Rows:
    """Rows scaled to length one; none may be zero."""
    scaled: Rows = rows / np.abs(rows).max(axis=1, keepdims=True)  # so that no square overflows
    scaled /= np.sqrt(np.einsum("nd,nd->n", scaled, scaled))[:, None]
    return scaled


def unit_rows(vectors: ArrayLike, what: str, *, first_row: int = 0) -> Rows:
    """Vectors as float64 rows of length one; arguments and errors are those of `checked_rows`.

    Example:
        >>> unit_rows([[3.0, 4.0]], "documents")
        array([[0.6, 0.8]])
    """
    return unit(checked_rows(vectors, what, first_row=first_row))


def finished_rows(rows: Rows, complaint: str, first_row: int = 0) -> NDArray[np.float32]:
    """Changed unit rows, scaled back to length one, as float32.

    Args:
        rows: `(n, d)`.
        complaint: Message for rows of which nothing is left, with `{count}` and `{named}` in it.
        first_row: Number of the first row, for the message.

    Raises:
        EmbeddingError: Nothing is left of a row.
    """
    lengths = np.sqrt(np.einsum("nd,nd->n", rows, rows))
    empty = np.flatnonzero(lengths < _NOTHING_LEFT)
    if empty.size:
        raise EmbeddingError(complaint.format(count=empty.size, named=first_few((first_row + empty).tolist())))
    scaled: NDArray[np.float32] = (rows / lengths[:, None]).astype(np.float32)
    return scaled
