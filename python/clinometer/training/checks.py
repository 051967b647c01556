"""Checks of training texts: columns that may be swapped, missing translations, duplicates.

A check only counts letters and words of the texts; it names the column and the first row.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Hashable, Iterable, Sequence

from clinometer.errors import ClinometerWarning, UsageError

__all__ = ["check_rows", "merged_groups", "same_text", "untranslated"]

_WORD = re.compile(r"\w{3,}")
_LETTER = re.compile(r"[^\W\d_]")
_LATIN = re.compile(r"[A-Za-z\u00c0-\u024f\u1e00-\u1eff]")
_SAME_WORDS = 0.9


def same_text(text: str) -> str:
    """The text with case and white space normalised, for finding duplicates."""
    return " ".join(text.casefold().split())


def merged_groups(groups: Sequence[int], texts: Iterable[Iterable[Hashable]]) -> list[int]:
    """The group of each row, with groups that share a text merged, directly or through other groups.

    Args:
        groups: Number of each row's group.
        texts: For each column, the text of each row.

    Example:
        >>> merged_groups([0, 1, 2, 3], [["a", "b", "b", "c"], ["d", "e", "f", "d"]])
        [0, 1, 1, 0]
    """
    parent = {group: group for group in groups}

    def root(group: int) -> int:
        while parent[group] != group:
            parent[group] = parent[parent[group]]
            group = parent[group]
        return group

    first: dict[Hashable, int] = {}
    for column in texts:
        for text, group in zip(column, groups, strict=True):
            parent[root(group)] = root(first.setdefault(text, group))
    return [root(group) for group in groups]


def untranslated(translation: str, original: str) -> bool:
    """Whether a translation repeats its original: the same text, or 9 of 10 of its words (of three letters or more).

    Example:
        >>> untranslated("Die Katze schläft hier.", "The cat sleeps here."), untranslated("The  cat.", "the cat.")
        (False, True)
    """
    if same_text(translation) == same_text(original):
        return True
    words = set(_WORD.findall(translation.casefold()))
    return len(words) > 2 and len(words & set(_WORD.findall(original.casefold()))) >= _SAME_WORDS * len(words)


def check_rows(names: Sequence[str], rows: Sequence[Sequence[str]], pivot: str = "en") -> list[str]:
    """Refuse rows that cannot be used, and report those that look odd.

    Queries that are mostly longer than their passages look like swapped columns, but short answers and titles are so
    too: a `ClinometerWarning` says it.

    Args:
        names: Names of the columns, `query...` and `passage...`.
        rows: One text for each column.
        pivot: Language of the columns whose names end in it.

    Returns:
        Warnings about rows that look odd but can be used.

    Raises:
        UsageError: A text is empty; most letters in an English column are not Latin.
    """
    for number, row in enumerate(rows):
        if len(row) != len(names):
            raise UsageError(f"row {number} has {len(row)} texts for the {len(names)} columns {', '.join(names)}")
        for name, text in zip(names, row, strict=True):
            if not text.strip():
                raise UsageError(f"row {number} has an empty text in the column {name}; leave the row out")
    sentences = []
    for query, passage in _sides(names):
        longer = [number for number, row in enumerate(rows) if len(row[query]) > len(row[passage])]
        message = f"{names[query]} is longer than {names[passage]} in {len(longer)} of {len(rows)} rows"
        if 2 * len(longer) > len(rows):
            sentences.append(
                f"{message}, first in row {longer[0]}; if the two are swapped, put them in the right order"
            )
            warnings.warn(sentences[-1], ClinometerWarning, stacklevel=4)
        elif longer:
            sentences.append(f"{message}, first in row {longer[0]}")
    if pivot == "en":
        for column, name in enumerate(names):
            foreign = [number for number, row in enumerate(rows) if name.endswith("_en") and _not_latin(row[column])]
            message = f"{name} is not in Latin letters in {len(foreign)} of {len(rows)} rows"
            if 2 * len(foreign) > len(rows):
                raise UsageError(f"{message}, first in row {foreign[0]}; the languages look swapped")
            if foreign:
                sentences.append(f"{message}, first in row {foreign[0]}")
    return sentences


def _sides(names: Sequence[str]) -> list[tuple[int, int]]:
    """Positions of the query and the passage of each language; the first of each if languages differ."""
    queries = [position for position, name in enumerate(names) if name.startswith("query")]
    passages = [position for position, name in enumerate(names) if name.startswith("passage")]
    partners = {position: names[position].replace("query", "passage", 1) for position in queries}
    pairs = [(position, names.index(partner)) for position, partner in partners.items() if partner in names]
    return pairs or list(zip(queries, passages, strict=False))[:1]


def _not_latin(text: str) -> bool:
    letters = _LETTER.findall(text)
    return bool(letters) and 2 * sum(bool(_LATIN.match(letter)) for letter in letters) < len(letters)
