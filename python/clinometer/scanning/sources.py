"""Location of the rows of a shard: in this process, in a file that any process can map, or in object storage.

A source is plain data. `open` gives its rows, read-only, of memory and of files without a copy; those of object storage
come by blocks, of which the next is fetched while one is scanned.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinometer.errors import FormatError
from clinometer.files import RemotePath, file_digest
from clinometer.scanning.device.tensors import TensorRows
from clinometer.store.codes import decoded
from clinometer.store.manifest import Shard
from clinometer.store.reader import EmbeddingStore
from clinometer.store.shards import map_shard, read_rows, stored_rows, take_rows
from clinometer.vectors import address_of, map_of

__all__ = [
    *("Held", "Mapped", "Remote", "Source", "arrays_in", "at_hand", "fetched_bytes", "in_one_part", "is_mapped"),
    *("parts_of", "remote_block_bytes", "sources_of_store", "spread"),
]

_DIGEST_DIFFERS = "its checksum differs from the manifest's; copy it again"
_BLOCK = 64 << 20


@dataclass(frozen=True)
class Held:
    """Rows in the memory of this process: `(n, d)` float32 or float16, C-contiguous."""

    rows: NDArray[Any]

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def dimension(self) -> int:
        """Length of a row."""
        return int(self.rows.shape[1])

    @property
    def name(self) -> str:
        """Path of the file of mapped rows, for messages; empty for others."""
        root = map_of(self.rows)
        return "" if root is None or root.filename is None else os.fspath(root.filename)

    def open(self, *, checked: bool = False) -> NDArray[Any]:  # noqa: ARG002 - memory has no checksum
        """The rows.

        Raises:
            FormatError: They are mapped, and their file is shorter by now.
        """
        self.check(checked=False)
        return self.rows

    def check(self, *, checked: bool) -> None:  # noqa: ARG002 - memory has no checksum
        """Refuse mapped rows whose file is shorter by now."""
        mapped = spread(self)
        if isinstance(mapped, Mapped):
            mapped.check_size()

    def block(self, start: int, stop: int) -> NDArray[Any]:
        """Consecutive rows."""
        return self.rows[start:stop]

    def take(self, numbers: NDArray[np.int64]) -> NDArray[Any]:
        """Rows by number."""
        rows: NDArray[Any] = self.rows[numbers]
        return rows


@dataclass(frozen=True)
class _InFile:
    """Rows in a file, local or not.

    Args:
        path: The file.
        offset: Bytes before the first row.
        shape: `(rows, dimension)`.
        dtype: `float32`, `float16`, or `int16` for codes of a store, which are decoded when they are read.
    """

    path: str | RemotePath
    offset: int
    shape: tuple[int, int]
    dtype: str

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def dimension(self) -> int:
        """Length of a row."""
        return self.shape[1]

    @property
    def name(self) -> str:
        """Path or URL of the file, for messages."""
        return str(self.path)

    @property
    def stored_shape(self) -> tuple[int, int]:
        """Shape of the array in the file: each row of codes ends with its scale."""
        return self.shape[0], self.shape[1] + (self.dtype == "int16")

    @property
    def row_bytes(self) -> int:
        """Bytes of a row in the file."""
        return self.stored_shape[1] * np.dtype(self.dtype).itemsize

    def block(self, start: int, stop: int) -> NDArray[Any]:
        """Consecutive rows, read into memory.

        Raises:
            FormatError: The file ends before.
            ClinometerError: The storage cannot be read.
        """
        return read_rows(self.path, self.offset, self.dtype, self.stored_shape[1], start, stop)

    def take(self, numbers: NDArray[np.int64]) -> NDArray[Any]:
        """Rows by number, read into memory; errors are those of `block`."""
        return take_rows(self.path, self.offset, self.dtype, self.stored_shape[1], numbers)


@dataclass(frozen=True)
class Mapped(_InFile):
    """Rows in a local file; a shard of codes is in memory as float32 while it is scanned.

    Args:
        path: Path of the file, the same for every worker.
        size: Bytes of the whole file, None if unknown; a file of another size is refused.
        sha256: Checksum of the whole file, None if unknown.
    """

    path: str
    size: int | None = None
    sha256: str | None = None

    def open(self, *, checked: bool = False) -> NDArray[Any]:
        """The mapped rows; nothing is read yet, unless they are codes.

        Args:
            checked: Whether to read the file and compare its checksum first.

        Raises:
            FormatError: The file does not exist, or has changed since the scan began.
        """
        self.check(checked=checked)
        if self.dtype == "int16":
            return self.block(0, len(self))
        return np.memmap(self.path, dtype=self.dtype, mode="r", offset=self.offset, shape=self.stored_shape)

    def check(self, *, checked: bool) -> None:
        """Refuse a file that has changed since the scan began; with `checked`, by its checksum too."""
        self.check_size()
        if checked and self.sha256 is not None and file_digest(Path(self.path)) != self.sha256:
            raise FormatError(self.path, None, _DIGEST_DIFFERS)

    def check_size(self) -> None:
        """Refuse a file that does not exist, or has another size."""
        try:
            size = os.stat(self.path).st_size  # noqa: PTH116 - the path is text, as a worker gets it
        except FileNotFoundError:
            raise FormatError(
                self.path,
                None,
                f"this shard does not exist on {platform.node()}; every worker must reach the store under the same "
                "path, or read it from a URL",
            ) from None
        if size != (self.size if self.size is not None else max(size, self._end)):
            expected = f"{self.size:,}" if self.size is not None else f"at least {self._end:,}"
            raise FormatError(self.path, None, f"{size:,} bytes, but expected {expected}; copy it again")

    def take(self, numbers: NDArray[np.int64]) -> NDArray[Any]:
        """Rows by number, read into memory; errors are those of `open`."""
        self.check_size()
        return super().take(numbers)

    @property
    def _end(self) -> int:
        return self.offset + len(self) * self.row_bytes


@dataclass(frozen=True)
class Remote(_InFile):
    """Rows in a file of object storage, which are fetched by blocks, and decoded block by block if they are codes.

    Args:
        path: The file, with the options of its storage.
        size: Bytes of the whole file; a file of another size is refused.
        sha256: Checksum of the whole file.
    """

    path: RemotePath
    size: int
    sha256: str

    def open(self, *, checked: bool = False) -> NDArray[Any]:
        """All rows, in memory; arguments and errors are those of `check` and `block`."""
        self.check(checked=checked)
        return self.block(0, len(self))

    def check(self, *, checked: bool) -> None:
        """Refuse a file that has changed since the scan began: of another size, or, `checked`, another checksum.

        Raises:
            FormatError: It has changed.
            ClinometerError: The storage cannot be read.
        """
        if (size := self.path.size()) != self.size:
            raise FormatError(self.path, None, f"{size:,} bytes, but expected {self.size:,}; copy it again")
        if checked and file_digest(self.path) != self.sha256:
            raise FormatError(self.path, None, _DIGEST_DIFFERS)

    def parts(self, most: int | None = None, *, checked: bool) -> Iterator[NDArray[Any]]:
        """The rows, at most so many at a time, while the next ones are fetched.

        Args:
            most: Maximum number of rows; None for as many as one block has.
            checked: Whether to compare the checksum of all bytes, after the last rows.

        Raises:
            FormatError: The file has changed since the scan began.
            ClinometerError: The storage cannot be read.
        """
        import hashlib
        from concurrent.futures import ThreadPoolExecutor

        self.check(checked=False)
        sha = hashlib.sha256(b"".join(self.path.ranges([(0, self.offset)]))) if checked else None
        rows = self._block_rows
        spans = [(start, min(start + rows, len(self))) for start in range(0, len(self), rows)]
        with ThreadPoolExecutor(1, thread_name_prefix="fetch") as fetching:
            fetched = fetching.submit(self._stored, *spans[0])
            for number in range(len(spans)):
                block = fetched.result()
                if number + 1 < len(spans):
                    fetched = fetching.submit(self._stored, *spans[number + 1])
                if sha is not None:
                    sha.update(block.data)
                step = most or len(block)
                for start in range(0, len(block), step):
                    part = block[start : start + step]
                    yield decoded(part) if self.dtype == "int16" else part
        if sha is not None and sha.hexdigest() != self.sha256:
            raise FormatError(self.path, None, _DIGEST_DIFFERS)

    @property
    def fetched_bytes(self) -> int:
        """Bytes of memory in which rows are fetched, and codes decoded, during a scan."""
        decoded_bytes = 4 * self.dimension if self.dtype == "int16" else 0
        return remote_block_bytes(len(self), self.row_bytes) + self._block_rows * decoded_bytes

    @property
    def _block_rows(self) -> int:
        return _rows_of_block(len(self), self.row_bytes)

    def _stored(self, start: int, stop: int) -> NDArray[Any]:
        """Rows as they are stored."""
        return stored_rows(self.path, self.offset, self.dtype, self.stored_shape[1], start, stop)


Source = Held | Mapped | Remote | TensorRows


def parts_of(source: Source, most: int | None = None, *, checked: bool) -> Iterator[NDArray[Any]]:
    """The rows of a source, at most so many at a time.

    Args:
        source: Location of the rows.
        most: Maximum number of rows; None for all at once, or for as many as one block of object storage has.
        checked: Whether to compare the checksum of a file.

    Raises:
        FormatError: A file has changed since the scan began.
    """
    if isinstance(source, Remote):
        yield from source.parts(most, checked=checked)
    elif most is None:
        yield source.open(checked=checked)
    else:
        source.check(checked=checked)
        for start in range(0, len(source), most):
            yield source.block(start, min(start + most, len(source)))


def in_one_part(source: Source) -> bool:
    """Whether `parts_of` gives all rows at once; those of object storage come by blocks."""
    return not isinstance(source, Remote)


def at_hand(source: Source) -> bool:
    """Whether `open` copies no rows: they are in memory, or a map of a file has them as they are."""
    return isinstance(source, Held) or (isinstance(source, Mapped) and source.dtype != "int16")


def remote_block_bytes(rows: int, row_bytes: int) -> int:
    """Bytes of memory in which rows of a shard are fetched: a block, the next one, and the latter's ranges."""
    return 3 * _rows_of_block(rows, row_bytes) * row_bytes


def _rows_of_block(rows: int, row_bytes: int) -> int:
    return min(rows, max(1, _BLOCK // row_bytes))


def fetched_bytes(source: Source) -> int:
    """Bytes of memory in which a scan fetches rows from object storage, 0 for those that are at hand."""
    return source.fetched_bytes if isinstance(source, Remote) else 0


def arrays_in(documents: Any) -> Sequence[Any]:
    """The consecutive arrays of a list of arrays; anything else is one."""
    if isinstance(documents, (list, tuple)) and documents and all(getattr(rows, "ndim", 0) == 2 for rows in documents):
        return documents
    return [documents]


def sources_of_store(store: EmbeddingStore) -> list[Source]:
    """The shards of a store, in their order, each with its size and checksum; refused if one has changed."""
    if isinstance(store.path, RemotePath):
        return [_remote(store.path, store, shard) for shard in store.manifest.shards]
    sources: list[Source] = []
    for shard in store.manifest.shards:
        rows = map_shard(store.path, shard)
        path = str((store.path / f"{shard.name}.npy").absolute())
        dtype = store.manifest.dtype
        shape, end = (shard.rows, store.dimension), rows.offset + rows.nbytes
        source = Mapped(path, rows.offset, shape, dtype, end, shard.sha256)
        if rows.shape != source.stored_shape or rows.dtype != dtype:
            problem = f"{rows.dtype} of shape {rows.shape}, but the manifest says {dtype} of {source.stored_shape}"
            raise FormatError(path, None, problem)
        sources.append(source)
    return sources


def _remote(folder: RemotePath, store: EmbeddingStore, shard: Shard) -> Remote:
    offset, size = store.layout[shard.name]
    shape = shard.rows, store.dimension
    return Remote(folder / f"{shard.name}.npy", offset, shape, store.manifest.dtype, size, shard.sha256)


def spread(source: Source) -> Source:
    """The source to send to other processes: rows in a memory map become file and offset."""
    if not isinstance(source, Held) or not source.rows.flags.c_contiguous or not source.rows.size:
        return source
    root = map_of(source.rows)
    if root is None or root.filename is None:
        return source
    offset = root.offset + address_of(source.rows) - address_of(root)
    rows, dimension = source.rows.shape
    return Mapped(str(Path(root.filename).absolute()), offset, (rows, dimension), source.rows.dtype.name)


def is_mapped(rows: NDArray[Any]) -> bool:
    """Whether an array, or the array that it is a view of, is a memory map."""
    return map_of(rows) is not None
