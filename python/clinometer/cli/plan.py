"""`clinometer plan`: forecast of a large scan, from rates that are measured on this machine."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from clinometer.cli.expansion import OptionGroup, option
from clinometer.cli.option_groups import Json, Lists, MemoryBudget
from clinometer.errors import UsageError
from clinometer.files import json_bytes
from clinometer.numerals import read_number

if TYPE_CHECKING:
    from clinometer.scanning.planning import Forecast, Rates, Workload

__all__ = ["plan"]


@dataclass(frozen=True)
class _Size(OptionGroup):
    panel = "Size of the scan"

    documents: Annotated[str, option("N", "Number of documents, such as 1e9.")]
    queries: Annotated[str, option("N", "Number of queries, such as 1e5.")]
    dimension: Annotated[int, option("N", "Length of an embedding.", min=1)]
    dtype: Annotated[str, option("float32|float16", "Stored data type.")] = "float16"
    languages: Annotated[int, option("N", "Number of languages of the pool.", min=1)] = 1
    relevant: Annotated[int, option("N", "Number of relevant documents per query.", min=1)] = 1
    shards: Annotated[int | None, option("N", "Number of shards; by default that of clinometer encode.", min=1)] = None
    object_storage: Annotated[
        bool,
        option(None, "Shards in object storage, which workers fetch by blocks; give --read-rate.", "--object-storage"),
    ] = False


@dataclass(frozen=True)
class _Workers(OptionGroup):
    panel = "Workers"

    workers: Annotated[int, option("N", "Number of workers.", min=1)] = 1
    threads_per_worker: Annotated[int, option("N", "Number of threads of each worker.", min=1)] = 1
    memory_budget: MemoryBudget = None
    read_rate: Annotated[
        str | None, option("SIZE", "Bytes that a worker reads per second, such as 200MB; measured by default.")
    ] = None
    disk: Annotated[Path | None, option("DIR", "Folder for the measurement of reading.")] = None
    price_per_hour: Annotated[float | None, option("X", "Price of one worker.", min=0)] = None


def plan(size: _Size, lists: Lists, machines: _Workers, json: Json = False) -> None:
    """Forecast how long a scan takes, how much memory and storage, and what it costs.

    Example:
        clinometer plan --documents 1e9 --queries 1e5 \\
            --dimension 384
    """
    import msgspec

    from clinometer.scanning.arguments import bytes_of
    from clinometer.scanning.planning import Workload, measure_rates, predict

    budget = None if machines.memory_budget is None else bytes_of(machines.memory_budget)
    rate = None if machines.read_rate is None else bytes_of(machines.read_rate)
    if size.object_storage and rate is None:
        raise UsageError("--object-storage needs --read-rate, since the rate of this machine's disk says nothing of it")
    work = Workload(
        documents=_whole("--documents", size.documents),
        queries=_whole("--queries", size.queries),
        dimension=size.dimension,
        dtype=size.dtype,
        languages=size.languages,
        relevant=size.relevant,
        k=lists.k,
        per_language=lists.per_language,
        workers=machines.workers,
        threads=machines.threads_per_worker,
        shards=size.shards,
        remote=size.object_storage,
    )
    rates = measure_rates(work, machines.disk)
    if rate is not None:
        rates = msgspec.structs.replace(rates, read=float(rate))
    forecast = predict(work, rates, price_per_hour=machines.price_per_hour, memory_budget=budget)
    assumptions = _assumptions(work, rates, rate is not None, forecast)
    if json:
        record = {"workload": work, "measured": rates, "forecast": forecast, "assumptions": assumptions}
        sys.stdout.write(json_bytes(msgspec.to_builtins(record)).decode())
        return
    spans = [_span(seconds) for seconds in (forecast.seconds, forecast.compute_seconds, forecast.read_seconds)]
    lines = {
        "time": f"{spans[0]} (computing {spans[1]}, reading {spans[2]})",
        "work": f"{forecast.shards:,} shards, {forecast.rounds:,} for the busiest of {machines.workers:,} workers, "
        f"read {forecast.passes:,} times",
        "a worker": f"{_size(forecast.worker_bytes)} of memory besides mapped pages",
        "the driver": f"{_size(forecast.driver_bytes)} of memory",
        "the result": f"{_size(forecast.result_bytes)} of counts and lists, in the memory of the driver",
        "storage": f"{_size(forecast.store_bytes)} of documents, {_size(forecast.part_bytes)} of finished shards",
        "worker hours": f"{forecast.worker_hours:,.2f}",
    }
    if forecast.cost is not None and forecast.cost_per_worker is not None:
        lines["cost"] = f"{forecast.cost_per_worker:,.2f} for a worker, {forecast.cost:,.2f} for all"
    text = [f"{name:<14}{value}" for name, value in lines.items()]
    sys.stdout.write("\n".join([*text, "", "Assumed:", *(f"- {line}" for line in assumptions)]) + "\n")


def _whole(option: str, text: str) -> int:
    try:
        value = read_number(text.replace(",", ""))
    except ValueError:
        value = math.nan
    if not value >= 1 or value != int(value):
        raise UsageError(f"{option} is {text!r}, but must be a whole number of 1 or more, such as 1000 or 1e9")
    return int(value)


def _assumptions(work: Workload, rates: Rates, rate_is_set: bool, forecast: Forecast) -> list[str]:
    load = "" if rates.load is None else f", with a load of {rates.load:.1f} on {rates.cores} cores"
    assumptions = [
        f"each worker scores {rates.pairs / 1e6:,.0f} million pairs a second with {work.threads} threads, each on a "
        f"core of its own, and starts a shard in {1e6 * rates.start:,.0f} microseconds a query: processor time of a "
        f"scan of {rates.probe_documents:,} random rows by {rates.probe_queries:,} queries in memory on this "
        f"machine{load}",
        f"each worker reads {rates.read / 1e6:,.0f} MB a second, independently of the others: "
        + ("from --read-rate" if rate_is_set else "measured on this machine, on one file that was just written"),
        "a worker reads and computes at the same time, so the slower of the two decides",
        f"{work.relevant} relevant documents a query in {work.languages} languages; random rows rarely tie",
        "starting the cluster, the first small round over relevant documents, and writing results are not counted",
    ]
    if forecast.shards < work.workers:
        assumptions.append(
            f"there are {forecast.shards:,} shards, so {work.workers - forecast.shards:,} workers have nothing to do"
        )
    return assumptions


def _span(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.1f} s"
    if seconds < 7200:
        return f"{seconds / 60:.1f} min"
    return f"{seconds / 3600:,.1f} h"


def _size(count: int) -> str:
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if count < 1000 or unit == "TB":
            return f"{count:,.0f} {unit}" if unit == "B" else f"{count:,.1f} {unit}"
        count /= 1000  # type: ignore[assignment]
    raise AssertionError
