"""The figures of a report as files: each as SVG and as PNG, with its title and key, for slides and papers.

Same results, same bytes, with one version of matplotlib, which draws the PNG. A file is complete or absent.
"""

from __future__ import annotations

import os
import textwrap
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from html import escape
from io import BytesIO
from pathlib import Path
from typing import Any

from clinometer.errors import optional_package, printable
from clinometer.files import written_together, written_whole
from clinometer.report.base.palette import INK, PAPER
from clinometer.report.base.shapes import Box, Dot, Placed, Shape, Stroke, Text, markup, outline
from clinometer.report.evaluation.figures import Drawing

__all__ = ["plain_matplotlib", "save_figures", "svg_file"]

_DPI = 200
_MARGIN = 9.0
_LINE = 14.5
"""Height of a line of the key."""
_FONT = "DejaVu Sans"


def save_figures(drawings: Iterable[Drawing], folder: str | os.PathLike[str]) -> list[Path]:
    """Write figures as `NAME.svg` and `NAME.png`, as `clinometer.report.draw_figures` does; returns the paths.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    folder = Path(folder)
    paths = []
    with written_together(), plain_matplotlib():
        folder.mkdir(parents=True, exist_ok=True)
        for drawing in drawings:
            for ending, content in _contents(drawing).items():
                path = folder / f"{drawing.name}.{ending}"
                with written_whole(path) as file:
                    file.write(content)
                paths.append(path)
    return paths


@contextmanager
def plain_matplotlib() -> Iterator[None]:
    """matplotlib with its own defaults instead of the caller's settings, which are restored afterwards.

    Raises:
        MissingExtraError: It is not installed.
    """
    matplotlib = optional_package("matplotlib", "figures as files", "report")
    with matplotlib.rc_context(), warnings.catch_warnings():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(
            {"svg.hashsalt": "clinometer", "svg.fonttype": "none", "font.size": 10, "font.family": [_FONT]}
        )
        # The bundled font lacks some scripts; readers of an SVG file have fonts of their own.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        yield


def _contents(drawing: Drawing) -> dict[str, bytes]:
    """The bytes of both files."""
    placed, (left, top, width, height) = _page(drawing)
    shapes = [item.shape for item in placed]
    png = _png(shapes, (left, left + width, top + height, top), {"Title": drawing.title, "Description": drawing.text})
    return {"svg": svg_file(drawing).encode(), "png": png}


def svg_file(drawing: Drawing) -> str:
    """The figure as a file of its own, with its title and key on white ground; needs no matplotlib."""
    placed, (left, top, width, height) = _page(drawing)
    background = Placed(Box(left, top, width, height, PAPER), -1)
    frame = f"{left:g} {top:g} {width:g} {round(height, 2):g}"
    title, text = (escape(printable(words)) for words in (drawing.title, drawing.text))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{frame}" width="{width:g}pt" height="{round(height, 2):g}pt"'
        f' role="img" font-family="{_FONT}, sans-serif">\n<title>{title}</title>\n<desc>{text}</desc>\n'
        f"{markup([background, *placed], str, told=False)}\n</svg>\n"
    )


def _page(drawing: Drawing) -> tuple[list[Placed], tuple[float, float, float, float]]:
    """The shapes with title and key, from the lowest layer up, and left, top, width and height of all."""
    heading, above = _heading(drawing)
    placed = sorted([*heading, *drawing.sheet.placed], key=lambda item: item.layer)
    width, height = drawing.sheet.width + 2 * _MARGIN, drawing.sheet.height + above + 2 * _MARGIN
    return placed, (-_MARGIN, -above - _MARGIN, width, height)


def _heading(drawing: Drawing) -> tuple[list[Placed], float]:
    """Title and key above the figure, which a page has in its own text, and their height."""
    rows: list[list[tuple[float, Any]]] = []
    x = float("inf")
    for mark in drawing.key:
        # The width of a letter at this size, on the average.
        width = 22 + 5.4 * len(mark.text)
        if x + width > drawing.sheet.width:
            rows.append([])
            x = 0.0
        rows[-1].append((x, mark))
        x += width
    shapes: list[Shape] = []
    above = 4.0 + _LINE * len(rows)
    for number, row in enumerate(rows):
        y = -above + _LINE * (number + 0.5)
        for x, mark in row:
            fill = PAPER if mark.hollow else mark.colour
            shapes += [
                Dot(x + 5, y, mark.shape, 6, fill, mark.colour),
                Text(x + 12, y, mark.text, 9, INK, "start"),
            ]
    lines = textwrap.wrap(drawing.title, 58)
    shapes.append(Text(0, -above - 4, "\n".join(lines), 11, INK, "start", "above", "bold"))
    return [Placed(shape, 0) for shape in shapes], above + 6 + 13.2 * len(lines)


def _png(shapes: Sequence[Shape], frame: tuple[float, float, float, float], description: dict[str, str]) -> bytes:
    """The shapes as an image; `frame` is left, right, bottom and top of what it shows."""
    from matplotlib.figure import Figure

    left, right, bottom, top = frame
    figure = Figure(figsize=((right - left) / 72, (bottom - top) / 72), dpi=_DPI, facecolor=PAPER)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set_xlim(left, right)
    axes.set_ylim(bottom, top)
    for order, shape in enumerate(shapes):
        _paint(axes, shape, order)
    sink = BytesIO()
    # A date or the version of a program would change the bytes of the same figure.
    figure.savefig(sink, format="png", metadata={"Software": None} | description)
    return sink.getvalue()


def _paint(axes: Any, shape: Shape, order: int) -> None:
    from matplotlib.patches import Circle, Polygon, Rectangle

    if isinstance(shape, Stroke):
        style: dict[str, Any] = {"solid_capstyle": shape.cap, "dash_capstyle": "butt", "alpha": shape.opacity}
        if shape.dash:
            # matplotlib counts dashes in widths of the line.
            style["ls"] = (0, tuple(length / shape.width for length in shape.dash))
        axes.plot(
            [shape.x1, shape.x2], [shape.y1, shape.y2], color=shape.colour, lw=shape.width, zorder=order, **style
        )  # fmt: skip
    elif isinstance(shape, Box):
        edge = {"edgecolor": shape.edge, "lw": 0.8} if shape.edge else {"lw": 0}
        place = (shape.x, shape.y), shape.width, shape.height
        axes.add_patch(Rectangle(*place, facecolor=shape.colour, alpha=shape.opacity, zorder=order, **edge))
    elif isinstance(shape, Dot):
        style = {"facecolor": shape.fill, "edgecolor": shape.edge, "lw": shape.width, "zorder": order}
        half = shape.size / 2
        corners = [(shape.x + half * x, shape.y + half * y) for x, y in outline(shape.shape)]
        axes.add_patch(Polygon(corners, **style) if corners else Circle((shape.x, shape.y), half, **style))
    else:
        align = {"start": "left", "middle": "center", "end": "right"}[shape.align]
        for baseline, line in shape.lines():
            axes.text(
                shape.x, baseline, line, ha=align, va="baseline", fontsize=shape.size, color=shape.colour,
                weight=shape.weight, rotation=shape.rotation, rotation_mode="anchor", parse_math=False, zorder=order,
            )  # fmt: skip
