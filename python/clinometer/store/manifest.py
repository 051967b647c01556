"""The manifest of stored embeddings: which encoder made them, in what form, and which files hold them.

It names no row: its size goes with the number of shards. What it says of a file (rows, size, checksum) is what the file
was when it was finished.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Literal

import msgspec

from clinometer.encoders.base import EncoderRecord, Side
from clinometer.errors import FormatError
from clinometer.files import json_bytes

__all__ = ["DTYPES", "MANIFEST", "STAGES", "Dtype", "Manifest", "Shard", "Stage", "differences", "read_manifest"]

Stage = Side
STAGES: tuple[Stage, ...] = ("documents", "queries")
Dtype = Literal["float32", "float16", "int16"]
DTYPES: tuple[Dtype, ...] = ("float32", "float16", "int16")

MANIFEST = "manifest.json"
_FORMAT = "clinometer-embeddings"
_VERSION = 1
_NAME = re.compile(r"[0-9]{5,}")
# Fields of a record that change no embedding.
_SAYINGS = ("warnings", "languages")


class Shard(msgspec.Struct, frozen=True, kw_only=True):
    """One shard: `NAME.npy` with the embeddings and `NAME.jsonl` with id, language and group of each row.

    Args:
        name: Digits, such as `00000`.
        rows: How many.
        sha256: Checksum of `NAME.npy`.
        jsonl_sha256: Checksum of `NAME.jsonl`.
        jsonl_bytes: Size of `NAME.jsonl`.
        texts_sha256: Digest of the texts that were encoded (`digest_of`); None where they are not known.
    """

    name: str
    rows: int
    sha256: str
    jsonl_sha256: str
    jsonl_bytes: int
    texts_sha256: str | None = None


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """All that `manifest.json` holds.

    Args:
        stage: Whether the rows are documents or queries.
        dtype: Stored data type; `int16` are the codes of `clinometer.store.codes`. A reader that does not know a data
            type refuses it.
        dimension: Length of an embedding; 0 as long as there is none and the encoder does not say.
        encoder: What made them.
        rows: Of all shards together.
        planned_rows: How many there are to be in the end; None where nobody said.
        shard_rows: Rows of one shard, the last excepted; None where nobody said.
        shards: In the order of the rows.
        format: What kind of file this is.
        version: Of the format.
    """

    format: str = _FORMAT
    version: int = _VERSION
    stage: Stage
    dtype: Dtype
    dimension: int
    rows: int = 0
    planned_rows: int | None = None
    shard_rows: int | None = None
    encoder: EncoderRecord
    shards: list[Shard] = msgspec.field(default_factory=list)

    @property
    def width(self) -> int:
        """Columns of a `.npy` file: the dimension, and for `int16` one more, which scales the row."""
        return self.dimension + (self.dtype == "int16")

    def to_json(self) -> bytes:
        """The text of the file; the same manifest gives the same bytes."""
        return json_bytes(self)


class _Head(msgspec.Struct):
    format: str = ""
    version: int = 0
    dtype: str = ""


def read_manifest(folder: str | os.PathLike[str]) -> Manifest:
    """The manifest of a store.

    Raises:
        FormatError: There is none in the folder, or it is not one that this version reads.
        FileNotFoundError: There is no such folder.
    """
    path = Path(folder) / MANIFEST
    if Path(folder).is_dir() and not path.is_file():
        below = [stage for stage in STAGES if (Path(folder) / stage / MANIFEST).is_file()]
        mend = f"open {Path(folder) / below[0]}" if below else "write one with clinometer encode"
        raise FormatError(Path(folder), None, f"this folder is no store of embeddings, it has no {MANIFEST}; {mend}")
    text = path.read_bytes()
    try:
        head = msgspec.json.decode(text, type=_Head)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise FormatError(path, None, f"this is no manifest of a store: {error}") from None
    if head.format != _FORMAT:
        raise FormatError(path, None, f"its format is {head.format!r}, but {_FORMAT!r} should stand there")
    if head.version > _VERSION or (head.dtype and head.dtype not in DTYPES):
        raise FormatError(
            path,
            None,
            f"it has version {head.version} and data type {head.dtype!r}, and this clinometer reads up to version "
            f"{_VERSION} of {', '.join(DTYPES)}; install a newer clinometer",
        )
    try:
        manifest = msgspec.json.decode(text, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise FormatError(path, None, f"this is no manifest of a store: {error}") from None
    names = [shard.name for shard in manifest.shards]
    # Names become paths: digits cannot lead out of the folder.
    if len(set(names)) < len(names) or not all(_NAME.fullmatch(name) for name in names):
        raise FormatError(path, None, "each shard needs a name of its own, five digits or more")
    if any(shard.rows < 1 for shard in manifest.shards) or sum(shard.rows for shard in manifest.shards) != (
        manifest.rows
    ):
        raise FormatError(path, None, f"it counts {manifest.rows} rows, but its shards have other rows; write it anew")
    if manifest.shards and manifest.dimension < 1:
        raise FormatError(path, None, f"its dimension is {manifest.dimension}, but must be 1 or more")
    return manifest


def differences(stored: EncoderRecord, given: EncoderRecord, stage: Stage) -> list[str]:
    """What in two records makes their embeddings of this stage differ, each as `field: stored, now given`.

    The prompt of the other stage, warnings and the list of languages change no embedding of this one; every other field
    is taken to.

    Example:
        >>> one = EncoderRecord(name="a", kind="http", query_prompt="query: ")
        >>> differences(one, EncoderRecord(name="a", kind="http", max_length=64), "queries")
        ["query_prompt: 'query: ', now ''", 'max_length: None, now 64']
        >>> differences(one, EncoderRecord(name="a", kind="http"), "documents")
        []
    """
    other = "query_prompt" if stage == "documents" else "document_prompt"
    before, now = msgspec.structs.asdict(stored), msgspec.structs.asdict(given)
    return [
        f"{field}: {before[field]!r}, now {now[field]!r}"
        for field in before
        if field not in (other, *_SAYINGS) and before[field] != now[field]
    ]
