"""SHIFT: each language's mean translation difference to the pivot is subtracted, which needs translated texts.

A language is moved only by what its texts differ from their own translations, so that the topic of the sample, which
both share, does not enter.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clinometer.correction.offsets import Offsets, leading
from clinometer.errors import LanguageError, UsageError
from clinometer.languages import canonical
from clinometer.vectors import Rows, unit_rows

__all__ = ["Shift"]


class Shift(Offsets):
    """`x - strength * v_l` with `v_l = mean(x_i^l - x_i^pivot)` over translated texts, then length one again.

    The idea is that of SHIFT (arXiv 2606.18801), of which the abstract was at hand: the mean as the estimate of the
    difference, and scaling to length one afterwards, are inferred. `centre`, `strength`,
    `directions` and a query side are ours.
    """

    method: ClassVar[str] = "shift"

    @classmethod
    def fit(
        cls,
        documents: ArrayLike,
        languages: Sequence[str],
        groups: Sequence[str],
        queries: ArrayLike | None = None,
        query_languages: Sequence[str] | None = None,
        query_groups: Sequence[str] | None = None,
        *,
        pivot: str = "en",
        strength: float = 1.0,
        correct_queries: bool = True,
        centre: bool = False,
        directions: int | Literal["auto"] = 0,
    ) -> Self:
        """Fit on parallel texts.

        Args:
            documents: `(n, d)` embeddings of sample documents.
            languages: Label of each.
            groups: Parallel group of each: texts of one group are translations of one another.
            queries: `(m, d)` embeddings of sample queries. None: queries are moved as documents are.
            query_languages: Label of each query.
            query_groups: Parallel group of each query.
            pivot: The language to which the others are moved; it stays where it is.
            strength: Share of the difference that is subtracted, 0 or more.
            correct_queries: Also move queries. Without it they are only scaled, as in the abstract, where the index is
                corrected.
            centre: Subtract the pivot's own mean from everything besides (ours).
            directions: Also take out directions in which the differences of the documents differ, as `Center` does
                (ours); none by default.

        Returns:
            The correction. Rows whose language is not known are moved by the mean over the languages, the pivot's zero
            included.

        Raises:
            LanguageError: The pivot has no texts.
            UsageError: A language shares no group with the pivot, or a group has two texts of one language.
            EmbeddingError: Rows that cannot be used.

        Example:
            >>> sample = [[1.0, 0.0, 0.0], [0.8, 0.0, 0.6], [0.0, 1.0, 0.0], [0.0, 0.8, 0.6]]
            >>> shift = Shift.fit(sample, ["en", "de", "en", "de"], ["a", "a", "b", "b"])
            >>> [round(float(value), 2) for value in shift.arrays["document_offsets"][0]]
            [-0.1, -0.1, 0.6]
        """
        pivot = canonical(pivot)
        moved = _differences(documents, languages, groups, pivot, centre, "documents")
        if queries is None:
            asked = moved
        else:
            asked = _differences(queries, query_languages or [], query_groups or [], pivot, centre, "queries")
        kind = "none" if not correct_queries else "documents" if queries is None else "own"
        settings = {
            "pivot": pivot,
            "strength": strength,
            "queries": kind,
            "query_strength": strength if correct_queries else 0.0,
            "centre": centre,
            "pairs_fitted": {label: count for label, (_, count) in moved.items()},
        }
        offsets = {label: mean for label, (mean, _) in moved.items()}
        query_offsets = {label: mean for label, (mean, _) in asked.items()}
        return cls._from_means(offsets, query_offsets, leading(offsets, directions), settings)


def _differences(
    vectors: ArrayLike, languages: Sequence[str], groups: Sequence[str], pivot: str, centre: bool, what: str
) -> dict[str, tuple[NDArray[np.float64], int]]:
    """For each language the mean difference to the pivot, and from how many pairs."""
    rows = unit_rows(vectors, what)
    for name, column in (("languages", languages), ("groups", groups)):
        if isinstance(column, str) or len(column) != len(rows):
            raise UsageError(f"{len(column)} {name} for {len(rows)} {what}; give a list with one for each row")
    places: dict[str, dict[Any, int]] = {}
    for row, (label, group) in enumerate(zip(map(canonical, languages), groups, strict=True)):
        if group is None:
            continue
        if group in places.setdefault(label, {}):
            raise UsageError(
                f"{what}, row {row}: the group {group!r} has a text in {label} already, at row {places[label][group]}; "
                "give one text of each language in a group"
            )
        places[label][group] = row
    if pivot not in places:
        raise LanguageError(
            f"the {what} hold no text of the pivot {pivot} in a parallel group; they have "
            f"{', '.join(sorted(places)) or 'none'}; give its texts too, or name another pivot"
        )
    own = places[pivot]
    base = rows[list(own.values())].mean(axis=0) if centre else np.zeros(rows.shape[1])
    found: dict[str, tuple[NDArray[np.float64], int]] = {}
    for label in sorted(places):
        pairs = [(row, own[group]) for group, row in places[label].items() if group in own]
        if not pairs:
            raise UsageError(
                f"no text in {label} is a translation of one in {pivot} among the {what}; give parallel texts, or "
                "use the method center, which needs none"
            )
        theirs, ours = (rows[list(side)] for side in zip(*pairs, strict=True))
        found[label] = (_mean(theirs - ours) + base, len(pairs))
    return found


def _mean(rows: Rows) -> NDArray[np.float64]:
    mean: NDArray[np.float64] = rows.mean(axis=0)
    return mean
