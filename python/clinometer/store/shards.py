"""Writing, mapping, reading and checking the shards of a store."""

from __future__ import annotations

from io import BufferedReader, BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from clinometer.contents import mapped_npy, npy_header
from clinometer.errors import FormatError
from clinometer.files import Hashing, RemotePath, file_digest, regular, written_whole
from clinometer.store.codes import decoded
from clinometer.store.manifest import Manifest, Shard

__all__ = ["ShardLayout", "map_shard", "read_rows", "refuse_bad_shards", "stored_rows", "take_rows", "write_array"]

_NAMED = 20
# Bytes of a file that surely have the whole header of an array of numbers.
_HEAD = 1024
# Of remote files: bytes of a request at most, bytes between rows that one request covers, and requests at a time.
_REQUEST, _GAP, _REQUESTS = 8 << 20, 1 << 18, 16


def write_array(path: Path, array: NDArray[Any]) -> str:
    """Write a `.npy` file, completely or not at all, and return its SHA-256."""
    with written_whole(path, durable=True) as file:
        hashing = Hashing(file)
        # Always version 1, so that the bytes do not depend on NumPy's choice.
        npy.write_array(hashing, np.ascontiguousarray(array), version=(1, 0), allow_pickle=False)
    return hashing.sha256


def map_shard(folder: Path, shard: Shard) -> np.memmap[Any, Any]:
    """The file of a shard, embeddings or codes, as a read-only memory map.

    Raises:
        FormatError: The file is missing or is not an array.
        ClinometerError: This process may not open more files.
    """
    path = folder / f"{shard.name}.npy"
    try:
        return mapped_npy(path, "not a complete .npy file; copy this shard again")
    except FileNotFoundError:
        raise FormatError(path, None, "this shard is missing; copy it again") from None


def stored_rows(
    path: str | Path | RemotePath, offset: int, dtype: str, width: int, start: int, stop: int
) -> NDArray[Any]:
    """`(stop - start, width)`: consecutive rows as a file has them; arguments and errors are those of `read_rows`."""
    rows = np.empty((stop - start, width), dtype=dtype)
    if isinstance(path, RemotePath):
        path.read_into(rows.reshape(-1).view(np.uint8).data, offset + start * rows.itemsize * width)
    else:
        with regular(path).open("rb") as file:
            _read_into(rows, file, path, offset, start)
    return rows


def read_rows(
    path: str | Path | RemotePath, offset: int, dtype: str, width: int, start: int, stop: int
) -> NDArray[Any]:
    """`(stop - start, dimension)`: consecutive rows of a file, read into memory, codes as float32.

    Unlike a memory map, a file that was truncated in the meantime is an error and not the end of the process.

    Args:
        path: The file.
        offset: Bytes before its first row.
        dtype: Data type of the file.
        width: Numbers in a row of it.
        start: First row.
        stop: Row after the last one.

    Raises:
        FormatError: The file ends before.
    """
    return _decoded(stored_rows(path, offset, dtype, width, start, stop), dtype)


def take_rows(
    path: str | Path | RemotePath, offset: int, dtype: str, width: int, numbers: NDArray[np.int64]
) -> NDArray[Any]:
    """`(len(numbers), dimension)`: rows of a file by number; arguments and errors are those of `read_rows`."""
    distinct, places = np.unique(numbers, return_inverse=True)
    rows = np.empty((len(distinct), width), dtype=dtype)
    if isinstance(path, RemotePath):
        _take_remote(rows, path, offset, distinct)
        return _decoded(rows[places], dtype)
    # Neighbours are read together.
    firsts = np.flatnonzero(np.diff(distinct, prepend=-2) > 1).tolist()
    with regular(path).open("rb") as file:
        for first, end in pairwise([*firsts, len(distinct)]):
            _read_into(rows[first:end], file, path, offset, int(distinct[first]))
    return _decoded(rows if np.array_equal(distinct, numbers) else rows[places], dtype)


def _decoded(rows: NDArray[Any], dtype: str) -> NDArray[Any]:
    return decoded(rows) if dtype == "int16" else rows


def _take_remote(rows: NDArray[Any], path: RemotePath, offset: int, numbers: NDArray[np.int64]) -> None:
    """Fill `rows` with those of ascending numbers; rows that are near each other come with one request."""
    row_bytes = rows.itemsize * rows.shape[1]
    most_rows, gap = max(1, _REQUEST // row_bytes), max(1, _GAP // row_bytes)
    windows: list[tuple[int, int]] = []
    begin = 0
    for end in range(1, len(numbers) + 1):
        is_last = end == len(numbers)
        if is_last or numbers[end] - numbers[end - 1] > gap or numbers[end] - numbers[begin] >= most_rows:
            windows.append((begin, end))
            begin = end
    for first in range(0, len(windows), _REQUESTS):
        batch = windows[first : first + _REQUESTS]
        bounds = [(int(numbers[begin]), int(numbers[end - 1]) + 1) for begin, end in batch]
        parts = path.ranges([(offset + start * row_bytes, offset + stop * row_bytes) for start, stop in bounds])
        for (begin, end), (start, _), part in zip(batch, bounds, parts, strict=True):
            window = np.frombuffer(part, dtype=rows.dtype).reshape(-1, rows.shape[1])
            rows[begin:end] = window[numbers[begin:end] - start]


def _read_into(rows: NDArray[Any], file: BufferedReader, path: str | Path, offset: int, start: int) -> None:
    file.seek(offset + start * rows.itemsize * rows.shape[1])
    if file.readinto(rows.data) != rows.nbytes:
        problem = f"ends before row {start + len(rows)}: truncated while it was read; copy it again"
        raise FormatError(path, None, problem)


def _bad_shards(
    folder: Path | RemotePath, manifest: Manifest, heads: dict[str, _Head], *, checksums: bool
) -> list[str]:
    """Bad files with their problems, in the order of the shards; without `checksums` only by header and size."""
    problems = []
    for shard in manifest.shards:
        array, lines = f"{shard.name}.npy", f"{shard.name}.jsonl"
        for name, problem in (
            (array, _header_problem(heads[array], str(folder / array), manifest, shard)),
            (lines, _size_problem(heads[lines].size, shard.jsonl_bytes)),
        ):
            digest = shard.sha256 if name == array else shard.jsonl_sha256
            if not problem and checksums and file_digest(folder / name) != digest:
                problem = "its checksum differs from the manifest's"
            if problem:
                problems.append(f"{name}: {problem}")
    return problems


class ShardLayout(NamedTuple):
    """Bytes before the rows in a shard's file, and bytes of the whole file."""

    offset: int
    size: int


def refuse_bad_shards(folder: Path | RemotePath, manifest: Manifest, *, checksums: bool) -> dict[str, ShardLayout]:
    """Refuse a store with files that have changed since they were written; the message names up to twenty.

    Returns:
        Layout of the file of each shard, by the shard's name.

    Raises:
        FormatError: Files have changed.
    """
    heads = _heads(folder, manifest)
    problems = _bad_shards(folder, manifest, heads, checksums=checksums)
    if problems:
        more = f"; and {len(problems) - _NAMED} more" if len(problems) > _NAMED else ""
        count = f"{len(problems)} of {2 * len(manifest.shards)} files are bad"
        fix = "Copy them again, or delete the store and encode again"
        raise FormatError(folder, None, f"{count}: {'; '.join(problems[:_NAMED])}{more}. {fix}")
    row_bytes = manifest.width * np.dtype(manifest.dtype).itemsize
    sizes = {shard.name: (shard.rows, heads[f"{shard.name}.npy"].size or 0) for shard in manifest.shards}
    return {name: ShardLayout(size - rows * row_bytes, size) for name, (rows, size) in sizes.items()}


class _Head(NamedTuple):
    """The first bytes of a file, empty for one of ids, and its size; None for a file that is missing."""

    start: bytes
    size: int | None


def _heads(folder: Path | RemotePath, manifest: Manifest) -> dict[str, _Head]:
    """Head and size of each file of a store; of a remote one, all are asked for at once."""
    arrays = [f"{shard.name}.npy" for shard in manifest.shards]
    names = [*arrays, *(f"{shard.name}.jsonl" for shard in manifest.shards)]
    if isinstance(folder, RemotePath):
        sizes = folder.listing()
        starts = folder.heads({name: sizes[name] for name in arrays if name in sizes}, _HEAD)
        return {name: _Head(starts.get(name, b""), sizes.get(name)) for name in names}
    return {name: _local_head(folder / name, _HEAD if number < len(arrays) else 0) for number, name in enumerate(names)}


def _local_head(path: Path, length: int) -> _Head:
    try:
        if not length:
            return _Head(b"", path.stat().st_size)
        with regular(path).open("rb") as file:
            return _Head(file.read(length), path.stat().st_size)
    except FileNotFoundError:
        return _Head(b"", None)


def _header_problem(head: _Head, path: str, manifest: Manifest, shard: Shard) -> str:
    expected = ((shard.rows, manifest.width), False, np.dtype(manifest.dtype))
    if head.size is None:
        return "missing"
    file = BytesIO(head.start)
    try:
        header = npy_header(file, path, "not a .npy file")
    except FormatError as error:
        return error.problem
    if header != expected:
        return f"{header[2]} of shape {header[0]}, but the manifest says {expected[2]} of shape {expected[0]}"
    return _size_problem(head.size, file.tell() + shard.rows * manifest.width * expected[2].itemsize)


def _size_problem(size: int | None, expected: int) -> str:
    if size is None:
        return "missing"
    return "" if size == expected else f"{size:,} bytes, but expected {expected:,}"
