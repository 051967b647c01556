"""Files that are written completely or not at all, a lock against a second writer, and JSON bytes."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import msgspec

from clinometer.errors import ClinometerError, FormatError, UsageError

__all__ = [
    "PARTIAL",
    "Hashing",
    "expanded",
    "file_digest",
    "folder_written_whole",
    "json_bytes",
    "lock",
    "put_section",
    "refuse_foreign",
    "written_whole",
]

PARTIAL = ".partial"
"""Suffix of an unfinished file."""

_LOCK = ".lock"


def expanded(path: str | os.PathLike[str]) -> Path:
    """The path with `~` or `~user` at its beginning replaced by the home folder, as shells do.

    Shells leave `beir:~/x` and `--run=~/x` as they are. A user who does not exist is left as well.
    """
    return Path(os.path.expanduser(path))  # noqa: PTH111  # pathlib's own fails on a user who does not exist


def file_digest(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal digits; read in parts, so that its size does not matter."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Hashing:
    """A writable file that keeps the size and SHA-256 of what was written."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._sha, self.bytes = file, hashlib.sha256(), 0

    def write(self, data: bytes) -> int:
        """Write all the bytes."""
        self._sha.update(data)
        self.bytes += len(data)
        return self._file.write(data)

    @property
    def sha256(self) -> str:
        """Digest of everything written so far, in hexadecimal digits."""
        return self._sha.hexdigest()


def json_bytes(value: Any) -> bytes:
    r"""A value as indented JSON that ends in a newline.

    Example:
        >>> json_bytes({"a": [1]})
        b'{\n "a": [\n  1\n ]\n}\n'
    """
    return msgspec.json.format(msgspec.json.encode(value), indent=1) + b"\n"


@contextmanager
def written_whole(path: str | os.PathLike[str], *, durable: bool = False) -> Iterator[IO[bytes]]:
    """A file that appears under its name only when everything has been written.

    Args:
        path: The final name.
        durable: Whether the file must survive a power cut: it is then on the disk before it has its name. Only in a
            folder that is locked against other writers (`lock`), because the unfinished file has one name for all
            processes, so that the next run overwrites what a killed one left.
    """
    path = expanded(path)
    partial = path.with_name(path.name + PARTIAL if durable else f"{path.name}.{os.getpid()}{PARTIAL}")
    try:
        with partial.open("wb") as file:
            yield file
            if durable:
                file.flush()
                os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        # When a disk is full, the system does not say which file was being written.
        if error.errno is not None and error.filename is None:
            error.filename = str(path)
        raise
    finally:
        partial.unlink(missing_ok=True)
    if durable and sys.platform != "win32":
        # A new name is on the disk only when its folder is.
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


@contextmanager
def folder_written_whole(folder: str | os.PathLike[str]) -> Iterator[Path]:
    """A new folder that appears under its name only when everything in it has been written.

    Raises:
        UsageError: The name is taken by something other than an empty folder.
        FileNotFoundError: The folder's parent does not exist.
    """
    folder = expanded(folder).absolute()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} already exists and is not empty; choose a new folder")
    if not folder.parent.is_dir():
        raise FileNotFoundError(f"the folder {folder.parent} does not exist; create it before writing {folder.name}")
    unfinished = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    try:
        unfinished.mkdir()
        yield unfinished
        unfinished.replace(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def put_section(page: Path, name: str, text: str) -> None:
    """Put a section into a Markdown page, in place of an earlier one of that name; the page appears whole.

    Args:
        page: The file; created if it does not exist.
        name: Name of the section, such as the collection's.
        text: Markdown.
    """
    begin, end = f"<!-- begin: clinometer {name} -->", f"<!-- end: clinometer {name} -->"
    before = page.read_text(encoding="utf-8") if page.exists() else ""
    head, _, rest = before.partition(begin)
    tail = rest.partition(end)[2]
    with written_whole(page) as file:
        file.write(f"{head.rstrip()}\n\n{begin}\n{text}\n{end}{tail.rstrip()}\n".lstrip("\n").encode())


def refuse_foreign(folder: Path, marker: str, is_own: Callable[[str], bool]) -> None:
    """Refuse a folder without its marker that holds other files; the message names the first of them."""
    if foreign := sorted(file.name for file in folder.iterdir() if not is_own(file.name)):
        problem = f"this folder has no {marker} but holds {foreign[0]!r}; choose a new or empty folder"
        raise FormatError(folder, None, problem)


def lock(folder: Path) -> IO[bytes]:
    """A file that is locked until it is closed, or its process ends in any way.

    Raises:
        ClinometerError: Another process holds the lock.
    """
    file = (folder / _LOCK).open("ab")
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        file.close()
        raise ClinometerError(
            f"{folder} is being written by another run; wait for it to end, or choose another folder"
        ) from None
    except BaseException:
        file.close()
        raise
    return file
