"""A pool that is cut into shards, and the passes over it that an executor makes for some queries.

Before anything is counted the scores of the relevant documents must be known: a first small round looks only at the
shards that hold them.
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
from clinometer.scanning.counts import TieMode, stack_counts, stack_lists, tie_order
from clinometer.scanning.passes import Change, Piece, Questions, Scan, add, join_scores, scan_piece, score_piece
from clinometer.scanning.sources import Source, spread

__all__ = ["Pool", "bytes_needed"]


@dataclass(frozen=True)
class Pool:
    """The documents of a scan with all that does not depend on the queries.

    Args:
        pieces: The shards, in order.
        labels: The languages that the codes of the pieces stand for.
        options: Of the core.
        ties: Tie mode of the ranks.
        held: The order that the places of the pieces are in.
        by_id: Whether that order went by given ids.
        change: What documents go through before they are scored; None for nothing.
        checked: Compare the checksum of each shard before it is scanned.
    """

    pieces: list[Piece]
    labels: tuple[str, ...]
    options: dict[str, Any]
    ties: TieMode = "index"
    held: Literal["index", "trec"] = "index"
    by_id: bool = False
    change: Change | None = None
    checked: bool = False

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
        change: Change | None = None,
        checked: bool = False,
        similarity: str = "cosine",
        k: int = 0,
        per_language: bool = False,
        precision: str | None = None,
        threads: int | None = None,
        block: int = 512,
        kernel: str | None = None,
    ) -> Pool:
        """The pool of all documents of the sources, for queries of one dimension.

        Args:
            sources: The shards, which follow one another.
            codes: `(N,)`: language of each document, as an index into `labels`.
            labels: The languages.
            queries: `(Q, d)`; documents that go through no change must have the same dimension.
            places: `(N,)`: place of each document in the tie order; None where that is its position.
            ties: As for `clinometer.scan`, and so are the options that follow `checked`.
            by_id: Whether the tie order went by given ids.
            change: What documents go through before they are scored; None for nothing.
            checked: Compare the checksum of each shard before it is scanned.

        Raises:
            EmbeddingError: The dimensions of queries and documents differ.
        """
        if change is None:
            _check_dimensions(queries, sources)
        options = {
            "similarity": similarity,
            "k": k,
            "per_language": per_language,
            "precision": precision,
            "threads": threads or 0,
            "block": block,
            "isa": kernel,
        }
        return cls(_pieces(sources, codes, places), labels, options, ties, tie_order(ties), by_id, change, checked)

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
            executor: What makes the passes.
            memory_budget: Bytes beside the pool, of this process or of each worker.
            checkpoint: Keeps what each shard gave; what it holds already is not scanned again.
            show_progress_bar: Draw a bar on standard error.

        Raises:
            EmbeddingError: Rows that cannot be scored.
            FormatError: The file of a shard is not as it was.
            UsageError: The budget does not suffice for one query.
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
                part = queries[at : at + step], *_part(indptr, targets, at, at + step)
                parts.append(pool._passes(*part, executor, checkpoint, batch, bar))
        ranks = stack_counts([part.ranks for part in parts if part.ranks is not None])
        top = stack_lists([part.top for part in parts if part.top is not None]) if self.options["k"] else None
        return Scan(ranks, top, sum(part.rescored for part in parts))

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
        asked = self._questions(queries, indptr, targets)
        kept = {} if checkpoint is None else checkpoint.found(batch, asked, len(self.pieces))
        left = [number for number in range(len(self.pieces)) if number not in kept]
        whole: Scan | None = None
        for number, part in kept.items():
            bar.add(len(self.pieces[number]))
            whole = part() if whole is None else add(whole, part())
        if not left:
            assert whole is not None  # noqa: S101 - there is at least one shard
            return whole
        if len(targets):
            asked = replace(asked, scores=self._scores(asked, executor))

        def done(item: int, result: Callable[[], Scan]) -> None:
            if checkpoint is not None:
                checkpoint.keep(batch, left[item], result())
            if not executor.in_process:
                bar.add(len(self.pieces[left[item]]))

        rest = [self.pieces[number] for number in left]
        fn: Callable[[Piece], Scan] = partial(scan_piece, asked)
        if executor.in_process:
            fn = bar.following(partial(scan_piece, asked))
        found = executor.map_reduce(fn, rest, add, done=done)
        return found if whole is None else add(whole, found)

    def _questions(self, queries: NDArray[Any], indptr: NDArray[np.int64], targets: NDArray[np.int64]) -> Questions:
        codes = np.empty(len(targets), dtype=np.int64)
        places = np.empty(len(targets), dtype=np.uint32)
        for piece in self.pieces:
            here = np.flatnonzero((targets >= piece.start) & (targets < piece.start + len(piece)))
            local = targets[here] - piece.start
            codes[here] = piece.codes[local]
            places[here] = targets[here] if piece.places is None else piece.places[local]
        return Questions(
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
            change=self.change,
            checked=self.checked,
            options=self.options,
        )

    def _scores(self, asked: Questions, executor: Executor) -> NDArray[np.float32]:
        """Scores of all targets, from the shards that hold them."""
        starts = np.array([piece.start for piece in self.pieces])
        holders = np.unique(np.searchsorted(starts, asked.targets, side="right") - 1)
        items = [self.pieces[number] for number in holders.tolist()]
        numbers, found = executor.map_reduce(partial(score_piece, asked), items, join_scores)
        scores = np.empty(len(asked.targets), dtype=np.float32)
        scores[numbers] = found
        return scores

    def queries_at_once(self, budget: int | str | None, dimension: int, queries: int, indptr: NDArray[np.int64]) -> int:
        """How many queries fit a memory budget in one pass; an upper estimate of what each needs.

        Raises:
            UsageError: Not even one does.
        """
        if budget is None:
            return queries
        block, each = bytes_needed(
            dimension,
            len(self.labels),
            int(np.diff(indptr).max(initial=0)),
            threads=self.options["threads"] or os.cpu_count() or 1,
            k=self.options["k"],
            per_language=self.options["per_language"],
            block=self.options["block"],
            changed=0 if self.change is None else self.change.block,
        )
        fitting = (bytes_of(budget) - block) // max(each, 1)
        if fitting < 1:
            raise UsageError(f"memory_budget is {budget}, but one query needs about {(block + each) / 1e6:.1f} MB")
        return min(int(fitting), queries)


def _pieces(sources: Sequence[Source], codes: NDArray[np.uint16], places: NDArray[np.uint32] | None) -> list[Piece]:
    """Shards that follow one another, each with its part of the columns; shards without rows are left out."""
    pieces, start = [], 0
    for source in sources:
        span = slice(start, start + len(source))
        if len(source):
            pieces.append(Piece(source, start, codes[span], None if places is None else places[span]))
        start += len(source)
    return pieces


def _check_dimensions(queries: NDArray[Any], sources: Sequence[Source]) -> None:
    """Refuse shards of another dimension than the queries.

    Raises:
        EmbeddingError: Naming both.
    """
    for source in sources:
        if source.dimension != queries.shape[1]:
            named = f" ({source.name})" if source.name else ""
            raise EmbeddingError(
                f"queries have dimension {queries.shape[1]}, documents {source.dimension}{named}; encode both with one "
                "encoder"
            )


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
    """An upper estimate of what a pass needs beside the pool: bytes whatever is asked, and bytes for each query.

    Args:
        dimension: Length of a row.
        languages: Of the pool.
        relevant: Documents of the query that has most.
        threads: Each has counts and lists of its own.
        k: Length of the lists.
        per_language: Whether there is one for each language.
        block: Documents packed at a time.
        changed: Documents that go through remedies at a time.
    """
    lists = (languages if per_language else 1) if k else 0
    counts = 12 * relevant * languages
    candidates = lists * (8 * (2 * k + 16) + 8)
    each = (threads + 2) * counts + (threads + 1) * candidates + lists * k * 32 + 12 * dimension
    # A block of changed rows: as it is, in float64 before and after, and as it becomes.
    return threads * 16 * block * dimension + changed * dimension * 32, each


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
        """So many more are done."""
        if self._bar is not None:
            self._bar.update(documents)

    def following(self, scan: Callable[..., Scan]) -> Callable[[Piece], Scan]:
        """The function, and the bar moves as it goes."""

        def watched(piece: Piece) -> Scan:
            if self._bar is None:
                return scan(piece)
            before = self._bar.n
            return scan(piece, lambda done: self._bar.update(before + done - self._bar.n))

        return watched


@contextmanager
def _bar(show: bool, total: int) -> Iterator[_Bar]:
    if not show:
        yield _Bar(None)
        return
    with tqdm(total=total, desc="scan", unit=" documents", unit_scale=True, file=sys.stderr) as bar:
        yield _Bar(bar)
