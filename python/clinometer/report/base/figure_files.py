"""The figures of a report as files: each as SVG and as PNG, with its title and key, for slides and papers.

Same results, same bytes, with one version of matplotlib. A file is complete or absent.
"""

from __future__ import annotations

import os
import re
import textwrap
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from typing import Any

from clinometer.files import written_together, written_whole
from clinometer.report.base.canvas import Mark, canvas, quietly
from clinometer.report.base.palette import INK, PAPER
from clinometer.report.evaluation.figures import Drawing

__all__ = ["save_figures"]

_DPI = 200
_MARKS = re.compile(rb'<g id="(?:mark|part)-[0-9]+">')
"""What only a page needs, to show the texts of marks."""


def save_figures(drawings: Iterable[Drawing], folder: str | os.PathLike[str]) -> list[Path]:
    """Write figures as `NAME.svg` and `NAME.png`, as `clinometer.report.draw_figures` does; returns the paths."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    with written_together():
        for drawing in drawings:
            for ending, content in _contents(drawing).items():
                path = folder / f"{drawing.name}.{ending}"
                with written_whole(path) as file:
                    file.write(content)
                paths.append(path)
    return paths


def _contents(drawing: Drawing) -> dict[str, bytes]:
    """The bytes of both files."""
    figure = drawing.sheet.figure
    description = {"Title": drawing.title, "Description": drawing.text}
    contents: dict[str, bytes] = {}
    with canvas(), quietly():
        added = _headed(figure, drawing)
        for ending, metadata in (
            ("svg", dict.fromkeys(("Date", "Creator", "Format", "Type")) | description),
            # A date or the version of a program would change the bytes of the same figure.
            ("png", {"Software": None} | description),
        ):
            sink = BytesIO()
            figure.savefig(
                sink, format=ending, metadata=metadata, dpi=_DPI, bbox_inches="tight", pad_inches=0.12,
                facecolor="white",
            )  # fmt: skip
            contents[ending] = _MARKS.sub(b"<g>", sink.getvalue()) if ending == "svg" else sink.getvalue()
        for artist in added:
            artist.remove()
    return contents


def _headed(figure: Any, drawing: Drawing) -> list[Any]:
    """Put title and key above the figure, which the page has in its own text; return what was added."""
    inch = 1 / figure.get_size_inches()[1]
    added: list[Any] = []
    above = 1.0
    if drawing.key:
        wide = max(len(mark.text) for mark in drawing.key) > 24
        columns = 1 if wide else min(3, len(drawing.key))
        lines = -(-len(drawing.key) // columns)
        key = figure.legend(
            handles=[_handle(mark) for mark in drawing.key], loc="lower left", bbox_to_anchor=(0, 1), ncols=columns,
            frameon=False, fontsize=9, borderaxespad=0, borderpad=0.3, handletextpad=0.5, labelcolor=INK,
        )  # fmt: skip
        for text in key.get_texts():
            text.set_parse_math(False)
        added.append(key)
        above += (0.2 * lines + 0.08) * inch
    title = "\n".join(textwrap.wrap(drawing.title, 58))
    added.append(
        figure.text(0.01, above + 0.05 * inch, title, ha="left", va="bottom", fontsize=11, weight="bold", color=INK,
                    parse_math=False)
    )  # fmt: skip
    return added


def _handle(mark: Mark) -> Any:
    from matplotlib.lines import Line2D

    fill = PAPER if mark.hollow else mark.colour
    return Line2D([], [], ls="", marker=mark.shape, ms=6, mfc=fill, mec=mark.colour, mew=1.3, label=mark.text)
