"""Text files, plain or packed: located, and written completely or not at all; `clinometer.contents` reads them.

No reader sees half a file, because it is written under a temporary name first and then renamed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

from clinometer.errors import CollectionError, MissingFileError, UsageError
from clinometer.files import expanded, ordinary, written_whole
from clinometer.files.packed import SUFFIXES, bare_name, packing, refuse_unread, unread_names
from clinometer.languages import canonical, select
from clinometer.suggestions import sibling

__all__ = ["find_file", "language_files", "optional_file", "require_file", "require_folder", "write_lines"]


def require_file(path: str | os.PathLike[str]) -> Path:
    """The path of an existing file, with `~` expanded; a folder is refused."""
    path = ordinary(expanded(path))
    if path.is_dir():
        raise UsageError(f"{path} is a folder, but a file is needed")
    if not path.exists():
        raise MissingFileError(f"{path} does not exist; check the path{sibling(path)}")
    return path


def require_folder(path: str | os.PathLike[str]) -> Path:
    """The path of an existing folder, with `~` expanded; a file is refused."""
    path = ordinary(expanded(path))
    if not path.exists():
        raise MissingFileError(f"{path} does not exist; check the path of the folder{sibling(path)}")
    if not path.is_dir():
        raise UsageError(f"{path} is a file, but a folder is needed")
    return path


def find_file(folder: Path, name: str) -> Path:
    """`name` in the folder, plain or packed, whichever exists; one of them must, and only one."""
    path = optional_file(folder, name)
    if path is None:
        names = " nor ".join([name, *(f"{name}{suffix}" for suffix in SUFFIXES)])
        raise MissingFileError(f"{folder} has neither {names}; check the path{sibling(folder / name)}")
    return path


def optional_file(folder: Path, name: str) -> Path | None:
    """The file as `find_file` finds it; None if there is none."""
    paths = [path for suffix in ("", *SUFFIXES) if ordinary(path := folder / f"{name}{suffix}").is_file()]
    if len(paths) > 1:
        raise UsageError(f"{folder} has both {paths[0].name} and {paths[1].name}; remove one of them")
    if not paths:
        for unread in unread_names(name):
            if ordinary(path := folder / unread).is_file():
                refuse_unread(path)
    return paths[0] if paths else None


def write_lines(path: str | Path, lines: Iterable[str]) -> None:
    """Write the lines as UTF-8, packed if the name ends in `.gz` or `.zst`; completely or not at all.

    The same lines give the same bytes: a packed file carries no time and no name.

    Raises:
        FileNotFoundError: The folder does not exist.
    """
    path = expanded(path)
    if not path.parent.is_dir():
        raise MissingFileError(f"the folder {path.parent} does not exist; create it before writing {path.name}")
    with written_whole(path) as raw, packing(path, raw) as file:
        for line in lines:
            file.write(f"{line}\n".encode())


def language_files(
    folder: str | Path, pattern: str, expected: str, languages: Iterable[str] | None = None
) -> dict[str, Path]:
    """The files of a folder by language, sorted by name.

    Args:
        folder: Folder of the files.
        pattern: Regular expression for a whole file name without the suffix of its packing; its first group is the
            language label.
        expected: Such names, for the message.
        languages: Labels of the languages to keep, None for all.

    Raises:
        FileNotFoundError: The folder does not exist, or has no such file.
        CollectionError: Two files have the same language.
        LanguageError: A requested language has no file.
    """
    folder = require_folder(folder)
    path_of_language: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        match = re.fullmatch(pattern, bare_name(path.name))
        if match is None:
            continue
        refuse_unread(path)
        label = canonical(match[1])
        if label in path_of_language:
            raise CollectionError(
                f"{folder}: {path_of_language[label].name} and {path.name} are both {label}; remove one of them"
            )
        path_of_language[label] = path
    if not path_of_language:
        raise MissingFileError(f"{folder} has no file named {expected}; check the path of the folder")
    labels = set(select(languages, list(path_of_language), str(folder)))
    return {label: path for label, path in path_of_language.items() if label in labels}
