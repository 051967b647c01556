"""Where the rows of a shard lie: in this process, or in a file that any process on any machine can map.

A source is plain data and says where, not what; `open` gives the rows themselves, read-only, without a copy.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinometer.errors import FormatError
from clinometer.files import file_digest
from clinometer.store.codes import decoded
from clinometer.store.reader import EmbeddingStore
from clinometer.store.shards import map_shard

__all__ = ["Held", "Mapped", "Source", "is_mapped", "sources_of_store", "spread"]


@dataclass(frozen=True)
class Held:
    """Rows of this process.

    Args:
        rows: `(n, d)` float32 or float16, C-contiguous.
    """

    rows: NDArray[Any]

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def dimension(self) -> int:
        """Length of a row."""
        return int(self.rows.shape[1])

    @property
    def name(self) -> str:
        """Of the file, for messages: there is none."""
        return ""

    def open(self, *, checked: bool = False) -> NDArray[Any]:  # noqa: ARG002 - memory has no checksum
        """The rows."""
        return self.rows


@dataclass(frozen=True)
class Mapped:
    """Rows of a file.

    Args:
        path: The file; every worker must find it there.
        offset: Bytes before the first row.
        shape: `(rows, dimension)`.
        dtype: `float32`, `float16`, or `int16`: codes of a store, decoded as the file is opened, so that a whole shard
            is in memory as float32 while it is scanned.
        size: Bytes of the whole file, None where they are not known; a file of another size is refused.
        sha256: Checksum of the whole file, None where it is not known.
    """

    path: str
    offset: int
    shape: tuple[int, int]
    dtype: str
    size: int | None = None
    sha256: str | None = None

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def dimension(self) -> int:
        """Length of a row."""
        return self.shape[1]

    @property
    def name(self) -> str:
        """Of the file, for messages."""
        return self.path

    def open(self, *, checked: bool = False) -> NDArray[Any]:
        """The rows, mapped: nothing is read yet, unless they are codes.

        Args:
            checked: Read the file and compare its checksum first.

        Raises:
            FormatError: The file is not there, or is not as it was when the scan began.
        """
        try:
            size = os.stat(self.path).st_size  # noqa: PTH116 - the path is text, as a worker gets it
            if size != (self.size if self.size is not None else max(size, self._end)):
                wanted = (
                    f"{self.size:,} were written" if self.size is not None else f"at least {self._end:,} are needed"
                )
                raise FormatError(self.path, None, f"it has {size:,} bytes, but {wanted}; copy it again")
            if checked and self.sha256 is not None and file_digest(Path(self.path)) != self.sha256:
                raise FormatError(
                    self.path, None, "its bytes were changed, the checksum is not the manifest's; copy it again"
                )
            kept = np.memmap(self.path, dtype=self.dtype, mode="r", offset=self.offset, shape=self.kept)
            return decoded(kept) if self.dtype == "int16" else kept
        except FileNotFoundError:
            raise FormatError(
                self.path, None, "this shard is not there; every worker must reach the store under the same path"
            ) from None

    @property
    def kept(self) -> tuple[int, int]:
        """Shape of what the file holds: of codes, each row ends in its scale."""
        return self.shape[0], self.shape[1] + (self.dtype == "int16")

    @property
    def _end(self) -> int:
        return self.offset + int(np.prod(self.kept)) * np.dtype(self.dtype).itemsize


Source = Held | Mapped


def sources_of_store(store: EmbeddingStore) -> list[Mapped]:
    """The shards of a store, in their order, each with its size and checksum.

    Raises:
        FormatError: A shard is not as it was written.
    """
    found = []
    for shard in store.manifest.shards:
        rows = map_shard(store.path, shard)
        path = str((store.path / f"{shard.name}.npy").absolute())
        dtype = store.manifest.dtype
        source = Mapped(
            path, rows.offset, (shard.rows, store.dimension), dtype, rows.offset + rows.nbytes, shard.sha256
        )
        if rows.shape != source.kept or rows.dtype != dtype:
            raise FormatError(
                path, None, f"it is {rows.dtype} of shape {rows.shape}, but the manifest says {dtype} of {source.kept}"
            )
        found.append(source)
    return found


def spread(source: Source) -> Source:
    """The source as other processes should get it: what lies in a memory map is named by file and place, not sent."""
    if isinstance(source, Mapped) or not source.rows.flags.c_contiguous or not source.rows.size:
        return source
    root = _map_of(source.rows)
    if root is None or root.filename is None:
        return source
    inside = source.rows.__array_interface__["data"][0] - root.__array_interface__["data"][0]
    rows, dimension = source.rows.shape
    return Mapped(str(Path(root.filename).absolute()), root.offset + inside, (rows, dimension), source.rows.dtype.name)


def is_mapped(rows: NDArray[Any]) -> bool:
    """Whether an array, or what it is a view of, lies in a memory map."""
    return _map_of(rows) is not None


def _map_of(rows: NDArray[Any]) -> np.memmap[Any, Any] | None:
    """The memory map that an array is part of: the outermost, whose offset is that of its first byte."""
    array: Any = rows
    found = None
    while array is not None:
        if isinstance(array, np.memmap):
            found = array
        array = getattr(array, "base", None)
    return found
