"""Corrections that subtract one vector for each language, the basis of centering and SHIFT.

Offsets are stored at full length and the strength separately, so that another strength needs no fitting.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from clinometer.correction.base import Correction
from clinometer.encoders.base import Side
from clinometer.errors import UsageError

__all__ = ["Offsets", "checked_strength", "leading", "signed"]

# `auto` removes at most one in this many of all directions.
_LARGEST_SHARE = 8


class Offsets(Correction):
    """`P (x - strength * offset[language])`, between two scalings to length one.

    `P` removes the directions along which the languages' offsets differ, if any.
    """

    @classmethod
    def _from_means(
        cls,
        documents: Mapping[str, NDArray[np.float64]],
        queries: Mapping[str, NDArray[np.float64]],
        directions: NDArray[np.float64],
        settings: dict[str, Any],
    ) -> Self:
        _check_strengths(settings)
        return cls(
            tuple(documents),
            tuple(queries),
            {"document_offsets": _stacked(documents), "query_offsets": _stacked(queries), "directions": directions},
            {**settings, "directions_removed": len(directions)},
        )

    def with_strength(self, strength: float, query_strength: float | None = None) -> Self:
        """The same offsets and directions, with the offsets subtracted at another strength.

        Args:
            strength: Strength for documents, 0 or more; 1 subtracts the whole offset.
            query_strength: Strength for queries; as for documents if None.

        Raises:
            UsageError: A strength is negative or not a number.
        """
        strengths = {"strength": strength, "query_strength": strength if query_strength is None else query_strength}
        _check_strengths(strengths)
        return replace(self, settings={**self.settings, **strengths})

    @property
    def dimension(self) -> int:
        """Length of the rows before the correction."""
        return int(self.arrays["document_offsets"].shape[1])

    def _changed(self, rows: NDArray[np.float64], codes: NDArray[np.int64], side: Side) -> NDArray[np.float64]:
        strength, name = (
            ("strength", "document_offsets") if side == "documents" else ("query_strength", "query_offsets")
        )
        offsets = self.settings[strength] * self.arrays[name]
        # The last row of this table, -1, is for rows that stay unchanged.
        changed: NDArray[np.float64] = rows - np.concatenate([offsets, np.zeros_like(offsets[:1])])[codes]
        corrected = codes >= 0
        for direction in self.arrays["directions"]:
            # Directions are orthogonal, so one after the other is the projection.
            share = np.einsum("nd,d->n", changed, direction) * corrected
            changed -= share[:, None] * direction
        return changed

    def _shapes(self) -> dict[str, tuple[int | None, ...]]:
        return {
            "document_offsets": (len(self.languages) + 1, self.dimension),
            "query_offsets": (len(self.query_languages) + 1, self.dimension),
            "directions": (None, self.dimension),
        }

    def _checked(self) -> Self:
        _check_strengths(self.settings)
        return super()._checked()


def _check_strengths(settings: Mapping[str, Any]) -> None:
    for option in ("strength", "query_strength"):
        checked_strength(option, settings[option])


def checked_strength(option: str, value: Any) -> None:
    """Refuse a strength that is negative or not a finite number.

    Raises:
        UsageError: The message names the option.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value) or value < 0:
        raise UsageError(f"{option} is {value!r}, but must be a number of 0 or more; 1 subtracts the whole offset")


def leading(
    means: Mapping[str, NDArray[np.float64]], directions: int | Literal["auto"], chance: float = 0.0
) -> NDArray[np.float64]:
    """The directions along which the means of languages differ most, as orthonormal rows.

    Args:
        means: One vector for each language.
        directions: Number of directions, 0 to the number of languages minus one. `auto`: those with at least twice the
            squared length expected by chance, and at most an eighth of all dimensions.
        chance: Squared length expected by chance in one direction: variance within languages over texts.

    Raises:
        UsageError: `directions` is out of range.

    Example:
        >>> leading({"de": np.array([0.0, 2.0]), "en": np.array([0.0, 0.0])}, "auto").round(6).tolist()
        [[0.0, 1.0]]
    """
    if directions != "auto" and (isinstance(directions, bool) or not isinstance(directions, int) or directions < 0):
        raise UsageError(f"directions is {directions!r}, but must be 'auto' or a whole number of 0 or more")
    rows = np.stack(list(means.values()))
    limit = min(len(rows) - 1, rows.shape[1] - 1)
    if directions != "auto" and directions > limit:
        raise UsageError(
            f"directions is {directions}, but the means of {len(rows)} languages in {rows.shape[1]} dimensions differ "
            f"along {limit} at most; lower it, or choose 'auto'"
        )
    if not limit:
        return np.empty((0, rows.shape[1]))
    sizes, vectors = np.linalg.svd(rows - rows.mean(axis=0), full_matrices=False)[1:]
    if directions == "auto":
        # Equal means leave rounding errors, which have directions as well.
        significant = np.square(sizes) >= max(2 * chance, np.finfo(np.float64).eps)
        limit = min(limit, int(np.count_nonzero(significant)), max(1, rows.shape[1] // _LARGEST_SHARE))
    return signed(vectors[: limit if directions == "auto" else directions])


def signed(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Singular vectors with their largest entry positive: their sign is arbitrary and depends on the LAPACK in use."""
    largest = np.abs(rows).argmax(axis=1)
    return rows * np.where(rows[np.arange(len(rows)), largest] < 0, -1.0, 1.0)[:, None]


def _stacked(means: Mapping[str, NDArray[np.float64]]) -> NDArray[np.float64]:
    """One row for each language, and their mean."""
    rows = np.stack(list(means.values()))
    return np.concatenate([rows, rows.mean(axis=0, keepdims=True)])
