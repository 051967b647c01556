"""One pass over one shard on a device; the counterpart of `clinometer.scanning.passes.scan_piece`, with its bits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from clinometer import _core
from clinometer.errors import UsageError, first_line
from clinometer.scanning.counts import TopK
from clinometer.scanning.device.arithmetic import multiplied, probe, undisturbed
from clinometer.scanning.device.blocks import Batch, Block, batches_of, block_of, sizes
from clinometer.scanning.device.canonical import CanonicalScores
from clinometer.scanning.device.counting import Counting
from clinometer.scanning.device.lists import Listing
from clinometer.scanning.device.options import DeviceOptions
from clinometer.scanning.device.prepare import exact_device, prepared
from clinometer.scanning.device.tensors import TensorRows
from clinometer.scanning.passes import Piece, Progress, Scan, ScanTask, add, named_rows, transformed_blocks
from clinometer.scanning.sources import Held, Source, spread

__all__ = ["scan_piece_on_device"]

# Bytes of the workspace if nobody says: of the processor, and of the free memory of a GPU.
_WORKSPACE, _SHARE, _MOST = 1 << 28, 0.5, 1 << 33
# Half of the largest float32: no sum of a dot product may come near to it (`overflows_with` in rust/matrix.rs).
_TOO_LONG = float(np.finfo(np.float32).max) / 2
_NAMED_ROWS = 5


def scan_piece_on_device(task: ScanTask, piece: Piece, progress: Progress | None = None) -> Scan:
    """Counts and lists of one shard; the scores of the targets are known.

    Arguments and errors are those of `clinometer.scanning.passes.scan_piece`.

    Raises:
        UsageError: The device has too little memory, or does not compute as it should.
    """
    options = task.settings.device
    assert options is not None  # noqa: S101 - else the core scans
    total = None
    try:
        with torch.inference_mode():
            device = _Device.of(options, task, piece)
            for at, source in _parts(task, piece):
                part = _PartPass(task, piece, at, source, device).scan(progress)
                total = part if total is None else add(total, part)
    except torch.OutOfMemoryError as error:
        raise UsageError(
            f"device {options.name!r} has too little memory for this scan ({first_line(error)}); set memory_budget, "
            "lower k, or scan fewer queries at a time"
        ) from None
    assert total is not None  # noqa: S101 - no piece is empty
    return total


@dataclass(frozen=True)
class _Device:
    """A device, where it has float64, and the queries on it: those with most targets first."""

    products: torch.device
    exact: torch.device
    precision: str
    order: NDArray[np.int64]
    queries: NDArray[Any]
    batches: list[Batch]
    longest: float
    documents: int

    @classmethod
    def of(cls, options: DeviceOptions, task: ScanTask, piece: Piece) -> _Device:
        products = torch.device(options.name)
        exact = exact_device(products)
        precision = options.precision or "float32"
        similarity, dimension = task.settings.options["similarity"], task.queries.shape[1]
        probe(dimension, precision, products, exact)
        targets = np.diff(task.indptr)
        order = np.argsort(-targets, kind="stable")
        queries = task.queries if np.array_equal(order, np.arange(len(order))) else task.queries[order]
        _refuse_queries(task, piece)
        size, documents = sizes(len(queries), dimension, _workspace(options, products))
        ready, lengths = prepared(torch.from_numpy(np.array(queries)).to(exact), similarity)
        batches = batches_of(
            ready, lengths, task.indptr[:-1][order], targets[order], similarity=similarity, precision=precision,
            device=products, size=size,
        )  # fmt: skip
        return cls(products, exact, precision, order, queries, batches, float(lengths.max()), documents)


class _PartPass:
    """One pass over consecutive rows of a shard: all of them, or some that were transformed."""

    def __init__(self, task: ScanTask, piece: Piece, at: int, source: Source, device: _Device) -> None:
        self._task, self._piece, self._at, self._source, self._device = task, piece, at, source, device
        span = slice(at, at + len(source))
        self._codes = piece.codes[span]
        first = piece.start + at
        self._places = np.arange(first, first + len(source)) if piece.places is None else (
            piece.places[span].astype(np.int64))  # fmt: skip
        self._core_options = {name: task.settings.options[name] for name in ("similarity", "isa")}

    def scan(self, progress: Progress | None) -> Scan:
        task, device, k = self._task, self._device, self._task.settings.options["k"]
        languages = len(task.settings.labels)
        settle = CanonicalScores(device.queries, self._source, self._core_options, device.exact)
        counting = Counting(task.scores, task.places, languages, device.exact)
        lists = languages if task.settings.options["per_language"] else 1
        places = torch.from_numpy(self._places).to(device.exact)
        listings = [Listing(batch, k, lists, places, settle) for batch in device.batches] if k else []
        with named_rows(self._piece, self._at):
            for block in self._blocks():
                for number, batch in enumerate(device.batches):
                    with undisturbed(device.products, device.precision):
                        product = multiplied(batch.side.rows, block.side.rows, device.precision)
                    bounds = batch.bounds(block, device.precision)
                    counting.add(batch, block, product, bounds, settle)
                    if listings:
                        listings[number].add(block, product, bounds)
                if progress is not None:
                    progress(self._at + int(block.documents.max()) + 1)
            greater, equal, before = counting.result()
            counts = task.counts(
                scores=task.scores, greater=greater, equal=equal, before=before,
                pool_sizes=np.bincount(self._codes, minlength=languages),
            )  # fmt: skip
            top = self._lists(listings, k, lists) if listings else None
        return Scan(counts, top, settle.pairs)

    def _blocks(self) -> Iterator[Block]:
        device, similarity = self._device, self._core_options["similarity"]
        for start in range(0, len(self._source), device.documents):
            stop = min(start + device.documents, len(self._source))
            ready, lengths = self._prepared(start, stop)
            yield block_of(
                ready, lengths, start, self._codes[start:stop], self._places[start:stop], similarity=similarity,
                precision=device.precision, device=device.products,
            )  # fmt: skip

    def _prepared(self, start: int, stop: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Prepared rows and their lengths; those that cannot be scored are refused."""
        ready, lengths = self._on_device(start, stop)
        if bool(self._unusable(lengths).any()):
            self._refuse(start)
        return ready, lengths

    def _on_device(self, start: int, stop: int) -> tuple[torch.Tensor, torch.Tensor]:
        source, exact = self._source, self._device.exact
        if isinstance(source, TensorRows):
            rows = source.tensor[start:stop].to(exact)
        else:
            rows = torch.from_numpy(np.require(source.block(start, stop), requirements=["C", "W"])).to(exact)
        return prepared(rows, self._core_options["similarity"])

    def _unusable(self, lengths: torch.Tensor) -> torch.Tensor:
        unusable = ~lengths.isfinite() | (lengths == 0)
        if self._core_options["similarity"] == "dot":
            unusable |= lengths * self._device.longest >= _TOO_LONG
        return unusable

    def _refuse(self, start: int) -> None:
        """Refuse the first rows from here on that cannot be scored, in the words of the core."""
        numbers: list[int] = []
        while start < len(self._source) and len(numbers) < _NAMED_ROWS:
            stop = min(start + self._device.documents, len(self._source))
            bad = self._unusable(self._on_device(start, stop)[1]).nonzero().squeeze(1)
            numbers += (start + bad).tolist()
            start = stop
        first = numbers[:_NAMED_ROWS]
        rows = self._source.take(np.array(first))
        with named_rows(self._piece, self._at, first):
            pairs = (np.zeros(len(first), np.uint32), np.arange(len(first), dtype=np.uint32))
            _core.score_pairs(self._task.queries, rows, *pairs, **self._core_options)

    def _lists(self, listings: list[Listing], k: int, lists: int) -> TopK:
        """The lists of all queries, in the order of the task."""
        task, order = self._task, self._device.order
        shape = (len(task.queries) * lists, k)
        numbers, scores = np.full(shape, -1, np.int64), np.full(shape, np.nan, np.float32)
        for listing, batch in zip(listings, self._device.batches, strict=True):
            within, documents, values = (column.cpu().numpy() for column in listing.result())
            depth = np.arange(len(within)) - np.searchsorted(within, within)
            row = order[batch.queries][within // lists] * lists + within % lists
            numbers[row, depth], scores[row, depth] = documents, values
        labels = task.settings.labels if task.settings.options["per_language"] else None
        empty = numbers < 0
        ids = np.where(empty, -1, numbers + self._piece.start + self._at)
        places = np.where(empty, -1, self._places[numbers])
        whole = (len(task.queries), k) if labels is None else (len(task.queries), lists, k)
        return TopK(ids.reshape(whole), scores.reshape(whole), places.reshape(whole), labels)


def _parts(task: ScanTask, piece: Piece) -> Iterator[tuple[int, Source]]:
    """The shard, read in blocks, or its transformed rows; each with the number of its first row."""
    if task.settings.transform is None:
        piece.source.check(checked=task.settings.checked)
        yield 0, spread(piece.source)
        return
    for at, rows in transformed_blocks(task.settings, task.settings.transform, piece):
        yield at, Held(rows)


def _workspace(options: DeviceOptions, device: torch.device) -> int:
    if options.workspace is not None:
        return options.workspace
    if device.type != "cuda":
        return _WORKSPACE
    return min(int(_SHARE * torch.cuda.mem_get_info(device)[0]), _MOST)


def _refuse_queries(task: ScanTask, piece: Piece) -> None:
    """Refuse queries that cannot be scored, in the words of the core, which looks at them first."""
    nothing = np.empty(0, np.uint32)
    document = np.ones((1, task.queries.shape[1]), np.float32)
    options = {name: task.settings.options[name] for name in ("similarity", "isa")}
    with named_rows(piece, 0):
        _core.score_pairs(task.queries, document, nothing, nothing, **options)
