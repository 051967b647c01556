"""What a figure consists of: strokes, boxes, dots and texts, in points from its upper left corner, and their SVG.

The same shapes are drawn on a page, in an SVG file and in a PNG file. Text stays text in SVG, so it can be searched
and is drawn with the reader's fonts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from html import escape
from math import cos, pi, sin
from typing import Literal, NamedTuple

from clinometer.errors import printable

__all__ = ["Box", "Dot", "Placed", "Shape", "Stroke", "Text", "markup", "outline"]

Align = Literal["start", "middle", "end"]


class Stroke(NamedTuple):
    """A straight line between two points; its ends are `butt` or `round`, its dashes lengths as SVG has them."""

    x1: float
    y1: float
    x2: float
    y2: float
    colour: str
    width: float
    opacity: float = 1.0
    cap: Literal["butt", "round"] = "butt"
    dash: tuple[float, ...] = ()


class Box(NamedTuple):
    """A filled rectangle, with an edge if that has a colour."""

    x: float
    y: float
    width: float
    height: float
    colour: str
    opacity: float = 1.0
    edge: str = ""


class Dot(NamedTuple):
    """A mark around a point; `shape` is a letter of `outline`, or `o` for a circle."""

    x: float
    y: float
    shape: str
    size: float
    fill: str
    edge: str
    width: float = 1.3


class Text(NamedTuple):
    """Lines of text at a point: their middle, their lower or their upper end is there.

    A text that is rotated, in degrees against the clock, begins at its point.
    """

    x: float
    y: float
    text: str
    size: float
    colour: str
    align: Align = "middle"
    place: Literal["middle", "above", "below"] = "middle"
    weight: Literal["normal", "bold"] = "normal"
    rotation: float = 0.0

    def lines(self) -> Iterator[tuple[float, str]]:
        """Baseline and text of each line."""
        lines = self.text.split("\n")
        height = 1.2 * self.size
        first = {
            "middle": 0.35 * self.size - height * (len(lines) - 1) / 2,
            "above": -0.22 * self.size - height * (len(lines) - 1),
            "below": 0.93 * self.size,
        }[self.place]
        for number, line in enumerate(lines):
            yield self.y + first + number * height, line


Shape = Stroke | Box | Dot | Text


class Placed(NamedTuple):
    """A shape in its layer, which covers those below.

    `kind` is `mark` for what shows its tip on hover and with the keyboard, `part` for what does on hover, else empty;
    `line` is the language of its line.
    """

    shape: Shape
    layer: int
    kind: Literal["mark", "part", ""] = ""
    line: str = ""
    tip: str = ""


def outline(shape: str) -> list[tuple[float, float]]:
    """The corners of a dot of size 2 around the origin; none for a circle.

    Example:
        >>> outline("s"), outline("o")
        ([(-1, -1), (1, -1), (1, 1), (-1, 1)], [])
    """
    plus = [(-1, -3), (1, -3), (1, -1), (3, -1), (3, 1), (1, 1), (1, 3), (-1, 3), (-1, 1), (-3, 1), (-3, -1), (-1, -1)]
    turn = (cos(pi / 4), sin(pi / 4))
    corners: dict[str, list[tuple[float, float]]] = {
        "o": [],
        "s": [(-1, -1), (1, -1), (1, 1), (-1, 1)],
        "D": [(0, -1.3), (1.3, 0), (0, 1.3), (-1.3, 0)],
        "^": [(0, -1.15), (1.15, 1), (-1.15, 1)],
        "v": [(0, 1.15), (1.15, -1), (-1.15, -1)],
        "P": [(x * 0.4, y * 0.4) for x, y in plus],
        "X": [(0.4 * (x * turn[0] - y * turn[1]), 0.4 * (x * turn[1] + y * turn[0])) for x, y in plus],
    }
    return corners[shape]


def markup(placed: Iterable[Placed], paint: Callable[[str], str], *, told: bool) -> str:
    """The shapes as SVG elements, the lowest layer first.

    Args:
        placed: The shapes.
        paint: Writes a colour.
        told: Whether marks carry their language and tip, which a page shows.
    """
    ordered = sorted(placed, key=lambda item: item.layer)
    return "\n".join(_grouped(item, paint) if told else _element(item.shape, paint) for item in ordered)


def _grouped(item: Placed, paint: Callable[[str], str]) -> str:
    element = _element(item.shape, paint)
    line = f' data-line="{_quoted(item.line)}"' if item.line else ""
    if not item.kind:
        return f"<g{line}>{element}</g>" if line else element
    title = f"<title>{_quoted(item.tip)}</title>" if item.tip else ""
    return f'<g class="{item.kind}"{line}>{title}{element}</g>'


def _element(shape: Shape, paint: Callable[[str], str]) -> str:
    if isinstance(shape, Stroke):
        style = f"stroke:{paint(shape.colour)};stroke-width:{_number(shape.width)}"
        style += f";stroke-dasharray:{','.join(map(_number, shape.dash))}" if shape.dash else ""
        style += ";stroke-linecap:round" if shape.cap == "round" else ""
        style += f";opacity:{_number(shape.opacity)}" if shape.opacity < 1 else ""
        return f'<line {_attributes(("x1", "y1", "x2", "y2"), shape[:4])} style="{style}"/>'
    if isinstance(shape, Box):
        style = f"fill:{paint(shape.colour)}"
        style += f";opacity:{_number(shape.opacity)}" if shape.opacity < 1 else ""
        style += f";stroke:{paint(shape.edge)};stroke-width:0.8" if shape.edge else ""
        return f'<rect {_attributes(("x", "y", "width", "height"), shape[:4])} style="{style}"/>'
    if isinstance(shape, Dot):
        style = f"fill:{paint(shape.fill)};stroke:{paint(shape.edge)};stroke-width:{_number(shape.width)}"
        half = shape.size / 2
        corners = [(shape.x + half * x, shape.y + half * y) for x, y in outline(shape.shape)]
        if not corners:
            return f'<circle {_attributes(("cx", "cy", "r"), (shape.x, shape.y, half))} style="{style}"/>'
        path = " ".join(f"{_number(x)} {_number(y)}" for x, y in corners)
        return f'<path d="M{path}z" style="{style}"/>'
    style = f"font-size:{_number(shape.size)}px;fill:{paint(shape.colour)};text-anchor:{shape.align}"
    style += ";font-weight:bold" if shape.weight == "bold" else ""
    turn = " ".join(map(_number, (-shape.rotation, shape.x, shape.y)))
    turned = f' transform="rotate({turn})"' if shape.rotation else ""
    return "".join(
        f'<text {_attributes(("x", "y"), (shape.x, baseline))}{turned} style="{style}">{_quoted(line)}</text>'
        for baseline, line in shape.lines()
    )


def _attributes(names: Sequence[str], values: Sequence[float]) -> str:
    return " ".join(f'{name}="{_number(value)}"' for name, value in zip(names, values, strict=True))


def _quoted(text: str) -> str:
    return escape(printable(text))


def _number(value: float) -> str:
    """Two digits after the point, which is a 7,000th of an inch."""
    digits = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if digits == "-0" else digits
