"""Samples of embeddings to fit on: unit rows by language, checked once, in a fixed order.

Languages are in alphabetical order and rows in input order, so that a fit does not depend on how the languages are
mixed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clinometer.errors import UsageError, shown
from clinometer.languages import canonical
from clinometer.parameters import checked
from clinometer.parameters import texts as listed
from clinometer.vectors import Rows, unit_rows

__all__ = ["PARALLEL", "by_language", "choose", "choose_parallel"]

PARALLEL = ("shift", "query-shift")
"""Methods that are fitted on translations."""


@checked
def choose(languages: Sequence[str], texts: int | None, seed: int = 0) -> NDArray[np.int64]:
    """Row numbers of a random sample of texts of each language, ascending.

    Args:
        languages: Language of each row.
        texts: Maximum number of texts per language, 1 or more; None for all.
        seed: Seed of the sampling.

    Raises:
        UsageError: `texts` is less than 1.

    Example:
        >>> rows = choose(["en", "en", "de", "en"], 1)
        >>> len(rows), sorted(["en", "en", "de", "en"][row] for row in rows)
        (2, ['de', 'en'])
    """
    languages = listed(languages, "languages")
    if texts is None:
        return np.arange(len(languages), dtype=np.int64)
    if texts < 1:
        raise UsageError(f"cannot draw {texts} texts per language; give 1 or more")
    order = np.random.default_rng(seed).permutation(len(languages))
    remaining: dict[str, int] = {}
    sampled = []
    for row in order:
        label = canonical(languages[row])
        remaining[label] = remaining.get(label, texts) - 1
        if remaining[label] >= 0:
            sampled.append(row)
    return np.sort(np.array(sampled, dtype=np.int64))


def choose_parallel(
    languages: Sequence[str],
    groups: Sequence[str | None],
    texts: int | None,
    *,
    pivot: str | None = "en",
    seed: int = 0,
) -> NDArray[np.int64]:
    """Row numbers of a random sample of translations, ascending: texts in parallel groups that the pivot has as well.

    All languages prefer the same groups, so that few texts of the pivot are needed. Without a pivot, groups in more
    languages come first, so that as many texts as possible have translations in each.

    Args:
        languages: Language of each row.
        groups: Parallel group of each row, or None.
        texts: Maximum number of groups per language; None for all.
        pivot: Pivot language; its texts of all chosen groups are included. None: groups in any two languages.
        seed: Seed of the sampling.

    Raises:
        UsageError: `texts` is less than 1, or no text is a translation of one in the pivot.

    Example:
        >>> choose_parallel(["en", "de", "en", "de", "de"], ["a", "a", "b", "c", None], 1).tolist()
        [0, 1]
    """
    if texts is not None and texts < 1:
        raise UsageError(f"cannot draw {texts} texts per language; give 1 or more")
    labels = [canonical(label) for label in languages]
    members: dict[str, set[str]] = {}
    for label, group in zip(labels, groups, strict=True):
        if group is not None:
            members.setdefault(label, set()).add(group)
    if pivot is None:
        spread = Counter(group for of_language in members.values() for group in of_language)
        eligible = sorted(group for group, count in spread.items() if count > 1)
    else:
        pivot = canonical(pivot)
        spread, eligible = Counter(), sorted(members.pop(pivot, set()))
    order = [eligible[position] for position in np.random.default_rng(seed).permutation(len(eligible))]
    order.sort(key=lambda group: -spread[group])
    groups_of = {
        label: set([group for group in order if group in language_groups][:texts])
        for label, language_groups in members.items()
    }
    if pivot is not None:
        groups_of[pivot] = set().union(*groups_of.values())
    rows = [
        row for row, (label, group) in enumerate(zip(labels, groups, strict=True)) if group in groups_of.get(label, ())
    ]
    if not rows:
        partner, fix = ("another", "") if pivot is None else (f"one in {pivot}", "name another pivot, ")
        raise UsageError(
            f"no text shares a parallel group with {partner}; give translated texts, {fix}or use the method center, "
            "which needs none"
        )
    return np.array(rows, dtype=np.int64)


def refuse_other_length(languages: object, rows: int, what: str) -> None:
    """Refuse languages that are not a list with one for each row.

    Raises:
        UsageError: The message says what they are.
    """
    if not isinstance(languages, (str, Sequence, np.ndarray)) or getattr(languages, "ndim", 1) != 1:
        raise UsageError(f"languages must be a list with one language for each row, not {shown(languages)}")
    if isinstance(languages, str) or len(languages) != rows:
        got = "one string" if isinstance(languages, str) else f"{len(languages)} languages"
        raise UsageError(f"{got} for {rows} {what}; give a list with one language for each row")


def by_language(vectors: ArrayLike, languages: Sequence[str], what: str) -> dict[str, Rows]:
    """The unit rows of each language.

    Args:
        vectors: `(n, d)` embeddings.
        languages: Language of each row.
        what: Name of the rows in error messages.

    Returns:
        Canonical labels in alphabetical order, each with its rows in input order.

    Raises:
        EmbeddingError: As for `unit_rows`.
        UsageError: There are no rows, or not one language for each.
        LanguageError: A label is unknown.
    """
    rows = unit_rows(vectors, what)
    refuse_other_length(languages, len(rows), what)
    if not len(rows):
        raise UsageError(f"no {what} to fit on; give some texts of each language")
    rows_of: dict[str, list[int]] = {}
    for row, label in enumerate(languages):
        rows_of.setdefault(canonical(label), []).append(row)
    return {label: rows[rows_of[label]] for label in sorted(rows_of)}
