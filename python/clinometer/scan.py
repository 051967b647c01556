"""The metric backend: arrays in, arrays out. One scan yields exact ranks in every pool and the best documents.

A scan knows vectors, languages and positions, never texts or measures. The same input gives the same bits on any number
of threads, in blocks of any size, over shards cut anywhere.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from tqdm.auto import tqdm

from clinometer import _core
from clinometer.counts import RankCounts, TopK
from clinometer.errors import EmbeddingError, UsageError
from clinometer.exclude import join, without, without_listed
from clinometer.placements import TIE_MODES, TieMode

__all__ = ["Scan", "rank_relevant", "scan", "search", "tie_places"]

Relevant = Sequence[ArrayLike] | tuple[NDArray[Any], NDArray[Any]]


@dataclass(frozen=True)
class Scan:
    """What one scan yields.

    Args:
        ranks: Counts of the relevant documents; None if none were given.
        top: The best documents; None if k was 0.
    """

    ranks: RankCounts | None
    top: TopK | None


def scan(
    queries: ArrayLike,
    documents: ArrayLike | Sequence[NDArray[Any]],
    relevant: Relevant | None = None,
    languages: Sequence[str] | Sequence[int] | NDArray[Any] | None = None,
    k: int = 0,
    *,
    per_language: bool = False,
    ties: TieMode = "index",
    document_ids: Sequence[str] | None = None,
    exclude: Relevant | None = None,
    similarity: Literal["cosine", "dot"] = "cosine",
    threads: int | None = None,
    block: int = 512,
    kernel: str | None = None,
    show_progress_bar: bool = False,
) -> Scan:
    """Ranks of the relevant documents in every pool, and the best k documents, in one pass.

    Args:
        queries: `(Q, d)` float32 or float16; anything else is converted to float32.
        documents: `(N, d)`, float32 or float16: an array, a read-only memory map (read in place), or a list of such
            arrays that follow one another. Do not write to them while the scan runs.
        relevant: For each query the positions of its relevant documents, or CSR arrays `(indptr, indices)`.
        languages: Language of each document, labels or integer codes; one language if not given.
        k: Length of the result lists, 0 for none.
        per_language: Keep k documents per query and language: the best k of any pool of languages merge from them.
        ties: Order of equal scores: `index` by position, `trec` by document id descending; in the other modes lists are
            in index order.
        document_ids: Ids for `trec`; without them a later position counts as a greater id.
        exclude: For each query the positions of documents that are not in its pool, or CSR arrays; they are neither
            counted nor listed.
        similarity: `cosine` scales every row to length one first, in float64, by one fixed rule; `dot` takes the rows
            as they are.
        threads: How many; by default as many as the process may use. Never shows in the result.
        block: Documents packed at a time. Never shows in the result.
        kernel: `avx2` or `portable`; by default the best that the machine has. Never shows in the result.
        show_progress_bar: Draw a bar on standard error.

    Returns:
        `Scan(ranks, top)`.

    Raises:
        EmbeddingError: Rows that are zero, NaN or infinite (the first are named), or dimensions that differ.
        UsageError: Positions, codes or options that cannot be used.

    Example:
        >>> import numpy as np, clinometer as cm
        >>> documents = np.array([[1, 0], [0.8, 0.6], [0.6, 0.8], [0, 1]], dtype=np.float32)
        >>> result = cm.scan(documents[:1], documents, relevant=[[2]], languages=["en", "de", "de", "en"], k=2)
        >>> result.ranks.ranks().tolist(), result.ranks.ranks(["de"]).tolist(), result.top.ids.tolist()
        ([3], [2], [[0, 1]])
    """
    query_rows = _rows(queries, "queries")
    shards = _shards(documents)
    for rows in shards:
        if rows.shape[1] != query_rows.shape[1]:
            raise EmbeddingError(
                f"queries have dimension {query_rows.shape[1]}, documents {rows.shape[1]}; encode both with one encoder"
            )
    starts = np.cumsum([0, *(len(rows) for rows in shards)])
    size = int(starts[-1])
    if size == 0 or len(query_rows) == 0:
        raise UsageError(f"nothing to scan: {len(query_rows)} queries, {size} documents")
    _check_options(k, ties, similarity, threads, block, kernel)
    labels, codes = _codes(languages, size)
    indptr, targets = _targets(relevant, len(query_rows), size, "relevant")
    excluded = None if exclude is None else _targets(exclude, len(query_rows), size, "excluded")
    depth = k
    if excluded is not None:
        indptr, targets, out = join((indptr, targets), excluded)
        depth += int(np.diff(excluded[0]).max()) if k else 0
    places = tie_places(ties, document_ids, size)
    with _named_rows():
        scores = _target_scores(query_rows, shards, starts, indptr, targets, similarity, kernel)
        target_places = targets.astype(np.uint32) if places is None else places[targets]
        parts = []
        with _bar(show_progress_bar, size) as progress_from:
            for start, rows in zip(starts, shards, strict=False):
                span = slice(int(start), int(start) + len(rows))
                part = _core.scan(
                    query_rows,
                    rows,
                    codes[span],
                    language_count=len(labels),
                    places=None if places is None else places[span],
                    first_place=int(start),
                    indptr=indptr,
                    target_scores=scores,
                    target_places=target_places,
                    similarity=similarity,
                    k=depth,
                    per_language=per_language,
                    threads=threads or 0,
                    block=block,
                    isa=kernel,
                    progress=progress_from(int(start)),
                )
                parts.append(_results(part, len(query_rows), len(labels) if per_language else None, places))
    ranks: RankCounts | None = None
    top: TopK | None = None
    for (greater, equal, before), lists in parts:
        more_ranks = RankCounts(
            indptr=indptr,
            documents=targets,
            codes=codes[targets].astype(np.int64),
            scores=scores,
            greater=greater,
            equal=equal,
            before=before,
            languages=labels,
            ties=ties,
            held="trec" if ties == "trec" else "index",
            by_id=ties == "trec" and document_ids is not None,
        )
        ranks = more_ranks if ranks is None else ranks.merge(more_ranks)
        if lists is not None:
            ids, best, found = lists
            more_top = TopK(ids, best, found, labels if per_language else None)
            top = more_top if top is None else top.merge(more_top)
    if excluded is not None:
        if ranks is not None:
            ranks = without(ranks, out, target_places.astype(np.int64))
        if top is not None:
            top = without_listed(top, excluded, k)
    return Scan(ranks if relevant is not None else None, top)


def rank_relevant(
    queries: ArrayLike,
    documents: ArrayLike | Sequence[NDArray[Any]],
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
    result = scan(queries, documents, relevant, languages, ties=ties, threads=threads, **options)
    assert result.ranks is not None  # noqa: S101 - scan was given relevant documents
    return result.ranks


def search(
    queries: ArrayLike,
    documents: ArrayLike | Sequence[NDArray[Any]],
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
    if k < 1:
        raise UsageError(f"k is {k}, but a search returns at least one document")
    result = scan(queries, documents, None, languages, k, per_language=per_language, threads=threads, **options)
    assert result.top is not None  # noqa: S101 - k is positive
    return result.top


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


def _rows(rows: ArrayLike, what: str) -> NDArray[Any]:
    try:
        array = np.asanyarray(rows)
    except ValueError:
        raise EmbeddingError(f"{what} have rows of different lengths; all need one dimension") from None
    if array.ndim != 2 or array.shape[1] == 0:
        raise EmbeddingError(f"{what} have shape {array.shape}, but must be (rows, dimension)")
    if array.dtype not in (np.float32, np.float16):
        if not np.issubdtype(array.dtype, np.number) or np.issubdtype(array.dtype, np.complexfloating):
            raise EmbeddingError(f"{what} are {array.dtype}, but must be float32 or float16")
        array = array.astype(np.float32)
    return np.ascontiguousarray(array)


def _shards(documents: ArrayLike | Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
    if isinstance(documents, (list, tuple)) and documents and all(np.ndim(rows) == 2 for rows in documents):
        return [_rows(rows, "documents") for rows in documents]
    return [_rows(documents, "documents")]


def _check_options(k: int, ties: str, similarity: str, threads: int | None, block: int, kernel: str | None) -> None:
    if k < 0:
        raise UsageError(f"k is {k}, but cannot be negative")
    if ties not in TIE_MODES:
        raise UsageError(f"there is no tie mode {ties!r}; choose one of {', '.join(TIE_MODES)}")
    if similarity not in ("cosine", "dot"):
        raise UsageError(f"there is no similarity {similarity!r}; choose cosine or dot")
    if threads is not None and threads < 1:
        raise UsageError(f"threads is {threads}, but must be 1 or more")
    if block < 1:
        raise UsageError(f"block is {block}, but must be 1 or more")
    if kernel is not None and kernel not in _core.instruction_sets():
        raise UsageError(f"this machine has no kernel {kernel!r}; it has {', '.join(_core.instruction_sets())}")


def _codes(languages: Any, size: int) -> tuple[tuple[str, ...], NDArray[np.uint16]]:
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
        raise UsageError(f"{len(code_of)} languages are more than 65,536")
    return tuple(code_of), codes.astype(np.uint16)


def _targets(
    relevant: Relevant | None, queries: int, size: int, kind: str
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
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
        for query, found in enumerate(lists):
            if found.size and found.dtype.kind not in "iu":
                raise UsageError(f"the {kind} documents of query {query} are {found.dtype}, but must be integers")
        indptr = np.cumsum([0, *(len(found) for found in lists)], dtype=np.int64)
        rows = np.concatenate([found.astype(np.int64) for found in lists]) if indptr[-1] else np.empty(0, np.int64)
    query_of = np.repeat(np.arange(queries), np.diff(indptr))
    outside = np.flatnonzero((rows < 0) | (rows >= size))
    if outside.size:
        at = outside[0]
        raise UsageError(
            f"query {query_of[at]} names document {rows[at]} as {kind}, but documents are numbered 0 to {size - 1}"
        )
    order = np.lexsort((rows, query_of))
    twice = np.flatnonzero((np.diff(rows[order]) == 0) & (np.diff(query_of[order]) == 0))
    if twice.size:
        at = order[twice[0]]
        raise UsageError(f"query {query_of[at]} names document {rows[at]} twice; name each {kind} document once")
    return indptr, rows


def _is_csr(relevant: Relevant, queries: int) -> bool:
    if not isinstance(relevant, tuple) or len(relevant) != 2:
        return False
    return all(isinstance(column, np.ndarray) and column.ndim == 1 for column in relevant) and (
        len(relevant[0]) == queries + 1  # type: ignore[arg-type]
    )


def _target_scores(
    queries: NDArray[Any],
    shards: list[NDArray[Any]],
    starts: NDArray[np.int64],
    indptr: NDArray[np.int64],
    targets: NDArray[np.int64],
    similarity: str,
    kernel: str | None,
) -> NDArray[np.float32]:
    query_of = np.repeat(np.arange(len(queries), dtype=np.uint32), np.diff(indptr))
    scores = np.empty(len(targets), dtype=np.float32)
    for start, rows in zip(starts, shards, strict=False):
        here = np.flatnonzero((targets >= start) & (targets < start + len(rows)))
        if here.size:
            local = (targets[here] - start).astype(np.uint32)
            scores[here] = _core.score_pairs(queries, rows, query_of[here], local, similarity=similarity, isa=kernel)
    return scores


def _results(
    part: dict[str, NDArray[Any]], queries: int, languages: int | None, places: NDArray[np.uint32] | None
) -> tuple[tuple[NDArray[Any], ...], tuple[NDArray[Any], ...] | None]:
    counts = tuple(part[name].T for name in ("greater", "equal", "before"))
    if "top_places" not in part:
        return counts, None
    shape = (queries, -1) if languages is None else (queries, languages, part["top_places"].shape[1])
    scores = part["top_scores"].reshape(shape)
    found = part["top_places"].astype(np.int64).reshape(shape)
    absent = np.isnan(scores)
    found[absent] = -1
    ids = found
    if places is not None:
        document_at = np.empty(len(places), dtype=np.int64)
        document_at[places] = np.arange(len(places))
        ids = np.where(absent, -1, document_at[found])
    return counts, (ids, scores, found)


@contextmanager
def _named_rows() -> Iterator[None]:
    """Errors of the core about rows are errors about embeddings."""
    try:
        yield
    except (ValueError, TypeError) as error:
        raise EmbeddingError(str(error)) from None


@contextmanager
def _bar(show: bool, total: int) -> Iterator[Callable[[int], Callable[[int], object] | None]]:
    """Yields, for the first position of a shard, what the core tells of the shard's documents done so far."""
    if not show:
        yield lambda _: None
        return
    with tqdm(total=total, desc="scan", unit=" documents", unit_scale=True, file=sys.stderr) as bar:
        yield lambda start: lambda done: bar.update(start + done - bar.n)
