"""Id, language and group of each stored row: one line of JSON per row, in a file next to its shard.

A file is used only if its checksum matches the manifest's, so that ids and embeddings stay together.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec

from clinometer.errors import FormatError
from clinometer.files import RemotePath, bytes_in
from clinometer.store.manifest import Manifest, Shard

__all__ = ["Column", "digest_of", "lines_of", "read_column", "stored_values"]

Column = Literal["id", "language", "group"]


class _Row(msgspec.Struct, gc=False):
    id: str
    language: str
    group: str | None


# One column at a time, so that reading languages does not load millions of ids.
_READERS: dict[str, msgspec.json.Decoder[Any]] = {
    field.name: msgspec.json.Decoder(msgspec.defstruct("Row", [(field.name, field.type)], gc=False))
    for field in msgspec.structs.fields(_Row)
}


def lines_of(ids: Iterable[str], languages: Iterable[str], groups: Iterable[str | None]) -> bytes:
    """The contents of the file."""
    rows = [_Row(*row) for row in zip(ids, languages, groups, strict=True)]
    return msgspec.json.Encoder().encode_lines(rows)


def read_column(folder: Path | RemotePath, shard: Shard, column: Column) -> list[str | None]:
    """One column of one shard; a file that has changed since it was written is refused."""
    path = folder / f"{shard.name}.jsonl"
    text = bytes_in(path)
    if hashlib.sha256(text).hexdigest() != shard.jsonl_sha256:
        raise FormatError(
            path, None, "its checksum differs from the manifest's; copy the store again, or delete it and encode again"
        )
    try:
        values = [getattr(row, column) for row in _READERS[column].decode_lines(text)]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise FormatError(path, None, f"not a list of rows: {error}") from None
    if len(values) != shard.rows:
        raise FormatError(path, None, f"{len(values)} lines, but its shard has {shard.rows} rows")
    return values


def stored_values(folder: Path | RemotePath, manifest: Manifest, column: Column) -> Iterator[Any]:
    """One column of a whole store."""
    return (value for shard in manifest.shards for value in read_column(folder, shard, column))


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
