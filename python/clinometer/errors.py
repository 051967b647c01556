"""The exceptions that clinometer raises; each message is one sentence that gives the location and the fix.

A user's mistake is always a `ClinometerError`; anything else that escapes is a defect of this package.
`FileNotFoundError`, of which `MissingFileError` is one, and `PermissionError` of the system are raised as they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

__all__ = [
    "ClinometerError",
    "ClinometerWarning",
    "CollectionError",
    "EmbeddingError",
    "EncoderError",
    "FormatError",
    "LanguageError",
    "MeasureError",
    "MissingExtraError",
    "MissingFileError",
    "UsageError",
]


_CONTROL = re.compile("[\0-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Characters that can drive a terminal, end a line, or show text in another order than it is read in."""

_QUOTED = re.compile(r"""(?<!\w)(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")(?!\w)""")
_WORD = re.compile(r"\S+")

_FOREIGN, _MESSAGE = 300, 1_000
"""Most characters of a message that come from elsewhere, and of a whole message."""


def printable(text: str, *, lines: bool = False) -> str:
    r"""The text with control characters as escapes, as JSON and Python write them.

    Args:
        text: Text from a file, a server or another library.
        lines: Whether line ends and tabs stay.

    Example:
        >>> printable("a\x1b[31m\u202eb\n")
        'a\\u001b[31m\\u202eb\\u000a'
    """
    keep = "\n\t" if lines else ""
    return _CONTROL.sub(lambda match: match[0] if match[0] in keep else f"\\u{ord(match[0]):04x}", text)


def shortened(text: str, most: int = _FOREIGN) -> str:
    """The text, at most that long; the middle of a longer one is left out.

    Example:
        >>> shortened("abcdefghij", 7)
        'abcd…ij'
    """
    if len(text) <= most:
        return text
    tail = (most - 1) // 3
    return f"{text[: most - 1 - tail]}…{text[len(text) - tail :]}"


def bounded(message: str) -> str:
    """The message with bounded quotations, words and length; its end, with the fix, stays."""
    left = _FOREIGN

    def cut(match: re.Match[str]) -> str:
        nonlocal left
        text = shortened(match[0], max(left, 20))
        left = max(0, left - len(text))
        return text

    # The first bounds the work on what follows.
    message = _QUOTED.sub(cut, shortened(message, 3 * _MESSAGE))
    return shortened(_WORD.sub(lambda match: shortened(match[0]), message), _MESSAGE)


class ClinometerError(Exception):
    """Base of every error that a user of clinometer can cause.

    Its text is one line of bounded length without control characters, whatever it quotes.
    """

    def __init__(self, message: object = "") -> None:
        super().__init__(bounded(printable(str(message))))


class ClinometerWarning(UserWarning):
    """Input that can be used but may not be what was meant; the command line shows such sentences at the end."""


class UsageError(ClinometerError, ValueError):
    """An option or argument has a value that cannot be used: exit code 2 on the command line."""


class LanguageError(UsageError):
    """A language label is unknown, or is not in the collection."""


class MeasureError(UsageError):
    """One or more measure names cannot be read; all of them are listed at once."""


class CollectionError(ClinometerError, ValueError):
    """Documents, queries and judgements do not fit together (duplicate ids, missing documents, an empty pool)."""


class FormatError(ClinometerError, ValueError):
    """A file does not have the expected format.

    Args:
        path: The file: a path, or a URL.
        line: Line number from 1, or None where lines do not apply.
        problem: What is wrong, and what is expected.
    """

    def __init__(self, path: object, line: int | None, problem: str) -> None:
        self.path, self.line, self.problem = str(path), line, problem
        super().__init__()
        where = printable(self.path) + ("" if line is None else f":{line}")
        self.args = (f"{where}: {bounded(printable(problem))}",)

    def __reduce__(self) -> tuple[type[FormatError], tuple[str, int | None, str]]:
        # An error raised in a worker is pickled on its way to the main process.
        return type(self), (self.path, self.line, self.problem)


class MissingFileError(ClinometerError, FileNotFoundError):
    """A file or folder that is needed does not exist; the message names what is looked for, and the fix."""


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
    return ", ".join(shortened(show(item), _FOREIGN // most) for item in items[:most]) + (
        ", ..." if len(items) > most else ""
    )


def shown(value: object, most: int = 100) -> str:
    """A value from a file or argument as a message shows it: its repr, cut where it is long.

    Example:
        >>> shown("x" * 500, 10)
        "'xxxxxxxxx..."
    """
    try:
        # One line, and not all of a long text; arrays take several lines.
        written = isinstance(value, (str, bytes))
        text = repr(value[: most + 2]) if written else " ".join(repr(value).split())  # type: ignore[index]
    except Exception:
        text = f"a value of type {type(value).__name__}"
    return text if len(text) <= most else f"{text[:most]}..."


def first_line(error: object) -> str:
    """The first line of another library's message, without its last punctuation; the error's type if it is empty."""
    lines = str(error).strip().splitlines()
    return shortened(lines[0].rstrip(".:;")) if lines else type(error).__name__
