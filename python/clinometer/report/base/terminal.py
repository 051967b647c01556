"""Tables and sentences for a terminal: drawn by rich to fit a width, with or without colour.

What a text contains is shown, never obeyed: control characters are escaped before they are drawn.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, replace
from io import StringIO
from typing import Any

from clinometer.errors import printable
from clinometer.report.base.table import Cell, Column, Table

__all__ = ["OPENING", "WIDTH", "Terminal", "with_intervals"]

WIDTH = 100
"""Width where no terminal says otherwise, and of the longest line of a sentence: more is hard to read."""

OPENING = 3
"""Largest number of lines of a line on encoders or collection, whose names may be of any length."""

_NOTES = 3
"""Largest number of notes in a short text."""
_GAP = 2
_RULE = "    \n    \n -- \n    \n    \n    \n    \n    \n"
"""Box of rich with nothing but a rule under the headings, in ASCII."""


@dataclass(frozen=True)
class Terminal:
    """Where a text is shown.

    Args:
        width: Number of columns.
        colour: Whether escape sequences for colour are written.
    """

    width: int = WIDTH
    colour: bool = False

    def text(self, text: str, style: str = "", lines: int | None = None) -> str:
        """Text in lines of at most that width, as a terminal counts it; a wider word gets a line of its own.

        Args:
            text: The text, whose own line ends and spaces do not matter.
            style: Style of rich, such as `bold`.
            lines: Largest number of lines; what does not fit is left out, which an ellipsis shows.

        Example:
            >>> print(Terminal(width=12).text("An upright ranking."))
            An upright
            ranking.
            >>> Terminal(width=12).text("An upright ranking.", lines=1)
            'An upright …'
        """
        from rich.cells import set_cell_size

        written, most = [""], min(self.width, WIDTH)
        for word in printable(text).split():
            if written[-1] and _cells(written[-1]) + 1 + _cells(word) > most:
                written.append("")
            written[-1] += (" " if written[-1] else "") + word
        if lines is not None:
            if len(written) > lines:
                written[lines - 1] += " " + written[lines]
            written = [
                line if _cells(line) <= most else set_cell_size(line, most - 1) + "…" for line in written[:lines]
            ]
        return self._styled("\n".join(written), style)

    def notes(self, notes: Sequence[str]) -> tuple[list[str], str]:
        """The first notes, cut to two lines each, and words such as ` and 2 more notes` for the others, or none."""
        rest = len(notes) - _NOTES
        further = f" and {rest} more note{'' if rest == 1 else 's'}" if rest > 0 else ""
        return [self.text(f"Note: {text}", "dim", lines=2) for text in notes[:_NOTES]], further

    def titled(self, title: str, table: Table) -> str:
        """A table under its title."""
        return f"{self.text(title)}\n{self.table(table)}"

    def table(self, table: Table) -> str:
        """Aligned columns, labels left and numbers right, no intervals; columns under one heading stay together.

        It is no wider than the terminal unless a single heading is: columns that do not fit go into a second table with
        the same lines.
        """
        return "\n\n".join(self._page(table.take(page)) for page in self._pages(table))

    def fitting(self, table: Table) -> Table:
        """The table with as many of its first columns as fit next to each other, at least one."""
        columns: list[int] = []
        room = self.width - _margin(table)
        for group in _groups(table):
            room -= _width(table, group)
            if columns and room < 0:
                break
            columns += group
        return table.take(columns)

    def _pages(self, table: Table) -> list[list[int]]:
        groups = _groups(table)
        widths = [_width(table, group) for group in groups]
        most = max(1, self.width - _margin(table))
        pages = max(1, math.ceil(sum(widths) / most))
        while True:
            split = _split(groups, widths, max(sum(widths) / pages, 1), most)
            if len(split) <= pages:
                return split
            pages = len(split)

    def _page(self, table: Table) -> str:
        from rich.box import Box
        from rich.table import Table as Drawn
        from rich.text import Text

        drawn = Drawn(
            box=Box(_RULE, ascii=True),
            show_edge=False,
            pad_edge=False,
            padding=(0, 0, 0, _GAP - 1),
            header_style="bold",
        )
        heads = [[*_heads(column), *_below(table, column)] for column in table.columns]
        depth = max(map(len, heads), default=1)
        drawn.add_column(Text("\n" * (depth - 1) + printable(table.corner)), no_wrap=True)
        for lines in heads:
            text = "\n".join([""] * (depth - len(lines)) + lines)
            drawn.add_column(Text(printable(text, lines=True)), justify="right", no_wrap=True)
        for line in table.lines:
            texts = [line.label, *(cell.text for cell in line.cells)]
            drawn.add_row(*(Text(printable(text)) for text in texts), style="bold" if line.mean else "")
        return "\n".join(part.rstrip() for part in self._drawn(drawn).splitlines())

    def _styled(self, text: str, style: str) -> str:
        if not (style and self.colour):
            return text
        from rich.text import Text

        # Line by line, so that a pager or a prefix does not carry a colour along.
        return "\n".join(self._drawn(Text(part, style=style)).rstrip("\n") for part in text.split("\n"))

    def _drawn(self, what: Any) -> str:
        """As rich draws it, without a limit of width, which has been kept already."""
        from rich.console import Console

        file = StringIO()
        console = Console(
            file=file, width=100_000, force_terminal=self.colour, color_system="standard" if self.colour else None,
            no_color=not self.colour, force_jupyter=False, legacy_windows=False, markup=False, highlight=False,
            emoji=False,
        )  # fmt: skip
        console.print(what, soft_wrap=isinstance(what, str))
        return file.getvalue()


def with_intervals(table: Table, columns: Sequence[int]) -> Table:
    """The table with the intervals of some of its columns next to their values."""

    def shown(i: int, cell: Cell) -> Cell:
        return cell._replace(text=f"{cell.text} {cell.aside}".strip()) if i in columns else cell

    lines = (replace(line, cells=tuple(shown(i, cell) for i, cell in enumerate(line.cells))) for line in table.lines)
    return replace(table, lines=tuple(lines))


def _width(table: Table, group: Sequence[int]) -> int:
    """Width of some columns with the gaps before them, in cells of a terminal."""
    width = 0
    for i in group:
        column = table.columns[i]
        texts = [*_heads(column), column.unit, column.encoder, *(line.cells[i].text for line in table.lines)]
        width += _GAP + max(_cells(printable(text)) for text in texts)
    return width


def _margin(table: Table) -> int:
    return max(_cells(printable(text)) for text in [table.corner, *(line.label for line in table.lines)])


def _groups(table: Table) -> list[list[int]]:
    """The columns under each heading."""
    groups: list[list[int]] = []
    for _, _, size in table.heads:
        start = groups[-1][-1] + 1 if groups else 0
        groups.append(list(range(start, start + size)))
    return groups


def _split(groups: Sequence[list[int]], widths: Sequence[int], even: float, most: int) -> list[list[int]]:
    """Groups of columns on pages of about equal width, none wider than `most` unless a single group is."""
    pages: list[list[int]] = [[]]
    used = 0
    for group, need in zip(groups, widths, strict=True):
        if pages[-1] and (used + need > most or used + need / 2 > even):
            pages.append([])
            used = 0
        pages[-1] += group
        used += need
    return pages


def _heads(column: Column) -> list[str]:
    """The heading in short lines; its arrow stays with the last word."""
    glued = column.head.replace(" ↑", "\N{NO-BREAK SPACE}↑").replace(" ↓", "\N{NO-BREAK SPACE}↓")
    lines = textwrap.wrap(glued, 12, break_long_words=False, break_on_hyphens=False)
    return [line.replace("\N{NO-BREAK SPACE}", " ") for line in lines]


def _below(table: Table, column: Column) -> list[str]:
    """Unit and encoder, on lines of their own where any column has one."""
    units, encoders = any(part.unit for part in table.columns), table.side_by_side
    return [*([column.unit] if units else []), *([column.encoder] if encoders else [])]


def _cells(text: str) -> int:
    from rich.cells import cell_len

    return cell_len(text)
