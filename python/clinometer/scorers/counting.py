"""Counts and lists from scores of any origin: a matrix of queries by documents, whole, sparse or in blocks of rows.

The result is that of `clinometer.scan`, so every rank, pool and measure follows from it. Scores are compared in their
own precision; each row is processed once, so memory is bounded by a block.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Sized
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinometer.errors import EmbeddingError, UsageError
from clinometer.memory import refuse_more_than_available
from clinometer.progress import progress
from clinometer.scanning.arguments import Relevant, check_options, codes_of, targets_of, tie_places
from clinometer.scanning.batches import result_bytes, stack_lists
from clinometer.scanning.counts import RankCounts, TieMode, TopK, split_lists, tie_order
from clinometer.scanning.exclude import join, without, without_listed
from clinometer.scanning.scan import Scan
from clinometer.scanning.widths import Stacked, narrow
from clinometer.vectors import array_of, is_tensor, named_type, refuse_shortened

__all__ = ["is_sparse", "scan_scores"]

_BLOCK_SCORES = 1 << 20
"""Number of scores that are processed together."""
_BLOCK_COMPARISONS = 1 << 17
"""Number of comparisons in memory at a time; more would not fit into the cache."""


def scan_scores(
    scores: NDArray[Any] | Iterable[NDArray[Any]],
    relevant: Relevant | None = None,
    languages: Sequence[str] | Sequence[int] | NDArray[Any] | None = None,
    k: int = 0,
    *,
    per_language: bool = False,
    pool_k: int = 0,
    ties: TieMode = "index",
    document_ids: Sequence[str] | None = None,
    exclude: Relevant | None = None,
    show_progress_bar: bool = False,
) -> Scan:
    """Ranks of the relevant documents in every pool, and the best k documents, from scores: for any scorer.

    Args:
        scores: `(Q, N)`, higher is better: an array, a memory map, a matrix of `scipy.sparse`, such as the products of
            sparse encoders (SPLADE), or consecutive blocks of rows `(b, N)` of these, such as a generator yields.
            Entries that a sparse matrix does not list are scores of 0, which tie with each other; a block of its rows
            at a time is dense. float32 and float64 are compared as they are; float16 becomes float32, integers become
            float64. A document with the score minus infinity is not retrieved: it has no rank and is in no list. NaN is
            refused.
        relevant: Positions of the relevant documents of each query, or CSR arrays `(indptr, indices)`; with blocks, a
            pair of arrays is always taken as CSR.
        languages: Language of each document, labels or integer codes; one language by default.
        k: Length of the result lists; 0 for none.
        per_language: Whether to keep k documents per query and language.
        pool_k: Length of one more list for each query, over all languages; 0 for none.
        ties: Order of equal scores, as in `clinometer.scan`.
        document_ids: Ids of the documents, for `trec`.
        exclude: Documents to exclude from each query's pool, in the format of `relevant`.
        show_progress_bar: Draw a bar on standard error.

    Returns:
        `Scan(ranks, top, 0, pooled)`, with scores in the precision in which they were compared.

    Raises:
        EmbeddingError: The scores are not numbers, or one is NaN, whose row and column are named.
        UsageError: Shapes, positions or options cannot be used.

    Example:
        >>> import numpy as np, clinometer as cm
        >>> scores = np.array([[0.1, 0.7, 0.7, 0.9]])
        >>> scan = cm.scan_scores(scores, relevant=[[2]], languages=["en", "de", "en", "de"], k=2)
        >>> scan.ranks.ranks().tolist(), scan.ranks.ranks(["en"]).tolist(), scan.top.ids.tolist()
        ([3], [1], [[3, 1]])
    """
    check_options(
        k, ties, "dot", None, None, 1, None, pool_k=pool_k, per_language=per_language,
        show_progress_bar=show_progress_bar,
    )  # fmt: skip
    k, pool_k = int(k), int(pool_k)  # sums of NumPy's own would overflow
    if is_tensor(scores):
        scores = array_of(scores, "the scores", packed=True)
    blocks = _blocks(scores)
    first = next(blocks, None)
    if first is None or not first.size:
        raise UsageError("nothing to scan: the scores have no rows or no columns")
    size, query_count = first.shape[1], _queries(scores, relevant)
    labels, codes = codes_of(languages, size)
    indptr, targets = targets_of(relevant, query_count, size, "relevant")
    extra = 0
    if exclude is not None:
        excluded = targets_of(exclude, query_count, size, "excluded")
        indptr, targets, excluded_rows = join((indptr, targets), excluded)
        extra = int(np.diff(excluded[0]).max())
    places = tie_places(ties, document_ids, size)
    list_k, pooled_k = (length and length + extra for length in (k, pool_k))
    separate = per_language and k > 0
    positions = np.arange(size) if places is None else places.astype(np.int64)
    entries = list_k * (len(labels) if separate else 1) + pooled_k
    refuse_more_than_available(
        result_bytes(query_count, len(targets), len(labels), entries), "the results", "lower k, or scan fewer queries"
    )
    pool = _Columns(labels, codes, positions, min(max(list_k, pooled_k), size), separate)
    stacked = Stacked()
    lists: list[tuple[TopK | None, TopK | None]] = []
    row_count = 0
    with progress(query_count, "scan", "queries", shown=show_progress_bar) as bar:
        for block in chain([first], blocks):
            _check_block(block, row_count, size, query_count)
            ends = indptr[row_count : row_count + len(block) + 1]
            for name, part in pool.counts(block, ends - ends[0], targets[ends[0] : ends[-1]]).items():
                stacked.put(name, part, int(ends[0]), len(targets))
            lists.append(split_lists(pool.lists(block) if k or pool_k else None, list_k, pooled_k))
            row_count += len(block)
            bar.update(len(block))
    if row_count != query_count:
        raise UsageError(
            f"the scores have {row_count} rows, but there are {query_count} queries; give one row for each"
        )
    ranks = RankCounts(
        indptr=indptr,
        documents=targets,
        codes=codes[targets].astype(np.int64),
        **stacked.columns,
        languages=labels,
        ties=ties,
        held=tie_order(ties),
        by_id=ties == "trec" and document_ids is not None,
        pool_sizes=pool.sizes,
    )
    top, pooled = (stack_lists([part for part in column if part is not None]) for column in zip(*lists, strict=True))
    if exclude is not None:
        ranks = without(ranks, excluded_rows, pool.places[targets])
        top = None if top is None else without_listed(top, excluded, k)
        pooled = None if pooled is None else without_listed(pooled, excluded, pool_k)
    return Scan(ranks if relevant is not None else None, top, pooled=pooled)


class _Columns:
    """The documents of a scan, with everything that does not depend on the queries.

    Columns are sorted by language, and within a language by tie order: each language is then a slice, and of equal
    scores the first in a slice is the first in the list.
    """

    def __init__(
        self, labels: tuple[str, ...], codes: NDArray[np.uint16], places: NDArray[np.int64], k: int, per_language: bool
    ) -> None:
        self.labels, self.places, self._codes, self._k, self._per_language = labels, places, codes, k, per_language
        self.sizes = np.bincount(codes, minlength=len(labels))
        self._order = np.lexsort((places, codes))
        self._ends = np.cumsum(self.sizes)
        self._present = np.flatnonzero(self.sizes)

    def counts(
        self, rows: NDArray[Any], indptr: NDArray[np.int64], targets: NDArray[np.int64]
    ) -> dict[str, NDArray[Any]]:
        """Columns of `RankCounts`: the target scores, and numbers of documents above, tied with and before each."""
        shape = (len(targets), len(self.labels))
        columns = {name: np.zeros(shape, dtype=np.uint32) for name in ("greater", "equal", "before")}
        scores = rows[np.repeat(np.arange(len(rows)), np.diff(indptr)), targets]
        places = self.places[self._order]
        step = max(1, _BLOCK_COMPARISONS // rows.shape[1])
        for query, row in enumerate(rows):
            by_language = row[self._order]
            for start in range(indptr[query], indptr[query + 1], step):
                span = slice(start, min(start + step, indptr[query + 1]))
                score = scores[span, None]
                columns["greater"][span] = self._by_language(by_language > score)
                tied = by_language == score
                if np.count_nonzero(tied) > len(score):
                    columns["equal"][span] = self._by_language(tied)
                    preceding = tied & (places < self.places[targets[span], None])
                    columns["before"][span] = self._by_language(preceding)
                else:
                    # Only each document itself, which the line below subtracts again.
                    columns["equal"][span] = self._codes[targets[span], None] == np.arange(shape[1])
        columns["equal"][np.arange(len(targets)), self._codes[targets]] -= 1
        return {"scores": scores, **{name: narrow(column) for name, column in columns.items()}}

    def _by_language(self, marked: NDArray[np.bool_]) -> NDArray[np.uint32]:
        """`(R, L)`: number of marks in each language, from `(R, N)` marks in the order of languages."""
        counts = np.zeros((len(marked), len(self.labels)), dtype=np.uint32)
        starts = (self._ends - self.sizes)[self._present]
        counts[:, self._present] = np.add.reduceat(marked, starts, axis=1, dtype=np.uint32)
        return counts

    def lists(self, rows: NDArray[Any]) -> TopK:
        """The best k documents of each row, or of each row and language."""
        if self._per_language:
            slices = [self._order[end - size : end] for end, size in zip(self._ends, self.sizes, strict=True)]
        else:
            slices = [np.argsort(self.places)]
        ids = np.full((len(rows), len(slices), self._k), -1, dtype=np.int64)
        scores = np.full(ids.shape, np.nan, dtype=rows.dtype)
        for number, columns in enumerate(slices):
            if len(columns):
                language_scores = rows[:, columns]
                best = _best(language_scores, self._k)
                width = best.shape[1]
                best_scores = np.take_along_axis(language_scores, best, axis=1)
                retrieved = ~np.isneginf(best_scores)
                ids[:, number, :width] = np.where(retrieved, columns[best], -1)
                scores[:, number, :width] = np.where(retrieved, best_scores, np.nan)
        places = np.where(ids < 0, -1, self.places[ids])
        if self._per_language:
            return TopK(ids, scores, places, self.labels)
        return TopK(ids[:, 0], scores[:, 0], places[:, 0])


def _best(rows: NDArray[Any], k: int) -> NDArray[np.int64]:
    """`(b, k)`: columns of the k highest scores of each row, best first, of equal ones the first column first."""
    width = rows.shape[1]
    if k >= width:
        chosen = np.broadcast_to(np.arange(width), rows.shape)
    else:
        last = np.partition(rows, width - k, axis=1)[:, width - k, None]
        above, tied = rows > last, rows == last
        room = k - np.count_nonzero(above, axis=1)[:, None]
        chosen = np.nonzero(above | (tied & (np.cumsum(tied, axis=1) <= room)))[1].reshape(len(rows), k)
    order = np.argsort(-np.take_along_axis(rows, chosen, axis=1), axis=1, kind="stable")
    return np.take_along_axis(chosen, order, axis=1)


def _queries(scores: Any, relevant: Relevant | None) -> int:
    """Number of queries; for blocks, from the relevant documents, since only the last block would show it."""
    if isinstance(scores, np.ndarray) or is_sparse(scores):
        return int(scores.shape[0]) if scores.ndim else 0
    if relevant is None:
        raise UsageError("scores in blocks need the relevant documents; give these, or the scores as one array")
    if not isinstance(relevant, Sized):
        raise UsageError(
            f"relevant documents are {named_type(relevant)}; give a list with the positions for each query"
        )
    first = relevant[0] if isinstance(relevant, tuple) and relevant else None
    return len(first) - 1 if isinstance(first, Sized) else len(relevant)


def _blocks(scores: Any) -> Iterator[NDArray[Any]]:
    """Blocks of rows in float32 or float64, small enough to be processed at once."""
    if isinstance(scores, (str, bytes, Mapping)) or not (isinstance(scores, Iterable) or is_sparse(scores)):
        raise EmbeddingError(f"the scores are {named_type(scores)}, but must be an array, or arrays of rows")
    whole = isinstance(scores, np.ndarray) or is_sparse(scores)
    for array in [scores] if whole else scores:
        rows: Any = array.tocsr() if is_sparse(array) else array_of(array, "the scores", packed=True)
        if rows.ndim != 2 or rows.dtype.kind not in "fiu" or rows.dtype.itemsize > 8:
            raise EmbeddingError(
                f"the scores are {rows.dtype} of shape {rows.shape}, but must be float32 or float64, one row for each "
                "query and one column for each document"
            )
        kind = np.float32 if rows.dtype in (np.float16, np.float32) else np.float64
        step = max(1, _BLOCK_SCORES // max(1, rows.shape[1]))
        for start in range(0, rows.shape[0], step):
            block = rows[start : start + step]
            refuse_shortened(block)
            yield np.asarray(block.toarray() if is_sparse(block) else block, dtype=kind)


def is_sparse(scores: Any) -> bool:
    """Whether it is a sparse matrix or array of SciPy, which need not be installed."""
    return type(scores).__module__.startswith("scipy.sparse") and scores.ndim == 2


def _check_block(rows: NDArray[Any], start: int, size: int, query_count: int) -> None:
    if rows.shape[1] != size:
        raise UsageError(f"row {start} of the scores has {rows.shape[1]} columns, but the first row has {size}")
    if start + len(rows) > query_count:
        raise UsageError(
            f"the scores have more than {query_count} rows for {query_count} queries; give one row for each"
        )
    nan_positions = np.argwhere(np.isnan(rows))
    if len(nan_positions):
        row, column = nan_positions[0]
        raise EmbeddingError(
            f"the score in row {start + row}, column {column} is NaN; use -inf for documents that must not be retrieved"
        )
