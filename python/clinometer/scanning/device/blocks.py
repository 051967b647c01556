"""Queries and documents on a device, cut into batches and blocks that fit into its memory."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from clinometer.collection.columns import distinct
from clinometer.scanning.device.arithmetic import Operand, bound_of, operand
from clinometer.scanning.device.prepare import power_of_two

__all__ = ["Batch", "Block", "Segment", "batches_of", "block_of", "pairs_in", "sizes"]

_BATCH = 2048


@dataclass(frozen=True)
class Segment:
    """Documents of one language, whose rows were scaled by one power of two: consecutive columns of a product."""

    columns: slice
    language: int
    exponent: torch.Tensor
    """One int64."""


@dataclass(frozen=True)
class Block:
    """Some documents, sorted into segments.

    Args:
        side: Their rows as one side of a product.
        ready: `(n, d)` float32: their prepared rows, where float64 is.
        documents: `(n,)` int64: numbers of their rows in the part of the pool.
        languages: `(n,)` int64: their codes.
        places: `(n,)` int64: their places in the tie order.
        segments: Segments, in order; they cover all columns.
    """

    side: Operand
    ready: torch.Tensor
    documents: torch.Tensor
    languages: torch.Tensor
    places: torch.Tensor
    segments: list[Segment]


@dataclass(frozen=True)
class Batch:
    """Some queries, those with most relevant documents first.

    Args:
        queries: Their numbers in the pass's order of queries.
        side: Their rows as one side of a product.
        first_rows: `(b,)` int64: the first row of each in the CSR of the targets.
        targets: `(b,)` int64: number of targets of each, descending.
    """

    queries: slice
    side: Operand
    first_rows: torch.Tensor
    targets: NDArray[np.int64]
    target_counts: torch.Tensor

    def __len__(self) -> int:
        return len(self.targets)

    def having(self, number: int) -> int:
        """Number of queries, the first of the batch, that have more than this number of targets."""
        return int(np.searchsorted(-self.targets, -number, side="left"))

    def bounds(self, block: Block, precision: str) -> list[torch.Tensor]:
        """For each segment, `(b,)`: the bound of its products; see `arithmetic.bound_of`."""
        return [bound_of(self.side, block.side[segment.columns], precision) for segment in block.segments]

    def scales(self, segment: Segment) -> torch.Tensor:
        """`(b,)` float64: what products with a segment are to be multiplied by."""
        return power_of_two(self.side.exponents + segment.exponent)


def batches_of(
    ready: torch.Tensor,
    lengths: torch.Tensor,
    first_rows: NDArray[np.int64],
    targets: NDArray[np.int64],
    *,
    similarity: str,
    precision: str,
    device: Any,
    size: int,
) -> list[Batch]:
    """Prepared queries, sorted by their number of targets, in batches."""
    side = operand(ready, lengths, similarity, precision, device)
    firsts, counts = (torch.from_numpy(column).to(ready.device) for column in (first_rows, targets))
    spans = [slice(start, min(start + size, len(ready))) for start in range(0, len(ready), size)]
    return [Batch(span, side[span], firsts[span], targets[span], counts[span]) for span in spans]


def block_of(
    ready: torch.Tensor,
    lengths: torch.Tensor,
    start: int,
    codes: NDArray[np.uint16],
    places: NDArray[np.int64],
    *,
    similarity: str,
    precision: str,
    device: Any,
) -> Block:
    """Prepared documents, sorted into segments; their rows are numbered from `start` on."""
    side = operand(ready, lengths, similarity, precision, device)
    classes = side.exponents.cpu().numpy()
    keys = codes.astype(np.int64) << 16 | (classes + (1 << 15))
    ends = [0, *(np.flatnonzero(np.diff(keys)) + 1).tolist(), len(keys)]
    order = np.arange(len(keys))
    if len(ends) - 1 > len(distinct(keys)):
        order = np.argsort(keys, kind="stable")
        ends = [0, *(np.flatnonzero(np.diff(keys[order])) + 1).tolist(), len(keys)]
        permutation = torch.from_numpy(order).to(ready.device)
        side, ready = side[permutation], ready[permutation]
    documents, languages, sorted_places = (
        torch.from_numpy(column).to(ready.device)
        for column in (start + order, codes[order].astype(np.int64), places[order])
    )
    segments = [Segment(slice(a, z), int(codes[order[a]]), side.exponents[a]) for a, z in pairwise(ends)]
    return Block(side, ready, documents, languages, sorted_places, segments)


def pairs_in(mask: torch.Tensor, most: int) -> list[slice]:
    """Parts of the rows of a mask with at most this number of true elements, if a row has no more; none if all are."""
    counts = mask.sum(dim=1).cpu().numpy()
    total = int(counts.sum())
    if total <= most:
        return [slice(0, len(counts))] if total else []
    parts, start, held = [], 0, 0
    for row, count in enumerate(counts.tolist()):
        if held and held + count > most:
            parts.append(slice(start, row))
            start, held = row, 0
        held += count
    return [*parts, slice(start, len(counts))]


def sizes(queries: int, dimension: int, workspace: int) -> tuple[int, int]:
    """Queries of a batch and documents of a block that fit into a workspace in bytes, at least one of each.

    A document takes its rows as read, prepared, rounded and sorted; a pair its score, two masks, and its numbers where
    all pairs of a block are in doubt.
    """
    document, pair = 24 * dimension + 128, 4 + 2 + 16 + 8
    remaining = max(0, workspace - 12 * queries * dimension)
    batch = min(queries, _BATCH)
    # Positions in a product are numbered in 31 bits by some functions of torch.
    most = (1 << 30) // batch
    while batch > 1 and remaining // (document + pair * batch) < 4 * batch:
        batch //= 2
    documents = max(1, remaining // (document + pair * batch))
    return batch, min(documents, most)
