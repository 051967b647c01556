"""A collection as the files of TREC's tools and Anserini: `qrels.txt`, `topics.tsv`, `corpus.jsonl`, read and written.

These formats cannot hold languages, so those are in `languages.tsv`. Judgements and runs without texts are read too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import msgspec

from clinometer.collection import Collection
from clinometer.contents import decode_text, numbered_lines
from clinometer.errors import FormatError, MissingFileError, shown
from clinometer.files import folder_written_whole
from clinometer.files.packed import bare_name, refuse_unread
from clinometer.io.ids import Ids
from clinometer.io.judgements import read_judgements
from clinometer.io.retrieval import Assembly, Labeller
from clinometer.io.rows import Row, jsonl_rows
from clinometer.io.textfiles import optional_file, require_folder, write_lines
from clinometer.io.trec import qrels_of, read_run, refuse_white_space, write_qrels

__all__ = ["read_trec", "write_trec"]

_QRELS = re.compile(r"qrels[^/]*?")
_RUN = re.compile(r"run[^/]*?|[^/]*\.(run|trec)")


def read_trec(
    folder: str | Path,
    *,
    language: str | None = None,
    languages: Iterable[str] | None = None,
    allow_missing: bool = False,
) -> Collection:
    """A test collection as `write_trec` writes it, or judgements with runs and no texts.

    Without `corpus.jsonl` the documents are all that are judged, in a run of the folder (`run*`, `*.run`, `*.trec`), or
    in `languages.tsv` and not a query; without `topics.tsv` the queries are those that are judged. Such a collection
    can be evaluated with runs, scores and precomputed embeddings only. A language is the one in `languages.tsv` (id,
    tab, label), else what the option says.

    Args:
        folder: Folder with one file `qrels*` (TREC's or BEIR's columns), and any of the other files, each also
            packed (`.gz`, `.zst`).
        language: Label of the texts that `languages.tsv` lacks, or `id` where ids begin with one, as in `read_beir`.
        languages: Labels of the languages to keep, None for all.
        allow_missing: Whether to leave out, and count, judgements whose query or document is not in the files.

    Returns:
        A collection with the folder's name.

    Raises:
        FileNotFoundError: The folder, or judgements in it, do not exist.
        FormatError: A line is broken, or a text has no language or two.
        CollectionError: An id has two texts, or judgements name missing texts.
        LanguageError: No text has a requested language.
    """
    folder = require_folder(folder)
    qrels = _only(folder, _QRELS, "qrels.txt")
    judgements = read_judgements(qrels)
    label_of = _labels(folder)
    assembly, labels, ids = Assembly(folder.resolve().name, languages, allow_missing), Labeller(language), Ids()
    place = Row({}, qrels, 1)
    for query, grades in judgements.items():
        for document, grade in grades.items():
            assembly.judge(query, document, grade, place)
    topics, corpus = optional_file(folder, "topics.tsv"), optional_file(folder, "corpus.jsonl")
    queries = _topic_rows(topics) if topics else ((query, place, query) for query in judgements)
    documents = _document_rows(corpus, ids) if corpus else _without_texts(folder, judgements, label_of, place)
    for rows, add in ((queries, assembly.add_query), (documents, assembly.add_document)):
        for name, origin, text in rows:
            if name not in label_of and language is None:
                raise origin.error(
                    f"{shown(name)} has no language; add it to languages.tsv (id, tab, label), or give the option "
                    "language='en' or language='id'"
                )
            row = Row({"text": text, "language": label_of.get(name)}, origin.path, origin.line)
            add(name, row, labels.label(name, row), None)
    notes: dict[str, object] = {"languages_found_by": dict(labels.found_by), **ids.notes()}
    collection = assembly.build(folder, notes)
    absent = [kind for kind, path in (("queries", topics), ("documents", corpus)) if path is None]
    return (
        replace(collection, notes={**collection.notes, "texts_absent": " and ".join(absent)}) if absent else collection
    )


def _only(folder: Path, pattern: re.Pattern[str], expected: str) -> Path:
    paths = _all(folder, pattern)
    if not paths:
        raise MissingFileError(f"{folder} has no judgements such as {expected}; check the path of the folder")
    if len(paths) > 1:
        raise FormatError(folder, None, f"{paths[0].name} and {paths[1].name} are both judgements; keep one of them")
    return paths[0]


def _all(folder: Path, pattern: re.Pattern[str]) -> list[Path]:
    paths = sorted(path for path in folder.iterdir() if path.is_file() and pattern.fullmatch(bare_name(path.name)))
    for path in paths:
        refuse_unread(path)
    return paths


def _labels(folder: Path) -> dict[str, str]:
    """The labels in `languages.tsv` by id."""
    path = optional_file(folder, "languages.tsv")
    label_of: dict[str, str] = {}
    for row, (name, label) in _pairs(path) if path else ():
        if row.language(label_of.setdefault(name, label)) != row.language(label):
            raise row.error(
                f"{shown(name)} is {label_of[name]} above and {label} here; give queries and documents different ids"
            )
    return label_of


def _pairs(path: Path) -> Iterator[tuple[Row, list[str]]]:
    """Lines of two cells, separated by the first tab."""
    for number, raw in numbered_lines(path):
        row = Row({}, path, number)
        cells = decode_text(raw, path, number).split("\t", 1)
        if len(cells) != 2 or not cells[0]:
            raise row.error("expected two columns, separated by a tab, the first with an id")
        yield row, cells


def _topic_rows(path: Path) -> Iterator[tuple[str, Row, str]]:
    yield from ((name, row, text) for row, (name, text) in _pairs(path))


def _document_rows(path: Path, ids: Ids) -> Iterator[tuple[str, Row, str]]:
    yield from ((ids.of(row, "id", "corpus"), row, row.field("contents", str)) for row in jsonl_rows(path))


def _without_texts(
    folder: Path, judgements: dict[str, dict[str, int]], label_of: dict[str, str], place: Row
) -> Iterator[tuple[str, Row, str]]:
    """Documents of which only ids are known; an id stands for a text, so that no two have the same."""
    documents = dict.fromkeys(name for name in label_of if name not in judgements)
    for grades in judgements.values():
        documents |= dict.fromkeys(grades)
    origins = dict.fromkeys(documents, place)
    for path in _all(folder, _RUN):
        for ranked in read_run(path).values():
            for name in ranked:
                origins.setdefault(name, Row({}, path, 1))
    yield from ((name, origin, name) for name, origin in origins.items())


def write_trec(collection: Collection, folder: str | Path) -> None:
    """Write a collection for TREC's tools.

    `qrels.txt` has the judgements (`query_id 0 document_id grade`), `topics.tsv` a query a line (id, tab, text on one
    line), `corpus.jsonl` a document a line (`id` and `contents`, as Anserini's `JsonCollection` reads it), and
    `languages.tsv` the language of each document and query (id, tab, label). The folder is written completely or not
    at all.

    Args:
        collection: Collection to write.
        folder: New or empty folder.

    Raises:
        UsageError: The folder is not empty, or an id has white space.
        CollectionError: The collection has no texts.
        FileNotFoundError: The folder's parent does not exist.
    """
    collection.require_texts("writing its files")
    refuse_white_space(collection.documents.ids, "document id")
    refuse_white_space(collection.queries.ids, "query id")
    with folder_written_whole(folder) as unfinished:
        write_qrels(unfinished / "qrels.txt", qrels_of(collection))
        write_lines(unfinished / "topics.tsv", _topics(collection))
        write_lines(unfinished / "corpus.jsonl", _documents(collection))
        write_lines(unfinished / "languages.tsv", _languages(collection))


def _topics(collection: Collection) -> Iterator[str]:
    for name, text in zip(collection.queries.ids, collection.queries.texts, strict=True):
        # The format allows one line and one tab only.
        yield f"{name}\t{' '.join(text.split())}"


def _documents(collection: Collection) -> Iterator[str]:
    for name, text in zip(collection.documents.ids, collection.documents.texts, strict=True):
        yield msgspec.json.encode({"id": name, "contents": text}).decode()


def _languages(collection: Collection) -> Iterator[str]:
    for texts in (collection.documents, collection.queries):
        for name, language in zip(texts.ids, texts.languages, strict=True):
            yield f"{name}\t{language}"
