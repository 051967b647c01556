"""Parallel JSONL: one row for each item, `{"id": ..., "texts": {"en": {"query": ..., "document": ...}, "de": {...}}}`.

A row is a parallel group; any of its languages may be missing, and missing ones are counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from clinometer.collection import Collection, CollectionBuilder
from clinometer.errors import UsageError, shown
from clinometer.io.retrieval import DistinctDocuments, judge_translations
from clinometer.io.rows import DistinctRows, Row
from clinometer.io.textfiles import require_file
from clinometer.languages import canonical, select

__all__ = ["read_parallel"]

_NAMED = 10


def read_parallel(files: str | Path | Sequence[str | Path], *, languages: Iterable[str] | None = None) -> Collection:
    """Parallel items as retrieval: all documents of a row are relevant (grade 1) to all its queries.

    Documents with the same text and language are kept once, with the judgements of all. A language of a row whose query
    or document is empty is left out, and so is a row that repeats another; both are counted.

    Args:
        files: One file or several, packed by suffix; ids are unique across all of them.
        languages: Labels of the languages to keep, None for all.

    Returns:
        A collection named after the file, or `parallel` for several. Document and query ids look like `en:ID`, the
        group is the row's id, and every other string of the row, such as `source`, is a field of its queries. Notes
        count the duplicates and empty texts left out by language, and the groups that lack one of the languages.

    Raises:
        FileNotFoundError: A file does not exist.
        FormatError: A line is broken, lacks a field, has an id of another row, or has a language twice.
        LanguageError: No row has a requested language.
    """
    paths = [require_file(path) for path in ([files] if isinstance(files, (str, Path)) else files)]
    if not paths:
        raise UsageError("no file to read; name one or more, such as parallel:items.jsonl.gz")
    requested_languages = None if languages is None else {canonical(label) for label in languages}
    builder = CollectionBuilder(paths[0].name.split(".")[0] if len(paths) == 1 else "parallel", leave_out=True)
    documents = DistinctDocuments(builder)
    rows = DistinctRows(paths)
    available: dict[str, None] = {}
    empty: list[tuple[str, str]] = []
    group_sizes: list[int] = []
    for group, row in rows:
        document_ids: dict[str, str] = {}
        fields = {name: value for name, value in row.fields.items() if name != "id" and isinstance(value, str)}
        for label, name, query, document in _texts(row):
            available[label] = None
            if requested_languages is not None and label not in requested_languages:
                continue
            if not query.strip() or not document.strip():
                empty.append((label, group))
                continue
            document_ids[label] = documents.add(f"{label}:{group}", document, name, group, row.place)
            builder.add_query(f"{label}:{group}", query, name, group, row.place, fields)
        judge_translations(builder, {group: document_ids})
        if document_ids:
            group_sizes.append(len(document_ids))
    chosen_languages = select(
        None if requested_languages is None else sorted(requested_languages),
        list(available),
        ", ".join(map(str, paths)),
    )
    builder.notes = {
        "duplicates_removed": documents.repeats,
        "groups_not_in_all_languages": sum(size < len(chosen_languages) for size in group_sizes),
    }
    if rows.repeats:
        builder.notes["rows_repeated_left_out"] = rows.repeats
    if empty:
        builder.notes["empty_left_out"] = dict(sorted(Counter(label for label, _ in empty).items()))
        builder.notes["empty_left_out_ids"] = [f"{label}:{group}" for label, group in empty[:_NAMED]]
    return builder.build()


def _texts(row: Row) -> list[tuple[str, str, str, str]]:
    """Language, its label in the row, query and document of each text of a row."""
    texts = Row(row.field("texts", dict), row.path, row.line)
    text_of_language: dict[str, tuple[str, str, str, str]] = {}
    for name in texts.fields:
        label = row.language(name)
        if label in text_of_language:
            raise row.error(
                f"the field 'texts' has {label} twice, the second time as {shown(name)}; keep one of them, or hold "
                f"variants apart by labels such as '{label}-x-1'"
            )
        text = texts.inside(name)
        text_of_language[label] = (label, name, text.field("query", str), text.field("document", str))
    return list(text_of_language.values())
