"""Grades of judgements: whole numbers, of which 1 or more is relevant."""

from __future__ import annotations

from typing import Any

import numpy as np

from clinometer.errors import CollectionError

__all__ = ["checked_grade", "whole_grade"]


def whole_grade(grade: Any) -> int | None:
    """The grade as a whole number of 32 bits; None if it is not one, such as 0.5, which must not be cut to 0.

    Example:
        >>> whole_grade(2.0), whole_grade(0.5), whole_grade("1"), whole_grade(float("nan"))
        (2, None, None, None)
    """
    if not isinstance(grade, (int, float, np.integer, np.floating)) or not abs(float(grade)) < 1 << 31:
        return None
    return int(grade) if int(grade) == grade else None


def checked_grade(grade: Any, query_id: str, document_id: str) -> int:
    """The grade of a document for a query as a whole number.

    Raises:
        CollectionError: It is not a whole number of 32 bits.
    """
    whole = whole_grade(grade)
    if whole is None:
        raise CollectionError(
            f"the grade of document {document_id!r} for query {query_id!r} is {grade!r}, but grades are whole numbers; "
            "1 or more is relevant"
        )
    return whole
