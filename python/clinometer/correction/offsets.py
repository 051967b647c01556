"""Corrections that subtract one vector for each language: what centering and SHIFT have in common.

Offsets are kept at full length and the strength beside them, so that another strength needs no fitting.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from clinometer.correction.base import Correction, Side
from clinometer.errors import UsageError

__all__ = ["Offsets", "checked_strength"]


class Offsets(Correction):
    """`x - strength * offset[language]`, between two scalings to length one."""

    @classmethod
    def _from_means(
        cls,
        documents: Mapping[str, NDArray[np.float64]],
        queries: Mapping[str, NDArray[np.float64]],
        settings: dict[str, Any],
    ) -> Self:
        for option in ("strength", "query_strength"):
            checked_strength(option, settings[option])
        return cls(
            tuple(documents),
            tuple(queries),
            {"document_offsets": _stacked(documents), "query_offsets": _stacked(queries)},
            settings,
        )

    def with_strength(self, strength: float, query_strength: float | None = None) -> Self:
        """The same offsets, subtracted at another strength.

        Args:
            strength: For documents, 0 or more; 1 subtracts the whole offset.
            query_strength: For queries; as for documents if None.

        Raises:
            UsageError: A strength is negative or no number.
        """
        asked = strength if query_strength is None else query_strength
        checked_strength("strength", strength)
        checked_strength("query_strength", asked)
        return replace(self, settings={**self.settings, "strength": strength, "query_strength": asked})

    @property
    def dimension(self) -> int:
        """Length of the rows that go in."""
        return int(self.arrays["document_offsets"].shape[1])

    def _changed(self, rows: NDArray[np.float64], codes: NDArray[np.int64], side: Side) -> NDArray[np.float64]:
        of_documents = side == "documents"
        strength = self.settings["strength" if of_documents else "query_strength"]
        offsets = strength * self.arrays["document_offsets" if of_documents else "query_offsets"]
        # Row -1 of this table is for rows that stay as they are.
        changed: NDArray[np.float64] = rows - np.concatenate([offsets, np.zeros_like(offsets[:1])])[codes]
        return changed

    def _shapes(self) -> dict[str, tuple[Side, int]]:
        return {"document_offsets": ("documents", 2), "query_offsets": ("queries", 2)}

    def _checked(self) -> Self:
        for option in ("strength", "query_strength"):
            checked_strength(option, self.settings[option])
        return super()._checked()


def checked_strength(option: str, value: Any) -> None:
    """Refuse a strength that is negative or no finite number.

    Raises:
        UsageError: Naming the option.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value) or value < 0:
        raise UsageError(f"{option} is {value!r}, but must be a number of 0 or more; 1 subtracts the whole offset")


def _stacked(means: Mapping[str, NDArray[np.float64]]) -> NDArray[np.float64]:
    """One row for each language, and their mean."""
    rows = np.stack(list(means.values()))
    return np.concatenate([rows, rows.mean(axis=0, keepdims=True)])
