"""Ids and languages of stored rows, looked up shard by shard: the ids of a large store never lie in memory together."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clinometer.errors import UsageError
from clinometer.store.manifest import Shard
from clinometer.store.reader import EmbeddingStore
from clinometer.store.rowfiles import read_column

__all__ = ["ids_at", "language_codes", "rows_of_ids"]

_MOST = 1 << 16


def language_codes(stores: Sequence[EmbeddingStore]) -> tuple[tuple[str, ...], NDArray[np.uint16]]:
    """Labels in order of first appearance, and the code of each row of all stores together.

    Raises:
        FormatError: A file is not the one that was written.
        UsageError: There are more than 65,536 languages.
    """
    code_of: dict[str, int] = {}
    codes = np.empty(sum(map(len, stores)), dtype=np.uint16)
    start = 0
    for store in stores:
        for _, shard in _numbered(store):
            labels = read_column(store.path, shard, "language")
            found = [code_of.setdefault(str(label), len(code_of)) for label in labels]
            if len(code_of) > _MOST:
                raise UsageError(f"{store.path} has more than {_MOST:,} languages")
            codes[start : start + shard.rows] = found
            start += shard.rows
    return tuple(code_of), codes


def rows_of_ids(store: EmbeddingStore, wanted: Collection[str]) -> dict[str, int]:
    """The row of each id that is wanted; ids that the store lacks are left out.

    Raises:
        FormatError: A file is not the one that was written.
    """
    looked_for = set(wanted)
    found: dict[str, int] = {}
    for start, shard in _numbered(store):
        if len(found) == len(looked_for):
            break
        for row, name in enumerate(read_column(store.path, shard, "id"), start):
            if name in looked_for:
                found[str(name)] = row
    return found


def ids_at(store: EmbeddingStore, rows: ArrayLike) -> dict[int, str]:
    """The id of each of some rows.

    Raises:
        FormatError: A file is not the one that was written.
    """
    wanted = np.unique(np.asarray(rows, dtype=np.int64))
    found: dict[int, str] = {}
    for start, shard in _numbered(store):
        here = wanted[(wanted >= start) & (wanted < start + shard.rows)].tolist()
        if here:
            names = read_column(store.path, shard, "id")
            found.update((row, str(names[row - start])) for row in here)
    return found


def _numbered(store: EmbeddingStore) -> Iterator[tuple[int, Shard]]:
    """The shards, each with the number of its first row."""
    start = 0
    for shard in store.manifest.shards:
        yield start, shard
        start += shard.rows
