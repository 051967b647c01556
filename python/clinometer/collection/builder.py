"""Builds a collection text by text, and counts or refuses what does not fit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Mapping, Sequence
from typing import Any

import numpy as np

from clinometer.collection.base import Collection
from clinometer.collection.grades import checked_grade
from clinometer.collection.side import Side
from clinometer.collection.stored_texts import Span, Spans, TextSink
from clinometer.errors import CollectionError, first_few, shown
from clinometer.languages import canonical

__all__ = ["CollectionBuilder"]


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
        self._sides = {"document": Side(hashing=True), "query": Side(hashing=False)}
        self._query_fields: list[Mapping[str, str]] = []
        self._judgements: dict[str, dict[str, int]] = {}
        self._spellings: dict[str, Counter[str]] = {}

    def hold_documents(self, sink: TextSink) -> None:
        """Where the texts of documents are held, before any is added; by default in memory or a temporary file."""
        self._sides["document"].texts = sink

    def has(self, kind: str, id: str) -> bool:
        """Whether a `document` or `query` was added, or left out because it is empty."""
        return id in self._sides[kind].row_of or id in self._sides[kind].empty

    def add_document(
        self, id: str, text: str, language: str, group: str | None = None, where: str = "", span: Span | None = None
    ) -> None:
        """Add a document; `language` may have any form that `languages.canonical` reads.

        `span` is where its line is in the file that holds the texts, for `hold_documents`.
        """
        self._add("document", id, text, language, group, where, span)

    def add_documents(
        self,
        ids: Sequence[str],
        texts: Sequence[str],
        languages: Sequence[str],
        groups: Sequence[str | None],
        spans: Spans | None = None,
    ) -> bool:
        """Add many documents at once, unless one of them is to be refused, left out or counted: then none is.

        Args:
            ids: Ids of the documents, which are strings.
            texts: Their texts.
            languages: Their languages, as the source spells them.
            groups: Their parallel groups.
            spans: As for `add_document`.

        Returns:
            Whether they were added; if not, `add_document` says of each what is to become of it.

        Raises:
            LanguageError: A label is not a language label.
        """
        side = self._sides["document"]
        spellings = Counter(languages)
        label_of = {spelling: canonical(spelling) for spelling in spellings}
        if not all(map(str.strip, texts)) or not side.extend(
            ids, texts, list(map(label_of.__getitem__, languages)), groups, spans
        ):
            return False
        for spelling, count in spellings.items():
            self._spellings.setdefault(label_of[spelling], Counter())[spelling] += count
        return True

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
        if self._add("query", id, text, language, group, where, None):
            self._query_fields.append(fields or {})

    def _add(
        self, kind: str, id: str, text: str, language: str, group: str | None, where: str, span: Span | None
    ) -> bool:
        """Whether the text was added, not left out."""
        prefix = f"{where}: " if where else ""
        if not isinstance(id, str):
            raise CollectionError(
                f"{prefix}{kind} id {shown(id)} is {type(id).__name__}, but ids are strings; quote it in the file"
            )
        side, label, empty = self._sides[kind], canonical(language), not text.strip()
        if id in side.row_of or id in side.empty:
            same = empty if id in side.empty else side.repeats_exactly(id, text, label, group)
            if not (self._leave_out and same):
                differing = "" if same or not self._leave_out else ", and here it has another text, language or group"
                raise CollectionError(f"{prefix}duplicate {kind} id {shown(id)}; ids must be unique{differing}")
            side.repeats[label] += 1
            return False
        if empty:
            if not self._leave_out:
                raise CollectionError(f"{prefix}{kind} {shown(id)} has no text; remove it or fill it in")
            side.empty[id] = label
            return False
        self._spellings.setdefault(label, Counter())[language] += 1
        side.add(id, text, label, group, span)
        return True

    def judge(self, query_id: str, document_id: str, grade: int = 1) -> None:
        """Record a judgement; a later one for the same pair replaces it, so readers check their own duplicates."""
        self._judgements.setdefault(query_id, {})[document_id] = checked_grade(grade, query_id, document_id)

    def build(self) -> Collection:
        """The finished collection.

        Raises:
            CollectionError: There are no documents or no queries, or judgements name missing ones.
        """
        documents, queries = self._sides["document"], self._sides["query"]
        for kind, side in (("documents", documents), ("queries", queries)):
            if not side:
                raise CollectionError(f"{self.name} has no {kind}")
        judgements, notes = self._without_empty_texts()
        row_of_document = documents.row_of
        _refuse_missing("queries", [name for name in judgements if name not in queries.row_of], queries.row_of)
        missing = {name for judged in judgements.values() for name in judged if name not in row_of_document}
        _refuse_missing("documents", sorted(missing, key=str), row_of_document)
        judged: list[int] = []
        grades: list[int] = []
        indptr = [0]
        for query in queries.row_of:
            rows = sorted((row_of_document[doc], grade) for doc, grade in judgements.get(query, {}).items())
            judged += [row for row, _ in rows]
            grades += [grade for _, grade in rows]
            indptr.append(len(judged))
        return Collection(
            self.name,
            documents.columns({}),
            queries.columns(_fields(self._query_fields)),
            np.array(indptr, dtype=np.int64),
            np.array(judged, dtype=np.int64),
            np.array(grades, dtype=np.int32),
            {**self.notes, **self._left_out(), **notes, **self._merged()},
        )

    def _without_empty_texts(self) -> tuple[dict[str, dict[str, int]], dict[str, Any]]:
        """The judgements of texts that are in the collection, or nowhere, and a note of the others."""
        empty_queries, empty_documents = self._sides["query"].empty, self._sides["document"].empty
        if not (empty_queries or empty_documents):
            return self._judgements, {}
        judgements: dict[str, dict[str, int]] = {}
        dropped: Counter[str] = Counter()
        for query, grades in self._judgements.items():
            for document, grade in grades.items():
                if query in empty_queries or document in empty_documents:
                    dropped["relevant" if grade >= 1 else "not relevant"] += 1
                else:
                    judgements.setdefault(query, {})[document] = grade
        return judgements, {"judgements_of_empty_texts_left_out": dict(sorted(dropped.items()))} if dropped else {}

    def _left_out(self) -> dict[str, dict[str, int]]:
        """Numbers of empty and repeated texts, by language."""
        notes: dict[str, dict[str, int]] = {}
        for kind, plural in (("document", "documents"), ("query", "queries")):
            side = self._sides[kind]
            counts = {"empty": Counter(side.empty.values()), "repeated": side.repeats}
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


def _fields(entries: Sequence[Mapping[str, str]]) -> dict[str, tuple[str | None, ...]]:
    names = dict.fromkeys(name for entry in entries for name in entry)
    return {name: tuple(entry.get(name) for entry in entries) for name in names}


def _refuse_missing(kind: str, missing: Sequence[Any], present: Container[str]) -> None:
    if not missing:
        return
    fix = "remove the judgements or add the texts"
    if any(not isinstance(name, str) and str(name) in present for name in missing):
        fix = "the judgements have numbers where the texts have strings: write both as strings"
    raise CollectionError(
        f"the judgements name {len(missing):,} {kind} that are not in the collection ({first_few(missing)}); {fix}"
    )
