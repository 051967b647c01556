"""The manifest of stored embeddings: their encoder, their form, and the files that hold them.

Its size grows with the number of shards, not of rows. Rows, size and checksum of a file are those at the time when the
file was finished.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal

import msgspec

from clinometer.contents import decode_json
from clinometer.encoders.base import EncoderRecord, Side
from clinometer.errors import FormatError, UsageError
from clinometer.files import PARTIAL, RemotePath, bytes_in, json_bytes, location

__all__ = [
    "MANIFEST",
    "STAGES",
    "Dtype",
    "Manifest",
    "Shard",
    "Stage",
    "check_form",
    "differences",
    "is_shard_file",
    "read_manifest",
]

Stage = Side
STAGES: tuple[Stage, ...] = ("documents", "queries")
Dtype = Literal["float32", "float16", "int16"]
DTYPES: tuple[Dtype, ...] = ("float32", "float16", "int16")

MANIFEST = "manifest.json"
_FORMAT = "clinometer-embeddings"
_VERSION = 1
_EXPECTED = "not a manifest of a store: {problem}; copy it again"
_NAME = re.compile(r"[0-9]{5,}")
_SHARD_FILE = re.compile(rf"{_NAME.pattern}\.(npy|jsonl)(\.\d+)?({re.escape(PARTIAL)})?")
# Fields of a record that do not affect embeddings.
_NEUTRAL_FIELDS = ("warnings", "languages")


Count = Annotated[int, msgspec.Meta(ge=0, le=10**15)]


class Shard(msgspec.Struct, frozen=True, kw_only=True):
    """One shard: `NAME.npy` with the embeddings and `NAME.jsonl` with id, language and group of each row.

    Args:
        name: Digits, such as `00000`.
        rows: Number of rows.
        sha256: Checksum of `NAME.npy`.
        jsonl_sha256: Checksum of `NAME.jsonl`.
        jsonl_bytes: Size of `NAME.jsonl`.
        texts_sha256: Digest of the encoded texts (`digest_of`); None if unknown.
    """

    name: str
    rows: Count
    sha256: str
    jsonl_sha256: str
    jsonl_bytes: Count
    texts_sha256: str | None = None


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """Contents of `manifest.json`.

    Args:
        stage: Whether the rows are documents or queries.
        dtype: Stored data type; `int16` means the codes of `clinometer.store.codes`. A reader refuses a data type that
            it does not know.
        dimension: Length of an embedding; 0 while the store is empty and the encoder does not state it.
        encoder: Record of the encoder.
        config: File of options that the last run took, and the options from it, as results record them; absent without.
        rows: Number of rows of all shards together.
        planned_rows: Number of rows of the finished store; None if not planned.
        shard_rows: Number of rows per shard, except the last; None if not fixed.
        shards: Shards in the order of their rows.
        format: Name of the format.
        version: Version of the format.
    """

    format: str = _FORMAT
    version: int = _VERSION
    stage: Stage
    dtype: Dtype
    dimension: Count
    rows: Count = 0
    planned_rows: Count | None = None
    shard_rows: Count | None = None
    encoder: EncoderRecord
    config: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET
    shards: list[Shard] = msgspec.field(default_factory=list)

    @property
    def width(self) -> int:
        """Columns of a `.npy` file: the dimension, and for `int16` one more, with the scale of the row."""
        return self.dimension + (self.dtype == "int16")

    def numbered_shards(self) -> Iterator[tuple[int, Shard]]:
        """The shards, each with the number of its first row."""
        start = 0
        for shard in self.shards:
            yield start, shard
            start += shard.rows

    def to_json(self) -> bytes:
        """The text of the file; the same manifest gives the same bytes."""
        return json_bytes(self)


def check_form(stage: str, dtype: str) -> None:
    """Refuse a stage or data type that no store has; the message gives the valid ones."""
    for option, value, choices in (("stage", stage, STAGES), ("dtype", dtype, DTYPES)):
        if value not in choices:
            raise UsageError(f"{option} is {value!r}, but must be {' or '.join(choices)}")


def is_shard_file(name: str) -> bool:
    """Whether a file name is one of a shard, finished or not.

    Example:
        >>> is_shard_file("00012.npy"), is_shard_file("00012.jsonl.partial"), is_shard_file("notes.npy")
        (True, True, False)
    """
    return _SHARD_FILE.fullmatch(name) is not None


class _Head(msgspec.Struct):
    format: str = ""
    version: int = 0
    dtype: str = ""


def read_manifest(folder: str | os.PathLike[str] | RemotePath) -> Manifest:
    """The manifest of a store.

    Raises:
        FormatError: The folder has no manifest, or one that this version cannot read.
        FileNotFoundError: The folder does not exist.
    """
    folder = location(folder)
    path = folder / MANIFEST
    if folder.is_dir() and not location(path).is_file():
        stages = [stage for stage in STAGES if (folder / stage / MANIFEST).is_file()]
        fix = f"open {folder / stages[0]}" if stages else "write one with clinometer encode"
        raise FormatError(folder, None, f"this folder is not a store of embeddings: it has no {MANIFEST}; {fix}")
    text = bytes_in(path)
    head = decode_json(text, _Head, str(path), _EXPECTED)
    if head.format != _FORMAT:
        raise FormatError(path, None, f"its format is {head.format!r}, but expected {_FORMAT!r}")
    if head.version > _VERSION or (head.dtype and head.dtype not in DTYPES):
        raise FormatError(
            path,
            None,
            f"it has version {head.version} and data type {head.dtype!r}, and this clinometer reads up to version "
            f"{_VERSION} of {', '.join(DTYPES)}; install a newer clinometer",
        )
    manifest = decode_json(text, Manifest, str(path), _EXPECTED)
    names = [shard.name for shard in manifest.shards]
    # Names become paths; digits cannot leave the folder.
    if len(set(names)) < len(names) or not all(_NAME.fullmatch(name) for name in names):
        raise FormatError(path, None, "each shard needs a name of its own, five digits or more")
    rows = [shard.rows for shard in manifest.shards]
    if min(rows, default=1) < 1 or sum(rows) != manifest.rows:
        raise FormatError(path, None, f"its row count {manifest.rows} does not match its shards; write the store again")
    if manifest.shards and manifest.dimension < 1:
        raise FormatError(path, None, f"its dimension is {manifest.dimension}, but must be 1 or more")
    return manifest


def differences(stored: EncoderRecord, current: EncoderRecord, stage: Stage) -> list[str]:
    """Differences of two records that affect their embeddings of this stage, each as `field: stored, now current`.

    The prompt of the other stage, warnings and the list of languages do not affect embeddings of this stage; every
    other field is assumed to.

    Example:
        >>> stored = EncoderRecord(name="a", kind="http", query_prompt="query: ")
        >>> differences(stored, EncoderRecord(name="a", kind="http", max_length=64), "queries")
        ["query_prompt: 'query: ', now ''", 'max_length: None, now 64']
        >>> differences(stored, EncoderRecord(name="a", kind="http"), "documents")
        []
    """
    other_prompt = "query_prompt" if stage == "documents" else "document_prompt"
    before, now = msgspec.structs.asdict(stored), msgspec.structs.asdict(current)
    return [
        f"{field}: {before[field]!r}, now {now[field]!r}"
        for field in before
        if field not in (other_prompt, *_NEUTRAL_FIELDS) and before[field] != now[field]
    ]
