"""The figures of a report: lean by language, complete answers, intrusion both ways, one language at a time.

Each shows only numbers of the results, and has a text that says the same. A figure without numbers is None.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from clinometer.report.base import wording
from clinometer.report.base.canvas import Mark, Point, Sheet
from clinometer.report.base.palette import ENCODERS, INK, OWN, OWN_TINT, PIVOT, PIVOT_TINT, SOFT
from clinometer.report.base.table import Table
from clinometer.report.evaluation.view import Reading, Row, Side

__all__ = [
    "Drawing",
    "Points",
    "Series",
    "draw_bars",
    "draw_dots",
    "draw_heat",
    "draw_heats",
    "draw_lean",
    "limits",
    "point_of",
    "reach",
    "series_of",
]

_STICKS = 2
"""Largest number of results whose sticks can be told apart when drawn from one foot."""
_MARKERS = ("o", "D", "s", "^", "v", "P", "X")

Points = list[Point | None]
"""Values as they are written in tables (percentages, not shares), one for each line; None where a row has no value."""


class Series(NamedTuple):
    """What one kind of mark shows: the queries of one side in one result."""

    reading: Reading
    side: Side
    mark: Mark


@dataclass(frozen=True)
class Drawing:
    """A figure: its SVG, its key, a title, a text that says the same in words, and a remark shown below it.

    `name` is the name of its files; `sheet` is what it was drawn on.
    """

    svg: str
    key: tuple[Mark, ...]
    title: str
    text: str
    remark: str
    name: str
    sheet: Sheet = field(repr=False, compare=False)

    @classmethod
    def of(cls, sheet: Sheet, name: str, key: Sequence[Mark], title: str, text: str, remark: str = "") -> Drawing:
        """The finished drawing of a sheet."""
        return cls(sheet.svg(text), tuple(key), title, text, remark, name, sheet)


def series_of(readings: Sequence[Reading], sides: Sequence[Side]) -> list[Series]:
    """One result: a mark for each side. Several: a mark for each result, hollow for the pivot's queries."""
    pivot = wording.language_name(readings[0].pivot)
    if len(readings) == 1:
        marks = {
            "target": Mark("queries in the row's language", INK, "o"),
            "pivot": Mark(f"{pivot} queries", SOFT, "D", True),
        }
        return [Series(readings[0], side, marks[side]) for side in sides]
    looks = [(ENCODERS[i % len(ENCODERS)], _MARKERS[i % len(_MARKERS)]) for i in range(len(readings))]
    return [
        Series(reading, side, Mark(reading.label, colour, shape, side == "pivot"))
        for side in sides
        for reading, (colour, shape) in zip(readings, looks, strict=True)
    ]


def _name(language: str, readings: Sequence[Reading]) -> str:
    outside = any(language in reading.not_made_for() for reading in readings)
    return wording.language_name(language) + ("†" if outside else "")


def _points(series: Series, scenario: str, measure: str, languages: Sequence[str]) -> Points:
    rows = {language: series.reading.row(scenario, series.side, language, measure) for language in languages}
    return [
        point_of(row, measure, f"{wording.language_name(language)}, {series.mark.text}")
        for language, row in rows.items()
    ]


def point_of(row: Row | None, measure: str, head: str = "") -> Point | None:
    """A row's value and interval in the unit of tables; None without a row or a value. `head` begins its text."""
    if row is None or row["value"] is None:
        return None
    factor = wording.scale(measure).factor
    low, high = (None if row.get(end) is None else row[end] * factor for end in ("ci_low", "ci_high"))
    return Point(row["value"] * factor, low, high, f"{head}: {wording.told(measure, row)}" if head else "")


def _description(
    title: str, shown: Sequence[Series], columns: Sequence[Points], measure: str, languages: Sequence[str]
) -> str:
    """The figure in words: for each series the highest and the lowest language."""
    factor = wording.scale(measure).factor
    parts = []
    for series, points in zip(shown, columns, strict=True):
        known = [(point.value, language) for point, language in zip(points, languages, strict=True) if point]
        if known:
            ends = [
                f"{wording.value(measure, number / factor)} ({wording.language_name(language)})"
                for number, language in (end(known, key=lambda pair: pair[0]) for end in (min, max))
            ]
            parts.append(f"{series.mark.text}: {f'from {ends[0]} to {ends[1]}' if len(known) > 1 else ends[0]}")
    return f"{title}. {'; '.join(parts)}."


def draw_lean(readings: Sequence[Reading], languages: Sequence[str], measure: str = "RankGap") -> Drawing | None:
    """How far each language leans: dot and interval around the upright line, and a stick that leans as far.

    One result shows both sides; several show their target-language queries.
    """
    all_series = series_of(readings, ["target", "pivot"] if len(readings) == 1 else ["target"])
    columns = [_points(series, "multi", measure, languages) for series in all_series]
    known = [point for points in columns for point in points if point]
    if not known:
        return None
    pivot = wording.language_name(readings[0].pivot)
    low, high = reach(known)
    low, high = min(-0.5, low), max(0.5, high)
    pad = 0.06 * (high - low)
    marks, labels = [series.mark for series in all_series], [_name(label, readings) for label in languages]
    # The number of series with sticks: of one result its first side, of two results both.
    sticks = min(len(readings), len(all_series)) if len(readings) <= _STICKS else 0
    ends = (low - pad, high + pad)
    sheet = Sheet(len(languages), len(marks), labels, ends, 0.62 if sticks else 0.2, 0.34, 0.62, languages)
    sheet.band(0, high + pad, PIVOT_TINT)
    sheet.band(low - pad, 0, OWN_TINT)
    sheet.upright(0, INK, 1.4)
    sheet.dots(marks, columns, stems=len(readings) == 1)
    span = ends[1] - ends[0]
    ticks = sheet.multiples(0.5 if span <= 3 else 1.0 if span <= 8 else 2.0)
    values = (wording.value(measure, tick).removesuffix(".00").replace(".50", ".5") for tick in ticks)
    sheet.ticks(ticks, [f"{value}\n{_times(tick)}" for value, tick in zip(values, ticks, strict=True)])
    sheet.write_below(0.52, "rank gap in log2 ranks, and how many times as deep")
    sheet.write_at(0, "upright", weight="bold")
    # A side that is too narrow for its label, next to half of the middle one, has none.
    half, towards, away = "upri", f"leans to {pivot} ▶", "◀ leans away"
    if sheet.fits(half + towards, 0, high + pad):
        sheet.write_at(high + pad, towards, align="end", colour=PIVOT)
    if sheet.fits(half + away, low - pad, 0):
        sheet.write_at(low - pad, away, align="start", colour=OWN)
    for mark, points in list(zip(marks, columns, strict=True))[:sticks]:
        sheet.sticks(points, mark.colour)
    title = f"Rank gap to {pivot}, by language"
    text = _description(f"{title}; 0 is upright, above 0 leans to {pivot}", all_series, columns, measure, languages)
    remark = (
        "The sticks to the right lean 15 degrees for each log2 rank, at most 75, for queries in the row's language."
    )
    return Drawing.of(sheet, "lean", marks, title, text, remark if sticks else "")


def reach(points: Sequence[Point]) -> tuple[float, float]:
    """The smallest and the largest number of values and intervals."""
    numbers = [number for point in points for number in point[:3] if number is not None]
    return min(numbers), max(numbers)


def limits(measure: str, low: float, high: float) -> tuple[float, float]:
    """Ends of an axis for numbers in the unit of tables: a little room, and none beyond what the measure can be.

    Example:
        >>> limits("Complete@10", 90.0, 100.0), limits("nDCG@1", 0.0, 0.5)
        ((89.5, 100.0), (0.0, 0.525))
    """
    known = wording.measure(measure)
    # A share is written in per cent; a measure from 0 to 1 is not.
    top = 100.0 if wording.percent(measure) else 1.0 if known and known.unit == "0-1" else None
    pad = max(0.05 * (high - low), 0.005 * (top or max(abs(high), 0.01)))
    if top is None:
        return low - pad, high + pad
    return max(low - pad, 0.0), min(high + pad, top)


def _times(tick: float) -> str:
    return "equal" if tick == 0 else f"×{float(f'{2 ** abs(tick):.2g}'):g}"


def draw_dots(
    shown: Sequence[Series],
    languages: Sequence[str],
    measure: str,
    *,
    name: str,
    title: str,
    scenario: str = "multi",
    level: float | None = None,
    equal: Sequence[Series] = (),
) -> Drawing | None:
    """Dots with intervals, one line for each language, on an axis for the values of these series and of `equal`.

    `level` is where chance would be, in the unit of the scale.
    """
    columns = [_points(series, scenario, measure, languages) for series in shown]
    if not any(point for points in columns for point in points):
        return None
    sign = wording.percent(measure)
    others = [_points(series, scenario, measure, languages) for series in equal]
    low, high = reach([point for points in [*columns, *others] for point in points if point])
    if level is not None:
        low, high = min(low, level), max(high, level)
    readings, marks = len({id(series.reading) for series in shown}), [series.mark for series in shown]
    labels = [_name(label, [series.reading for series in shown]) for label in languages]
    lines = readings if readings > 1 else len(shown)
    ends = limits(measure, low, high)
    sheet = Sheet(len(languages), lines, labels, ends, 0.25, 0.1 if level is None else 0.34, 0.36, languages)
    ticks = sheet.round_ticks()
    sheet.grid(ticks)
    if level is not None:
        sheet.upright(level, INK, 1.2, dash=(4.8, 2.4))
        sheet.write_at(level, f"chance {level:.3g}{sign}")
    sheet.dots(marks, columns, stems=False)
    sheet.ticks(ticks, [f"{tick:g}{sign}" for tick in ticks])
    return Drawing.of(sheet, name, marks, title, _description(title, shown, columns, measure, languages))


def draw_bars(
    readings: Sequence[Reading], languages: Sequence[str], scenario: str, measure: str = "Intrusion"
) -> Drawing | None:
    """Intrusion both ways: pivot documents above the target's answer to the right, the reverse to the left."""
    several, pivot = len(readings) > 1, wording.language_name(readings[0].pivot)
    right, left = (series_of(readings, [side]) for side in ("target", "pivot"))
    ahead, behind = ([_points(series, scenario, measure, languages) for series in side] for side in (right, left))
    ends = [[max(p.value, p.high or 0) for points in side for p in points if p] for side in (ahead, behind)]
    if not any(ends):
        return None
    # A side without bars keeps enough room to show that it has none.
    longest = [max(side, default=0.0) for side in ends]
    least = max(0.08 * max(longest), 1.0)
    right_end, left_end = (min(100.0, 1.04 * max(end, least)) for end in longest)
    labels = [_name(label, readings) for label in languages]
    sheet = Sheet(len(languages), len(readings), labels, (-left_end, right_end), 0.25, 0.34, 0.36, languages)
    ticks = sheet.round_ticks(7)
    sheet.grid(ticks)
    sheet.axis(0)
    for sign, side, columns in ((1, right, ahead), (-1, left, behind)):
        for i, (series, points) in enumerate(zip(side, columns, strict=True)):
            colour = series.mark.colour if several else PIVOT if sign > 0 else OWN
            sheet.bars(i, len(side), points, sign, colour, pale=several and sign < 0)
    sheet.ticks(ticks, [f"{abs(tick):g}%" for tick in ticks])
    inks = (INK, INK) if several else (PIVOT, OWN)
    sheet.write_at(right_end, f"{pivot} above the answer ▶", align="end", colour=inks[0])
    # A side that is too narrow for its label has none.
    if left_end > 0.2 * (left_end + right_end):
        sheet.write_at(-left_end, "◀ reverse", align="start", colour=inks[1])
    title = f"Queries with an unrelated document above the answer ({scenario})"
    text = _description(f"{title}, {pivot} documents", right, ahead, measure, languages)
    reverse = _description("The reverse", left, behind, measure, languages)
    entries = {f"{pivot} document above the answer": PIVOT, f"reverse: {pivot} queries": OWN}
    key = [series.mark._replace(shape="s") for series in right]
    if not several:
        key = [Mark(entry, colour, "s") for entry, colour in entries.items()]
    return Drawing.of(sheet, "intrusion", key, title, f"{text} {reverse}")


def draw_heats(table: Table, *, name: str) -> list[Drawing]:
    """A table of numbers as a heat map, or one for each encoder, with equal shades for equal numbers."""
    encoders = list(dict.fromkeys(column.encoder for column in table.columns))
    tables = [table.of_encoder(encoder) for encoder in encoders] if table.side_by_side else [table]
    texts = [cell.text for line in table.lines if not line.mean for cell in line.cells]
    numbers = [number for text in texts if (number := _number(text)) is not None]
    ends = (min(numbers), max(numbers)) if numbers and len(tables) > 1 else None
    names = [name, *(f"{name}-{number}" for number in range(2, len(tables) + 1))]
    drawings = [draw_heat(part, name=own, ends=ends) for part, own in zip(tables, names, strict=True)]
    return [drawing for drawing in drawings if drawing is not None]


def draw_heat(table: Table, *, name: str, ends: tuple[float, float] | None = None) -> Drawing | None:
    """A table of numbers as a heat map, the numbers in its cells; pale is low, dark is high.

    Args:
        table: The table, of one encoder.
        name: Name of the figure.
        ends: Numbers of the palest and the darkest shade; by default the lowest and the highest of the table.
    """
    lines = [line for line in table.lines if not line.mean]
    texts = [[cell.text for cell in line.cells] for line in lines]
    numbers = [[_number(text) for text in line] for line in texts]
    known = [number for line in numbers for number in line if number is not None]
    if not known:
        return None
    low, high = ends or (min(known), max(known))
    labels = [re.sub(r" \([^()]*\)(?=†?$)", "", line.label) for line in lines]
    heads = [(column.head.partition(", ")[2] or column.head).rstrip(" ↑↓") for column in table.columns]
    tips = [
        [
            f"{label}, {column.head.rstrip(' ↑↓')}: {cell.tip or cell.text}"
            for column, cell in zip(table.columns, line.cells, strict=True)
        ]
        for label, line in zip(labels, lines, strict=True)
    ]
    few, keys = len(heads) < 5, [line.language for line in lines]
    sheet = Sheet(
        len(labels), 1, labels, (-0.5, len(heads) - 0.5), 0.1 if few else 0.55, 0.4 if few else 0.8, 0.08, keys
    )
    sheet.heat(numbers, texts, low, max(high - low, 1e-9), tips)
    for i, head in enumerate(heads):
        sheet.write_at(i, head.replace(" ", "\n", 1) if few else head, rotation=0 if few else 45)
    text = f"{table.title}: the numbers of the table, from {min(known):g} to {max(known):g}."
    return Drawing.of(sheet, name, (), table.title, text)


def _number(text: str) -> float | None:
    return None if text == wording.DASH else float(text.replace(",", "").replace(wording.MINUS, "-"))
