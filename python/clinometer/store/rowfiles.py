"""Id, language and group of each stored row: one line of JSON per row, in a file next to its shard.

A file is used only if its checksum matches the manifest's, so that ids and embeddings stay together.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from clinometer.errors import FormatError
from clinometer.store.manifest import Shard

__all__ = ["Column", "digest_of", "lines_of", "read_column"]

Column = Literal["id", "language", "group"]


class _Row(msgspec.Struct, gc=False):
    id: str
    language: str
    group: str | None


# One column at a time, so that reading languages does not load millions of ids.
class _Id(msgspec.Struct, gc=False):
    id: str


class _Language(msgspec.Struct, gc=False):
    language: str


class _Group(msgspec.Struct, gc=False):
    group: str | None


_READERS: dict[Column, msgspec.json.Decoder[_Id] | msgspec.json.Decoder[_Language] | msgspec.json.Decoder[_Group]] = {
    "id": msgspec.json.Decoder(_Id),
    "language": msgspec.json.Decoder(_Language),
    "group": msgspec.json.Decoder(_Group),
}


def lines_of(ids: Iterable[str], languages: Iterable[str], groups: Iterable[str | None]) -> bytes:
    """The contents of the file."""
    rows = [_Row(*row) for row in zip(ids, languages, groups, strict=True)]
    return msgspec.json.Encoder().encode_lines(rows)


def read_column(folder: Path, shard: Shard, column: Column) -> list[str | None]:
    """One column of one shard.

    Raises:
        FormatError: The file has changed since it was written.
    """
    path = folder / f"{shard.name}.jsonl"
    text = path.read_bytes()
    if hashlib.sha256(text).hexdigest() != shard.jsonl_sha256:
        raise FormatError(
            path, None, "its checksum differs from the manifest's; copy the store again, or delete it and encode again"
        )
    try:
        values = [getattr(row, column) for row in _READERS[column].decode_lines(text)]
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise FormatError(path, None, f"not a list of rows: {error}") from None
    if len(values) != shard.rows:
        raise FormatError(path, None, f"{len(values)} lines, but its shard has {shard.rows} rows")
    return values


def digest_of(texts: Sequence[str]) -> str:
    """SHA-256 over these texts in this order, in hexadecimal digits.

    Example:
        >>> digest_of(["ab", "c"]) == digest_of(["a", "bc"])
        False
    """
    sha = hashlib.sha256()
    for text in texts:
        data = text.encode()
        # The length in front keeps neighbouring texts apart.
        sha.update(len(data).to_bytes(8, "little"))
        sha.update(data)
    return sha.hexdigest()
