"""Lists on a device: candidates for the best k documents, settled once the k-th best is known closely.

A candidate is known by an approximate score and its bound. The k-th best of the lower ends of a list is a floor: a
document whose upper end is below it is not among the best k. Canonical scores are worked out at the end, and before
only where so many candidates tie within their bounds that they would fill the memory.
"""

from __future__ import annotations

import torch

from clinometer.scanning.device.arithmetic import below
from clinometer.scanning.device.blocks import Batch, Block, Segment
from clinometer.scanning.device.canonical import CanonicalScores

__all__ = ["Listing"]

# Candidates held at least before they are thinned out.
_ROOM = 1 << 16


class Listing:
    """Candidates for the lists of one batch of queries.

    Args:
        batch: The queries.
        k: Length of a list.
        languages: Lists of each query: the number of languages, or 1 for lists of all.
        places: `(n,)` int64: places of all documents of the part in the tie order.
        canonical: Canonical scores.
    """

    def __init__(self, batch: Batch, k: int, languages: int, places: torch.Tensor, canonical: CanonicalScores) -> None:
        self._batch, self._k, self._languages, self._places, self._canonical = batch, k, languages, places, canonical
        lists = len(batch) * languages
        self._floors = torch.full((lists,), -torch.inf, dtype=torch.float64, device=places.device)
        self._lists, self._documents = torch.empty((2, 0), dtype=torch.int64, device=places.device)
        self._values, self._errors = torch.empty((2, 0), dtype=torch.float64, device=places.device)
        self._room = max(_ROOM, 2 * k * lists)

    def add(self, block: Block, product: torch.Tensor, bounds: list[torch.Tensor]) -> None:
        """Take the candidates of a block; `bounds` are those of `product`."""
        for segment, bound in zip(block.segments, bounds, strict=True):
            scale = self._batch.scales(segment)
            columns = block.documents[segment.columns]
            self._offer(product[:, segment.columns], columns, segment, scale, bound * scale)

    def _offer(
        self, part: torch.Tensor, columns: torch.Tensor, segment: Segment, scale: torch.Tensor, error: torch.Tensor
    ) -> None:
        """Take candidates from columns of one segment; in halves where they are too many."""
        lists = torch.arange(len(self._batch), device=columns.device) * self._languages
        if self._languages > 1:
            lists += segment.language
        mask = self._above_floor(part, lists, scale, error)
        if int(mask.sum()) > self._room:
            if part.shape[1] >= self._k:
                lowest = part.topk(self._k, dim=1, sorted=False).values.amin(dim=1).to(scale.device).double()
                self._floors[lists] = torch.maximum(self._floors[lists], lowest * scale - error)
                mask = self._above_floor(part, lists, scale, error)
            if int(mask.sum()) > self._room and part.shape[1] > 1:
                half = part.shape[1] // 2
                self._offer(part[:, :half], columns[:half], segment, scale, error)
                self._offer(part[:, half:], columns[half:], segment, scale, error)
                return
        query, column = (index.to(columns.device) for index in mask.nonzero(as_tuple=True))
        values = part[mask].to(columns.device).double() * scale[query]
        self._lists = torch.cat([self._lists, lists[query]])
        self._documents = torch.cat([self._documents, columns[column]])
        self._values = torch.cat([self._values, values])
        self._errors = torch.cat([self._errors, error[query]])
        if len(self._lists) > self._room:
            self._thin()
            if len(self._lists) > self._room:
                self._decide()

    def _above_floor(
        self, part: torch.Tensor, lists: torch.Tensor, scale: torch.Tensor, error: torch.Tensor
    ) -> torch.Tensor:
        return part >= below((self._floors[lists] - error) / scale, part.device)[:, None]

    def _thin(self) -> None:
        """Raise the floors by the candidates, and leave out those below."""
        lower = self._values - self._errors
        order = lower.argsort(descending=True)
        order = order[self._lists[order].argsort(stable=True)]
        starts = torch.searchsorted(self._lists[order], torch.arange(len(self._floors) + 1, device=order.device))
        full = (starts[1:] - starts[:-1] >= self._k).nonzero().squeeze(1)
        kth = lower[order[starts[full] + self._k - 1]]
        self._floors[full] = torch.maximum(self._floors[full], kth)
        self._keep((self._values + self._errors >= self._floors[self._lists]).nonzero().squeeze(1))

    def _decide(self) -> None:
        """Give every candidate its canonical score, and keep the best k of each list in their order."""
        open_ = (self._errors > 0).nonzero().squeeze(1)
        queries = self._lists[open_].div(self._languages, rounding_mode="floor") + self._batch.queries.start
        self._values[open_] = self._canonical.of_rows(queries, self._documents[open_]).double()
        self._errors[open_] = 0.0
        order = self._places[self._documents].argsort()
        order = order[self._values[order].argsort(descending=True, stable=True)]
        order = order[self._lists[order].argsort(stable=True)]
        starts = torch.searchsorted(self._lists[order], self._lists[order])
        self._keep(order[torch.arange(len(order), device=order.device) - starts < self._k])
        self._thin()

    def _keep(self, index: torch.Tensor) -> None:
        self._lists, self._documents = self._lists[index], self._documents[index]
        self._values, self._errors = self._values[index], self._errors[index]

    def result(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """List, document and canonical score of each entry, by list and in order."""
        self._thin()
        self._decide()
        return self._lists, self._documents, self._values.float()
