"""Embeddings of a study: each encoder encodes each collection once, into stores, with the cost on record.

Stores of other settings, which an earlier version of the study's file had, are deleted and made anew.
"""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from clinometer.cli.option_groups import Storage
from clinometer.cli.remedies import warn
from clinometer.cli.study.definition import EncoderEntry
from clinometer.errors import FormatError, UsageError

if TYPE_CHECKING:
    from clinometer.collection import Collection, Texts
    from clinometer.encoders import EncoderRecord
    from clinometer.evaluation.cells import CellCost, SideCost
    from clinometer.store import EmbeddingStore, Stage

__all__ = ["Embeddings", "embedded"]

_ABOUT = "encoding.json"
_STAGES: tuple[Stage, ...] = ("documents", "queries")


class _About(msgspec.Struct):
    """Content of `encoding.json`: what the stores next to it are of, and what they cost."""

    key: str
    costs: dict[str, dict[str, float]] = {}
    warnings: list[str] = []


class Embeddings(msgspec.Struct, frozen=True):
    """Stores of one encoder and collection, their cost, and the encoder's warnings."""

    documents: Any
    queries: Any
    cost: Any
    warnings: list[str]


def embedded(
    folder: Path,
    key: str,
    entry: EncoderEntry,
    collection: Collection,
    storage: Storage,
    make: Callable[[], Any],
    *,
    collection_name: str,
    bars: bool,
) -> Embeddings:
    """The stores of an encoder and a collection, encoded as far as they are not.

    Args:
        folder: Their folder.
        key: Digest of everything that determines them.
        entry: The encoder's entry.
        collection: The collection.
        storage: Data type and shards.
        make: Function that loads the encoder; called only if something must be encoded.
        collection_name: Name of the collection in the study.
        bars: Whether to draw bars.

    Raises:
        ClinometerError: As for the encoder and for stores.
    """
    about = _about(folder, key)
    sides = {"documents": collection.documents, "queries": collection.queries}
    stores = {}
    for stage in _STAGES:
        store = _finished(folder / stage, sides[stage])
        if store is None:
            costs = _filled(folder / stage, stage, sides[stage], entry, storage, make, collection_name, bars)
            about = _remembered(folder, about, stage, *costs)
            store = _finished(folder / stage, sides[stage])
        assert store is not None  # noqa: S101 - it has just been filled
        stores[stage] = store
    return Embeddings(stores["documents"], stores["queries"], _cost(about), about.warnings)


def _about(folder: Path, key: str) -> _About:
    """What is known of the stores in a folder; without it, or if they are of something else, they are deleted."""
    from clinometer.contents import read_json
    from clinometer.files import json_bytes, written_whole

    path, problem = folder / _ABOUT, ""
    if path.exists():
        try:
            about = read_json(path, _About, "not the record of stores")
        except FormatError:
            problem = "their record is damaged"
        else:
            if about.key == key:
                return about
            problem = "the encoder, the collection or the store has other settings"
    elif folder.exists() and any(folder.iterdir()):
        problem = "their record is missing"
    if problem:
        sys.stderr.write(f"  encoding anew into {folder}: {problem}\n")
        path.unlink(missing_ok=True)
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with written_whole(path, durable=True) as file:
        file.write(json_bytes(about := _About(key)))
    return about


def _finished(folder: Path, texts: Texts) -> EmbeddingStore | None:
    """The store of these texts if it is finished."""
    from clinometer.store import EmbeddingStore
    from clinometer.store.manifest import MANIFEST

    if not (folder / MANIFEST).exists():
        return None
    store = EmbeddingStore.open(folder)
    return store if len(store) == len(texts) and store.ids == texts.ids else None


def _filled(
    folder: Path,
    stage: Stage,
    texts: Texts,
    entry: EncoderEntry,
    storage: Storage,
    make: Callable[[], Any],
    collection_name: str,
    bars: bool,
) -> tuple[dict[str, float], list[str]]:
    """Encode what is missing of a store; returns its cost, and the encoder's warnings."""
    from clinometer.encoders.base import encode, recounted
    from clinometer.store import fill, open_writer

    if entry.options.name == "precomputed":
        _copied(folder, stage, texts, entry, storage, collection_name)
        return {}, []
    encoder = make()
    with open_writer(folder, texts, encoder, stage, dtype=storage.dtype or "float32",  # type: ignore[arg-type]
                     shard_rows=storage.shard_rows) as writer:  # fmt: skip
        before = len(writer)
        # Some encoders load their model with the first text; it does not count, nor do those of other collections.
        encode(encoder, texts.texts[:1], stage)
        encoder = recounted(encoder)
        start, cpu_start = time.perf_counter(), time.process_time()
        try:
            fill(writer, texts, encoder, show_progress_bar=bars)
        except KeyboardInterrupt:
            sys.stderr.write(f"  {len(writer):,} of {len(texts):,} {stage} are in {folder}\n")
            raise
        seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu_start
        rows = len(writer) - before
    warnings = list(encoder.record.warnings)
    warn(warnings)
    return {"texts": rows, "seconds": seconds, "cpu_seconds": cpu_seconds}, warnings


def _copied(
    folder: Path, stage: Stage, texts: Texts, entry: EncoderEntry, storage: Storage, collection_name: str
) -> None:
    """A store of the rows of a file."""
    from clinometer.encoders import PrecomputedEncoder
    from clinometer.store import StoreWriter, default_shard_rows, digest_of

    files = [entry.array(side, collection_name) for side in ("queries", "documents")]
    if not all(files):
        raise UsageError(f"{entry.name} has no arrays for {collection_name}; name them under queries and documents")
    encoder = PrecomputedEncoder.from_files(*files, name=entry.name, similarity=entry.similarity or "")
    record: EncoderRecord = encoder.record
    if record.similarity == "hamming":
        raise UsageError(f"{entry.name} is packed bits, which a study does not store; use clinometer evaluate")
    rows = encoder.encode_queries(texts.texts) if stage == "queries" else encoder.encode_documents(texts.texts)
    step = storage.shard_rows or default_shard_rows(len(texts))
    dtype: Any = storage.dtype or "float32"
    with StoreWriter(folder, record, stage, dtype, shard_rows=step) as writer:
        writer.plan(texts)
        for start in range(len(writer), len(texts), step):
            part = slice(start, start + step)
            writer.append(
                rows[part], texts.ids[part], texts.languages[part], texts.groups[part],
                texts_digest=digest_of(texts.texts[part]),
            )  # fmt: skip


def _remembered(folder: Path, about: _About, stage: Stage, cost: dict[str, float], warnings: list[str]) -> _About:
    from clinometer.files import json_bytes, written_whole

    costs = about.costs | ({stage: cost} if cost else {})
    about = _About(about.key, costs, list(dict.fromkeys([*about.warnings, *warnings])))
    with written_whole(folder / _ABOUT, durable=True) as file:
        file.write(json_bytes(about))
    return about


def _cost(about: _About) -> CellCost | None:
    from clinometer.evaluation.cells import CellCost, SideCost

    def side(stage: Stage) -> SideCost | None:
        cost = about.costs.get(stage)
        return None if cost is None else msgspec.convert(cost, SideCost, strict=False)

    return CellCost(documents=side("documents"), queries=side("queries")) if about.costs else None
