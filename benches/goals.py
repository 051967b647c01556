"""The goals that were set for the core, and the verdict of a set of results on each.

A goal is judged on the most threads measured. What was not measured is not judged, and a share of a stand-in for the
machine's peak never counts as reached.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any, Literal

from machine import TRUE_PEAK

__all__ = ["GOALS", "Goal", "figures", "ratios", "verdict"]


@dataclass(frozen=True)
class Goal:
    """A goal.

    Args:
        against: Comparison, in words.
        experiment: Where it is measured.
        theirs: Title of the other contender, or its beginning.
        floor: Minimum to reach.
        aim: Value hoped for; None if nothing more.
        ours: Title of our contender.
        kind: `ratio` (their time over ours), `share` (of the peak), `memory` (MB) or `seconds` (both to stay below).
    """

    against: str
    experiment: str
    theirs: str
    floor: float
    aim: float | None
    ours: str = "clinometer"
    kind: Literal["ratio", "share", "memory", "seconds"] = "ratio"


_INT16, _FLOAT32 = "clinometer, int16-certified", "clinometer, float32"

GOALS = (
    Goal("faiss IndexFlatIP k=100 alone, BLAS path, Q=1000, N=200k", "search-200k-k100", "faiss", 1.4, 2),
    Goal("faiss IndexFlatIP k=100 alone, BLAS path, Q=1000, N=1M", "search-1m-k100", "faiss", 1.4, 2),
    Goal("faiss IndexFlatIP k=1000 alone, N=200k", "search-200k-k1000", "faiss", 1.25, 1.8),
    Goal("faiss IndexFlatIP k=1000 alone, N=1M", "search-1m-k1000", "faiss", 1.25, 1.8),
    Goal("faiss default at 256 queries, N=1M", "few-queries", "faiss IndexFlatIP (default)", 8, 12),
    Goal(
        "NumPy product + argpartition(100) + gold counts, N=200k", "search-200k-k100", "NumPy product + argpart", 4, 6
    ),
    Goal("full argsort ranks (NumPy), N=200k", "search-200k-k100", "NumPy product + argsort", 13, 20),
    Goal("share of float32 FMA peak, N=1M, k=100", "search-1m-k100", "", 0.75, 0.88, _FLOAT32, "share"),
    Goal("int16-certified against our own float32, N=200k", "search-200k-k100", _FLOAT32, 1.4, 1.8, _INT16),
    Goal("int16-certified against our own float32, N=1M", "search-1m-k100", _FLOAT32, 1.4, 1.8, _INT16),
    Goal(
        "sentence-transformers evaluator, 1,190 x 480",
        "evaluator",
        "sentence-tr",
        30,
        100,
        "clinometer: scan + measures",
    ),
    Goal(
        "79 pools from one scan, against one scan per pool",
        "pools",
        "clinometer, one scan per pool",
        10,
        40,
        "clinometer, one scan",
    ),
    Goal(
        "measures of 10k queries x depth 1,000: dict + pytrec_eval",
        "metrics",
        "dict + pytrec_eval",
        1000,
        None,
        "clinometer, from counts",
    ),
    Goal(
        "one query, float16 documents, against faiss flat, N=1M",
        "single",
        "faiss IndexFlatIP (default)",
        1.8,
        3,
        "clinometer, documents in float16",
    ),
    Goal(
        "folder of 1M documents, files to results (seconds)",
        "folder",
        "",
        15,
        8,
        "clinometer, files to results",
        kind="seconds",
    ),
    Goal(
        "folder of 1M documents, peak memory beside the embeddings (MB)",
        "folder",
        "",
        1500,
        1000,
        "clinometer, files to results",
        kind="memory",
    ),
    Goal("peak memory on top of the pool, Q=10k, N=1M, k=100 (MB)", "memory", "", 100, 50, kind="memory"),
)


def ratios(ours: Mapping[str, Any], theirs: Mapping[str, Any], clock: str = "wall") -> list[float]:
    """Their time over ours, round by round; from the first calls where there were no rounds."""
    if ours[clock] and theirs[clock]:
        return [second / first for first, second in zip(ours[clock], theirs[clock], strict=False)]
    if "first" in ours and "first" in theirs:
        return [theirs["first"][clock] / ours["first"][clock]]
    return []


def figures(goal: Goal, results: Mapping[str, Any]) -> dict[int, list[float]]:
    """For each number of threads the figures of all rounds; nothing where it was not measured."""
    found: dict[int, list[float]] = {}
    for table in results["experiments"].get(goal.experiment, {"tables": []})["tables"]:
        lines = {line["title"]: line for line in table["contenders"] if "skipped" not in line}
        ours = lines.get(goal.ours)
        theirs = next((line for title, line in lines.items() if goal.theirs and title.startswith(goal.theirs)), None)
        if ours is None:
            continue
        if goal.kind == "memory":
            found[table["threads"]] = [ours["first"]["memory"] / 1e6]
        elif goal.kind == "seconds":
            found[table["threads"]] = ours["wall"] or [ours["first"]["wall"]]
        elif goal.kind == "share":
            pairs = zip(ours["wall"], table["peaks"], strict=False)
            found[table["threads"]] = [1e-9 * table["work"] / wall / peak for wall, peak in pairs]
        elif theirs is not None:
            found[table["threads"]] = ratios(ours, theirs)
    return {threads: values for threads, values in found.items() if values}


def verdict(goal: Goal, results: Mapping[str, Any]) -> str:
    """What is reached, `not measured`, `smoke test`, or `not judged` where only a stand-in for the peak was there."""
    measured = figures(goal, results)
    if not measured:
        return "not measured"
    if results["quick"]:
        return "smoke test"
    if goal.kind == "share" and results["machine"]["peak"] != TRUE_PEAK:
        return "not judged"
    value = median(measured[max(measured)])
    sign = -1 if goal.kind in ("memory", "seconds") else 1
    if sign * value < sign * goal.floor:
        return "**not reached**"
    return "aim reached" if goal.aim is not None and sign * value >= sign * goal.aim else "floor reached"
