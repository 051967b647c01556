"""Packed files, gzip or Zstandard by suffix, unpacked part by part."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from clinometer.errors import optional_package
from clinometer.files.paths import regular

__all__ = ["SUFFIXES", "BrokenPackingError", "is_packed", "unpacked_name", "unpacked_parts"]

SUFFIXES = (".gz", ".zst")
"""Suffixes of packed files."""

# Zstandard makes at most some 100 MB of it at once.
_PACKED = 1 << 12
_BROKEN_GZIP = (gzip.BadGzipFile, EOFError, zlib.error)


class BrokenPackingError(Exception):
    """Packed data are damaged or end too soon; the message says how."""


def is_packed(path: Path) -> bool:
    """Whether a file is unpacked while it is read, by its name."""
    return path.suffix in SUFFIXES


def unpacked_name(name: str) -> str:
    """The name of a file without the suffix of its packing.

    Example:
        >>> unpacked_name("qrels.tsv.zst")
        'qrels.tsv'
    """
    return next((name.removesuffix(suffix) for suffix in SUFFIXES if name.endswith(suffix)), name)


def unpacked_parts(path: Path, size: int) -> Iterator[bytes]:
    """The contents of a file in parts of about `size` bytes or, packed, a little more.

    Raises:
        BrokenPackingError: The packed data are broken; what precedes comes first.
        MissingExtraError: The file is packed by Zstandard, and its package is not installed.
    """
    with regular(path).open("rb") as file:
        pending: list[bytes] = []
        count = 0
        try:
            for chunk in _chunks(path, file, size):
                pending.append(chunk)
                count += len(chunk)
                if count >= size:
                    yield b"".join(pending)
                    pending, count = [], 0
        except BrokenPackingError:
            yield b"".join(pending)
            raise
        if pending:
            yield b"".join(pending)


def _chunks(path: Path, file: IO[bytes], size: int) -> Iterator[bytes]:
    if path.suffix == ".zst":
        return _zstandard(file)
    return _gzip(file, size) if path.suffix == ".gz" else iter(lambda: file.read(size), b"")


def _gzip(file: IO[bytes], size: int) -> Iterator[bytes]:
    try:
        with gzip.GzipFile(fileobj=file) as unpacked:
            yield from iter(lambda: unpacked.read1(size), b"")
    except _BROKEN_GZIP as error:
        raise BrokenPackingError(f"broken gzip ({error})") from error


def _zstandard(file: IO[bytes]) -> Iterator[bytes]:
    zstandard = optional_package("zstandard", "reading a .zst file", "zstd")
    frame = None
    try:
        while packed := file.read(_PACKED):
            while packed:
                frame = frame or zstandard.ZstdDecompressor().decompressobj()
                if part := frame.decompress(packed):
                    yield part
                packed, frame = (frame.unused_data, None) if frame.eof else (b"", frame)
    except zstandard.ZstdError as error:
        raise BrokenPackingError(f"broken zstd ({error})") from error
    if frame is not None:
        # The package itself takes a file that was cut for a whole one.
        raise BrokenPackingError("broken zstd (it ends too soon)")
