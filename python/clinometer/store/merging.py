"""Several stores of one encoder and stage merged into one: their shards one after another, in order."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from clinometer.collection import Texts
from clinometer.errors import CollectionError, UsageError
from clinometer.files import RemotePath, folder_written_whole
from clinometer.parameters import checked
from clinometer.store.manifest import MANIFEST, differences
from clinometer.store.reader import EmbeddingStore
from clinometer.store.writer import StoreWriter

__all__ = ["merge"]


@checked
def merge(sources: Sequence[str | os.PathLike[str] | RemotePath], output: str | os.PathLike[str]) -> EmbeddingStore:
    """Merge stores; each is first read completely and checked. The new store is whole, or absent.

    Args:
        sources: Folders or URLs of stores with the same encoder, stage and data type.
        output: Folder of the new store.

    Returns:
        The new store, with the unchanged shards of the sources and the record of the first.

    Raises:
        UsageError: The stores have different settings, or `output` is already a store.
        CollectionError: An id is in two stores.
        FormatError: A store is damaged or not complete.
    """
    if not sources:
        raise UsageError("no stores to merge; give at least one")
    if (Path(output) / MANIFEST).exists():
        raise UsageError(f"{output} is already a store; choose another folder, or delete it")
    stores = [EmbeddingStore.open(source) for source in sources]
    for store in stores:
        _check_alike(stores[0], store)
        store.verify()
    _check_ids(stores)
    columns = [[getattr(store, name) for store in stores] for name in ("ids", "languages", "groups")]
    ids, languages, groups = (tuple(value for part in column for value in part) for column in columns)
    record, manifest = stores[0].record, stores[0].manifest
    Path(output).parent.mkdir(parents=True, exist_ok=True)
    with (
        folder_written_whole(output) as unfinished,
        StoreWriter(unfinished, record, manifest.stage, manifest.dtype) as writer,
    ):
        # Without shards yet, the texts are not compared.
        writer.plan(Texts(ids, ("",) * len(ids), languages, groups))
        for store in stores:
            for shard, rows in zip(store.manifest.shards, store.arrays(), strict=True):
                span = slice(len(writer), len(writer) + shard.rows)
                writer.append(rows, ids[span], languages[span], groups[span], texts_digest=shard.texts_sha256)
    return EmbeddingStore.open(output)


def _check_alike(first: EmbeddingStore, second: EmbeddingStore) -> None:
    differing = [
        f"{name}: {getattr(first.manifest, name)}, in the other {getattr(second.manifest, name)}"
        for name in ("stage", "dtype", "dimension")
        if getattr(first.manifest, name) != getattr(second.manifest, name)
    ]
    differing += [
        text.replace(", now ", ", in the other ") for text in differences(first.record, second.record, first.stage)
    ]
    if differing:
        raise UsageError(
            f"{first.path} and {second.path} cannot be merged ({'; '.join(differing)}); encode both with one encoder"
        )


def _check_ids(stores: list[EmbeddingStore]) -> None:
    owner: dict[str, EmbeddingStore] = {}
    for store in stores:
        for name in store.ids:
            if name in owner:
                raise CollectionError(
                    f"the id {name!r} is in {owner[name].path} and in {store.path}; merge stores of different texts"
                )
            owner[name] = store
