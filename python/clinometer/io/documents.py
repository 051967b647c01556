"""Documents of JSONL and parquet files in BEIR's form, decoded to typed fields a block of lines at a time.

A block in which anything is unusual, such as an error or a number as an id, is read again row by row: what is refused
is decided in one place, and this is a fast way to the same result.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import compress
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from msgspec import UNSET, UnsetType
from numpy.typing import NDArray

from clinometer.collection.stored_texts import FileTexts, Span, Spans, fits_in_memory
from clinometer.contents import BYTE_ORDER_MARK, line_blocks, too_deep
from clinometer.errors import LanguageError
from clinometer.files.held import HeldFile
from clinometer.files.packed import is_packed
from clinometer.io.ids import Ids
from clinometer.io.retrieval import Assembly, Documents, Labeller, group_of, joined
from clinometer.io.rows import Row, jsonl_row
from clinometer.io.tables import parquet_batches

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
    lang: str | None = None
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
_decode_lines = msgspec.json.Decoder(_WholeDocument).decode_lines
_decode_any = msgspec.json.Decoder(_Document).decode
_decode_text = msgspec.json.Decoder(_Text).decode
_OPENING, _CLOSING = b"{}"


def read_documents(path: Path, assembly: Assembly, labels: Labeller, ids: Ids) -> None:
    """Add the documents of a JSONL or parquet file; a large file of plain JSONL keeps their texts.

    Raises:
        ClinometerError: As for `clinometer.io.beir.read_beir`.
    """
    if path.suffix == ".parquet":
        _read_table(path, assembly, labels, ids)
        return
    in_place = not is_packed(path) and not fits_in_memory(path.stat().st_size)
    if in_place:
        assembly.hold_documents(FileTexts(HeldFile(path), _text_of))
    decode: Callable[[bytes], _Document] = _decode_whole
    for block in line_blocks(path):
        starts, lengths = block.spans()
        block_spans = Spans(starts + (block.start or 0), lengths) if in_place else None
        numbers: Sequence[int] = range(block.number, block.number + len(starts))
        spans = block_spans
        documents = _decoded_together(block.raw, starts, lengths) if decode is _decode_whole else None
        if documents is None:
            lines = block.lines
            if b"" in lines or b"\r" in lines:
                filled = [bool(line.strip(b"\r")) for line in lines]
                lines, numbers = list(compress(lines, filled)), list(compress(numbers, filled))
                spans = None if spans is None else spans.only(filled)
            documents = _decoded(lines, decode)
            if documents is None and decode is _decode_whole:
                decode = _decode_any
                documents = _decoded(lines, decode)
        if documents is None or not _added(assembly, documents, labels, spans, path, numbers):
            for number, raw in block.numbered():
                span = None if block_spans is None else block_spans.at(number - block.number)
                _add_row(jsonl_row(raw, path, number), assembly, labels, ids, span)


def _read_table(path: Path, assembly: Assembly, labels: Labeller, ids: Ids) -> None:
    for first, fields in parquet_batches(path):
        try:
            documents = msgspec.convert(fields, list[_Document])
        except msgspec.ValidationError:
            documents = None
        numbers = range(first, first + len(fields))
        if documents is None or not _added(assembly, documents, labels, None, path, numbers):
            for number, row_fields in enumerate(fields, first):
                _add_row(Row(row_fields, path, number), assembly, labels, ids, None)


def _text_of(line: bytes) -> str:
    document = _decode_text(line.removeprefix(BYTE_ORDER_MARK))
    return joined(document.title, document.text)


def _decoded_together(raw: bytes, starts: NDArray[np.int64], lengths: NDArray[np.int64]) -> list[_Document] | None:
    """The documents of a block in one call; None if it cannot be decoded, or if a line is not one object."""
    characters = np.frombuffer(raw, np.uint8)
    if not lengths.all() or not (
        (characters[starts] == _OPENING).all() and (characters[starts + lengths - 1] == _CLOSING).all()
    ):
        return None
    try:
        documents: list[_Document] = [*_decode_lines(raw)]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    # The decoder allows several objects on a line, and one on several lines. But where a line ends with a brace and the
    # next begins with one, no object goes on: so no line lacks an object, and none has two if the numbers are equal.
    return documents if len(documents) == len(starts) else None


def _decoded(lines: list[bytes], decode: Callable[[bytes], _Document]) -> list[_Document] | None:
    """The documents of lines; None if one of them cannot be decoded."""
    try:
        if decode is _decode_any:
            for line in lines:
                # Fields that are not read are not looked at by the decoder.
                if not line.isascii():
                    line.decode()
                if too_deep(line):
                    return None
        return list(map(decode, lines))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _added(
    assembly: Assembly,
    documents: list[_Document],
    labels: Labeller,
    spans: Spans | None,
    path: Path,
    lines: Sequence[int],
) -> bool:
    """Add documents, unless one of them lacks an id or a label: then none is added."""
    ids = [document.id for document in documents]
    languages = [document.language or document.lang or "" for document in documents]
    found_by = {"field": len(languages)}
    if not all(languages):
        in_metadata = [document.metadata.language if document.metadata else None for document in documents]
        chosen = list(map(labels.choose, ids, languages, in_metadata))
        languages = [label for label, _ in chosen]
        found_by = dict(Counter(source for _, source in chosen))
    if "" in ids or not all(languages):
        return False
    groups: list[Any] = [document.group for document in documents]
    names_groups = groups.count(UNSET) < len(groups)
    if not all(groups):
        empty = _Metadata()
        rows = [(document.group, document.metadata or empty) for document in documents]
        names_groups |= any(metadata.group is not UNSET or metadata.parallel_id is not UNSET for _, metadata in rows)
        groups = [group or metadata.group or metadata.parallel_id for group, metadata in rows]
        groups = [None if group is UNSET else group for group in groups]
    texts = [joined(document.title, document.text) for document in documents]
    try:
        assembly.add_documents(Documents(ids, texts, languages, groups, names_groups), spans, path, lines)
    except LanguageError:
        return False
    labels.found_by.update(found_by)
    return True


def _add_row(row: Row, assembly: Assembly, labels: Labeller, ids: Ids, span: Span | None) -> None:
    name = ids.of(row, "_id", "corpus")
    assembly.add_document(name, row, labels.label(name, row), group_of(row), span)
