"""A contender in a process of its own, with its number of threads fixed from the start.

Reads commands from standard input, one per line, and answers each with one line of JSON: `run` (once, for the answer
and the peak of memory), `time SECONDS` (the mean of as many runs as fill this time, at least one).
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from contenders import Ready, UnavailableError
from experiments import EXPERIMENTS
from machine import probe_peak
from workloads import Workload

__all__ = ["PeakMemory", "main"]


class PeakMemory:
    """Largest growth of the process, in bytes, beyond what it held when this object was made."""

    def __init__(self) -> None:
        self.resettable = True
        try:
            Path("/proc/self/clear_refs").write_text("5")  # Linux: the peak starts anew from what is held now
        except OSError:
            self.resettable = False
        self.before = self._peak()

    def growth(self) -> int:
        return self._peak() - self.before

    @staticmethod
    def _peak() -> int:
        if Path("/proc/self/status").exists():
            lines = Path("/proc/self/status").read_text().splitlines()
            return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def prepare(order: dict[str, Any]) -> tuple[Ready, Workload]:
    experiment = next(found for found in EXPERIMENTS if found.name == order["experiment"])
    contender = experiment.contenders[order["contender"]]
    work = Workload(Path(order["workload"]))
    return contender.make(work, order["threads"], **order["options"]), work


def once(ready: Ready, work: Workload, answer: Path) -> dict[str, Any]:
    work.touch()
    memory = PeakMemory()
    start, cpu = time.perf_counter(), time.process_time()
    found = ready.run()
    wall, cpu = time.perf_counter() - start, time.process_time() - cpu
    growth = memory.growth()
    np.savez(answer, **found)
    return {"wall": wall / ready.share, "cpu": cpu / ready.share, "memory": growth, "share": ready.share}


def timed(ready: Ready, seconds: float) -> dict[str, float]:
    runs, start, cpu = 0, time.perf_counter(), time.process_time()
    while runs == 0 or time.perf_counter() - start < seconds:
        ready.run()
        runs += 1
    wall, cpu = time.perf_counter() - start, time.process_time() - cpu
    return {"wall": wall / runs / ready.share, "cpu": cpu / runs / ready.share}


def main() -> None:
    # Libraries may print; only answers go to the caller.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def tell(answer: dict[str, Any]) -> None:
        print(json.dumps(answer), file=answers, flush=True)

    order = json.loads(sys.argv[1])
    if order["experiment"] == "peak":
        tell({"ready": True})
        for _ in sys.stdin:
            tell({"peak": probe_peak(order["threads"])})
        return
    try:
        ready, work = prepare(order)
    except (ImportError, UnavailableError) as error:
        tell({"skipped": str(error)})
        return
    tell({"ready": True})
    for line in sys.stdin:
        command, *rest = line.split(maxsplit=1)
        tell(once(ready, work, Path(rest[0].strip())) if command == "run" else timed(ready, float(rest[0])))


if __name__ == "__main__":
    main()
