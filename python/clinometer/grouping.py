"""Rows of results for the queries of each value of a field: one topic, article or source at a time, in the same pools.

A group's rows are those of an evaluation that asks only the group's queries, intervals included.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from clinometer.cells import Cell
from clinometer.collection import Collection
from clinometer.errors import CollectionError, UsageError
from clinometer.measures import Measure
from clinometer.rows import rows_of
from clinometer.scenarios.scanned import Survey
from clinometer.statistics.resampling import question_rows

__all__ = ["GROUPED", "check_field", "grouped_measures", "rows_by"]

GROUPED = ("MaxRnorm", "Complete@10", "nDCG@10", "RankGap", "Intrusion")
"""Measures of the groups' rows where no measures were chosen: so many rows for each group are enough."""


def check_field(collection: Collection, field: str) -> None:
    """Refuse a field that the queries do not have.

    Raises:
        UsageError: It names the fields that they have.
    """
    if field not in collection.queries.fields:
        there = ", ".join(collection.queries.fields) or "none"
        raise UsageError(f"the queries of {collection.name!r} have no field {field!r}; they have: {there}")


def grouped_measures(measures: Sequence[Measure], *, chosen: bool) -> list[Measure]:
    """The measures of the groups' rows: all that were chosen, or of the usual ones a handful."""
    return [measure for measure in measures if chosen or str(measure) in GROUPED]


def rows_by(
    survey: Survey,
    cells: Sequence[Cell],
    measures: Sequence[Measure],
    field: str,
    pivot: str,
    resamples: int,
    confidence: float,
    seed: int,
    threads: int | None,
) -> tuple[list[dict[str, Any]], list[str]]:
    """Rows of each group, in the order in which the values first appear, and notices about queries in none.

    Returns:
        Rows as `clinometer.rows.rows_of` makes them, with `field` and `group` before the other columns; sentences.
    """
    queries = survey.collection.queries
    values = queries.fields[field]
    rows: list[dict[str, Any]] = []
    unanswered: list[str] = []
    for value in dict.fromkeys(value for value in values if value is not None):
        members = np.flatnonzero([other == value for other in values])
        asked = queries.take(members)
        questions = np.full(len(queries), -1, dtype=np.int64)
        questions[members] = question_rows(asked.groups, asked.languages, asked.ids)
        kept = [cell.of(members) for cell in cells]
        try:
            found = rows_of(survey, kept, measures, pivot, resamples, confidence, seed, threads, questions)
        except CollectionError:
            unanswered.append(value)
            continue
        rows += [{"field": field, "group": value, **row} for row in found]
    notices = []
    if without := sum(value is None for value in values):
        notices.append(f"{without} of {len(values)} queries have no {field} and are in no group")
    if unanswered:
        named = ", ".join(unanswered[:5]) + (", ..." if len(unanswered) > 5 else "")
        notices.append(f"{len(unanswered)} groups of {field} have no value of any measure and no rows: {named}")
    return rows, notices
