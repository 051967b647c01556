"""The test collection: documents, queries and graded relevance judgements, each with its language and parallel group.

Data are held column by column and joined by row numbers, so that texts and ids never enter a scan; the order is the
reader's, and it breaks ties. A collection is immutable: `restrict` returns a new one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinometer.collection.columns import CodedColumn, Twins, coded, distinct, equal_rows, taken
from clinometer.errors import CollectionError, first_few, printable
from clinometer.languages import near, select

__all__ = ["Collection", "Texts", "hashed_rows"]

# Languages that a repr lists.
_SHOWN = 12
_HASHED = 1024


@dataclass(frozen=True)
class Texts:
    """Documents or queries, column by column; all columns have the same length.

    Args:
        ids: Unique identifiers.
        texts: The texts to encode.
        languages: Canonical labels (`clinometer.languages.canonical`).
        groups: Parallel group of each text (the same content in several languages has the same group), or None.
        fields: Further columns by name, such as topic or source, by which results can be grouped: one value per text,
            None where a text has none.
    """

    ids: Sequence[str]
    texts: Sequence[str]
    languages: Sequence[str]
    groups: Sequence[str | None]
    fields: dict[str, tuple[str | None, ...]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.ids)

    def __getstate__(self) -> dict[str, Any]:
        # A hash cannot be pickled; it is made again.
        return {name: value for name, value in self.__dict__.items() if name not in ("hashed", "coded_languages")}

    def take(self, rows: Iterable[int]) -> Texts:
        """The texts of some rows, in the order of `rows`; texts on the disk are not read."""
        numbers = np.fromiter((int(row) for row in rows), np.int64) if not isinstance(rows, np.ndarray) else rows
        columns = (self.ids, self.texts, self.languages, self.groups)
        ids, texts, languages, groups = (taken(column, numbers) for column in columns)
        fields = {name: tuple(column[row] for row in numbers.tolist()) for name, column in self.fields.items()}
        return Texts(ids, texts, languages, groups, fields)

    def rows_in(self, languages: Iterable[str]) -> NDArray[np.int64]:
        """Row numbers of the texts in these languages, ascending."""
        column, labels = self.coded_languages, set(languages)
        codes = [code for code, label in enumerate(column.labels) if label in labels]
        return np.flatnonzero(np.isin(column.codes, codes))

    def with_groups(self, groups: Sequence[str | None]) -> Texts:
        """The same texts with other groups."""
        texts = replace(self, groups=groups)
        if "hashed" in self.__dict__:  # of ids, languages and texts
            texts.__dict__["hashed"] = self.hashed
        return texts

    @cached_property
    def coded_languages(self) -> CodedColumn[str]:
        """The languages as codes, in the order in which they first appear."""
        return coded(self.languages).compact()

    @cached_property
    def hashed(self) -> Any:
        """A SHA-256 of ids, languages and texts, to be copied before more is added; a reader may have made it."""
        sha = hashlib.sha256()
        for part in hashed_rows(self.ids, self.languages, self.texts):
            sha.update(part)
        return sha


def hashed_rows(ids: Sequence[str], languages: Sequence[str], texts: Sequence[str]) -> Iterator[bytes]:
    """The bytes of texts that a digest covers, in parts."""
    for start in range(0, len(ids), _HASHED):
        columns = [column[start : start + _HASHED] for column in (ids, languages, texts)]
        # One join of all cells copies each text once.
        cells = ["\x1f"] * (6 * len(columns[0]))
        cells[0::6], cells[2::6], cells[4::6] = columns
        cells[5::6] = ["\x1e"] * len(columns[0])
        yield "".join(cells).encode()


@dataclass(frozen=True)
class Collection:
    """A test collection whose documents may be in several languages.

    Args:
        name: Short name, such as `xquad`.
        documents: Documents of all languages together.
        queries: Queries of all languages together.
        indptr: `(queries + 1,)`: the judgements of query row q are `judged[indptr[q]:indptr[q + 1]]`.
        judged: Document rows, ascending within a query, each once.
        grades: Grade of each judgement; a document is relevant from grade 1 on.
        notes: What the reader noted: unit, duplicates removed per language, groups without translation, ...

    Example:
        >>> from clinometer.collection import CollectionBuilder
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

    def __repr__(self) -> str:
        """Name and counts in two lines, never the texts."""
        shown = _per_language(self._language_counts())
        if len(shown) > _SHOWN:
            shown[_SHOWN:] = [f"... ({len(shown) - _SHOWN} more)"]
        return f"Collection {self.name!r}: {self._sizes()}\n  documents/queries by language: {', '.join(shown)}"

    def _repr_html_(self) -> str:
        """The same counts as a table, for a notebook."""
        counts = self._language_counts()
        rows = [(label, f"{documents:,}", f"{queries:,}") for label, documents, queries in counts[:_SHOWN]]
        if len(counts) > _SHOWN:
            rows.append((f"... ({len(counts) - _SHOWN} more)", "", ""))
        body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
        head = "<tr><th>Language</th><th>Documents</th><th>Queries</th></tr>"
        caption = escape(f"{self.name!r}: {self._sizes()}")
        return f"<table><caption>{caption}</caption>{head}{body}</table>"

    def _sizes(self) -> str:
        return f"{len(self.documents):,} documents, {len(self.queries):,} queries, {len(self.judged):,} judgements"

    def _language_counts(self) -> list[tuple[str, int, int]]:
        """Each language with its number of documents and queries."""
        documents, queries = self.documents.coded_languages.counts(), self.queries.coded_languages.counts()
        return [(label, documents.get(label, 0), queries.get(label, 0)) for label in self.languages]

    def _group_counts(self) -> tuple[int, int]:
        """Number of parallel groups of the documents, and of those with every language of the documents."""
        counts, _ = _languages_per_group(self.documents)
        complete = counts == len(self.documents.coded_languages.labels)
        return int(np.count_nonzero(counts)), int(np.count_nonzero(complete))

    @property
    def languages(self) -> tuple[str, ...]:
        """Languages of the documents and of the queries, in the order in which they first appear."""
        return tuple(dict.fromkeys((*self.documents.coded_languages.labels, *self.queries.coded_languages.labels)))

    def restrict(self, languages: Iterable[str] | None = None) -> Collection:
        """The collection of these languages only: documents, queries and the judgements between them.

        Raises:
            LanguageError: A language is not in the collection.
        """
        if languages is None:
            return self
        labels = select(languages, self.languages, f"collection {self.name!r}")
        return self.only(self.documents.rows_in(labels), self.queries.rows_in(labels))

    def require_texts(self, purpose: str) -> None:
        """Refuse a collection of which only ids and languages are known (`texts_absent` in its notes).

        Raises:
            CollectionError: It has no texts of documents or of queries.
        """
        if absent := self.notes.get("texts_absent"):
            raise CollectionError(
                f"{self.name!r} has no texts of {absent}, which {purpose} needs; add them, or evaluate a "
                "run, scores or precomputed embeddings"
            )

    def complete(self) -> Collection:
        """The collection without texts that lack a translation: then all languages have the same questions and texts.

        A query is kept if its group is complete in the languages of the queries and it has a relevant document in every
        language of the documents. A document is kept if it is relevant to a kept query, if its group is complete in the
        languages of the documents, or if it has no group. Call `restrict` first: it changes what is complete.

        Returns:
            The collection, with `incomplete_documents` and `incomplete_queries` in its notes: the number left out, by
            language.

        Raises:
            CollectionError: No query is left.

        Example:
            >>> from clinometer.collection import CollectionBuilder
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
        languages = self.documents.coded_languages
        count = len(languages.labels)
        pairs = distinct(query_of * count + languages.codes[rows])
        relevant_language_counts = np.bincount(pairs // count, minlength=len(self.queries))
        query_mask = _in_every_language(self.queries) & (relevant_language_counts == count)
        if not query_mask.any():
            raise CollectionError(
                f"no query of {self.name!r} has a relevant document in every language ({', '.join(self.languages)}); "
                "choose fewer languages"
            )
        document_mask = _in_every_language(self.documents)
        document_mask[rows[query_mask[query_of]]] = True
        complete_part = self.only(np.flatnonzero(document_mask), np.flatnonzero(query_mask))
        masks = {"documents": (self.documents, document_mask), "queries": (self.queries, query_mask)}
        left_out = {
            f"incomplete_{kind}": texts.coded_languages.take(np.flatnonzero(~mask)).counts()
            for kind, (texts, mask) in masks.items()
        }
        return replace(complete_part, notes={**self.notes, **left_out})

    def only(self, document_rows: NDArray[np.int64], query_rows: NDArray[np.int64]) -> Collection:
        """The collection of these rows, each given once and in ascending order, and the judgements between them."""
        documents = self.documents
        new_row = np.full(len(documents), -1, dtype=np.int64)
        new_row[document_rows] = np.arange(len(document_rows))
        judged, grades, indptr = [], [], [0]
        for query in query_rows:
            span = slice(self.indptr[query], self.indptr[query + 1])
            new_rows = new_row[self.judged[span]]
            judged.append(new_rows[new_rows >= 0])
            grades.append(self.grades[span][new_rows >= 0])
            indptr.append(indptr[-1] + len(judged[-1]))
        return replace(
            self,
            documents=documents if len(document_rows) == len(documents) else documents.take(document_rows),
            queries=self.queries.take(query_rows),
            indptr=np.array(indptr, dtype=np.int64),
            judged=np.concatenate(judged) if judged else np.empty(0, np.int64),
            grades=np.concatenate(grades) if grades else np.empty(0, np.int32),
        )

    def relevant(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The relevant documents as CSR `(indptr, document rows)`, grade 1 and above."""
        mask = self.grades >= 1
        relevant_before = np.concatenate([[0], np.cumsum(mask)])
        return relevant_before[self.indptr].astype(np.int64), self.judged[mask]

    def twins(self) -> Twins:
        """For each document, the other documents with the same language and the same text; an empty array for most.

        A one-sided pool must lose these with the document; otherwise the removed relevant document would remain.
        """
        rows, firsts = equal_rows(self.documents.texts)
        languages = self.documents.coded_languages
        return Twins(len(self.documents), rows, firsts * len(languages.labels) + languages.codes[rows])

    def digest(self) -> str:
        """SHA-256 over ids, texts, languages and judgements: collections with the same digest give the same results."""
        return self._digest

    @cached_property
    def _digest(self) -> str:
        sha = self.documents.hashed.copy()
        for part in hashed_rows(self.queries.ids, self.queries.languages, self.queries.texts):
            sha.update(part)
        for column in (self.indptr, self.judged, self.grades):
            sha.update(np.ascontiguousarray(column).astype("<i8").tobytes())
        digest: str = sha.hexdigest()
        return digest

    def describe(self) -> dict[str, Any]:
        """Counts for results and reports: texts per language, judgements, groups, digest, the reader's notes."""
        counts = self._language_counts()
        groups, complete_groups = self._group_counts()
        fields = {name: len(set(column) - {None}) for name, column in self.queries.fields.items()}
        return {
            "name": self.name,
            "languages": [label for label, _, _ in counts],
            "documents": {label: documents for label, documents, _ in counts},
            "queries": {label: queries for label, _, queries in counts},
            "judgements": len(self.judged),
            "parallel_groups": groups,
            "complete_groups": complete_groups,
            **({"query_fields": fields} if fields else {}),
            "digest": self.digest(),
            "notes": dict(self.notes),
        }

    def notices(self) -> list[str]:
        """Sentences for results about languages that do not meet and parallel texts that are not known as such.

        Example:
            >>> from clinometer.collection import CollectionBuilder
            >>> builder = CollectionBuilder("tiny")
            >>> builder.add_document("d1", "Eine Katze.", "de")
            >>> builder.add_query("q1", "Wer?", "german")
            >>> for sentence in builder.build().notices():
            ...     print(sentence)
            german has 1 queries but no documents; near labels: de; if they are one language, give it one label
            de has 1 documents but no queries; near labels: german; if they are one language, give it one label
        """
        sentences = []
        sides = {
            "queries": self.queries.coded_languages.counts(),
            "documents": self.documents.coded_languages.counts(),
        }
        for kind, other in (("queries", "documents"), ("documents", "queries")):
            far_labels = []
            for label, count in sides[kind].items():
                if label in sides[other]:
                    continue
                if labels := near(label, sides[other]):
                    sentences.append(
                        f"{label} has {count:,} {kind} but no {other}; near labels: {first_few(labels, show=str)}; "
                        "if they are one language, give it one label"
                    )
                else:
                    far_labels.append(label)
            if far_labels:
                sentences.append(f"languages with {kind} but no {other}: {first_few(far_labels, _SHOWN, str)}")
        if unknown := self.notes.get("parallel_texts_without_group"):
            numbers = " and ".join(f"{count:,} {kind}" for kind, count in unknown.items())
            sentences.append(
                f"{numbers} share relevant judgements across languages but have no group; if there are translations "
                "among them, give those of one text the same value in the field 'group', or they count as unrelated"
            )
        return sentences

    def summary(self) -> str:
        """A few lines for a terminal: the contents of the collection, and what the reader removed."""
        counts = self._language_counts()
        groups, complete_groups = self._group_counts()
        lines = [
            f"{self.name}: {self._sizes()}, {len(counts)} languages",
            f"documents/queries by language: {', '.join(_per_language(counts))}",
            f"parallel groups: {groups:,}, of which {complete_groups:,} in every language",
        ]
        for key, value in self.notes.items():
            if isinstance(value, dict):
                value = ", ".join(f"{name} {item}" for name, item in value.items()) or "none"
            lines.append(f"{key.replace('_', ' ')}: {value}")
        return "\n".join(map(printable, lines))


def _languages_per_group(texts: Texts) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Number of languages of each group, and the number of each text's group, -1 for none."""
    groups, languages = coded(texts.groups), texts.coded_languages
    numbers = np.array([-1 if label is None else code for code, label in enumerate(groups.labels)], dtype=np.int64)
    group_of = numbers[groups.codes] if len(numbers) else np.empty(0, dtype=np.int64)
    in_group = group_of >= 0
    count = max(len(languages.labels), 1)
    pairs = distinct(group_of[in_group] * count + languages.codes[in_group])
    return np.bincount(pairs // count, minlength=len(numbers)), group_of


def _in_every_language(texts: Texts) -> NDArray[np.bool_]:
    """Mask of the texts whose group has a text in every language, or that have no group."""
    counts, group_of = _languages_per_group(texts)
    mask: NDArray[np.bool_] = (group_of < 0) | (counts[group_of] == len(texts.coded_languages.labels))
    return mask


def _per_language(counts: list[tuple[str, int, int]]) -> list[str]:
    return [f"{label} {documents:,}/{queries:,}" for label, documents, queries in counts]
