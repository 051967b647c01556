"""The tables of benches/README.md, from results.json and nothing else: the same results give the same bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from experiments import EXPERIMENTS, Experiment
from goals import GOALS, Goal, figures, ratios, verdict

__all__ = ["render", "render_table"]

HEAD = """<!-- Written by benches/run.py (`make bench`). Change that, not this. -->
# Benches

Time of clinometer next to that of the tools in use today, measured in one go on one machine. Everything is exact; in
its time ours gives exact ranks and counts per language, the others what their line says.

Method: every contender runs in a process of its own with a fixed number of threads, reads the same synthetic data, and
prepares untimed what its users prepare once (faiss's index, for instance; rows have length one already, though ours
scales them again within its time). First each gives its answer once, and the answers are compared: a run with wrong
answers stops. Then all take turns round by round. **times ours** is the median over rounds of their wall time over ours
*within a round*; seconds are medians. *Memory* is the growth of the process beyond what it held before the first call,
the mapped pool included. *scaled* means: measured on a part of the work, and multiplied.

`make bench` repeats everything; `python benches/run.py --only NAME` one table. The same contenders on small shapes are
in `pytest benches/bench_*.py --benchmark-only`; the Rust kernels alone in `cargo bench`.
"""

AVX2 = """As on an older processor: our AVX2 kernel, and the libraries set not to use AVX-512 (`benches/run.py --avx2`).
"""


def render(*results: Mapping[str, Any]) -> str:
    """The whole page, from one or more sets of results."""
    parts = [HEAD]
    for found in results:
        parts += _part(found)
    return "\n".join(parts)


def _part(results: Mapping[str, Any]) -> list[str]:
    flag = " --avx2" if results["avx2"] else ""
    heading = "All limited to AVX2" if results["avx2"] else "All instructions of the processor"
    parts = [f"## {heading}: {results['machine']['processor']}, {results['date']}", ""]
    if results["avx2"]:
        parts += [AVX2, ""]
    if results["quick"]:
        parts += ["**Figures of a smoke test with tiny shapes: they say nothing about speed.**", ""]
    parts += [_machine(results), "### Goals", "", *_goals(results)]
    for experiment in EXPERIMENTS:
        if experiment.name in results["experiments"]:
            parts += [f"### {experiment.title}", "", experiment.about, ""]
            parts += [render_table(experiment, results["experiments"][experiment.name]), ""]
            parts += [f"Repeat: `python benches/run.py{flag} --only {experiment.name}`", ""]
    return parts


def _machine(results: Mapping[str, Any]) -> str:
    machine = results["machine"]
    libraries = ", ".join(f"{name} {version}" for name, version in machine["libraries"].items())
    return (
        f"{machine['processor']}, {machine['cores']} cores ({', '.join(machine['features'])}), "
        f"{machine['memory_gb']} GB; {machine['system']}; {libraries}. "
        f"Our kernels here: {', '.join(machine['kernels'])}. "
        f"Load of the machine when the run began: {results['load']}. Speed of the machine: "
        f"{machine['peak']}, measured in each round.\n"
    )


def _goals(results: Mapping[str, Any]) -> list[str]:
    kernel = "avx2" if results["avx2"] else results["machine"]["kernels"][0]
    goals = [goal for goal in GOALS if goal.kernel in (None, kernel)]
    threads = sorted({count for goal in goals for count in figures(goal, results)})
    columns = [f"{_threads(count)}: median (range)" for count in threads]
    lines = [_row(["against", "floor", "aim", *columns, ""]), "|---|--:|--:" + "|--:" * len(threads) + "|---|"]
    for goal in goals:
        measured = figures(goal, results)
        cells = [_spread(goal, measured.get(count)) for count in threads]
        aim = "-" if goal.aim is None else _figure(goal, goal.aim)
        lines.append(_row([goal.against, _figure(goal, goal.floor), aim, *cells, verdict(goal, results)]))
    return [*lines, "", "Judged on the most threads, unless a number is named.", ""]


def _figure(goal: Goal, value: float) -> str:
    if goal.kind == "ratio":
        return f"{value:,.0f}x" if value >= 100 else f"{value:.3g}x"
    return f"{value:.2f}" if goal.kind == "share" else f"{value:.1f}" if goal.kind == "seconds" else f"{value:.0f}"


def _spread(goal: Goal, values: Sequence[float] | None) -> str:
    if not values:
        return "-"
    middle = _figure(goal, median(values))
    return middle if len(values) == 1 else f"{middle} ({_figure(goal, min(values))} to {_figure(goal, max(values))})"


def render_table(experiment: Experiment, found: Mapping[str, Any]) -> str:
    """One experiment as a Markdown table, a line for each contender."""
    tables = found["tables"]
    head, rule = ["contender"], "|---"
    for table in tables:
        head += [f"{_threads(table['threads'])}: s", "CPU s", "times ours"]
        rule += "|--:|--:|--:"
        if experiment.share_of_peak:
            head.append(table["beside"])
            rule += "|--:"
    lines = [_row([*head, "memory, MB", "agrees"]), rule + "|--:|---|"]
    for contender in experiment.contenders:
        own_lines = [line for table in tables if (line := _line(table, contender.title))]
        if len(own_lines) < len(tables):
            continue  # it came after these results
        cells = [contender.title]
        memory, agreement, skipped = [], [], None
        for table, line in zip(tables, own_lines, strict=True):
            if "skipped" in line:
                skipped = line["skipped"]
                cells += ["-"] * (4 if experiment.share_of_peak else 3)
                continue
            cells += _times(experiment, table, line)
            memory.append(line["first"]["memory"])
            agreement.append(line["agreement"])
        cells.append(f"{max(memory) / 1e6:,.0f}" if memory else "-")
        is_ours = contender is experiment.contenders[0]
        cells.append(f"not here: {skipped}" if skipped else "-" if is_ours else _agreement(agreement))
        lines.append(_row(cells))
    rounds = ", ".join(str(table["rounds"]) for table in tables)
    return "\n".join([*lines, "", f"Rounds: {rounds or 'none'}; 0 is one call of each."])


def _line(table: Mapping[str, Any], title: str) -> Mapping[str, Any] | None:
    return next((line for line in table["contenders"] if line["title"] == title), None)


def _times(experiment: Experiment, table: Mapping[str, Any], line: Mapping[str, Any]) -> list[str]:
    walls, cpus = (line[clock] or [line["first"][clock]] for clock in ("wall", "cpu"))
    ours = table["contenders"][0]
    cells = [_seconds(median(walls)), _seconds(median(cpus))]
    cells.append("1" if line is ours else f"{median(ratios(ours, line)):,.2f}")
    if experiment.share_of_peak:
        shares = [1e-9 * table["work"] / wall / peak for wall, peak in zip(line["wall"], table["peaks"], strict=False)]
        cells.append(f"{median(shares):.2f}" if shares else "-")
    return cells


def _agreement(found: Sequence[Mapping[str, float]]) -> str:
    """The worst over the numbers of threads."""
    parts = []
    for name, worst, words in (
        ("lists", min, "{:.2%} of lists"),
        ("ranks", min, "{:.2%} of ranks"),
        ("off", max, "off by {:.0f} at most"),
        ("means", max, "means to {:.0e}"),
    ):
        values = [agreement[name] for agreement in found if name in agreement]
        if values and not (name == "off" and max(values) == 0):
            parts.append(words.format(worst(values)))
    return ", ".join(parts) or "not compared"


def _seconds(value: float) -> str:
    if value >= 10:
        return f"{value:.1f}"
    return f"{value:.3f}" if value >= 0.01 else f"{value:.5f}"


def _threads(count: int) -> str:
    return f"{count} thread{'s' if count > 1 else ''}"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
