"""One shard of a store: how it is written, mapped and checked."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from clinometer.errors import ClinometerError, FormatError
from clinometer.files import Hashing, file_digest, written_whole
from clinometer.store.manifest import Manifest, Shard

__all__ = ["bad_shards", "map_shard", "refuse_bad_shards", "write_array"]

_NAMED = 20


def write_array(path: Path, array: NDArray[Any]) -> str:
    """Write a `.npy` file that is whole or not there, and return its SHA-256."""
    with written_whole(path, durable=True) as file:
        hashing = Hashing(file)
        # Version 1 for all time: the bytes are not to depend on NumPy's choice.
        npy.write_array(hashing, np.ascontiguousarray(array), version=(1, 0), allow_pickle=False)
    return hashing.sha256


def map_shard(folder: Path, shard: Shard) -> np.memmap[Any, Any]:
    """What the file of a shard holds, embeddings or codes, read-only, where it lies.

    Raises:
        FormatError: The file is not there or is no array.
        ClinometerError: This process may not open more files.
    """
    path = folder / f"{shard.name}.npy"
    try:
        rows: np.memmap[Any, Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        raise FormatError(path, None, "this shard is not there; copy it again") from None
    except (ValueError, EOFError):
        raise FormatError(path, None, "this shard is no .npy file of its length; copy it again") from None
    except OSError as error:
        if error.errno != errno.EMFILE:
            raise
        raise ClinometerError(
            f"{path}: this process may not open as many files as there are shards; raise the limit with 'ulimit -n'"
        ) from None
    return rows


def bad_shards(folder: Path, manifest: Manifest, *, checksums: bool) -> list[str]:
    """What is wrong with which file, in the order of the shards; empty if nothing is.

    Args:
        folder: Of the store.
        manifest: Of the store.
        checksums: Read everything; otherwise only the first bytes and the size of each file are looked at.
    """
    found = []
    for shard in manifest.shards:
        array, lines = folder / f"{shard.name}.npy", folder / f"{shard.name}.jsonl"
        for path, problem in (
            (array, _header_problem(array, manifest, shard)),
            (lines, _size_problem(lines, shard.jsonl_bytes)),
        ):
            digest = shard.sha256 if path is array else shard.jsonl_sha256
            if not problem and checksums and file_digest(path) != digest:
                problem = "its bytes were changed, the checksum is not the manifest's"
            if problem:
                found.append(f"{path.name}: {problem}")
    return found


def refuse_bad_shards(folder: Path, manifest: Manifest, *, checksums: bool) -> None:
    """Refuse a store with files that are not as they were written.

    Raises:
        FormatError: Naming every such file, up to twenty.
    """
    found = bad_shards(folder, manifest, checksums=checksums)
    if found:
        more = f"; and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
        raise FormatError(
            folder,
            None,
            f"{len(found)} of {2 * len(manifest.shards)} files are bad: {'; '.join(found[:_NAMED])}{more}. "
            "Copy them again, or delete the store and encode again",
        )


def _header_problem(path: Path, manifest: Manifest, shard: Shard) -> str:
    wanted = ((shard.rows, manifest.width), False, np.dtype(manifest.dtype))
    try:
        with path.open("rb") as file:
            if npy.read_magic(file) != (1, 0):
                return "it is no .npy file of version 1.0"
            header = npy.read_array_header_1_0(file)
            start = file.tell()
    except FileNotFoundError:
        return "it is not there"
    except ValueError:
        return "it is no .npy file"
    if header != wanted:
        return f"it is {header[2]} of shape {header[0]}, but the manifest says {wanted[2]} of shape {wanted[0]}"
    return _size_problem(path, start + shard.rows * manifest.width * wanted[2].itemsize)


def _size_problem(path: Path, wanted: int) -> str:
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        return "it is not there"
    return "" if size == wanted else f"it has {size:,} bytes, but {wanted:,} were written"
