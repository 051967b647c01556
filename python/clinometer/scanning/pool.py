"""A pool split into shards, and the passes over it that an executor makes for some queries.

Counting needs the scores of the relevant documents, so a first small round visits only the shards that hold them.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from clinometer.errors import EmbeddingError, UsageError
from clinometer.executors import Executor
from clinometer.scanning.arguments import bytes_of
from clinometer.scanning.checkpoint import Checkpoint
from clinometer.scanning.counts import TieMode, TopK, split_lists, stack_counts, stack_lists, tie_order
from clinometer.scanning.passes import Piece, RowTransform, Scan, ScanTask, add, join_scores, scan_piece, score_piece
from clinometer.scanning.sources import Source, spread

__all__ = ["Pool", "bytes_needed"]

# An entry of a list, as the core holds it for every thread and as it is returned.
_LIST_BYTES = 64
_LIST_MEMORY = 1 << 28


@dataclass(frozen=True)
class Pool:
    """The documents of a scan, and all that does not depend on the queries.

    Args:
        pieces: The shards, in order.
        labels: Languages by code.
        options: Options of the core.
        ties: Tie mode of the ranks.
        held: Tie order of the pieces' places.
        by_id: Whether that order used ids.
        transform: Transform of documents before they are scored; None for none.
        checked: Whether to compare the checksum of each shard before it is scanned.
        list_lengths: Lengths of the lists per query or language and of those of the whole pool; 0 for none.
        pool_languages: Languages of the lists of the whole pool; None for all.
    """

    pieces: list[Piece]
    labels: tuple[str, ...]
    options: dict[str, Any]
    ties: TieMode = "index"
    held: Literal["index", "trec"] = "index"
    by_id: bool = False
    transform: RowTransform | None = None
    checked: bool = False
    list_lengths: tuple[int, int] = (0, 0)
    pool_languages: tuple[str, ...] | None = None

    @classmethod
    def of(
        cls,
        sources: Sequence[Source],
        codes: NDArray[np.uint16],
        labels: tuple[str, ...],
        queries: NDArray[Any],
        *,
        places: NDArray[np.uint32] | None = None,
        ties: TieMode = "index",
        by_id: bool = False,
        transform: RowTransform | None = None,
        checked: bool = False,
        similarity: str = "cosine",
        k: int = 0,
        per_language: bool = False,
        pool_k: int = 0,
        pool_languages: tuple[str, ...] | None = None,
        precision: str | None = None,
        threads: int | None = None,
        block: int = 512,
        kernel: str | None = None,
    ) -> Pool:
        """The pool of all documents of some sources, for queries of one dimension.

        Args:
            sources: Consecutive shards.
            codes: `(N,)`: language of each document, as an index into `labels`.
            labels: Labels of the languages.
            queries: `(Q, d)`; documents without a transform must have the same dimension.
            places: `(N,)`: place of each document in the tie order; None if that is its position.
            ties: Tie mode, as for `clinometer.scan`; so are the options after `checked`.
            by_id: Whether the tie order used ids.
            transform: Transform of documents before they are scored; None for none.
            checked: Whether to compare the checksum of each shard before it is scanned.
            pool_languages: Languages of the lists of length `pool_k`; all by default.

        Raises:
            EmbeddingError: The dimensions of queries and documents differ.
        """
        if transform is None:
            _check_dimensions(queries, sources)
        options = {
            "similarity": similarity,
            # Lists of both kinds are cut from those of one kind.
            "k": max(k, pool_k),
            "per_language": (per_language and k > 0) or (pool_k > 0 and pool_languages is not None),
            "precision": precision,
            "threads": threads or 0,
            "block": block,
            "isa": kernel,
        }
        return cls(
            _pieces(sources, codes, places), labels, options, ties, tie_order(ties), by_id, transform, checked,
            list_lengths=(k, pool_k), pool_languages=pool_languages,
        )  # fmt: skip

    def __len__(self) -> int:
        return sum(map(len, self.pieces))

    def scan(
        self,
        queries: NDArray[Any],
        indptr: NDArray[np.int64],
        targets: NDArray[np.int64],
        executor: Executor,
        *,
        memory_budget: int | str | None = None,
        checkpoint: Checkpoint | None = None,
        show_progress_bar: bool = False,
    ) -> Scan:
        """Counts and lists of some queries, in one pass over all shards or in several.

        Args:
            queries: `(Q, d)` float32 or float16, C-contiguous.
            indptr: `(Q + 1,)`: CSR of the targets.
            targets: `(R,)`: positions in the pool.
            executor: Executor of the passes.
            memory_budget: Bytes in addition to the pool, of this process or of each worker.
            checkpoint: Store of shard results; shards that it already holds are not scanned again.
            show_progress_bar: Whether to draw a bar on standard error.

        Raises:
            EmbeddingError: Rows cannot be scored.
            FormatError: The file of a shard has changed.
            UsageError: The budget is too small for one query.
        """
        options = {**self.options, "threads": self.options["threads"] or executor.threads or 0}
        pool = replace(self, options=options)
        if not executor.in_process:
            pool = replace(pool, pieces=[replace(piece, source=spread(piece.source)) for piece in self.pieces])
        step = pool.queries_at_once(memory_budget, queries.shape[1], len(queries), indptr)
        starts = range(0, len(queries), step)
        with _bar(show_progress_bar, len(self) * len(starts)) as bar:
            parts = []
            for batch, at in enumerate(starts):
                batch_part = queries[at : at + step], *_part(indptr, targets, at, at + step)
                part = pool._passes(*batch_part, executor, checkpoint, batch, bar)
                top, pooled = split_lists(part.top, *self.list_lengths, self.pool_languages)
                parts.append(replace(part, top=top, pooled=pooled))
        ranks = stack_counts([part.ranks for part in parts if part.ranks is not None])
        top, pooled = (_stacked([getattr(part, name) for part in parts]) for name in ("top", "pooled"))
        return Scan(ranks, top, sum(part.rescored for part in parts), pooled)

    def _passes(
        self,
        queries: NDArray[Any],
        indptr: NDArray[np.int64],
        targets: NDArray[np.int64],
        executor: Executor,
        checkpoint: Checkpoint | None,
        batch: int,
        bar: _Bar,
    ) -> Scan:
        """One pass over every shard for one batch of queries."""
        task = self._task(queries, indptr, targets)
        finished = {} if checkpoint is None else checkpoint.finished(batch, task, len(self.pieces))
        remaining = [number for number in range(len(self.pieces)) if number not in finished]
        total: Scan | None = None
        for number, part in finished.items():
            bar.add(len(self.pieces[number]))
            total = part() if total is None else add(total, part())
        if not remaining:
            assert total is not None  # noqa: S101 - there is at least one shard
            return total
        if len(targets):
            task = replace(task, scores=self._scores(task, executor))

        def done(item: int, result: Callable[[], Scan]) -> None:
            if checkpoint is not None:
                checkpoint.keep(batch, remaining[item], result())
            if not executor.in_process:
                bar.add(len(self.pieces[remaining[item]]))

        pieces = [self.pieces[number] for number in remaining]
        fn: Callable[[Piece], Scan] = partial(scan_piece, task)
        if executor.in_process:
            fn = bar.following(partial(scan_piece, task))
        scanned = executor.map_reduce(fn, pieces, add, done=done)
        return scanned if total is None else add(total, scanned)

    def _task(self, queries: NDArray[Any], indptr: NDArray[np.int64], targets: NDArray[np.int64]) -> ScanTask:
        codes = np.empty(len(targets), dtype=np.int64)
        places = np.empty(len(targets), dtype=np.uint32)
        for piece in self.pieces:
            here = np.flatnonzero((targets >= piece.start) & (targets < piece.start + len(piece)))
            local = targets[here] - piece.start
            codes[here] = piece.codes[local]
            places[here] = targets[here] if piece.places is None else piece.places[local]
        return ScanTask(
            queries=queries,
            indptr=indptr,
            targets=targets,
            codes=codes,
            places=places,
            scores=np.zeros(len(targets), dtype=np.float32),
            labels=self.labels,
            ties=self.ties,
            held=self.held,
            by_id=self.by_id,
            transform=self.transform,
            checked=self.checked,
            options=self.options,
        )

    def _scores(self, task: ScanTask, executor: Executor) -> NDArray[np.float32]:
        """Scores of all targets, from the shards that hold them."""
        starts = np.array([piece.start for piece in self.pieces])
        shard_numbers = np.unique(np.searchsorted(starts, task.targets, side="right") - 1)
        items = [self.pieces[number] for number in shard_numbers.tolist()]
        numbers, target_scores = executor.map_reduce(partial(score_piece, task), items, join_scores)
        scores = np.empty(len(task.targets), dtype=np.float32)
        scores[numbers] = target_scores
        return scores

    def queries_at_once(self, budget: int | str | None, dimension: int, queries: int, indptr: NDArray[np.int64]) -> int:
        """Number of queries that fit a memory budget in one pass, from an upper estimate of their needs.

        Raises:
            UsageError: The budget is too small for one query.
        """
        if self.list_lengths[1] and self.options["per_language"]:
            # Long lists of every language are cut to one of the pool before those of the next queries are made.
            lists = _LIST_BYTES * self.options["k"] * len(self.labels)
            queries = min(queries, max(1, _LIST_MEMORY // lists))
        if budget is None:
            return queries
        fixed_bytes, bytes_per_query = bytes_needed(
            dimension,
            len(self.labels),
            int(np.diff(indptr).max(initial=0)),
            threads=self.options["threads"] or os.cpu_count() or 1,
            k=self.options["k"],
            per_language=self.options["per_language"],
            block=self.options["block"],
            changed=0 if self.transform is None else self.transform.block,
        )
        fitting = (bytes_of(budget) - fixed_bytes) // max(bytes_per_query, 1)
        if fitting < 1:
            raise UsageError(
                f"memory_budget is {budget}, but one query needs about {(fixed_bytes + bytes_per_query) / 1e6:.1f} MB"
            )
        return min(int(fitting), queries)


def _pieces(sources: Sequence[Source], codes: NDArray[np.uint16], places: NDArray[np.uint32] | None) -> list[Piece]:
    """Consecutive shards, each with its part of the columns; shards without rows are left out."""
    pieces, start = [], 0
    for source in sources:
        span = slice(start, start + len(source))
        if len(source):
            pieces.append(Piece(source, start, codes[span], None if places is None else places[span]))
        start += len(source)
    return pieces


def _check_dimensions(queries: NDArray[Any], sources: Sequence[Source]) -> None:
    """Refuse shards whose dimension differs from the queries.

    Raises:
        EmbeddingError: The dimensions differ; the message names both.
    """
    for source in sources:
        if source.dimension != queries.shape[1]:
            where = f" ({source.name})" if source.name else ""
            raise EmbeddingError(
                f"queries have dimension {queries.shape[1]}, documents {source.dimension}{where}; encode both with one "
                "encoder"
            )


def _stacked(lists: Sequence[TopK | None]) -> TopK | None:
    given = [part for part in lists if part is not None]
    return stack_lists(given) if given else None


def bytes_needed(
    dimension: int,
    languages: int,
    relevant: int,
    *,
    threads: int,
    k: int = 0,
    per_language: bool = False,
    block: int = 512,
    changed: int = 0,
) -> tuple[int, int]:
    """Upper estimate of the memory of a pass without the pool: fixed bytes, and bytes per query.

    Args:
        dimension: Length of a row.
        languages: Number of languages of the pool.
        relevant: Largest number of relevant documents of a query.
        threads: Number of threads, each with its own counts and lists.
        k: Length of the lists.
        per_language: Whether there is a list per language.
        block: Number of documents packed at a time.
        changed: Number of documents transformed at a time.
    """
    lists = (languages if per_language else 1) if k else 0
    counts = 12 * relevant * languages
    candidates = lists * (8 * (2 * k + 16) + 8)
    bytes_per_query = (threads + 2) * counts + (threads + 1) * candidates + lists * k * 32 + 12 * dimension
    # A block of transformed rows is held as read, in float64 before and after, and as returned.
    return threads * 16 * block * dimension + changed * dimension * 32, bytes_per_query


def _part(
    indptr: NDArray[np.int64], targets: NDArray[np.int64], start: int, stop: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The targets of some queries, as CSR."""
    ends = indptr[start : stop + 1]
    return ends - ends[0], targets[ends[0] : ends[-1]]


class _Bar:
    """Documents done, drawn or not."""

    def __init__(self, bar: Any) -> None:
        self._bar = bar

    def add(self, documents: int) -> None:
        """Count documents as done."""
        if self._bar is not None:
            self._bar.update(documents)

    def following(self, scan: Callable[..., Scan]) -> Callable[[Piece], Scan]:
        """The function, moving the bar as it runs."""

        def watched(piece: Piece) -> Scan:
            if self._bar is None:
                return scan(piece)
            start = self._bar.n
            return scan(piece, lambda done: self._bar.update(start + done - self._bar.n))

        return watched


@contextmanager
def _bar(show: bool, total: int) -> Iterator[_Bar]:
    if not show:
        yield _Bar(None)
        return
    with tqdm(total=total, desc="scan", unit=" documents", unit_scale=True, file=sys.stderr) as bar:
        yield _Bar(bar)
