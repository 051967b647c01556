"""Measure clinometer beside what people use today, and write the tables of benches/README.md: `make bench`.

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
from pathlib import Path
from statistics import median
from typing import Any

from agreement import compare
from experiments import EXPERIMENTS, Experiment
from machine import describe
from rendering import render, render_table
from workloads import make

__all__ = ["main", "measure"]

HERE = Path(__file__).resolve().parent
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
PAUSE = 0.1  # seconds in which the threads of the last contender come to rest
FILL = 0.2  # seconds of quick runs that one measurement averages


class Worker:
    """A contender's process."""

    def __init__(self, order: Mapping[str, Any]) -> None:
        surroundings = {**os.environ, **dict.fromkeys(THREAD_VARIABLES, str(order["threads"]))}
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


def options_of(experiment: Experiment, number: int, quick: bool) -> dict[str, Any]:
    """Options of a contender; the smoke test makes those smaller that the contender has."""
    contender = experiment.contenders[number]
    options = dict(contender.options)
    if quick:
        known = contender.make.__code__.co_varnames[: contender.make.__code__.co_argcount]
        fitting = {key: value for key, value in experiment.quick_options.items() if key in known}
        # A search over all queries stays one.
        options |= {key: value for key, value in fitting.items() if key != "queries" or "queries" in options}
    return options


def measure(experiment: Experiment, threads: int, scratch: Path, quick: bool, rounds: int | None) -> dict[str, Any]:
    """All contenders of an experiment with so many threads, as it goes into results.json."""
    numbers = dict(experiment.quick if quick else experiment.numbers)
    work = make(experiment.kind, scratch, **numbers)
    rounds = rounds if rounds is not None and experiment.rounds else min(experiment.rounds, 2 if quick else 99)
    orders = [
        {
            "experiment": experiment.name,
            "contender": number,
            "threads": threads,
            "workload": str(work.folder),
            "options": options_of(experiment, number, quick),
        }
        for number in range(len(experiment.contenders))
    ]
    lines: list[dict[str, Any]] = []
    peaks: list[float] = []
    with workers([*orders, {"experiment": "peak", "threads": threads}]) as (*players, probe):
        for contender, player in zip(experiment.contenders, players, strict=True):
            lines.append({"title": contender.title, "wall": [], "cpu": [], "ratios": [], **player.hear()})
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
    for line in lines:
        if line["wall"]:
            line["ratios"] = [theirs / ours for theirs, ours in zip(line["wall"], lines[0]["wall"], strict=False)]
            line["cpu_ratios"] = [theirs / ours for theirs, ours in zip(line["cpu"], lines[0]["cpu"], strict=False)]
    return {"threads": threads, "rounds": rounds, "peaks": peaks, "contenders": lines}


def summary(table: dict[str, Any]) -> str:
    """A line for the terminal while the rest is measured."""
    parts = [
        f"{line['title']} {median(line['ratios']):.2f}" if line["ratios"] else line["title"]
        for line in table["contenders"][1:]
        if "skipped" not in line
    ]
    return f"   {table['threads']} threads, times ours: " + "; ".join(parts)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Measure clinometer beside what people use today.")
    names = [experiment.name for experiment in EXPERIMENTS]
    parser.add_argument("--only", action="append", choices=names, metavar="NAME", help=f"of {', '.join(names)}")
    parser.add_argument("--threads", type=int, nargs="+", help="numbers of threads, by default 1 and 2")
    parser.add_argument("--rounds", type=int, help="how many, instead of each experiment's own number")
    parser.add_argument("--quick", action="store_true", help="tiny shapes, to see that everything works")
    parser.add_argument("--render", action="store_true", help="only write the tables of results that exist")
    parser.add_argument("--output", type=Path, help="folder of results.json and README.md; by default that of this file")
    parser.add_argument("--scratch", type=Path, help="folder for made-up data (3 GB), which is kept there")
    chosen = parser.parse_args(arguments)
    # Figures of a smoke test never replace those of a measurement.
    output: Path = chosen.output or (HERE.parent / "results" / "benches-quick" if chosen.quick else HERE)
    output.mkdir(parents=True, exist_ok=True)
    kept = output / "results.json"
    results: dict[str, Any] = {"machine": describe(), "quick": chosen.quick, "experiments": {}}
    if kept.exists():
        before = json.loads(kept.read_text())
        if chosen.render or (chosen.only and (before["machine"], before["quick"]) == (results["machine"], chosen.quick)):
            results = before
        elif chosen.only:
            print(f"{kept.name} holds results of another machine or other versions, which are not kept")
    if not chosen.render:
        with ExitStack() as stack:
            scratch = chosen.scratch or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="clinometer-")))
            for experiment in EXPERIMENTS:
                if chosen.only and experiment.name not in chosen.only:
                    continue
                start = time.perf_counter()
                print(f"== {experiment.name}: {experiment.title}", flush=True)
                tables = []
                for threads in chosen.threads or experiment.threads:
                    tables.append(measure(experiment, threads, scratch, chosen.quick, chosen.rounds))
                    print(summary(tables[-1]), flush=True)
                seconds = round(time.perf_counter() - start)
                results["experiments"][experiment.name] = {"seconds": seconds, "tables": tables}
                print(render_table(experiment, results["experiments"][experiment.name]), f"\n   {seconds} s", flush=True)
                kept.write_text(json.dumps(results, indent=1) + "\n")
    (output / "README.md").write_text(render(results))
    print(f"wrote {kept.name} and README.md")


if __name__ == "__main__":
    main()
