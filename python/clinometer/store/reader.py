"""Embeddings on disk, read in place, or in object storage, read by ranges.

Opening checks every file's size and header but reads no row. Local rows of float32 and float16 are read-only maps;
codes are decoded, and remote rows fetched, whenever rows are read.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

from clinometer.encoders.base import EncoderRecord
from clinometer.errors import FormatError, UsageError
from clinometer.files import RemotePath, location
from clinometer.parameters import whole
from clinometer.store.codes import CodedRows
from clinometer.store.manifest import MANIFEST, STAGES, Manifest, Shard, Stage, read_manifest
from clinometer.store.remote_rows import RemoteRows
from clinometer.store.rowfiles import stored_values
from clinometer.store.shards import ShardLayout, map_shard, read_rows, refuse_bad_shards, take_rows
from clinometer.vectors import array_of

__all__ = ["EmbeddingStore", "find_store", "stores_in"]


class EmbeddingStore:
    """Embeddings of documents or queries in consecutive shards. Created by `EmbeddingStore.open`.

    Args:
        path: Folder or URL of the store.
        manifest: Manifest at the time when the store was opened.

    Example:
        >>> import tempfile, numpy as np
        >>> from clinometer.encoders import EncoderRecord
        >>> from clinometer.store import StoreWriter
        >>> folder = tempfile.TemporaryDirectory()
        >>> with StoreWriter(folder.name, EncoderRecord(name="m", kind="http"), "documents", "float16") as writer:
        ...     writer.append(np.eye(2), ["a", "b"], ["en", "de"])
        ...     writer.append(np.ones((1, 2)), ["c"], ["deu_Latn"])
        >>> store = EmbeddingStore.open(folder.name)
        >>> len(store), store.dimension, store.dtype, store.languages
        (3, 2, dtype('float16'), ('en', 'de', 'de'))
        >>> store.rows(1, 3).tolist(), [len(shard) for shard in store.shards()]
        ([[0.0, 1.0], [1.0, 1.0]], [2, 1])
        >>> folder.cleanup()
    """

    def __init__(self, path: str | os.PathLike[str] | RemotePath, manifest: Manifest) -> None:
        self.path, self.manifest = location(path), manifest
        self._ends = np.cumsum([shard.rows for shard in manifest.shards], dtype=np.int64)

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str] | RemotePath,
        *,
        partial: bool = False,
        storage_options: Mapping[str, Any] | None = None,
    ) -> Self:
        """Open a store for reading, after cheap checks: manifest, and size and header of each file.

        Args:
            path: Folder of the store, or its URL in object storage, such as `s3://bucket/store/documents`, which needs
                the extra `s3` or `fsspec`. Its rows are fetched by ranges, a block at a time, whenever they are read.
            partial: Whether to open a store whose encoding is not finished.
            storage_options: For a URL, options of its file system in fsspec, such as `endpoint_url`. By default,
                the environment and the configuration of the storage decide. They are not part of results.

        Raises:
            FormatError: The manifest or a shard has changed since it was written, or planned rows are missing.
            FileNotFoundError: The folder does not exist.
            UsageError: The URL has a key, or fsspec does not know its protocol.
            ClinometerError: The storage cannot be read, after a few attempts.
            MissingExtraError: fsspec, or the package of the protocol, is not installed.
        """
        folder = location(path, storage_options)
        store = cls(folder, read_manifest(folder))
        _ = store.layout
        if not (partial or store.complete):
            raise FormatError(
                folder,
                None,
                f"the store is not complete: {len(store):,} of {store.manifest.planned_rows:,} {store.stage} are "
                "stored; run the same command again to finish it",
            )
        return store

    def __len__(self) -> int:
        return self.manifest.rows

    def __repr__(self) -> str:
        return f"EmbeddingStore({str(self.path)!r}: {len(self)} {self.stage}, {self.dimension} x {self.manifest.dtype})"

    @property
    def record(self) -> EncoderRecord:
        """Record of the encoder of the rows; it does not count truncated texts."""
        return self.manifest.encoder

    @property
    def stage(self) -> Stage:
        """`documents` or `queries`."""
        return self.manifest.stage

    @property
    def dimension(self) -> int:
        """Length of an embedding."""
        return self.manifest.dimension

    @property
    def dtype(self) -> np.dtype[Any]:
        """Data type of the returned rows: the stored one, or float32 for codes."""
        return np.dtype(np.float32 if self.manifest.dtype == "int16" else self.manifest.dtype)

    @property
    def complete(self) -> bool:
        """Whether all planned rows are stored; true without a plan."""
        return self.manifest.planned_rows in (None, self.manifest.rows)

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """Id of each row, read on first use."""
        return tuple(stored_values(self.path, self.manifest, "id"))

    @cached_property
    def languages(self) -> tuple[str, ...]:
        """Language of each row, read on first use."""
        return tuple(map(sys.intern, stored_values(self.path, self.manifest, "language")))

    @cached_property
    def groups(self) -> tuple[str | None, ...]:
        """Parallel group of each row or None, read on first use."""
        return tuple(stored_values(self.path, self.manifest, "group"))

    def shards(self) -> list[np.memmap[Any, Any] | CodedRows | RemoteRows]:
        """All rows as consecutive parts of shape `(rows, dimension)`.

        They are read-only memory maps. A store of codes gives `CodedRows`, and one in object storage `RemoteRows`,
        which decode or fetch a shard each time that it is converted to an array: converting one at a time needs memory
        for one shard, and a scan of all at once needs it for all of them.
        """
        return [self._mapped(shard) for shard in self.manifest.shards]

    def _mapped(self, shard: Shard) -> np.memmap[Any, Any] | CodedRows | RemoteRows:
        if isinstance(self.path, RemotePath):
            path, offset, dtype, width = self._place(shard)
            return RemoteRows(path, offset, dtype, width, shard.rows)
        rows = map_shard(self.path, shard)
        return CodedRows(rows) if self.manifest.dtype == "int16" else rows

    def rows(self, start: int, stop: int) -> NDArray[Any]:
        """`(stop - start, dimension)`: consecutive rows; without a copy if they are in one shard and not codes.

        Raises:
            UsageError: The store has no such rows.
        """
        if not 0 <= whole(start, "start") <= whole(stop, "stop") <= len(self):
            raise UsageError(f"{self.path} has rows 0 to {len(self)}, not {start} to {stop}")
        parts = []
        for begin, shard in self.manifest.numbered_shards():
            if begin < stop and start < begin + shard.rows:
                parts.append(self._mapped(shard)[max(start - begin, 0) : stop - begin])
        if len(parts) == 1:
            return parts[0]
        return np.concatenate(parts) if parts else np.empty((0, self.dimension), dtype=self.dtype)

    def take(self, rows: ArrayLike) -> NDArray[Any]:
        """`(len(rows), dimension)`: a copy of the rows with these numbers, in this order.

        Raises:
            UsageError: The store has no such rows.
        """
        numbers: NDArray[Any] = array_of(rows, "row numbers", packed=True)
        if numbers.size and numbers.dtype.kind not in "iu":
            raise UsageError(f"row numbers are {numbers.dtype}, but must be integers")
        if numbers.ndim != 1 or (numbers.size and not (numbers.min() >= 0 and numbers.max() < len(self))):
            raise UsageError(f"{self.path} has rows 0 to {len(self) - 1}; give a list of such numbers")
        numbers = numbers.astype(np.int64)
        taken = np.empty((len(numbers), self.dimension), dtype=self.dtype)
        shard_of_row = np.searchsorted(self._ends, numbers, side="right")
        for number in np.unique(shard_of_row).tolist():
            shard, mask = self.manifest.shards[number], shard_of_row == number
            local = numbers[mask] - (self._ends[number] - shard.rows)
            taken[mask] = take_rows(*self._place(shard), local)
        return taken

    def arrays(self) -> Iterator[NDArray[Any]]:
        """The rows of each shard, one shard at a time in memory.

        Raises:
            FormatError: A file was truncated since the store was opened.
        """
        for shard in self.manifest.shards:
            yield read_rows(*self._place(shard), 0, shard.rows)

    def _place(self, shard: Shard) -> tuple[Path | RemotePath, int, str, int]:
        """File of a shard, bytes before its rows, data type and numbers in a row."""
        path, manifest = self.path / f"{shard.name}.npy", self.manifest
        offset = map_shard(self.path, shard).offset if isinstance(self.path, Path) else self.layout[shard.name].offset
        return path, offset, manifest.dtype, manifest.width

    @cached_property
    def layout(self) -> dict[str, ShardLayout]:
        """Position of the rows in the file of each shard, by the shard's name, when the store was opened.

        Raises:
            FormatError: A file has changed since it was written.
        """
        return refuse_bad_shards(self.path, self.manifest, checksums=False)

    def verify(self) -> None:
        """Read everything and compare the checksums.

        Raises:
            FormatError: Files have changed since they were written; the message names up to twenty.
        """
        refuse_bad_shards(self.path, self.manifest, checksums=True)

    def describe(self) -> dict[str, Any]:
        """Stage, rows, form, size, rows per language and the encoder's record, as JSON values."""
        manifest = self.manifest
        width = manifest.width * np.dtype(manifest.dtype).itemsize
        return {
            "path": str(self.path),
            "stage": self.stage,
            "rows": len(self),
            "planned_rows": manifest.planned_rows,
            "complete": self.complete,
            "dimension": self.dimension,
            "dtype": manifest.dtype,
            "shards": len(manifest.shards),
            "shard_rows": manifest.shard_rows,
            "bytes": sum(shard.rows * width + shard.jsonl_bytes for shard in manifest.shards),
            "languages": dict(Counter(self.languages)),
            "encoder": msgspec.to_builtins(self.record),
        }


def stores_in(path: str | os.PathLike[str] | RemotePath) -> dict[Stage, Path | RemotePath]:
    """The stores at a path or URL: the folder itself, or `documents` and `queries` in it.

    Raises:
        FormatError: The folder has no store.
        FileNotFoundError: The folder does not exist.
        ClinometerError: The storage cannot be read.
    """
    folder = location(path)
    if not (folder / MANIFEST).is_file():
        stores = {stage: folder / stage for stage in STAGES if (folder / stage / MANIFEST).is_file()}
        if stores:
            return stores
    return {read_manifest(folder).stage: folder}


def find_store(path: str | os.PathLike[str] | RemotePath, stage: Stage) -> Path | RemotePath:
    """The store of this stage: the folder itself, or the folder in it with the name of the stage.

    Raises:
        UsageError: It holds only the other stage.
        FormatError: The folder has no store.
        FileNotFoundError: The folder does not exist.
    """
    stores = stores_in(path)
    if stage not in stores:
        raise UsageError(f"{path} holds {' and '.join(stores)}, but {stage} are needed; give their store")
    return stores[stage]
