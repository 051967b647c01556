"""Widths of counts: unsigned integers no wider than their largest value needs, and sums that cannot overflow."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Narrow", "Stacked", "narrow", "narrow_sum", "narrowest"]

Narrow = NDArray[np.unsignedinteger[Any]]
_TYPES = (np.uint8, np.uint16, np.uint32)


def narrowest(most: int) -> type[np.unsignedinteger[Any]]:
    """The narrowest unsigned integer that holds counts up to this one.

    Example:
        >>> [narrowest(most).__name__ for most in (0, 255, 256, 1 << 16, 1 << 32)]
        ['uint8', 'uint8', 'uint16', 'uint32', 'uint64']
    """
    return next((kind for kind in _TYPES if most <= np.iinfo(kind).max), np.uint64)


def narrow(counts: NDArray[Any]) -> Narrow:
    """The counts, all 0 or more, as narrow as their largest value allows; no copy if they are so already.

    Example:
        >>> narrow(np.array([[3, 300]], dtype=np.uint32)).dtype.name
        'uint16'
    """
    return counts.astype(narrowest(int(counts.max(initial=0))), copy=False)


def narrow_sum(left: Narrow, right: Narrow) -> Narrow:
    """The sum of two tables of counts, as wide as the sum of their largest values needs.

    Example:
        >>> narrow_sum(np.array([200], dtype=np.uint8), np.array([100], dtype=np.uint8)).tolist()
        [300]
    """
    most = int(left.max(initial=0)) + int(right.max(initial=0))
    # Both are cast to what holds the sum, so nothing is lost.
    total: Narrow = np.add(left, right, dtype=narrowest(most), casting="unsafe")
    return total


class Stacked:
    """Columns of all queries, filled with those of consecutive batches, so that no batch is in memory twice.

    A column is widened if a later batch needs it.
    """

    def __init__(self) -> None:
        self.columns: dict[str, NDArray[Any]] = {}

    def put(self, name: str, part: NDArray[Any], start: int, size: int) -> None:
        """Copy a part of a column of `size` rows to its place."""
        if name not in self.columns:
            self.columns[name] = np.empty((size, *part.shape[1:]), dtype=part.dtype)
        column = self.columns[name]
        wide = np.promote_types(column.dtype, part.dtype)
        if wide != column.dtype:
            self.columns[name] = column = column.astype(wide)
        column[start : start + len(part)] = part
