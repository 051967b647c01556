"""Writing, mapping and checking one shard of a store."""

from __future__ import annotations

from io import BufferedReader
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from clinometer.contents import mapped_npy, npy_header
from clinometer.errors import FormatError
from clinometer.files import Hashing, file_digest, regular, written_whole
from clinometer.store.codes import decoded
from clinometer.store.manifest import Manifest, Shard

__all__ = ["bad_shards", "map_shard", "read_rows", "refuse_bad_shards", "take_rows", "write_array"]

_NAMED = 20


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


def read_rows(path: str | Path, offset: int, dtype: str, width: int, start: int, stop: int) -> NDArray[Any]:
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
    rows = np.empty((stop - start, width), dtype=dtype)
    with regular(path).open("rb") as file:
        _read_into(rows, file, path, offset, start)
    return decoded(rows) if dtype == "int16" else rows


def take_rows(path: str | Path, offset: int, dtype: str, width: int, numbers: NDArray[np.int64]) -> NDArray[Any]:
    """`(len(numbers), dimension)`: rows of a file by number; arguments and errors are those of `read_rows`."""
    distinct, places = np.unique(numbers, return_inverse=True)
    rows = np.empty((len(distinct), width), dtype=dtype)
    # Neighbours are read together.
    firsts = np.flatnonzero(np.diff(distinct, prepend=-2) > 1).tolist()
    with regular(path).open("rb") as file:
        for first, end in pairwise([*firsts, len(distinct)]):
            _read_into(rows[first:end], file, path, offset, int(distinct[first]))
    taken = rows if np.array_equal(distinct, numbers) else rows[places]
    return decoded(taken) if dtype == "int16" else taken


def _read_into(rows: NDArray[Any], file: BufferedReader, path: str | Path, offset: int, start: int) -> None:
    file.seek(offset + start * rows.itemsize * rows.shape[1])
    if file.readinto(rows.data) != rows.nbytes:
        problem = f"ends before row {start + len(rows)}: truncated while it was read; copy it again"
        raise FormatError(path, None, problem)


def bad_shards(folder: Path, manifest: Manifest, *, checksums: bool) -> list[str]:
    """Bad files with their problems, in the order of the shards; without `checksums` only by header and size."""
    problems = []
    for shard in manifest.shards:
        array, lines = folder / f"{shard.name}.npy", folder / f"{shard.name}.jsonl"
        for path, problem in (
            (array, _header_problem(array, manifest, shard)),
            (lines, _size_problem(lines, shard.jsonl_bytes)),
        ):
            digest = shard.sha256 if path is array else shard.jsonl_sha256
            if not problem and checksums and file_digest(path) != digest:
                problem = "its checksum differs from the manifest's"
            if problem:
                problems.append(f"{path.name}: {problem}")
    return problems


def refuse_bad_shards(folder: Path, manifest: Manifest, *, checksums: bool) -> None:
    """Refuse a store with files that have changed since they were written; the message names up to twenty."""
    problems = bad_shards(folder, manifest, checksums=checksums)
    if problems:
        more = f"; and {len(problems) - _NAMED} more" if len(problems) > _NAMED else ""
        count = f"{len(problems)} of {2 * len(manifest.shards)} files are bad"
        fix = "Copy them again, or delete the store and encode again"
        raise FormatError(folder, None, f"{count}: {'; '.join(problems[:_NAMED])}{more}. {fix}")


def _header_problem(path: Path, manifest: Manifest, shard: Shard) -> str:
    expected = ((shard.rows, manifest.width), False, np.dtype(manifest.dtype))
    try:
        with regular(path).open("rb") as file:
            header = npy_header(file, path, "not a .npy file")
            start = file.tell()
    except FileNotFoundError:
        return "missing"
    except FormatError as error:
        return error.problem
    if header != expected:
        return f"{header[2]} of shape {header[0]}, but the manifest says {expected[2]} of shape {expected[0]}"
    return _size_problem(path, start + shard.rows * manifest.width * expected[2].itemsize)


def _size_problem(path: Path, expected: int) -> str:
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        return "missing"
    return "" if size == expected else f"{size:,} bytes, but expected {expected:,}"
