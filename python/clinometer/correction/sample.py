"""Samples of embeddings to fit on: unit rows by language, checked once, in a fixed order.

Languages are in alphabetical order and rows in the order given, so that what is fitted does not depend on how the
languages are mixed.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clinometer.errors import UsageError
from clinometer.languages import canonical
from clinometer.vectors import Rows, unit_rows

__all__ = ["by_language", "choose", "choose_parallel"]


def choose(languages: Sequence[str], texts: int | None, seed: int = 0) -> NDArray[np.int64]:
    """Row numbers of a random sample of at most so many texts of each language, ascending; all if `texts` is None.

    Args:
        languages: Label of each row.
        texts: How many of each language, 1 or more.
        seed: Of the sampling.

    Raises:
        UsageError: `texts` is less than 1.

    Example:
        >>> rows = choose(["en", "en", "de", "en"], 1)
        >>> len(rows), sorted(["en", "en", "de", "en"][row] for row in rows)
        (2, ['de', 'en'])
    """
    if texts is None:
        return np.arange(len(languages), dtype=np.int64)
    if texts < 1:
        raise UsageError(f"{texts} texts of each language were asked for; take 1 or more")
    order = np.random.default_rng(seed).permutation(len(languages))
    left: dict[str, int] = {}
    chosen = []
    for row in order:
        label = canonical(languages[row])
        left[label] = left.get(label, texts) - 1
        if left[label] >= 0:
            chosen.append(row)
    return np.sort(np.array(chosen, dtype=np.int64))


def choose_parallel(
    languages: Sequence[str], groups: Sequence[str | None], texts: int | None, *, pivot: str = "en", seed: int = 0
) -> NDArray[np.int64]:
    """Row numbers of a random sample of translations, ascending: texts in parallel groups that the pivot has as well.

    All languages prefer the same groups, so that few texts of the pivot are needed.

    Args:
        languages: Label of each row.
        groups: Parallel group of each row, None for none.
        texts: How many groups of each language; None for all.
        pivot: Its texts of all chosen groups are chosen too.
        seed: Of the sampling.

    Raises:
        UsageError: `texts` is less than 1, or no text is a translation of one in the pivot.

    Example:
        >>> choose_parallel(["en", "de", "en", "de", "de"], ["a", "a", "b", "c", None], 1).tolist()
        [0, 1]
    """
    if texts is not None and texts < 1:
        raise UsageError(f"{texts} texts of each language were asked for; take 1 or more")
    pivot = canonical(pivot)
    labels = [canonical(label) for label in languages]
    members: dict[str, set[str]] = {}
    for label, group in zip(labels, groups, strict=True):
        if group is not None:
            members.setdefault(label, set()).add(group)
    own = sorted(members.pop(pivot, set()))
    order = [own[place] for place in np.random.default_rng(seed).permutation(len(own))]
    kept = {label: set([group for group in order if group in theirs][:texts]) for label, theirs in members.items()}
    kept[pivot] = set().union(*kept.values())
    rows = [row for row, (label, group) in enumerate(zip(labels, groups, strict=True)) if group in kept.get(label, ())]
    if not rows:
        raise UsageError(
            f"no text shares a parallel group with one in {pivot}; give translated texts, name another pivot, or use "
            "the method center, which needs none"
        )
    return np.array(rows, dtype=np.int64)


def by_language(vectors: ArrayLike, languages: Sequence[str], what: str) -> dict[str, Rows]:
    """The unit rows of each language.

    Args:
        vectors: `(n, d)` embeddings.
        languages: Label of each row.
        what: What they are, for the message.

    Returns:
        Canonical labels in alphabetical order, each with its rows in the order given.

    Raises:
        EmbeddingError: As for `unit_rows`.
        UsageError: There are no rows, or not one label for each.
        LanguageError: A label cannot be read.
    """
    rows = unit_rows(vectors, what)
    if isinstance(languages, str) or len(languages) != len(rows):
        given = "one string" if isinstance(languages, str) else f"{len(languages)} languages"
        raise UsageError(f"{given} for {len(rows)} {what}; give a list with one label for each row")
    if not len(rows):
        raise UsageError(f"there are no {what} to fit on; give some texts of each language")
    places: dict[str, list[int]] = {}
    for row, label in enumerate(languages):
        places.setdefault(canonical(label), []).append(row)
    return {label: rows[places[label]] for label in sorted(places)}
