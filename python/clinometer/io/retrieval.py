"""Documents, queries and judgements in BEIR's shape, from files or the Hub, assembled into a collection.

The language of every text comes from its row or from an option; it is never guessed, and the notes count the sources.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import compress
from pathlib import Path
from typing import NamedTuple

from clinometer.collection import Collection, CollectionBuilder
from clinometer.collection.groups import with_inferred_groups
from clinometer.collection.stored_texts import Span, Spans, TextSink
from clinometer.errors import CollectionError, shown
from clinometer.io.rows import Row
from clinometer.languages import canonical, select

__all__ = [
    "Assembly",
    "DistinctDocuments",
    "Documents",
    "Labeller",
    "add_judgement",
    "group_in_id",
    "group_of",
    "joined",
    "judge_translations",
]

_RESERVED = ("language", "group", "parallel_id")
_ID_PREFIX = re.compile(r"([A-Za-z]{2,3}(?:[-_][A-Za-z]{4})?):|([A-Za-z]{2,3})-")


class Labeller:
    """Determines the language of rows and counts where it came from.

    Args:
        language: Label of the rows that state none, or `id` to take it from ids such as `en:12` or `en-12`; None
            refuses such rows.

    Example:
        >>> labels = Labeller("id")
        >>> labels.label("zh-Hant:12", Row({"_id": "zh-Hant:12"}, "corpus.jsonl", 1))
        'zh-Hant'
        >>> labels.label("12", Row({"_id": "12", "language": "deu"}, "corpus.jsonl", 2))
        'deu'
        >>> dict(labels.found_by)
        {'id': 1, 'field': 1}
    """

    def __init__(self, language: str | None) -> None:
        self._from_id = language == "id"
        self._fixed = None if language is None or self._from_id else language
        canonical(self._fixed or "en")  # refuses an option that is not a label, before anything is read
        self.found_by: Counter[str] = Counter()

    def label(self, id: str, row: Row) -> str:
        """The label of a row as it is written: its `language` or `lang`, else `metadata.language`, else the option.

        Raises:
            FormatError: The row has no label, or an invalid one.
        """
        stated = row.optional("language", str) or row.optional("lang", str)
        label, source = self.choose(id, stated, None if stated else row.inside("metadata").optional("language", str))
        if not label and self._from_id:
            raise row.error(
                f"{shown(id)} has no language, and the id does not begin with one, such as 'en:12' or 'en-12'"
            )
        if not label:
            raise row.error(
                f"{shown(id)} has no language; add the field 'language', or give the option language='en' or "
                "language='id'"
            )
        self.found_by[source] += 1
        row.language(label)
        return label

    def choose(self, id: str, in_field: str | None, in_metadata: str | None) -> tuple[str, str]:
        """The label of a row and where it came from; both empty if there is none."""
        if in_field:
            return in_field, "field"
        if in_metadata:
            return in_metadata, "metadata"
        if self._fixed:
            return self._fixed, "option"
        prefix = _ID_PREFIX.match(id) if self._from_id else None
        return (prefix[1] or prefix[2], "id") if prefix else ("", "")


def group_of(row: Row) -> str | None:
    """The parallel group of a row: its `group`, else `metadata.group` or `metadata.parallel_id`, else None."""
    metadata = row.inside("metadata")
    return row.optional("group", str) or metadata.optional("group", str) or metadata.optional("parallel_id", str)


def _names_group(row: Row) -> bool:
    """Whether a row has a field for its group, though it may say that there is none (null)."""
    fields, metadata = row.fields, row.inside("metadata").fields
    return "group" in fields or "group" in metadata or "parallel_id" in metadata


def group_in_id(id: str, label: str) -> str | None:
    """What follows the language at the beginning of an id, after `:`, `_` or `-`; None if it does not begin so.

    Example:
        >>> group_in_id("en_q7", "en"), group_in_id("zh-Hant:7", "zh-Hant"), group_in_id("q7", "en")
        ('q7', '7', None)
    """
    rest = id.removeprefix(label)
    return rest[1:] if len(rest) > 1 and rest[0] in ":_-" and rest != id else None


def joined(title: str | None, text: str) -> str:
    """The text of a document: its title and text joined by a space, without outer white space."""
    return f"{title} {text}".strip() if title else text.strip()


def fields_of(row: Row) -> dict[str, str]:
    """Entries of a row's `metadata` that are text or numbers, except its language and group."""
    entries = row.inside("metadata").fields.items()
    kinds = (str, int, float)
    return {str(name): str(entry) for name, entry in entries if name not in _RESERVED and isinstance(entry, kinds)}


def add_judgement(judgements: dict[str, dict[str, int]], query_id: str, document_id: str, grade: int, row: Row) -> None:
    """Add the judgement of a row, unless its pair is already judged."""
    grades = judgements.setdefault(query_id, {})
    if document_id in grades:
        raise row.error(
            f"document {shown(document_id)} is judged twice for query {shown(query_id)}; keep one of the lines"
        )
    grades[document_id] = grade


class Documents(NamedTuple):
    """Documents column by column, as a file has them.

    Args:
        ids: Ids, none empty.
        texts: Title and text together.
        languages: Languages as the source spells them.
        groups: Parallel groups.
        names_groups: Whether a document has a field for its group.
    """

    ids: Sequence[str]
    texts: Sequence[str]
    languages: Sequence[str]
    groups: Sequence[str | None]
    names_groups: bool


class Assembly:
    """Takes documents, judgements, and after these the queries, and builds the collection.

    Args:
        name: Name of the collection.
        languages: Labels of the languages to keep, None for all.
        allow_missing: Whether to leave out, and count, judgements of missing texts instead of refusing them.
    """

    def __init__(self, name: str, languages: Iterable[str] | None, allow_missing: bool) -> None:
        self._builder = CollectionBuilder(name, leave_out=True)
        self._languages = None if languages is None else {canonical(label) for label in languages}
        self._allow_missing = allow_missing
        self._judgements: dict[str, dict[str, int]] = {}
        self._available: dict[str, None] = {}
        self._skipped: dict[str, set[str]] = {"query": set(), "document": set()}
        self._unjudged = 0
        self._names_groups = False

    def judge(self, query_id: str, document_id: str, grade: int, row: Row) -> None:
        """Record the judgement of a row; see `add_judgement`."""
        add_judgement(self._judgements, query_id, document_id, grade, row)

    def add_query(self, id: str, row: Row, language: str, group: str | None) -> None:
        """Add a query, unless its language was not requested or it has no judgement; the latter are counted."""
        text = row.field("text", str)
        self._names_groups |= _names_group(row)
        if not self._keep("query", id, language):
            return
        if id in self._judgements:
            self._builder.add_query(id, text, language, group, row.place, fields_of(row))
        else:
            self._unjudged += 1

    def hold_documents(self, sink: TextSink) -> None:
        """Where the texts of documents are held; see `CollectionBuilder.hold_documents`."""
        self._builder.hold_documents(sink)

    def add_document(self, id: str, row: Row, language: str, group: str | None, span: Span | None = None) -> None:
        """Add a document, title and text joined by a space, unless its language was not requested."""
        text = joined(row.optional("title", str), row.field("text", str))
        self._names_groups |= _names_group(row)
        if self._keep("document", id, language):
            self._builder.add_document(id, text, language, group, row.place, span)

    def add_documents(self, documents: Documents, spans: Spans | None, path: Path, lines: Sequence[int]) -> None:
        """Add many documents, as `add_document` does each.

        Args:
            documents: The documents.
            spans: Where their lines are, for `hold_documents`.
            path: Their file.
            lines: Number of each one's line.

        Raises:
            LanguageError: A label is not a language label; nothing is added.
            CollectionError: As for `CollectionBuilder.add_document`.
        """
        label_of = {spelling: canonical(spelling) for spelling in dict.fromkeys(documents.languages)}
        self._available |= dict.fromkeys(label_of.values())
        self._names_groups |= documents.names_groups
        ids, texts, languages, groups, _ = documents
        if self._languages is not None and not self._languages.issuperset(label_of.values()):
            keep = [label_of[spelling] in self._languages for spelling in languages]
            self._skipped["document"].update(name for name, kept in zip(ids, keep, strict=True) if not kept)
            ids, texts, languages = (list(compress(column, keep)) for column in (ids, texts, languages))
            groups, lines = list(compress(groups, keep)), list(compress(lines, keep))
            spans = None if spans is None else spans.only(keep)
        if self._builder.add_documents(ids, texts, languages, groups, spans):
            return
        for row, (name, text, language, group) in enumerate(zip(ids, texts, languages, groups, strict=True)):
            span = None if spans is None else spans.at(row)
            self._builder.add_document(name, text, language, group, f"{path}:{lines[row]}", span)

    def _keep(self, kind: str, id: str, language: str) -> bool:
        label = canonical(language)
        self._available[label] = None
        keep = self._languages is None or label in self._languages
        if not keep:
            self._skipped[kind].add(id)
        return keep

    def build(self, source: str | Path, notes: dict[str, object]) -> Collection:
        """The finished collection; errors name `source`, and counts of what was left out follow the notes.

        Raises:
            LanguageError: No row has a requested language.
            CollectionError: Judgements name missing texts and `allow_missing` is false, or nothing is left.
        """
        select(None if self._languages is None else sorted(self._languages), list(self._available), str(source))
        missing: dict[str, dict[str, None]] = {"queries": {}, "documents": {}}
        for query_id, grades in self._judgements.items():
            query_kept = self._has("query", query_id, missing["queries"])
            for document_id, grade in grades.items():
                if self._has("document", document_id, missing["documents"]) and query_kept:
                    self._builder.judge(query_id, document_id, grade)
        self._builder.notes = {**notes, "queries_without_judgement": self._unjudged}
        for kind, ids in missing.items():
            if ids and not self._allow_missing:
                raise CollectionError(
                    f"{source}: the judgements name {len(ids):,} missing {kind}, such as {shown(next(iter(ids)))}; "
                    "add them, or give the option allow_missing=True to leave these judgements out"
                )
            if ids:
                self._builder.notes[f"judged_{kind}_missing"] = len(ids)
        collection = self._builder.build()
        return collection if self._names_groups else with_inferred_groups(collection)

    def _has(self, kind: str, id: str, missing: dict[str, None]) -> bool:
        kept = self._builder.has(kind, id)
        if not kept and id not in self._skipped[kind]:
            missing[id] = None
        return kept


def judge_translations(builder: CollectionBuilder, document_ids: Mapping[str, Mapping[str, str]]) -> None:
    """Judge every translation of a question's document as relevant to every translation of the question.

    Args:
        builder: Builder with the queries, whose ids are `LANGUAGE:GROUP`.
        document_ids: The document's id in each language, by the group of the question.
    """
    for group, id_of_language in document_ids.items():
        for language in id_of_language:
            for document_id in id_of_language.values():
                builder.judge(f"{language}:{group}", document_id)


class DistinctDocuments:
    """Adds documents to a builder, each text once in each language.

    Args:
        builder: Builder that receives the documents.
        keep_repeats: Whether to add repeated texts too, and only count them.

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
        """Add the document unless its text is already in the collection; returns the id to judge."""
        key = (canonical(language), text)
        if text.strip() and key in self._first:
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
