"""Folders with one file for each language, the language in the file's name.

Only the files of the wanted languages are named, in the order of all file names, so that a choice of languages never
changes the order.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from clinometer.errors import CollectionError
from clinometer.io.textfiles import require_folder
from clinometer.languages import canonical, select

__all__ = ["language_files"]


def language_files(
    folder: str | Path, pattern: str, expected: str, languages: Iterable[str] | None = None
) -> dict[str, Path]:
    """The files of a folder by language, sorted by name.

    Args:
        folder: Where the files are.
        pattern: Regular expression for a whole file name; its first group is the language label.
        expected: How such names look, for the message.
        languages: The languages wanted, None for all.

    Raises:
        FileNotFoundError: The folder is not there, or has no such file.
        CollectionError: Two files are of one language.
        LanguageError: A wanted language has no file.
    """
    folder = require_folder(folder)
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        match = re.fullmatch(pattern, path.name)
        if match is None:
            continue
        label = canonical(match[1])
        if label in found:
            raise CollectionError(f"{folder}: {found[label].name} and {path.name} are both {label}; remove one of them")
        found[label] = path
    if not found:
        raise FileNotFoundError(f"{folder} has no file named {expected}; check the path of the folder")
    wanted = set(select(languages, list(found), str(folder)))
    return {label: path for label, path in found.items() if label in wanted}
