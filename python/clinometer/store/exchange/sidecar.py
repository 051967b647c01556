"""Ids, languages and groups for a file of vectors only: `FILE.jsonl` has a line of JSON per row, `FILE.json` the
record of the encoder.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from filecmp import cmp
from pathlib import Path
from typing import IO, Any

import msgspec
from numpy.typing import NDArray

from clinometer.contents import decode_json
from clinometer.errors import FormatError, UsageError
from clinometer.files import ordinary, regular, written_whole
from clinometer.store.exchange.row_source import Origin, RowBlock, Source
from clinometer.store.manifest import Dtype
from clinometer.store.reader import EmbeddingStore
from clinometer.store.rowfiles import lines_of

__all__ = ["sidecar_origin", "sidecar_source", "write_sidecar"]

_FORM = '{"id": "...", "language": "..."}'


class _Line(msgspec.Struct, gc=False):
    id: str | int
    language: str | None = None
    group: str | None = None


def write_sidecar(path: Path, store: EmbeddingStore, origin: Origin | None) -> None:
    """Write both files (the second only if there is an origin).

    Raises:
        UsageError: A file of that name exists with other content.
    """
    parts = (slice(start, start + shard.rows) for start, shard in store.manifest.numbered_shards())
    _write_new(
        sidecar_of(path),
        (lines_of(store.ids[part], store.languages[part], store.groups[part]) for part in parts),
    )
    if origin is not None:
        _write_new(path.with_name(path.name + ".json"), [origin.to_json() + b"\n"])


def _write_new(path: Path, parts: Iterable[bytes]) -> None:
    """Write a file, unless its name is taken; a killed export may have left the same content."""
    with written_whole(path) as file:
        file.writelines(parts)
        file.flush()
        if path.exists() and not cmp(path, file.name, shallow=False):
            raise UsageError(f"{path} already exists; choose another name for the export, or delete it")


def sidecar_of(path: Path) -> Path:
    """The file of the lines of a file of vectors."""
    return path.with_name(path.name + ".jsonl")


def line_ids(file: Path) -> list[str]:
    """The id of each line.

    Raises:
        FormatError: A line is not one of a row.
        FileNotFoundError: The file does not exist.
    """
    with regular(file).open("rb") as lines:
        return [str(_line(file, number, line).id) for number, line in enumerate(lines, 1)]


def _line(file: Path, number: int, line: bytes) -> _Line:
    return decode_json(line, _Line, file, f"expected a line such as {_FORM}: {{problem}}", number)


def sidecar_origin(path: Path) -> Origin | None:
    """The exported record; None if there is none."""
    file = path.with_name(path.name + ".json")
    return Origin.read(regular(file).read_bytes()) if file.is_file() else None


@contextmanager
def sidecar_source(
    path: Path,
    rows_file: Path | None,
    rows: int,
    dtype: Dtype,
    origin: Origin | None,
    read: Callable[[int, int], NDArray[Any]],
) -> Iterator[Source]:
    """The vectors of a file with their lines.

    Args:
        path: File of the vectors.
        rows_file: File of the lines; `FILE.jsonl` by default.
        rows: Number of vectors.
        dtype: Data type of the vectors.
        origin: The exported record.
        read: Function that returns the vectors from a row up to another one.
    """
    file = rows_file or sidecar_of(path)
    if not ordinary(file).is_file():
        raise FormatError(
            file, None, f"the {rows:,} vectors of {path.name} need one line each, such as {_FORM}; write them"
        )
    with regular(file).open("rb") as lines:
        yield Source(
            name=path.name,
            rows=rows,
            dtype=dtype,
            origin=origin,
            blocks=lambda step: _blocks(file, lines, path.name, rows, read, step),
        )


def _blocks(
    file: Path, lines: IO[bytes], name: str, rows: int, read: Callable[[int, int], NDArray[Any]], step: int
) -> Iterator[RowBlock]:
    block: list[_Line] = []
    number = 0
    for number, line in enumerate(lines, 1):
        if number > rows:
            break
        block.append(_line(file, number, line))
        if len(block) == step or number == rows:
            yield RowBlock(
                read(number - len(block), number),
                [str(row.id) for row in block],
                [row.language for row in block],
                [row.group for row in block],
            )
            block = []
    if number != rows:
        line_count = f"more than {rows:,}" if number > rows else f"{number:,}"
        raise FormatError(file, None, f"{line_count} lines, but {name} has {rows:,} vectors; give one line per vector")
