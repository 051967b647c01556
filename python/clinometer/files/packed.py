"""Packed files, gzip or Zstandard by suffix, unpacked part by part and written.

Whatever names the suffixes of packed files, in patterns, messages or help, takes them from here.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from clinometer.errors import UsageError, optional_package
from clinometer.files.paths import regular

__all__ = [
    "SUFFIXES",
    "SUFFIXES_SHOWN",
    "BrokenPackingError",
    "bare_name",
    "is_packed",
    "packing",
    "refuse_unread",
    "unpacked_name",
    "unpacked_parts",
    "unread_names",
]

SUFFIXES = (".gz", ".zst")
"""Suffixes of packed files."""

SUFFIXES_SHOWN = " or ".join(SUFFIXES)
"""The suffixes for help and messages."""

_UNREAD_SUFFIXES = (".bz2", ".xz", ".lzma", ".lz4", ".br", ".zip", ".7z", ".Z")

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
    return _without(name, SUFFIXES)


def bare_name(name: str) -> str:
    """The name of a file without the suffix of any packing, also of one that `refuse_unread` refuses.

    Example:
        >>> bare_name("qrels.tsv.zst"), bare_name("qrels.tsv.bz2"), bare_name("qrels.tsv.bak")
        ('qrels.tsv', 'qrels.tsv', 'qrels.tsv.bak')
    """
    return _without(name, SUFFIXES + _UNREAD_SUFFIXES)


def _without(name: str, suffixes: tuple[str, ...]) -> str:
    return next((name.removesuffix(suffix) for suffix in suffixes if name.endswith(suffix)), name)


def refuse_unread(path: Path) -> None:
    """Refuse a file that is packed as no reader unpacks it, by its name.

    Raises:
        UsageError: It is.
    """
    if path.suffix in _UNREAD_SUFFIXES:
        raise UsageError(
            f"{path} is packed as {path.suffix}, which is not read; unpack it, or pack it as {SUFFIXES_SHOWN}"
        )


def unread_names(name: str) -> list[str]:
    """Names that a file may have if it is packed as no reader unpacks it."""
    return [f"{name}{suffix}" for suffix in _UNREAD_SUFFIXES]


@contextmanager
def packing(path: Path, file: IO[bytes]) -> Iterator[IO[bytes]]:
    """A file to write to, whose contents arrive in `file` packed as the suffix of `path` says.

    Raises:
        MissingExtraError: The suffix is that of Zstandard, and its package is not installed.
    """
    if path.suffix == ".gz":
        # Without a time and a name, so that the same contents are the same bytes.
        with gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as packed:
            yield packed  # type: ignore[misc]
    elif path.suffix == ".zst":
        zstandard = optional_package("zstandard", "writing a .zst file", "zstd")
        with zstandard.ZstdCompressor().stream_writer(file, closefd=False) as packed:
            yield packed
    else:
        yield file


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
