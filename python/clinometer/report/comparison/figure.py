"""The figure of a comparison: for each language a dot before, a dot after, and the interval of the difference.

It shows only values of rows, and has a text that says the same.
"""

from __future__ import annotations

from clinometer.report.base import wording
from clinometer.report.base.canvas import Mark, Sheet
from clinometer.report.base.palette import BETTER, SOFT, WORSE
from clinometer.report.comparison.view import (
    Row,
    View,
    difference,
    difference_interval,
    points,
    probability,
    views_of,
)
from clinometer.report.evaluation.figures import Drawing, limits

__all__ = ["draw_dumbbells"]


def draw_dumbbells(view: View, scenario: str, measure: str, *, name: str) -> Drawing | None:
    """Before and after by language, on the same axis for every encoder after; None without rows.

    `name` is as in `Drawing`.
    """
    rows = view.targets(scenario, measure)
    if not rows:
        return None
    factor, sign = wording.scale(measure).factor, wording.percent(measure)
    title = f"{wording.display(measure)} in {scenario}"
    every = [row for each in views_of(view.comparison) for row in each.targets(scenario, measure)]
    numbers = [row[end] * factor for row in every for end in ("before", "after")]
    bands = [band for row in every for band in _band(row, factor)]
    low, high = limits(measure, min([*numbers, *bands]), max([*numbers, *bands]))
    languages = [row["query_language"] for row in rows]
    names = list(map(wording.language_name, languages))
    sheet = Sheet(len(rows), 2, names, (low, high), 0.62, 0.08, 0.36, languages)
    ticks = sheet.round_ticks()
    sheet.grid(ticks)
    for y, row in enumerate(rows):
        before, after = row["before"] * factor, row["after"] * factor
        colour = _colour(view, row)
        sheet.rule(y, 0.8)
        tip = _tip(view, row, measure)
        if band := _band(row, factor):
            # From the dot before it could reach beyond what the measure can be, where the sheet ends.
            sheet.stretch(y, band, colour, 6.5, tip, opacity=0.22)
        sheet.stretch(y, (before, after), colour, 1.6, tip)
        sheet.dot(y, before, Mark("", SOFT, "o", True), tip, focus=False)
        sheet.dot(y, after, Mark("", colour, "o"), tip, focus=True)
        sheet.write_right(y, 0.56, difference(measure, row["difference"]), colour, tip)
    sheet.ticks(ticks, [f"{tick:g}{sign}" for tick in ticks])
    text = f"{title}. {'; '.join(_phrase(row, measure) for row in rows)}."
    colours = {_colour(view, row) for row in rows}
    changes = {"clearly better": BETTER, "clearly worse": WORSE, "not clear": SOFT}
    after = (Mark(f"after: {text}", colour, "o") for text, colour in changes.items() if colour in colours)
    key = (Mark("before", SOFT, "o", True), *after)
    remark = (
        f"The pale bar is the {view.confidence} interval of the difference, drawn from the dot before. The "
        f"numbers are the differences. A change is clear where its {view.p} is at most {view.level:.2g}."
    )
    return Drawing.of(sheet, name, key, f"{title}, by language", text, remark)


def _colour(view: View, row: Row) -> str:
    if row["improved"] is None or not view.clear(row):
        return SOFT
    return BETTER if row["improved"] else WORSE


def _band(row: Row, factor: float) -> list[float]:
    """The interval of the difference, drawn from the value before; empty without one."""
    ends = (row["ci_low"], row["ci_high"])
    return [] if None in ends else [(row["before"] + end) * factor for end in ends]


def _tip(view: View, row: Row, measure: str) -> str:
    """The text of a line: both values, the difference with its interval and p, and the number of queries."""
    facts = [f"{_phrase(row, measure)}, {difference(measure, row['difference'])}{points(measure)}"]
    if ends := difference_interval(row, " to "):
        facts.append(f"interval {ends}")
    if row["p_adjusted"] is not None:
        facts.append(f"{view.p} {probability(row['p_adjusted'])}")
    return ", ".join([*facts, f"{wording.count(row['queries'])} queries"])


def _phrase(row: Row, measure: str) -> str:
    before, after = (wording.value(measure, row[end]) for end in ("before", "after"))
    return f"{wording.language_name(row['query_language'])} {before} before, {after} after"
