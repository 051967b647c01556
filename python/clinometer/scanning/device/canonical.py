"""Canonical scores of single pairs, by the chain of the core."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from clinometer import _core
from clinometer.scanning.sources import Held, Mapped, Source

__all__ = ["CanonicalScores"]


class CanonicalScores:
    """Canonical scores of pairs of some queries and the documents of a source.

    Args:
        queries: `(Q, d)`: queries of the pass, in its order.
        source: Documents.
        options: Options of the core: `similarity` and `isa`.
        device: Device of the results.
    """

    def __init__(self, queries: NDArray[Any], source: Source, options: dict[str, Any], device: torch.device) -> None:
        self._queries, self._source, self._options, self._device = queries, source, options, device
        # Rows in memory, or a map of them, need no copy; codes and tensors are taken row by row.
        at_hand = isinstance(source, Held) or (isinstance(source, Mapped) and source.dtype != "int16")
        self._rows = source.open() if at_hand else None
        self.pairs = 0

    def __call__(self, queries: torch.Tensor, documents: torch.Tensor) -> torch.Tensor:
        """`(m,)` float32: scores of pairs, given by numbers of queries and of documents."""
        if not len(queries):
            return torch.empty(0, dtype=torch.float32, device=self._device)
        query, document = queries.cpu().numpy(), documents.cpu().numpy()
        self.pairs += len(query)
        rows = self._rows
        if rows is None:
            distinct, document = np.unique(document, return_inverse=True)
            rows = self._source.take(distinct)
        first = int(query.min())
        numbers = ((query - first).astype(np.uint32), document.astype(np.uint32))
        scores = _core.score_pairs(self._queries[first : int(query.max()) + 1], rows, *numbers, **self._options)
        return torch.from_numpy(scores).to(self._device)
