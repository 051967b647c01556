"""Stored embeddings as the scorer of a collection: its texts are matched with stored rows by id, in any order.

Rows are scanned in place, in the store's order, with the tie order of the collection. Stored rows that the collection
lacks are scanned as a separate language, which is then left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from clinometer.collection import Collection, Texts
from clinometer.correction.expansion import refuse_expanded
from clinometer.correction.feedback import fed_back
from clinometer.correction.remedies import Remedies, mixed_encoders
from clinometer.encoders import EncoderRecord
from clinometer.encoders.similarity import Similarity, similarity_notices, stored_similarity
from clinometer.errors import CollectionError, UsageError, first_few
from clinometer.executors import opened
from clinometer.memory import refuse_more_than_available
from clinometer.scanning.arguments import codes_of, device_of, embedding_rows, tie_places
from clinometer.scanning.counts import RankCounts, TieMode, TopK
from clinometer.scanning.passes import RowTransform, Scan
from clinometer.scanning.pool import Pool
from clinometer.scanning.sources import sources_of_store
from clinometer.scorers.base import Scanner, ScanOptions, Scored
from clinometer.scorers.in_memory import EmbeddedTexts
from clinometer.store.reader import EmbeddingStore, find_store
from clinometer.store.rowfiles import digest_of

__all__ = ["StoredEmbeddings", "open_stores"]

# No canonical label has such a character.
_LEFT_OUT = "\x00"
_BLOCK = 8192


@dataclass(frozen=True)
class StoredEmbeddings:
    """Stored embeddings of a collection's documents and queries, in place of an encoder.

    Args:
        documents: Store with a row for each document, and perhaps more.
        queries: Store with a row for each query, and perhaps more.
        remedies: Remedies for all rows; None for none.
        memory_budget: Memory of a scan besides the pool, in bytes or as text such as `4GB`.

    Raises:
        UsageError: The remedies do not match the embeddings.
    """

    documents: EmbeddingStore
    queries: EmbeddingStore
    remedies: Remedies | None = None
    memory_budget: int | str | None = None

    def __post_init__(self) -> None:
        _ = self.record

    @property
    def record(self) -> Any:
        """Record of the encoder of the rows (`EncoderRecord`), with the remedies."""
        records = self.documents.record, self.queries.record
        documents, queries = records if self.remedies is None else map(self.remedies.record, records)
        warnings = list(dict.fromkeys([*mixed_encoders(*records), *documents.warnings]))
        return msgspec.structs.replace(documents, query_prompt=queries.query_prompt, warnings=warnings)

    def score(self, collection: Collection, options: ScanOptions = ScanOptions()) -> Scored:
        """Match the texts of a collection with the stored rows.

        Raises:
            CollectionError: Texts are not stored, or have changed since they were encoded.
            UsageError: The stored embeddings cannot be scored by the similarity.
        """
        similarity = stored_similarity([self.record], options.similarity)
        documents, extra_documents = _matched(collection.documents, self.documents)
        queries, extra_queries = _matched(collection.queries, self.queries)
        query_rows = embedding_rows(self.queries.take(queries), "queries")
        if self.remedies is not None:
            query_rows = self.remedies.queries(query_rows, collection.queries.languages)
        notices = [
            f"{count:,} of {len(store):,} stored {store.stage} are not in the collection and were left out"
            for store, count in ((self.documents, extra_documents), (self.queries, extra_queries))
            if count
        ]
        record = msgspec.structs.replace(self.record, warnings=[*self.record.warnings, *notices])
        scanner = _Scanner(self, query_rows, documents, options, similarity)
        second = expander = None
        if similarity == "cosine":
            second = _SecondSearch(scanner, collection.documents.languages)
            expander = _Expander(scanner, collection.documents, record)
        notices = similarity_notices(record, similarity)
        return Scored(scanner, msgspec.to_builtins(record), similarity, notices, second=second, expander=expander)


@dataclass(frozen=True)
class _Scanner:
    """A scan by rows of the collection; see `clinometer.scorers.Scanner`.

    Args:
        stored: Stores of the rows.
        queries: `(Q, d)`: rows of the queries, in the collection's order.
        rows: `(N,)`: stored row of each document of the collection.
        options: Options of the scan.
        similarity: Similarity of the rows.
    """

    stored: StoredEmbeddings
    queries: NDArray[Any]
    rows: NDArray[np.int64]
    options: ScanOptions
    similarity: Similarity

    def documents(self, documents: NDArray[np.int64], languages: Sequence[str]) -> NDArray[Any]:
        """Rows of some documents of the collection after the remedies, of which `languages` are those of all."""
        rows = self.stored.documents.take(self.rows[documents])
        if self.stored.remedies is None:
            return rows
        return self.stored.remedies.documents(rows, [languages[row] for row in documents.tolist()])

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
        labels, collection_codes = codes_of(languages, size)
        document_at = np.full(len(store), -1, dtype=np.int64)
        document_at[self.rows] = np.arange(size)
        extra = document_at < 0
        codes = np.where(extra, len(labels), collection_codes[document_at]).astype(np.uint16)
        collection_places = tie_places(ties, document_ids, size)
        places = None
        if collection_places is not None or extra.any() or not np.array_equal(self.rows, np.arange(size)):
            places = (document_at if collection_places is None else collection_places[document_at]).astype(np.uint32)
            places[extra] = size + np.arange(int(extra.sum()), dtype=np.uint32)
        # Separate lists by language keep the rows to leave out away from the others.
        separate = per_language or bool(extra.any())
        transform: RowTransform | None = self.stored.remedies
        if transform is not None and extra.any():
            transform = _PassingTransform(transform, labels[0])
        pool = Pool.of(
            sources_of_store(store), codes, (*labels, _LEFT_OUT) if extra.any() else labels, self.queries,
            places=places, ties=ties, by_id=ties == "trec" and document_ids is not None, transform=transform, k=k,
            per_language=separate, pool_k=pool_k, pool_languages=labels if extra.any() else None,
            threads=self.options.threads, similarity=self.similarity,
            device=device_of(self.options.device, memory_budget=self.stored.memory_budget),
        )  # fmt: skip
        indptr, targets = relevant
        with opened(self.options.executor, threads=self.options.threads) as executor:
            scan_result = pool.scan(
                self.queries,
                np.asarray(indptr, dtype=np.int64),
                self.rows[targets],
                executor,
                memory_budget=self.stored.memory_budget,
                show_progress_bar=self.options.show_progress_bar,
            )
        assert scan_result.ranks is not None  # noqa: S101 - a pool's scan always counts
        top = None if scan_result.top is None else _lists(scan_result.top, document_at, labels, separate, per_language)
        pooled = None if scan_result.pooled is None else _of_collection(scan_result.pooled, document_at)
        return Scan(_counts(scan_result.ranks, targets, labels), top, scan_result.rescored, pooled)


@dataclass(frozen=True)
class _SecondSearch:
    """A scan with queries that were moved towards documents; see `clinometer.scorers.base.SecondSearch`."""

    scanner: _Scanner
    languages: Sequence[str]

    def __call__(self, queries: NDArray[np.int64], documents: NDArray[np.int64], weight: float) -> Scanner:
        moved = np.flatnonzero(documents >= 0)
        distinct, row_of = np.unique(documents[moved], return_inverse=True)
        rows = self.scanner.documents(distinct, self.languages)
        towards = np.zeros((len(documents), self.scanner.queries.shape[1]), dtype=rows.dtype)
        towards[moved] = rows[row_of]
        return replace(self.scanner, queries=fed_back(self.scanner.queries[queries], towards, weight))


@dataclass(frozen=True)
class _Expander:
    """Expansion of the collection's documents, for which they are read into memory; see `clinometer.scorers.base`.

    A large index is expanded once, by `clinometer.correction.stores.correct_store`.
    """

    scanner: _Scanner
    texts: Texts
    record: EncoderRecord

    def __call__(self, weight: float, pivot: str) -> Scored:
        refuse_expanded(self.record)  # before all rows are read
        scanner, size = self.scanner, len(self.texts)
        dimension = scanner.documents(np.zeros(1, dtype=np.int64), self.texts.languages).shape[1]
        fix = "expand the store with clinometer correct"
        refuse_more_than_available(4 * size * dimension, f"{size:,} expanded documents", fix)
        rows = np.empty((size, dimension), dtype=np.float32)
        for start in range(0, size, _BLOCK):
            part = np.arange(start, min(start + _BLOCK, size))
            rows[part] = scanner.documents(part, self.texts.languages)
        return EmbeddedTexts(
            scanner.queries, rows, self.texts, self.record, scanner.similarity, scanner.options,
            scanner.stored.memory_budget,
        ).expanded(weight, pivot)  # fmt: skip


@dataclass(frozen=True)
class _PassingTransform:
    """A transform of documents that treats those to leave out as if in a known language, since they are never shown."""

    transform: RowTransform
    label: str

    @property
    def block(self) -> int:
        return self.transform.block

    def documents(self, rows: NDArray[Any], languages: Sequence[str]) -> NDArray[np.float32]:
        return self.transform.documents(rows, [self.label if label == _LEFT_OUT else label for label in languages])


def _counts(ranks: RankCounts, targets: NDArray[np.int64], labels: tuple[str, ...]) -> RankCounts:
    columns = slice(len(labels))
    sizes = None if ranks.pool_sizes is None else ranks.pool_sizes[columns]
    greater, equal, before = (column[:, columns] for column in (ranks.greater, ranks.equal, ranks.before))
    return replace(
        ranks, documents=targets, languages=labels, greater=greater, equal=equal, before=before, pool_sizes=sizes
    )


def _lists(
    top: TopK, document_at: NDArray[np.int64], labels: tuple[str, ...], separate: bool, per_language: bool
) -> TopK:
    if separate:
        columns = slice(len(labels))
        top = TopK(top.ids[:, columns], top.scores[:, columns], top.places[:, columns], labels)
        if not per_language:
            top = top.pool(labels)
    return _of_collection(top, document_at)


def _of_collection(top: TopK, document_at: NDArray[np.int64]) -> TopK:
    """Lists of stored rows as lists of the collection's documents."""
    return replace(top, ids=np.where(top.ids < 0, -1, document_at[top.ids]))


def _matched(texts: Texts, store: EmbeddingStore) -> tuple[NDArray[np.int64], int]:
    """The stored row of each text, and the number of stored rows without a text."""
    rows = _rows_of(texts, store)
    text_of = np.full(len(store), -1, dtype=np.int64)
    text_of[rows] = np.arange(len(rows))
    start = 0
    for shard in store.manifest.shards:
        shard_texts = text_of[start : start + shard.rows]
        checked = shard.texts_sha256 is not None and bool((shard_texts >= 0).all())
        if checked and digest_of([texts.texts[row] for row in shard_texts.tolist()]) != shard.texts_sha256:
            raise CollectionError(
                f"{store.path}: a text of shard {shard.name} (rows {start} to {start + shard.rows - 1}, from "
                f"{store.ids[start]!r} on) has changed since it was encoded; encode the collection again"
            )
        start += shard.rows
    return rows, len(store) - len(rows)


def _rows_of(texts: Texts, store: EmbeddingStore) -> NDArray[np.int64]:
    ids = store.ids
    if ids == texts.ids:
        # As `encode` writes them; a dictionary would take more memory than the ids.
        return np.arange(len(ids), dtype=np.int64)
    row_of = {name: row for row, name in enumerate(ids)}
    missing = [name for name in texts.ids if name not in row_of]
    if missing:
        raise CollectionError(
            f"{store.path} lacks {len(missing):,} of the collection's {len(texts):,} {store.stage} "
            f"({first_few(missing)}); encode this collection, or give its own store"
        )
    return np.array([row_of[name] for name in texts.ids], dtype=np.int64)


def open_stores(documents: Any, queries: Any) -> tuple[EmbeddingStore, EmbeddingStore]:
    """The two stores of a command; each argument is a store or a folder with both.

    Raises:
        UsageError: One of them is missing.
        FormatError: The folder has no store, or a damaged one.
    """
    if documents is None:
        raise UsageError("--queries names a store; give the documents' with --documents as well")
    return (
        EmbeddingStore.open(find_store(documents, "documents")),
        EmbeddingStore.open(find_store(documents if queries is None else queries, "queries")),
    )
