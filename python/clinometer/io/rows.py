"""Rows of fields that know their file and line, so that errors about missing fields and wrong types name them.

A row is immutable; a field has the requested type or is an error.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from clinometer.contents import decode_json, numbered_lines
from clinometer.errors import FormatError, LanguageError, shown
from clinometer.languages import canonical

__all__ = ["DistinctRows", "Row", "jsonl_row", "jsonl_rows"]

T = TypeVar("T")

_LARGEST = 10**18
_IN_WORDS = {str: "a string", int: "a whole number", dict: "an object", list: "a list"}


@dataclass(frozen=True)
class Row:
    """The fields of one row.

    Args:
        fields: Values by name.
        path: File, or another name for the source of the row.
        line: Line number from 1.

    Example:
        >>> row = Row({"_id": 17}, "corpus.jsonl", 3)
        >>> row.field("_id", str)
        Traceback (most recent call last):
            ...
        clinometer.errors.FormatError: corpus.jsonl:3: the field '_id' is 17, but it should be a string; write "17"
    """

    fields: dict[str, Any]
    path: str | Path
    line: int

    @property
    def place(self) -> str:
        """File and line, as errors name them."""
        return f"{self.path}:{self.line}"

    def error(self, problem: str) -> FormatError:
        """The error for a problem of this row, to be raised."""
        return FormatError(self.path, self.line, problem)

    def field(self, name: str, kind: type[T]) -> T:
        """The value of a required field.

        Raises:
            FormatError: It is missing, null, or of another type.
        """
        value = self.optional(name, kind)
        if value is None and name in self.fields:
            raise self.error(f"the field {name!r} is null, but it should be {_IN_WORDS[kind]}; leave the row out")
        if value is None:
            names = ", ".join(repr(str(name)) for name in self.fields) or "no fields"
            raise self.error(f"the field {name!r} is missing; the row has {names}")
        return value

    def optional(self, name: str, kind: type[T]) -> T | None:
        """The value of an optional field; None if it is missing or null.

        Raises:
            FormatError: It is of another type.
        """
        value = self.fields.get(name)
        if kind is int and isinstance(value, int) and not -_LARGEST <= value <= _LARGEST:
            raise self.error(f"the field {name!r} is a number of more than 18 digits; write a smaller one")
        if value is None or (isinstance(value, kind) and not isinstance(value, bool)):
            return value
        fix = f'; write "{value}"' if kind is str and isinstance(value, int) and not isinstance(value, bool) else ""
        raise self.error(f"the field {name!r} is {repr(value)[:60]}, but it should be {_IN_WORDS[kind]}{fix}")

    def optional_id(self, name: str) -> str | None:
        """The id in an optional field; a whole number is read as its digits.

        Raises:
            FormatError: It is empty, or neither a string nor a whole number.
        """
        value = self.fields.get(name)
        if value == "":
            raise self.error(f"the field {name!r} is empty, but it should be an id")
        return str(value) if isinstance(value, int) and not isinstance(value, bool) else self.optional(name, str)

    def id(self, name: str) -> str:
        """The id in a required field; see `optional_id`."""
        value = self.optional_id(name)
        return self.field(name, str) if value is None else value

    def inside(self, name: str) -> Row:
        """The object in a field as a row; empty if the field is missing."""
        return Row(self.optional(name, dict) or {}, self.path, self.line)

    def language(self, label: str) -> str:
        """The canonical form of a label that this row has.

        Raises:
            FormatError: It is not a language label.
        """
        try:
            return canonical(label)
        except LanguageError as error:
            raise self.error(str(error)) from error


def jsonl_rows(path: Path) -> Iterator[Row]:
    """The rows of a JSONL file, packed by suffix; blank lines are skipped.

    Raises:
        FormatError: A line is not a JSON object, or the gzip data are broken.
    """
    for line, raw in numbered_lines(path):
        yield jsonl_row(raw, path, line)


def jsonl_row(raw: bytes, path: Path, line: int) -> Row:
    """The row of a line of a JSONL file.

    Raises:
        FormatError: It is not a JSON object.
    """
    return Row(
        decode_json(raw, dict[str, Any], path, "a line should be one whole JSON object, {...}", line), path, line
    )


class DistinctRows:
    """The rows of JSONL files by their field `id`, in order; one that repeats another is left out and counted.

    Args:
        paths: The files; ids are unique across all of them.
    """

    def __init__(self, paths: Iterable[Path]) -> None:
        self._paths = paths
        self.repeats = 0

    def __iter__(self) -> Iterator[tuple[str, Row]]:
        """Id and row of each.

        Raises:
            FormatError: A line is broken, has no id, or has that of another row.
        """
        row_of_id: dict[str, Row] = {}
        for path in self._paths:
            for row in jsonl_rows(path):
                name = row.field("id", str)
                earlier = row_of_id.setdefault(name, row)
                if earlier is row:
                    yield name, row
                elif earlier.fields == row.fields:
                    self.repeats += 1
                else:
                    raise row.error(f"duplicate id {shown(name)}, first at {earlier.place}; ids must be unique")
