"""The report of a comparison: a page with figures, its Markdown twin, text for a terminal, JSON.

Same comparison, same bytes. Everything that comes from a result is escaped.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from clinometer.errors import UsageError
from clinometer.files import written_whole
from clinometer.report.base import wording
from clinometer.report.base.figure_files import save_figures
from clinometer.report.base.page import fill
from clinometer.report.base.text import escape_markdown, markdown_table
from clinometer.report.comparison.figure import draw_dumbbells
from clinometer.report.comparison.tables import all_tables, detail_tables, mean_tables
from clinometer.report.comparison.terminal import opening, plain_comparison
from clinometer.report.comparison.verdict import caveats, key_changes, methods, verdict
from clinometer.report.comparison.view import Compared, View, views_of
from clinometer.report.evaluation.figures import Drawing

__all__ = [
    "check_ending",
    "draw_figures",
    "html_comparison",
    "markdown_comparison",
    "opening",
    "plain_comparison",
    "write_comparison",
]

_FIGURES = (("multi", "Complete@10"), ("mono-same", "nDCG@1"))
_ENDINGS = (".html", ".htm", ".md", ".markdown", ".json")


def check_ending(path: str | os.PathLike[str]) -> None:
    """Refuse a file whose ending is not one of HTML, Markdown or JSON.

    Raises:
        UsageError: The file has another ending.
    """
    if Path(path).suffix.lower() not in _ENDINGS:
        raise UsageError(
            f"{Path(path).name}: a comparison is HTML, Markdown or JSON; use a name that ends in .html, .md or .json"
        )


def write_comparison(comparison: Compared, path: str | os.PathLike[str]) -> Path:
    """Write a comparison as HTML, Markdown or JSON, by the file's ending.

    Returns:
        The path.

    Raises:
        UsageError: The file has another ending.
        MissingExtraError: HTML without jinja2.
    """
    path = Path(path)
    check_ending(path)
    ending = path.suffix.lower()
    if ending == ".json":
        text = comparison.to_json()
    else:
        text = html_comparison(comparison) if ending in (".html", ".htm") else markdown_comparison(comparison)
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as file:
        file.write(text.encode())
    return path


def markdown_comparison(comparison: Compared) -> str:
    """The comparison as Markdown with pipe tables."""
    blocks = [f"# Before and after: {escape_markdown(_title(comparison))}", _bullets(opening(comparison))]
    views = views_of(comparison)
    for view in views:
        if len(views) > 1:
            blocks.append(f"## {escape_markdown(f'{comparison.labels[0]} → {view.label}')}")
        blocks += [escape_markdown(text) for text in verdict(view)]
        for table in mean_tables(view) + detail_tables(view):
            blocks += [f"### {escape_markdown(table.title)}", markdown_table(table), escape_markdown(table.note)]
    if sentences := caveats(comparison):
        blocks += ["## Keep in mind", _bullets(sentences)]
    blocks += ["## How it was compared", _bullets(methods(comparison))]
    for view in views:
        blocks.append("## Every row" + (f": {escape_markdown(view.label)}" if len(views) > 1 else ""))
        for table in all_tables(view):
            blocks += [f"### {escape_markdown(table.title)}", markdown_table(table)]
    return "\n\n".join(block for block in blocks if block) + "\n"


def html_comparison(comparison: Compared) -> str:
    """The comparison as one HTML page with figures.

    Raises:
        MissingExtraError: jinja2 is not installed.
    """
    views = views_of(comparison)
    parts = [
        {
            "label": view.label,
            "verdict": verdict(view),
            "harmed": bool(comparison.harmed(encoder=view.label)),
            "direction": view.direction,
            "numbers": [(text, [("", number, aside)]) for number, aside, text in key_changes(view)],
            "drawings": _drawings(view, number),
            "means": mean_tables(view),
            "details": detail_tables(view),
            "all": all_tables(view),
        }
        for number, view in enumerate(views, start=1)
    ]
    languages = dict.fromkeys(label for view in views for label in view.languages)
    encoders = zip(comparison.labels, comparison.encoders, strict=True)
    return fill(
        "comparison.html",
        title=_title(comparison),
        heads=opening(comparison),
        before=comparison.labels[0],
        parts=parts,
        languages=[(label, wording.language_name(label)) for label in languages],
        caveats=caveats(comparison),
        methods=methods(comparison),
        rows=len(comparison.rows),
        measures=[_explained(name) for name in dict.fromkeys(row["measure"] for row in comparison.rows)],
        settings=_facts(comparison.settings),
        encoders=[(label, _facts(encoder)) for label, encoder in encoders],
    )


def draw_figures(comparison: Compared, folder: str | os.PathLike[str]) -> list[Path]:
    """Write every figure of the page as `NAME.svg` and `NAME.png`, with title and key; returns the paths.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    drawings = []
    for number, view in enumerate(views_of(comparison), start=1):
        # On the page each figure is under the name of its encoder.
        aside = f": {comparison.labels[0]} → {view.label}" if len(comparison.labels) > 2 else ""
        drawings += [replace(drawing, title=drawing.title + aside) for drawing in _drawings(view, number)]
    return save_figures(drawings, folder)


def _drawings(view: View, number: int) -> list[Drawing]:
    drawings = [
        draw_dumbbells(view, scenario, measure, name=f"change-{number}-{scenario}") for scenario, measure in _FIGURES
    ]
    return [drawing for drawing in drawings if drawing]


def _facts(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    entries = ((key, value) for key, value in record.items() if key != "warnings")
    return [(key.replace("_", " "), str(value) if key == "seed" else wording.listed(value)) for key, value in entries]


def _title(comparison: Compared) -> str:
    labels = comparison.labels
    return " → ".join(labels) if len(labels) == 2 else f"{labels[0]} and {len(labels) - 1} others"


def _explained(name: str) -> tuple[str, str, str]:
    known = wording.measure(name)
    if known is None:
        return name, name, "This version of clinometer does not know this measure."
    text = "Nearer 0 is better." if name == "RankGap" else wording.BETTER[known.higher_is_better]
    return name, known.display, f"{known.summary} {text}"


def _bullets(entries: list[str]) -> str:
    return "\n".join(f"- {escape_markdown(entry)}" for entry in entries)
