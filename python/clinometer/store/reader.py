"""Embeddings on disk, read in place.

Opening looks at every file's size and header but reads no row. Rows of float32 and float16 are handed out where they
lie, read-only; codes are decoded whenever rows are read.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

from clinometer.encoders.base import EncoderRecord
from clinometer.errors import FormatError, UsageError
from clinometer.store.codes import CodedRows
from clinometer.store.manifest import MANIFEST, STAGES, Manifest, Shard, Stage, read_manifest
from clinometer.store.rowfiles import Column, read_column
from clinometer.store.shards import map_shard, refuse_bad_shards

__all__ = ["EmbeddingStore", "find_store", "stores_in"]


class EmbeddingStore:
    """Embeddings of documents or of queries, in shards that follow one another. Made by `EmbeddingStore.open`.

    Args:
        path: The store's folder.
        manifest: Its manifest.

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

    def __init__(self, path: str | os.PathLike[str], manifest: Manifest) -> None:
        self._path, self._manifest = Path(path), manifest
        self._ends = np.cumsum([shard.rows for shard in manifest.shards], dtype=np.int64)

    @classmethod
    def open(cls, path: str | os.PathLike[str], *, partial: bool = False) -> Self:
        """Open a store for reading, after cheap checks: manifest, and size and header of each file.

        Args:
            path: The store's folder.
            partial: Also open a store whose encoding has not ended.

        Raises:
            FormatError: The manifest or a shard is not as it was written, or rows that were planned are missing.
            FileNotFoundError: There is no such folder.
        """
        manifest = read_manifest(path)
        refuse_bad_shards(Path(path), manifest, checksums=False)
        store = cls(path, manifest)
        if not (partial or store.complete):
            raise FormatError(
                Path(path),
                None,
                f"the store is not complete: {manifest.rows:,} of {manifest.planned_rows:,} {manifest.stage} are "
                "there; run the same command again to finish it",
            )
        return store

    def __len__(self) -> int:
        return self._manifest.rows

    def __repr__(self) -> str:
        return (
            f"EmbeddingStore({str(self._path)!r}: {len(self)} {self.stage}, {self.dimension} x {self._manifest.dtype})"
        )

    @property
    def path(self) -> Path:
        """The store's folder."""
        return self._path

    @property
    def manifest(self) -> Manifest:
        """As it was when the store was opened."""
        return self._manifest

    @property
    def record(self) -> EncoderRecord:
        """What encoded the rows. Texts that were cut are not counted in it."""
        return self._manifest.encoder

    @property
    def stage(self) -> Stage:
        """`documents` or `queries`."""
        return self._manifest.stage

    @property
    def dimension(self) -> int:
        """Length of an embedding."""
        return self._manifest.dimension

    @property
    def dtype(self) -> np.dtype[Any]:
        """Data type of the rows that are handed out: the stored one, float32 for codes."""
        return np.dtype(np.float32 if self._manifest.dtype == "int16" else self._manifest.dtype)

    @property
    def complete(self) -> bool:
        """Whether all rows are there that were planned; true where nobody planned."""
        return self._manifest.planned_rows in (None, self._manifest.rows)

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """Id of each row, read when first asked for."""
        return tuple(self._column("id"))

    @cached_property
    def languages(self) -> tuple[str, ...]:
        """Language of each row, read when first asked for."""
        return tuple(map(sys.intern, self._column("language")))

    @cached_property
    def groups(self) -> tuple[str | None, ...]:
        """Parallel group of each row or None, read when first asked for."""
        return tuple(self._column("group"))

    def _column(self, column: Column) -> Any:
        return (value for shard in self._manifest.shards for value in read_column(self._path, shard, column))

    def shards(self) -> list[np.memmap[Any, Any] | CodedRows]:
        """All rows as parts of shape `(rows, dimension)` that follow one another.

        They are read-only memory maps. A store of codes gives `CodedRows`, which decode a shard each time that it is
        made an array: whoever takes one after another needs float32 memory for one shard, and a scan of all at once
        for all of them, as if the store were float32 and in memory.
        """
        return [self._mapped(shard) for shard in self._manifest.shards]

    def _mapped(self, shard: Shard) -> np.memmap[Any, Any] | CodedRows:
        rows = map_shard(self._path, shard)
        return CodedRows(rows) if self._manifest.dtype == "int16" else rows

    def rows(self, start: int, stop: int) -> NDArray[Any]:
        """`(stop - start, dimension)`: some rows; without a copy where they lie in one shard and are no codes.

        Raises:
            UsageError: The store has no such rows.
        """
        if not 0 <= start <= stop <= len(self):
            raise UsageError(f"{self._path} has rows 0 to {len(self)}, so not {start} to {stop}")
        parts = []
        for shard, end in zip(self._manifest.shards, self._ends.tolist(), strict=True):
            begin = end - shard.rows
            if begin < stop and start < end:
                parts.append(self._mapped(shard)[max(start - begin, 0) : stop - begin])
        if len(parts) == 1:
            return parts[0]
        return np.concatenate(parts) if parts else np.empty((0, self.dimension), dtype=self.dtype)

    def take(self, rows: ArrayLike) -> NDArray[Any]:
        """`(len(rows), dimension)`: a copy of the rows of these numbers, in this order.

        Raises:
            UsageError: The store has no such rows.
        """
        wanted = np.asarray(rows, dtype=np.int64)
        if wanted.ndim != 1 or (wanted.size and not (wanted.min() >= 0 and wanted.max() < len(self))):
            raise UsageError(f"{self._path} has rows 0 to {len(self) - 1}; give a list of such numbers")
        found = np.empty((len(wanted), self.dimension), dtype=self.dtype)
        place = np.searchsorted(self._ends, wanted, side="right")
        for number in np.unique(place).tolist():
            shard, here = self._manifest.shards[number], place == number
            found[here] = self._mapped(shard)[wanted[here] - (self._ends[number] - shard.rows)]
        return found

    def verify(self) -> None:
        """Read everything and compare the checksums.

        Raises:
            FormatError: Files are not as they were written; all of them are named, up to twenty.
        """
        refuse_bad_shards(self._path, self._manifest, checksums=True)

    def describe(self) -> dict[str, Any]:
        """Stage, rows, form, size, rows per language and the encoder's record, as JSON values."""
        manifest = self._manifest
        width = manifest.width * np.dtype(manifest.dtype).itemsize
        return {
            "path": str(self._path),
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


def stores_in(path: str | os.PathLike[str]) -> dict[Stage, Path]:
    """The stores that a path names: itself, or `documents` and `queries` in it.

    Raises:
        FormatError: There is none.
        FileNotFoundError: There is no such folder.
    """
    folder = Path(path)
    if not (folder / MANIFEST).is_file():
        found = {stage: folder / stage for stage in STAGES if (folder / stage / MANIFEST).is_file()}
        if found:
            return found
    return {read_manifest(folder).stage: folder}


def find_store(path: str | os.PathLike[str], stage: Stage) -> Path:
    """The store of this stage: the folder itself, or the one in it that is called as the stage.

    Raises:
        UsageError: It holds the other stage only.
        FormatError: There is no store.
        FileNotFoundError: There is no such folder.
    """
    found = stores_in(path)
    if stage not in found:
        raise UsageError(f"{path} holds {' and '.join(found)}, but {stage} are needed; give their store")
    return found[stage]
