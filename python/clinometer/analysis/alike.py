"""Whether two texts are the same, or nearly: compared by their letters, without case, marks of punctuation or spacing.

Nearness is by character trigrams, so that it needs no tokeniser and means the same in scripts without spaces.
"""

from __future__ import annotations

import unicodedata

__all__ = ["normalised", "overlap", "trigrams"]


def normalised(text: str) -> str:
    """Letters, digits and their marks in compatibility form (NFKC), case folded, words joined by single spaces.

    Example:
        >>> normalised("The  Moon: it turns!") == normalised("the moon it turns")
        True
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    return " ".join("".join(sign if unicodedata.category(sign)[0] in "LNM" else " " for sign in folded).split())


def trigrams(text: str) -> frozenset[str]:
    """The different runs of three characters of a normalised text; a shorter text is one run.

    Example:
        >>> sorted(trigrams("a moon"))
        [' mo', 'a m', 'moo', 'oon']
    """
    plain = normalised(text)
    return frozenset(plain[at : at + 3] for at in range(max(1, len(plain) - 2)))


def overlap(one: frozenset[str], other: frozenset[str]) -> float:
    """Jaccard similarity of two sets of trigrams, from 0 (nothing shared) to 1 (the same set).

    Example:
        >>> overlap(trigrams("a moon"), trigrams("a moor"))
        0.6
    """
    together = len(one | other)
    return len(one & other) / together if together else 1.0
