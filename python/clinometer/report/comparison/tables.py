"""Tables of a comparison: means over languages by scenario, one measure by language, every row.

A short report has the headline measures; `all_tables` together show each row exactly once.
"""

from __future__ import annotations

from clinometer.report.base import wording
from clinometer.report.base.table import Cell, Column, Line, Table
from clinometer.report.comparison.view import Row, View, difference, difference_interval, probability

__all__ = ["DETAILS", "all_tables", "detail_tables", "headline_table", "mean_tables"]

DETAILS = (("multi", "Complete@10"), ("multi", "nDCG@1"), ("multi", "MaxRnorm"), ("mono-same", "nDCG@1"))
"""Scenarios and measures that a short report shows by language."""


def mean_tables(view: View, *, everything: bool = False) -> list[Table]:
    """For each scenario a table of means over languages, one line for each headline measure (or all) and mean."""
    tables = []
    for scenario in view.scenarios:
        measures = view.measures(scenario) if everything else view.headlines(scenario)
        rows = [row for measure in measures for row in view.measure_rows(scenario, measure) if view.is_mean(row)]
        gaps = sum(measure.startswith("LanguageGap(") for measure in measures)
        lines = tuple(_line(row, f"{_short(row['measure'], gaps == 1)}, {view.where(row)}") for row in rows)
        if lines:
            title = f"{scenario}: means over languages"
            tables.append(Table(f"means-{scenario}", title, "", "Measure, queries", _columns(view), lines))
    return tables


def headline_table(view: View) -> Table:
    """One table: the headline measures of every scenario, each as its mean over all queries, or over target queries.

    The columns come in the order of what they say, so that a narrow terminal can leave out the last.
    """
    lines, wheres = [], []
    for scenario in view.scenarios:
        for measure in view.headlines(scenario):
            row = view.mean(scenario, measure, "macro", "macro-target", "macro-pivot")
            if row is not None:
                wheres.append(view.where(row))
                lines.append((row, f"{scenario} {_short(measure, only_gap=True)}"))
    if not lines:
        rows = [row for scenario in view.scenarios for row in view.measure_rows(scenario, view.headlines(scenario)[0])]
        wheres = [view.where(row) for row in rows]
        lines = [(row, f"{row['scenario']} {_short(row['measure'], only_gap=True)}") for row in rows]
    same = len(set(wheres)) == 1
    written = [
        _line(row, label if same else f"{label}, {where}") for (row, label), where in zip(lines, wheres, strict=True)
    ]
    title = f"Main measures, {wheres[0]}" if same else "Main measures"
    table = Table("headlines", title, "", "Measure", _columns(view), tuple(written))
    return table.take([0, 1, 2, 3, 4, 6, 7, 8, 5])


def detail_tables(view: View) -> list[Table]:
    """The main measures by language; where the results have none of them, the first measure that they have."""
    details = [(scenario, measure) for scenario, measure in DETAILS if view.targets(scenario, measure)]
    details = details or [view.main[:2]]
    tables = []
    for scenario, measure in details:
        rows = view.targets(scenario, measure) or view.measure_rows(scenario, measure)
        note = "Queries in the row's language, in its pool with the pivot." if scenario == "multi" else ""
        tables.append(_by_language(view, rows, f"{_slug(scenario, measure)}-short", note))
    return tables


def all_tables(view: View) -> list[Table]:
    """Every row: one table for each scenario and measure, means last."""
    tables = []
    for scenario in view.scenarios:
        for measure in view.measures(scenario):
            rows = view.measure_rows(scenario, measure)
            rows = [row for row in rows if not view.is_mean(row)] + [row for row in rows if view.is_mean(row)]
            tables.append(_by_language(view, rows, _slug(scenario, measure), ""))
    return tables


def _by_language(view: View, rows: list[Row], name: str, note: str) -> Table:
    lines = tuple(_line(row, view.where(row), mean=view.is_mean(row), language=_language(view, row)) for row in rows)
    title = f"{rows[0]['scenario']}: {_shown(rows[0]['measure'])}, by language"
    return Table(name, title, note, "Queries in", _columns(view), lines)


def _slug(scenario: str, measure: str) -> str:
    return "".join(character if character.isalnum() else "-" for character in f"{scenario}-{measure}".lower())


def _short(measure: str, only_gap: bool) -> str:
    """A measure with its arrow; a single language gap is shown without the name of its measure."""
    known = wording.measure(measure)
    if known is None:
        return measure
    name = known.display.partition(" (")[0] if known.inner and only_gap else known.display
    return name + (" →0" if measure == "RankGap" else wording.ARROWS[known.higher_is_better])


def _shown(measure: str) -> str:
    """A measure with its arrow and unit."""
    unit = wording.scale(measure).unit
    return _short(measure, only_gap=False) + (f" ({unit})" if unit else "")


def _columns(view: View) -> tuple[Column, ...]:
    p = view.p.replace("adjusted", "adj.")
    heads = ("Before", "After", "Change", f"{view.confidence} interval", p, "d_z", "Better", "Worse", "Queries")
    return tuple(map(Column, heads))


def _language(view: View, row: Row) -> str:
    """The language that a line is about: that of its queries, or of the pool's other documents; empty for a mean."""
    if view.is_mean(row):
        return ""
    others = [label for label in row["pool_languages"] if label != view.pivot]
    own = row["query_language"] == view.pivot and len(row["pool_languages"]) == 2 and len(others) == 1
    return str(others[0] if own else row["query_language"])


def _line(row: Row, label: str, *, mean: bool = False, language: str = "") -> Line:
    measure, effect = row["measure"], row["effect"]
    cells = [
        wording.value(measure, row["before"]),
        wording.value(measure, row["after"]),
        difference(measure, row["difference"]),
        difference_interval(row) or wording.DASH,
        probability(row["p_adjusted"]),
        wording.DASH if effect is None else f"{round(effect, 2) or 0:+.2f}".replace("-", wording.MINUS),
        *(wording.count(row[name]) for name in ("better", "worse", "queries")),
    ]
    return Line(label, tuple(map(Cell, cells)), mean, language)
