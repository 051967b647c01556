"""One pass over one shard: what a worker is told is plain data, and so is what it answers.

A pass depends on nothing but its arguments: any worker may make it, again if need be, and the answers of all shards add
up to the same bits in any order.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from clinometer import _core
from clinometer.errors import EmbeddingError
from clinometer.scanning.counts import RankCounts, TieMode, TopK
from clinometer.scanning.sources import Source, is_mapped

__all__ = ["Change", "Piece", "Questions", "Scan", "add", "join_scores", "scan_piece", "score_piece"]

Progress = Callable[[int], object]


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


@dataclass(frozen=True)
class Piece:
    """One shard of a pool.

    Args:
        source: Where its n rows lie.
        start: Position of the first of them in the pool.
        codes: `(n,)`: language of each row.
        places: `(n,)`: place of each row in the tie order; None where that is its position.
    """

    source: Source
    start: int
    codes: NDArray[np.uint16]
    places: NDArray[np.uint32] | None

    def __len__(self) -> int:
        return len(self.source)


class Change(Protocol):
    """What documents go through before they are scored, such as `clinometer.correction.remedies.Remedies`."""

    @property
    def block(self) -> int:
        """Rows that are changed at a time."""
        ...

    def documents(self, rows: NDArray[Any], languages: Sequence[str]) -> NDArray[np.float32]:
        """The rows, changed; what becomes of one depends on it and its language alone."""
        ...


@dataclass(frozen=True)
class Questions:
    """What is asked of every shard alike: some queries and their relevant documents.

    Args:
        queries: `(Q, d)`.
        indptr: `(Q + 1,)`: the relevant documents of query q are `indptr[q]:indptr[q + 1]`.
        targets: `(R,)`: their positions in the pool.
        codes: `(R,)`: their languages.
        places: `(R,)`: their places in the tie order.
        scores: `(R,)`: their scores, once they are known.
        labels: The languages.
        ties: Tie mode of the ranks.
        held: The order that places are in.
        by_id: Whether that order went by given ids.
        change: What documents go through before they are scored; None for nothing.
        checked: Compare the checksum of each shard before it is scanned.
        options: Of the core.
    """

    queries: NDArray[Any]
    indptr: NDArray[np.int64]
    targets: NDArray[np.int64]
    codes: NDArray[np.int64]
    places: NDArray[np.uint32]
    scores: NDArray[np.float32]
    labels: tuple[str, ...]
    ties: TieMode
    held: Literal["index", "trec"]
    by_id: bool
    change: Change | None
    checked: bool
    options: dict[str, Any]


def scan_piece(asked: Questions, piece: Piece, progress: Progress | None = None) -> Scan:
    """Counts and lists of one shard.

    Args:
        asked: What is asked; the scores of the targets are known.
        piece: The shard.
        progress: Told how many of its documents are done.

    Raises:
        EmbeddingError: Rows that are zero, NaN or infinite; they are named by their number in the pool.
        FormatError: The file of the shard is not as it was.
    """
    whole: Scan | None = None
    for at, rows in _blocks(asked, piece):
        span = slice(at, at + len(rows))
        with _named_rows(piece, at):
            found = _core.scan(
                asked.queries,
                rows,
                piece.codes[span],
                language_count=len(asked.labels),
                places=None if piece.places is None else piece.places[span],
                first_place=piece.start + at,
                indptr=asked.indptr,
                target_scores=asked.scores,
                target_places=asked.places,
                read_ahead=is_mapped(rows),
                progress=None if progress is None else partial(_from, progress, at),
                **asked.options,
            )
        sizes = np.bincount(piece.codes[span], minlength=len(asked.labels))
        part = Scan(_counts(asked, found, sizes), _lists(asked, piece, found), found["rescored"])
        whole = part if whole is None else add(whole, part)
    assert whole is not None  # noqa: S101 - no piece is empty
    return whole


def score_piece(asked: Questions, piece: Piece) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Scores of the targets that lie in one shard: their numbers, and a score for each.

    Raises:
        EmbeddingError: As for `scan_piece`.
        FormatError: As for `scan_piece`.
    """
    here = np.flatnonzero((asked.targets >= piece.start) & (asked.targets < piece.start + len(piece)))
    query_of = np.repeat(np.arange(len(asked.queries), dtype=np.uint32), np.diff(asked.indptr))
    local = asked.targets[here] - piece.start
    rows: NDArray[Any] = piece.source.open()
    if asked.change is not None:
        wanted, local = np.unique(local, return_inverse=True)
        labels = [asked.labels[code] for code in piece.codes[wanted].tolist()]
        rows = asked.change.documents(rows[wanted], labels)
    how = {name: asked.options[name] for name in ("similarity", "isa")}
    with _named_rows(piece, 0):
        return here, _core.score_pairs(asked.queries, rows, query_of[here], local.astype(np.uint32), **how)


def join_scores(
    one: tuple[NDArray[np.int64], NDArray[np.float32]], other: tuple[NDArray[np.int64], NDArray[np.float32]]
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The scores of targets in either of two sets of shards; each has its number, so that order means nothing."""
    return np.concatenate([one[0], other[0]]), np.concatenate([one[1], other[1]])


def add(one: Scan, other: Scan) -> Scan:
    """What a scan of both sets of documents yields; associative and commutative."""
    assert one.ranks is not None  # noqa: S101 - a pass always counts
    assert other.ranks is not None  # noqa: S101
    lists = one.top if one.top is None or other.top is None else one.top.merge(other.top)
    return Scan(one.ranks.merge(other.ranks), lists, one.rescored + other.rescored)


def _from(progress: Progress, before: int, done: int) -> None:
    progress(before + done)


def _blocks(asked: Questions, piece: Piece) -> Iterator[tuple[int, NDArray[Any]]]:
    """The rows as they are, all at once, or as they become, some at a time."""
    rows = piece.source.open(checked=asked.checked)
    if asked.change is None:
        yield 0, rows
        return
    for at in range(0, len(rows), asked.change.block):
        span = slice(at, at + asked.change.block)
        labels = [asked.labels[code] for code in piece.codes[span].tolist()]
        try:
            changed = asked.change.documents(rows[span], labels)
        except EmbeddingError as error:
            raise EmbeddingError(
                f"{piece.source.name or 'documents'}, from row {piece.start + at} on: {error}"
            ) from None
        yield at, changed


def _counts(asked: Questions, found: dict[str, Any], sizes: NDArray[np.int64]) -> RankCounts:
    return RankCounts(
        indptr=asked.indptr,
        documents=asked.targets,
        codes=asked.codes,
        scores=asked.scores,
        greater=found["greater"].T,
        equal=found["equal"].T,
        before=found["before"].T,
        languages=asked.labels,
        ties=asked.ties,
        held=asked.held,
        by_id=asked.by_id,
        pool_sizes=sizes,
    )


def _lists(asked: Questions, piece: Piece, found: dict[str, Any]) -> TopK | None:
    if "top_places" not in found:
        return None
    per_language = asked.options["per_language"]
    shape = (len(asked.queries), len(asked.labels), -1) if per_language else (len(asked.queries), -1)
    scores = found["top_scores"].reshape(shape)
    places = found["top_places"].astype(np.int64).reshape(shape)
    absent = np.isnan(scores)
    places[absent] = -1
    ids = places
    if piece.places is not None:
        order = np.argsort(piece.places)
        row = np.searchsorted(piece.places[order], np.maximum(places, 0)).clip(max=len(order) - 1)
        ids = np.where(absent, -1, piece.start + order[row])
    return TopK(ids, scores, places, asked.labels if per_language else None)


@contextmanager
def _named_rows(piece: Piece, at: int) -> Iterator[None]:
    """Errors of the core about rows are errors about embeddings, numbered from the first row of the pool."""
    try:
        yield
    except (ValueError, TypeError) as error:
        first = piece.start + at
        text = re.sub(
            r"row (\d+) of the documents", lambda row: f"row {int(row[1]) + first} of the documents", str(error)
        )
        raise EmbeddingError(f"{piece.source.name}: {text}" if piece.source.name else text) from None
