"""Measure clinometer next to the tools in use today, and write the tables of benches/README.md: `make bench`.

Contenders live in processes of their own and take turns round by round, so that other load on the machine shows in all
of them; what is reported is the median over rounds of ratios within a round. Before anything is timed, every contender
gives its answer once, and the answers are compared.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from agreement import compare
from contenders import KERNEL_VARIABLE
from experiments import EXPERIMENTS, Experiment
from machine import TRUE_PEAK, describe, peak_method
from rendering import render, render_table
from workloads import make

__all__ = ["main", "measure"]

RESULTS = ("results.json", "results-avx2.json")
OTHER_MACHINE = ("results-other-machine.json", "results-other-machine-avx2.json")
HERE = Path(__file__).resolve().parent
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
PAUSE = 0.1  # seconds in which the threads of the last contender come to rest
BUSY = 0.5  # load above which other programs disturb
FILL = 0.2  # seconds of quick runs that one measurement averages


class Worker:
    """A contender's process."""

    def __init__(self, order: Mapping[str, Any]) -> None:
        # The probe of the peak starts its threads itself.
        threads = "1" if order["experiment"] == "peak" else str(order["threads"])
        surroundings = {**os.environ, **dict.fromkeys(THREAD_VARIABLES, threads)}
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", str(HERE / "worker.py"), json.dumps(order)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=surroundings,
            text=True,
        )

    def hear(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"a contender ended with status {self._process.wait()}; its error is above")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def ask(self, command: str) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(command + "\n")
        self._process.stdin.flush()
        return self.hear()

    def end(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()


@contextmanager
def workers(orders: Sequence[Mapping[str, Any]]) -> Iterator[list[Worker]]:
    with ExitStack() as stack:
        started = []
        for order in orders:
            started.append(Worker(order))
            stack.callback(started[-1].end)
        yield started


def avx2_only() -> dict[str, str]:
    """Environment in which no contender uses AVX-512, so that a newer machine shows the figures of older ones."""
    from numpy._core._multiarray_umath import __cpu_dispatch__ as dispatched

    return {
        KERNEL_VARIABLE: "avx2",
        "OPENBLAS_CORETYPE": "Haswell",
        "FAISS_SIMD_LEVEL": "AVX2",
        "ATEN_CPU_CAPABILITY": "avx2",
        "MKL_ENABLE_INSTRUCTIONS": "AVX2",
        "NPY_DISABLE_CPU_FEATURES": " ".join(
            name for name in dispatched if name == "X86_V4" or name.startswith("AVX512")
        ),
    }


def measure(experiment: Experiment, threads: int, scratch: Path, quick: bool, rounds: int | None) -> dict[str, Any]:
    """All contenders of an experiment with this number of threads, as written to results.json."""
    numbers = dict(experiment.quick if quick else experiment.numbers)
    work = make(experiment.kind, scratch, **numbers)
    if rounds is None or not experiment.rounds:
        rounds = experiment.rounds_with(threads, quick)
    orders = [
        {
            "experiment": experiment.name,
            "contender": number,
            "threads": threads,
            "workload": str(work.folder),
            "options": experiment.options(number, quick),
        }
        for number in range(len(experiment.contenders))
    ]
    lines: list[dict[str, Any]] = []
    peaks: list[float] = []
    with workers([*orders, {"experiment": "peak", "threads": threads}]) as (*players, probe):
        for contender, player in zip(experiment.contenders, players, strict=True):
            lines.append({"title": contender.title, "wall": [], "cpu": [], **player.hear()})
        probe.hear()
        playing = [number for number, line in enumerate(lines) if line.pop("ready", False)]
        if 0 not in playing:
            raise SystemExit(f"{experiment.name}: {lines[0]['skipped']}")
        with tempfile.TemporaryDirectory() as answers:
            for number in playing:
                time.sleep(PAUSE)
                lines[number]["first"] = players[number].ask(f"run {answers}/{number}.npz")
                exact = experiment.contenders[number].exact
                lines[number]["agreement"] = compare(
                    Path(answers, "0.npz"), Path(answers, f"{number}.npz"), exact, lines[number]["title"]
                )
        for turn in range(rounds):
            peaks.append(probe.ask("peak")["peak"])
            # Whoever begins changes from round to round; the ratio is to ours of the same round.
            order = [*playing[turn % len(playing) :], *playing[: turn % len(playing)]]
            for number in order:
                if turn < experiment.contenders[number].rounds:
                    time.sleep(PAUSE)
                    found = players[number].ask(f"time {0.02 if quick else FILL}")
                    lines[number]["wall"].append(found["wall"])
                    lines[number]["cpu"].append(found["cpu"])
    operations = experiment.operations(quick)
    beside = "of peak" if peak_method() == TRUE_PEAK else "of sgemm"
    return {
        "threads": threads,
        "rounds": rounds,
        "work": operations,
        "peaks": peaks,
        "beside": beside,
        "contenders": lines,
    }


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Measure clinometer next to the tools in use today.")
    names = [experiment.name for experiment in EXPERIMENTS]
    parser.add_argument("--only", action="append", choices=names, metavar="NAME", help=f"one of {', '.join(names)}")
    parser.add_argument("--threads", type=int, metavar="N", nargs="+", help="numbers of threads, by default 1 and 2")
    parser.add_argument("--rounds", type=int, help="number of rounds, instead of each experiment's own")
    parser.add_argument("--quick", action="store_true", help="tiny shapes, to see that everything works")
    parser.add_argument("--avx2", action="store_true", help="limit every contender to AVX2 (results-avx2.json)")
    parser.add_argument("--render", action="store_true", help="only write the tables of results that exist")
    parser.add_argument("--output", type=Path, help="folder of the results and README.md; by default that of this file")
    parser.add_argument("--scratch", type=Path, help="folder for synthetic data (7 GB), which is kept")
    chosen = parser.parse_args(arguments)
    # Figures of a smoke test never replace those of a measurement.
    output: Path = chosen.output or (HERE.parent / "results" / "benches-quick" if chosen.quick else HERE)
    output.mkdir(parents=True, exist_ok=True)
    if not chosen.render:
        if chosen.avx2:
            os.environ.update(avx2_only())
        run(chosen, output / RESULTS[chosen.avx2])
    found = [json.loads((output / name).read_text()) for name in RESULTS + OTHER_MACHINE if (output / name).exists()]
    (output / "README.md").write_text(render(*found), encoding="utf-8")
    print(f"wrote README.md from {len(found)} sets of results")


def run(chosen: argparse.Namespace, kept: Path) -> None:
    """Measure the chosen experiments; every experiment is saved when it is done."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    if load > BUSY:
        print(f"other programs are running (load {load:.1f}): ratios will be rough")
    results: dict[str, Any] = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "machine": describe(),
        "load": round(load, 1),
        "quick": chosen.quick,
        "avx2": chosen.avx2,
        "experiments": {},
    }
    if chosen.only and kept.exists():
        before = json.loads(kept.read_text())
        if (before["machine"], before["quick"]) == (results["machine"], chosen.quick):
            results["experiments"] = before["experiments"]
        else:
            print(f"{kept.name} holds results of another machine or other versions, which are not kept")
    with ExitStack() as stack:
        scratch = chosen.scratch or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="clinometer-")))
        for experiment in EXPERIMENTS:
            if chosen.only and experiment.name not in chosen.only:
                continue
            start = time.perf_counter()
            print(f"== {experiment.name}: {experiment.title}", flush=True)
            tables = [
                measure(experiment, threads, scratch, chosen.quick, chosen.rounds)
                for threads in chosen.threads or (experiment.threads[-1:] if chosen.quick else experiment.threads)
            ]
            seconds = round(time.perf_counter() - start)
            results["experiments"][experiment.name] = {"seconds": seconds, "tables": tables}
            kept.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
            print(render_table(experiment, results["experiments"][experiment.name]) + f"\n({seconds} s)\n", flush=True)


if __name__ == "__main__":
    main()
