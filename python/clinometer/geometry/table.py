"""All measures of geometry for each language against the pivot, as tidy rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from math import isnan
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clinometer.errors import LanguageError, UsageError
from clinometer.geometry.alignment import bitext_accuracy, language_gap_norm, linear_cka, margin, mexa
from clinometer.geometry.isotropy import isotropy
from clinometer.geometry.mismatch import embedding_mismatch
from clinometer.geometry.pairs import Read, rows_as
from clinometer.languages import canonical
from clinometer.parameters import checked
from clinometer.vectors import Rows

__all__ = ["MEASURES", "GeometryMeasure", "alignment_table"]


class GeometryMeasure(NamedTuple):
    """The display name of a measure, whether higher is better, and a one-sentence description."""

    display: str
    higher_is_better: bool | None
    summary: str


MEASURES: Mapping[str, GeometryMeasure] = {
    "mismatch_l1": GeometryMeasure(
        "Mismatch (L1)",
        False,
        "Mean over the pairs of the summed absolute differences of the components (inferred from figure 1 of arXiv "
        "2604.05684).",
    ),
    "mismatch_jsd": GeometryMeasure(
        "Mismatch (root of JSD)",
        False,
        "Mean over the pairs of the root of the Jensen-Shannon divergence of the two embeddings, read as distributions "
        "(arXiv 2604.05684).",
    ),
    "mexa": GeometryMeasure(
        "MEXA", True, "Share of pairs that are closer than any other pairing of either text (Kargaran et al. 2024)."
    ),
    "bitext_accuracy": GeometryMeasure(
        "Bitext accuracy",
        True,
        "Share of texts whose nearest text of the other language is their translation, both directions averaged "
        "(standard).",
    ),
    "margin": GeometryMeasure(
        "Margin", True, "Mean cosine of translations minus mean cosine of all other pairs (standard)."
    ),
    "language_gap_norm": GeometryMeasure(
        "Language gap (norm)", False, "Distance between the means of the two languages' unit vectors (standard)."
    ),
    "linear_cka": GeometryMeasure(
        "Linear CKA",
        True,
        "Likeness of the two languages' shapes, whatever their rotation, place and size (Kornblith et al. 2019).",
    ),
    "average_cosine": GeometryMeasure(
        "Average cosine",
        None,
        "Mean cosine of two different texts of the language; near 1 they lie in a narrow cone (Ethayarajh 2019).",
    ),
    "partition_ratio": GeometryMeasure(
        "Isotropy",
        True,
        "Least over greatest partition function along the main directions of the language's texts; 1 is even (Mu and "
        "Viswanath 2018).",
    ),
}
"""Every measure of `alignment_table`, in its order."""


@checked
def alignment_table(
    vectors: ArrayLike,
    languages: Sequence[str],
    groups: Sequence[str | None],
    pivot: str = "en",
    *,
    read: Read = "raw",
) -> list[dict[str, Any]]:
    """Every measure of this package, for each language paired with the pivot.

    Args:
        vectors: `(n, d)` embeddings of texts in several languages.
        languages: Language of each row.
        groups: Parallel group of each row: texts of one group are translations of each other. None: no group.
        pivot: The language that every other is paired with.
        read: Form in which mismatch and isotropy ratio read the embeddings; see `embedding_mismatch`. The other
            measures do not depend on it.

    Returns:
        One row for each target language (in alphabetical order) and measure: `pivot`, `language`, `measure`, `value`
        (None if undefined), `pairs`, and `unpaired`, the number of texts of the language without a pivot text.

    Raises:
        UsageError: The number of labels or groups is not that of the rows, a group has several texts of one language,
            or a language has fewer than two pairs.
        LanguageError: The pivot is not among the languages, or is the only one.
        EmbeddingError: Rows that cannot be used.

    Example:
        >>> rows = alignment_table([[1, 0], [0, 1], [2, 0], [0, 3]], ["en", "en", "de", "de"], ["a", "b", "a", "b"])
        >>> [(row["language"], row["measure"], row["value"], row["pairs"]) for row in rows if row["measure"] == "mexa"]
        [('de', 'mexa', 1.0, 2)]
    """
    rows = rows_as(vectors, "raw", "texts")
    for name, labels in (("languages", languages), ("groups", groups)):
        if isinstance(labels, str) or len(labels) != len(rows):
            got = "one string" if isinstance(labels, str) else f"{len(labels)} {name}"
            raise UsageError(f"{got} for {len(rows)} texts; give a list with one of the {name} for each row")
    pivot = canonical(pivot)
    row_of_group = _row_of_group(languages, groups)
    if pivot not in row_of_group or len(row_of_group) < 2:
        raise LanguageError(
            f"the texts are in {', '.join(row_of_group)}, but the pivot {pivot!r} and another language are needed"
        )
    table = []
    sizes = Counter(map(canonical, languages))
    for label in sorted(set(row_of_group) - {pivot}):
        shared = [group for group in row_of_group[pivot] if group in row_of_group[label]]
        if len(shared) < 2:
            raise UsageError(
                f"{label} has {len(shared)} texts that are translations of {pivot} texts, but 2 or more are needed; "
                "give translations the same group"
            )
        first, second = (rows[[row_of_group[language][group] for group in shared]] for language in (pivot, label))
        for measure, value in _values(first, second, read).items():
            table.append(
                {
                    "pivot": pivot,
                    "language": label,
                    "measure": measure,
                    "value": None if isnan(value) else value,
                    "pairs": len(shared),
                    "unpaired": sizes[label] - len(shared),
                }
            )
    return table


def _row_of_group(languages: Sequence[str], groups: Sequence[str | None]) -> dict[str, dict[str, int]]:
    """The row of each group, by language."""
    row_of_group: dict[str, dict[str, int]] = {}
    for row, (language, group) in enumerate(zip(languages, groups, strict=True)):
        label = canonical(language)
        rows = row_of_group.setdefault(label, {})
        if group in rows:
            raise UsageError(
                f"rows {rows[group]} and {row} are both the {label} text of group {group!r}; give one for each language"
            )
        if group is not None:
            rows[group] = row
    return row_of_group


def _values(pivot: Rows, target: NDArray[np.float64], read: Read) -> dict[str, float]:
    mismatch = embedding_mismatch(pivot, target, read=read)
    spread = isotropy(target, read=read)
    values = (
        mismatch.l1,
        mismatch.jsd,
        mexa(pivot, target),
        bitext_accuracy(pivot, target),
        margin(pivot, target),
        language_gap_norm(pivot, target),
        linear_cka(pivot, target),
        spread.average_cosine,
        spread.partition_ratio,
    )
    return dict(zip(MEASURES, values, strict=True))
