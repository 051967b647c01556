"""Embeddings as rows of float64, checked, and scaled to length one.

A row's result does not depend on the other rows or their number, so nothing here calls BLAS.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clinometer.errors import EmbeddingError, first_few, first_line
from clinometer.memory import refuse_more_than_available

__all__ = ["Rows", "checked_rows", "finished_rows", "named_type", "plain_array", "unit", "unit_rows"]

Rows = NDArray[np.float64]

# Below this length nothing is left of a unit vector: its direction is rounding error.
_NOTHING_LEFT = 1e-6


def plain_array(values: object, what: str) -> NDArray[Any]:
    """Values as an array of NumPy's own class, without a copy where they are one; memory maps stay maps.

    Args:
        values: Anything that NumPy takes for an array.
        what: Plural noun for the values, for the message.

    Raises:
        EmbeddingError: NumPy does not, or rows differ in length.

    Example:
        >>> plain_array([[1, 2]], "documents").shape
        (1, 2)
    """
    try:
        array = np.asarray(values)
    except ValueError:
        raise EmbeddingError(f"{what} have rows of different lengths; all must have the same dimension") from None
    except Exception as error:
        raise EmbeddingError(f"{what} cannot be read as an array ({first_line(error)})") from None
    if array.ndim == 0 and array.dtype.kind not in "biufc":
        raise EmbeddingError(f"{what} are {named_type(values)}, but must be an array of (rows, dimension)")
    return array


def named_type(value: object) -> str:
    """The type of a value with its article.

    Example:
        >>> named_type({}), named_type(1), named_type(None)
        ('a dict', 'an int', 'None')
    """
    name = type(value).__name__
    return "None" if value is None else f"{'an' if name[0] in 'aeiouAEIOU' else 'a'} {name}"


def checked_rows(vectors: ArrayLike, what: str, *, first_row: int = 0) -> Rows:
    """A copy of the vectors as float64.

    Args:
        vectors: `(n, d)`, any real data type.
        what: Noun for the vectors, for the message.
        first_row: Number of the first row, for the message.

    Raises:
        EmbeddingError: It is not such an array, or rows are zero, NaN or infinite.
    """
    array = plain_array(vectors, f"the {what}")
    if array.ndim != 2 or array.shape[1] == 0:
        raise EmbeddingError(f"the {what} have shape {array.shape}, but must be (rows, dimensions)")
    if array.dtype.kind not in "iuf":
        raise EmbeddingError(f"the {what} are {array.dtype}, not a numeric array; pass a (rows, dimensions) array")
    refuse_more_than_available(8 * array.size, f"the {what} in float64", "pass fewer rows at a time")
    with np.errstate(over="ignore"):
        rows = np.array(array, dtype=np.float64)
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
