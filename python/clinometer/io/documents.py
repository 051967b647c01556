"""Documents of JSONL files in BEIR's form, decoded to typed fields a block of lines at a time.

A block in which anything is unusual (an error, a number as an id, an empty or repeated text) is read again row by row:
what is refused, left out or counted is decided in one place, and this is a fast way to the same result.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from msgspec import UNSET, UnsetType

from clinometer.collection.stored_texts import FileTexts, Spans, fits_in_memory
from clinometer.contents import BYTE_ORDER_MARK, LineBlock, line_blocks, too_deep
from clinometer.errors import LanguageError
from clinometer.files.held import HeldFile
from clinometer.files.packed import is_packed
from clinometer.io.ids import Ids
from clinometer.io.retrieval import Assembly, Documents, Labeller, group_of
from clinometer.io.rows import jsonl_row

__all__ = ["read_documents"]


class _Metadata(msgspec.Struct, gc=False):
    language: str | None = None
    group: str | UnsetType | None = UNSET
    parallel_id: str | UnsetType | None = UNSET


class _Document(msgspec.Struct, gc=False, rename={"id": "_id"}):
    id: str
    text: str
    title: str | None = None
    language: str | None = None
    group: str | UnsetType | None = UNSET
    metadata: _Metadata | None = None


class _WholeMetadata(_Metadata, gc=False, forbid_unknown_fields=True):
    """Metadata without entries that are not read."""


class _WholeDocument(_Document, gc=False, forbid_unknown_fields=True, rename={"id": "_id"}):
    """A document without fields that are not read."""

    metadata: _WholeMetadata | None = None


class _Text(msgspec.Struct, gc=False):
    text: str
    title: str | None = None


_decode_whole = msgspec.json.Decoder(_WholeDocument).decode
_decode_any = msgspec.json.Decoder(_Document).decode
_decode_text = msgspec.json.Decoder(_Text).decode


def read_documents(path: Path, assembly: Assembly, labels: Labeller, ids: Ids) -> None:
    """Add the documents of a file to a collection; a large file that is not packed keeps their texts.

    Raises:
        ClinometerError: As for `clinometer.io.beir.read_beir`.
    """
    in_place = not is_packed(path) and not fits_in_memory(path.stat().st_size)
    if in_place:
        assembly.hold_documents(FileTexts(HeldFile(path), _text_of))
    decode: Callable[[bytes], _Document] = _decode_whole
    for block in line_blocks(path):
        spans = block.spans() if in_place else None
        lines = block.lines
        if b"" in lines or b"\r" in lines:
            filled = [at for at, line in enumerate(lines) if line.strip(b"\r")]
            lines = [lines[at] for at in filled]
            spans = None if spans is None else ([spans[0][at] for at in filled], [spans[1][at] for at in filled])
        columns = _columns(lines, labels, decode)
        if columns is None and decode is _decode_whole:
            decode = _decode_any
            columns = _columns(lines, labels, decode)
        if columns is None or not _added(assembly, columns, spans):
            _read_rows(path, block, in_place, assembly, labels, ids)
        else:
            labels.found_by.update(columns.found_by)


def _text_of(line: bytes) -> str:
    document = _decode_text(line.removeprefix(BYTE_ORDER_MARK))
    return _joined(document.title, document.text)


def _joined(title: str | None, text: str) -> str:
    return f"{title} {text}".strip() if title else text.strip()


class _Columns(NamedTuple):
    documents: Documents
    found_by: dict[str, int]


def _columns(lines: list[bytes], labels: Labeller, decode: Callable[[bytes], _Document]) -> _Columns | None:
    """The fields of documents, and where their labels came from; None if a line is anything but plain."""
    try:
        if decode is _decode_any:
            for line in lines:
                # Fields that are not read are not looked at by the decoder.
                if not line.isascii():
                    line.decode()
                if too_deep(line):
                    return None
        documents: list[_Document] = list(map(decode, lines))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    ids = [document.id for document in documents]
    languages = [document.language for document in documents]
    found_by: dict[str, int] = {"field": len(languages)}
    if not all(languages):
        stated = (
            (document.language, document.metadata.language if document.metadata else None) for document in documents
        )
        chosen = [labels.choose(name, *pair) for name, pair in zip(ids, stated, strict=True)]
        languages = [label for label, _ in chosen]
        found_by = dict(Counter(source for _, source in chosen))
    if "" in ids or not all(languages):
        return None
    groups: list[Any] = [document.group for document in documents]
    names_groups = groups.count(UNSET) < len(groups)
    if not all(groups):
        empty = _Metadata()
        rows = [(document.group, document.metadata or empty) for document in documents]
        names_groups |= any(metadata.group is not UNSET or metadata.parallel_id is not UNSET for _, metadata in rows)
        groups = [group or metadata.group or metadata.parallel_id for group, metadata in rows]
        groups = [None if group is UNSET else group for group in groups]
    texts = [_joined(document.title, document.text) for document in documents]
    return _Columns(Documents(ids, texts, languages, groups, names_groups), found_by)  # type: ignore[arg-type]


def _added(assembly: Assembly, columns: _Columns, spans: Spans | None) -> bool:
    try:
        return assembly.add_documents(columns.documents, spans)
    except LanguageError:
        return False


def _read_rows(path: Path, block: LineBlock, in_place: bool, assembly: Assembly, labels: Labeller, ids: Ids) -> None:
    """Add the documents of a block row by row."""
    spans = block.spans() if in_place else None
    for number, raw in block.numbered():
        row = jsonl_row(raw, path, number)
        name = ids.of(row, "_id", "corpus")
        at = number - block.number
        span = None if spans is None else (spans[0][at], spans[1][at])
        assembly.add_document(name, row, labels.label(name, row), group_of(row), span)
