"""Documents, queries and judgements in BEIR's shape, from files or from the Hub, put together into a collection.

The language of every text is stated by its row, or by an option that the user gave; it is never guessed, and the notes
count how each was found.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from clinometer.collection import Collection, CollectionBuilder
from clinometer.errors import CollectionError
from clinometer.io.rows import Row
from clinometer.languages import canonical, select

__all__ = ["Assembly", "DistinctDocuments", "Labeller", "group_of"]

_RESERVED = ("language", "group", "parallel_id")
_ID_PREFIX = re.compile(r"([A-Za-z]{2,3}(?:[-_][A-Za-z]{4})?):|([A-Za-z]{2,3})-")


class Labeller:
    """Finds the language of rows and counts how.

    Args:
        language: A label for the rows that state none, or `id` to take it from ids such as `en:12` or `en-12`; None
            refuses such rows.

    Example:
        >>> labels = Labeller("id")
        >>> labels.language("zh-Hant:12", Row({"_id": "zh-Hant:12"}, "corpus.jsonl", 1))
        'zh-Hant'
        >>> labels.language("12", Row({"_id": "12", "language": "deu"}, "corpus.jsonl", 2))
        'de'
        >>> dict(labels.found_by)
        {'id': 1, 'field': 1}
    """

    def __init__(self, language: str | None) -> None:
        self._from_id = language == "id"
        self._fixed = None if language is None or self._from_id else canonical(language)
        self.found_by: Counter[str] = Counter()

    def language(self, id: str, row: Row) -> str:
        """The canonical label of a row: its `language`, else its `metadata.language`, else what the option says.

        Raises:
            FormatError: There is no label, or it cannot be read; the row is named.
        """
        label, source = row.optional("language", str), "field"
        if not label:
            label, source = row.inside("metadata").optional("language", str), "metadata"
        if not label and self._fixed:
            label, source = self._fixed, "option"
        if not label and self._from_id:
            prefix = _ID_PREFIX.match(id)
            if prefix is None:
                raise row.error(
                    f"{id!r} has no language, and the id does not begin with one, such as 'en:12' or 'en-12'"
                )
            label, source = prefix[1] or prefix[2], "id"
        if not label:
            mend = "add the field 'language', or give the option language='en' or language='id'"
            raise row.error(f"{id!r} has no language; {mend}")
        self.found_by[source] += 1
        return row.language(label)


def group_of(row: Row) -> str | None:
    """The parallel group of a row: its `group`, else `metadata.group` or `metadata.parallel_id`, else None."""
    metadata = row.inside("metadata")
    return row.optional("group", str) or metadata.optional("group", str) or metadata.optional("parallel_id", str)


def fields_of(row: Row) -> dict[str, str]:
    """What `metadata` says of a row besides its language and group, as far as it is text or a number."""
    entries = row.inside("metadata").fields.items()
    kinds = (str, int, float)
    return {str(name): str(entry) for name, entry in entries if name not in _RESERVED and isinstance(entry, kinds)}


class Assembly:
    """Takes judgements first, then queries and documents in any order, and builds the collection.

    Args:
        name: Name of the collection.
        languages: Only these are kept, None for all.
        allow_missing: Leave out, and count, judgements of absent texts instead of refusing them.
    """

    def __init__(self, name: str, languages: Iterable[str] | None, allow_missing: bool) -> None:
        self._builder = CollectionBuilder(name)
        self._wanted = None if languages is None else {canonical(label) for label in languages}
        self._allow_missing = allow_missing
        self._judgements: dict[str, dict[str, int]] = {}
        self._available: dict[str, None] = {}
        self._kept: dict[str, set[str]] = {"queries": set(), "documents": set()}
        self._passed_over: dict[str, set[str]] = {"queries": set(), "documents": set()}
        self._unjudged = 0

    def judge(self, query_id: str, document_id: str, grade: int, row: Row) -> None:
        """Record the judgement of a row.

        Raises:
            FormatError: The pair is there already.
        """
        judged = self._judgements.setdefault(query_id, {})
        if document_id in judged:
            raise row.error(f"document {document_id!r} is judged twice for query {query_id!r}; keep one of the lines")
        judged[document_id] = grade

    def add_query(self, id: str, row: Row, language: str, group: str | None) -> None:
        """Add a query, unless its language is not wanted or it has no judgement; the latter are counted."""
        text = row.field("text", str)
        if not self._keep("queries", id, language):
            return
        if id in self._judgements:
            self._builder.add_query(id, text, language, group, row.place, fields_of(row))
        else:
            self._unjudged += 1

    def add_document(self, id: str, row: Row, language: str, group: str | None) -> None:
        """Add a document, title and text joined by a space, unless its language is not wanted."""
        text = f"{row.optional('title', str) or ''} {row.field('text', str)}".strip()
        if self._keep("documents", id, language):
            self._builder.add_document(id, text, language, group, row.place)

    def _keep(self, kind: str, id: str, language: str) -> bool:
        self._available[language] = None
        kept = self._wanted is None or language in self._wanted
        (self._kept if kept else self._passed_over)[kind].add(id)
        return kept

    def build(self, source: str | Path, notes: dict[str, object]) -> Collection:
        """The finished collection; `source` is named in errors, and the notes are followed by what was left out.

        Raises:
            LanguageError: A wanted language is in no row.
            CollectionError: Judgements name absent texts and `allow_missing` is false, or nothing is left.
        """
        select(None if self._wanted is None else sorted(self._wanted), list(self._available), str(source))
        absent: dict[str, dict[str, None]] = {"queries": {}, "documents": {}}
        for query_id, judged in self._judgements.items():
            query_kept = self._has("queries", query_id, absent)
            for document_id, grade in judged.items():
                if self._has("documents", document_id, absent) and query_kept:
                    self._builder.judge(query_id, document_id, grade)
        self._builder.notes = {**notes, "queries_without_judgement": self._unjudged}
        for kind, ids in absent.items():
            if ids and not self._allow_missing:
                raise CollectionError(
                    f"{source}: the judgements name {len(ids):,} absent {kind}, such as {next(iter(ids))!r}; "
                    "add them, or give the option allow_missing=True to leave these judgements out"
                )
            if ids:
                self._builder.notes[f"judged_{kind}_missing"] = len(ids)
        return self._builder.build()

    def _has(self, kind: str, id: str, absent: dict[str, dict[str, None]]) -> bool:
        if id not in self._kept[kind] and id not in self._passed_over[kind]:
            absent[kind][id] = None
        return id in self._kept[kind]


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
