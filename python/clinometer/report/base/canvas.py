"""The canvas that figures are drawn on: one line for each language, finished as inline SVG.

Same marks, same bytes: matplotlib's own defaults instead of the user's settings, a fixed salt, no date. Text stays
text, so it can be searched and is drawn with the reader's fonts. Marks differ in shape as well as in colour.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from html import escape
from io import StringIO
from math import ceil, floor, log10, radians, sin
from typing import Any, NamedTuple

from clinometer.errors import MissingExtraError, printable
from clinometer.report.base.palette import FAINT, HEAT, INK, LINE, ON_PALE, ON_STRONG, PAPER, SOFT, in_variables

__all__ = ["INK", "SHADES", "Mark", "Point", "Sheet", "canvas", "ink_on", "quietly", "round_step"]

SHADES = (0.06, 0.5)
"""How much of its colour the palest and the darkest cell of a heat map has."""
_DOT = {"ms": 5.2, "mew": 1.3, "zorder": 5, "clip_on": False}
_WIDTH = 4.9


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
    """A figure with one line for each label, laid out in inches: marks keep their size for any number of lines."""

    def __init__(
        self,
        new_figure: Any,
        lines: int,
        series: int,
        labels: Sequence[str],
        right: float,
        top: float,
        bottom: float,
        keys: Sequence[str] = (),
    ) -> None:
        self.keys = keys
        self._tips: list[tuple[int, str]] = []
        self.lines, self.spread = lines, min(0.62, 0.2 * (series - 1))
        self.line_height = max(0.27, 0.13 * series + 0.1)
        inside = self.line_height * lines
        height = inside + top + bottom
        left = min(1.9, 0.2 + 0.083 * max((len(label) for label in labels), default=0))
        self.figure = new_figure(figsize=(_WIDTH, height))
        self.inner = _WIDTH - left - right
        box = (left / _WIDTH, bottom / height, self.inner / _WIDTH, inside / height)
        self.axes = self.figure.add_axes(box)
        self.axes.set_ylim(lines - 0.5, -0.5)
        self.axes.set_yticks(range(lines), labels=list(labels), parse_math=False)
        self.axes.tick_params(axis="both", length=0, pad=5, labelcolor=INK)
        self.axes.spines[:].set_visible(False)
        self.axes.set_xticks([])

    def ticks(self, places: Sequence[float], labels: Sequence[str]) -> None:
        """Labels under the axis; two lines of text are allowed."""
        self.axes.set_xticks(list(places), labels=list(labels), parse_math=False)
        self.axes.tick_params(axis="x", labelcolor=SOFT, labelsize=9)

    @staticmethod
    def round_ticks(low: float, high: float) -> list[float]:
        """Four to seven round numbers within the ends."""
        step = round_step(high - low, 5)
        return [round(step * i, 10) for i in range(ceil(low / step - 1e-9), floor(high / step + 1e-9) + 1)]

    def grid(self) -> None:
        """Upright lines at the ticks, behind everything."""
        self.axes.grid(axis="x", color=LINE, lw=0.8)
        self.axes.set_axisbelow(True)

    def say(self, y: int, tip: str, *, mark: bool = True) -> str:
        """An id for what is drawn in a line, which shows the text on the page; `mark`: it can have the focus too."""
        self._tips.append((y, tip))
        return f"{'mark' if mark else 'part'}-{len(self._tips) - 1}"

    def _plot(self, xs: list[float], ys: list[float], colour: str, lw: float, **style: Any) -> None:
        self.axes.plot(xs, ys, color=colour, lw=lw, **style)

    def dots(self, marks: Sequence[Mark], columns: Sequence[Sequence[Point | None]], *, stems: bool) -> None:
        """Dots with intervals, one mark for each column of points; stems from 0 to the first mark's dots."""
        for y in range(self.lines):
            self.axes.axhline(y, color=LINE, lw=0.6, zorder=1)
        for i, (mark, points) in enumerate(zip(marks, columns, strict=True)):
            colour = mark.colour
            offset = self.spread * (i / (len(marks) - 1) - 0.5) if len(marks) > 1 else 0.0
            fill = PAPER if mark.hollow else colour
            for y, point in enumerate(points):
                if point is None:
                    continue
                at, part = y + offset, {"gid": self.say(y, point.tip, mark=False)}
                if stems and i == 0:
                    style = {"alpha": 0.3, "zorder": 2, "solid_capstyle": "butt"} | part
                    self._plot([0, point.value], [at, at], colour, 2.2, **style)
                if point.low is not None and point.high is not None:
                    style = {"zorder": 3, "solid_capstyle": "round"} | part
                    self._plot([point.low, point.high], [at, at], colour, 1.3, **style)
                gid = self.say(y, point.tip)
                self.axes.plot([point.value], [at], marker=mark.shape, mfc=fill, mec=colour, gid=gid, **_DOT)

    def bars(self, i: int, series: int, points: Sequence[Point | None], sign: int, colour: str, *, pale: bool) -> None:
        """Bars with intervals for the i-th of several series, to the right (sign 1) or to the left (sign -1)."""
        thickness = 0.66 / series
        for y, point in enumerate(points):
            if point is None:
                continue
            at, width = y + thickness * (i - (series - 1) / 2), sign * point.value
            alpha = 0.55 if pale else 0.85
            (bar,) = self.axes.barh(
                [at], [width], height=thickness * 0.92, color=colour, alpha=alpha, lw=0, zorder=2
            )  # fmt: skip
            bar.set_gid(self.say(y, point.tip))
            if point.low is not None and point.high is not None:
                ends, gid = [sign * point.low, sign * point.high], self.say(y, point.tip, mark=False)
                self._plot(ends, [at, at], INK, 1.1, zorder=3, solid_capstyle="butt", gid=gid)

    def stacks(
        self,
        marks: Sequence[Mark],
        columns: Sequence[Sequence[float | None]],
        span: float,
        tips: Sequence[Sequence[str]],
    ) -> None:
        """Stacked parts from 0, one column of numbers for each mark; a part shows its number if there is room.

        `span` is the width of the axis in its unit; `tips` are texts in the shape of the columns.
        """
        for y in range(self.lines):
            left = 0.0
            for mark, numbers, texts in zip(marks, columns, tips, strict=True):
                number, colour = numbers[y], mark.colour
                if not number:
                    continue
                (bar,) = self.axes.barh(
                    [y], [number], left=left, height=0.7, color=colour, edgecolor=PAPER, lw=0.8, zorder=2
                )  # fmt: skip
                bar.set_gid(self.say(y, texts[y]))
                if number / span * self.inner > 0.3:
                    self.axes.text(
                        left + number / 2, y, f"{number:.0f}", ha="center", va="center", fontsize=8,
                        color=ink_on(colour), zorder=3, gid=self.say(y, texts[y], mark=False),
                    )  # fmt: skip
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
        from matplotlib.patches import Rectangle

        size = min(9, 72 * self.inner / len(numbers[0]) / 2.4)
        for y, line in enumerate(numbers):
            for x, number in enumerate(line):
                shade = 0.0 if number is None else SHADES[0] + (SHADES[1] - SHADES[0]) * (number - low) / span
                gid = None if number is None else self.say(y, tips[y][x])
                box = Rectangle((x - 0.49, y - 0.48), 0.98, 0.96, facecolor=HEAT, alpha=shade, edgecolor="none")
                box.set_gid(gid)
                self.axes.add_patch(box)
                text = texts[y][x] if len(line) < 9 or number is None else _brief(number)
                if size > 4:
                    part = None if number is None else self.say(y, tips[y][x], mark=False)
                    self.axes.text(
                        x, y, text, ha="center", va="center", fontsize=size, color=INK, parse_math=False, gid=part
                    )  # fmt: skip

    def sticks(self, points: Sequence[Point | None], colour: str) -> None:
        """A stick to the right of each line that leans 15 degrees for each log2 rank, at most 75, like a clinometer."""
        length, per_inch = 0.19, (self.axes.get_xlim()[1] - self.axes.get_xlim()[0]) / self.inner
        middle = self.axes.get_xlim()[1] + 0.34 * per_inch
        for y, point in enumerate(points):
            if point is None:
                continue
            angle = radians(max(-75.0, min(75.0, 15 * point.value)))
            foot, height = y + 0.5 * length / self.line_height, length / self.line_height
            tip = (
                middle + length * sin(angle) * per_inch,
                foot - length * (1 - sin(angle) ** 2) ** 0.5 / self.line_height,
            )
            ground = [middle - 0.07 * per_inch, middle + 0.07 * per_inch]
            part: dict[str, Any] = {"clip_on": False, "gid": self.say(y, point.tip, mark=False)}
            self._plot([middle, middle], [foot, foot - height], FAINT, 0.8, ls=(0, (1.5, 1.5)), **part)
            self._plot(ground, [foot, foot], SOFT, 1, **part)
            self._plot([middle, tip[0]], [foot, tip[1]], colour, 2, solid_capstyle="round", **part)

    def write_below(self, inches: float, text: str) -> None:
        """Text some inches below the axes, in their middle."""
        y, place = -inches / (self.line_height * self.lines), self.axes.transAxes
        self.axes.text(
            0.5, y, text, transform=place, ha="center", va="bottom", fontsize=9, color=SOFT, parse_math=False
        )

    def write_at(
        self,
        x: float,
        text: str,
        *,
        align: str = "center",
        colour: str = INK,
        weight: str = "normal",
        rotation: float = 0,
    ) -> None:
        """Text above the axes at a value of the scale."""
        place = (x, 1 + 0.05 / (self.line_height * self.lines))
        align = "left" if rotation else align
        self.axes.text(
            *place, text, transform=self.axes.get_xaxis_transform(), ha=align, va="bottom", fontsize=9, color=colour,
            weight=weight, rotation=rotation, rotation_mode="anchor", parse_math=False,
        )  # fmt: skip

    def svg(self, name: str, text: str) -> str:
        """The figure as one `<svg>` element with unique ids and a text for those who cannot see it."""
        sink = StringIO()
        with quietly():
            self.figure.savefig(
                sink, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")), transparent=True
            )
        body = sink.getvalue()
        body = body[body.index("<svg") :]
        size = re.search(r'viewBox="([^"]*)"', body)
        inside = body[body.index(">") + 1 :]
        inside = re.sub(r"<metadata>.*?</metadata>\s*", "", inside, flags=re.DOTALL)
        inside = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", inside)
        inside = re.sub(rf'<g id="{re.escape(name)}-(mark|part)-(\d+)">', self._told, in_variables(inside))
        inside = re.sub(rf'(<g id="{re.escape(name)}-ytick_)(\d+)"', self._keyed, inside)
        opening = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
        box = size.group(1) if size else f"0 0 {_WIDTH * 72:g} 300"
        return f'{opening} viewBox="{box}" role="img" aria-label="{escape(printable(text))}">{inside.strip()}'

    def _told(self, group: re.Match[str]) -> str:
        """The group of a mark with what the page shows about it: which line it belongs to, and its text."""
        y, tip = self._tips[int(group[2])]
        title = f"<title>{escape(printable(tip))}</title>" if tip else ""
        return f'<g class="{group[1]}"{self._key(y)}>{title}'

    def _keyed(self, group: re.Match[str]) -> str:
        return f"{group[0]}{self._key(int(group[2]) - 1)}"

    def _key(self, y: int) -> str:
        return f' data-line="{escape(printable(self.keys[y]))}"' if y < len(self.keys) else ""


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


@contextmanager
def quietly() -> Iterator[None]:
    """Without warnings about scripts that the bundled font lacks: readers have fonts of their own."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        yield


@contextmanager
def canvas() -> Iterator[Any]:
    """Sheets on matplotlib's own defaults; the settings of the caller are restored afterwards."""
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingExtraError("the HTML report", "report") from None
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(
            {"svg.hashsalt": "clinometer", "svg.fonttype": "none", "font.size": 10, "font.family": ["DejaVu Sans"]}
        )
        yield partial(Sheet, Figure)
