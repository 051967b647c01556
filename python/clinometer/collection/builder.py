"""Builds a collection text by text, and counts or refuses what does not fit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from clinometer.collection.base import Collection, Texts
from clinometer.collection.grades import checked_grade
from clinometer.errors import CollectionError, first_few, shown
from clinometer.languages import canonical

__all__ = ["CollectionBuilder"]

# Text, language and group by id.
_Entries = dict[str, tuple[str, str, str | None]]


class CollectionBuilder:
    """Builds a collection and refuses what does not fit: duplicate ids, judgements of missing texts, empty texts.

    Readers add in the order of their files; errors name `where` (such as `corpus.jsonl:17`).

    Args:
        name: Name of the collection.
        leave_out: Whether to leave out empty texts, with their judgements, and exact repeats of a text under its id.
            The notes of the collection count them by language. Readers of files do; an id with two texts is refused.

    Example:
        >>> builder = CollectionBuilder("tiny", leave_out=True)
        >>> for id, text in (("d1", "Eine Katze."), ("d2", " "), ("d1", "Eine Katze.")):
        ...     builder.add_document(id, text, "deu_Latn")
        >>> builder.add_query("q1", "Wer?", "de")
        >>> builder.build().notes["documents_empty_left_out"], builder.build().notes["documents_repeated_left_out"]
        ({'de': 1}, {'de': 1})
    """

    def __init__(self, name: str, *, leave_out: bool = False) -> None:
        self.name = name
        self.notes: dict[str, Any] = {}
        self._leave_out = leave_out
        self._documents: _Entries = {}
        self._queries: _Entries = {}
        self._query_fields: dict[str, Mapping[str, str]] = {}
        self._judgements: dict[str, dict[str, int]] = {}
        self._empty: dict[str, dict[str, str]] = {"document": {}, "query": {}}
        self._repeats: dict[str, Counter[str]] = {"document": Counter(), "query": Counter()}
        self._spellings: dict[str, Counter[str]] = {}

    def add_document(self, id: str, text: str, language: str, group: str | None = None, where: str = "") -> None:
        """Add a document; `language` may have any form that `languages.canonical` reads."""
        self._add(self._documents, "document", id, text, language, group, where)

    def add_query(
        self,
        id: str,
        text: str,
        language: str,
        group: str | None = None,
        where: str = "",
        fields: Mapping[str, str] | None = None,
    ) -> None:
        """Add a query; `language` may have any form that `languages.canonical` reads.

        `fields` are further values by name, such as its topic.
        """
        if self._add(self._queries, "query", id, text, language, group, where):
            self._query_fields[id] = fields or {}

    def _add(
        self, entries: _Entries, kind: str, id: str, text: str, language: str, group: str | None, where: str
    ) -> bool:
        """Whether the text was added, not left out."""
        prefix = f"{where}: " if where else ""
        if not isinstance(id, str):
            raise CollectionError(
                f"{prefix}{kind} id {shown(id)} is {type(id).__name__}, but ids are strings; quote it in the file"
            )
        label, empty = canonical(language), not text.strip()
        entry = (text, label, group)
        if id in entries or id in self._empty[kind]:
            same = empty if id in self._empty[kind] else entries[id] == entry
            if not (self._leave_out and same):
                differing = "" if same or not self._leave_out else ", and here it has another text, language or group"
                raise CollectionError(f"{prefix}duplicate {kind} id {shown(id)}; ids must be unique{differing}")
            self._repeats[kind][label] += 1
            return False
        if empty:
            if not self._leave_out:
                raise CollectionError(f"{prefix}{kind} {shown(id)} has no text; remove it or fill it in")
            self._empty[kind][id] = label
            return False
        self._spellings.setdefault(label, Counter())[language] += 1
        entries[id] = entry
        return True

    def judge(self, query_id: str, document_id: str, grade: int = 1) -> None:
        """Record a judgement; a later one for the same pair replaces it, so readers check their own duplicates."""
        self._judgements.setdefault(query_id, {})[document_id] = checked_grade(grade, query_id, document_id)

    def build(self) -> Collection:
        """The finished collection.

        Raises:
            CollectionError: There are no documents or no queries, or judgements name missing ones.
        """
        for kind, entries in (("documents", self._documents), ("queries", self._queries)):
            if not entries:
                raise CollectionError(f"{self.name} has no {kind}")
        judgements, notes = self._without_empty_texts()
        row_of_document = {name: row for row, name in enumerate(self._documents)}
        _refuse_missing("queries", [name for name in judgements if name not in self._queries], self._queries)
        missing = {name for judged in judgements.values() for name in judged if name not in row_of_document}
        _refuse_missing("documents", sorted(missing, key=str), self._documents)
        judged: list[int] = []
        grades: list[int] = []
        indptr = [0]
        for query in self._queries:
            rows = sorted((row_of_document[doc], grade) for doc, grade in judgements.get(query, {}).items())
            judged += [row for row, _ in rows]
            grades += [grade for _, grade in rows]
            indptr.append(len(judged))
        return Collection(
            self.name,
            _columns(self._documents),
            replace(_columns(self._queries), fields=_fields(list(self._query_fields.values()))),
            np.array(indptr, dtype=np.int64),
            np.array(judged, dtype=np.int64),
            np.array(grades, dtype=np.int32),
            {**self.notes, **self._left_out(), **notes, **self._merged()},
        )

    def _without_empty_texts(self) -> tuple[dict[str, dict[str, int]], dict[str, Any]]:
        """The judgements of texts that are in the collection, or nowhere, and a note of the others."""
        if not any(self._empty.values()):
            return self._judgements, {}
        judgements: dict[str, dict[str, int]] = {}
        dropped: Counter[str] = Counter()
        for query, grades in self._judgements.items():
            for document, grade in grades.items():
                if query in self._empty["query"] or document in self._empty["document"]:
                    dropped["relevant" if grade >= 1 else "not relevant"] += 1
                else:
                    judgements.setdefault(query, {})[document] = grade
        return judgements, {"judgements_of_empty_texts_left_out": dict(sorted(dropped.items()))} if dropped else {}

    def _left_out(self) -> dict[str, dict[str, int]]:
        """Numbers of empty and repeated texts, by language."""
        notes: dict[str, dict[str, int]] = {}
        for kind, plural in (("document", "documents"), ("query", "queries")):
            counts = {"empty": Counter(self._empty[kind].values()), "repeated": self._repeats[kind]}
            for reason, count_of_language in counts.items():
                if count_of_language:
                    notes[f"{plural}_{reason}_left_out"] = dict(sorted(count_of_language.items()))
        return notes

    def _merged(self) -> dict[str, dict[str, str]]:
        """The spellings of languages that have several, with the number of texts of each."""
        merged = {
            label: " and ".join(f"{spelling} {count:,}" for spelling, count in spellings.most_common())
            for label, spellings in self._spellings.items()
            if len(spellings) > 1
        }
        return {"labels_merged": merged} if merged else {}


def _columns(entries: _Entries) -> Texts:
    texts, languages, groups = zip(*entries.values(), strict=True)
    return Texts(tuple(entries), texts, languages, groups)


def _fields(entries: Sequence[Mapping[str, str]]) -> dict[str, tuple[str | None, ...]]:
    names = dict.fromkeys(name for entry in entries for name in entry)
    return {name: tuple(entry.get(name) for entry in entries) for name in names}


def _refuse_missing(kind: str, missing: Sequence[Any], present: _Entries) -> None:
    if not missing:
        return
    fix = "remove the judgements or add the texts"
    if any(not isinstance(name, str) and str(name) in present for name in missing):
        fix = "the judgements have numbers where the texts have strings: write both as strings"
    raise CollectionError(
        f"the judgements name {len(missing):,} {kind} that are not in the collection ({first_few(missing)}); {fix}"
    )
