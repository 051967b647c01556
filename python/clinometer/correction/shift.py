"""SHIFT: each language's mean translation difference to the pivot is subtracted, which needs translated texts.

A language is moved by the difference between its texts and their own translations, so that the topic of the sample,
which both share, has no effect.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clinometer.correction.offsets import Offsets, leading
from clinometer.errors import LanguageError, UsageError
from clinometer.languages import canonical
from clinometer.vectors import unit_rows

__all__ = ["Shift", "rows_of_groups"]


class Shift(Offsets):
    """`x - strength * v_l` with `v_l = mean(x_i^l - x_i^pivot)` over translated texts, then length one again.

    The mean difference is that of SHIFT (arXiv 2606.18801). Its authors run it in another way, which is `QueryShift`:
    the language towards which an index is moved is that of the query, so there is a moved index for every query
    language; queries are never moved; rows are not scaled to length one before. One pivot for all queries,
    `correct_queries`, `centre` and `directions` are ours.
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
            languages: Language of each document.
            groups: Parallel group of each document: texts of one group are translations of each other.
            queries: `(m, d)` embeddings of sample queries. None: queries are moved as documents are.
            query_languages: Language of each query.
            query_groups: Parallel group of each query.
            pivot: The language towards which the others are moved; it is not moved itself.
            strength: Share of the difference that is subtracted, 0 or more.
            correct_queries: Also move queries. Without it they are only scaled, and the index alone is corrected.
            centre: Also subtract the pivot's own mean from all rows (ours).
            directions: Number of directions removed in which the differences of the documents differ, as in `Center`
                (ours); none by default.

        Returns:
            The correction. Rows of unknown language are moved by the mean over the languages, including the pivot's
            zero.

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
        differences = _differences(documents, languages, groups, pivot, centre, "documents")
        query_differences, kind = differences, "documents"
        if queries is not None:
            # An array of labels has no truth value.
            labels = [] if query_languages is None else query_languages
            own_groups = [] if query_groups is None else query_groups
            query_differences, kind = _differences(queries, labels, own_groups, pivot, centre, "queries"), "own"
        settings = {
            "pivot": pivot,
            "strength": strength,
            "queries": kind if correct_queries else "none",
            "query_strength": strength if correct_queries else 0.0,
            "centre": centre,
            "pairs_fitted": {label: count for label, (_, count) in differences.items()},
        }
        offsets = {label: mean for label, (mean, _) in differences.items()}
        query_offsets = {label: mean for label, (mean, _) in query_differences.items()}
        return cls._from_means(offsets, query_offsets, leading(offsets, directions), settings)


def _differences(
    vectors: ArrayLike, languages: Sequence[str], groups: Sequence[str], pivot: str, centre: bool, what: str
) -> dict[str, tuple[NDArray[np.float64], int]]:
    """Mean difference to the pivot and number of pairs, by language."""
    rows = unit_rows(vectors, what)
    row_of_group = rows_of_groups(len(rows), languages, groups, what)
    if pivot not in row_of_group:
        raise LanguageError(
            f"the {what} have no text of the pivot {pivot} in a parallel group, only of "
            f"{', '.join(sorted(row_of_group)) or 'none'}; give its texts too, or choose another pivot"
        )
    pivot_rows = row_of_group[pivot]
    base = rows[list(pivot_rows.values())].mean(axis=0) if centre else np.zeros(rows.shape[1])
    differences: dict[str, tuple[NDArray[np.float64], int]] = {}
    for label in sorted(row_of_group):
        pairs = [(row, pivot_rows[group]) for group, row in row_of_group[label].items() if group in pivot_rows]
        if not pairs:
            raise UsageError(
                f"no text in {label} is a translation of one in {pivot} among the {what}; give parallel texts, or "
                "use the method center, which needs none"
            )
        texts, translations = (rows[list(side)] for side in zip(*pairs, strict=True))
        differences[label] = ((texts - translations).mean(axis=0) + base, len(pairs))
    return differences


def rows_of_groups(count: int, languages: Sequence[str], groups: Sequence[Any], what: str) -> dict[str, dict[Any, int]]:
    """The row of each parallel group, by language; rows without a group are left out.

    Args:
        count: Number of rows.
        languages: Language of each row.
        groups: Parallel group of each row, or None.
        what: Noun for the rows, for the message.

    Raises:
        UsageError: Not one language and group for each row, or a group with two texts of one language.
        LanguageError: A label is unknown.
    """
    for name, column in (("languages", languages), ("groups", groups)):
        if isinstance(column, str) or len(column) != count:
            raise UsageError(f"{len(column)} {name} for {count} {what}; give a list with one for each row")
    row_of_group: dict[str, dict[Any, int]] = {}
    for row, (label, group) in enumerate(zip(map(canonical, languages), groups, strict=True)):
        if group is None:
            continue
        if group in row_of_group.setdefault(label, {}):
            raise UsageError(
                f"{what}, row {row}: the group {group!r} already has a text in {label}, at row "
                f"{row_of_group[label][group]}; give one text per language in a group"
            )
        row_of_group[label][group] = row
    return row_of_group
