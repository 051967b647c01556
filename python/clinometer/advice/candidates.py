"""The remedies that are tried, step by step, and how each is fitted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from numpy.typing import NDArray

from clinometer.correction import Center, Correction
from clinometer.errors import UsageError
from clinometer.mining import turned

__all__ = ["STEPS", "Candidate"]


@dataclass(frozen=True)
class Candidate:
    """A remedy that may be chosen.

    Args:
        name: Name in tables.
        strength: Strength of the centering.
        turn: Whether a turn follows.
    """

    name: str
    strength: float | Literal["auto"] = "auto"
    turn: bool = False

    def fit(
        self,
        documents: NDArray[Any],
        languages: Sequence[str],
        queries: NDArray[Any] | None = None,
        query_languages: Sequence[str] | None = None,
        pivot: str = "en",
    ) -> Correction:
        """The correction fitted on embeddings of a sample, without judgements or translations.

        Raises:
            UsageError: There are too few translations for a turn.
        """
        center = Center.fit(documents, languages, queries, query_languages, strength=self.strength)
        if not self.turn:
            return center
        if pivot not in center.languages:
            raise UsageError(f"no documents in {pivot}, to which the others would be turned")
        return turned(center, documents, languages, pivot=pivot)


STEPS = (
    (Candidate("center"), Candidate("center at half strength", 0.5)),
    (Candidate("center + turn", turn=True),),
)
"""One remedy on top of the other: of each step the first that helps without too much harm is taken."""
