"""Embeddings of any array library as NumPy arrays, and as rows of float64, checked and scaled to length one.

A row's result does not depend on the other rows or their number, so nothing here calls BLAS.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clinometer.errors import ClinometerError, EmbeddingError, first_few

__all__ = ["Rows", "array_of", "checked_rows", "finished_rows", "refuse_masked", "unit", "unit_rows"]

Rows = NDArray[np.float64]

# Below this length nothing is left of a unit vector: its direction is rounding error.
_NOTHING_LEFT = 1e-6


def array_of(values: Any, what: str, *, packed: bool = False) -> NDArray[Any]:
    """Values as a NumPy array, without a copy where possible.

    Tensors of torch may be on a device or part of a graph; bfloat16, of torch or of ml_dtypes, becomes float32, which
    is exact.

    Args:
        values: An array of NumPy, a tensor, or what `numpy.asanyarray` takes.
        what: Noun for the values, for the message.
        packed: Whether uint8 may be packed bits; otherwise it is refused, since such bytes are not components.

    Raises:
        EmbeddingError: Not an array, values are masked, or bytes may be packed bits.
    """
    refuse_masked(values, what)
    if isinstance(values, (list, tuple)) and any(_is_tensor(row) for row in values):
        values = [array_of(row, what, packed=packed) for row in values]
    try:
        array: NDArray[Any] = np.asanyarray(_on_host(values))
    except (TypeError, ValueError, RuntimeError) as error:
        if isinstance(error, ValueError) and isinstance(values, (list, tuple)):
            raise EmbeddingError(f"{what} have rows of different lengths; all must have the same dimension") from None
        raise EmbeddingError(f"{what} are not a numeric array; pass a (rows, dimensions) array") from None
    if isinstance(array, np.ma.MaskedArray):
        array = array.data  # nothing is masked
    if array.dtype.name == "bfloat16":
        array = array.astype(np.float32)
    if array.dtype == np.uint8 and not packed:
        raise EmbeddingError(
            f"{what} are uint8, which may be packed bits; score packed bits with similarity='hamming', and convert "
            "numbers with .astype(numpy.float32)"
        )
    return array


def _is_tensor(values: Any) -> bool:
    return type(values).__module__.partition(".")[0] == "torch"


def _on_host(values: Any) -> Any:
    """A tensor in the memory of this process; bfloat16, which NumPy lacks, as float32."""
    if not _is_tensor(values):
        return values
    tensor = values.detach().cpu()
    array: NDArray[Any] = (tensor.float() if str(tensor.dtype) == "torch.bfloat16" else tensor).numpy()
    return array


def refuse_masked(values: Any, what: str, error: type[ClinometerError] = EmbeddingError) -> None:
    """Refuse arrays with masked values, of which other code would read what is behind the mask.

    Args:
        values: Anything; only masked arrays, and lists of them, are looked at.
        what: Noun for the values, for the message.
        error: Class of the error.

    Raises:
        ClinometerError: A value is masked; the message counts them and names the first row.

    Example:
        >>> refuse_masked(np.ma.array([[1.0, 2.0]], mask=[[False, True]]), "documents")
        Traceback (most recent call last):
        clinometer.errors.EmbeddingError: documents have 1 masked values (the first in row 0); fill them ...
    """
    parts = values if isinstance(values, (list, tuple)) else [values]
    for number, part in enumerate(parts):
        if isinstance(part, np.ma.MaskedArray) and (masked := np.argwhere(np.ma.getmaskarray(part))).size:
            row = number if parts is values else int(masked[0][0]) if masked.shape[1] else 0
            raise error(
                f"{what} have {len(masked):,} masked values (the first in row {row}); fill them with .filled(), or "
                "leave their rows out"
            )


def checked_rows(vectors: ArrayLike, what: str, *, first_row: int = 0) -> Rows:
    """A copy of the vectors as float64.

    Args:
        vectors: `(n, d)`, any real data type.
        what: Noun for the vectors, for the message.
        first_row: Number of the first row, for the message.

    Raises:
        EmbeddingError: It is not such an array, or rows are zero, NaN or infinite.
    """
    array = array_of(vectors, f"the {what}")
    try:
        rows = np.array(array, dtype=np.float64)
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
