"""Mined pairs of documents that are probably translations, and the rule by which there are enough of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["LEAST_PAIRS", "MinedPairs", "counted", "enough", "mining_record", "rule", "too_few"]

# Chosen on tico19 and train; see docs/turn.md.
LEAST_PAIRS = 20
_MORE_THAN_CHANCE = 1.25
_NAMED = 8


@dataclass(frozen=True, eq=False)
class MinedPairs:
    """Documents of one language and the documents of the pivot that are probably their translations.

    Args:
        own: `(n, d)`: centered embeddings of the documents, of length one; `(0, d)` where only positions are of use.
        pivot: As `own`: those of the pivot's documents, row for row.
        margins: `(n,)`: cosine of each pair over the mean cosine with its nearest neighbours, above 1.
        tried: Number of documents that a partner was sought for.
        chance: Number of pairs that documents without any translation would give, estimated.
        right: Share of the pairs that are translations of each other; None where that is not known.
        documents: `(n,)`: positions of the documents in the index; None if unknown.
        pivot_documents: `(n,)`: positions of the pivot's documents; None if unknown.
    """

    own: NDArray[Any]
    pivot: NDArray[Any]
    margins: NDArray[np.float64]
    tried: int
    chance: float = 0.0
    right: float | None = None
    documents: NDArray[np.int64] | None = None
    pivot_documents: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.margins)


def enough(mined: MinedPairs, least: int) -> bool:
    """Whether a language has `least` pairs and clearly more than chance explains."""
    return len(mined) >= max(least, 1) and len(mined) >= _MORE_THAN_CHANCE * mined.chance


def rule(what: str, least: int) -> str:
    """The rule of `enough` in words."""
    return f"{what} needs {least} pairs, and a quarter more than chance explains"


def too_few(what: str, pairs: Mapping[str, MinedPairs], least: int, pivot: str) -> str:
    """The sentence where no language has enough pairs for a step, such as `a turn`."""
    counts = ", ".join(
        f"{label}: {counted(len(mined))}, {mined.chance:.0f} by chance" for label, mined in list(pairs.items())[:_NAMED]
    )
    more = f" and {len(pairs) - _NAMED} more" if len(pairs) > _NAMED else ""
    return (
        f"no language has enough probable translations in {pivot} for {what} ({counts or 'no other language'}{more}); "
        f"{rule(what, least)}; leave the {what.rpartition(' ')[2]} out"
    )


def counted(number: int) -> str:
    """A number of pairs."""
    return f"{number:,} pair{'' if number == 1 else 's'}"


def mining_record(pairs: Mapping[str, MinedPairs]) -> dict[str, Any]:
    """What is recorded of pairs by language; quartiles of the margins. JSON values only."""
    return {
        "documents_tried": {label: mined.tried for label, mined in pairs.items()},
        "pairs": {label: len(mined) for label, mined in pairs.items()},
        "pairs_by_chance": {label: round(mined.chance, 1) for label, mined in pairs.items()},
        "margins": {label: _quartiles(mined.margins) for label, mined in pairs.items() if len(mined)},
        "pairs_right": {label: round(mined.right, 4) for label, mined in pairs.items() if mined.right is not None},
    }


def _quartiles(margins: NDArray[np.float64]) -> list[float]:
    return [round(float(value), 3) for value in np.percentile(margins, [25, 50, 75])]
