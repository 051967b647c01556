"""Documents without verbatim duplicates: of the documents with one language and one text, the first is kept.

A removed document is always replaced by the kept one where it is judged, and every removal is counted by language.
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

    Example:
        >>> builder = CollectionBuilder("tiny")
        >>> documents = DistinctDocuments(builder)
        >>> [documents.add(id, "A cat.", "en") for id in ("d1", "d2")]
        ['d1', 'd1']
        >>> documents.removed
        {'en': 1}
    """

    def __init__(self, builder: CollectionBuilder) -> None:
        self._builder = builder
        self._kept: dict[tuple[str, str], str] = {}
        self._removed: Counter[str] = Counter()

    def add(self, id: str, text: str, language: str, group: str | None = None, where: str = "") -> str:
        """Add the document unless its text is there already; returns the id to judge."""
        key = (canonical(language), text)
        if key in self._kept:
            self._removed[key[0]] += 1
            return self._kept[key]
        self._builder.add_document(id, text, language, group, where)
        self._kept[key] = id
        return id

    @property
    def removed(self) -> dict[str, int]:
        """Documents removed in each language, where there were any."""
        return dict(sorted(self._removed.items()))
