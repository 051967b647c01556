"""Canonical scores of single pairs: by the chain of the core, or by the same chain on a device.

A fused multiply-add of float32 is, on a device without a promise of one, an exact product in float64, a sum in float64
and a rounding to float32. Rounding twice differs from rounding once only where the sum in float64 lies half-way between
two float32 numbers, or where float32 is no longer normal. Those pairs, a few in ten thousand, go to the core.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from clinometer import _core
from clinometer.scanning.device.blocks import Block
from clinometer.scanning.device.prepare import prepared
from clinometer.scanning.device.tensors import TensorRows
from clinometer.scanning.passes import PassSettings
from clinometer.scanning.sources import Source, at_hand

__all__ = ["CanonicalScores", "chains"]

# Bits of float64 that float32 has not, and their value half-way.
_LOST, _HALF_WAY = (1 << 29) - 1, 1 << 28
_SMALLEST_NORMAL = 2.0**-126
# Bytes of one step of a chain: two rows, their products and sums in float64, and what tells where these lie.
_STEP_BYTES = 40
# Pairs that are worth a thread of the core.
_PAIRS_OF_THREAD = 1 << 12


def chains(queries: torch.Tensor, documents: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Canonical scores of pairs of prepared rows, and which of them this arithmetic leaves open.

    Args:
        queries: `(m, d)` float32, on a device with float64.
        documents: `(m, d)` float32.

    Returns:
        `(m,)` float32 and `(m,)` bool.
    """
    sums = (queries.double() * documents.double()).T.contiguous()
    score = torch.zeros(len(queries), dtype=torch.float32, device=queries.device)
    for number in range(len(sums)):
        # In place: the product becomes the sum in float64. Then it is rounded to float32.
        sums[number] += score
        score.copy_(sums[number])
    size = sums.abs()
    left_open = (sums.view(torch.int64) & _LOST == _HALF_WAY) | ((size < _SMALLEST_NORMAL) & (size > 0))
    return score, left_open.any(dim=0)


class CanonicalScores:
    """Canonical scores of pairs of some queries and the documents of a source.

    Args:
        queries: `(Q, d)`: queries of the pass, in its order.
        ready: The same, prepared, on the device with float64.
        source: Documents.
        settings: Settings of the pass.
        chain_bytes: Bytes for chains on the device, of rows that it holds; 0 if the core does all.
    """

    def __init__(
        self, queries: NDArray[Any], ready: torch.Tensor, source: Source, settings: PassSettings, chain_bytes: int
    ) -> None:
        self._queries, self._ready, self._source = queries, ready, source
        self._options = settings.pair_options
        self._threads = settings.options["threads"] or os.cpu_count() or 1
        self._at_once = chain_bytes and max(1, chain_bytes // (_STEP_BYTES * queries.shape[1]))
        self._rows = source.open() if at_hand(source) else None
        self.pairs = 0

    def in_block(self, queries: torch.Tensor, block: Block, columns: torch.Tensor) -> torch.Tensor:
        """`(m,)` float32: scores of pairs, given by numbers of queries and columns of a block."""
        self.pairs += len(queries)
        if not self._at_once:
            return self._by_core(queries, block.documents[columns])
        return self._by_chains(queries, block.documents[columns], lambda part: block.ready[columns[part]])

    def of_rows(self, queries: torch.Tensor, documents: torch.Tensor) -> torch.Tensor:
        """`(m,)` float32: scores of pairs, given by numbers of queries and of documents of the source."""
        self.pairs += len(queries)
        if not (self._at_once and isinstance(self._source, TensorRows)):
            return self._by_core(queries, documents)
        tensor = self._source.tensor

        def rows(part: slice) -> torch.Tensor:
            taken = tensor.index_select(0, documents[part].to(tensor.device)).to(self._ready.device)
            return prepared(taken, self._options["similarity"])[0]

        return self._by_chains(queries, documents, rows)

    def _by_chains(
        self, queries: torch.Tensor, documents: torch.Tensor, rows: Callable[[slice], torch.Tensor]
    ) -> torch.Tensor:
        scores = torch.empty(len(queries), dtype=torch.float32, device=self._ready.device)
        left_open = torch.zeros(len(queries), dtype=torch.bool, device=self._ready.device)
        for start in range(0, len(queries), self._at_once):
            part = slice(start, start + self._at_once)
            scores[part], left_open[part] = chains(self._ready[queries[part]], rows(part))
        scores[left_open] = self._by_core(queries[left_open], documents[left_open])
        return scores

    def _by_core(self, queries: torch.Tensor, documents: torch.Tensor) -> torch.Tensor:
        if not len(queries):
            return torch.empty(0, dtype=torch.float32, device=self._ready.device)
        query, document = queries.cpu().numpy(), documents.cpu().numpy()
        rows = self._rows
        if rows is None:
            distinct, document = np.unique(document, return_inverse=True)
            rows = self._source.take(distinct)

        def scored(part: slice) -> NDArray[np.float32]:
            first, last = int(query[part].min()), int(query[part].max())
            numbers = ((query[part] - first).astype(np.uint32), document[part].astype(np.uint32))
            return _core.score_pairs(self._queries[first : last + 1], rows, *numbers, **self._options)

        step = max(_PAIRS_OF_THREAD, -(-len(query) // self._threads))
        parts = [slice(start, start + step) for start in range(0, len(query), step)]
        if len(parts) == 1:
            scores = scored(parts[0])
        else:
            with ThreadPoolExecutor(len(parts)) as pool:
                scores = np.concatenate(list(pool.map(scored, parts)))
        return torch.from_numpy(scores).to(self._ready.device)
