"""The turn: after centering, each language is rotated onto the pivot's translations that are in the same index.

A rotation keeps every angle, so scores within a language stay as they are; only scores between languages change.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, ClassVar, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from clinometer.correction.center import Center
from clinometer.correction.mined import LEAST_PAIRS, MinedPairs, counted, enough, mining_record, rule, too_few
from clinometer.correction.offsets import Offsets
from clinometer.encoders.base import Side
from clinometer.errors import UsageError
from clinometer.languages import canonical
from clinometer.parameters import whole

__all__ = ["Turn"]

# Chosen on tico19 and train; see docs/turn.md.
_RIDGE = 2.0
_ROTATIONS = "rotations"


class _Record(msgspec.Struct):
    """What `settings["turn"]` must hold."""

    pivot: str
    least_pairs: int
    turned: list[str]
    left_out: list[str]
    documents_tried: dict[str, int]
    pairs: dict[str, int]
    pairs_by_chance: dict[str, float]
    margins: dict[str, tuple[float, float, float]]
    pairs_right: dict[str, float]


class Turn(Offsets):
    """`R_l P (x - strength * mean_l)`: a centering, then an orthogonal map `R_l` for each language but the pivot.

    `A` are the centered embeddings of documents of a language and `B` those of their translations in the pivot, as
    `clinometer.mining.mine` finds them without labels. `R = U V'` from the singular value decomposition of
    `A'B + ridge I` is the orthogonal map that brings `A` closest to `B` (Schönemann's Procrustes solution), held back
    towards no turn at all by `ridge`, as if each direction had `ridge` more pairs that need no turn. Documents and
    queries of a language are turned alike, so scores between them stay.

    A language with fewer than `least` pairs, or not clearly more than chance explains, is only centered: wrong pairs
    would pull unrelated texts together. Rows of unknown language are turned by the mean of all languages' rotations.
    """

    method: ClassVar[str] = "turn"

    @classmethod
    def fit(
        cls, center: Center, pairs: Mapping[str, MinedPairs], *, pivot: str = "en", ridge: float = _RIDGE,
        least: int = LEAST_PAIRS, mined_by: Mapping[str, Any] | None = None,
    ) -> Self:  # fmt: skip
        """Fit the rotations on pairs that were mined after centering.

        Args:
            center: The centering of the pairs.
            pairs: Pairs of each language but the pivot.
            pivot: Language that the others are turned to; it stays.
            ridge: Weight of no turn, above 0.
            least: Smallest number of pairs of a language that is turned.
            mined_by: Settings of the mining, for the record.

        Raises:
            UsageError: No language has enough pairs, or an option cannot be used.

        Example:
            >>> rows = np.array([[1, 1, 0], [1, -1, 0], [0, 1, 1], [0, -1, 1]], dtype=np.float32)
            >>> labels = ["en", "en", "de", "de"]
            >>> center = Center.fit(rows, labels, shrinkage=0.0, directions=0)
            >>> center.apply(rows, labels).tolist()[::2]
            [[0.0, 1.0, 0.0], [0.0, 1.0, 0.0]]
            >>> x, y, z = np.eye(3, dtype=np.float32)
            >>> pairs = MinedPairs(np.stack([x, y, z]), np.stack([x, z, -y]), margins=np.full(3, 2.0), tried=3)
            >>> Turn.fit(center, {"de": pairs}, ridge=1e-9, least=3).apply(rows, labels).round(3).tolist()[::2]
            [[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
        """
        if not isinstance(center, Center):
            raise UsageError(
                f"a turn follows a centering, but got {type(center).__name__}; fit the method center first"
            )
        if isinstance(ridge, bool) or not isinstance(ridge, (int, float)) or not 0 < ridge < np.inf:
            raise UsageError(f"ridge is {ridge!r}, but must be a number above 0")
        whole(least, "least", least=1)
        pivot = canonical(pivot)
        turned = [label for label in center.languages if label in pairs and enough(pairs[label], least)]
        if not turned:
            raise UsageError(too_few("a turn", pairs, least, pivot))
        rotations = {label: _rotation(pairs[label], center.dimension, ridge) for label in turned}
        record = {
            "pivot": pivot,
            "ridge": float(ridge),
            "least_pairs": least,
            **(mined_by or {}),
            "turned": turned,
            "left_out": [label for label in pairs if label not in rotations],
            **mining_record(pairs),
        }
        stacked = np.stack([rotations[label] for label in turned]).astype(np.float32)
        return cls(
            center.languages, center.query_languages, {**center.arrays, _ROTATIONS: stacked},
            {**center.settings, "turn": record},
        )  # fmt: skip

    @property
    def center(self) -> Center:
        """The centering alone."""
        arrays = {name: array for name, array in self.arrays.items() if name != _ROTATIONS}
        settings = {name: value for name, value in self.settings.items() if name != "turn"}
        return Center(self.languages, self.query_languages, arrays, settings)

    @property
    def turned(self) -> tuple[str, ...]:
        """The languages that are turned."""
        return tuple(self.settings["turn"]["turned"])

    def with_strength(self, strength: float, query_strength: float | None = None) -> Self:  # noqa: ARG002
        """Not possible: the pairs were mined, and the rotations fitted, at one strength.

        Raises:
            UsageError: Always.
        """
        raise UsageError(
            f"the turn was fitted after centering at strength {self.settings['strength']}, so cannot follow strength "
            f"{strength}; fit both again"
        )

    def notices(self) -> list[str]:
        """Sentences about the languages that are not turned."""
        record = self.settings["turn"]
        return [
            f"{label} is centered, but not turned: {counted(record['pairs'][label])} among "
            f"{record['documents_tried'][label]:,} documents, of which chance explains "
            f"{record['pairs_by_chance'][label]:g}; {rule('a turn', record['least_pairs'])}"
            for label in record["left_out"]
        ]

    def _changed(self, rows: NDArray[np.float64], codes: NDArray[np.int64], side: Side) -> NDArray[np.float64]:
        changed = super()._changed(rows, codes, side)
        known = self.labels(side)
        for code in np.unique(codes[codes >= 0]).tolist():
            rotation = self._rotations.get(known[code] if code < len(known) else None)
            if rotation is not None:
                members = codes == code
                # Summed in one order for each row, unlike in BLAS.
                changed[members] = np.einsum("nd,rd->nr", changed[members], rotation)
        return changed

    @cached_property
    def _rotations(self) -> dict[str | None, NDArray[np.float64]]:
        """The transposed rotation of each turned language, and under None that of rows of unknown language.

        The latter is the rotation closest to those of all languages, of which some are not turned.
        """
        rotations = dict(zip(self.turned, self.arrays[_ROTATIONS].astype(np.float64), strict=True))
        others = len(self.languages) - len(rotations)
        left, _, right = np.linalg.svd(sum(rotations.values()) + others * np.eye(self.dimension))
        return {
            label: np.ascontiguousarray(rotation.T) for label, rotation in [*rotations.items(), (None, left @ right)]
        }

    def _shapes(self) -> dict[str, tuple[int | None, ...]]:
        return {**super()._shapes(), _ROTATIONS: (len(self.turned), self.dimension, self.dimension)}

    def _checked(self) -> Self:
        checked = super()._checked()
        try:
            record = msgspec.convert(self.settings["turn"], _Record)
        except msgspec.ValidationError as error:
            raise ValueError(f"the record of the turn: {error}") from None
        for label in (*record.turned, *record.left_out):
            if not all(label in counts for counts in (record.pairs, record.documents_tried, record.pairs_by_chance)):
                raise ValueError(f"the record of the turn lacks {label!r}")
        rotations = self.arrays[_ROTATIONS].astype(np.float64)
        products = np.einsum("lde,lfe->ldf", rotations, rotations)
        if len(products) and np.abs(products - np.eye(self.dimension)).max() > 1e-4:
            raise ValueError(f"the array {_ROTATIONS!r} holds matrices that are not rotations")
        return checked


def _rotation(mined: MinedPairs, dimension: int, ridge: float) -> NDArray[np.float64]:
    if mined.own.shape[1] != dimension or mined.pivot.shape != mined.own.shape:
        raise UsageError(
            f"the pairs have {mined.own.shape[1]} and {mined.pivot.shape[1]} dimensions, but the centering has "
            f"{dimension}; mine them with this centering"
        )
    if len(mined.own) != len(mined):
        raise UsageError(f"the pairs have {len(mined)} margins, but {len(mined.own)} rows; mine them with their rows")
    products = mined.own.astype(np.float64).T @ mined.pivot.astype(np.float64)
    left, _, right = np.linalg.svd(products + ridge * np.eye(dimension))
    return np.asarray(left @ right)
