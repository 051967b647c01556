"""Documents without verbatim duplicates: of the documents with one language and one text, the first is kept.

A removed document is always replaced by the kept one where it is judged, and every repeat is counted by language.
"""

from __future__ import annotations

from collections import Counter

from clinometer.collection import CollectionBuilder
from clinometer.languages import canonical

__all__ = ["DistinctDocuments"]


class DistinctDocuments:
    """Adds documents to a builder, each text once in each language.

    Args:
        builder: Where the documents go.
        keep_repeats: Add repeated texts all the same, and only count them.

    Example:
        >>> documents = DistinctDocuments(CollectionBuilder("tiny"))
        >>> [documents.add(name, "A cat.", "en") for name in ("d1", "d2")]
        ['d1', 'd1']
        >>> documents.repeats
        {'en': 1}
    """

    def __init__(self, builder: CollectionBuilder, keep_repeats: bool = False) -> None:
        self._builder, self._keep_repeats = builder, keep_repeats
        self._first: dict[tuple[str, str], str] = {}
        self._repeats: Counter[str] = Counter()

    def add(self, id: str, text: str, language: str, group: str | None = None, where: str = "") -> str:
        """Add the document unless its text is there already; returns the id to judge."""
        key = (canonical(language), text)
        if key in self._first:
            self._repeats[key[0]] += 1
            if not self._keep_repeats:
                return self._first[key]
        self._builder.add_document(id, text, language, group, where)
        self._first.setdefault(key, id)
        return id

    @property
    def repeats(self) -> dict[str, int]:
        """Repeated documents in each language, where there were any."""
        return dict(sorted(self._repeats.items()))
