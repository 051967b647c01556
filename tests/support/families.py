"""A family of readers that are given damaged input, and what may come of it.

Whatever the input, only errors of the project may come out; the system's own for files that are missing pass as well.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from clinometer.errors import ClinometerError

T = TypeVar("T")
Writer = Callable[[Path], None]
Reader = Callable[[Path], Any]
ALLOWED = (ClinometerError, FileNotFoundError, PermissionError)
LONGEST_MESSAGE = 1400
"""A path, and a thousand characters."""


@dataclass(frozen=True)
class Family:
    """Readers of one kind of files.

    Args:
        write: Writer of good files into an empty folder.
        read: Reader of all of them, and user of what was read.
        text: Whether the input is one short text, in the file `text`, as of an option.
    """

    write: Writer
    read: Reader
    text: bool = False


def problem_of(family: Family, folder: Path, *, refused: bool = True) -> str:
    """What is wrong with how a family reads a folder; empty if nothing is. Without `refused`, any error is wrong."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            family.read(folder)
        except ALLOWED as error:
            message = str(error)
            if not refused:
                return message
            if "\x1b" in message:
                return f"a control character in {message!r}"
            return f"{len(message):,} characters: {message[:300]}" if len(message) > LONGEST_MESSAGE else ""
    return ""


def use_each(items: Iterable[T], use: Callable[[T], object]) -> None:
    """Use all the items, and raise the longest of their errors at the end."""
    failures = []
    for item in items:
        try:
            use(item)
        except ALLOWED as error:
            failures.append(error)
    if failures:
        raise max(failures, key=lambda error: len(str(error)))
