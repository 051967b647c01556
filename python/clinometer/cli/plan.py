"""`clinometer plan`: what a large scan will take, from rates that are measured on this machine."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from clinometer.errors import UsageError
from clinometer.files import json_bytes

__all__ = ["plan"]


def plan(
    documents: Annotated[str, typer.Option(metavar="N", help="How many, such as 1e9.")],
    queries: Annotated[str, typer.Option(metavar="N", help="How many, such as 1e5.")],
    dimension: Annotated[int, typer.Option(metavar="N", min=1, help="Length of an embedding.")],
    dtype: Annotated[str, typer.Option(metavar="float32|float16", help="Stored data type.")] = "float16",
    languages: Annotated[int, typer.Option(metavar="N", min=1, help="Of the pool.")] = 1,
    relevant: Annotated[int, typer.Option(metavar="N", min=1, help="Relevant documents of a query.")] = 1,
    k: Annotated[int, typer.Option("-k", metavar="N", min=0, help="Length of the result lists.")] = 0,
    per_language: Annotated[bool, typer.Option("--per-language", help="Lists of each language.")] = False,
    workers: Annotated[int, typer.Option(metavar="N", min=1, help="That scan side by side.")] = 1,
    threads_per_worker: Annotated[int, typer.Option(metavar="N", min=1, help="Of each worker.")] = 1,
    shards: Annotated[int | None, typer.Option(metavar="N", min=1, help="Of the store; as encode cuts it.")] = None,
    memory_budget: Annotated[str | None, typer.Option(metavar="SIZE", help="Of a worker, such as 4GB.")] = None,
    read_rate: Annotated[
        str | None, typer.Option(metavar="SIZE", help="A second and worker, such as 200MB, instead of measuring.")
    ] = None,
    disk: Annotated[Path | None, typer.Option(metavar="DIR", help="Where reading is measured.")] = None,
    price_per_hour: Annotated[float | None, typer.Option(metavar="X", min=0, help="Of one worker.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Say how long a scan will take, how much memory and storage, and what it will cost."""
    from clinometer.scanning.arguments import bytes_of
    from clinometer.scanning.planning import Workload, measure_rates, predict

    budget = None if memory_budget is None else bytes_of(memory_budget)
    rate = None if read_rate is None else bytes_of(read_rate)
    work = Workload(
        documents=_whole("--documents", documents),
        queries=_whole("--queries", queries),
        dimension=dimension,
        dtype=dtype,
        languages=languages,
        relevant=relevant,
        k=k,
        per_language=per_language,
        workers=workers,
        threads=threads_per_worker,
        shards=shards,
    )
    rates = measure_rates(work, disk)
    if rate is not None:
        rates = msgspec.structs.replace(rates, read=float(rate))
    found = predict(work, rates, price_per_hour=price_per_hour, memory_budget=budget)
    assumptions = _assumptions(work, rates, rate is not None, found)
    if json:
        told = {"workload": work, "measured": rates, "forecast": found, "assumptions": assumptions}
        sys.stdout.write(json_bytes(msgspec.to_builtins(told)).decode())
        return
    spans = [_span(taken) for taken in (found.seconds, found.compute_seconds, found.read_seconds)]
    lines = {
        "time": f"{spans[0]} (computing {spans[1]}, reading {spans[2]})",
        "work": f"{found.shards:,} shards, {found.rounds:,} for the busiest of {workers:,} workers, "
        f"read {found.passes:,} times",
        "a worker": f"{_size(found.worker_bytes)} of memory beside mapped pages",
        "the driver": f"{_size(found.driver_bytes)} of memory",
        "storage": f"{_size(found.store_bytes)} of documents, {_size(found.part_bytes)} of finished shards",
        "worker hours": f"{found.worker_hours:,.2f}",
    }
    if found.cost is not None and found.cost_per_worker is not None:
        lines["cost"] = f"{found.cost_per_worker:,.2f} for a worker, {found.cost:,.2f} for all"
    text = [f"{name:<14}{value}" for name, value in lines.items()]
    sys.stdout.write("\n".join([*text, "", "Assumed:", *(f"- {line}" for line in assumptions)]) + "\n")


def _whole(option: str, text: str) -> int:
    try:
        value = float(text.replace(",", "").replace("_", ""))
    except ValueError:
        value = math.nan
    if not value >= 1 or value != int(value):
        raise UsageError(f"{option} is {text!r}, but must be a whole number of 1 or more, such as 1000 or 1e9")
    return int(value)


def _assumptions(work: object, rates: object, given: bool, found: object) -> list[str]:
    from clinometer.scanning.planning import Forecast, Rates, Workload

    assert isinstance(work, Workload)  # noqa: S101 - imported late, so that --help comes at once
    assert isinstance(rates, Rates)  # noqa: S101
    assert isinstance(found, Forecast)  # noqa: S101
    load = "" if rates.load is None else f", with a load of {rates.load:.1f} on {rates.cores} cores"
    told = [
        f"each worker scores {rates.pairs / 1e6:,.0f} million pairs a second with {work.threads} threads, each on a "
        f"core of its own, and starts a shard in {1e6 * rates.start:,.0f} microseconds a query: processor time of a "
        f"scan of {rates.probe_documents:,} random rows by {rates.probe_queries:,} queries in memory here{load}",
        f"each worker reads {rates.read / 1e6:,.0f} MB a second, whatever the others do: "
        + ("as given" if given else "measured here on one file that was written just before"),
        "reading goes on while a worker computes, so the slower of the two decides",
        f"{work.relevant} relevant documents a query in {work.languages} languages; random rows rarely tie",
        "starting the cluster, the first small round over relevant documents, and writing results are not counted",
    ]
    if found.shards < work.workers:
        told.append(f"there are {found.shards:,} shards, so {work.workers - found.shards:,} workers have nothing to do")
    return told


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
