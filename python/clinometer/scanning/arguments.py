"""Checked arguments of a scan, in the form that the core takes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clinometer import _core
from clinometer.encoders.similarity import check_similarity
from clinometer.errors import EmbeddingError, UsageError
from clinometer.scanning.counts import TieMode, check_ties
from clinometer.scanning.sources import Held, Source, sources_of_store
from clinometer.store.reader import EmbeddingStore
from clinometer.vectors import array_of, refuse_masked

__all__ = [
    "Relevant",
    "bytes_of",
    "check_options",
    "codes_of",
    "embedding_rows",
    "repeated_pair",
    "sources_of",
    "stores_of",
    "targets_of",
    "tie_places",
]

Relevant = Sequence[ArrayLike] | tuple[NDArray[Any], NDArray[Any]]


def tie_places(ties: TieMode, ids: Sequence[str] | None, size: int) -> NDArray[np.uint32] | None:
    """Place of each document in the tie order of a scan, None for the order of position.

    `trec` orders as trec_eval does, by the bytes of the id, descending; without ids a later position counts as a
    greater id.
    """
    if ties != "trec":
        return None
    if ids is None:
        return np.arange(size - 1, -1, -1, dtype=np.uint32)
    if len(ids) != size:
        raise UsageError(f"{len(ids)} document ids for {size} documents; give one for each")
    order = sorted(range(size), key=lambda row: ids[row].encode(), reverse=True)
    places = np.empty(size, dtype=np.uint32)
    places[order] = np.arange(size, dtype=np.uint32)
    return places


def embedding_rows(rows: ArrayLike | EmbeddingStore, what: str) -> NDArray[Any]:
    """Embeddings as C-contiguous float32 or float16; arrays that already are, and memory maps, are not copied."""
    if isinstance(rows, EmbeddingStore):
        rows = rows.rows(0, len(rows))
    array = array_of(rows, what)
    if array.ndim != 2 or array.shape[1] == 0:
        raise EmbeddingError(f"{what} have shape {array.shape}, but must be (rows, dimension)")
    if array.dtype not in (np.float32, np.float16):
        if not np.issubdtype(array.dtype, np.number) or np.issubdtype(array.dtype, np.complexfloating):
            raise EmbeddingError(f"{what} are {array.dtype}, but must be float32 or float16")
        array = array.astype(np.float32)
    return np.ascontiguousarray(array)


def stores_of(documents: object) -> list[EmbeddingStore]:
    """The documents as a list of stores; empty if they are arrays."""
    items: Sequence[object] = documents if isinstance(documents, (list, tuple)) else [documents]
    stores = [item for item in items if isinstance(item, EmbeddingStore)]
    return stores if len(stores) == len(items) else []


def sources_of(documents: Any) -> list[Source]:
    """The documents as consecutive shards; a single array is one shard."""
    if stores := stores_of(documents):
        return [source for store in stores for source in sources_of_store(store)]
    if isinstance(documents, (list, tuple)) and documents and all(np.ndim(rows) == 2 for rows in documents):
        return [Held(embedding_rows(rows, "documents")) for rows in documents]
    return [Held(embedding_rows(documents, "documents"))]


def check_options(
    k: int,
    ties: str,
    similarity: str,
    precision: str | None,
    threads: int | None,
    block: int,
    kernel: str | None,
    *,
    pool_k: int = 0,
) -> None:
    """Refuse invalid options of a scan; the message gives the valid values."""
    for name, length in (("k", k), ("pool_k", pool_k)):
        if length < 0:
            raise UsageError(f"{name} is {length}, but cannot be negative")
    check_ties(ties)
    check_similarity(similarity)
    if precision not in (None, "float32", "int16-certified"):
        raise UsageError(f"unknown precision {precision!r}; expected float32 or int16-certified, or leave it out")
    if threads is not None and threads < 1:
        raise UsageError(f"threads is {threads}, but must be 1 or more")
    if block < 1:
        raise UsageError(f"block is {block}, but must be 1 or more")
    if kernel is not None and kernel not in _core.instruction_sets():
        raise UsageError(f"this machine has no kernel {kernel!r}; it has {', '.join(_core.instruction_sets())}")


def codes_of(languages: Any, size: int) -> tuple[tuple[str, ...], NDArray[np.uint16]]:
    """Labels in order of first appearance, and each document's code."""
    refuse_masked(languages, "languages", UsageError)
    if languages is None:
        return ("",), np.zeros(size, dtype=np.uint16)
    if len(languages) != size:
        raise UsageError(f"{len(languages)} languages for {size} documents; give one for each")
    values = np.asarray(languages)
    if values.dtype.kind in "iu":
        if int(values.min()) < 0 or int(values.max()) >= 1 << 16:
            raise UsageError("language codes must be between 0 and 65535")
        return tuple(str(code) for code in range(int(values.max()) + 1)), values.astype(np.uint16)
    code_of: dict[str, int] = {}
    codes = np.fromiter((code_of.setdefault(str(label), len(code_of)) for label in languages), np.int64, size)
    if len(code_of) > 1 << 16:
        raise UsageError(f"{len(code_of):,} languages, but at most 65,536 are supported")
    return tuple(code_of), codes.astype(np.uint16)


def targets_of(
    relevant: Relevant | None, queries: int, size: int, kind: str
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Documents of each query as CSR `(indptr, positions)`; errors call them `kind` documents."""
    refuse_masked(relevant, f"positions of {kind} documents", UsageError)
    if relevant is None:
        return np.zeros(queries + 1, dtype=np.int64), np.empty(0, dtype=np.int64)
    if _is_csr(relevant, queries):
        if any(np.asarray(column).dtype.kind not in "iu" for column in relevant):
            raise UsageError("indptr and indices of the relevant documents must be integers")
        indptr, rows = (np.asarray(column).astype(np.int64) for column in relevant)
        if indptr[0] != 0 or indptr[-1] != len(rows) or np.any(np.diff(indptr) < 0):
            raise UsageError(f"indptr of the {kind} documents must ascend from 0 to the number of indices")
    else:
        if len(relevant) != queries:
            raise UsageError(f"{kind} documents for {len(relevant)} queries, but there are {queries}")
        lists = [np.atleast_1d(np.asarray(rows)) for rows in relevant]
        for query, positions in enumerate(lists):
            if positions.size and positions.dtype.kind not in "iu":
                raise UsageError(f"the {kind} documents of query {query} are {positions.dtype}, but must be integers")
        indptr = np.cumsum([0, *(len(positions) for positions in lists)], dtype=np.int64)
        rows = np.concatenate([np.empty(0, np.int64), *(positions.astype(np.int64) for positions in lists)])
    query_of = np.repeat(np.arange(queries), np.diff(indptr))
    outside = np.flatnonzero((rows < 0) | (rows >= size))
    if outside.size:
        at = outside[0]
        raise UsageError(
            f"query {query_of[at]} names document {rows[at]} as {kind}, but documents are numbered 0 to {size - 1}"
        )
    if (at := repeated_pair(query_of, rows)) is not None:
        raise UsageError(f"query {query_of[at]} names {kind} document {rows[at]} twice; name each one once")
    return indptr, rows


def repeated_pair(queries: NDArray[np.int64], documents: NDArray[np.int64]) -> np.int64 | None:
    """The place of a query and document that occur together before; None without one."""
    order = np.lexsort((documents, queries))
    repeated = np.flatnonzero((np.diff(documents[order]) == 0) & (np.diff(queries[order]) == 0))
    return order[repeated[0]] if repeated.size else None


def bytes_of(budget: int | str) -> int:
    """Bytes of a memory budget such as `4GB`.

    Example:
        >>> bytes_of("4GB"), bytes_of("512 MB"), bytes_of(1000)
        (4000000000, 512000000, 1000)
    """
    if isinstance(budget, int):
        return budget
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?)b?\s*", budget, re.IGNORECASE)
    if match is None:
        raise UsageError(f"memory_budget is {budget!r}; write it like 4GB or 512MB")
    return int(float(match[1]) * 1000 ** " kmgt".index(match[2].lower() or " "))


def _is_csr(relevant: Relevant, queries: int) -> bool:
    if not isinstance(relevant, tuple) or len(relevant) != 2:
        return False
    return all(isinstance(column, np.ndarray) and column.ndim == 1 for column in relevant) and (
        len(relevant[0]) == queries + 1  # type: ignore[arg-type]
    )
