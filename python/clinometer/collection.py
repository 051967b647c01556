"""The test collection: documents, queries and graded relevance judgements, each with its language and parallel group.

Everything is held column by column and joined by row numbers, so that texts and ids never enter a scan; order is the
reader's order, and it breaks ties. A collection is never changed: `restrict` makes a new one.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinometer.errors import CollectionError
from clinometer.languages import canonical, select

__all__ = ["Collection", "CollectionBuilder", "Texts"]


@dataclass(frozen=True)
class Texts:
    """Documents or queries, column by column; all columns have the same length.

    Args:
        ids: Unique identifiers.
        texts: What is encoded.
        languages: Canonical labels (`clinometer.languages.canonical`).
        groups: Parallel group of each text (the same content in several languages has the same group), or None.
        fields: What else is known of the texts, such as their topic or source, by which results can be grouped: for
            each name one value per text, None where a text has none.
    """

    ids: tuple[str, ...]
    texts: tuple[str, ...]
    languages: tuple[str, ...]
    groups: tuple[str | None, ...]
    fields: dict[str, tuple[str | None, ...]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, rows: Iterable[int]) -> Texts:
        """The given rows, in the given order."""
        rows = [int(row) for row in rows]
        columns = (self.ids, self.texts, self.languages, self.groups)
        ids, texts, languages, groups = (tuple(column[row] for row in rows) for column in columns)
        fields = {name: tuple(column[row] for row in rows) for name, column in self.fields.items()}
        return Texts(ids, texts, languages, groups, fields)  # type: ignore[arg-type]

    def rows_in(self, languages: Iterable[str]) -> NDArray[np.int64]:
        """Row numbers of the texts in these languages, ascending."""
        wanted = set(languages)
        return np.array([row for row, label in enumerate(self.languages) if label in wanted], dtype=np.int64)


@dataclass(frozen=True)
class Collection:
    """A test collection whose documents may be in several languages.

    Args:
        name: Short name, such as `xquad`.
        documents: The pool of all languages together.
        queries: The queries of all languages together.
        indptr: `(queries + 1,)`: the judgements of query row q are `judged[indptr[q]:indptr[q + 1]]`.
        judged: Document rows, ascending within a query, each once.
        grades: Grade of each judgement; a document is relevant from grade 1 on.
        notes: What the reader found and did: unit, duplicates removed per language, groups without translation, ...

    Example:
        >>> builder = CollectionBuilder("tiny")
        >>> builder.add_document("d1", "A cat sleeps.", "en", group="cat")
        >>> builder.add_document("d2", "Eine Katze schläft.", "de", group="cat")
        >>> builder.add_query("q1", "Who sleeps?", "en", group="cat?")
        >>> builder.judge("q1", "d1")
        >>> builder.judge("q1", "d2")
        >>> collection = builder.build()
        >>> collection.languages, len(collection.documents), len(collection.queries)
        (('en', 'de'), 2, 1)
        >>> collection.restrict(["de"]).judged.tolist()
        []
    """

    name: str
    documents: Texts
    queries: Texts
    indptr: NDArray[np.int64]
    judged: NDArray[np.int64]
    grades: NDArray[np.int32]
    notes: dict[str, Any] = field(default_factory=dict)

    @property
    def languages(self) -> tuple[str, ...]:
        """Languages of the documents and of the queries, in the order in which they first appear."""
        return tuple(dict.fromkeys((*self.documents.languages, *self.queries.languages)))

    def restrict(self, languages: Iterable[str] | None = None) -> Collection:
        """The collection of these languages only: documents, queries and the judgements between them.

        Raises:
            LanguageError: A language is not in the collection.
        """
        if languages is None:
            return self
        chosen = select(languages, self.languages, f"collection {self.name!r}")
        return self._only(self.documents.rows_in(chosen), self.queries.rows_in(chosen))

    def complete(self) -> Collection:
        """The collection without what lacks a translation: every language then has the same questions and answers.

        A query is kept if its group is asked in every language of the queries and it has a relevant document in every
        language of the documents. A document is kept if it is relevant to a kept query, if its group is there in every
        language, or if it belongs to no group. `restrict` first: what is complete depends on the languages.

        Returns:
            The collection, with `incomplete_documents` and `incomplete_queries` in its notes: how many were left out in
            each language.

        Raises:
            CollectionError: No query is left.

        Example:
            >>> builder = CollectionBuilder("tiny")
            >>> for group, language in (("cat", "en"), ("cat", "de"), ("dog", "en")):
            ...     builder.add_document(f"d-{group}-{language}", f"{group} {language}", language, group)
            ...     builder.add_query(f"q-{group}-{language}", f"{group} {language}?", language, group)
            >>> for query in ("q-cat-en", "q-cat-de"):
            ...     for document in ("d-cat-en", "d-cat-de"):
            ...         builder.judge(query, document)
            >>> collection = builder.build().complete()
            >>> collection.documents.ids, collection.notes
            (('d-cat-en', 'd-cat-de'), {'incomplete_documents': {'en': 1}, 'incomplete_queries': {'en': 1}})
        """
        indptr, rows = self.relevant()
        query_of = np.repeat(np.arange(len(self.queries)), np.diff(indptr))
        languages = np.array(self.documents.languages, dtype=np.str_)
        answered = np.zeros(len(self.queries), dtype=np.int64)
        pairs = np.unique(np.stack([query_of.astype(np.str_), languages[rows]], axis=1), axis=0)
        np.add.at(answered, pairs[:, 0].astype(np.int64), 1)
        asked = _in_every_language(self.queries) & (answered == len(set(self.documents.languages)))
        if not asked.any():
            raise CollectionError(
                f"no query of {self.name!r} has an answer in every language ({', '.join(self.languages)}); choose "
                "fewer languages"
            )
        held = _in_every_language(self.documents)
        held[rows[asked[query_of]]] = True
        kept = self._only(np.flatnonzero(held), np.flatnonzero(asked))
        left_out = {
            f"incomplete_{kind}": dict(
                Counter(label for label, stays in zip(texts.languages, mask, strict=True) if not stays)
            )
            for kind, texts, mask in (("documents", self.documents, held), ("queries", self.queries, asked))
        }
        return replace(kept, notes={**self.notes, **left_out})

    def _only(self, kept_documents: NDArray[np.int64], kept_queries: NDArray[np.int64]) -> Collection:
        """The collection of these rows."""
        new_row = np.full(len(self.documents), -1, dtype=np.int64)
        new_row[kept_documents] = np.arange(len(kept_documents))
        judged, grades, indptr = [], [], [0]
        for query in kept_queries:
            span = slice(self.indptr[query], self.indptr[query + 1])
            rows = new_row[self.judged[span]]
            judged.append(rows[rows >= 0])
            grades.append(self.grades[span][rows >= 0])
            indptr.append(indptr[-1] + len(judged[-1]))
        return replace(
            self,
            documents=self.documents.take(kept_documents),
            queries=self.queries.take(kept_queries),
            indptr=np.array(indptr, dtype=np.int64),
            judged=np.concatenate(judged) if judged else np.empty(0, np.int64),
            grades=np.concatenate(grades) if grades else np.empty(0, np.int32),
        )

    def relevant(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The relevant documents as CSR `(indptr, document rows)`, grade 1 and above."""
        kept = self.grades >= 1
        before = np.concatenate([[0], np.cumsum(kept)])
        return before[self.indptr].astype(np.int64), self.judged[kept]

    def twins(self) -> list[NDArray[np.int64]]:
        """For each document, the other documents with the same language and the same text; an empty array for most.

        A one-sided pool must lose these together with the document, or the removed answer would still be there.
        """
        rows_by_text: dict[tuple[str, str], list[int]] = {}
        for row, key in enumerate(zip(self.documents.languages, self.documents.texts, strict=True)):
            rows_by_text.setdefault(key, []).append(row)
        nobody = np.empty(0, dtype=np.int64)
        found = [nobody] * len(self.documents)
        for rows in rows_by_text.values():
            if len(rows) > 1:
                for row in rows:
                    found[row] = np.array([other for other in rows if other != row], dtype=np.int64)
        return found

    def digest(self) -> str:
        """SHA-256 over ids, texts, languages and judgements: two collections with one digest give the same results."""
        sha = hashlib.sha256()
        for texts in (self.documents, self.queries):
            for row in zip(texts.ids, texts.languages, texts.texts, strict=True):
                sha.update("\x1f".join(row).encode() + b"\x1e")
        for column in (self.indptr, self.judged, self.grades):
            sha.update(np.ascontiguousarray(column).astype("<i8").tobytes())
        return sha.hexdigest()

    def describe(self) -> dict[str, Any]:
        """Counts for results and reports: texts per language, judgements, groups, digest, the reader's notes."""
        documents, queries = Counter(self.documents.languages), Counter(self.queries.languages)
        group_languages: dict[str, set[str]] = {}
        for group, language in zip(self.documents.groups, self.documents.languages, strict=True):
            if group is not None:
                group_languages.setdefault(group, set()).add(language)
        complete = sum(len(found) == len(documents) for found in group_languages.values())
        fields = {name: len(set(column) - {None}) for name, column in self.queries.fields.items()}
        return {
            "name": self.name,
            "languages": list(self.languages),
            "documents": {label: documents[label] for label in self.languages},
            "queries": {label: queries[label] for label in self.languages},
            "judgements": len(self.judged),
            "parallel_groups": len(group_languages),
            "complete_groups": complete,
            **({"query_fields": fields} if fields else {}),
            "digest": self.digest(),
            "notes": dict(self.notes),
        }

    def summary(self) -> str:
        """One paragraph for a terminal: what is in the collection, and what the reader removed."""
        facts = self.describe()
        per_language = ", ".join(
            f"{label} {facts['documents'][label]:,}/{facts['queries'][label]:,}" for label in facts["languages"]
        )
        lines = [
            f"{self.name}: {len(self.documents):,} documents, {len(self.queries):,} queries, "
            f"{len(self.judged):,} judgements, {len(facts['languages'])} languages",
            f"documents/queries by language: {per_language}",
            f"parallel groups: {facts['parallel_groups']:,}, of which {facts['complete_groups']:,} in every language",
        ]
        lines += [f"{key.replace('_', ' ')}: {_brief(value)}" for key, value in self.notes.items()]
        return "\n".join(lines)


def _in_every_language(texts: Texts) -> NDArray[np.bool_]:
    """Which texts belong to a group that is there in every language, or to none."""
    there: dict[str, set[str]] = {}
    for group, language in zip(texts.groups, texts.languages, strict=True):
        if group is not None:
            there.setdefault(group, set()).add(language)
    languages = len(set(texts.languages))
    return np.array([group is None or len(there[group]) == languages for group in texts.groups], dtype=bool)


def _brief(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {item}" for key, item in value.items()) or "none"
    return str(value)


class CollectionBuilder:
    """Puts a collection together and refuses what does not fit: duplicate ids, judgements of absent texts, empty texts.

    Readers add in the order of their files; `where` (such as `corpus.jsonl:17`) is named in errors.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.notes: dict[str, Any] = {}
        self._documents: dict[str, tuple[str, str, str | None]] = {}
        self._queries: dict[str, tuple[str, str, str | None]] = {}
        self._query_fields: dict[str, Mapping[str, str]] = {}
        self._judgements: dict[str, dict[str, int]] = {}

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

        `fields` is what else is known of it, by name, such as its topic.
        """
        self._add(self._queries, "query", id, text, language, group, where)
        self._query_fields[id] = fields or {}

    def _add(
        self,
        into: dict[str, tuple[str, str, str | None]],
        kind: str,
        id: str,
        text: str,
        language: str,
        group: str | None,
        where: str,
    ) -> None:
        place = f"{where}: " if where else ""
        if not isinstance(id, str):
            raise CollectionError(
                f"{place}{kind} id {id!r} is {type(id).__name__}, but ids are strings; quote it in the file"
            )
        if id in into:
            raise CollectionError(f"{place}{kind} id {id!r} is there twice; ids must be unique")
        if not text.strip():
            raise CollectionError(f"{place}{kind} {id!r} has no text; remove it or fill it in")
        into[id] = (text, canonical(language), group)

    def judge(self, query_id: str, document_id: str, grade: int = 1) -> None:
        """Record a judgement; a later one for the same pair replaces it, so readers check their own duplicates."""
        self._judgements.setdefault(query_id, {})[document_id] = int(grade)

    def build(self) -> Collection:
        """The finished collection.

        Raises:
            CollectionError: No documents or no queries, or judgements that name absent ones.
        """
        for kind, entries in (("documents", self._documents), ("queries", self._queries)):
            if not entries:
                raise CollectionError(f"{self.name} has no {kind}")
        document_row = {name: row for row, name in enumerate(self._documents)}
        _refuse_absent("queries", [name for name in self._judgements if name not in self._queries], list(self._queries))
        absent = {name for judged in self._judgements.values() for name in judged if name not in document_row}
        _refuse_absent("documents", list(dict.fromkeys(sorted(absent, key=str))), list(document_row))
        judged: list[int] = []
        grades: list[int] = []
        indptr = [0]
        for query in self._queries:
            rows = sorted((document_row[doc], grade) for doc, grade in self._judgements.get(query, {}).items())
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
            dict(self.notes),
        )


def _columns(entries: dict[str, tuple[str, str, str | None]]) -> Texts:
    texts, languages, groups = zip(*entries.values(), strict=True)
    return Texts(tuple(entries), texts, languages, groups)


def _fields(entries: Sequence[Mapping[str, str]]) -> dict[str, tuple[str | None, ...]]:
    names = dict.fromkeys(name for entry in entries for name in entry)
    return {name: tuple(entry.get(name) for entry in entries) for name in names}


def _refuse_absent(kind: str, absent: Sequence[Any], present: Sequence[str]) -> None:
    if not absent:
        return
    named = ", ".join(repr(name) for name in absent[:5]) + (", ..." if len(absent) > 5 else "")
    mend = "remove the judgements or add the texts"
    if any(not isinstance(name, str) and str(name) in present for name in absent):
        mend = "the judgements have numbers where the texts have strings: write both as strings"
    raise CollectionError(
        f"the judgements name {len(absent):,} {kind} that are not in the collection ({named}); {mend}"
    )
