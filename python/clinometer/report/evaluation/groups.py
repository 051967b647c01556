"""Results by a field of the queries, such as their topic: for which of them it leans, in addition to the language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from clinometer.report.base import wording
from clinometer.report.base.canvas import Mark, Sheet
from clinometer.report.base.section import Section
from clinometer.report.base.table import Cell, Column, Line, Table
from clinometer.report.evaluation.figures import Drawing, limits, point_of, reach, series_of
from clinometer.report.evaluation.tables import cell, heading, side_by_side
from clinometer.report.evaluation.view import Reading

__all__ = ["draw_groups", "field_of", "group_table", "groups"]

Row = Mapping[str, Any]
_COLUMNS = (
    ("one-sided", "Intrusion", "one-sided"),
    ("multi", "RankGap", ""),
    ("multi", "Complete@10", ""),
    ("multi", "MaxRnorm", ""),
    ("multi", "nDCG@10", "two languages"),
    ("mono-same", "nDCG@10", "one language"),
)
_DRAWN = 25


def field_of(readings: Sequence[Reading]) -> str | None:
    """The field that the results are grouped by; None where they are not, or not all by one."""
    fields = {row["field"] for reading in readings for row in reading.by}
    return str(fields.pop()) if len(fields) == 1 else None


def groups(readings: Sequence[Reading], languages: Sequence[str]) -> Section | None:
    """The section; None where the results are not grouped by one field."""
    table = group_table(readings, languages)
    if table is None:
        return None
    field, targets = field_of(readings) or "", _targets(languages)
    text = (
        f"The same pools, but only the queries of one {field} at a time: means over queries in {targets}. A "
        "small group has a wide interval; a difference between two groups that is within their intervals says nothing."
    )
    return Section("groups", f"By {field}", text, (table,))


def _targets(languages: Sequence[str]) -> str:
    return wording.language_name(languages[0]) if len(languages) == 1 else "the other languages"


def _chosen(readings: Sequence[Reading]) -> list[tuple[str, str, str]]:
    """Scenario, measure and remark of the columns: the usual ones, else the first few of the results."""
    measured = list(dict.fromkeys((row["scenario"], row["measure"]) for reading in readings for row in reading.by))
    usual = [entry for entry in _COLUMNS if entry[:2] in measured]
    return usual or [(scenario, measure, scenario) for scenario, measure in measured[:6]]


def _row(reading: Reading, group: str, scenario: str, measure: str, languages: Sequence[str]) -> Row | None:
    """The mean over target languages, or the row of the only one; None for a mean over pairs without the pivot too."""
    query_language = languages[0] if len(languages) == 1 else "macro-target"
    if query_language == "macro-target" and measure in reading.beyond_pivot.get(scenario, ()):
        return None
    key = (group, scenario, measure, query_language)
    fields = ("group", "scenario", "measure", "query_language")
    return next((row for row in reading.by if tuple(row[name] for name in fields) == key), None)


def _ordered(readings: Sequence[Reading], languages: Sequence[str]) -> list[str]:
    """The groups, those with the highest value in the first column first; without a value, last."""
    names = dict.fromkeys(str(row["group"]) for reading in readings for row in reading.by)
    scenario, measure, _ = _chosen(readings)[0]

    def key(group: str) -> float:
        rows = [_row(reading, group, scenario, measure, languages) for reading in readings]
        known = [row["value"] for row in rows if row is not None and row["value"] is not None]
        return -sum(known) / len(known) if known else float("inf")

    return sorted(names, key=key)


def group_table(readings: Sequence[Reading], languages: Sequence[str]) -> Table | None:
    """One line for each group, with the number of queries behind the first column that has a value."""
    field = field_of(readings)
    if field is None:
        return None
    chosen = _chosen(readings)
    lines = []
    for group in _ordered(readings, languages):
        rows = [[_row(reading, group, place, name, languages) for reading in readings] for place, name, _ in chosen]
        counts = [next((row["queries"] for row in of_reading if row), None) for of_reading in zip(*rows, strict=True)]
        cells = [cell(name, row) for (_, name, _), column in zip(chosen, rows, strict=True) for row in column]
        lines.append(Line(group, (*cells, *(Cell(wording.count(number)) for number in counts))))
    heads = [*(heading(name, aside) for _, name, aside in chosen), Column("Queries")]
    title = f"By {field}, queries in {_targets(languages)}"
    columns = side_by_side(heads, readings)
    return Table("groups-table", title, "", field.capitalize(), columns, tuple(lines)).without_empty()


def draw_groups(readings: Sequence[Reading], languages: Sequence[str]) -> Drawing | None:
    """Dots with intervals for the first column of the table, in its order; at most the first 25 groups."""
    if field_of(readings) is None:
        return None
    scenario, measure, aside = _chosen(readings)[0]
    factor, sign = wording.scale(measure).factor, wording.percent(measure)
    names = _ordered(readings, languages)
    shown = names[:_DRAWN]
    columns = [
        [point_of(_row(reading, group, scenario, measure, languages), measure, group) for group in shown]
        for reading in readings
    ]
    known = [point for points in columns for point in points if point]
    if not known:
        return None
    low, high = limits(measure, *reach(known))
    labels = [name if len(name) < 25 else name[:23] + "…" for name in shown]
    sheet = Sheet(len(shown), len(readings), labels, (low, high), right=0.25, top=0.1, bottom=0.36)
    ticks = sheet.round_ticks()
    sheet.grid(ticks)
    marks = [series.mark for series in series_of(readings, ["target"])]
    if len(readings) == 1:
        marks = [Mark(f"queries in {_targets(languages)}, with the interval", marks[0].colour, "o")]
    sheet.dots(marks, columns, stems=False)
    sheet.ticks(ticks, [f"{tick:g}{sign}" for tick in ticks])
    head = heading(measure, aside).head.rstrip(" ↑↓")
    title = f"{head}, by {field_of(readings)}"
    highest = ", ".join(
        f"{name} {wording.value(measure, point.value / factor)}"
        for name, point in list(zip(shown, columns[0], strict=True))[:3]
        if point
    )
    remark = f"The first {_DRAWN} of {len(names)} groups; the table has all." if len(names) > _DRAWN else ""
    text = f"{title}. The highest: {highest}. The table has every group."
    return Drawing.of(sheet, "groups", marks, title, text, remark)
