"""Embeddings as what scores a collection: its texts are encoded, and one scan answers for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from clinometer.collection import Collection, Texts
from clinometer.encoders import Encoder
from clinometer.errors import EmbeddingError
from clinometer.executors import Executor
from clinometer.scanning.scan import scan
from clinometer.scorers.base import Scanner, Scored

__all__ = ["embedded", "scanner_of"]


def embedded(
    collection: Collection,
    encoder: Encoder,
    threads: int | None,
    show_progress_bar: bool,
    *,
    executor: str | Executor = "local",
    more: Sequence[NDArray[Any]] = (),
) -> Scored:
    """Encode a collection.

    Args:
        collection: Any.
        encoder: What encodes it.
        threads: Of the scan.
        show_progress_bar: Draw bars on standard error.
        executor: Where the scan runs.
        more: Embeddings of further documents, which follow those of the collection; the scanner is to be asked with
            languages and ids of all.

    Raises:
        EmbeddingError: Texts whose embeddings cannot be scored; they are named by id.
    """
    texts = collection.queries
    queries = encoder.encode_queries(texts.texts, show_progress_bar=show_progress_bar, **_labels(encoder, texts))
    texts = collection.documents
    documents = encoder.encode_documents(texts.texts, show_progress_bar=show_progress_bar, **_labels(encoder, texts))
    scan_all = scanner_of(collection, queries, documents, threads, show_progress_bar, executor=executor, more=more)
    # The record is read last: some things are known only when all texts have been seen.
    return Scored(scan_all, msgspec.to_builtins(encoder.record))


def scanner_of(
    collection: Collection,
    queries: NDArray[Any],
    documents: NDArray[Any],
    threads: int | None = None,
    show_progress_bar: bool = False,
    *,
    executor: str | Executor = "local",
    more: Sequence[NDArray[Any]] = (),
) -> Scanner:
    """The scan of a collection's embeddings, one row for each of its texts, and of further documents.

    Raises:
        EmbeddingError: Texts whose embeddings cannot be scored; they are named by id.
    """
    _check_rows("queries", queries, collection.queries.ids)
    _check_rows("documents", documents, collection.documents.ids)
    rows = [documents, *more] if more else documents
    return partial(scan, queries, rows, threads=threads, show_progress_bar=show_progress_bar, executor=executor)


def _labels(encoder: Encoder, texts: Texts) -> dict[str, Any]:
    """The languages of the texts, for encoders that go by them, such as `clinometer.correction.CorrectedEncoder`."""
    return {"languages": texts.languages} if getattr(encoder, "wants_languages", False) else {}


def _check_rows(what: str, rows: NDArray[Any], ids: Sequence[str]) -> None:
    if len(rows) != len(ids):
        raise EmbeddingError(f"the encoder gave {len(rows)} rows for {len(ids)} {what}; one for each is needed")
    largest = np.abs(rows).max(axis=1)
    bad = np.flatnonzero(~np.isfinite(largest) | (largest == 0))
    if bad.size:
        named = ", ".join(repr(ids[row]) for row in bad[:5]) + (", ..." if bad.size > 5 else "")
        raise EmbeddingError(
            f"the embeddings of {bad.size} {what} are zero, NaN or infinite ({named}); encode these texts again"
        )
