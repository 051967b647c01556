"""Reports of evaluations: one HTML file with figures, its Markdown twin, and text for a terminal.

Same results, same bytes: no time, no path, no random id is written. Everything that comes from a result is escaped.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from clinometer.errors import UsageError
from clinometer.files import written_whole
from clinometer.report.base.page import require_extra
from clinometer.report.evaluation.markdown import render_markdown
from clinometer.report.evaluation.page import drawings_of, notebook_html, render_html
from clinometer.report.evaluation.terminal import plain_report

__all__ = [
    "draw_figures",
    "notebook_html",
    "plain_report",
    "render_html",
    "render_markdown",
    "require_extra",
    "write_report",
]


def draw_figures(results: Sequence[Mapping[str, Any]], folder: str | os.PathLike[str]) -> list[Path]:
    """Write every figure of a report of these results as `NAME.svg` and `NAME.png`, with title and key.

    Args:
        results: Contents of one or several `results.json`.
        folder: Folder to write to; created if missing.

    Returns:
        The paths, in the order of the report.

    Raises:
        UsageError: The results are not as `clinometer evaluate` writes them.
        MissingExtraError: matplotlib is not installed.
    """
    require_extra("figures", "matplotlib")
    from clinometer.report.base.figure_files import save_figures

    return save_figures(drawings_of(results), folder)


def write_report(results: Sequence[Mapping[str, Any]], path: str | os.PathLike[str]) -> Path:
    """Write a report of one or several results as HTML or Markdown, by the file's ending.

    The file is written under another name and then renamed, so a report is complete or absent.

    Args:
        results: Contents of one or several `results.json`.
        path: File to write, whose name ends in `.html`, `.htm`, `.md` or `.markdown`.

    Returns:
        The path of the report.

    Raises:
        UsageError: The path has another ending, or the results are not as `clinometer evaluate` writes them.
        MissingExtraError: HTML without jinja2.
    """
    path = Path(path)
    ending = path.suffix.lower()
    if ending in (".html", ".htm"):
        text = render_html(results)
    elif ending in (".md", ".markdown"):
        text = render_markdown(results)
    else:
        raise UsageError(f"{path.name}: a report is HTML or Markdown; use a name that ends in .html or .md")
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as file:
        file.write(text.encode())
    return path
