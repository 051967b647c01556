"""Forecast of a large scan: time, memory, storage and cost, from rates measured on this machine.

`predict` is pure arithmetic on its arguments; `measure_rates` is the only part that runs anything.
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
from clinometer.scanning.batches import result_bytes
from clinometer.scanning.pool import bytes_needed
from clinometer.scanning.sources import remote_block_bytes
from clinometer.store.encoding import default_shard_rows

__all__ = ["Forecast", "Rates", "Workload", "measure_rates", "predict"]

_MOST_QUERIES = 1000
_FEW, _MANY = 20_000, 80_000
_READ = 128 << 20
_REPEATS = 3
# Bytes of a line of a shard's ids: id, language and group with their names.
_LINE = 56
# Bytes per row of a shard while ids are looked up: a string and its object.
_LOOKED_UP = 150
# Bytes of Python with NumPy and the core.
_PROCESS = 90_000_000


class Workload(msgspec.Struct, frozen=True, kw_only=True):
    """A scan to plan.

    Args:
        documents: Number of documents.
        queries: Number of queries.
        dimension: Length of an embedding.
        dtype: Stored data type.
        languages: Number of languages of the pool.
        relevant: Number of relevant documents per query.
        k: Length of the result lists, 0 for none.
        per_language: Whether there is a list per language.
        workers: Number of workers that scan in parallel.
        threads: Number of threads per worker.
        shards: Number of shards; by default, as `clinometer encode` would split the documents.
        remote: Whether the shards are in object storage, from which workers fetch them by blocks.

    Raises:
        UsageError: A number is out of range.
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
    remote: bool = False

    def __post_init__(self) -> None:
        for name in ("documents", "queries", "dimension", "languages", "relevant", "workers", "threads"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} is {getattr(self, name)}, but must be 1 or more")
        if self.k < 0 or (self.shards is not None and self.shards < 1):
            raise UsageError("k must be 0 or more, and shards 1 or more")
        # Decoding int16 codes takes time that is not measured.
        if self.dtype not in ("float32", "float16"):
            raise UsageError(f"dtype is {self.dtype!r}, but must be float32 or float16")

    @property
    def row_bytes(self) -> int:
        """Bytes of one stored embedding."""
        return self.dimension * np.dtype(self.dtype).itemsize

    @property
    def shard_count(self) -> int:
        """Number of shards."""
        return self.shards or -(-self.documents // default_shard_rows(self.documents))


class Rates(msgspec.Struct, frozen=True, kw_only=True):
    """Measured rates.

    Args:
        pairs: Scores of a query and a document per second, for a worker with cores of its own, after a shard's start.
        start: Additional seconds per shard and query: packing the queries, filling the lists.
        read: Bytes per second from the disk, for one worker.
        probe_documents: Number of documents of the short scan.
        probe_queries: Number of queries of the short scan.
        cores: Number of cores of this machine.
        load: Number of processes that needed a core during the measurement, None if the system does not report it.
    """

    pairs: float
    start: float = 0.0
    read: float
    probe_documents: int
    probe_queries: int
    cores: int
    load: float | None


class Forecast(msgspec.Struct, frozen=True, kw_only=True):
    """Forecast of a scan.

    Args:
        shards: Number of shards.
        rounds: Number of shards that the busiest worker scans.
        seconds: Duration of the scan.
        compute_seconds: Seconds of the busiest worker for scores.
        read_seconds: Seconds of the busiest worker for reading, which overlaps with computing.
        passes: Passes over each shard; more than one under a memory budget.
        result_bytes: Bytes of the result: counts of every relevant document in every language, and lists.
        worker_bytes: Memory of a worker, without mapped pages. A single worker is the process that starts the scan.
        driver_bytes: Memory of the process that starts the scan and receives the result.
        store_bytes: Bytes of the stored documents, ids included.
        part_bytes: Bytes of the results of finished shards, kept until the scan ends.
        worker_hours: Hours of all workers together.
        cost_per_worker: Cost of one worker, in the currency of the price; None without a price.
        cost: Cost of all workers; None without a price.
    """

    shards: int
    rounds: int
    seconds: float
    compute_seconds: float
    read_seconds: float
    passes: int
    result_bytes: int
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
    """The forecast for a workload at measured rates.

    With n documents in s shards, q queries, w workers, p pairs per second and t seconds to start a query on a
    shard, the busiest worker scans `ceil(s / w)` shards: `compute = ceil(s / w) q (n / (s p) + t)`, and reads their
    bytes once per pass. Reading overlaps with computing, so the time is the greater of the two.

    Args:
        work: The scan to plan.
        rates: Measured rates.
        price_per_hour: Price of one worker.
        memory_budget: Bytes of one worker, without mapped pages; if it is too small for all queries, shards are read
            several times.

    Raises:
        UsageError: The budget is too small for one query.

    Example:
        >>> rates = Rates(pairs=1e9, read=1e9, probe_documents=1, probe_queries=1, cores=1, load=None)
        >>> forecast = predict(Workload(documents=10_000_000, queries=1000, dimension=384, shards=40), rates)
        >>> forecast.seconds, forecast.read_seconds, forecast.store_bytes
        (10.0, 7.68, 8240000000)
    """
    shards, rounds = work.shard_count, -(-work.shard_count // work.workers)
    documents = rounds * work.documents / shards
    shard_rows = -(-work.documents // shards)
    fixed_bytes, bytes_per_query = bytes_needed(
        work.dimension,
        work.languages,
        work.relevant,
        threads=work.threads,
        k=work.k,
        per_language=work.per_language,
        fetched=remote_block_bytes(shard_rows, work.row_bytes) if work.remote else 0,
    )
    lists = (work.languages if work.per_language else 1) * work.k
    result = result_bytes(work.queries, work.queries * work.relevant, work.languages, lists)
    # A single worker also holds the result of all queries.
    kept = result if work.workers == 1 else 0
    queries_at_once = work.queries
    if memory_budget is not None:
        queries_at_once = min(work.queries, max(0, memory_budget - kept - fixed_bytes) // bytes_per_query)
        if queries_at_once < 1:
            raise UsageError(
                f"the memory budget is too small: one query needs {(fixed_bytes + bytes_per_query) / 1e6:.1f} MB"
                + (f", and the result of all {kept / 1e6:,.1f} MB" if kept else "")
            )
    passes = -(-work.queries // queries_at_once)
    compute = documents * work.queries / rates.pairs + rounds * work.queries * rates.start
    reading = passes * documents * work.row_bytes / rates.read
    seconds = max(compute, reading)
    hours = seconds / 3600 * work.workers
    lookup_bytes = _LOOKED_UP * work.documents // shards
    scanning = fixed_bytes + bytes_per_query * queries_at_once
    # Results of a pass are merged in pairs.
    merging = 2 * result // passes
    driver = result + merging + 4 * work.queries * work.dimension + 2 * work.documents + lookup_bytes
    return Forecast(
        shards=shards,
        rounds=rounds,
        seconds=seconds,
        compute_seconds=compute,
        read_seconds=reading,
        passes=passes,
        result_bytes=result,
        worker_bytes=_PROCESS + scanning + (driver if work.workers == 1 else merging + 2 * shard_rows),
        driver_bytes=_PROCESS + driver + (scanning if work.workers == 1 else 0),
        store_bytes=work.documents * (work.row_bytes + _LINE),
        part_bytes=shards * result,
        worker_hours=hours,
        cost_per_worker=None if price_per_hour is None else price_per_hour * seconds / 3600,
        cost=None if price_per_hour is None else price_per_hour * hours,
    )


def measure_rates(work: Workload, folder: str | os.PathLike[str] | None = None) -> Rates:
    """Rates from a short scan of random rows in memory, and from a file that is written, dropped from cache and read.

    Args:
        work: Workload with dimension, data type, languages, lists and threads.
        folder: Folder for the file; the system's temporary folder by default.
    """
    queries = min(work.queries, _MOST_QUERIES)
    # Fewer rows when they are long, to keep the probe small.
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
    """Seconds of one scan if every thread has its own core: processor time, which other processes hardly affect."""
    from clinometer.scanning.scan import scan

    draw = np.random.default_rng(0)
    rows = draw.standard_normal((documents, work.dimension), dtype=np.float32).astype(work.dtype)
    query_rows = draw.standard_normal((queries, work.dimension), dtype=np.float32)
    targets = draw.integers(0, documents - work.relevant + 1, queries)[:, None] + np.arange(work.relevant)
    relevant = np.arange(queries + 1) * work.relevant, targets.ravel()
    options: dict[str, Any] = {"k": work.k, "per_language": work.per_language, "threads": work.threads}
    languages = np.arange(documents) % work.languages
    durations = []
    for _ in range(_REPEATS):
        start = time.process_time()
        scan(query_rows, rows, relevant, languages, **options)
        durations.append(time.process_time() - start)
    return float(min(durations)) / work.threads


def _bytes_per_second(folder: str | os.PathLike[str] | None) -> float:
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        path = Path(temporary) / "probe"
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
