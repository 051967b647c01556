"""BEIR folders: `corpus.jsonl`, `queries.jsonl` and `qrels/SPLIT.tsv`, also as `.gz` or `.zst`, read and written.

Instead of `.jsonl` the texts may be in `.parquet`, with the same names of columns.

Options settle what the files leave open (languages, queries of other splits), and the notes count it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from clinometer.collection import Collection, Texts
from clinometer.contents import decode_text, numbered_lines
from clinometer.errors import UsageError, shown
from clinometer.files import folder_written_whole
from clinometer.io.documents import read_documents
from clinometer.io.grades import is_grade, whole_grade
from clinometer.io.ids import Ids
from clinometer.io.retrieval import Assembly, Labeller, group_of
from clinometer.io.rows import Row, jsonl_rows
from clinometer.io.tables import parquet_batches
from clinometer.io.textfiles import find_file, optional_file, require_folder, write_lines

__all__ = ["read_beir", "tsv_judgements", "write_beir"]

_COLUMNS = ("query-id", "corpus-id", "score")
_TREC_COLUMNS = ("query-id", "iteration", "corpus-id", "score")


def read_beir(
    folder: str | Path,
    *,
    split: str = "test",
    language: str | None = None,
    languages: Iterable[str] | None = None,
    allow_missing: bool = False,
) -> Collection:
    """A test collection in BEIR's layout.

    A document's text is its title and text joined by a space, without outer white space. A language is the row's
    `language` or `lang`, else its `metadata.language`, else what the option says. A parallel group is the row's
    `group`, else `metadata.group` or `metadata.parallel_id`; if no row has such a field, groups are inferred from the
    judgements if there is only one way (`clinometer.collection.groups`). Other entries of a query's `metadata` become
    its fields. Empty texts, with their judgements, and exact repeats of a row are left out and counted.

    Args:
        folder: Folder with `corpus.jsonl`, `queries.jsonl` and `qrels/`; each file also packed (`.gz`, `.zst`), and
            those of texts also as `corpus.parquet` and `queries.parquet`. A plain file of more than 32 MiB stays the
            place of its texts: it must not change while the collection is in use.
        split: Name of the file in `qrels/` to read; queries without a judgement in it are left out and counted.
        language: Label of the rows that state none, or `id` where ids begin with a label (`en:12`, `zh-Hant:12`, or
            `en-12`, the latter with two or three letters only). Nothing is identified from texts. A row without a label
            is refused.
        languages: Labels of the languages to keep, None for all.
        allow_missing: Whether to leave out, and count, judgements whose query or document is not in the files.

    Returns:
        A collection with the folder's name.

    Raises:
        FileNotFoundError: A file does not exist.
        FormatError: A line is broken, lacks a field, has no language, repeats a judgement, or grades with a fraction.
        CollectionError: An id has two texts, or judgements name missing texts.
        LanguageError: No row has a requested language.
    """
    folder = require_folder(folder)
    corpus, queries = _texts_file(folder, "corpus"), _texts_file(folder, "queries")
    assembly = Assembly(folder.resolve().name, languages, allow_missing)
    labels, ids = Labeller(language), Ids()
    for row, grade in tsv_judgements(find_file(folder, f"qrels/{split}.tsv")):
        assembly.judge(row.fields["query-id"], row.fields["corpus-id"], grade, row)
    for row in _rows_of(queries):
        name = ids.of(row, "_id", "queries")
        assembly.add_query(name, row, labels.label(name, row), group_of(row))
    read_documents(corpus, assembly, labels, ids)
    return assembly.build(folder, {"split": split, "languages_found_by": dict(labels.found_by), **ids.notes()})


def _texts_file(folder: Path, stem: str) -> Path:
    """The file of texts, JSONL or parquet; one of them must exist."""
    table = folder / f"{stem}.parquet"
    if not table.is_file():
        return find_file(folder, f"{stem}.jsonl")
    if lines := optional_file(folder, f"{stem}.jsonl"):
        raise UsageError(f"{folder} has both {lines.name} and {table.name}; remove one of them")
    return table


def _rows_of(path: Path) -> Iterator[Row]:
    if path.suffix != ".parquet":
        yield from jsonl_rows(path)
        return
    for first, batch in parquet_batches(path):
        for number, fields in enumerate(batch, first):
            yield Row(fields, path, number)


def tsv_judgements(path: Path) -> Iterator[tuple[Row, int]]:
    """The rows of a table of judgements, each with its grade.

    The first line says which columns there are: the names `query-id`, `corpus-id` and `score`, or, without names, these
    three, or TREC's four. Cells are separated by tabs, TREC's also by other white space. Among TREC's, lines that begin
    with `#` are comments.

    Raises:
        FormatError: A line is broken.
    """
    columns: tuple[str, ...] = ()
    for line, raw in numbered_lines(path):
        text = decode_text(raw, path, line)
        if text.startswith("#") and columns != _COLUMNS:
            continue
        cells = text.split("\t")
        if len(cells) == 1 and columns != _COLUMNS:
            cells = text.split()
        if not columns:
            columns = _columns_of(cells, path, line)
            if tuple(cells) == _COLUMNS:
                continue
        row = Row(dict(zip(columns, cells, strict=False)), path, line)
        if len(cells) != len(columns):
            raise row.error(f"{len(cells)} columns, but expected {len(columns)}, separated by tabs")
        yield row, whole_grade(row.fields["score"], row)


def _columns_of(cells: Sequence[str], path: Path, line: int) -> tuple[str, ...]:
    """The columns that the first line of a table names or has."""
    if tuple(cells) == _COLUMNS:
        return _COLUMNS
    columns = {len(_COLUMNS): _COLUMNS, len(_TREC_COLUMNS): _TREC_COLUMNS}.get(len(cells))
    if columns is None or not is_grade(cells[-1]) or not cells[0]:
        raise Row({}, path, line).error(
            f"the first line should be {', '.join(_COLUMNS)}, separated by tabs, or a judgement in these columns or in "
            "TREC's: query id, 0, document id, grade"
        )
    return columns


def write_beir(collection: Collection, folder: str | Path) -> None:
    """Write a collection in BEIR's layout, with `language` and `group` in each row and judgements in `qrels/test.tsv`.

    Reading it back gives the same collection, except for the notes, the outer white space of documents, and queries
    without a judgement. The folder is written completely or not at all.

    Args:
        collection: Collection to write.
        folder: New or empty folder.

    Raises:
        UsageError: The folder is not empty, or an id has a tab or line break, which the table cannot hold.
        CollectionError: The collection has no texts.
        FileNotFoundError: The folder's parent does not exist.
    """
    collection.require_texts("writing its files")
    for name in (*collection.documents.ids, *collection.queries.ids):
        if any(mark in name for mark in "\t\r\n"):
            raise UsageError(f"the id {shown(name)} has a tab or a line break, which qrels cannot hold; rename it")
    with folder_written_whole(folder) as unfinished:
        (unfinished / "qrels").mkdir()
        write_lines(unfinished / "corpus.jsonl", _rows(collection.documents, {"title": ""}))
        write_lines(unfinished / "queries.jsonl", _rows(collection.queries, {}))
        write_lines(unfinished / "qrels" / "test.tsv", _qrels(collection))


def _rows(texts: Texts, first_fields: dict[str, str]) -> Iterator[str]:
    columns = (texts.ids, texts.texts, texts.languages, texts.groups)
    for number, (name, text, language, group) in enumerate(zip(*columns, strict=True)):
        # A group of null says that there is none, so that no reader infers one.
        row: dict[str, Any] = {"_id": name, **first_fields, "text": text, "language": language, "group": group}
        if metadata := {key: column[number] for key, column in texts.fields.items() if column[number] is not None}:
            row["metadata"] = metadata
        yield msgspec.json.encode(row).decode()


def _qrels(collection: Collection) -> Iterator[str]:
    yield "\t".join(_COLUMNS)
    for row, query_id in enumerate(collection.queries.ids):
        for judgement in range(collection.indptr[row], collection.indptr[row + 1]):
            document_id = collection.documents.ids[collection.judged[judgement]]
            yield f"{query_id}\t{document_id}\t{collection.grades[judgement]}"
