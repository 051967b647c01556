"""The figure of a comparison: for each language a dot before, a dot after, and the interval of the difference.

It shows only values of rows, and has a text that says the same.
"""

from __future__ import annotations

from clinometer.report.base import wording
from clinometer.report.base.canvas import Mark, canvas
from clinometer.report.comparison.view import Row, View, difference
from clinometer.report.evaluation.figures import Drawing

__all__ = ["draw_dumbbells"]

_BETTER, _WORSE, _EVEN = "#0067a5", "#c2500a", "#5b6875"


def draw_dumbbells(view: View, scenario: str, measure: str, *, name: str) -> Drawing | None:
    """Before and after by language; None without rows. `name` is as in `Drawing`."""
    rows = view.targets(scenario, measure)
    if not rows:
        return None
    factor, _, _, unit = wording.scale(measure)
    sign = "%" if unit == "%" else ""
    known = wording.measure(measure)
    title = f"{wording.display(measure)} in {scenario}"
    ends = [row[end] * factor for row in rows for end in ("before", "after")]
    ends += [
        (row["before"] + row[end]) * factor for row in rows for end in ("ci_low", "ci_high") if row[end] is not None
    ]
    top = {"%": 100.0, "": 1.0 if known and known.unit == "0-1" else None}.get(unit)
    low, high = min(ends), max(ends)
    pad = max(0.05 * (high - low), 0.01 * (top or abs(high) or 1))
    low, high = low - pad, high + pad
    if top is not None:
        # An interval drawn from the dot before can reach beyond the range of the measure.
        low, high = max(low, -0.02 * top), min(high, 1.02 * top)
    with canvas() as new:
        labels = [wording.language_name(row["query_language"]) for row in rows]
        sheet = new(len(rows), 2, labels, right=0.62, top=0.08, bottom=0.36)
        axes = sheet.axes
        axes.set_xlim(low, high)
        sheet.grid()
        for y, row in enumerate(rows):
            before, after = row["before"] * factor, row["after"] * factor
            colour = _colour(view, row)
            axes.axhline(y, color="#eef1f4", lw=0.8, zorder=1)
            if row["ci_low"] is not None:
                limits = [before + row[end] * factor for end in ("ci_low", "ci_high")]
                axes.plot(limits, [y, y], color=colour, lw=6.5, alpha=0.22, zorder=2, solid_capstyle="butt")
            axes.plot([before, after], [y, y], color=colour, lw=1.6, zorder=3, solid_capstyle="butt")
            for place, fill, edge in ((before, "white", _EVEN), (after, colour, colour)):
                axes.plot(
                    [place], [y], marker="o", ms=5.6, mfc=fill, mec=edge, mew=1.4, zorder=5 if fill == colour else 4,
                    clip_on=False,
                )  # fmt: skip
            axes.text(
                1 + 0.56 / sheet.inner, y, difference(measure, row["difference"]), transform=axes.get_yaxis_transform(),
                ha="right", va="center", fontsize=9, color=colour, parse_math=False,
            )  # fmt: skip
        ticks = sheet.round_ticks(low, high)
        sheet.ticks(ticks, [f"{tick:g}{sign}" for tick in ticks])
        text = f"{title}. {'; '.join(_phrase(row, measure) for row in rows)}."
        colours = {_colour(view, row) for row in rows}
        changes = {"clearly better": _BETTER, "clearly worse": _WORSE, "not clear": _EVEN}
        after = (Mark(f"after: {text}", colour, "o") for text, colour in changes.items() if colour in colours)
        key = (Mark("before", _EVEN, "o", True), *after)
        remark = (
            f"The pale bar is the {view.confidence} interval of the difference, drawn from the dot before. The "
            f"numbers are the differences. A change is clear where its {view.p} is at most {view.level:.2g}."
        )
        return Drawing.of(sheet, name, key, f"{title}, by language", text, remark)


def _colour(view: View, row: Row) -> str:
    if row["improved"] is None or not view.clear(row):
        return _EVEN
    return _BETTER if row["improved"] else _WORSE


def _phrase(row: Row, measure: str) -> str:
    before, after = (wording.value(measure, row[end]) for end in ("before", "after"))
    return f"{wording.language_name(row['query_language'])} {before} before, {after} after"
