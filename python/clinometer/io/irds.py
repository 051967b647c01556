"""Test collections by their names in `ir_datasets`: NeuCLIR, HC4, MIRACL, mMARCO and others that the user has.

Their judgements are partial: the notes say so, and an evaluation then reports how much of the top is judged.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from clinometer.collection import Collection
from clinometer.errors import CollectionError, UsageError, first_line, optional_package
from clinometer.io.grades import whole_grade
from clinometer.io.retrieval import Assembly
from clinometer.io.rows import Row
from clinometer.languages import KNOWN, canonical

__all__ = ["read_irds"]

_LANGUAGE_FIELDS = ("lang", "language")


class _Part(NamedTuple):
    """One data set: its name as the user wrote it, its contents, and whether ids get their language."""

    name: str
    data: Any
    prefixed: bool

    def id(self, id: str, language: str) -> str:
        return f"{language}:{id}" if self.prefixed else id


def read_irds(
    names: Sequence[str],
    *,
    languages: Iterable[str] | None = None,
    language: str | None = None,
    query_language: str | None = None,
    query_field: str | None = None,
    parallel: bool = False,
    judged_only: bool = False,
    allow_missing: bool = False,
) -> Collection:
    """One or several data sets of `ir_datasets` as one collection.

    A document's language is the one that the data set states for all its documents, else the field `lang` or `language`
    of the document, else the only part of the name that is a language (`corpus/de/test`), else the option. For queries
    it is the one that the data set states, else the option; the name says nothing about queries.

    Several data sets form one pool. Ids then get their language as a prefix (`zh:abc`). A query with the same id,
    language and text in several data sets, such as the English topics of NeuCLIR, is one query, with the relevant
    documents of each.

    Args:
        names: Names of data sets, such as `["neuclir/1/zh/trec-2022", "neuclir/1/fa/trec-2022"]`.
        languages: Labels of the languages to keep, None for all.
        language: Language of documents for which none is known.
        query_language: Language of queries for which none is known.
        query_field: Field with the text of a query, such as `ht_title`; the data set's own choice if None.
        parallel: Whether an id has the same content in all data sets, as in mMARCO. If so it is the parallel group, and
            a document relevant in one language is relevant in all.
        judged_only: Whether to keep only judged documents: a smaller pool, with easier questions.
        allow_missing: Whether to leave out, and count, judgements whose query or document is missing.

    Raises:
        MissingExtraError: The package `ir-datasets` is not installed.
        UsageError: A name is unknown, or an option does not fit.
        CollectionError: A data set is not available, has no judgements, or the parts do not fit together.
        FormatError: A row has no language or lacks the field.
    """
    parts = [_Part(name.strip(), _loaded(name.strip()), len(names) > 1) for name in names]
    if parallel and len(parts) == 1:
        raise UsageError(f"irds:{names[0]}: parallel is for several data sets; leave it out")
    reader = _Reader(language, query_language, query_field)
    title = parts[0].name.replace("/", "-") if len(parts) == 1 else parts[0].name.partition("/")[0]
    assembly = Assembly(title, languages, allow_missing)
    judged = [_judged(part) for part in parts]
    judged_ids = {row.fields["document"] for rows in judged for row in rows}
    queries = [list(reader.queries(part)) for part in parts]
    # Documents stream into the collection; their languages are needed for the ids of judged ones only.
    document_languages: list[dict[str, str]] = []
    for part in parts:
        languages_of: dict[str, str] = {}
        document_languages.append(languages_of)
        for row, label in reader.documents(part, judged_ids if judged_only else None):
            name = row.fields["id"]
            if name in judged_ids:
                languages_of[name] = label
            assembly.add_document(part.id(name, label), row, row.fields["language"], name if parallel else None)
    for part, rows, query_rows, own_languages in zip(parts, judged, queries, document_languages, strict=True):
        query_languages = {row.fields["id"]: label for row, label in query_rows}
        for row in rows:
            query, document = row.fields["query"], row.fields["document"]
            pools = document_languages if parallel else [own_languages]
            labels = [language_of[document] for language_of in pools if document in language_of]
            # A missing text has no language; its judgement is counted as one of a missing text.
            for label in dict.fromkeys(labels or ["?"]):
                judgement = part.id(query, query_languages.get(query, "?")), part.id(document, label)
                assembly.judge(*judgement, whole_grade(row.fields["grade"], row, "grade"), row)
    text_of_query: dict[str, str] = {}
    for part, query_rows in zip(parts, queries, strict=True):
        for row, label in query_rows:
            name, text = part.id(row.fields["id"], label), row.fields["text"]
            if name not in text_of_query:
                assembly.add_query(name, row, row.fields["language"], row.fields["id"] if parallel else None)
            elif text_of_query[name] != text:
                raise row.error(f"query {name!r} has another text in another data set; evaluate them one by one")
            text_of_query[name] = text
    notes: dict[str, object] = {
        "ir_datasets": ", ".join(part.name for part in parts),
        "languages_found_by": dict(reader.found_by),
        "judgements_are": "partial",
    }
    if judged_only:
        notes["documents_not_judged_left_out"] = reader.left_out
    return assembly.build(f"irds:{','.join(part.name for part in parts)}", notes)


def _loaded(name: str) -> Any:
    ir_datasets = optional_package("ir_datasets", "reading a data set of ir_datasets", "irds")
    try:
        data = ir_datasets.load(name)
    except KeyError:
        raise UsageError(f"ir_datasets has no data set {name!r}; look at its catalogue for the name") from None
    missing = [what for what in ("docs", "queries", "qrels") if not getattr(data, f"has_{what}")()]
    if missing:
        raise CollectionError(
            f"irds:{name} has no {', '.join(missing)}; name one of its parts that has them, such as .../test"
        )
    return data


def _judged(part: _Part) -> list[Row]:
    source = f"irds:{part.name}/qrels"
    return [
        Row({"query": qrel.query_id, "document": qrel.doc_id, "grade": qrel.relevance}, source, number)
        for number, qrel in enumerate(_rows(part, "qrels"), start=1)
    ]


def _rows(part: _Part, what: str) -> Iterator[Any]:
    try:
        yield from getattr(part.data, f"{what}_iter")()
    except Exception as error:  # ir_datasets raises many types
        raise CollectionError(
            f"irds:{part.name}: the {what} could not be read ({first_line(error)[:200]}); get them as "
            "ir_datasets says, or set IR_DATASETS_HOME to the folder that holds them"
        ) from error


class _Reader:
    """Reads texts with their languages; counts how languages were determined, and the documents left out."""

    def __init__(self, language: str | None, query_language: str | None, query_field: str | None) -> None:
        self._language, self._query_language = language, query_language
        for label in filter(None, (language, query_language)):
            canonical(label)  # refuses an option that is not a label, before anything is read
        self._query_field = query_field
        self.found_by: Counter[str] = Counter()
        self.left_out = 0

    def queries(self, part: _Part) -> Iterator[tuple[Row, str]]:
        """Each query with its language."""
        stated = _stated(part, "queries")
        for number, query in enumerate(_rows(part, "queries"), start=1):
            row = Row({"id": query.query_id}, f"irds:{part.name}/queries", number)
            label = stated or _own(query) or self._query_language
            if label is None:
                raise row.error("the language of the queries is not known; give the option query_language='en'")
            if self._query_field is not None and not isinstance(getattr(query, self._query_field, None), str):
                fields = ", ".join(getattr(query, "_fields", ()))
                raise row.error(f"a query has no text {self._query_field!r}; it has {fields}")
            text = getattr(query, self._query_field) if self._query_field else query.default_text()
            row.fields.update(text=text, language=label)
            self.found_by["queries: stated" if stated or _own(query) else "queries: option"] += 1
            yield row, row.language(label)

    def documents(self, part: _Part, document_ids: set[str] | None) -> Iterator[tuple[Row, str]]:
        """Each document with its language; `document_ids` are those to keep, None for all."""
        stated = _stated(part, "docs")
        in_name = [piece for piece in part.name.split("/") if piece in KNOWN]
        for number, document in enumerate(_rows(part, "docs"), start=1):
            if document_ids is not None and document.doc_id not in document_ids:
                self.left_out += 1
                continue
            row = Row({"id": document.doc_id}, f"irds:{part.name}/docs", number)
            candidates = (
                ("stated", stated),
                ("field", _own(document)),
                ("name", in_name[0] if len(in_name) == 1 else None),
                ("option", self._language),
            )
            source, label = next(((source, label) for source, label in candidates if label), ("", None))
            if label is None:
                raise row.error("the language of the documents is not known; give the option language='de'")
            text = document.default_text()
            row.fields.update(text=text, language=label)
            self.found_by[f"documents: {source}"] += 1
            yield row, row.language(label)


def _stated(part: _Part, what: str) -> str | None:
    stated_language = getattr(part.data, f"{what}_lang", None)
    label = stated_language() if callable(stated_language) else None
    return label if isinstance(label, str) else None


def _own(text: Any) -> str | None:
    labels = (getattr(text, name, None) for name in _LANGUAGE_FIELDS)
    return next((label for label in labels if isinstance(label, str) and label), None)
