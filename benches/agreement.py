"""Whether two contenders agree, before either is timed.

Other orders of summation give other last bits, so a rank may differ by a few where scores nearly tie, and the last of
the k best may be another; more than that is an error in one of them, and the run stops.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Disagreement", "compare"]


class Disagreement(Exception):
    """Two contenders gave different answers."""


def compare(ours: Path, theirs: Path, exact: bool, title: str) -> dict[str, float]:
    """How far two answers agree, in what both have.

    Returns:
        `lists`: mean share of the k best that both have; `ranks`: share of equal ranks; `off`: greatest difference of
        ranks; `values`: greatest difference of means of measures.

    Raises:
        Disagreement: They do not.
    """
    with np.load(ours) as one, np.load(theirs) as other:
        shared = {name: (one[name], other[name]) for name in one.files if name in other.files}
    found: dict[str, float] = {}
    if "top" in shared:
        found["lists"] = _common(*shared["top"])
        if found["lists"] < (0.999 if exact else 0.9):
            raise Disagreement(f"{title}: only {found['lists']:.4f} of its lists are ours")
    if "ranks" in shared:
        first, second = shared["ranks"]
        first = first[: len(second)]
        found["ranks"] = float(np.mean(first == second))
        found["off"] = float(np.abs(first - second).max())
        close = np.abs(first - second) <= (3 + 1e-4 * first if exact else 10 + 0.01 * first)
        if not close.all():
            raise Disagreement(f"{title}: a rank is off by {found['off']:.0f}")
    if "values" in shared:
        found["values"] = float(np.abs(np.subtract(*shared["values"])).max())
        # A part of the queries has other means; the whole run of the same contender is in the table beside it.
        if found["values"] > 0.05:
            raise Disagreement(f"{title}: a mean differs by {found['values']:.3g}")
    return found


def _common(first: NDArray[Any], second: NDArray[Any]) -> float:
    """Mean share of the entries of each list that the other list has, too."""
    count = min(len(first), len(second))
    both = [len(np.intersect1d(*pair)) for pair in zip(first[:count], second[:count], strict=True)]
    return float(np.mean(both) / first.shape[1])
