"""The canvas that figures are drawn on: one line for each label, finished as inline SVG.

Same marks, same bytes. Marks differ in shape as well as in colour.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from math import ceil, cos, floor, log10, radians, sin
from typing import Literal, NamedTuple

from clinometer.errors import printable
from clinometer.report.base.palette import FAINT, HEAT, INK, LINE, ON_PALE, ON_STRONG, PAPER, SOFT, painted
from clinometer.report.base.shapes import Align, Box, Dot, Placed, Shape, Stroke, Text, markup

__all__ = ["SHADES", "Mark", "Point", "Sheet", "ink_on", "round_step"]

SHADES = (0.06, 0.5)
"""How much of its colour the palest and the darkest cell of a heat map has."""
_DOT = 5.2
_INCH = 72
_WIDTH = 4.9 * _INCH
_LETTER = 0.6 * 9
"""Width of a letter of the smaller text, in the widest of the usual fonts."""
_BEHIND, _RULES, _BARS, _INTERVALS, _AXIS, _DOTS = range(6)
"""Layers, the lowest first."""


class Mark(NamedTuple):
    """An entry of a figure's key: shape, colour, and whether it is hollow."""

    text: str
    colour: str
    shape: str
    hollow: bool = False


class Point(NamedTuple):
    """A value with its interval, in the unit of the axis, and a text that says what it is."""

    value: float
    low: float | None
    high: float | None
    tip: str = ""


class Sheet:
    """A figure with one line for each label: marks keep their size for any number of lines.

    Args:
        lines: Number of lines.
        series: Number of marks side by side on a line.
        labels: Labels of the lines, at the left.
        ends: Lowest and highest value of the axis.
        right: Inches to the right of the axis.
        top: Inches above the lines.
        bottom: Inches below them.
        keys: Languages of the lines, for a page that hides some.
    """

    def __init__(
        self,
        lines: int,
        series: int,
        labels: Sequence[str],
        ends: tuple[float, float],
        right: float,
        top: float,
        bottom: float,
        keys: Sequence[str] = (),
    ) -> None:
        self.lines, self.spread, self.keys = lines, min(0.62, 0.2 * (series - 1)), keys
        self._line_height = _INCH * max(0.27, 0.13 * series + 0.1)
        self._left = _INCH * min(1.9, 0.2 + 0.083 * max((len(label) for label in labels), default=0))
        self.ends, self._top = ends, _INCH * top
        self.width, self.height = _WIDTH, self._top + self._line_height * lines + _INCH * bottom
        self._inner = _WIDTH - self._left - _INCH * right
        self.placed: list[Placed] = []
        for y, label in enumerate(labels):
            text = Text(self._left - 5, self._at(y), label, 10, INK, "end")
            self.placed.append(Placed(text, _DOTS, line=self._key(y)))

    @property
    def _bottom(self) -> float:
        return self._at(self.lines - 0.5)

    def _x(self, value: float) -> float:
        """Where a value is; one beyond the axis is at its end."""
        low, high = self.ends
        share = (value - low) / (high - low)
        return self._left + self._inner * min(max(share, 0.0), 1.0)

    def _at(self, y: float) -> float:
        """The middle of a line; halves are between lines."""
        return self._top + (y + 0.5) * self._line_height

    def _key(self, y: float) -> str:
        return self.keys[round(y)] if 0 <= round(y) < len(self.keys) else ""

    def _put(self, shape: Shape, layer: int, y: int | None = None, tip: str = "", *, mark: bool = False) -> None:
        """Place a shape, which belongs to a line if that is given; a `mark` can have the focus on a page."""
        kind: Literal["mark", "part", ""] = "" if y is None else "mark" if mark else "part"
        self.placed.append(Placed(shape, layer, kind, "" if y is None else self._key(y), tip))

    def ticks(self, places: Sequence[float], labels: Sequence[str]) -> None:
        """Labels under the axis; two lines of text are allowed."""
        for place, label in zip(places, labels, strict=True):
            self._put(Text(self._x(place), self._bottom + 5, label, 9, SOFT, place="below"), _DOTS)

    def multiples(self, step: float) -> list[float]:
        """The multiples of a step on the axis."""
        low, high = self.ends
        return [round(step * i, 10) for i in range(ceil(low / step - 1e-9), floor(high / step + 1e-9) + 1)]

    def round_ticks(self, parts: int = 5) -> list[float]:
        """Round numbers on the axis, which they divide into about so many parts."""
        low, high = self.ends
        return self.multiples(round_step(high - low, parts))

    def grid(self, places: Sequence[float]) -> None:
        """Upright lines at the ticks, behind everything."""
        for place in places:
            self.upright(place, LINE, 0.8, layer=_BEHIND)

    def upright(
        self, value: float, colour: str, width: float, *, layer: int = _BARS, dash: tuple[float, ...] = ()
    ) -> None:
        """A line through all lines at a value."""
        x = self._x(value)
        self._put(Stroke(x, self._top, x, self._bottom, colour, width, dash=dash), layer)

    def axis(self, value: float) -> None:
        """The line from which bars go both ways, before them."""
        self.upright(value, INK, 1.2, layer=_AXIS)

    def rule(self, y: int, width: float = 0.6) -> None:
        """A line across the axis, behind the marks of a line."""
        self._put(Stroke(self._left, self._at(y), self._left + self._inner, self._at(y), LINE, width), _RULES)

    def band(self, low: float, high: float, colour: str) -> None:
        """A stretch of the axis in a colour, behind everything."""
        x = self._x(low)
        self._put(Box(x, self._top, self._x(high) - x, self._bottom - self._top, colour), _BEHIND)

    def stretch(
        self,
        y: int,
        ends: Sequence[float],
        colour: str,
        width: float,
        tip: str = "",
        *,
        at: float | None = None,
        layer: int = _INTERVALS,
        opacity: float = 1.0,
        cap: Literal["butt", "round"] = "butt",
    ) -> None:
        """A line from one value to another on a line of the sheet, or `at` a place near it."""
        place = self._at(y if at is None else at)
        stroke = Stroke(self._x(ends[0]), place, self._x(ends[1]), place, colour, width, opacity, cap)
        self._put(stroke, layer, y, tip)

    def dot(self, y: int, value: float, mark: Mark, tip: str = "", *, at: float | None = None, focus: bool) -> None:
        """A mark at a value; one without `focus` lies below the others."""
        fill = PAPER if mark.hollow else mark.colour
        place = Dot(self._x(value), self._at(y if at is None else at), mark.shape, _DOT, fill, mark.colour)
        self._put(place, _DOTS if focus else _AXIS, y, tip, mark=focus)

    def dots(self, marks: Sequence[Mark], columns: Sequence[Sequence[Point | None]], *, stems: bool) -> None:
        """Dots with intervals, one mark for each column of points; stems from 0 to the first mark's dots."""
        for y in range(self.lines):
            self.rule(y)
        for i, (mark, points) in enumerate(zip(marks, columns, strict=True)):
            offset = self.spread * (i / (len(marks) - 1) - 0.5) if len(marks) > 1 else 0.0
            for y, point in enumerate(points):
                if point is None:
                    continue
                at = y + offset
                if stems and i == 0:
                    ends = (0, point.value)
                    self.stretch(y, ends, mark.colour, 2.2, point.tip, at=at, layer=_BARS, opacity=0.3)
                if point.low is not None and point.high is not None:
                    self.stretch(y, (point.low, point.high), mark.colour, 1.3, point.tip, at=at, cap="round")
                self.dot(y, point.value, mark, point.tip, at=at, focus=True)

    def bars(self, i: int, series: int, points: Sequence[Point | None], sign: int, colour: str, *, pale: bool) -> None:
        """Bars with intervals for the i-th of several series, to the right (sign 1) or to the left (sign -1)."""
        thickness = 0.66 / series
        for y, point in enumerate(points):
            if point is None:
                continue
            at = y + thickness * (i - (series - 1) / 2)
            self._bar(y, at, (0.0, sign * point.value), 0.92 * thickness, colour, point.tip, 0.55 if pale else 0.85)
            if point.low is not None and point.high is not None:
                self.stretch(y, (sign * point.low, sign * point.high), INK, 1.1, point.tip, at=at)

    def _bar(
        self,
        y: int,
        at: float,
        ends: tuple[float, float],
        thickness: float,
        colour: str,
        tip: str,
        opacity: float = 1.0,
        edge: str = "",
    ) -> None:
        left, right = sorted(map(self._x, ends))
        height = thickness * self._line_height
        box = Box(left, self._at(at) - height / 2, right - left, height, colour, opacity, edge)
        self._put(box, _BARS, y, tip, mark=True)

    def stacks(
        self,
        marks: Sequence[Mark],
        columns: Sequence[Sequence[float | None]],
        tips: Sequence[Sequence[str]],
    ) -> None:
        """Stacked parts from 0, one column of numbers for each mark; a part shows its number if there is room.

        `tips` are texts in the shape of the columns.
        """
        for y in range(self.lines):
            left = 0.0
            for mark, numbers, texts in zip(marks, columns, tips, strict=True):
                number = numbers[y]
                if not number:
                    continue
                self._bar(y, y, (left, left + number), 0.7, mark.colour, texts[y], edge=PAPER)
                if self._x(left + number) - self._x(left) > 0.3 * _INCH:
                    middle = self._x(left + number / 2)
                    text = Text(middle, self._at(y), f"{number:.0f}", 8, ink_on(mark.colour))
                    self._put(text, _INTERVALS, y, texts[y])
                left += number

    def heat(
        self,
        numbers: Sequence[Sequence[float | None]],
        texts: Sequence[Sequence[str]],
        low: float,
        span: float,
        tips: Sequence[Sequence[str]],
    ) -> None:
        """Shaded cells: pale is `low`, dark is `low + span`; a cell without a number has no shade."""
        width = self._inner / len(numbers[0])
        size = min(9, width / 2.4)
        for y, line in enumerate(numbers):
            for x, number in enumerate(line):
                middle, tip = self._left + (x + 0.5) * width, "" if number is None else tips[y][x]
                if number is not None:
                    shade = SHADES[0] + (SHADES[1] - SHADES[0]) * (number - low) / span
                    place = (middle - 0.49 * width, self._at(y - 0.48), 0.98 * width, 0.96 * self._line_height)
                    self._put(Box(*place, HEAT, shade), _BARS, y, tip, mark=True)
                text = texts[y][x] if len(line) < 9 or number is None else _brief(number)
                if size > 4:
                    self._put(Text(middle, self._at(y), text, size, INK), _INTERVALS, y, tip)

    def sticks(self, points: Sequence[Point | None], colour: str) -> None:
        """A stick to the right of each line that leans 15 degrees for each log2 rank, at most 75, like a clinometer."""
        length, middle = 0.19 * _INCH, self._left + self._inner + 0.34 * _INCH
        for y, point in enumerate(points):
            if point is None:
                continue
            angle = radians(max(-75.0, min(75.0, 15 * point.value)))
            foot = self._at(y) + 0.5 * length
            upright = Stroke(middle, foot, middle, foot - length, FAINT, 0.8, dash=(1.2, 1.2))
            ground = Stroke(middle - 0.07 * _INCH, foot, middle + 0.07 * _INCH, foot, SOFT, 1)
            tip = (middle + length * sin(angle), foot - length * cos(angle))
            for stroke in (upright, ground, Stroke(middle, foot, *tip, colour, 2, cap="round")):
                self._put(stroke, _BARS, y, point.tip)

    def write_below(self, inches: float, text: str) -> None:
        """Text some inches below the axes, in their middle."""
        place = (self._left + self._inner / 2, self._bottom + inches * _INCH)
        self._put(Text(*place, text, 9, SOFT, place="above"), _DOTS)

    def write_at(
        self,
        value: float,
        text: str,
        *,
        align: Align = "middle",
        colour: str = INK,
        weight: Literal["normal", "bold"] = "normal",
        rotation: float = 0,
    ) -> None:
        """Text above the axes at a value of the scale."""
        place = (self._x(value), self._top - 0.05 * _INCH)
        align = "start" if rotation else align
        self._put(Text(*place, text, 9, colour, align, "above", weight, rotation), _DOTS)

    def fits(self, text: str, low: float, high: float) -> bool:
        """Whether text above the axes has room between two values of the scale."""
        return self._x(high) - self._x(low) >= _LETTER * len(text)

    def write_right(self, y: int, inches: float, text: str, colour: str, tip: str) -> None:
        """Text that ends some inches to the right of the axis."""
        place = (self._left + self._inner + inches * _INCH, self._at(y))
        self._put(Text(*place, text, 9, colour, "end"), _DOTS, y, tip)

    def svg(self, text: str) -> str:
        """The figure as one `<svg>` element, with a text for those who cannot see it."""
        opening = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width:g} {round(self.height, 2):g}"'
        label = escape(printable(text))
        return f'{opening} role="img" aria-label="{label}">\n{markup(self.placed, painted, told=True)}\n</svg>'


def round_step(span: float, parts: int) -> float:
    """A round number (1, 2 or 5 times a power of ten) that fits into the span at most `parts` times."""
    rough = (span or 1.0) / parts
    power = 10.0 ** floor(log10(rough))
    return next(power * size for size in (1, 2, 5, 10) if power * size >= rough * (1 - 1e-9))


def ink_on(colour: str) -> str:
    """White or dark ink, whichever has more contrast on a colour (relative luminance as WCAG 2 defines it).

    Example:
        >>> ink_on("#0067a5"), ink_on("#eaf2f8")
        ('#fefefe', '#1b2732')
    """

    def luminance(code: str) -> float:
        parts = (int(code[at : at + 2], 16) / 255 for at in (1, 3, 5))
        red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    ground = luminance(colour) + 0.05
    return ON_STRONG if 1.05 / ground > ground / (luminance(INK) + 0.05) else ON_PALE


def _brief(number: float) -> str:
    """Two digits, for a cell that has no room for three."""
    return f"{number:.2f}".removeprefix("0") if abs(number) <= 1 else f"{number:.0f}"
