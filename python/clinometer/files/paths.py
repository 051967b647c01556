"""Paths of files: what is a file to read, a name for a new one, or a folder of another tool."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path

from clinometer.errors import FormatError, UsageError, shown

__all__ = ["check_folder", "check_target", "expanded", "ordinary", "refuse_foreign", "regular"]


def expanded(path: str | os.PathLike[str]) -> Path:
    """The path with `~` or `~user` at its beginning replaced by the home folder, as shells do.

    Shells leave `beir:~/x` and `--run=~/x` as they are. A user who does not exist is left as well.

    Raises:
        UsageError: No path can be written so.
    """
    path = _path(path)
    try:
        return Path(os.path.expanduser(path))  # noqa: PTH111  # pathlib's own fails on a user who does not exist
    except ValueError as error:  # a zero byte in the name of a user
        raise UsageError(f"{os.fspath(path)!r} cannot be a path ({error}); check it") from None


def check_target(path: str | os.PathLike[str]) -> None:
    """Refuse a name for a new file that a folder, a pipe or a device has, or that is nowhere a file can be.

    Folders on the way need not exist yet.

    Raises:
        UsageError: The message says what the name is.
        OSError: A file is in place of a folder, or the folder cannot be written to; as the system would say it later.
    """
    if kind := _special(_path(path)):
        raise UsageError(f"{path} is {kind}; give the name of a file")
    if Path(path).is_dir():
        raise UsageError(f"{path} is a folder; give the name of a file")
    _check_place(Path(path), Path(path).parent)


def check_folder(folder: str | os.PathLike[str], content: str = "the results") -> None:
    """Refuse a name for a folder, which need not exist yet, that a file has or under which nothing can be written.

    Args:
        folder: The folder.
        content: What it is for.

    Raises:
        UsageError: It is a file.
        OSError: As for `check_target`.
    """
    folder = _path(folder)
    if _special(folder) or folder.is_file():
        raise UsageError(f"{folder} is a file; give a folder for {content}")
    _check_place(folder, folder)


def _check_place(path: Path, folder: Path) -> None:
    """Raise the error that creating the path would, once its folder or the nearest one above cannot be written to."""
    while not os.path.lexists(folder) and folder != folder.parent:
        folder = folder.parent
    problem = 0
    if not folder.is_dir():
        problem = errno.ENOTDIR
    elif not os.access(folder, os.W_OK | os.X_OK):
        problem = errno.EROFS if os.statvfs(folder).f_flag & os.ST_RDONLY else errno.EACCES
    if problem:
        raise OSError(problem, os.strerror(problem), str(path))


def regular(path: str | os.PathLike[str]) -> Path:
    """The path of a file to read, which is not a folder, a pipe or a device.

    A path where nothing is passes: the system's own error names it when it is opened.

    Raises:
        FormatError: The message says what the path is.
        UsageError: No path can be written so.
    """
    path = ordinary(path)
    if path.is_dir():
        raise FormatError(path, None, "this is a folder, not a file; give the name of a file")
    return path


def ordinary(path: str | os.PathLike[str]) -> Path:
    """The path of a file or folder to read, which is not a pipe or a device: these may never end or be read twice.

    Raises:
        FormatError: The message says what the path is.
        UsageError: No path can be written so.
    """
    if kind := _special(_path(path)):
        raise FormatError(Path(path), None, f"this is {kind}, not a file; save its content as a file first")
    return Path(path)


def _path(path: object) -> Path:
    """A path from an argument, which may be anything."""
    try:
        return Path(path)  # type: ignore[arg-type]
    except TypeError:
        raise UsageError(f"{shown(path)} is not a path; give a text or a pathlib.Path") from None


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


def refuse_foreign(folder: Path, marker: str, is_own: Callable[[str], bool]) -> None:
    """Refuse a folder that holds other files than those around its marker; the message names the first of them."""
    if foreign := sorted(file.name for file in folder.iterdir() if not is_own(file.name)):
        marked = "holds" if (folder / marker).exists() else f"has no {marker} but holds"
        problem = f"this folder {marked} {foreign[0]!r}; choose a new or empty folder"
        raise FormatError(folder, None, problem)
