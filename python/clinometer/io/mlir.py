"""Mixed-language retrieval in the layout of `yjoonjang/mlir-benchmarks`: JSON lines whose keys are ids.

`corpus.jsonl` has `{ID: {"text", "lang"}}`, `queries.jsonl` `{"_id", "text", "lang"}` or `{ID: text}`, and
`qrels.jsonl` `{QUERY: {DOCUMENT: grade}}`; each file also as `.gz` or `.zst`. The folder of queries in one language is
`MLIR-en/NAME`, that of queries in all of them `MMLIR/NAME`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from clinometer.collection import Collection
from clinometer.errors import MissingFileError, shown
from clinometer.io.grades import whole_grade
from clinometer.io.ids import Ids
from clinometer.io.retrieval import Assembly, group_in_id
from clinometer.io.rows import Row, jsonl_rows
from clinometer.io.textfiles import find_file, optional_file, require_folder
from clinometer.languages import canonical

__all__ = ["read_mlir"]

_VARIANT = re.compile(r"MLIR-([A-Za-z]{2,3}(?:[-_][A-Za-z]{4})?)")
_ID_PREFIX = re.compile(r"([A-Za-z]{2,3}(?:[-_][A-Za-z]{4})?)_.")
# A code of mMARCO that no standard has.
_LABELS = {"dt": "nl"}


class _Query(NamedTuple):
    id: str
    row: Row
    label: str


def read_mlir(
    folder: str | Path,
    *,
    query_language: str | None = None,
    languages: Iterable[str] | None = None,
    allow_missing: bool = False,
) -> Collection:
    """A benchmark in the layout of `yjoonjang/mlir-benchmarks`, as SHIFT and MIMO are measured on.

    A document's text is its title, if any, and text joined by a space. Its language is its `lang`; that of a query is
    its `lang`, else what the option says, else that in the name of the folder above (`MLIR-en`). The label `dt`, used
    there for Dutch, is read as `nl`. If all ids of queries begin with their language, as in `MMLIR`, the rest is their
    parallel group; groups of documents are inferred from the judgements if there is only one way
    (`clinometer.collection.groups`). Empty texts, with their judgements, and exact repeats are left out and counted.

    Args:
        folder: Folder of one benchmark, with `corpus.jsonl`, `queries.jsonl` and `qrels.jsonl`.
        query_language: Language of queries that state none, or `id` where ids begin with one (`en_12`).
        languages: Labels of the languages to keep, None for all.
        allow_missing: Whether to leave out, and count, judgements whose query or document is not in the files.

    Returns:
        A collection with the folder's name.

    Raises:
        FileNotFoundError: A file does not exist; the message names the benchmarks in the folder, if it has any.
        FormatError: A line is broken, lacks a field, has no language, or repeats a judgement.
        CollectionError: An id has two texts, or judgements name missing texts.
        LanguageError: No text has a requested language, or the option is not a language.
    """
    folder = require_folder(folder)
    if query_language is not None and query_language != "id":
        canonical(query_language)
    if optional_file(folder, "corpus.jsonl") is None and (benchmarks := _benchmarks(folder)):
        raise MissingFileError(
            f"{folder} has no corpus.jsonl, but benchmarks: {', '.join(benchmarks[:8])}; give the folder of one, such "
            f"as mlir:{folder / benchmarks[0]}"
        )
    assembly, found_by, ids = Assembly(folder.resolve().name, languages, allow_missing), Counter[str](), Ids()
    relabelled: Counter[str] = Counter()
    for query_id, grades, row in _entries(find_file(folder, "qrels.jsonl"), "documents and grades"):
        for document_id, grade in grades.items():
            assembly.judge(query_id, document_id, whole_grade(grade, row, f"grade of {shown(document_id)}"), row)
    queries = list(_queries(find_file(folder, "queries.jsonl"), query_language, _variant(folder), found_by, ids))
    groups = [group_in_id(query.id, query.label) for query in queries]
    grouped = None not in groups and len({query.label for query in queries}) > 1
    for query, group in zip(queries, groups, strict=True):
        assembly.add_query(query.id, query.row, _label(query.label, relabelled), group if grouped else None)
    for name, fields, row in _entries(find_file(folder, "corpus.jsonl"), "text and lang"):
        entry = Row(fields, row.path, row.line)
        label = entry.field("lang", str)
        entry.language(label)
        found_by["field"] += 1
        assembly.add_document(name, entry, _label(label, relabelled), None)
    notes: dict[str, object] = {"languages_found_by": dict(found_by), **ids.notes()}
    if relabelled:
        notes["labels_read_as"] = {f"{label} as {_LABELS[label]}": count for label, count in relabelled.items()}
    if grouped:
        notes["query_groups_by_id"] = len(set(groups))
    return assembly.build(folder, notes)


def _benchmarks(folder: Path) -> list[str]:
    """Folders of benchmarks below, up to two levels down."""
    paths = {path.parent for pattern in ("*/corpus.jsonl*", "*/*/corpus.jsonl*") for path in folder.glob(pattern)}
    return sorted(str(path.relative_to(folder)) for path in paths)


def _variant(folder: Path) -> str | None:
    match = _VARIANT.fullmatch(folder.resolve().parent.name)
    return match[1] if match else None


def _label(label: str, relabelled: Counter[str]) -> str:
    if label in _LABELS:
        relabelled[label] += 1
    return _LABELS.get(label, label)


def _entries(path: Path, expected: str) -> Iterator[tuple[str, dict[str, Any], Row]]:
    """Id, content and row of each entry; a line may have several."""
    for row in jsonl_rows(path):
        for name, content in row.fields.items():
            if not name:
                raise row.error("an id is empty; every entry needs one")
            if not isinstance(content, dict):
                raise row.error(
                    f"the entry {shown(name)} is {shown(content)}, but it should be an object of {expected}; a line is "
                    "{ID: {...}}"
                )
            yield name, content, row


def _queries(path: Path, option: str | None, variant: str | None, found_by: Counter[str], ids: Ids) -> Iterator[_Query]:
    """The queries, each with the label as it is written."""
    for row in jsonl_rows(path):
        if "_id" in row.fields:
            entries = [(ids.of(row, "_id", "queries"), row)]
        else:
            entries = [(name, _query_row(name, content, row)) for name, content in row.fields.items()]
        for name, entry in entries:
            label, source = _query_label(name, entry.optional("lang", str), option, variant)
            if not label:
                problem = (
                    "and the id does not begin with one, such as 'en_12'"
                    if option == "id"
                    else "and the folder is not in one such as MLIR-en; add the field 'lang', or give the option "
                    "query_language='en' or query_language='id'"
                )
                raise row.error(f"{shown(name)} has no language, {problem}")
            entry.language(label)
            found_by[source] += 1
            yield _Query(name, entry, label)


def _query_row(name: str, content: Any, row: Row) -> Row:
    if not name:
        raise row.error("an id is empty; every query needs one")
    if isinstance(content, dict):
        return Row(content, row.path, row.line)
    if not isinstance(content, str):
        raise row.error(
            f"the query {shown(name)} is {shown(content)}, but it should be a text; a line is "
            '{"_id": ID, "text": TEXT} or {ID: TEXT}'
        )
    return Row({"text": content}, row.path, row.line)


def _query_label(name: str, stated: str | None, option: str | None, variant: str | None) -> tuple[str, str]:
    """The label of a query and where it came from; both empty if there is none."""
    if stated:
        return stated, "field"
    if option == "id":
        prefix = _ID_PREFIX.match(name)
        return (prefix[1], "id") if prefix else ("", "")
    if option:
        return option, "option"
    return (variant, "folder") if variant else ("", "")
