"""Counts on a device: how many documents of each language score above, tie with and precede each target."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from clinometer.scanning.device.arithmetic import above, below
from clinometer.scanning.device.blocks import Batch, Block, pairs_in
from clinometer.scanning.device.canonical import CanonicalScores
from clinometer.scanning.widths import Narrow, narrow

__all__ = ["Counting"]

# Pairs in doubt that are settled at a time.
_PAIRS = 1 << 20
# Comparisons made at a time, if a block has no more pairs than this.
_COMPARED = 1 << 22


class Counting:
    """The counts of a pass, in 32 bits, which may wrap on the way: they are read without a sign.

    Args:
        scores: `(R,)` float32: canonical scores of the targets.
        places: `(R,)`: their places in the tie order.
        languages: Number of languages.
        device: Device with float64.
    """

    def __init__(
        self, scores: NDArray[np.float32], places: NDArray[np.uint32], languages: int, device: torch.device
    ) -> None:
        self._scores = torch.from_numpy(scores).to(device)
        self._places = torch.from_numpy(places.astype(np.int64)).to(device)
        self._languages = languages
        sizes = (len(scores), languages)
        self._counts = [torch.zeros(sizes, dtype=torch.int32, device=device) for _ in range(3)]

    def add(
        self, batch: Batch, block: Block, product: torch.Tensor, bounds: list[torch.Tensor], canonical: CanonicalScores
    ) -> None:
        """Count the documents of a block against the targets of a batch; `bounds` are those of `product`."""
        doubts: list[tuple[torch.Tensor, ...]] = []
        # Several targets of each query at once where a product is small.
        step = max(1, _COMPARED // product.numel())
        for first in range(0, int(batch.targets[0]), step):
            queries = batch.having(first)
            numbers = torch.arange(first, min(first + step, int(batch.targets[0])), device=batch.first_rows.device)
            present = numbers < batch.target_counts[:queries, None]
            rows = batch.first_rows[:queries, None] + torch.where(present, numbers, 0)
            band = self._compared(batch, block, product[:queries], rows, present, bounds)
            for span in pairs_in(band, _PAIRS):
                cell, column = (index.to(rows.device) for index in band[span].nonzero(as_tuple=True))
                cell += span.start
                doubts.append((cell // len(numbers), column, rows.view(-1)[cell]))
            if sum(len(query) for query, _, _ in doubts) >= _PAIRS:
                self._decide(batch, block, doubts, canonical)
                doubts = []
        self._decide(batch, block, doubts, canonical)

    def _compared(
        self,
        batch: Batch,
        block: Block,
        product: torch.Tensor,
        rows: torch.Tensor,
        present: torch.Tensor,
        bounds: list[torch.Tensor],
    ) -> torch.Tensor:
        """Count what is surely above some targets of each query, `(b, t)`; true in `(b * t, n)` where in doubt."""
        queries, targets = rows.shape
        band = torch.empty((queries, targets, product.shape[1]), dtype=torch.bool, device=product.device)
        scores = self._scores[rows].double()
        for segment, bound in zip(block.segments, bounds, strict=True):
            score = scores / batch.scales(segment)[:queries, None]
            # Nothing is above or near what is not there.
            high, low = (
                direction(torch.where(present, score + sign * bound[:queries, None], torch.inf), product.device)
                for direction, sign in ((above, 1), (below, -1))
            )
            part = product[:, None, segment.columns]
            higher = part > high[:, :, None]
            sums = higher.sum(dim=2, dtype=torch.int32).to(rows.device)
            self._counts[0][rows[present], segment.language] += sums[present]
            torch.logical_xor(part >= low[:, :, None], higher, out=band[:, :, segment.columns])
        return band.view(queries * targets, product.shape[1])

    def _decide(
        self, batch: Batch, block: Block, doubts: list[tuple[torch.Tensor, ...]], canonical: CanonicalScores
    ) -> None:
        """Count pairs in doubt by their canonical scores."""
        for query, column, row in doubts:
            scores = canonical.in_block(query + batch.queries.start, block, column)
            cells = row * self._languages + block.languages[column]
            same = (scores == self._scores[row]) & (block.places[column] != self._places[row])  # not the target itself
            first = same & (block.places[column] < self._places[row])
            for counts, chosen in zip(self._counts, (scores > self._scores[row], same, first), strict=True):
                ones = torch.ones(1, dtype=torch.int32, device=row.device)
                counts.view(-1).index_add_(0, cells[chosen], ones.expand(int(chosen.sum())))

    def result(self) -> tuple[Narrow, ...]:
        """`(R, L)` each: greater, equal, before; as narrow as they fit."""
        return tuple(narrow(counts.cpu().numpy().view(np.uint32)) for counts in self._counts)
