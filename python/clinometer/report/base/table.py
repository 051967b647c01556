"""A table as plain text: lines, columns, cells; every renderer (HTML, Markdown, terminal) starts from it.

Every line has one cell for each column; numbers have been formatted already, nothing has been escaped yet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import NamedTuple

from clinometer.report.base.wording import DASH

__all__ = ["Cell", "Column", "Line", "Table"]


class Cell(NamedTuple):
    """A number as text, the small text next to it (its interval, or a count of its own), and the number itself.

    `tip` says in words what it is, where a figure shows the cell.
    """

    text: str
    aside: str = ""
    number: float | None = None
    tip: str = ""


class Column(NamedTuple):
    """A heading, its unit, the encoder where there are several, and the language that it is about; all may be empty."""

    head: str
    unit: str = ""
    encoder: str = ""
    language: str = ""


@dataclass(frozen=True)
class Line:
    """A line of cells under its label; `mean` marks an average over the lines above, `language` names its language."""

    label: str
    cells: tuple[Cell, ...]
    mean: bool = False
    language: str = ""


@dataclass(frozen=True)
class Table:
    """Lines and columns with a title.

    Args:
        name: Unique in a report; an HTML id.
        title: What the table shows.
        note: One or two further sentences, or empty.
        corner: Heading of the column of labels.
        columns: Columns; those with the same heading are adjacent.
        lines: Lines.
    """

    name: str
    title: str
    note: str
    corner: str
    columns: tuple[Column, ...]
    lines: tuple[Line, ...]

    @property
    def side_by_side(self) -> bool:
        """Whether columns name encoders."""
        return any(column.encoder for column in self.columns)

    @property
    def heads(self) -> list[tuple[str, str, int]]:
        """Headings and units, with the number of columns under each."""
        groups = groupby(self.columns, key=lambda column: (column.head, column.unit))
        return [(head, unit, len(list(columns))) for (head, unit), columns in groups]

    def take(self, columns: Sequence[int]) -> Table:
        """The table with some of its columns."""
        lines = [replace(line, cells=tuple(line.cells[i] for i in columns)) for line in self.lines]
        return replace(self, columns=tuple(self.columns[i] for i in columns), lines=tuple(lines))

    def of_encoder(self, encoder: str) -> Table:
        """The columns of one encoder, which the title names instead of them."""
        table = self.take([i for i, column in enumerate(self.columns) if column.encoder == encoder])
        columns = tuple(column._replace(encoder="") for column in table.columns)
        return replace(table, title=f"{self.title}, {encoder}", columns=columns)

    def beside(self, other: Table) -> Table:
        """The table with the columns of another one that has the same lines."""
        pairs = zip(self.lines, other.lines, strict=True)
        lines = tuple(replace(line, cells=line.cells + more.cells) for line, more in pairs)
        return replace(self, columns=self.columns + other.columns, lines=lines)

    def without_empty(self) -> Table:
        """The table without columns, then lines, in which nothing has a value."""
        filled = [i for i in range(len(self.columns)) if any(line.cells[i].text != DASH for line in self.lines)]
        table = self.take(filled)
        lines = [line for line in table.lines if any(cell.text != DASH for cell in line.cells)]
        return replace(table, lines=tuple(lines))

    def relabelled(self, names: Mapping[str, str]) -> Table:
        """The table with other names for the encoders; those without one have none."""
        columns = (column._replace(encoder=names.get(column.encoder, "")) for column in self.columns)
        return replace(self, columns=tuple(columns))
