"""A shard in object storage as an array that is fetched when it is indexed or converted."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from clinometer.files import RemotePath
from clinometer.store.shards import read_rows, take_rows

__all__ = ["RemoteRows"]


@dataclass(frozen=True)
class RemoteRows:
    """Rows of a file that stay in the storage: each access fetches them again, and codes are decoded.

    Args:
        path: The file.
        offset: Bytes before its first row.
        stored: Data type of the file; `int16` for codes.
        width: Numbers in a row of it.
        count: Number of rows.
    """

    path: Path | RemotePath
    offset: int
    stored: str
    width: int
    count: int

    ndim = 2

    def __len__(self) -> int:
        return self.count

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and dimension."""
        return self.count, self.width - (self.stored == "int16")

    @property
    def dtype(self) -> np.dtype[Any]:
        """Data type of the fetched rows."""
        return np.dtype(np.float32 if self.stored == "int16" else self.stored)

    @property
    def nbytes(self) -> int:
        """Bytes of the fetched rows."""
        return self.count * self.shape[1] * self.dtype.itemsize

    def __getitem__(self, rows: Any) -> NDArray[Any]:
        """Rows by number, slice, or list of numbers."""
        if isinstance(rows, slice):
            start, stop, step = rows.indices(self.count)
            if step == 1:
                return read_rows(self.path, self.offset, self.stored, self.width, start, max(start, stop))
        numbers = np.arange(self.count)[rows]
        taken = take_rows(self.path, self.offset, self.stored, self.width, np.atleast_1d(numbers))
        row: NDArray[Any] = taken if numbers.ndim else taken[0]
        return row

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        if copy is False:
            raise ValueError("remote rows are fetched into new memory and have no array to share")
        return self[:].astype(self.dtype if dtype is None else dtype, copy=False)
