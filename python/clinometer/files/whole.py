"""Files and folders that are written completely or not at all, and a lock against a second writer."""

from __future__ import annotations

import errno
import io
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import IO, NamedTuple

from clinometer.errors import ClinometerError, MissingFileError, UsageError
from clinometer.files.paths import check_target, expanded, regular

__all__ = ["PARTIAL", "append_whole", "folder_written_whole", "lock", "withdraw", "written_together", "written_whole"]

PARTIAL = ".partial"
"""Suffix of an unfinished file."""

_LOCK = ".lock"


class _Unpublished(NamedTuple):
    """A written file that does not have its name yet, and the open file that keeps other writers off it."""

    partial: Path
    path: Path
    file: IO[bytes]

    def discard(self) -> None:
        """Remove the file, unless it has its name: another writer may then have taken that of the unfinished one."""
        if self.file.closed:
            return
        if sys.platform != "win32":
            self.partial.unlink(missing_ok=True)
        # What is left in memory may not fit onto a full disk.
        with suppress(OSError):
            self.file.close()
        if sys.platform == "win32":
            self.partial.unlink(missing_ok=True)


class _Together:
    """Files that are published together, and older ones that are removed before."""

    def __init__(self) -> None:
        self.written: list[_Unpublished] = []
        self.outdated: list[Path] = []

    def publish(self) -> None:
        """Give the files their names in the order of writing; if that fails, new ones are removed again."""
        new = []
        try:
            for path in self.outdated:
                path.unlink(missing_ok=True)
            for entry in self.written:
                if not entry.path.exists():
                    new.append(entry.path)
                _publish(entry)
        except BaseException:
            for path in new:
                path.unlink(missing_ok=True)
            raise
        finally:
            self.discard()

    def discard(self) -> None:
        for entry in self.written:
            entry.discard()


_together: ContextVar[_Together | None] = ContextVar("together", default=None)


@contextmanager
def written_together() -> Iterator[None]:
    """Files that belong together: what `written_whole` writes inside gets its names at the end, all or none.

    Inside another `written_together`, the outer one decides.
    """
    if _together.get() is not None:
        yield
        return
    together = _Together()
    token = _together.set(together)
    try:
        yield
    except BaseException:
        together.discard()
        raise
    finally:
        _together.reset(token)
    together.publish()


def withdraw(path: Path) -> None:
    """Remove a file of an earlier run: before the files of `written_together` get their names, or else at once."""
    if together := _together.get():
        together.outdated.append(path)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def written_whole(path: str | os.PathLike[str], *, durable: bool = False) -> Iterator[IO[bytes]]:
    """A file that appears under its name only when everything has been written.

    What a killed writer left of the file is removed by the next one.

    Args:
        path: The final name.
        durable: Whether the file must survive a power cut: it is then on the disk before it has its name.

    Raises:
        UsageError: The name is taken by something other than a file.
        FileNotFoundError: The folder of the file does not exist.
    """
    path = expanded(path)
    check_target(path)
    entry = _claimed(path)
    try:
        yield entry.file
        entry.file.flush()
        # A network file system may tell only now that its disk is full; closing a copy keeps the lock.
        os.close(os.dup(entry.file.fileno()))
        if durable:
            os.fsync(entry.file.fileno())
            _publish(entry)
            _sync_folder(path.parent)
        elif together := _together.get():
            together.written.append(entry)
        else:
            _publish(entry)
    except BaseException as error:
        entry.discard()
        if isinstance(error, OSError):
            raise _renamed(error, entry.partial, path) from None
        raise


_SLOTS = 16
"""Number of writers that can write one file at the same time; each of them has an unfinished file of its own."""


def _slot(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.{number}{PARTIAL}" if number else path.name + PARTIAL)


def _claimed(path: Path) -> _Unpublished:
    """An empty unfinished file, locked until it is closed; that of a killed writer has no lock, and is used again."""
    try:
        for number in range(_SLOTS):
            if file := _locked(_slot(path, number)):
                file.truncate(0)
                return _Unpublished(_slot(path, number), path, file)
    except OSError as error:
        error.filename = str(path)
        raise
    raise ClinometerError(
        f"{path} is being written by {_SLOTS} other runs; wait for them to end, or choose another name"
    )


def _locked(partial: Path) -> IO[bytes] | None:
    """The file, open and locked; None if another writer has it."""
    # Not through a link, which would lead to a file of another name.
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    while True:
        descriptor = os.open(partial, flags, 0o666)
        # With a path as its name, which an error or another library may need.
        file = open(partial, "w+b", opener=lambda *_, number=descriptor: number)  # noqa: SIM115
        try:
            _lock(file)
        except (BlockingIOError, PermissionError):
            file.close()
            return None
        except OSError:
            # This file system has no locks.
            return file
        with suppress(FileNotFoundError):
            # Its writer may have given it its final name, or removed it, before it was locked here.
            if os.path.samestat(os.fstat(descriptor), partial.stat()):
                return file
        file.close()


def _lock(file: IO[bytes]) -> None:
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _publish(entry: _Unpublished) -> None:
    """Give a written file its name, and remove what killed writers of the same file left."""
    if sys.platform == "win32":
        entry.file.close()
    entry.partial.replace(entry.path)
    entry.file.close()
    for leftover in _leftovers(entry.path):
        leftover.discard()


def _leftovers(path: Path) -> Iterator[_Unpublished]:
    """Unfinished files of killed writers."""
    for number in range(_SLOTS):
        partial = _slot(path, number)
        if partial.is_file() and (file := _locked(partial)):
            yield _Unpublished(partial, path, file)


def _renamed(error: OSError, unfinished: Path, path: Path) -> OSError:
    """The error with the final name; a full disk's does not say which file was being written."""
    name = str(error.filename or "")
    if error.errno is not None and (not name or name.startswith(str(unfinished))):
        error.filename = str(path)
    return error


def append_whole(file: io.FileIO, data: bytes) -> None:
    """Append to an unbuffered file; if the disk does not take all of it, none of it stays.

    Raises:
        OSError: The message names the file.
    """
    size = os.fstat(file.fileno()).st_size
    try:
        if file.write(data) != len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(file.fileno())
    except OSError as error:
        file.truncate(size)
        error.filename = str(file.name)
        raise


def _sync_folder(folder: Path) -> None:
    """A new name is on the disk only when its folder is."""
    if sys.platform != "win32":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def folder_written_whole(folder: str | os.PathLike[str]) -> Iterator[Path]:
    """A new folder that appears under its name only when everything in it has been written.

    What a killed writer left of the folder is removed by the next one.

    Raises:
        UsageError: The name is taken by something other than an empty folder.
        FileNotFoundError: The folder's parent does not exist.
    """
    folder = expanded(folder).absolute()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} already exists and is not empty; choose a new folder")
    if not folder.parent.is_dir():
        raise MissingFileError(f"the folder {folder.parent} does not exist; create it before writing {folder.name}")
    hidden = folder.with_name(f".{folder.name}")
    # Files of this folder are published with it, not with others that are written together.
    token = _together.set(None)
    try:
        entry = _claimed(hidden)
        unfinished = _contents(entry.partial)
        try:
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir()
            yield unfinished
            unfinished.replace(folder)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
            entry.discard()
        for leftover in _leftovers(hidden):
            shutil.rmtree(_contents(leftover.partial), ignore_errors=True)
            leftover.discard()
    except OSError as error:
        raise _renamed(error, hidden, folder) from None
    finally:
        _together.reset(token)


def _contents(partial: Path) -> Path:
    """The unfinished folder whose lock is a file next to it; a lock inside would be published with the rest."""
    return partial.with_name(f"{partial.name}-files")


def lock(folder: Path) -> IO[bytes]:
    """A file that is locked until it is closed, or its process ends in any way.

    Raises:
        ClinometerError: Another process holds the lock.
    """
    file = regular(folder / _LOCK).open("ab")
    try:
        _lock(file)
    except (BlockingIOError, PermissionError):
        file.close()
        raise ClinometerError(
            f"{folder} is being written by another run; wait for it to end, or choose another folder"
        ) from None
    except BaseException:
        file.close()
        raise
    return file
