"""What a large scan will take: time, memory, storage and cost, from rates that are measured here and now.

The arithmetic is in `predict` and knows only its arguments; `measure_rates` is the only part that runs anything.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from clinometer.errors import UsageError
from clinometer.scanning.pool import bytes_needed
from clinometer.store.encoding import default_shard_rows

__all__ = ["Forecast", "Rates", "Workload", "measure_rates", "predict"]

_MOST_QUERIES = 1000
_FEW, _MANY = 20_000, 80_000
_READ = 128 << 20
_REPEATS = 3
# A line of a shard's ids: id, language and group with their names.
_LINE = 56
# A row of a shard while ids are looked up: a string and its object.
_LOOKED_UP = 150
# Python with NumPy and the core.
_PROCESS = 90_000_000


class Workload(msgspec.Struct, frozen=True, kw_only=True):
    """A scan that is to be planned.

    Args:
        documents: How many.
        queries: How many.
        dimension: Length of an embedding.
        dtype: Stored data type.
        languages: Of the pool.
        relevant: Documents for each query.
        k: Length of the result lists, 0 for none.
        per_language: Whether there is one for each language.
        workers: That scan side by side.
        threads: Of each worker.
        shards: How many; as `clinometer encode` would cut them by default.

    Raises:
        UsageError: A number cannot be.
    """

    documents: int
    queries: int
    dimension: int
    dtype: str = "float16"
    languages: int = 1
    relevant: int = 1
    k: int = 0
    per_language: bool = False
    workers: int = 1
    threads: int = 1
    shards: int | None = None

    def __post_init__(self) -> None:
        for name in ("documents", "queries", "dimension", "languages", "relevant", "workers", "threads"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} is {getattr(self, name)}, but must be 1 or more")
        if self.k < 0 or (self.shards is not None and self.shards < 1):
            raise UsageError("k cannot be negative, and there is at least one shard")
        # Codes are decoded shard by shard, which is not measured.
        if self.dtype not in ("float32", "float16"):
            raise UsageError(f"dtype is {self.dtype!r}, but must be float32 or float16")

    @property
    def row_bytes(self) -> int:
        """Of one stored embedding."""
        return self.dimension * np.dtype(self.dtype).itemsize

    @property
    def shard_count(self) -> int:
        """How many shards there are."""
        return self.shards or -(-self.documents // default_shard_rows(self.documents))


class Rates(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured.

    Args:
        pairs: Scores of a query and a document, per second and worker that has its cores to itself, once a shard is
            under way.
        start: Seconds that each shard takes for each query besides: packing the queries, filling the lists.
        read: Bytes per second from the disk, of one worker.
        probe_documents: Of the short scan.
        probe_queries: Of the short scan.
        cores: Of this machine.
        load: How many processes wanted a core while it was measured, None where the system does not tell.
    """

    pairs: float
    start: float = 0.0
    read: float
    probe_documents: int
    probe_queries: int
    cores: int
    load: float | None


class Forecast(msgspec.Struct, frozen=True, kw_only=True):
    """What it will take.

    Args:
        shards: How many there are.
        rounds: Shards that the busiest worker scans.
        seconds: Until all is counted.
        compute_seconds: Of the busiest worker, for scores.
        read_seconds: Of the busiest worker, for reading; done while it computes.
        passes: How often each shard is read; more than one under a memory budget.
        worker_bytes: Memory of a worker beside mapped pages.
        driver_bytes: Memory of the process that starts the scan and gets the result.
        store_bytes: Of the stored documents, ids included.
        part_bytes: Of the finished shards that are kept until the scan ends.
        worker_hours: Of all workers together.
        cost_per_worker: In the currency of the price; None without one.
        cost: Of all workers; None without a price.
    """

    shards: int
    rounds: int
    seconds: float
    compute_seconds: float
    read_seconds: float
    passes: int
    worker_bytes: int
    driver_bytes: int
    store_bytes: int
    part_bytes: int
    worker_hours: float
    cost_per_worker: float | None
    cost: float | None


def predict(
    work: Workload, rates: Rates, *, price_per_hour: float | None = None, memory_budget: int | None = None
) -> Forecast:
    """Arithmetic on a workload and rates.

    With n documents in s shards, q queries, w workers, p pairs per second and t seconds for a query to start with a
    shard, the busiest worker scans `ceil(s / w)` shards: `compute = ceil(s / w) q (n / (s p) + t)`, and reads their
    bytes once for each pass. Reading goes on while it computes, so the time is the greater of the two.

    Args:
        work: What is to be scanned.
        rates: What was measured.
        price_per_hour: Of one worker.
        memory_budget: Bytes of one worker beside mapped pages; where it does not suffice, shards are read several
            times.

    Raises:
        UsageError: The budget does not suffice for one query.

    Example:
        >>> rates = Rates(pairs=1e9, read=1e9, probe_documents=1, probe_queries=1, cores=1, load=None)
        >>> found = predict(Workload(documents=10_000_000, queries=1000, dimension=384, shards=40), rates)
        >>> found.seconds, found.read_seconds, found.store_bytes
        (10.0, 7.68, 8240000000)
    """
    shards, rounds = work.shard_count, -(-work.shard_count // work.workers)
    documents = rounds * work.documents / shards
    block, each = bytes_needed(
        work.dimension, work.languages, work.relevant, threads=work.threads, k=work.k, per_language=work.per_language
    )
    at_once = work.queries
    if memory_budget is not None:
        at_once = min(work.queries, max(0, memory_budget - block) // each)
        if at_once < 1:
            raise UsageError(f"the memory budget does not suffice: one query needs {(block + each) / 1e6:.1f} MB")
    passes = -(-work.queries // at_once)
    compute = documents * work.queries / rates.pairs + rounds * work.queries * rates.start
    reading = passes * documents * work.row_bytes / rates.read
    seconds = max(compute, reading)
    lists = (work.languages if work.per_language else 1) * work.k
    result = work.queries * (12 * work.relevant * work.languages + 28 * work.relevant + 20 * lists)
    hours = seconds / 3600 * work.workers
    looked_up = _LOOKED_UP * work.documents // shards
    return Forecast(
        shards=shards,
        rounds=rounds,
        seconds=seconds,
        compute_seconds=compute,
        read_seconds=reading,
        passes=passes,
        # A result and the one that it is merged with.
        worker_bytes=_PROCESS + block + each * at_once + 2 * result // passes,
        driver_bytes=_PROCESS + 3 * result + 4 * work.queries * work.dimension + 2 * work.documents + looked_up,
        store_bytes=work.documents * (work.row_bytes + _LINE),
        part_bytes=shards * result,
        worker_hours=hours,
        cost_per_worker=None if price_per_hour is None else price_per_hour * seconds / 3600,
        cost=None if price_per_hour is None else price_per_hour * hours,
    )


def measure_rates(work: Workload, folder: str | os.PathLike[str] | None = None) -> Rates:
    """A short scan of random rows of this shape in memory, and a file that is written, dropped and read again.

    Args:
        work: Gives dimension, data type, languages, lists and threads.
        folder: Where the file is written; the place for temporary files by default.
    """
    queries = min(work.queries, _MOST_QUERIES)
    # Of long rows fewer: the probe is to stay small.
    scale = min(1.0, 512 / work.dimension)
    few, many = int(_FEW * scale) + work.relevant, int(_MANY * scale) + work.relevant
    short, long = (_seconds(work, documents, queries) for documents in (few, many))
    pairs = (many - few) * queries / max(long - short, 1e-9)
    return Rates(
        pairs=pairs,
        start=max(0.0, short / queries - few / pairs),
        read=_bytes_per_second(folder),
        probe_documents=many,
        probe_queries=queries,
        cores=os.cpu_count() or 1,
        load=os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
    )


def _seconds(work: Workload, documents: int, queries: int) -> float:
    """Of one scan, if every thread had a core to itself: processor time, which other processes hardly change."""
    from clinometer.scanning.scan import scan

    draw = np.random.default_rng(0)
    rows = draw.standard_normal((documents, work.dimension), dtype=np.float32).astype(work.dtype)
    asked = draw.standard_normal((queries, work.dimension), dtype=np.float32)
    targets = draw.integers(0, documents - work.relevant + 1, queries)[:, None] + np.arange(work.relevant)
    relevant = np.arange(queries + 1) * work.relevant, targets.ravel()
    how: dict[str, Any] = {"k": work.k, "per_language": work.per_language, "threads": work.threads}
    languages = np.arange(documents) % work.languages
    taken = []
    for _ in range(_REPEATS):
        start = time.process_time()
        scan(asked, rows, relevant, languages, **how)
        taken.append(time.process_time() - start)
    return float(min(taken)) / work.threads


def _bytes_per_second(folder: str | os.PathLike[str] | None) -> float:
    with tempfile.TemporaryDirectory(dir=folder) as place:
        path = Path(place) / "probe"
        data = np.random.default_rng(0).bytes(1 << 20)
        with path.open("wb") as file:
            for _ in range(_READ >> 20):
                file.write(data)
            file.flush()
            os.fsync(file.fileno())
            if hasattr(os, "posix_fadvise"):
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        start = time.perf_counter()
        with path.open("rb", buffering=0) as file:
            while file.read(1 << 22):
                pass
        return _READ / (time.perf_counter() - start)
