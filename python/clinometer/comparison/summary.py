"""A comparison in short, for a comment on a pull request and for JUnit: what changed by more than chance.

A change counts as `clinometer.report.comparison.view.View.clear` has it: by its p, adjusted for the number of tests.
"""

from __future__ import annotations

from clinometer.comparison.outcome import Case, Outcome, code, marker, named
from clinometer.report.base import wording
from clinometer.report.base.text import escape_markdown, markdown_row
from clinometer.report.comparison import opening
from clinometer.report.comparison.verdict import caveats, change, verdict
from clinometer.report.comparison.view import (
    Compared,
    Row,
    View,
    difference,
    difference_interval,
    probability,
    views_of,
)

__all__ = ["markdown_summary", "outcome", "title"]

_MOST = 60
"""Rows of a table in a comment; GitHub takes 65,536 characters."""


def title(comparison: Compared) -> str:
    """What was compared with what, as every file begins."""
    return f"clinometer compare of {comparison.labels[0]} with {named(comparison.labels[1:])}"


def markdown_summary(comparison: Compared, *, everything: bool = False) -> str:
    """The verdict and a table of the rows that clearly changed, the worse ones first.

    Args:
        comparison: Result of `clinometer.comparison.compare`.
        everything: Whether to look at all measures instead of the main ones.
    """
    labels = [code(label) for label in comparison.labels]
    blocks = [marker(title(comparison)), f"## clinometer compare of {labels[0]} with {named(labels[1:])}"]
    blocks.append(code(opening(comparison)[-1]))
    for view in views_of(comparison):
        if len(labels) > 2:
            blocks.append(f"### {labels[0]} → {code(view.label)}")
        blocks += [escape_markdown(sentence) for sentence in verdict(view)]
        blocks += _changes(view, everything=everything)
    if sentences := caveats(comparison):
        blocks.append("\n".join(f"- {escape_markdown(sentence)}" for sentence in sentences[:10]))
    return "\n\n".join(blocks) + "\n"


def _changes(view: View, *, everything: bool) -> list[str]:
    """A sentence about how many rows changed, and their table."""
    rows = _rows(view, everything=everything)
    clear = [row for row in rows if view.clear(row) and row["difference"]]
    changed = sorted(clear, key=lambda row: {False: 0, True: 1, None: 2}[row["improved"]])
    worse, better = (sum(row["improved"] is state for row in clear) for state in (False, True))
    which = "" if everything else " of the main measures"
    sentence = (
        f"Of {len(rows)} rows{which}, {worse} clearly became worse and {better} better ({escape_markdown(view.p)} at "
        f"most {view.level:.2g}); the others are within chance"
    )
    if others := len(clear) - worse - better:
        sentence += f" or, {others} of them, changed without being better or worse"
    if not changed:
        return [sentence + "."]
    heads = f"|  | measure | scenario | queries in | before | after | change | {view.confidence} interval | {view.p} |"
    lines = [heads, "|---|---|---|---|" + "--:|" * 5]
    for row in changed[:_MOST]:
        measure = row["measure"]
        cells = (
            {False: "**worse**", True: "better", None: ""}[row["improved"]],
            escape_markdown(wording.display(measure)),
            escape_markdown(row["scenario"]),
            code(view.where(row), cell=True),
            *(wording.value(measure, row[name]) for name in ("before", "after")),
            difference(measure, row["difference"]),
            difference_interval(row, " to ") or wording.DASH,
            probability(row["p_adjusted"]),
        )
        lines.append(markdown_row(cells))
    more = [f"{len(changed) - _MOST} more rows changed."] if len(changed) > _MOST else []
    return [sentence + ".", "\n".join(lines), *more]


def outcome(comparison: Compared, *, everything: bool = False) -> Outcome:
    """A case for each row with a direction; one that clearly became worse is a failure."""
    cases = []
    for view in views_of(comparison):
        several = f"{view.label}: " if len(comparison.labels) > 2 else ""
        for row in _rows(view, everything=everything):
            if row["lower_is_better"] is None and row["improved"] is None:
                continue
            sentence = f"{wording.display(row['measure'])} {change(view, row)}"
            pool = "+".join(row["pool_languages"])
            place = f"{several}{row['measure']} in {row['scenario']}, queries in {row['query_language']}, pool {pool}"
            failed = view.clear(row) and row["improved"] is False
            group = f"{row['measure']}.{row['scenario']}"
            cases.append(Case(group, place, (sentence,) if failed else (), "" if failed else sentence))
    return Outcome(title(comparison), tuple(cases), (*opening(comparison), *caveats(comparison)))


def _rows(view: View, *, everything: bool) -> list[Row]:
    """Rows of all measures, or of the main ones, in the order of a report."""
    return [
        row
        for scenario in view.scenarios
        for measure in (view.measures(scenario) if everything else view.headlines(scenario))
        for row in view.measure_rows(scenario, measure)
    ]
