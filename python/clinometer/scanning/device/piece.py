"""Passes over shards on a device; the counterpart of `clinometer.scanning.passes.scan_piece`, with its bits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from clinometer import _core
from clinometer.errors import UsageError, first_line
from clinometer.scanning.counts import TopK
from clinometer.scanning.device.arithmetic import multiplied, probe, undisturbed
from clinometer.scanning.device.blocks import Batch, batches_of, block_of, sizes
from clinometer.scanning.device.canonical import CanonicalScores
from clinometer.scanning.device.counting import Counting
from clinometer.scanning.device.lists import Listing
from clinometer.scanning.device.options import DeviceOptions
from clinometer.scanning.device.prepare import exact_device, prepared
from clinometer.scanning.device.tensors import TensorRows
from clinometer.scanning.device.trial import Trial, precisions_of
from clinometer.scanning.passes import Piece, Progress, Scan, ScanTask, add, named_rows, transformed_blocks
from clinometer.scanning.sources import Held, Source, spread

__all__ = ["DevicePass"]

# Bytes of the workspace if nobody says: of the processor, and of the free memory of a GPU.
_WORKSPACE, _SHARE, _MOST = 1 << 28, 0.5, 1 << 33
# Half of the largest float32: no sum of a dot product may come near to it (`overflows_with` in rust/matrix.rs).
_TOO_LONG = float(np.finfo(np.float32).max) / 2
_NAMED_ROWS = 5
# Where chains are worked out on the device; a processor has the core for that.
_CHAINING = ("cuda",)


class DevicePass:
    """Passes over the shards of a pool for the queries of a task, which stay on the device.

    Args:
        task: The queries and their targets, whose scores are known.
    """

    def __init__(self, task: ScanTask) -> None:
        self._task = task
        self._queries: _Queries | None = None

    def __call__(self, piece: Piece, progress: Progress | None = None) -> Scan:
        """Counts and lists of one shard; arguments and errors are those of `clinometer.scanning.passes.scan_piece`.

        Raises:
            UsageError: The device has too little memory, or does not compute as it should.
        """
        options = self._task.settings.device
        assert options is not None  # noqa: S101 - else the core scans
        total = None
        try:
            with torch.inference_mode(), torch.autocast(torch.device(options.name).type, enabled=False):
                if self._queries is None:
                    _refuse_queries(self._task, piece)
                    self._queries = _Queries(options, self._task)
                for at, source in _parts(self._task, piece):
                    part = _PartPass(self._task, piece, at, source, self._queries).scan(progress)
                    total = part if total is None else add(total, part)
        except torch.OutOfMemoryError as error:
            raise UsageError(
                f"device {options.name!r} has too little memory for this scan ({first_line(error)}); set "
                "memory_budget, lower k, or scan fewer queries at a time"
            ) from None
        assert total is not None  # noqa: S101 - no piece is empty
        return total


class _Queries:
    """The queries of a task on a device, those with most targets first, and all that depends on them only."""

    def __init__(self, options: DeviceOptions, task: ScanTask) -> None:
        self.device = torch.device(options.name)
        self.exact = exact_device(self.device)
        similarity, dimension = task.settings.options["similarity"], task.queries.shape[1]
        precisions = precisions_of(self.device) if options.precision is None else [options.precision]
        for precision in precisions:
            probe(dimension, precision, self.device, self.exact)
        self.trial = Trial(precisions, self.device)
        targets = np.diff(task.indptr)
        self.order = np.argsort(-targets, kind="stable")
        in_order = bool((self.order[1:] > self.order[:-1]).all())
        self.rows = task.queries if in_order else task.queries[self.order]
        workspace = _workspace(options, self.device)
        self.chain_bytes = workspace // 4 if self.exact.type in _CHAINING else 0
        size, self.documents = sizes(len(targets), dimension, workspace - self.chain_bytes)
        self.ready, lengths = prepared(_tensor(self.rows).to(self.exact), similarity)
        self.longest = float(lengths.max())

        @cache
        def batches(precision: str) -> list[Batch]:
            return batches_of(
                self.ready, lengths, task.indptr[:-1][self.order], targets[self.order], similarity=similarity,
                precision=precision, device=self.device, size=size,
            )  # fmt: skip

        self.batches: Callable[[str], list[Batch]] = batches
        self.first_batches = batches(precisions[0])


class _PartPass:
    """One pass over consecutive rows of a shard: all of them, or some that were transformed."""

    def __init__(self, task: ScanTask, piece: Piece, at: int, source: Source, queries: _Queries) -> None:
        self._task, self._piece, self._at, self._source, self._queries = task, piece, at, source, queries
        span, first = slice(at, at + len(source)), piece.start + at
        self._codes = piece.codes[span]
        self._places = np.arange(first, first + len(source))
        if piece.places is not None:
            self._places = piece.places[span].astype(np.int64)
        self._core_options = task.settings.pair_options

    def scan(self, progress: Progress | None) -> Scan:
        task, queries, options = self._task, self._queries, self._task.settings.options
        k, languages = options["k"], len(task.settings.labels)
        canonical = CanonicalScores(queries.rows, queries.ready, self._source, task.settings, queries.chain_bytes)
        counting = Counting(task.known_scores, task.places, languages, queries.exact)
        lists = languages if options["per_language"] else 1
        places = torch.from_numpy(self._places).to(queries.exact)
        listings = [Listing(batch, k, lists, places, canonical) for batch in queries.first_batches] if k else []
        with named_rows(self._piece, self._at):
            for start in range(0, len(self._source), queries.documents):
                stop = min(start + queries.documents, len(self._source))
                with queries.trial.block(stop - start) as precision:
                    self._block(start, stop, precision, counting, listings, canonical)
                if progress is not None:
                    progress(self._at + stop)
            greater, equal, before = counting.result()
            counts = task.counts(
                scores=task.known_scores, greater=greater, equal=equal, before=before,
                pool_sizes=np.bincount(self._codes, minlength=languages),
            )  # fmt: skip
            return Scan(counts, self._lists(listings, k, lists) if listings else None, canonical.pairs)

    def _block(
        self,
        start: int,
        stop: int,
        precision: str,
        counting: Counting,
        listings: list[Listing],
        canonical: CanonicalScores,
    ) -> None:
        """Count and list the documents of one block."""
        queries = self._queries
        ready, lengths = self._prepared(start, stop)
        if bool(self._unusable(lengths).any()):
            self._refuse(start)
        block = block_of(
            ready, lengths, start, self._codes[start:stop], self._places[start:stop],
            similarity=self._core_options["similarity"], precision=precision, device=queries.device,
        )  # fmt: skip
        for number, batch in enumerate(queries.batches(precision)):
            with undisturbed(queries.device, precision):
                product = multiplied(batch.side.rows, block.side.rows, precision)
            bounds = batch.bounds(block, precision)
            counting.add(batch, block, product, bounds, canonical)
            if listings:
                listings[number].add(block, product, bounds)

    def _prepared(self, start: int, stop: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Prepared rows and their lengths."""
        source, exact = self._source, self._queries.exact
        rows = source.tensor[start:stop] if isinstance(source, TensorRows) else _tensor(source.block(start, stop))
        return prepared(rows.to(exact), self._core_options["similarity"])

    def _unusable(self, lengths: torch.Tensor) -> torch.Tensor:
        unusable = ~lengths.isfinite() | (lengths == 0)
        if self._core_options["similarity"] == "dot":
            unusable |= lengths * self._queries.longest >= _TOO_LONG
        return unusable

    def _refuse(self, start: int) -> None:
        """Refuse the first rows from here on that cannot be scored, in the words of the core."""
        numbers: list[int] = []
        while start < len(self._source) and len(numbers) < _NAMED_ROWS:
            stop = min(start + self._queries.documents, len(self._source))
            bad = self._unusable(self._prepared(start, stop)[1]).nonzero().squeeze(1)
            numbers += (start + bad).tolist()
            start = stop
        first = numbers[:_NAMED_ROWS]
        rows = self._source.take(np.array(first))
        with named_rows(self._piece, self._at, first):
            pairs = (np.zeros(len(first), np.uint32), np.arange(len(first), dtype=np.uint32))
            _core.score_pairs(self._task.queries, rows, *pairs, **self._core_options)

    def _lists(self, listings: list[Listing], k: int, lists: int) -> TopK:
        """The lists of all queries, in the order of the task."""
        task, queries = self._task, self._queries
        shape = (len(task.queries) * lists, k)
        numbers, scores = np.full(shape, -1, np.int64), np.full(shape, np.nan, np.float32)
        for listing, batch in zip(listings, queries.first_batches, strict=True):
            within, documents, values = (column.cpu().numpy() for column in listing.result())
            depth = np.arange(len(within)) - np.searchsorted(within, within)
            row = queries.order[batch.queries][within // lists] * lists + within % lists
            numbers[row, depth], scores[row, depth] = documents, values
        labels = task.settings.labels if task.settings.options["per_language"] else None
        empty = numbers < 0
        ids = np.where(empty, -1, numbers + self._piece.start + self._at)
        places = np.where(empty, -1, self._places[numbers])
        whole = (len(task.queries), k) if labels is None else (len(task.queries), lists, k)
        return TopK(ids.reshape(whole), scores.reshape(whole), places.reshape(whole), labels)


def _tensor(rows: NDArray[Any]) -> torch.Tensor:
    """Rows as a tensor, which wants memory that may be written to."""
    return torch.from_numpy(np.require(rows, requirements=["C", "W"]))


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
    with named_rows(piece, 0):
        _core.score_pairs(task.queries, document, nothing, nothing, **task.settings.pair_options)
