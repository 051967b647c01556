"""Embeddings of any array library as NumPy arrays, and as rows of float64, checked and scaled to length one.

A row's result does not depend on the other rows or their number, so nothing here calls BLAS.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clinometer.errors import ClinometerError, EmbeddingError, FormatError, first_few
from clinometer.memory import refuse_more_than_available

__all__ = [
    *("Rows", "address_of", "array_of", "checked_rows", "finished_rows", "is_tensor", "map_of", "named_type"),
    *("refuse_masked", "refuse_shortened", "unit", "unit_rows", "unusable_rows"),
]

Rows = NDArray[np.float64]

# Below this length nothing is left of a unit vector: its direction is rounding error.
_NOTHING_LEFT = 1e-6
_CELLS_AT_ONCE = 1 << 20


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
        FormatError: The array is a memory map, whose file is shorter by now.
    """
    refuse_masked(values, what)
    refuse_shortened(values)
    if isinstance(values, (list, tuple)) and any(is_tensor(row) for row in values):
        values = [array_of(row, what, packed=packed) for row in values]
    try:
        # Of a masked array, in which nothing is masked, this is the data.
        array: NDArray[Any] = np.asarray(_on_host(values))
    except Exception as error:
        if isinstance(error, ValueError) and isinstance(values, (list, tuple)):
            raise EmbeddingError(f"{what} have rows of different lengths; all must have the same dimension") from None
        raise EmbeddingError(f"{what} are not a numeric array; pass a (rows, dimensions) array") from None
    if array.ndim == 0 and array.dtype.kind not in "biufc":
        raise EmbeddingError(f"{what} are {named_type(values)}, but must be an array of (rows, dimension)")
    if array.dtype.name == "bfloat16":
        array = array.astype(np.float32)
    if array.dtype == np.uint8 and not packed:
        raise EmbeddingError(
            f"{what} are uint8, which may be packed bits; score packed bits with similarity='hamming', and convert "
            "numbers with .astype(numpy.float32)"
        )
    return array


def is_tensor(values: Any) -> bool:
    """Whether it is a tensor of torch, which need not be installed."""
    return type(values).__module__.partition(".")[0] == "torch"


def _on_host(values: Any) -> Any:
    """A tensor in the memory of this process; bfloat16, which NumPy lacks, as float32."""
    if not is_tensor(values):
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
    if not any(issubclass(kind, np.ma.MaskedArray) for kind in set(map(type, parts))):
        return  # a look at the types, since a list may have millions of items
    for number, part in enumerate(parts):
        if isinstance(part, np.ma.MaskedArray) and (masked := np.argwhere(np.ma.getmaskarray(part))).size:
            row = number if parts is values else int(masked[0][0]) if masked.shape[1] else 0
            raise error(
                f"{what} have {len(masked):,} masked values (the first in row {row}); fill them with .filled(), or "
                "leave their rows out"
            )


def map_of(rows: Any) -> np.memmap[Any, Any] | None:
    """The outermost memory map that an array is part of, whose offset is that of the map's first byte."""
    outermost = None
    while rows is not None:
        if isinstance(rows, np.memmap):
            outermost = rows
        rows = getattr(rows, "base", None)
    return outermost


def address_of(array: NDArray[Any]) -> int:
    """Where the memory of an array begins; `array.ctypes.data` takes many times as long."""
    address: int = array.__array_interface__["data"][0]
    return address


def refuse_shortened(rows: Any) -> None:
    """Refuse a part of a memory map that its file no longer holds: to read it would end the process.

    Raises:
        FormatError: The file is shorter by now.
    """
    root = map_of(rows) if isinstance(rows, np.ndarray) and rows.size else None
    if root is None or root.filename is None:
        return
    steps = zip(rows.shape, rows.strides, strict=True)
    last = address_of(rows) + sum((size - 1) * step for size, step in steps if step > 0)
    end = root.offset + last + rows.itemsize - address_of(root)
    try:
        size = os.stat(root.filename).st_size  # noqa: PTH116 - one call in the loops that this is for
    except OSError:
        return  # a file that was deleted is held by its map
    if size < end:
        raise FormatError(root.filename, None, f"{size:,} bytes, but expected at least {end:,}; copy it again")


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
    array = array_of(vectors, f"the {what}")
    if array.ndim != 2 or array.shape[1] == 0:
        raise EmbeddingError(f"the {what} have shape {array.shape}, but must be (rows, dimensions)")
    if array.dtype.kind not in "iuf":
        raise EmbeddingError(f"the {what} are {array.dtype}, not a numeric array; pass a (rows, dimensions) array")
    refuse_more_than_available(8 * array.size, f"the {what} in float64", "pass fewer rows at a time")
    with np.errstate(over="ignore"):
        rows = np.array(array, dtype=np.float64)
    bad = unusable_rows(rows)
    if bad.size:
        named = first_few((first_row + bad).tolist())
        raise EmbeddingError(f"{what}: {bad.size} rows are zero, NaN or infinite ({named}); encode these texts again")
    return rows


def unusable_rows(rows: NDArray[Any]) -> NDArray[np.int64]:
    """Numbers of the rows that have no direction: zero, NaN or infinite.

    Example:
        >>> unusable_rows(np.array([[3.0, 4.0], [0.0, 0.0], [1.0, np.nan], [np.inf, 1.0]])).tolist()
        [1, 2, 3]
    """
    step = max(1, _CELLS_AT_ONCE // max(1, rows.shape[1]))
    unusable = [np.empty(0, dtype=np.int64)]
    for start in range(0, len(rows), step):  # a mapped array may be larger than memory
        largest = np.abs(rows[start : start + step]).max(axis=1)
        unusable.append(start + np.flatnonzero(~np.isfinite(largest) | (largest == 0)))
    return np.concatenate(unusable)


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
