"""A pool split into shards, and the passes over it that an executor makes for some queries.

Counting needs the scores of the relevant documents, so a first small round visits only the shards that hold them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial, reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinometer.errors import EmbeddingError, UsageError, first_line
from clinometer.executors import Executor
from clinometer.memory import available_bytes, size_text
from clinometer.progress import Bar, progress
from clinometer.scanning.arguments import bytes_of
from clinometer.scanning.batches import Batches, result_bytes
from clinometer.scanning.checkpoint import Checkpoint
from clinometer.scanning.counts import TieMode, split_lists
from clinometer.scanning.device.options import DeviceOptions
from clinometer.scanning.passes import (
    PassSettings,
    Piece,
    RowTransform,
    Scan,
    ScanTask,
    add,
    is_whole,
    join_scores,
    scan_piece,
    score_piece,
)
from clinometer.scanning.sources import Source, fetched_bytes, spread

__all__ = ["Pool", "bytes_needed"]

# An entry of a list, as the core holds it for every thread and as it is returned.
_LIST_BYTES = 64
_LIST_MEMORY = 1 << 28
_SMALL = 1 << 26
"""Bytes that a scan may take without a look at what is free, which takes longer than a small scan."""


@dataclass(frozen=True)
class Pool:
    """The documents of a scan, and all that does not depend on the queries.

    Args:
        pieces: The shards, in order.
        settings: Settings of every pass.
        list_lengths: Lengths of the lists per query or language and of those of the whole pool; 0 for none.
        pool_languages: Languages of the lists of the whole pool; None for all.
    """

    pieces: list[Piece]
    settings: PassSettings
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
        device: DeviceOptions | None = None,
    ) -> Pool:
        """The pool of all documents of some sources, for queries of one dimension.

        Further arguments are fields of `PassSettings` and `Pool`, or options of `clinometer.scan`.

        Args:
            sources: Consecutive shards.
            codes: `(N,)`: language of each document, as an index into `labels`.
            labels: Labels of the languages.
            queries: `(Q, d)`; documents without a transform must have the same dimension.
            places: `(N,)`: place of each document in the tie order; None if that is its position.

        Raises:
            EmbeddingError: The dimensions of queries and documents differ.
        """
        for source in sources if transform is None else ():
            if source.dimension != queries.shape[1]:
                where = f" ({source.name})" if source.name else ""
                raise EmbeddingError(
                    f"queries have dimension {queries.shape[1]}, documents {source.dimension}{where}; encode both with "
                    "one encoder"
                )
        options = {
            "similarity": similarity,
            # Lists of both kinds are cut from those of one kind; none holds more than the pool.
            "k": min(max(k, pool_k), sum(map(len, sources))),
            "per_language": (per_language and k > 0) or (pool_k > 0 and pool_languages is not None),
            "precision": None if device else precision,
            "threads": threads or 0,
            "block": block,
            "isa": kernel,
        }
        settings = PassSettings(labels, ties, by_id, transform, checked, options, device)
        return cls(_pieces(sources, codes, places), settings, (k, pool_k), pool_languages)

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
            memory_budget: Bytes in addition to the pool, of this process with the result of all queries, or of each
                worker; one query must fit. Without a budget, what this process can have is one.
            checkpoint: Store of shard results; shards that it already holds are not scanned again.
            show_progress_bar: Whether to draw a bar on standard error.

        Raises:
            UsageError: The budget, or this process's memory, is too small; the message says what would do.
        """
        if self.settings.device is not None and not executor.in_process:
            raise UsageError("a scan on a device runs in this process; leave out the executor, or the device")
        options = self.settings.options
        options = {**options, "threads": options["threads"] or executor.threads or 0}
        pool = replace(self, settings=replace(self.settings, options=options))
        if not executor.in_process:
            pool = replace(pool, pieces=[replace(piece, source=spread(piece.source)) for piece in self.pieces])
        step = pool._queries_at_once(memory_budget, queries.shape[1], indptr, executor, cut=checkpoint is None)
        starts = range(0, len(queries), step)
        with progress(len(self) * len(starts), "scan", "documents", shown=show_progress_bar, scaled=True) as bar:
            batches = Batches(len(queries), len(targets))
            try:
                for batch, at in enumerate(starts):
                    ends = indptr[at : at + step + 1]
                    task = pool._task(queries[at : at + step], ends - ends[0], targets[ends[0] : ends[-1]])
                    part = pool._passes(task, executor, checkpoint, batch, bar if show_progress_bar else None)
                    top, pooled = split_lists(part.top, *self.list_lengths, self.pool_languages)
                    batches.add(replace(part, top=top, pooled=pooled))
                return batches.result()
            except MemoryError as error:
                raise UsageError(
                    f"this scan needs more memory than the system gives ({first_line(error)}); lower k, scan fewer "
                    "queries at a time, or set memory_budget"
                ) from None

    def _passes(
        self, task: ScanTask, executor: Executor, checkpoint: Checkpoint | None, batch: int, bar: Bar | None
    ) -> Scan:
        """One pass over every shard for one batch of queries."""
        finished = {} if checkpoint is None else checkpoint.finished(batch, task, len(self.pieces))
        numbers = [number for number in range(len(self.pieces)) if number not in finished]
        pieces = [self.pieces[number] for number in numbers]
        if bar is not None:
            bar.update(sum(len(self.pieces[number]) for number in finished))
        parts = [reduce(add, (part() for part in finished.values()))] if finished else []
        if len(self.pieces) == 1 and is_whole(self.settings, self.pieces[0]):
            # The pass computes the scores too, from queries that it makes ready once.
            task = replace(task, scores=None)
        elif len(task.targets) and pieces:
            task = replace(task, scores=self._scores(task, executor))

        def done(item: int, result: Callable[[], Scan]) -> None:
            if checkpoint is not None:
                checkpoint.keep(batch, numbers[item], result())
            if bar is not None and not executor.in_process:
                bar.update(len(pieces[item]))

        if pieces:
            pass_over = _pass_of(task)
            fn = partial(_watched, pass_over, bar) if executor.in_process else pass_over
            parts.append(executor.map_reduce(fn, pieces, add, done=done))
        return reduce(add, parts)

    def _task(self, queries: NDArray[Any], indptr: NDArray[np.int64], targets: NDArray[np.int64]) -> ScanTask:
        codes = np.empty(len(targets), dtype=np.int64)
        places = np.empty(len(targets), dtype=np.uint32)
        for piece in self.pieces:
            here, local = piece.targets(targets)
            codes[here] = piece.codes[local]
            places[here] = targets[here] if piece.places is None else piece.places[local]
        return ScanTask(queries, indptr, targets, codes, places, np.zeros(len(targets), np.float32), self.settings)

    def _scores(self, task: ScanTask, executor: Executor) -> NDArray[np.float32]:
        """Scores of all targets, from the shards that hold them."""
        starts = np.array([piece.start for piece in self.pieces])
        shard_numbers = np.unique(np.searchsorted(starts, task.targets, side="right") - 1)
        items = [self.pieces[number] for number in shard_numbers.tolist()]
        numbers, target_scores = executor.map_reduce(partial(score_piece, task), items, join_scores)
        scores = np.empty(len(task.targets), dtype=np.float32)
        scores[numbers] = target_scores
        return scores

    def _queries_at_once(
        self, budget: int | str | None, dimension: int, indptr: NDArray[np.int64], executor: Executor, *, cut: bool
    ) -> int:
        """Number of queries that fit into the memory in one pass, from an upper estimate of their needs.

        `cut` says whether queries may be cut into passes without a budget.
        """
        options, languages, queries = self.settings.options, len(self.settings.labels), len(indptr) - 1
        step = queries
        if self.list_lengths[1] and options["per_language"]:
            # Long lists of every language are cut to one of the pool before those of the next queries are made.
            step = min(queries, max(1, _LIST_MEMORY // max(1, _LIST_BYTES * options["k"] * languages)))
        k, pool_k = self.list_lengths
        # The lists of a language are per language only where they were asked for, not to make those of the pool.
        entries = k * (languages if options["per_language"] else 1) + pool_k
        result = result_bytes(queries, int(indptr[-1]), languages, entries)
        fixed_bytes, bytes_per_query = bytes_needed(
            dimension,
            languages,
            int(np.diff(indptr).max(initial=0)),
            threads=1 if self.settings.device else options["threads"] or os.cpu_count() or 1,
            k=options["k"],
            per_language=options["per_language"],
            block=min(options["block"], len(self)),
            changed=0 if self.settings.transform is None else self.settings.transform.block,
            fetched=max(fetched_bytes(piece.source) for piece in self.pieces),
        )
        needed = f"the result of {queries:,} queries needs {size_text(result)}"
        if budget is None:
            if result + fixed_bytes + queries * bytes_per_query <= _SMALL:
                return step
            available = available_bytes()
            if available is None:
                return step
            if result > available:
                raise UsageError(
                    f"{needed}, but {size_text(available)} of memory are free; lower k, or scan fewer queries at a time"
                )
            # What one query needs is not refused: the estimate is an upper one.
            return min(step, max(1, (available - result - fixed_bytes) // bytes_per_query)) if cut else step
        # Workers hold the results of their batch only.
        kept = result if executor.in_process else 0
        # A device has the other half for its blocks.
        share = 1 if self.settings.device is None else 2
        fitting = (bytes_of(budget) // share - kept - fixed_bytes) // bytes_per_query
        if fitting < 1:
            enough = size_text(1.05 * share * (kept + fixed_bytes + bytes_per_query))
            raise UsageError(
                f"memory_budget is {budget}, but one query needs about "
                f"{size_text(fixed_bytes + bytes_per_query)}{f' and {needed}' if kept else ''}; give "
                f"{enough}, lower k, or scan fewer queries at a time"
            )
        return min(int(fitting), step)


def _pieces(sources: Sequence[Source], codes: NDArray[np.uint16], places: NDArray[np.uint32] | None) -> list[Piece]:
    """Consecutive shards, each with its part of the columns; shards without rows are left out."""
    pieces, start = [], 0
    for source in sources:
        span = slice(start, start + len(source))
        if len(source):
            pieces.append(Piece(source, start, codes[span], None if places is None else places[span]))
        start += len(source)
    return pieces


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
    fetched: int = 0,
) -> tuple[int, int]:
    """Upper estimate of the memory of a pass without the pool: fixed bytes, and bytes per query.

    `relevant` is the largest number of relevant documents of a query, `changed` that of documents transformed at a
    time, `fetched` the bytes of those that are fetched from object storage. Each thread counts higher scores for
    itself; ties and lists are common to all. The counts of a shard are there once more until they are narrow, and the
    lists of two shards and their merger are in memory together.
    """
    lists = (languages if per_language else 1) if k else 0
    counts = (4 * threads + 32) * relevant * languages
    candidates = lists * (8 * (k + k // 4 + 16) + 16)
    bytes_per_query = counts + candidates + lists * k * 72 + 12 * dimension
    # A block of transformed rows is held as read, in float64 before and after, and as returned.
    return threads * 16 * block * dimension + changed * dimension * 32 + fetched, bytes_per_query


def _pass_of(task: ScanTask) -> Callable[..., Scan]:
    """The function for a pass over a shard: of the core, or of a device."""
    if task.settings.device is None:
        return partial(scan_piece, task)
    # Imported here because it needs torch.
    from clinometer.scanning.device.piece import DevicePass

    return DevicePass(task)


def _watched(pass_over: Callable[..., Scan], bar: Bar | None, piece: Piece) -> Scan:
    """The scan of a piece, moving the bar, if there is one, as it runs."""
    if bar is None:
        return pass_over(piece, None)
    start = bar.n
    return pass_over(piece, lambda done: bar.update(start + done - bar.n))
