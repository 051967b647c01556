"""Several stores of one encoder and stage into one: their shards, one after another, in the order given."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from clinometer.collection import Texts
from clinometer.errors import CollectionError, UsageError
from clinometer.store.manifest import MANIFEST, differences
from clinometer.store.reader import EmbeddingStore
from clinometer.store.writer import StoreWriter

__all__ = ["merge"]


def merge(sources: Sequence[str | os.PathLike[str]], output: str | os.PathLike[str]) -> EmbeddingStore:
    """Join stores; each is read whole and checked first.

    Args:
        sources: Folders of stores with the same encoder, stage and data type.
        output: Folder of the new store.

    Returns:
        The new store, with the shards of the sources as they are, and the record of the first.

    Raises:
        UsageError: The stores were made in different ways, or there is a store at `output`.
        CollectionError: An id is in two of them.
        FormatError: A store is damaged or not complete.
    """
    if not sources:
        raise UsageError("there are no stores to merge; give at least one")
    if (Path(output) / MANIFEST).exists():
        raise UsageError(f"{output} is a store already; give another folder, or delete it")
    stores = [EmbeddingStore.open(source) for source in sources]
    for store in stores:
        _check_alike(stores[0], store)
        store.verify()
    _check_ids(stores)
    columns = [[getattr(store, name) for store in stores] for name in ("ids", "languages", "groups")]
    ids, languages, groups = (tuple(value for part in column for value in part) for column in columns)
    record, manifest = stores[0].record, stores[0].manifest
    with StoreWriter(output, record, manifest.stage, manifest.dtype) as writer:
        # A store that is not finished has to know it; texts are not looked at as long as there are no shards.
        writer.plan(Texts(ids, ("",) * len(ids), languages, groups))
        for store in stores:
            for shard, rows in zip(store.manifest.shards, store.shards(), strict=True):
                span = slice(len(writer), len(writer) + shard.rows)
                writer.append(
                    np.asarray(rows), ids[span], languages[span], groups[span], texts_digest=shard.texts_sha256
                )
    return EmbeddingStore.open(output)


def _check_alike(one: EmbeddingStore, other: EmbeddingStore) -> None:
    found = [
        f"{name}: {before}, in the other {now}"
        for name, before, now in (
            ("stage", one.stage, other.stage),
            ("dtype", one.manifest.dtype, other.manifest.dtype),
            ("dimension", one.dimension, other.dimension),
        )
        if before != now
    ]
    found += [text.replace(", now ", ", in the other ") for text in differences(one.record, other.record, one.stage)]
    if found:
        raise UsageError(
            f"{one.path} and {other.path} cannot be merged ({'; '.join(found)}); encode both with one encoder"
        )


def _check_ids(stores: list[EmbeddingStore]) -> None:
    holder: dict[str, EmbeddingStore] = {}
    for store in stores:
        for name in store.ids:
            if name in holder:
                raise CollectionError(
                    f"the id {name!r} is in {holder[name].path} and in {store.path}; merge stores of different texts"
                )
            holder[name] = store
