"""The metric backend: arrays in, arrays out. One scan yields exact ranks in every pool and the best documents.

A scan knows vectors, languages and positions, never texts or measures. The same input gives the same bits on any number
of threads, in blocks of any size, over shards cut anywhere, in any arithmetic.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from tqdm.auto import tqdm

from clinometer import _core
from clinometer.arguments import (
    Relevant,
    bytes_of,
    check_options,
    codes_of,
    rows_of,
    shards_of,
    stores_of,
    targets_of,
    tie_places,
)
from clinometer.counts import RankCounts, TopK, stack_counts, stack_lists
from clinometer.errors import EmbeddingError, UsageError
from clinometer.exclude import join, without, without_listed
from clinometer.placements import TieMode
from clinometer.store.reader import EmbeddingStore

__all__ = ["Scan", "rank_relevant", "scan", "search"]


@dataclass(frozen=True)
class Scan:
    """What one scan yields.

    Args:
        ranks: Counts of the relevant documents; None if none were given.
        top: The best documents; None if k was 0.
        rescored: How many pairs the certified filter left to canonical scores; 0 where no filter ran. It depends on how
            the work was cut, unlike the results.
    """

    ranks: RankCounts | None
    top: TopK | None
    rescored: int = 0


def scan(
    queries: ArrayLike | EmbeddingStore,
    documents: ArrayLike | EmbeddingStore | Sequence[NDArray[Any] | EmbeddingStore],
    relevant: Relevant | None = None,
    languages: Sequence[str] | Sequence[int] | NDArray[Any] | None = None,
    k: int = 0,
    *,
    per_language: bool = False,
    ties: TieMode = "index",
    document_ids: Sequence[str] | None = None,
    exclude: Relevant | None = None,
    similarity: Literal["cosine", "dot"] = "cosine",
    precision: Literal["float32", "int16-certified"] | None = None,
    memory_budget: int | str | None = None,
    threads: int | None = None,
    block: int = 512,
    kernel: str | None = None,
    show_progress_bar: bool = False,
) -> Scan:
    """Ranks of the relevant documents in every pool, and the best k documents, in one pass.

    Args:
        queries: `(Q, d)` float32 or float16; anything else is converted to float32.
        documents: `(N, d)`, float32 or float16: an array, a read-only memory map (read in place), or a list of such
            arrays that follow one another, or an `EmbeddingStore` or a list of them. Do not write to them while the
            scan runs.
        relevant: For each query the positions of its relevant documents, or CSR arrays `(indptr, indices)`.
        languages: Language of each document, labels or integer codes; if not given, those of the store, or one
            language.
        k: Length of the result lists, 0 for none.
        per_language: Keep k documents per query and language: the best k of any pool of languages merge from them.
        ties: Order of equal scores: `index` by position, `trec` by document id descending; in the other modes lists are
            in index order.
        document_ids: Ids for `trec`; if not given, those of the store, or a later position counts as a greater id.
        exclude: For each query the positions of documents that are not in its pool, or CSR arrays; they are neither
            counted nor listed.
        similarity: `cosine` scales every row to length one first, in float64, by one fixed rule; `dot` takes the rows
            as they are.
        precision: Arithmetic of the bulk of the work: `float32`, or `int16-certified`, 16-bit integers with a proven
            error whose doubtful cases are scored again canonically; by default what is faster. Never shows in the
            result.
        memory_budget: Bytes, or text such as `4GB`, for everything beside the pool itself. Where it does not suffice
            for all queries, they are scanned in several passes. Never shows in the result.
        threads: How many; by default as many as the process may use. Never shows in the result.
        block: Documents packed at a time. Never shows in the result.
        kernel: `avx512`, `avx2` or `portable`; by default the best that the machine has. Never shows in the result.
        show_progress_bar: Draw a bar on standard error.

    Returns:
        `Scan(ranks, top, rescored)`.

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
    query_rows = rows_of(queries, "queries")
    shards = shards_of(documents)
    for rows in shards:
        if rows.shape[1] != query_rows.shape[1]:
            raise EmbeddingError(
                f"queries have dimension {query_rows.shape[1]}, documents {rows.shape[1]}; encode both with one encoder"
            )
    size = sum(len(rows) for rows in shards)
    if size == 0 or len(query_rows) == 0:
        raise UsageError(f"nothing to scan: {len(query_rows)} queries, {size} documents")
    check_options(k, ties, similarity, precision, threads, block, kernel)
    if stores := stores_of(documents):
        if languages is None:
            languages = [label for store in stores for label in store.languages]
        if document_ids is None and ties == "trec":
            document_ids = [name for store in stores for name in store.ids]
    labels, codes = codes_of(languages, size)
    indptr, targets = targets_of(relevant, len(query_rows), size, "relevant")
    depth = k
    if exclude is not None:
        excluded = targets_of(exclude, len(query_rows), size, "excluded")
        indptr, targets, out = join((indptr, targets), excluded)
        depth += int(np.diff(excluded[0]).max()) if k else 0
    pool = _Pool(
        shards=shards,
        codes=codes,
        labels=labels,
        places=tie_places(ties, document_ids, size),
        ties=ties,
        by_id=ties == "trec" and document_ids is not None,
        options={
            "similarity": similarity,
            "k": depth,
            "per_language": per_language,
            "precision": precision,
            "threads": threads or 0,
            "block": block,
            "isa": kernel,
        },
    )
    step = _queries_at_once(memory_budget, pool, query_rows, indptr, threads)
    starts = range(0, len(query_rows), step)
    with _bar(show_progress_bar, size * len(starts)) as progress_from:
        parts = [
            pool.scan(query_rows[at : at + step], *_part(indptr, targets, at, at + step), progress_from, n * size)
            for n, at in enumerate(starts)
        ]
    ranks = stack_counts([part.ranks for part in parts if part.ranks is not None])
    top = stack_lists([part.top for part in parts if part.top is not None]) if k else None
    if exclude is not None:
        target_places = targets if pool.places is None else pool.places[targets].astype(np.int64)
        ranks = without(ranks, out, target_places)
        top = None if top is None else without_listed(top, excluded, k)
    return Scan(ranks if relevant is not None else None, top, sum(part.rescored for part in parts))


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
    if k < 1:
        raise UsageError(f"k is {k}, but a search returns at least one document")
    result = scan(queries, documents, None, languages, k, per_language=per_language, threads=threads, **options)
    assert result.top is not None  # noqa: S101 - k is positive
    return result.top


@dataclass(frozen=True)
class _Pool:
    """The documents of a scan with all that does not depend on the queries."""

    shards: list[NDArray[Any]]
    codes: NDArray[np.uint16]
    labels: tuple[str, ...]
    places: NDArray[np.uint32] | None
    ties: TieMode
    by_id: bool
    options: dict[str, Any]

    def scan(
        self,
        queries: NDArray[Any],
        indptr: NDArray[np.int64],
        targets: NDArray[np.int64],
        progress_from: Callable[[int], Callable[[int], object] | None],
        done: int,
    ) -> Scan:
        """One pass over all shards; each shard's counts are added as they come."""
        scores = self._target_scores(queries, indptr, targets)
        target_places = targets.astype(np.uint32) if self.places is None else self.places[targets]
        whole: Scan | None = None
        for start, rows in self._numbered():
            span = slice(start, start + len(rows))
            with _named_rows(start):
                part = _core.scan(
                    queries,
                    rows,
                    self.codes[span],
                    language_count=len(self.labels),
                    places=None if self.places is None else self.places[span],
                    first_place=start,
                    indptr=indptr,
                    target_scores=scores,
                    target_places=target_places,
                    read_ahead=_is_mapped(rows),
                    progress=progress_from(done + start),
                    **self.options,
                )
            ranks = RankCounts(
                indptr=indptr,
                documents=targets,
                codes=self.codes[targets].astype(np.int64),
                scores=scores,
                greater=part["greater"].T,
                equal=part["equal"].T,
                before=part["before"].T,
                languages=self.labels,
                ties=self.ties,
                held="trec" if self.ties == "trec" else "index",
                by_id=self.by_id,
                pool_sizes=np.bincount(self.codes[span], minlength=len(self.labels)),
            )
            found = Scan(ranks, self._lists(part, len(queries)), part["rescored"])
            whole = found if whole is None else _merged(whole, found)
        assert whole is not None  # noqa: S101 - there is at least one shard
        return whole

    def _numbered(self) -> Iterator[tuple[int, NDArray[Any]]]:
        start = 0
        for rows in self.shards:
            yield start, rows
            start += len(rows)

    def _target_scores(
        self, queries: NDArray[Any], indptr: NDArray[np.int64], targets: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        query_of = np.repeat(np.arange(len(queries), dtype=np.uint32), np.diff(indptr))
        scores = np.empty(len(targets), dtype=np.float32)
        how = {name: self.options[name] for name in ("similarity", "isa")}
        for start, rows in self._numbered():
            here = np.flatnonzero((targets >= start) & (targets < start + len(rows)))
            if here.size:
                with _named_rows(start):
                    local = (targets[here] - start).astype(np.uint32)
                    scores[here] = _core.score_pairs(queries, rows, query_of[here], local, **how)
        return scores

    def _lists(self, part: dict[str, Any], queries: int) -> TopK | None:
        if "top_places" not in part:
            return None
        per_language = self.options["per_language"]
        shape = (queries, len(self.labels), -1) if per_language else (queries, -1)
        scores = part["top_scores"].reshape(shape)
        found = part["top_places"].astype(np.int64).reshape(shape)
        absent = np.isnan(scores)
        found[absent] = -1
        ids = found
        if self.places is not None:
            document_at = np.empty(len(self.places), dtype=np.int64)
            document_at[self.places] = np.arange(len(self.places))
            ids = np.where(absent, -1, document_at[found])
        return TopK(ids, scores, found, self.labels if per_language else None)


def _merged(one: Scan, other: Scan) -> Scan:
    assert one.ranks is not None  # noqa: S101 - a pass always counts
    assert other.ranks is not None  # noqa: S101
    lists = one.top if one.top is None or other.top is None else one.top.merge(other.top)
    return Scan(one.ranks.merge(other.ranks), lists, one.rescored + other.rescored)


def _is_mapped(rows: NDArray[Any]) -> bool:
    """Whether an array, or what it is a view of, lies in a memory map."""
    array: Any = rows
    while array is not None and not isinstance(array, np.memmap):
        array = getattr(array, "base", None)
    return array is not None


def _part(
    indptr: NDArray[np.int64], targets: NDArray[np.int64], start: int, stop: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The targets of some queries, as CSR."""
    ends = indptr[start : stop + 1]
    return ends - ends[0], targets[ends[0] : ends[-1]]


def _queries_at_once(
    budget: int | str | None,
    pool: _Pool,
    queries: NDArray[Any],
    indptr: NDArray[np.int64],
    threads: int | None,
) -> int:
    """How many queries fit the memory budget in one pass; an upper estimate of what each needs."""
    if budget is None:
        return len(queries)
    workers = threads or os.cpu_count() or 1
    k, dimension = pool.options["k"], queries.shape[1]
    lists = (len(pool.labels) if pool.options["per_language"] else 1) if k else 0
    targets = int(np.diff(indptr).max(initial=0))
    counts = 12 * targets * len(pool.labels)
    candidates = lists * (8 * (2 * k + 16) + 8)
    each = (workers + 2) * counts + (workers + 1) * candidates + lists * k * 32 + 12 * dimension
    block = workers * 16 * pool.options["block"] * dimension
    fitting = (bytes_of(budget) - block) // max(each, 1)
    if fitting < 1:
        raise UsageError(f"memory_budget is {budget}, but one query needs about {(block + each) / 1e6:.1f} MB")
    return min(int(fitting), len(queries))


@contextmanager
def _named_rows(start: int) -> Iterator[None]:
    """Errors of the core about rows are errors about embeddings, numbered from the first shard's first row."""
    try:
        yield
    except (ValueError, TypeError) as error:
        text = re.sub(
            r"row (\d+) of the documents", lambda row: f"row {int(row[1]) + start} of the documents", str(error)
        )
        raise EmbeddingError(text) from None


@contextmanager
def _bar(show: bool, total: int) -> Iterator[Callable[[int], Callable[[int], object] | None]]:
    """Yields, for the documents done so far, what the core tells of its documents done since."""
    if not show:
        yield lambda _: None
        return
    with tqdm(total=total, desc="scan", unit=" documents", unit_scale=True, file=sys.stderr) as bar:
        yield lambda start: lambda done: bar.update(start + done - bar.n)
