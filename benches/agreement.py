"""Whether two contenders agree, before either is timed.

Other orders of summation give other last bits, so a rank may differ by a few where scores nearly tie, and the last of
the k best may be another; more than that is an error in one of them, and the run stops.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["DisagreementError", "compare", "compare_answers"]


class DisagreementError(Exception):
    """Two contenders gave different answers."""


def compare(ours: Path, theirs: Path, exact: bool, title: str) -> dict[str, float]:
    """`compare_answers` of two answers in files (`.npz`)."""
    with np.load(ours) as one, np.load(theirs) as other:
        return compare_answers(dict(one), dict(other), exact, title)


def compare_answers(
    ours: Mapping[str, NDArray[Any]], theirs: Mapping[str, NDArray[Any]], exact: bool, title: str
) -> dict[str, float]:
    """How far two answers agree, in what both have.

    Returns:
        `lists`: mean share of the k best that both have; `ranks`: share of equal ranks; `off`: greatest difference of
        ranks; `means`: greatest difference of mean measures.

    Raises:
        DisagreementError: They do not.
    """
    shared = {name: (ours[name], theirs[name]) for name in ours if name in theirs}
    if "per_query" in ours and "means" in theirs:
        shared["means"] = (ours["per_query"][: int(theirs["counted"])].mean(axis=0), theirs["means"])
    found: dict[str, float] = {}
    if "sizes" in shared and not np.array_equal(*shared["sizes"]):
        raise DisagreementError(f"{title}: {shared['sizes'][1]} documents and queries, ours {shared['sizes'][0]}")
    if "top" in shared:
        found["lists"] = _common(*shared["top"])
        if found["lists"] < (0.999 if exact else 0.9):
            raise DisagreementError(f"{title}: only {found['lists']:.4f} of its lists are ours")
    if "rough" in theirs:
        # Lists of rounded scores: how many are ours is shown, and is not expected to be all.
        found["lists"] = _common(ours["top"], theirs["rough"])
        if found["lists"] < 0.5:
            raise DisagreementError(f"{title}: only {found['lists']:.4f} of its lists are ours")
    if "ranks" in shared:
        first, second = shared["ranks"]
        first = first[: len(second)]
        found["ranks"] = float(np.mean(first == second))
        found["off"] = float(np.abs(first - second).max())
        close = np.abs(first - second) <= (3 + 1e-4 * first if exact else 10 + 0.01 * first)
        if not close.all():
            raise DisagreementError(f"{title}: a rank is off by {found['off']:.0f}")
    if "means" in shared:
        found["means"] = float(np.abs(np.subtract(*shared["means"])).max())
        if found["means"] > 1e-3:
            raise DisagreementError(f"{title}: a mean differs by {found['means']:.3g}")
    return found


def _common(first: NDArray[Any], second: NDArray[Any]) -> float:
    """Mean share of the entries of each list that the other list has, too."""
    count = min(len(first), len(second))
    both = [len(np.intersect1d(*pair)) for pair in zip(first[:count], second[:count], strict=True)]
    return float(np.mean(both) / first.shape[1])
