"""One pass over one shard; both what a worker receives and what it returns are plain data.

A pass depends only on its arguments: any worker may run it, also again, and the results of all shards add up to the
same bits in any order.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from clinometer import _core
from clinometer.errors import ClinometerError, EmbeddingError, FormatError
from clinometer.scanning.counts import RankCounts, TieMode, TopK, tie_order
from clinometer.scanning.device.options import DeviceOptions
from clinometer.scanning.sources import Source, at_hand, in_one_part, is_mapped, parts_of
from clinometer.scanning.widths import narrow

__all__ = [
    "PassSettings",
    "Piece",
    "Progress",
    "RowTransform",
    "Scan",
    "ScanTask",
    "add",
    "is_whole",
    "join_scores",
    "named_rows",
    "scan_piece",
    "score_piece",
    "transformed_blocks",
]

Progress = Callable[[int], object]


@dataclass(frozen=True)
class Scan:
    """Result of a scan.

    Args:
        ranks: Counts of the relevant documents; None without relevant documents.
        top: The best documents; None if k was 0.
        rescored: Number of pairs that the certified filter left to canonical scores; 0 without a filter. Unlike the
            results, it depends on how the work was split.
        pooled: The best documents of the whole pool; None if `pool_k` was 0.
    """

    ranks: RankCounts | None
    top: TopK | None
    rescored: int = 0
    pooled: TopK | None = None


@dataclass(frozen=True)
class Piece:
    """One shard of a pool.

    Args:
        source: Location of its n rows.
        start: Position of its first row in the pool.
        codes: `(n,)`: language of each row.
        places: `(n,)`: place of each row in the tie order; None if that is its position.
    """

    source: Source
    start: int
    codes: NDArray[np.uint16]
    places: NDArray[np.uint32] | None

    def __len__(self) -> int:
        return len(self.source)

    def targets(self, targets: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Which of some positions in the pool are in this shard, and their rows in it."""
        here = np.flatnonzero((targets >= self.start) & (targets < self.start + len(self)))
        return here, targets[here] - self.start


class RowTransform(Protocol):
    """A transform of documents before they are scored, such as `clinometer.correction.remedies.Remedies`."""

    @property
    def block(self) -> int:
        """Number of rows to transform at a time."""
        ...

    def documents(self, rows: NDArray[Any], languages: Sequence[str]) -> NDArray[np.float32]:
        """The transformed rows; each depends only on the row and its language."""
        ...


@dataclass(frozen=True)
class PassSettings:
    """What is the same for all queries and shards.

    Args:
        labels: Languages by code.
        ties: Tie mode of the ranks.
        by_id: Whether the tie order used ids.
        transform: Transform of documents before they are scored; None for none.
        checked: Whether to compare the checksum of each shard before it is scanned.
        options: Options of the core.
        device: Device of the products; None for the core alone.
    """

    labels: tuple[str, ...]
    ties: TieMode
    by_id: bool
    transform: RowTransform | None
    checked: bool
    options: dict[str, Any]
    device: DeviceOptions | None = None

    @property
    def pair_options(self) -> dict[str, Any]:
        """Options of the core for scores of single pairs."""
        return {name: self.options[name] for name in ("similarity", "isa")}


@dataclass(frozen=True)
class ScanTask:
    """The same task for every shard: some queries and their relevant documents.

    Args:
        queries: `(Q, d)`: embeddings.
        indptr: `(Q + 1,)`: the relevant documents of query q are `indptr[q]:indptr[q + 1]`.
        targets: `(R,)`: their positions in the pool.
        codes: `(R,)`: their languages.
        places: `(R,)`: their places in the tie order.
        scores: `(R,)`: their scores, once they are known; None where the pass over the only shard computes them.
        settings: Settings of every pass.
    """

    queries: NDArray[Any]
    indptr: NDArray[np.int64]
    targets: NDArray[np.int64]
    codes: NDArray[np.int64]
    places: NDArray[np.uint32]
    scores: NDArray[np.float32] | None
    settings: PassSettings

    @property
    def known_scores(self) -> NDArray[np.float32]:
        """The scores, for what cannot compute them."""
        assert self.scores is not None  # noqa: S101 - only a pass of the core over a whole pool computes them
        return self.scores

    def counts(self, **columns: NDArray[Any]) -> RankCounts:
        """Counts of these targets: scores, the three counts and the sizes of the pool."""
        settings = self.settings
        return RankCounts(
            indptr=self.indptr,
            documents=self.targets,
            codes=self.codes,
            languages=settings.labels,
            ties=settings.ties,
            held=tie_order(settings.ties),
            by_id=settings.by_id,
            **columns,
        )


def scan_piece(task: ScanTask, piece: Piece, progress: Progress | None = None) -> Scan:
    """Counts and lists of one shard; the scores of the targets are known, or all targets are in it (`is_whole`).

    `progress` is called with the number of documents that are done.

    Raises:
        EmbeddingError: Rows are zero, NaN or infinite; the message gives their numbers in the pool.
        FormatError: The file of the shard has changed.
    """
    settings, total = task.settings, None
    target_rows = None
    if task.scores is None:
        target_rows = (task.targets - piece.start).astype(np.uint32)
    for at, rows in _blocks(settings, piece):
        span = slice(at, at + len(rows))
        with named_rows(piece, at):
            core_result = _core.scan(
                task.queries,
                _core.Documents(
                    rows,
                    piece.codes[span],
                    language_count=len(settings.labels),
                    places=None if piece.places is None else piece.places[span],
                    first_place=piece.start + at,
                    read_ahead=is_mapped(rows),
                ),
                _core.Targets(task.indptr, task.scores, task.places, target_rows),
                _core.PassOptions(**settings.options),
                progress=None if progress is None else partial(_from, progress, at),
            )
        counts = task.counts(
            scores=core_result.target_scores,
            greater=narrow(core_result.greater.T),
            equal=narrow(core_result.equal.T),
            before=narrow(core_result.before.T),
            pool_sizes=core_result.pool_sizes,
        )
        part = Scan(counts, _lists(task, piece, core_result), core_result.rescored)
        total = part if total is None else add(total, part)
    assert total is not None  # noqa: S101 - no piece is empty
    return total


def score_piece(task: ScanTask, piece: Piece) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Numbers and scores of the targets in one shard; errors are those of `scan_piece`."""
    settings = task.settings
    here, local = piece.targets(task.targets)
    query_of = np.repeat(np.arange(len(task.queries), dtype=np.uint32), np.diff(task.indptr))
    distinct = None
    if settings.transform is None and at_hand(piece.source):
        rows: NDArray[Any] = piece.source.open()
    else:
        distinct, local = np.unique(local, return_inverse=True)
        rows = piece.source.take(distinct)
        if settings.transform is not None:
            labels = [settings.labels[code] for code in piece.codes[distinct].tolist()]
            rows = settings.transform.documents(rows, labels)
    pairs = query_of[here], local.astype(np.uint32)
    with named_rows(piece, 0, distinct):
        return here, _core.score_pairs(task.queries, rows, *pairs, **settings.pair_options)


def is_whole(settings: PassSettings, piece: Piece) -> bool:
    """Whether the core gets all rows of a shard at once, as they are scored."""
    return settings.transform is None and settings.device is None and in_one_part(piece.source)


def join_scores(
    left: tuple[NDArray[np.int64], NDArray[np.float32]], right: tuple[NDArray[np.int64], NDArray[np.float32]]
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The scores of targets in two sets of shards; each comes with its number, so the order does not matter."""
    return np.concatenate([left[0], right[0]]), np.concatenate([left[1], right[1]])


def add(left: Scan, right: Scan) -> Scan:
    """The result of a scan of both sets of documents; associative and commutative."""
    assert left.ranks is not None  # noqa: S101 - a pass always counts
    assert right.ranks is not None  # noqa: S101
    lists = left.top if left.top is None or right.top is None else left.top.merge(right.top)
    return Scan(left.ranks.merge(right.ranks), lists, left.rescored + right.rescored)


def _from(progress: Progress, start: int, done: int) -> None:
    progress(start + done)


def _blocks(settings: PassSettings, piece: Piece) -> Iterator[tuple[int, NDArray[Any]]]:
    """The rows, each part with the number of its first row: all at once, as blocks are fetched, or transformed."""
    if settings.transform is not None:
        yield from transformed_blocks(settings, settings.transform, piece)
        return
    at = 0
    for rows in parts_of(piece.source, checked=settings.checked):
        yield at, rows
        at += len(rows)


def transformed_blocks(
    settings: PassSettings, transform: RowTransform, piece: Piece
) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """The rows of a shard, transformed in blocks, each with the number of its first row."""
    at = 0
    for rows in parts_of(piece.source, transform.block, checked=settings.checked):
        labels = [settings.labels[code] for code in piece.codes[at : at + len(rows)].tolist()]
        try:
            transformed = transform.documents(rows, labels)
        except EmbeddingError as error:
            raise EmbeddingError(
                f"{piece.source.name or 'documents'}, from row {piece.start + at} on: {error}"
            ) from None
        yield at, transformed
        at += len(rows)


def _lists(task: ScanTask, piece: Piece, core_result: _core.ScanResult) -> TopK | None:
    if core_result.top_places is None or core_result.top_scores is None:
        return None
    labels = task.settings.labels if task.settings.options["per_language"] else None
    shape = (len(task.queries), -1) if labels is None else (len(task.queries), len(labels), -1)
    scores = core_result.top_scores.reshape(shape)
    places = core_result.top_places.astype(np.int64).reshape(shape)
    empty = np.isnan(scores)
    places[empty] = -1
    ids = places
    if piece.places is not None:
        order = np.argsort(piece.places)
        row = np.searchsorted(piece.places[order], np.maximum(places, 0)).clip(max=len(order) - 1)
        ids = np.where(empty, -1, piece.start + order[row])
    return TopK(ids, scores, places, labels)


@contextmanager
def named_rows(piece: Piece, at: int, numbers: Sequence[int] | NDArray[np.int64] | None = None) -> Iterator[None]:
    """Turn errors of the core about rows into errors about embeddings, with row numbers of the pool.

    Args:
        piece: Shard of the rows.
        at: Number of the first row in the shard.
        numbers: Numbers of the rows, from `at` on; None for consecutive rows.
    """
    try:
        yield
    except ClinometerError:
        raise
    except (ValueError, TypeError) as error:
        first = piece.start + at

        def renamed(row: re.Match[str]) -> str:
            number = int(row[1])
            return f"row {first + (number if numbers is None else numbers[number])} of the documents"

        text = re.sub(r"row (\d+) of the documents", renamed, str(error))
        raise EmbeddingError(f"{piece.source.name}: {text}" if piece.source.name else text) from None
    except OSError as error:
        if type(error) is not OSError or error.errno is not None:
            raise
        # The core's own sentence about pages of a map that could not be read.
        raise FormatError(piece.source.name or "embeddings", None, f"{error}; copy it again and open it anew") from None
