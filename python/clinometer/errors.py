"""The exceptions that clinometer raises; each message is one sentence that gives the location and the fix.

A user's mistake is always a `ClinometerError`; anything else that escapes is a defect of this package.
`FileNotFoundError` and `PermissionError` are raised as they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

__all__ = [
    "ClinometerError",
    "CollectionError",
    "EmbeddingError",
    "EncoderError",
    "FormatError",
    "LanguageError",
    "MeasureError",
    "MissingExtraError",
    "UsageError",
]


_LONGEST = 600
# Control characters, which a terminal obeys, marks that reorder text, and halves of surrogate pairs.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str, most: int | None = None) -> str:
    r"""Text that does nothing but appear on a terminal, shortened in the middle.

    Args:
        text: Text from a file, a server or another library.
        most: Maximum number of characters; None for any.

    Example:
        >>> printable("a\x1b[2Jb\n")
        'a\\x1b[2Jb\\n'
        >>> printable("0123456789" * 9, 20)
        '01234567 ... 3456789'
    """
    if most is not None and len(text) > 2 * most:
        text = text[:most] + text[-most:]
    text = _UNPRINTABLE.sub(lambda match: match[0].encode("unicode_escape").decode(), text)
    if most is not None and len(text) > most:
        head = (most - 4) // 2
        text = f"{text[:head]} ... {text[len(text) - (most - 5 - head) :]}"
    return text


class ClinometerError(Exception):
    """Base of every error that a user of clinometer can cause.

    Whatever a message repeats from files and servers, it is bounded and free of control characters.

    Args:
        message: One sentence.
    """

    _longest = _LONGEST

    def __init__(self, message: object = "") -> None:
        super().__init__(printable(str(message), self._longest))


class UsageError(ClinometerError, ValueError):
    """An option or argument has a value that cannot be used: exit code 2 on the command line."""


class LanguageError(UsageError):
    """A language label is unknown, or is not in the collection."""


class MeasureError(UsageError):
    """One or more measure names cannot be read; all of them are listed at once."""

    _longest = 4 * _LONGEST


class CollectionError(ClinometerError, ValueError):
    """Documents, queries and judgements do not fit together (duplicate ids, missing documents, an empty pool)."""


class FormatError(ClinometerError, ValueError):
    """A file does not have the expected format.

    Args:
        path: The file.
        line: Line number from 1, or None where lines do not apply.
        problem: What is wrong, and what is expected.
    """

    def __init__(self, path: str | Path, line: int | None, problem: str) -> None:
        self.path, self.line, self.problem = str(path), line, printable(problem, _LONGEST)
        place = printable(f"{path}:{line}" if line is not None else str(path), _LONGEST)
        Exception.__init__(self, f"{place}: {self.problem}")

    def __reduce__(self) -> tuple[type[FormatError], tuple[str, int | None, str]]:
        # An error raised in a worker is pickled on its way to the main process.
        return type(self), (self.path, self.line, self.problem)


class EmbeddingError(ClinometerError, ValueError):
    """Embeddings cannot be scored: zero, NaN or infinite rows, or dimensions that differ."""


class EncoderError(ClinometerError):
    """An encoder cannot be loaded, or does not behave as required."""


class MissingExtraError(ClinometerError, ImportError):
    """An optional package is not installed.

    Args:
        feature: What needs the package, in words.
        extra: The extra of clinometer that installs the package.

    Example:
        >>> str(MissingExtraError("the offline encoder", "offline"))
        "the offline encoder needs an optional package: pip install 'clinometer[offline]'"
    """

    def __init__(self, feature: str, extra: str) -> None:
        self.feature, self.extra = feature, extra
        super().__init__(f"{feature} needs an optional package: pip install 'clinometer[{extra}]'")

    def __reduce__(self) -> tuple[type[MissingExtraError], tuple[str, str]]:
        return type(self), (self.feature, self.extra)


def optional_package(module: str, feature: str, extra: str) -> Any:
    """A module of an optional package; a `MissingExtraError` names the extra if it cannot be imported."""
    try:
        return import_module(module)
    except ImportError:
        raise MissingExtraError(feature, extra) from None


def first_few(items: Sequence[Any], most: int = 5, show: Callable[[Any], str] = repr) -> str:
    """The first of some items, for a message."""
    return ", ".join(map(show, items[:most])) + (", ..." if len(items) > most else "")


def first_line(error: object) -> str:
    """The first line of another library's message, without its last punctuation; the error's type if it is empty."""
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".:;") if lines else type(error).__name__
