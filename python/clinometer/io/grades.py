"""Grades of judgements as files write them: whole numbers, also as `1.0`; a fraction is refused and never cut."""

from __future__ import annotations

import re
from typing import Any

from clinometer.errors import shown
from clinometer.grades import whole_grade
from clinometer.io.rows import Row

__all__ = ["grade_in", "is_grade"]

_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")


def grade_in(row: Row, value: Any, name: str = "score") -> int:
    """The grade in a cell or field of a row.

    Args:
        row: Row, for the message.
        value: A number, or its text.
        name: Name of the column, for the message.

    Raises:
        FormatError: It is not a whole number of 32 bits.

    Example:
        >>> row = Row({}, "qrels/test.tsv", 2)
        >>> grade_in(row, "1.0"), grade_in(row, 2)
        (1, 2)
        >>> grade_in(row, "1.9")
        Traceback (most recent call last):
            ...
        clinometer.errors.FormatError: qrels/test.tsv:2: the score is '1.9', but it should be a whole number; ...
    """
    number = (float(value) if is_grade(value) else None) if isinstance(value, str) else value
    grade = None if isinstance(number, bool) else whole_grade(number)
    if grade is None:
        raise row.error(
            f"the {name} is {shown(value)}, but it should be a whole number; scale fractions to whole grades"
        )
    return grade


def is_grade(cell: str) -> bool:
    """Whether a cell has the form of a number."""
    return _NUMBER.fullmatch(cell) is not None
