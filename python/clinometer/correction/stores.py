"""Corrections of stored embeddings: fitted on rows of a store, and applied to all of it, shard by shard.

The corrected store has the ids, languages, groups, order and shards of the old one, and its encoder record has the
remedy. Only one shard of embeddings is in memory at a time.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinometer.collection import Texts
from clinometer.correction.base import Correction
from clinometer.correction.expansion import Expansion, refuse_expanded
from clinometer.correction.fitting import Sample, SampledTexts, drawn, query_fit
from clinometer.correction.records import corrected_record, fitted_on, remedies_of
from clinometer.correction.sample import PARALLEL
from clinometer.errors import UsageError
from clinometer.files import check_folder, folder_written_whole, location
from clinometer.progress import progress
from clinometer.store import EmbeddingStore, Stage, StoreWriter, find_store, stores_in

__all__ = ["check_target", "correct_store", "sample_store"]


def sample_store(
    path: str | os.PathLike[str],
    method: str,
    *,
    texts: int | None = 2000,
    queries_by: str | None = None,
    seed: int = 0,
    pivot: str = "en",
) -> Sample:
    """Draw stored rows to fit a correction on; no others are read.

    Args:
        path: A store of documents, or a folder with the stores `documents` and optionally `queries`.

    The other arguments are those of `encode_sample`.

    Raises:
        UsageError: There are no documents, or the store lacks what the method needs.
        FormatError: A store is damaged.
    """
    documents = EmbeddingStore.open(find_store(path, "documents"))
    queries_folder = stores_in(path).get("queries")
    queries = None if queries_folder is None else EmbeddingStore.open(queries_folder)
    groups = queries.groups if queries is not None and method == "shift" else ()
    kind = query_fit(method, queries_by, 0 if queries is None else len(queries), groups)
    origin = {"source": location(path).name, "sample": texts, "seed": seed, **fitted_on(documents.record)}

    def sampled(store: EmbeddingStore) -> SampledTexts:
        groups = store.groups if method in PARALLEL else [None] * len(store)
        rows = drawn(method, store.languages, groups, texts, seed=seed, pivot=pivot)
        return SampledTexts(store.take(rows), [store.languages[row] for row in rows], [groups[row] for row in rows])

    sampled_queries = sampled(queries) if queries and kind == "own" else None
    query_languages = queries.languages if queries is not None else ()
    return Sample(sampled(documents), sampled_queries, kind, origin, query_languages=query_languages)


def correct_store(
    path: str | os.PathLike[str],
    target: str | os.PathLike[str],
    correction: Correction,
    *,
    expansion: Expansion | None = None,
    show_progress_bar: bool = False,
) -> dict[Stage, int]:
    """Write a corrected copy of a store, or of the stores `documents` and `queries` in a folder.

    The new folder, with `correction.npz`, is written completely or not at all. The data type is kept.

    Args:
        path: The store, or the folder. It is not changed.
        target: A folder that does not exist or is empty.
        correction: A correction fitted on embeddings of the same encoder.
        expansion: Expansion of the documents after the correction, which is not part of `correction.npz`; None for
            none. Queries stay as the correction leaves them.
        show_progress_bar: Draw a bar on standard error.

    Returns:
        Number of corrected rows by stage.

    Raises:
        UsageError: The target is in use, the dimensions differ, or the stores already have this correction.
        LanguageError: The correction was not fitted on a language of the store.
        EmbeddingError: Rows that cannot be corrected.
        FormatError: A store is damaged.
    """
    target = Path(target)
    check_target(target)
    folders = stores_in(path)
    stores = {stage: EmbeddingStore.open(folder) for stage, folder in folders.items()}
    for store in stores.values():
        _refuse_misfit(store, correction)
    expansions: dict[Stage, Expansion | None] = {"documents": expansion}
    if expansion is not None:
        if "documents" not in stores:
            raise UsageError(f"{path} has no documents, and only these are expanded; give the folder with both stores")
        refuse_expanded(stores["documents"].record)
    single = location(path) in folders.values()
    total = sum(len(store) for store in stores.values())
    with progress(total, "correct", "rows", shown=show_progress_bar) as bar:
        target.parent.mkdir(parents=True, exist_ok=True)
        with folder_written_whole(target) as unfinished:
            for stage, store in stores.items():
                folder = unfinished if single else unfinished / stage
                record = corrected_record(store.record, correction)
                expansion = expansions.get(stage)
                if expansion is not None:
                    record = expansion.recorded(record)
                with StoreWriter(folder, record, stage, store.manifest.dtype) as writer:
                    _corrected(store, writer, correction, expansion, bar)
            correction.save(unfinished / "correction.npz")
    return {stage: len(store) for stage, store in stores.items()}


def check_target(target: Path) -> None:
    """Refuse a target folder that is in use.

    Raises:
        UsageError: It is a file, or a folder that is not empty.
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise UsageError(f"{target} already exists; choose a new folder, the corrected store is a copy")
    check_folder(target, "the store")


def _refuse_misfit(store: EmbeddingStore, correction: Correction) -> None:
    if store.dimension != correction.dimension:
        raise UsageError(
            f"{store.path} has {store.dimension} dimensions, but the correction was fitted on {correction.dimension}; "
            "fit it on embeddings of this store"
        )
    applied_digests = [entry.get("digest") for entry in store.record.remedies]
    for entry in remedies_of(correction):
        if entry["digest"] in applied_digests:
            raise UsageError(f"{store.path} already has this correction ({entry['method']} {entry['digest']})")
    correction.refuse_unknown(store.languages, store.stage)


def _corrected(
    store: EmbeddingStore, writer: StoreWriter, correction: Correction, expansion: Expansion | None, bar: Any
) -> None:
    apply = correction.apply if store.stage == "documents" else correction.apply_queries

    def corrected_rows(rows: NDArray[np.int64]) -> NDArray[np.float32]:
        return apply(store.take(rows), [store.languages[row] for row in rows.tolist()])

    writer.plan(Texts(store.ids, ("",) * len(store), store.languages, store.groups))
    for shard, rows in zip(store.manifest.shards, store.arrays(), strict=True):
        part = slice(len(writer), len(writer) + shard.rows)
        vectors = apply(rows, store.languages[part])
        if expansion is not None:
            vectors = expansion.blended(len(writer), vectors, corrected_rows)
        writer.append(
            vectors, store.ids[part], store.languages[part], store.groups[part], texts_digest=shard.texts_sha256
        )
        bar.update(len(vectors))
