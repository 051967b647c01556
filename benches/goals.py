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
        kernel: Best kernel of the machines that it is for; None for all.
        threads: Number of threads on which it is judged; by default the most.
    """

    against: str
    experiment: str
    theirs: str
    floor: float
    aim: float | None
    ours: str = "clinometer"
    kind: Literal["ratio", "share", "memory", "seconds"] = "ratio"
    kernel: str | None = None
    threads: int | None = None


_INT16, _FLOAT32 = "clinometer, int16-certified", "clinometer, float32"

_HALVES = "clinometer, documents in float16"
_FILES = "clinometer, files to results"
_FLAT = "faiss IndexFlatIP (BLAS), Q=1000, k=100"

GOALS = (
    Goal(f"{_FLAT}, N=1M", "search-1m-k100", "faiss", 2.6, 4, kernel="amx"),
    Goal(f"{_FLAT}, N=1M", "search-1m-k100", "faiss", 2.8, 3.5, kernel="avx512"),
    Goal(f"{_FLAT}, N=1M", "search-1m-k100", "faiss", 1.5, 2, kernel="avx2"),
    Goal(f"{_FLAT}, N=200k, d=1024", "search-200k-d1024", "faiss", 2.2, 3),
    Goal(f"{_FLAT}, N=1M, d=1024", "search-1m-d1024", "faiss", 2.2, 3),
    Goal("torch, product in bfloat16 + topk (inexact, lists only), N=1M", "search-1m-k100", "torch, product", 1, 2),
    Goal("faiss IndexFlatIP, k=1000, N=1M", "search-1m-k1000", "faiss", 1.25, 1.8),
    Goal("faiss default at 256 queries, N=1M", "few-queries", "faiss IndexFlatIP (default)", 8, 12),
    Goal("NumPy product + argpartition + counts, N=200k", "search-200k-k100", "NumPy product + argpart", 5, 8),
    Goal("full argsort ranks (NumPy), N=200k", "search-200k-k100", "NumPy product + argsort", 18, 25),
    Goal("share of float32 FMA peak, N=1M, k=100", "search-1m-k100", "", 0.75, 0.88, _FLOAT32, "share"),
    Goal("int16-certified against our own float32, N=1M", "search-1m-k100", _FLOAT32, 1.4, 1.8, _INT16),
    Goal(
        "sentence-transformers evaluator, 1,190 x 480",
        "evaluator",
        "sentence-tr",
        50,
        100,
        "clinometer: scan + measures",
    ),
    Goal("one query, float16, N=1M: faiss flat", "single", "faiss IndexFlatIP (default)", 2.5, 3.5, _HALVES),
    Goal("the same, one thread", "single", "faiss IndexFlatIP (default)", 1.5, 2, _HALVES, threads=1),
    Goal("one query, float16, N=1M: NumPy product + argpartition", "single", "NumPy", 1.3, 2, _HALVES),
    Goal("the same, one thread", "single", "NumPy", 1.2, 1.6, _HALVES, threads=1),
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
    Goal("peak memory on top of the pool, Q=10k, N=1M, k=100 (MB)", "memory", "", 70, 50, kind="memory"),
    Goal("folder of 1M documents, files to results (seconds)", "folder", "", 15, 8, _FILES, "seconds"),
    Goal("the same, peak memory beside the embeddings (MB)", "folder", "", 1500, 1000, _FILES, "memory"),
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
    threads = goal.threads or max(measured)
    if threads not in measured:
        return "not measured"
    value = median(measured[threads])
    sign = -1 if goal.kind in ("memory", "seconds") else 1
    if sign * value < sign * goal.floor:
        return "**not reached**"
    return "aim reached" if goal.aim is not None and sign * value >= sign * goal.aim else "floor reached"
