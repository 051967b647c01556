"""Writes a store shard by shard.

A shard is on the disk before the manifest names it, so a kill at any time leaves a store that is valid up to the last
finished shard. One writer at a time.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Self

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

from clinometer.collection import Texts
from clinometer.encoders.base import EncoderRecord
from clinometer.errors import CollectionError, EmbeddingError, UsageError, first_few
from clinometer.files import PARTIAL, Hashing, lock, refuse_foreign, written_whole
from clinometer.languages import canonical
from clinometer.store.codes import coded, decoded
from clinometer.store.manifest import (
    MANIFEST,
    Dtype,
    Manifest,
    Shard,
    Stage,
    check_form,
    differences,
    is_shard_file,
    read_manifest,
)
from clinometer.store.reader import EmbeddingStore
from clinometer.store.rowfiles import Column, digest_of, lines_of, stored_values
from clinometer.store.shards import refuse_bad_shards, write_array
from clinometer.vectors import array_of

__all__ = ["StoreWriter", "clear"]


_OWN = (".lock", MANIFEST, MANIFEST + PARTIAL)


def clear(path: Path) -> None:
    """Delete the files of a store that nobody is writing.

    Raises:
        FormatError: The folder holds other files as well; nothing is deleted.
        ClinometerError: Another writer is using the folder.
    """
    with lock(path):
        refuse_foreign(path, MANIFEST, lambda name: name in _OWN or is_shard_file(name))
        # The manifest first: shards without one are not a store.
        (path / MANIFEST).unlink(missing_ok=True)
        for file in path.iterdir():
            if is_shard_file(file.name):
                file.unlink()


class StoreWriter:
    """Creates a store, or resumes one with the same settings. A context manager.

    Args:
        path: Folder of the store: new, empty, or an existing store.
        record: Record of the encoder. An existing store keeps its own warnings.
        stage: `documents` or `queries`.
        dtype: Stored data type, `float32`, `float16` or `int16`.
        shard_rows: Number of rows of each shard but the last, kept in the manifest for a run that resumes. `append`
            itself accepts any number.

    Raises:
        UsageError: The existing store has other settings; the message names all differences.
        FormatError: The existing store is damaged, or the folder holds something else.
        ClinometerError: Another writer is using the folder.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        record: EncoderRecord,
        stage: Stage,
        dtype: Dtype = "float32",
        *,
        shard_rows: int | None = None,
    ) -> None:
        check_form(stage, dtype)
        if shard_rows is not None and shard_rows < 1:
            raise UsageError(f"shard_rows is {shard_rows}, but must be 1 or more")
        self._path = Path(path)
        self._path.mkdir(parents=True, exist_ok=True)
        self._lock: IO[bytes] | None = lock(self._path)
        try:
            self.manifest = self._begun(record, stage, dtype, shard_rows)
            """Manifest as it is on the disk."""
            self._ids = set(stored_values(self._path, self.manifest, "id"))
        except BaseException:
            self.close()
            raise

    def _begun(self, record: EncoderRecord, stage: Stage, dtype: Dtype, shard_rows: int | None) -> Manifest:
        if not (self._path / MANIFEST).exists():
            refuse_foreign(self._path, MANIFEST, _OWN.__contains__)
            manifest = Manifest(
                stage=stage, dtype=dtype, dimension=record.dimension, shard_rows=shard_rows, encoder=record
            )
            self._write(manifest)
            return manifest
        manifest = read_manifest(self._path)
        current = {"stage": stage, "dtype": dtype, "shard_rows": shard_rows or manifest.shard_rows}
        differing = [
            f"{name}: {before}, now {now}"
            for name, now in current.items()
            if (before := getattr(manifest, name)) != now
        ]
        differing += differences(manifest.encoder, record, stage)
        if differing:
            raise UsageError(
                f"{self._path} has other settings ({'; '.join(differing)}); encode as before, or choose another folder"
            )
        refuse_bad_shards(self._path, manifest, checksums=False)
        # What a killed writer left of further shards.
        names = {shard.name for shard in manifest.shards}
        for file in self._path.iterdir():
            if is_shard_file(file.name) and (file.suffix == PARTIAL or file.stem not in names):
                file.unlink()
        return manifest

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Release the store to other writers. Every appended shard is already on the disk."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def __len__(self) -> int:
        return self.manifest.rows

    def plan(self, texts: Texts) -> None:
        """Declare the texts of the finished store, of which the first may already be stored.

        Ids, languages and groups of the stored rows are compared, and the digest of each shard's texts if `append`
        received one.

        Raises:
            CollectionError: The stored rows are not the first of these texts; the store is unchanged.
        """
        fix = "encode the source as it was, or choose another folder"
        if len(texts) < len(self):
            raise CollectionError(f"{self._path} has {len(self):,} rows, but the source has {len(texts):,}; {fix}")
        columns: dict[Column, Sequence[str | None]] = {
            "id": texts.ids, "language": texts.languages, "group": texts.groups,
        }  # fmt: skip
        for column, values in columns.items():
            for row, stored in enumerate(stored_values(self._path, self.manifest, column)):
                if stored != values[row]:
                    raise CollectionError(
                        f"{self._path}: the {column} of row {row} is {stored!r}, and {values[row]!r} in the source; "
                        f"{fix}"
                    )
        for start, shard in self.manifest.numbered_shards():
            stop = start + shard.rows
            if shard.texts_sha256 not in (None, digest_of(texts.texts[start:stop])):
                raise CollectionError(
                    f"{self._path}: a text of shard {shard.name} (rows {start} to {stop - 1}, from "
                    f"{texts.ids[start]!r} on) has changed since it was encoded; {fix}"
                )
        if self.manifest.planned_rows != len(texts):
            self._update(planned_rows=len(texts))

    def append(
        self,
        vectors: ArrayLike,
        ids: Sequence[str],
        languages: Sequence[str],
        groups: Sequence[str | None] | None = None,
        *,
        texts_digest: str | None = None,
    ) -> None:
        """Write one shard.

        Args:
            vectors: `(n, d)`, n at least 1, any real data type; stored in the data type of the store.
            ids: Ids of the rows, unique in the store.
            languages: Language of each row, in any spelling that `clinometer.languages.canonical` reads; `und` if
                unknown.
            groups: Parallel group of each row or None; by default None for all.
            texts_digest: `digest_of` the texts of these rows, so that a run that resumes can check them.

        Raises:
            EmbeddingError: Rows are zero, NaN or infinite in the store's data type, or have another dimension.
            CollectionError: Ids are already in the store, or columns have different lengths.
            LanguageError: A label is not a language label.
        """
        if self._lock is None:
            raise UsageError(f"the writer of {self._path} is closed; open it again")
        ids = list(ids)
        groups = [None] * len(ids) if groups is None else list(groups)
        self._check_columns(ids, len(languages), groups)
        # Plain texts, where they are of a subclass such as numpy.str_.
        ids, groups = [str(name) for name in ids], [None if name is None else str(name) for name in groups]
        canonical_labels = {label: canonical(label) for label in set(languages)}
        rows, stored = self._checked(vectors, ids)
        name = f"{len(self.manifest.shards):05d}"
        with written_whole(self._path / f"{name}.jsonl", durable=True) as file:
            lines = Hashing(file)
            lines.write(lines_of(ids, [canonical_labels[label] for label in languages], groups))
        shard = Shard(
            name=name,
            rows=len(rows),
            sha256=write_array(self._path / f"{name}.npy", stored),
            jsonl_sha256=lines.sha256,
            jsonl_bytes=lines.bytes,
            texts_sha256=texts_digest,
        )
        shards = [*self.manifest.shards, shard]
        self._update(dimension=rows.shape[1], rows=len(self) + len(rows), shards=shards)
        self._ids.update(ids)

    def record_config(self, config: Mapping[str, Any]) -> None:
        """Record a file of options, and the options from it, in the manifest."""
        self._update(config=dict(config))

    def take(self, rows: Sequence[int]) -> NDArray[Any]:
        """Stored rows, by number."""
        return EmbeddingStore(self._path, self.manifest).take(rows)

    def _update(self, **fields: Any) -> None:
        self._write(msgspec.structs.replace(self.manifest, **fields))

    def _write(self, manifest: Manifest) -> None:
        with written_whole(self._path / MANIFEST, durable=True) as file:
            file.write(manifest.to_json())
        self.manifest = manifest

    def _check_columns(self, ids: list[str], languages: int, groups: list[str | None]) -> None:
        if not ids:
            raise UsageError("no rows to append; give at least one")
        if not len(ids) == languages == len(groups):
            raise CollectionError(
                f"{len(ids)} ids, {languages} languages and {len(groups)} groups do not belong together; give one of "
                "each per row"
            )
        for what, names in (("id", ids), ("group", [group for group in groups if group is not None])):
            for row, name in enumerate(names):
                if not isinstance(name, str):
                    raise CollectionError(f"the {what} {name!r} is {type(name).__name__}, but must be a string")
                try:
                    name.encode()
                except UnicodeEncodeError:
                    raise CollectionError(
                        f"the {what} {name!r} (number {row}) holds half of a surrogate pair; remove it"
                    ) from None
        repeated = [name for name, times in Counter(ids).items() if times > 1 or name in self._ids]
        if repeated:
            raise CollectionError(
                f"{len(repeated)} duplicate ids in {self._path}: {first_few(repeated)}; each row needs its own"
            )

    def _checked(self, vectors: ArrayLike, ids: list[str]) -> tuple[NDArray[Any], NDArray[Any]]:
        """The rows as a reader will see them, and the array to write."""
        array = array_of(vectors, "the embeddings")
        if array.ndim != 2 or array.dtype.kind not in "fiu":
            raise EmbeddingError(
                f"the embeddings are {array.dtype} of shape {array.shape}, but must be numbers of shape (rows, "
                "dimension)"
            )
        dimension = self.manifest.dimension or array.shape[1]
        if array.shape != (len(ids), dimension) or not dimension:
            raise EmbeddingError(
                f"the embeddings have shape {array.shape}, but {self._path} needs {(len(ids), dimension)}: one row per "
                "id, of the encoder's dimension"
            )
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            if self.manifest.dtype == "int16":
                rows = array.astype(np.float32)
                stored = coded(np.where(np.isfinite(rows).all(axis=1, keepdims=True), rows, 0))
                # Keep values that are not finite, so that the error below names their rows.
                rows = np.where(np.isfinite(rows), decoded(stored), rows)
            else:
                rows = stored = array.astype(self.manifest.dtype, order="C", copy=False)
        finite = np.isfinite(rows).all(axis=1)
        zero = ~rows.any(axis=1)
        problems = [
            f"{int(bad.sum())} rows {what} ({first_few([ids[row] for row in np.flatnonzero(bad)])})"
            for bad, what in ((zero, "are zero"), (~finite, "hold NaN or infinity"))
            if bad.any()
        ]
        if problems:
            fix = "store float32" if self.manifest.dtype != "float32" else "check their texts and the encoder"
            raise EmbeddingError(f"as {self.manifest.dtype}, {' and '.join(problems)}; {fix}")
        return rows, stored
