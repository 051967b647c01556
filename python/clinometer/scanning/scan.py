"""The metric backend: arrays in, arrays out. One scan gives exact ranks in every pool and the best documents.

A scan knows vectors, languages and positions, never texts or measures. The same input gives the same bits with any
number of threads, block size, split into shards and arithmetic.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clinometer.encoders.similarity import check_similarity, stored_similarity
from clinometer.errors import UsageError
from clinometer.executors import Executor, opened
from clinometer.parameters import whole
from clinometer.scanning.arguments import (
    Relevant,
    check_options,
    codes_of,
    device_of,
    embedding_rows,
    sources_of,
    stores_of,
    targets_of,
    tie_places,
)
from clinometer.scanning.counts import RankCounts, TieMode, TopK
from clinometer.scanning.exclude import join, without, without_listed
from clinometer.scanning.packed import UnpackedBits, packed_rows, packed_sources, unpacked
from clinometer.scanning.passes import Scan
from clinometer.scanning.pool import Pool
from clinometer.scanning.sources import Source
from clinometer.store.lookup import language_codes
from clinometer.store.reader import EmbeddingStore

__all__ = ["Scan", "rank_relevant", "scan", "search"]


def scan(
    queries: ArrayLike | EmbeddingStore,
    documents: ArrayLike | EmbeddingStore | Sequence[NDArray[Any] | EmbeddingStore],
    relevant: Relevant | None = None,
    languages: Sequence[str] | Sequence[int] | NDArray[Any] | None = None,
    k: int = 0,
    *,
    per_language: bool = False,
    pool_k: int = 0,
    ties: TieMode = "index",
    document_ids: Sequence[str] | None = None,
    exclude: Relevant | None = None,
    similarity: Literal["cosine", "dot", "hamming"] | None = None,
    precision: Literal["float32", "int16-certified", "tf32-certified", "bf16-certified"] | None = None,
    memory_budget: int | str | None = None,
    threads: int | None = None,
    executor: str | Executor = "local",
    block: int = 512,
    kernel: str | None = None,
    device: str | None = None,
    show_progress_bar: bool = False,
) -> Scan:
    """Ranks of the relevant documents in every pool, and the best k documents, in one pass.

    Args:
        queries: `(Q, d)` float32 or float16; anything else is converted to float32.
        documents: `(N, d)`, float32 or float16: an array, a read-only memory map (read in place), a list of consecutive
            arrays, an `EmbeddingStore` or a list of those. Do not write to them while the scan runs.
        relevant: Positions of each query's relevant documents: a list in the order of the queries, a mapping by their
            numbers, which holds all of them, or CSR arrays `(indptr, indices)`.
        languages: Language of each document, as labels or integer codes; by default those of the store, or one
            language for all.
        k: Length of the result lists, 0 for none.
        per_language: Whether to keep k documents per query and language, from which the best k of any pool of languages
            merge.
        pool_k: Length of one more list for each query, over all languages, 0 for none: long lists of the whole pool
            next to short ones of each language.
        ties: Order of equal scores: `index` by position, `trec` by document id descending; in the other modes lists are
            in index order.
        document_ids: Ids for `trec`; by default those of the store, or a later position counts as a greater id.
        exclude: Positions of documents that are not in each query's pool, or CSR arrays; they are neither counted nor
            listed.
        similarity: `cosine` first scales every row to length one, in float64, by one fixed rule; `dot` uses the rows as
            they are; `hamming` takes rows of packed bits, uint8 or int8 (see `clinometer.scanning.packed`), and the
            score is the number of equal bits minus that of different ones. By default the one that stores were encoded
            for, and `cosine` for arrays.
        precision: Arithmetic of most of the work: `float32`, or `int16-certified`, 16-bit integers with a proven error
            bound, where doubtful cases are scored again canonically; by default the faster one. On a device `float32`,
            `tf32-certified` or `bf16-certified`. The result does not depend on it, nor on the options below.
        memory_budget: Bytes, or text such as `4GB`, for everything except the pool itself. If it is too small for all
            queries, they are scanned in several passes. On a device, half of it is for its blocks.
        threads: Number of threads; by default as many as the process may use.
        executor: Where the shards are scanned: `local`, `ray`, or an `Executor`, which is left open. With `ray`,
            `threads` and `memory_budget` apply to one worker, 1 thread by default, and workers read shards of stores
            and memory maps themselves, under the same paths or URLs.
        block: Number of documents packed at a time by the core.
        kernel: `amx`, `avx512`, `avx2` or `portable`; by default the best that the machine has. `emulated-amx` is for
            tests: it has the arithmetic of `amx` on any machine, and is very slow.
        device: Device of torch for the products, such as `cuda` or `cuda:1` (the extra `torch`); tensors and DLPack
            arrays then stay where they are. By default the core scans, on the processor. The result is the same in
            every bit.
        show_progress_bar: Whether to draw a bar on standard error.

    Returns:
        `Scan(ranks, top, rescored, pooled)`.

    Raises:
        EmbeddingError: Rows are zero, NaN or infinite (the message names the first), or dimensions differ.
        UsageError: Positions, codes or options are invalid.

    Example:
        >>> import numpy as np, clinometer as cm
        >>> documents = np.array([[1, 0], [0.8, 0.6], [0.6, 0.8], [0, 1]], dtype=np.float32)
        >>> result = cm.scan(documents[:1], documents, relevant=[[2]], languages=["en", "de", "de", "en"], k=2)
        >>> result.ranks.ranks().tolist(), result.ranks.ranks(["de"]).tolist(), result.top.ids.tolist()
        ([3], [2], [[0, 1]])
    """
    stores = stores_of(documents)
    records = [side.record for side in (*stores, queries) if isinstance(side, EmbeddingStore)]
    check_similarity(similarity)
    device_options = device_of(device, precision=precision, memory_budget=memory_budget)
    similarity = stored_similarity(records, similarity) if records else similarity or "cosine"
    transform, sources = None, list[Source]()
    if similarity == "hamming":
        packed = packed_rows(queries, "queries")
        query_rows, transform, sources = unpacked(packed), UnpackedBits(), [*packed_sources(documents, packed)]
    else:
        query_rows, sources = embedding_rows(queries, "queries", device=device), sources_of(documents, device=device)
    size = sum(map(len, sources))
    if size == 0 or len(query_rows) == 0:
        raise UsageError(f"nothing to scan: {len(query_rows)} queries, {size} documents")
    check_options(
        k, ties, similarity, precision, threads, block, kernel, pool_k=pool_k, per_language=per_language,
        show_progress_bar=show_progress_bar, device=device,
    )  # fmt: skip
    k, pool_k, block = int(k), int(pool_k), int(block)  # sums of NumPy's own would overflow
    if stores and document_ids is None and ties == "trec":
        document_ids = [name for store in stores for name in store.ids]
    labels, codes = language_codes(stores) if stores and languages is None else codes_of(languages, size)
    indptr, targets = targets_of(relevant, len(query_rows), size, "relevant")
    extra = 0
    if exclude is not None:
        excluded = targets_of(exclude, len(query_rows), size, "excluded")
        indptr, targets, excluded_mask = join((indptr, targets), excluded)
        extra = int(np.diff(excluded[0]).max())
    places = tie_places(ties, document_ids, size)
    pool = Pool.of(
        sources, codes, labels, query_rows, places=places, ties=ties,
        by_id=ties == "trec" and document_ids is not None, transform=transform,
        similarity="dot" if similarity == "hamming" else similarity, k=k and k + extra,
        per_language=per_language, pool_k=pool_k and pool_k + extra, precision=precision, threads=threads, block=block,
        kernel=kernel, device=device_options,
    )  # fmt: skip
    with opened(executor, threads=threads) as runner:
        result = pool.scan(
            query_rows, indptr, targets, runner, memory_budget=memory_budget, show_progress_bar=show_progress_bar
        )
    ranks, top, pooled = result.ranks, result.top, result.pooled
    if exclude is not None and ranks is not None:
        target_places = targets if places is None else places[targets].astype(np.int64)
        ranks = without(ranks, excluded_mask, target_places)
        top = None if top is None else without_listed(top, excluded, k)
        pooled = None if pooled is None else without_listed(pooled, excluded, pool_k)
    return Scan(ranks if relevant is not None else None, top, result.rescored, pooled)


def rank_relevant(
    queries: ArrayLike | EmbeddingStore,
    documents: ArrayLike | EmbeddingStore | Sequence[NDArray[Any] | EmbeddingStore],
    relevant: Relevant,
    languages: Sequence[str] | Sequence[int] | NDArray[Any] | None = None,
    ties: TieMode = "index",
    threads: int | None = None,
    **options: Any,
) -> RankCounts:
    """Exact ranks of the relevant documents, at any depth; see `scan` for the arguments.

    Example:
        >>> import numpy as np, clinometer as cm
        >>> documents = np.eye(3, dtype=np.float32)
        >>> cm.rank_relevant([[0.1, 0.5, 0.9]], documents, [[0]]).ranks().tolist()
        [3]
    """
    if relevant is None:
        raise UsageError("relevant documents are None; give a list with the positions for each query")
    result = scan(queries, documents, relevant, languages, ties=ties, threads=threads, **options)
    assert result.ranks is not None  # noqa: S101 - scan was given relevant documents
    return result.ranks


def search(
    queries: ArrayLike | EmbeddingStore,
    documents: ArrayLike | EmbeddingStore | Sequence[NDArray[Any] | EmbeddingStore],
    k: int = 100,
    languages: Sequence[str] | Sequence[int] | NDArray[Any] | None = None,
    per_language: bool = False,
    threads: int | None = None,
    **options: Any,
) -> TopK:
    """The best k documents, exact and in one total order; see `scan` for the arguments.

    Example:
        >>> import numpy as np, clinometer as cm
        >>> cm.search([[0.1, 0.5, 0.9]], np.eye(3, dtype=np.float32), k=2).ids.tolist()
        [[2, 1]]
    """
    if whole(k, "k", least=0) < 1:
        raise UsageError(f"k is {k}, but a search returns at least one document")
    result = scan(queries, documents, None, languages, k, per_language=per_language, threads=threads, **options)
    assert result.top is not None  # noqa: S101 - k is positive
    return result.top
