"""Pairs of embeddings: checked once, read in one of three forms, and compared by cosine, a block of rows at a time.

Two cosines that differ by less than 1e-12 are equal: such differences are rounding, and identical texts must tie.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, cast, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clinometer.errors import EmbeddingError, UsageError, first_few
from clinometer.suggestions import one_of
from clinometer.vectors import Rows, checked_rows, unit

__all__ = ["Cosines", "Read", "check_read", "cosines", "paired", "rows_as"]

Read = Literal["raw", "normalized", "scaled"]
_EQUAL = 1e-12
_BLOCK = 1024
_LONGEST = 1e100


def rows_as(vectors: ArrayLike, read: Read, what: str) -> Rows:
    """Embeddings as float64, in one of three forms.

    Args:
        vectors: `(n, d)`, any real data type.
        read: `raw`: unchanged. `normalized`: scaled to length 1. `scaled`: scaled to length sqrt(d), the same for every
            model.
        what: Name of the rows in error messages.

    Raises:
        UsageError: The form is unknown, or there are no rows.
        EmbeddingError: Not such an array, or rows that are zero, NaN or infinite.

    Example:
        >>> rows_as([[3.0, 4.0]], "normalized", "texts")
        array([[0.6, 0.8]])
    """
    check_read(read)
    rows = checked_rows(vectors, what)
    if not len(rows):
        raise UsageError(f"there are no {what}; give some rows")
    if read == "raw":
        long = np.flatnonzero(np.abs(rows).max(axis=1) > _LONGEST)
        if long.size:
            raise EmbeddingError(
                f"the {what} in rows {first_few(long.tolist())} have components above {_LONGEST:g}, whose squares "
                "cannot be summed; scale them, or read them normalized"
            )
        return rows
    return unit(rows) * (np.sqrt(rows.shape[1]) if read == "scaled" else 1.0)


def check_read(read: str) -> Read:
    """The form, if it is known.

    Raises:
        UsageError: It is not.
    """
    if read not in get_args(Read):
        raise UsageError(f"unknown form {read!r} of embeddings; expected {one_of(read, get_args(Read))}")
    return cast("Read", read)


def paired(pivot: ArrayLike, target: ArrayLike, read: Read, least: int = 1) -> tuple[Rows, Rows]:
    """Two arrays whose rows are translations of each other.

    Raises:
        UsageError: They have different numbers of rows, or fewer than `least`.
        EmbeddingError: They have different dimensions, or rows that cannot be used.
    """
    first, second = rows_as(pivot, read, "pivot texts"), rows_as(target, read, "target texts")
    if len(first) != len(second):
        raise UsageError(
            f"{len(first)} pivot texts but {len(second)} target texts; row i of one must translate row i of the other"
        )
    if first.shape[1] != second.shape[1]:
        raise EmbeddingError(
            f"the pivot texts have {first.shape[1]} dimensions and the target texts {second.shape[1]}; encode both "
            "with one model"
        )
    if len(first) < least:
        raise UsageError(f"this measure needs {least} or more pairs, but got {len(first)}")
    return first, second


class Cosines(NamedTuple):
    """Summary of the matrix of cosines `C[i, j]` of pivot text i and target text j.

    Args:
        own: `(n,)`: C[i, i].
        above: `(2, n)`: number of cosines of row i (first) and of column i (second) that are greater than C[i, i].
        equal: `(2, n)`: number of other cosines equal to it.
        total: Sum of the whole matrix.
    """

    own: Rows
    above: NDArray[np.int64]
    equal: NDArray[np.int64]
    total: float


def cosines(pivot: ArrayLike, target: ArrayLike) -> Cosines:
    """Compare all pairs; the whole matrix is never in memory.

    Raises:
        UsageError: As for `paired`, or fewer than two pairs.
        EmbeddingError: As for `paired`.
    """
    first, second = paired(pivot, target, "normalized", least=2)
    own = np.einsum("nd,nd->n", first, second)
    above, equal = np.zeros((2, 2, len(own)), dtype=np.int64)
    for start in range(0, len(own), _BLOCK):
        block_rows = slice(start, start + _BLOCK)
        block = first[block_rows] @ second.T
        own_columns = np.arange(start, start + len(block))
        for direction, texts, difference in (
            (0, block_rows, block - own[block_rows, None]),
            (1, slice(None), block - own),
        ):
            difference[np.arange(len(own_columns)), own_columns] = -np.inf
            axis = 1 - direction
            above[direction, texts] += np.count_nonzero(difference > _EQUAL, axis=axis)
            equal[direction, texts] += np.count_nonzero(np.abs(difference) <= _EQUAL, axis=axis)
    return Cosines(own, above, equal, float(first.sum(axis=0) @ second.sum(axis=0)))
