"""Grades of judgements as files write them: whole numbers, also as `1.0`; a fraction is refused and never cut."""

from __future__ import annotations

import math
import re
from typing import Any

from clinometer.collection.grades import as_whole
from clinometer.errors import shown
from clinometer.io.rows import Row

__all__ = ["is_grade", "whole_grade"]

_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")


def whole_grade(value: Any, row: Row, name: str = "score") -> int:
    """The grade in a cell or field of a row.

    Args:
        value: A number, or its text.
        row: Row, for the message.
        name: Name of the column, for the message.

    Raises:
        FormatError: It is not a whole number between -2,147,483,647 and 2,147,483,647.

    Example:
        >>> row = Row({}, "qrels/test.tsv", 2)
        >>> whole_grade("1.0", row), whole_grade(2, row)
        (1, 2)
        >>> whole_grade("1.9", row)
        Traceback (most recent call last):
            ...
        clinometer.errors.FormatError: qrels/test.tsv:2: the score is '1.9', but it should be a whole number; ...
    """
    number = value
    if isinstance(value, str):
        number = float(value) if is_grade(value) and len(value) < 300 else None
    whole = as_whole(number)
    if whole is None:
        is_finite = isinstance(number, (int, float)) and not isinstance(number, bool) and abs(number) < math.inf
        is_whole = is_finite and number == math.floor(number)
        expected = " of at most 2,147,483,647" if is_whole else ""
        fix = "; scale fractions to whole grades" if is_finite and not is_whole else ""
        raise row.error(f"the {name} is {shown(value)}, but it should be a whole number{expected}{fix}")
    return whole


def is_grade(cell: str) -> bool:
    """Whether a cell has the form of a number."""
    return _NUMBER.fullmatch(cell) is not None
