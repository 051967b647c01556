"""Categories of the documents above an answer: one for each document, the first that applies in a fixed order.

The order is from harmless to harmful: an answer in another language, the answer's own text under another id, a document
that is ahead by a hair, and then unrelated documents by their language.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from functools import lru_cache

from clinometer.collection import Collection
from clinometer.errors import UsageError

__all__ = ["CATEGORIES", "NEAR_TIE", "OVERLAP", "Judge", "normalised", "overlap", "trigrams"]

CATEGORIES = {
    "answer": "the answer in the query's language ranks first: nothing is above it",
    "translation": "the answer in another language: harmless to a reader of both, the wrong language to others",
    "duplicate": "not judged relevant, but with the text of an answer, or nearly: a gap in the judgements",
    "near-tie": "unrelated, and ahead of the answer by so little that rounding could swap them",
    "pivot": "unrelated, in the pivot language",
    "same-language": "unrelated, in the query's language: it would be above the answer without any mixing",
    "other-language": "unrelated, in a third language",
}
"""Categories and their meanings, in the order in which they are tried (`answer` is for queries without harm)."""

NEAR_TIE = 0.001
"""Default tolerance of a near-tie, in units of the score."""

OVERLAP = 0.8
"""Default share of character trigrams that a near-duplicate has in common with an answer."""


class Judge:
    """Puts documents above an answer into categories; knows the texts, which a scan does not.

    Args:
        collection: Collection with the texts and judgements.
        pivot: The language whose inclination is measured.
        tolerance: Margin of score over the answer below which an unrelated document is a near-tie.
        alike: Share of character trigrams, above 0 and at most 1, from which a document is a duplicate of an answer, in
            any language and also if a one-sided pool lacks it.

    Raises:
        UsageError: A threshold is out of range.
    """

    def __init__(self, collection: Collection, pivot: str, tolerance: float = NEAR_TIE, alike: float = OVERLAP) -> None:
        if not tolerance >= 0:
            raise UsageError(f"the tolerance of near-ties is {tolerance}, but cannot be negative")
        if not 0 < alike <= 1:
            raise UsageError(f"the overlap of duplicates is {alike}, but must lie above 0 and be at most 1")
        self.collection, self.pivot, self.tolerance, self.alike = collection, pivot, tolerance, alike
        texts = collection.documents.texts
        self._plain: Callable[[int], str] = lru_cache(maxsize=4096)(lambda row: normalised(texts[row]))
        self._grams: Callable[[int], frozenset[str]] = lru_cache(maxsize=4096)(lambda row: _runs(self._plain(row)))
        # The same two documents are compared in many pools.
        self._repeats: Callable[[int, int], bool] = lru_cache(maxsize=1 << 16)(self._compare)

    def answers(self, query: int) -> list[int]:
        """Rows of the documents that are relevant to a query, in every language."""
        span = slice(self.collection.indptr[query], self.collection.indptr[query + 1])
        return [int(row) for row in self.collection.judged[span][self.collection.grades[span] >= 1]]

    def category(self, query: int, document: int, margin: float, *, related: bool) -> str:
        """The category of a document above the query's answer.

        Args:
            query: Row of the query.
            document: Row of the document.
            margin: Score of the document minus that of the answer, 0 or more.
            related: Whether the document is an answer to the query, or a verbatim duplicate of one.
        """
        languages = self.collection.documents.languages
        query_language = self.collection.queries.languages[query]
        if related:
            return "translation" if languages[document] != query_language else "duplicate"
        if any(self._repeats(document, answer) for answer in self.answers(query)):
            return "duplicate"
        if margin < self.tolerance:
            return "near-tie"
        if languages[document] == query_language:
            return "same-language"
        return "pivot" if languages[document] == self.pivot else "other-language"

    def _compare(self, first: int, second: int) -> bool:
        """Whether two documents have the same text, or nearly."""
        if self._plain(first) == self._plain(second):
            return True
        sizes = sorted((len(self._grams(first)), len(self._grams(second))))
        # Sets of very different sizes cannot overlap enough.
        return sizes[0] >= self.alike * sizes[1] and overlap(self._grams(first), self._grams(second)) >= self.alike


def normalised(text: str) -> str:
    """Letters, digits and their marks in compatibility form (NFKC), case folded, words joined by single spaces.

    Example:
        >>> normalised("The  Moon: it turns!") == normalised("the moon it turns")
        True
    """
    return " ".join(unicodedata.normalize("NFKC", text).casefold().translate(_WORD_SIGNS).split())


class _WordSigns(dict[int, int]):
    """For `str.translate`: letters, digits and marks as they are, everything else as a space; filled as needed."""

    def __missing__(self, code: int) -> int:
        self[code] = code if unicodedata.category(chr(code))[0] in "LNM" else ord(" ")
        return self[code]


_WORD_SIGNS = _WordSigns()


def trigrams(text: str) -> frozenset[str]:
    """The distinct runs of three characters of a normalised text; a shorter text is one run.

    Example:
        >>> sorted(trigrams("a moon"))
        [' mo', 'a m', 'moo', 'oon']
    """
    return _runs(normalised(text))


def _runs(plain: str) -> frozenset[str]:
    return frozenset(map("".join, zip(plain, plain[1:], plain[2:], strict=False))) or frozenset([plain])


def overlap(first: frozenset[str], second: frozenset[str]) -> float:
    """Jaccard similarity of two sets of trigrams, from 0 (nothing shared) to 1 (the same set).

    Example:
        >>> overlap(trigrams("a moon"), trigrams("a moor"))
        0.6
    """
    shared = len(first & second)
    union = len(first) + len(second) - shared
    return shared / union if union else 1.0
