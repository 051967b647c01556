"""Geometry before and after: one figure of the mismatch by language, and its table in Markdown.

Both show only numbers of two tables of `clinometer.geometry.alignment_table`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import floor
from typing import Any

from clinometer.errors import UsageError
from clinometer.geometry import MEASURES
from clinometer.report.base import wording
from clinometer.report.base.canvas import Mark, Point, Sheet, round_step
from clinometer.report.base.palette import INK, SOFT
from clinometer.report.base.table import Cell, Column, Line, Table
from clinometer.report.base.text import escape_markdown, markdown_table
from clinometer.report.evaluation.figures import Drawing
from clinometer.suggestions import one_of

__all__ = ["MismatchReport", "geometry_table", "mismatch_report"]

Row = Mapping[str, Any]
Columns = Sequence[Sequence[float | None]]
_SHOWN = ("mismatch_l1", "mismatch_jsd", "margin", "language_gap_norm", "mexa", "bitext_accuracy")


@dataclass(frozen=True)
class MismatchReport:
    """The changes of the mismatch in the embeddings.

    Args:
        drawing: Figure of the first measure, by language; None if that has no value.
        table: All measures by language.
    """

    drawing: Drawing | None
    table: Table

    @property
    def markdown(self) -> str:
        """The table with an explanation of its measures."""
        heading = f"### {escape_markdown(self.table.title)}"
        return f"{heading}\n\n{markdown_table(self.table)}\n\n{escape_markdown(self.table.note)}\n"


def mismatch_report(
    before: Sequence[Row],
    after: Sequence[Row],
    *,
    measures: Sequence[str] = _SHOWN,
    names: tuple[str, str] = ("before", "after"),
) -> MismatchReport:
    """Compare two tables of geometry.

    Args:
        before: Rows of `alignment_table`.
        after: Rows for the same texts, with other embeddings.
        measures: Names from `clinometer.geometry.MEASURES`; the first is drawn.
        names: Names of the two in figure and table.

    Raises:
        UsageError: A measure is unknown, or the tables are not of the same languages, pivot and pairs.

    Example:
        >>> from clinometer.geometry import alignment_table
        >>> labels, groups = ["en", "en", "de", "de"], ["a", "b", "a", "b"]
        >>> before = alignment_table([[4, 0], [0, 4], [2, 2], [0, 3]], labels, groups)
        >>> after = alignment_table([[4, 0], [0, 4], [4, 1], [0, 3]], labels, groups)
        >>> print(mismatch_report(before, after, measures=["mismatch_l1"]).markdown.splitlines()[2])
        | language | Mismatch (L1) ↓ · before | Mismatch (L1) ↓ · after |
    """
    unknown = [name for name in measures if name not in MEASURES]
    if unknown or not measures:
        problem = f"unknown measure of geometry {unknown[0]!r}" if unknown else "no measure of geometry given"
        raise UsageError(f"{problem}; expected {one_of(unknown, MEASURES)}")
    places = [{(row["language"], row["pivot"]): row["pairs"] for row in rows} for rows in (before, after)]
    if places[0] != places[1] or not places[0]:
        raise UsageError(
            "the two tables are empty or not of the same languages, pivot and pairs; compute both from the same texts"
        )
    pivots = list(dict.fromkeys(pivot for _, pivot in places[0]))
    if len(pivots) > 1:
        raise UsageError(f"the tables have several pivots ({', '.join(pivots)}); pass the rows of one")
    languages = [language for language, _ in places[0]]
    tables = [{(row["language"], row["measure"]): row["value"] for row in rows} for rows in (before, after)]
    columns = {
        measure: [[values.get((language, measure)) for language in languages] for values in tables]
        for measure in measures
    }
    table = _table(columns, languages, names, wording.language_name(pivots[0]), _count(before))
    return MismatchReport(_draw(measures[0], languages, columns[measures[0]], names), table)


def geometry_table(rows: Sequence[Row]) -> Table:
    """Rows of `alignment_table` as a table with one line for each language."""
    values = {(row["language"], row["measure"]): row["value"] for row in rows}
    languages = list(dict.fromkeys(row["language"] for row in rows))
    columns = {
        measure: [[values.get((language, measure)) for language in languages]]
        for measure in MEASURES
        if any((language, measure) in values for language in languages)
    }
    return _table(columns, languages, ("",), wording.language_name(rows[0]["pivot"]), _count(rows))


def _count(rows: Sequence[Row]) -> str:
    """The number of pairs of a language, or their range."""
    pairs = [row["pairs"] for row in rows]
    return " to ".join(dict.fromkeys(wording.count(end(pairs)) for end in (min, max)))


def _table(
    columns: Mapping[str, Columns], languages: Sequence[str], names: tuple[str, ...], pivot: str, pairs: str
) -> Table:
    heads = [
        Column(MEASURES[measure].display + wording.ARROWS[MEASURES[measure].higher_is_better], "", name)
        for measure in columns
        for name in names
    ]
    flat = [column for pair in columns.values() for column in pair]
    lines = [
        Line(wording.language_name(language), tuple(Cell(_number(column[i])) for column in flat), language=language)
        for i, language in enumerate(languages)
    ]
    if len(languages) > 1:
        lines.append(Line("mean", tuple(Cell(_number(_mean(column))) for column in flat), mean=True))
    explanations = " ".join(f"{MEASURES[measure].display}: {MEASURES[measure].summary}" for measure in columns)
    note = f"{pairs} pairs of texts in each language. {explanations}"
    return Table("mismatch", f"Embeddings of translations, with {pivot}", note, "language", tuple(heads), tuple(lines))


def _draw(measure: str, languages: Sequence[str], columns: Columns, names: tuple[str, str]) -> Drawing | None:
    known = [value for column in columns for value in column if value is not None]
    if not known:
        return None
    step = round_step(max(*known, 0.0) - min(*known, 0.0), 6)
    ticks = [step * i for i in range(floor(min(*known, 0.0) / step), -floor(-max(*known, 0.0) / step) + 1)]
    marks = (Mark(names[0], SOFT, "o", True), Mark(names[1], INK, "o"))
    points = [[None if value is None else Point(value, None, None) for value in column] for column in columns]
    pad = 0.02 * (ticks[-1] - ticks[0])
    labels = [wording.language_name(label) for label in languages]
    sheet = Sheet(len(languages), 2, labels, (ticks[0] - pad, ticks[-1] + pad), 0.2, 0.1, 0.36)
    sheet.grid(ticks)
    sheet.dots(marks, points, stems=False)
    sheet.ticks(ticks, [f"{tick:g}".replace("-", wording.MINUS) for tick in ticks])
    title = f"{MEASURES[measure].display}, by language"
    phrases = "; ".join(
        f"{wording.language_name(label)} {_number(before)} {names[0]}, {_number(after)} {names[1]}"
        for label, before, after in zip(languages, *columns, strict=True)
    )
    return Drawing.of(sheet, "mismatch", marks, title, f"{title}. {phrases}.")


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _number(value: float | None) -> str:
    return wording.DASH if value is None else f"{value:.3g}".replace("-", wording.MINUS)
