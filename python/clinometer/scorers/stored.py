"""Stored embeddings as the scorer of a collection: its texts are matched with stored rows by id, in whatever order.

The rows are scanned where they lie, in the store's order; places in the tie order are those of the collection. Stored
rows that the collection does not have are scanned as a language of their own, which is then left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from clinometer.collection import Collection, Texts
from clinometer.correction.remedies import Remedies, mixed_encoders
from clinometer.errors import CollectionError, UsageError
from clinometer.executors import opened
from clinometer.scanning.arguments import codes_of, rows_of, tie_places
from clinometer.scanning.counts import RankCounts, TieMode, TopK
from clinometer.scanning.passes import RowTransform, Scan
from clinometer.scanning.pool import Pool
from clinometer.scanning.sources import sources_of_store
from clinometer.scorers.base import ScanOptions, Scored
from clinometer.store.reader import EmbeddingStore, find_store
from clinometer.store.rowfiles import digest_of

__all__ = ["StoredEmbeddings", "open_stores"]

_NAMED = 5
# No canonical label has such a character.
_LEFT_OUT = "\x00"


@dataclass(frozen=True)
class StoredEmbeddings:
    """Embeddings of a collection's documents and queries that were stored before; stands where an encoder does.

    Args:
        documents: Has a row for each document, and perhaps more.
        queries: Has a row for each query, and perhaps more.
        remedies: What all of them go through; None for nothing.
        memory_budget: Bytes, or text such as `4GB`, that a scan may need beside the pool.

    Raises:
        UsageError: The remedies do not fit.
    """

    documents: EmbeddingStore
    queries: EmbeddingStore
    remedies: Remedies | None = None
    memory_budget: int | str | None = None

    def __post_init__(self) -> None:
        _ = self.record

    @property
    def record(self) -> Any:
        """What encoded the rows, `EncoderRecord`, with the remedies."""
        kept = self.documents.record, self.queries.record
        one, other = kept if self.remedies is None else map(self.remedies.record, kept)
        warnings = list(dict.fromkeys([*mixed_encoders(*kept), *one.warnings]))
        return msgspec.structs.replace(one, query_prompt=other.query_prompt, warnings=warnings)

    def score(self, collection: Collection, options: ScanOptions = ScanOptions()) -> Scored:
        """Match the texts of a collection with the stored rows.

        Raises:
            CollectionError: Texts that are not stored, or are not what they were when they were encoded.
        """
        documents, extra = _matched(collection.documents, self.documents)
        queries, more = _matched(collection.queries, self.queries)
        asked = rows_of(self.queries.take(queries), "queries")
        if self.remedies is not None:
            asked = self.remedies.queries(asked, collection.queries.languages)
        found = [
            f"{count:,} of {len(store):,} stored {store.stage} are not in the collection and were left out"
            for store, count in ((self.documents, extra), (self.queries, more))
            if count
        ]
        record = msgspec.structs.replace(self.record, warnings=[*self.record.warnings, *found])
        return Scored(_Scanner(self, asked, documents, options), msgspec.to_builtins(record))


@dataclass(frozen=True)
class _Scanner:
    """A scan by rows of the collection; see `clinometer.scorers.Scanner`.

    Args:
        stored: Has the rows.
        queries: `(Q, d)`: rows of the queries, in the collection's order.
        rows: `(N,)`: stored row of each document of the collection.
        options: How the scan runs.
    """

    stored: StoredEmbeddings
    queries: NDArray[Any]
    rows: NDArray[np.int64]
    options: ScanOptions

    def __call__(
        self,
        *,
        relevant: tuple[NDArray[np.int64], NDArray[np.int64]],
        languages: Sequence[str],
        k: int,
        per_language: bool,
        pool_k: int = 0,
        ties: TieMode,
        document_ids: Sequence[str] | None,
    ) -> Scan:
        store, size = self.stored.documents, len(self.rows)
        labels, own_codes = codes_of(languages, size)
        document_at = np.full(len(store), -1, dtype=np.int64)
        document_at[self.rows] = np.arange(size)
        extra = document_at < 0
        codes = np.where(extra, len(labels), own_codes[document_at]).astype(np.uint16)
        own_places = tie_places(ties, document_ids, size)
        places = None
        if own_places is not None or extra.any() or not np.array_equal(self.rows, np.arange(size)):
            places = (document_at if own_places is None else own_places[document_at]).astype(np.uint32)
            places[extra] = size + np.arange(int(extra.sum()), dtype=np.uint32)
        # Lists of a language of their own keep those that are left out away from the others.
        apart = per_language or bool(extra.any())
        change: RowTransform | None = self.stored.remedies
        if change is not None and extra.any():
            change = _Passing(change, labels[0])
        pool = Pool.of(
            sources_of_store(store), codes, (*labels, _LEFT_OUT) if extra.any() else labels, self.queries,
            places=places, ties=ties, by_id=ties == "trec" and document_ids is not None, transform=change, k=k,
            per_language=apart, pool_k=pool_k, pool_languages=labels if extra.any() else None,
            threads=self.options.threads,
        )  # fmt: skip
        indptr, targets = relevant
        with opened(self.options.executor, threads=self.options.threads) as executor:
            found = pool.scan(
                self.queries,
                np.asarray(indptr, dtype=np.int64),
                self.rows[targets],
                executor,
                memory_budget=self.stored.memory_budget,
                show_progress_bar=self.options.show_progress_bar,
            )
        assert found.ranks is not None  # noqa: S101 - a pool's scan always counts
        top = None if found.top is None else _lists(found.top, document_at, labels, apart, per_language)
        pooled = None if found.pooled is None else _of_collection(found.pooled, document_at)
        return Scan(_counts(found.ranks, targets, labels), top, found.rescored, pooled)


@dataclass(frozen=True)
class _Passing:
    """Changes documents; those that are left out as if they were in some language: nobody sees what becomes of them."""

    change: RowTransform
    label: str

    @property
    def block(self) -> int:
        return self.change.block

    def documents(self, rows: NDArray[Any], languages: Sequence[str]) -> NDArray[np.float32]:
        return self.change.documents(rows, [self.label if label == _LEFT_OUT else label for label in languages])


def _counts(ranks: RankCounts, targets: NDArray[np.int64], labels: tuple[str, ...]) -> RankCounts:
    kept = slice(len(labels))
    sizes = None if ranks.pool_sizes is None else ranks.pool_sizes[kept]
    greater, equal, before = (column[:, kept] for column in (ranks.greater, ranks.equal, ranks.before))
    return replace(
        ranks, documents=targets, languages=labels, greater=greater, equal=equal, before=before, pool_sizes=sizes
    )


def _lists(top: TopK, document_at: NDArray[np.int64], labels: tuple[str, ...], apart: bool, per_language: bool) -> TopK:
    if apart:
        kept = slice(len(labels))
        top = TopK(top.ids[:, kept], top.scores[:, kept], top.places[:, kept], labels)
        if not per_language:
            top = top.pool(labels)
    return _of_collection(top, document_at)


def _of_collection(top: TopK, document_at: NDArray[np.int64]) -> TopK:
    """Lists of stored rows as lists of the collection's documents."""
    return replace(top, ids=np.where(top.ids < 0, -1, document_at[top.ids]))


def _matched(texts: Texts, store: EmbeddingStore) -> tuple[NDArray[np.int64], int]:
    """The stored row of each text, and how many stored rows have none."""
    row_of = {name: row for row, name in enumerate(store.ids)}
    absent = [name for name in texts.ids if name not in row_of]
    if absent:
        named = ", ".join(map(repr, absent[:_NAMED])) + (", ..." if len(absent) > _NAMED else "")
        raise CollectionError(
            f"{store.path} lacks {len(absent):,} of the collection's {len(texts):,} {store.stage} ({named}); encode "
            "this collection, or give the store that was made of it"
        )
    rows = np.array([row_of[name] for name in texts.ids], dtype=np.int64)
    text_of = np.full(len(store), -1, dtype=np.int64)
    text_of[rows] = np.arange(len(rows))
    start = 0
    for shard in store.manifest.shards:
        here = text_of[start : start + shard.rows]
        known = shard.texts_sha256 is not None and bool((here >= 0).all())
        if known and digest_of([texts.texts[row] for row in here.tolist()]) != shard.texts_sha256:
            raise CollectionError(
                f"{store.path}: a text of shard {shard.name} (rows {start} to {start + shard.rows - 1}, from "
                f"{store.ids[start]!r} on) is not what it was when it was encoded; encode the collection again"
            )
        start += shard.rows
    return rows, len(store) - len(rows)


def open_stores(documents: Any, queries: Any) -> tuple[EmbeddingStore, EmbeddingStore]:
    """The two stores of a command, each a store or a folder with both in it.

    Raises:
        UsageError: One of them is missing.
        FormatError: There is no store, or it is damaged.
    """
    if documents is None:
        raise UsageError("--queries names a store; give the documents' with --documents as well")
    return (
        EmbeddingStore.open(find_store(documents, "documents")),
        EmbeddingStore.open(find_store(documents if queries is None else queries, "queries")),
    )
