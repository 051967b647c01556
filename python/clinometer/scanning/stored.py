"""A scan of stored embeddings by the ids of a file of judgements, without texts or a model.

Of the documents, only the languages are in memory, two bytes each: rows are mapped, and ids are looked up by shard.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from clinometer.correction.remedies import Remedies, mixed_encoders
from clinometer.encoders.base import EncoderRecord
from clinometer.encoders.similarity import similarity_notices, stored_similarity
from clinometer.errors import CollectionError, EmbeddingError, first_few
from clinometer.executors import Executor
from clinometer.files import bytes_in, file_digest
from clinometer.scanning.arguments import check_options, device_of, embedding_rows
from clinometer.scanning.checkpoint import Checkpoint
from clinometer.scanning.counts import RankCounts, TopK
from clinometer.scanning.pool import Pool
from clinometer.scanning.sources import sources_of_store
from clinometer.store.lookup import language_codes, rows_of_ids
from clinometer.store.manifest import MANIFEST
from clinometer.store.reader import EmbeddingStore

__all__ = ["Judged", "ScanRequest", "StoredScan", "manifest_digest"]

Judgements = Mapping[str, Mapping[str, int]]


@dataclass(frozen=True)
class Judged:
    """Relevant documents of stored queries, as rows; both in the order of their stores.

    Args:
        queries: `(Q,)`: rows of the queries that have a relevant document.
        query_ids: Their ids.
        indptr: `(Q + 1,)`: CSR of the relevant documents.
        documents: `(R,)`: their rows.
        grades: `(R,)`: their grades, from 1 on.
        left_out: Counts of what was left out: `queries_without_judgement`, and under `allow_missing` also
            `missing_queries` and `missing_documents` of judgements.
    """

    queries: NDArray[np.int64]
    query_ids: tuple[str, ...]
    indptr: NDArray[np.int64]
    documents: NDArray[np.int64]
    grades: NDArray[np.int64]
    left_out: dict[str, int]


def _judged(request: ScanRequest) -> Judged:
    """Find the queries and documents of judgements in the stores."""
    judgements, path, queries, documents = request.judgements, request.relevant, request.queries, request.documents
    relevant = {
        query: relevant_grades
        for query, grades in judgements.items()
        if (relevant_grades := {document: grade for document, grade in grades.items() if grade >= 1})
    }
    query_rows = rows_of_ids(queries, relevant)
    document_rows = rows_of_ids(documents, {document for grades in relevant.values() for document in grades})
    missing_documents = (name for grades in relevant.values() for name in grades if name not in document_rows)
    missing = {
        "queries": [name for name in relevant if name not in query_rows],
        "documents": list(dict.fromkeys(missing_documents)),
    }
    for (what, names), store in zip(missing.items(), (queries, documents), strict=True):
        if names and not request.allow_missing:
            raise CollectionError(
                f"{path} names {len(names):,} {what} that are not in {store.path} ({first_few(names)}); add them to "
                "the store, or leave their judgements out with --allow-missing"
            )
    judged_queries: list[tuple[int, str]] = []
    judged: list[tuple[int, int]] = []
    indptr = [0]
    for name, query_row in sorted(query_rows.items(), key=lambda item: item[1]):
        judged += sorted(
            (document_rows[document], grade) for document, grade in relevant[name].items() if document in document_rows
        )
        if len(judged) > indptr[-1]:
            judged_queries.append((query_row, name))
            indptr.append(len(judged))
    if not judged:
        raise CollectionError(f"{path} has no relevant document (grade 1 or more) that is in the stores; check the ids")
    left_out = {"queries_without_judgement": len(queries) - len(judged_queries)}
    if request.allow_missing:
        left_out |= {f"missing_{what}": len(names) for what, names in missing.items()}
    return Judged(
        np.array([row for row, _ in judged_queries], dtype=np.int64),
        tuple(name for _, name in judged_queries),
        np.array(indptr, dtype=np.int64),
        np.array([row for row, _ in judged], dtype=np.int64),
        np.array([grade for _, grade in judged], dtype=np.int64),
        left_out,
    )


@dataclass(frozen=True)
class StoredScan:
    """Result of a scan of stores.

    Args:
        ranks: Counts; its documents are rows of the store.
        top: The best documents, None if k was 0; its ids are rows of the store.
        judged: Queries of the scan, and the grades of their relevant documents.
        documents: Store of the documents.
        record: Encoder of the documents, remedies included.
        digests: Digests of the inputs, by name.
        warnings: Warnings for the user.
        resumed: Number of shards that an earlier run had finished.
        took: Wall-clock `seconds` of the passes and `processor_seconds` of this process, without the look-up of ids.
    """

    ranks: RankCounts
    top: TopK | None
    judged: Judged
    documents: EmbeddingStore
    record: EncoderRecord
    digests: dict[str, str]
    warnings: list[str]
    resumed: int
    took: dict[str, float]


@dataclass(frozen=True)
class ScanRequest:
    """A scan of stores, checked and ready to run.

    Args:
        documents: Store of the pool.
        queries: Store of the queries.
        relevant: File of judgements, for messages and the digest.
        judgements: Judgements of the file, as from `clinometer.io.judgements.read_judgements`.
        k: Length of the result lists, 0 for none.
        per_language: Whether to keep k documents per query and language.
        remedies: Remedies for all embeddings; None for none.
        allow_missing: Whether to leave out, and count, judgements of ids that are not in the stores.
        verify: Whether to compare the checksum of each shard before it is scanned.
        threads: Number of threads of this process, or of each task.
        memory_budget: Bytes, or text such as `4GB`, in addition to the pool.
        precision: Arithmetic, as for `clinometer.scan`.
        similarity: `cosine` or `dot`; None for the one that the embeddings are made for.
        device: Device of torch for the products, as for `clinometer.scan`; None for the processor.
    """

    documents: EmbeddingStore
    queries: EmbeddingStore
    relevant: Path
    judgements: Judgements
    k: int = 0
    per_language: bool = False
    remedies: Remedies | None = None
    allow_missing: bool = False
    verify: bool = False
    threads: int | None = None
    memory_budget: int | str | None = None
    precision: str | None = None
    similarity: str | None = None
    device: str | None = None

    def digests(self) -> dict[str, str]:
        """Digests and settings of everything that changes the result, by name."""
        digests = {
            "documents": manifest_digest(self.documents),
            "queries": manifest_digest(self.queries),
            "relevant": file_digest(self.relevant),
            "k": str(self.k),
            "per_language": str(self.per_language),
            "similarity": self.scored_by,
            "allow_missing": str(self.allow_missing),
        }
        if self.remedies is not None:
            digests["remedies"] = " ".join(self.remedies.digests)
            digests["truncate_dim"] = str(self.remedies.truncate_dim)
            digests["query_languages"] = str(self.remedies.query_languages)
        return digests

    def run(
        self, executor: Executor, *, work: str | os.PathLike[str] | None = None, show_progress_bar: bool = False
    ) -> StoredScan:
        """Scan.

        Args:
            executor: Executor of the passes.
            work: Folder for the results of finished shards, from which the same scan resumes; None for none.
            show_progress_bar: Whether to draw a bar on standard error.

        Raises:
            ClinometerError: Stores or judgements cannot be used; a subclass says why.
        """
        check_options(self.k, "index", self.scored_by, self.precision, self.threads, 512, None, device=self.device)
        device = device_of(self.device, precision=self.precision, memory_budget=self.memory_budget)
        record = self._record()
        judged = _judged(self)
        if self.verify:
            self.queries.verify()
        query_rows = embedding_rows(self.queries.take(judged.queries), "queries")
        if self.remedies is not None:
            languages = self.queries.languages
            query_rows = self.remedies.queries(query_rows, [languages[row] for row in judged.queries.tolist()])
        labels, codes = language_codes([self.documents])
        sources = sources_of_store(self.documents)
        pool = Pool.of(
            sources, codes, labels, query_rows, transform=self.remedies, checked=self.verify, k=self.k,
            per_language=self.per_language, precision=self.precision, threads=self.threads, similarity=self.scored_by,
            device=device,
        )  # fmt: skip
        digests = self.digests()
        with nullcontext() if work is None else Checkpoint(work, digests) as checkpoint:
            start, processor = time.perf_counter(), time.process_time()
            scan_result = pool.scan(
                query_rows,
                judged.indptr,
                judged.documents,
                executor,
                memory_budget=self.memory_budget,
                checkpoint=checkpoint,
                show_progress_bar=show_progress_bar,
            )
            took = {"seconds": time.perf_counter() - start, "processor_seconds": time.process_time() - processor}
            resumed = 0 if checkpoint is None else checkpoint.resumed
        assert scan_result.ranks is not None  # noqa: S101 - a pool's scan always counts
        warnings = mixed_encoders(self.documents.record, self.queries.record)
        warnings += [text for text in record.warnings if text not in warnings]
        warnings += similarity_notices(record, self.scored_by)
        return StoredScan(
            scan_result.ranks, scan_result.top, judged, self.documents, record, digests, warnings, resumed, took
        )

    @property
    def scored_by(self) -> str:
        """Similarity of the scores."""
        return stored_similarity([self._record()], self.similarity)

    def forget(self, work: str | os.PathLike[str]) -> None:
        """Delete the results of finished shards, once the result of the scan is saved."""
        with Checkpoint(work, self.digests()) as checkpoint:
            checkpoint.clear()

    def _record(self) -> EncoderRecord:
        """Record of the embeddings after the remedies; stores that do not fit are refused."""
        documents, queries = self.documents, self.queries
        if documents.dimension != queries.dimension:
            raise EmbeddingError(
                f"queries have dimension {queries.dimension} ({queries.path}), documents {documents.dimension} "
                f"({documents.path}); encode both with one encoder"
            )
        if self.remedies is None:
            return documents.record
        self.remedies.record(queries.record)
        return self.remedies.record(documents.record)


def manifest_digest(store: EmbeddingStore) -> str:
    """SHA-256 of a store's manifest, which holds the checksums of its shards."""
    return hashlib.sha256(bytes_in(store.path / MANIFEST)).hexdigest()
