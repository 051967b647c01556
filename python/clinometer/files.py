"""Files that are written completely or not at all, a lock against a second writer, and JSON bytes."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import IO, Any, NamedTuple

import msgspec

from clinometer.errors import ClinometerError, FormatError, UsageError

__all__ = [
    "PARTIAL",
    "Hashing",
    "check_target",
    "expanded",
    "file_digest",
    "folder_written_whole",
    "json_bytes",
    "lock",
    "put_section",
    "refuse_foreign",
    "regular",
    "withdraw",
    "written_together",
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
    with regular(path).open("rb") as file:
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


def check_target(path: str | os.PathLike[str]) -> None:
    """Refuse a name for a new file that a folder, a pipe or a device has.

    Raises:
        UsageError: The message says what the name is.
    """
    if kind := _special(Path(path)):
        raise UsageError(f"{path} is {kind}; give the name of a file")
    if Path(path).is_dir():
        raise UsageError(f"{path} is a folder; give the name of a file")


def regular(path: str | os.PathLike[str]) -> Path:
    """The path of a file to read, which is not a pipe or a device: these may never end, and cannot be read twice.

    A folder, and a path where nothing is, pass: the system's own errors name them.

    Raises:
        FormatError: The message says what the path is.
        UsageError: No path can be written so.
    """
    if kind := _special(Path(path)):
        raise FormatError(Path(path), None, f"this is {kind}, not a file; save its content as a file first")
    return Path(path)


def _special(path: Path) -> str:
    """What a path is that is neither file nor folder; empty for these, and where nothing is."""
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except (OSError, ValueError) as error:
        # ValueError: a zero byte, or half of a surrogate pair.
        if isinstance(error, OSError) and error.errno not in (errno.ENAMETOOLONG, errno.ELOOP):
            raise
        raise UsageError(f"{str(path)!r} cannot be a path ({getattr(error, 'strerror', error)}); check it") from None
    kinds = {stat.S_ISFIFO: "a pipe", stat.S_ISCHR: "a device", stat.S_ISBLK: "a device", stat.S_ISSOCK: "a socket"}
    return next((kind for is_kind, kind in kinds.items() if is_kind(mode)), "")


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
        raise FileNotFoundError(f"the folder {folder.parent} does not exist; create it before writing {folder.name}")
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


def put_section(page: Path, name: str, text: str) -> None:
    """Put a section into a Markdown page, in place of an earlier one of that name; the page appears whole.

    Args:
        page: The file; created if it does not exist.
        name: Name of the section, such as the collection's.
        text: Markdown.
    """
    begin, end = f"<!-- begin: clinometer {name} -->", f"<!-- end: clinometer {name} -->"
    before = regular(page).read_text(encoding="utf-8") if page.exists() else ""
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
