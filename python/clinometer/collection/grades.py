"""Grades of judgements: whole numbers, of which 1 or more is relevant."""

from __future__ import annotations

from typing import Any

import numpy as np

from clinometer.errors import CollectionError

__all__ = ["as_whole", "checked_grade"]

_END = 1 << 31


def as_whole(grade: Any) -> int | None:
    """The grade as a whole number of 32 bits; None if it is not one, such as 0.5, which must not be cut to 0.

    Example:
        >>> as_whole(2.0), as_whole(0.5), as_whole("1"), as_whole(float("nan"))
        (2, None, None, None)
    """
    is_number = isinstance(grade, (int, float, np.integer, np.floating)) and not isinstance(grade, bool)
    if not (is_number and -_END < grade < _END):
        return None
    return int(grade) if int(grade) == grade else None


def checked_grade(grade: Any, query_id: str, document_id: str) -> int:
    """The grade of a document for a query as a whole number.

    Raises:
        CollectionError: It is not a whole number of 32 bits.
    """
    whole = as_whole(grade)
    if whole is None:
        raise CollectionError(
            f"the grade of document {document_id!r} for query {query_id!r} is {grade!r}, but grades are whole numbers; "
            "1 or more is relevant"
        )
    return whole
