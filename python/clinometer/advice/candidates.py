"""The remedies that are tried, step by step, and how each is fitted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from clinometer.correction import Center, Correction

__all__ = ["STEPS", "Candidate"]

@dataclass(frozen=True)
class Candidate:
    """A remedy that may be chosen.

    Args:
        name: Name in tables.
        method: Method of `clinometer.correction.fit`.
        options: Options of the method.
    """

    name: str
    method: str
    options: tuple[tuple[str, Any], ...] = ()

    def fit(
        self,
        documents: NDArray[Any],
        languages: Sequence[str],
        queries: NDArray[Any] | None = None,
        query_languages: Sequence[str] | None = None,
    ) -> Correction:
        """The correction fitted on embeddings of a sample, without judgements or translations."""
        return Center.fit(documents, languages, queries, query_languages, **dict(self.options))


STEPS = (
    (Candidate("center", "center"), Candidate("center at half strength", "center", (("strength", 0.5),))),
)
"""One remedy on top of the other: of each step the first that helps without too much harm is taken."""
