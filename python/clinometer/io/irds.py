"""Test collections by their names in `ir_datasets`: NeuCLIR, HC4, MIRACL, mMARCO and others, where the user has them.

Their judgements are partial: the notes say so, and an evaluation then reports how much of the top is judged at all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from clinometer.collection import Collection
from clinometer.errors import CollectionError, MissingExtraError, UsageError
from clinometer.io.retrieval import Assembly
from clinometer.io.rows import Row
from clinometer.languages import KNOWN, canonical

__all__ = ["read_irds"]

_LANGUAGE_FIELDS = ("lang", "language")


class _Part(NamedTuple):
    """One data set.

    Args:
        name: As the user wrote it.
        data: What `ir_datasets.load` gave.
        before: Whether ids get their language before them.
    """

    name: str
    data: Any
    before: bool

    def id(self, id: str, language: str) -> str:
        return f"{language}:{id}" if self.before else id


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

    A document's language is that which the data set states for all its documents, else the field `lang` or `language`
    of the document, else the one part of the name that is a language (`corpus/de/test`), else the option. For queries
    it is what the data set states, or the option; a name tells nothing of them.

    Several data sets lie in one pool. Ids then get their language before them (`zh:abc`). A query with one id, language
    and text in several data sets, as the English topics of NeuCLIR have it, is one query, and what is relevant in each
    of them is relevant to it.

    Args:
        names: Such as `["neuclir/1/zh/trec-2022", "neuclir/1/fa/trec-2022"]`.
        languages: Only these are kept, None for all.
        language: Of documents whose language is not known.
        query_language: Of queries whose language is not known.
        query_field: Which field of a query is asked, such as `ht_title`; the data set's own choice if None.
        parallel: Whether one id in several data sets is one content in several languages, as in mMARCO. If so it is the
            parallel group, and what is relevant in one language is relevant in all.
        judged_only: Keep only documents that some query's judgements name: a smaller pool, with easier questions.
        allow_missing: Leave out, and count, judgements whose query or document is not there.

    Raises:
        MissingExtraError: The package `ir-datasets` is not installed.
        UsageError: A name is unknown, or an option does not fit.
        CollectionError: A data set cannot be had, has no judgements, or the parts do not fit together.
        FormatError: A row has no language or lacks the field.
    """
    parts = [_Part(name.strip(), _loaded(name.strip()), len(names) > 1) for name in names]
    if parallel and len(parts) == 1:
        raise UsageError(f"irds:{names[0]}: parallel is for several data sets; leave it out")
    reading = _Reading(language, query_language, query_field)
    title = parts[0].name.replace("/", "-") if len(parts) == 1 else parts[0].name.partition("/")[0]
    assembly = Assembly(title, languages, allow_missing)
    judged = [_judged(part) for part in parts]
    kept = {row.fields["document"] for rows in judged for row in rows} if judged_only else None
    queries = [list(reading.queries(part)) for part in parts]
    documents = [list(reading.documents(part, kept)) for part in parts]
    places = [{row.fields["id"]: label for row, label in found} for found in documents]
    for part, rows, asked, own in zip(parts, judged, queries, places, strict=True):
        language_of = {row.fields["id"]: label for row, label in asked}
        for row in rows:
            query, document = row.fields["query"], row.fields["document"]
            labels = [place[document] for place in (places if parallel else [own]) if document in place]
            # A text that is not there has no language; the judgement is counted as one of an absent text.
            for label in dict.fromkeys(labels or ["?"]):
                judgement = part.id(query, language_of.get(query, "?")), part.id(document, label)
                assembly.judge(*judgement, row.fields["grade"], row)
    seen: dict[str, str] = {}
    for part, asked in zip(parts, queries, strict=True):
        for row, label in asked:
            name, text = part.id(row.fields["id"], label), row.fields["text"]
            if name not in seen:
                assembly.add_query(name, row, label, row.fields["id"] if parallel else None)
            elif seen[name] != text:
                raise row.error(f"query {name!r} has another text in another data set; evaluate them one by one")
            seen[name] = text
    for part, found in zip(parts, documents, strict=True):
        for row, label in found:
            assembly.add_document(part.id(row.fields["id"], label), row, label, row.fields["id"] if parallel else None)
    notes: dict[str, object] = {
        "ir_datasets": ", ".join(part.name for part in parts),
        "languages_found_by": dict(reading.found_by),
        "judgements_are": "partial",
    }
    if judged_only:
        notes["documents_not_judged_left_out"] = reading.left_out
    if reading.empty:
        notes["texts_empty_left_out"] = reading.empty
    return assembly.build(f"irds:{','.join(part.name for part in parts)}", notes)


def _loaded(name: str) -> Any:
    try:
        import ir_datasets
    except ImportError:
        raise MissingExtraError("reading a data set of ir_datasets", "irds") from None
    try:
        data = ir_datasets.load(name)
    except KeyError:
        raise UsageError(f"ir_datasets has no data set {name!r}; look at its catalogue for the name") from None
    lacking = [what for what in ("docs", "queries", "qrels") if not getattr(data, f"has_{what}")()]
    if lacking:
        raise CollectionError(f"irds:{name} has no {', '.join(lacking)}; name one of its parts that has, as .../test")
    return data


def _judged(part: _Part) -> list[Row]:
    return [
        Row({"query": one.query_id, "document": one.doc_id, "grade": int(one.relevance)}, f"irds:{part.name}/qrels", at)
        for at, one in enumerate(_rows(part, "qrels"), start=1)
    ]


def _rows(part: _Part, what: str) -> Iterator[Any]:
    try:
        yield from getattr(part.data, f"{what}_iter")()
    except Exception as error:  # whatever it is, ir_datasets could not give the data
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise CollectionError(
            f"irds:{part.name}: the {what} could not be read ({reason[:200]}); get them as ir_datasets says, or set "
            "IR_DATASETS_HOME to the folder where they lie"
        ) from error


class _Reading:
    """Reads texts with their languages and counts what was found how, and what was left out."""

    def __init__(self, language: str | None, query_language: str | None, query_field: str | None) -> None:
        self._language = None if language is None else canonical(language)
        self._query_language = None if query_language is None else canonical(query_language)
        self._query_field = query_field
        self.found_by: Counter[str] = Counter()
        self.left_out = self.empty = 0

    def queries(self, part: _Part) -> Iterator[tuple[Row, str]]:
        """Each query with its language."""
        stated = _stated(part, "queries")
        for at, query in enumerate(_rows(part, "queries"), start=1):
            row = Row({"id": query.query_id}, f"irds:{part.name}/queries", at)
            label = stated or _own(query) or self._query_language
            if label is None:
                raise row.error("the language of the queries is not known; give the option query_language='en'")
            if self._query_field is not None and not isinstance(getattr(query, self._query_field, None), str):
                fields = ", ".join(getattr(query, "_fields", ()))
                raise row.error(f"a query has no text {self._query_field!r}; it has {fields}")
            text = getattr(query, self._query_field) if self._query_field else query.default_text()
            if self._has_text(text):
                row.fields["text"] = text
                self.found_by["queries: stated" if stated or _own(query) else "queries: option"] += 1
                yield row, row.language(label)

    def documents(self, part: _Part, kept: set[str] | None) -> Iterator[tuple[Row, str]]:
        """Each document with its language; `kept` are the ids of those that are wanted."""
        stated = _stated(part, "docs")
        in_name = [piece for piece in part.name.split("/") if piece in KNOWN]
        for at, document in enumerate(_rows(part, "docs"), start=1):
            if kept is not None and document.doc_id not in kept:
                self.left_out += 1
                continue
            row = Row({"id": document.doc_id}, f"irds:{part.name}/docs", at)
            ways = (
                ("stated", stated),
                ("field", _own(document)),
                ("name", in_name[0] if len(in_name) == 1 else None),
                ("option", self._language),
            )
            how, label = next(((how, label) for how, label in ways if label), ("", None))
            if label is None:
                raise row.error("the language of the documents is not known; give the option language='de'")
            text = document.default_text()
            if self._has_text(text):
                row.fields["text"] = text
                self.found_by[f"documents: {how}"] += 1
                yield row, row.language(label)

    def _has_text(self, text: str) -> bool:
        self.empty += not text.strip()
        return bool(text.strip())


def _stated(part: _Part, what: str) -> str | None:
    ask = getattr(part.data, f"{what}_lang", None)
    label = ask() if callable(ask) else None
    return label if isinstance(label, str) else None


def _own(text: Any) -> str | None:
    found = (getattr(text, name, None) for name in _LANGUAGE_FIELDS)
    return next((label for label in found if isinstance(label, str) and label), None)
