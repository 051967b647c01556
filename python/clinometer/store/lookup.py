"""Ids and languages of stored rows, looked up shard by shard: the ids of a large store are never in memory together."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clinometer.collection.columns import distinct
from clinometer.errors import UsageError
from clinometer.store.reader import EmbeddingStore
from clinometer.store.rowfiles import read_column

__all__ = ["ids_at", "language_codes", "rows_of_ids"]

_MOST = 1 << 16


def language_codes(stores: Sequence[EmbeddingStore]) -> tuple[tuple[str, ...], NDArray[np.uint16]]:
    """Labels in order of first appearance, and the code of each row of all stores together.

    Raises:
        FormatError: A file has changed since it was written.
        UsageError: There are more than 65,536 languages.
    """
    code_of: dict[str, int] = {}
    codes = np.empty(sum(map(len, stores)), dtype=np.uint16)
    start = 0
    for store in stores:
        for shard in store.manifest.shards:
            labels = read_column(store.path, shard, "language")
            shard_codes = [code_of.setdefault(str(label), len(code_of)) for label in labels]
            if len(code_of) > _MOST:
                raise UsageError(f"{store.path} has more than {_MOST:,} languages")
            codes[start : start + shard.rows] = shard_codes
            start += shard.rows
    return tuple(code_of), codes


def rows_of_ids(store: EmbeddingStore, ids: Collection[str]) -> dict[str, int]:
    """The row of each of these ids; ids that the store lacks are left out."""
    distinct_ids = set(ids)
    row_of_id: dict[str, int] = {}
    for start, shard in store.manifest.numbered_shards():
        if len(row_of_id) == len(distinct_ids):
            break
        for row, name in enumerate(read_column(store.path, shard, "id"), start):
            if name in distinct_ids:
                row_of_id[str(name)] = row
    return row_of_id


def ids_at(store: EmbeddingStore, rows: ArrayLike) -> dict[int, str]:
    """The id of each of some rows."""
    distinct_rows = distinct(np.asarray(rows, dtype=np.int64).ravel())
    id_of_row: dict[int, str] = {}
    for start, shard in store.manifest.numbered_shards():
        shard_rows = distinct_rows[(distinct_rows >= start) & (distinct_rows < start + shard.rows)].tolist()
        if shard_rows:
            names = read_column(store.path, shard, "id")
            id_of_row.update((row, str(names[row - start])) for row in shard_rows)
    return id_of_row
