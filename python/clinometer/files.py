"""Files that are whole or not there, and what is written into them as JSON."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import msgspec

from clinometer.errors import UsageError

__all__ = ["file_digest", "folder_written_whole", "json_bytes", "written_whole"]

_READ_AT_ONCE = 1 << 20


def file_digest(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal digits; read in parts, whatever its size."""
    sha = hashlib.sha256()
    with path.open("rb") as file:
        while data := file.read(_READ_AT_ONCE):
            sha.update(data)
    return sha.hexdigest()


def json_bytes(value: Any) -> bytes:
    r"""A value as indented JSON that ends in a newline.

    Example:
        >>> json_bytes({"a": [1]})
        b'{\n "a": [\n  1\n ]\n}\n'
    """
    return msgspec.json.format(msgspec.json.encode(value), indent=1) + b"\n"


@contextmanager
def written_whole(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """A file that appears under its name only when everything has been written."""
    path = Path(path)
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        with partial.open("wb") as file:
            yield file
        partial.replace(path)
    except OSError as error:
        # Of a disk that is full, the system does not say which file was too much for it.
        if error.errno is not None and error.filename is None:
            error.filename = str(path)
        raise
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def folder_written_whole(folder: str | os.PathLike[str]) -> Iterator[Path]:
    """A new folder that appears under its name only when everything in it has been written.

    Raises:
        UsageError: There is something under that name, other than an empty folder.
        FileNotFoundError: The folder's parent does not exist.
    """
    folder = Path(folder).absolute()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} is there already and is not empty; choose a new folder")
    if not folder.parent.is_dir():
        raise FileNotFoundError(f"the folder {folder.parent} does not exist; make it before writing {folder.name}")
    unfinished = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    try:
        unfinished.mkdir()
        yield unfinished
        unfinished.replace(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
