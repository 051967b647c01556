"""Tables as text: aligned columns for a terminal, pipes for Markdown.

A terminal table is no wider than the given width unless a single heading is: columns that do not fit go into a second
table with the same lines. Wide characters count as two.
"""

from __future__ import annotations

import math
import textwrap
import unicodedata
from collections.abc import Iterable, Sequence

from clinometer.errors import printable
from clinometer.report.base.table import Column, Table

__all__ = ["escape_markdown", "markdown_row", "markdown_table", "plain_table", "wrapped"]

_SPECIAL = str.maketrans(
    {character: "\\" + character for character in "\\`*_[]|#~$"} | {"<": "&lt;", ">": "&gt;", "&": "&amp;"}
)


def escape_markdown(text: str) -> str:
    r"""Text that Markdown shows as it is, on one line.

    Example:
        >>> escape_markdown("a|b <script>\n*c*")
        'a\\|b &lt;script&gt; \\*c\\*'
    """
    return printable(" ".join(text.split())).translate(_SPECIAL)


def markdown_row(cells: Iterable[str]) -> str:
    """A line of a pipe table; the cells are Markdown already."""
    return f"| {' | '.join(cells)} |"


def markdown_table(table: Table) -> str:
    """A pipe table with a label and one column for each column; intervals are next to their values."""
    heads = [column.head + (f" ({column.unit})" if column.unit else "") for column in table.columns]
    encoders = [f" · {column.encoder}" if column.encoder else "" for column in table.columns]
    rows = [[table.corner, *(head + encoder for head, encoder in zip(heads, encoders, strict=True))]]
    rows += [[line.label, *(f"{cell.text} {cell.aside}".strip() for cell in line.cells)] for line in table.lines]
    written = [markdown_row(map(escape_markdown, row)) for row in rows]
    return "\n".join([written[0], "|:--" + "|--:" * len(table.columns) + "|", *written[1:]])


def wrapped(text: str, width: int) -> str:
    """Text in lines of at most that width, as a terminal counts it; a wider word gets a line of its own."""
    lines = [""]
    for word in text.split():
        if lines[-1] and _width(lines[-1]) + 1 + _width(word) > width:
            lines.append("")
        lines[-1] += (" " if lines[-1] else "") + word
    return "\n".join(lines)


def plain_table(table: Table, width: int = 110) -> str:
    """Aligned columns, labels left and numbers right, no intervals; columns under one heading stay together."""
    margin = max(_width(text) for text in [table.corner, *(line.label for line in table.lines)])
    groups: list[list[int]] = []
    for _, _, size in table.heads:
        start = groups[-1][-1] + 1 if groups else 0
        groups.append(list(range(start, start + size)))
    widths = [sum(_column_width(table, i) + 2 for i in group) for group in groups]
    most = max(1, width - margin)
    pages = max(1, math.ceil(sum(widths) / most))
    while True:
        split = _split(groups, widths, max(sum(widths) / pages, 1), most)
        if len(split) <= pages:
            return "\n\n".join(_page(table.take(page), margin) for page in split)
        pages = len(split)


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


def _column_width(table: Table, i: int) -> int:
    column = table.columns[i]
    texts = [*_heads(column), column.unit, column.encoder, *(line.cells[i].text for line in table.lines)]
    return max(_width(text) for text in texts)


def _page(table: Table, margin: int) -> str:
    sizes = [_column_width(table, i) for i in range(len(table.columns))]
    heads = [_heads(column) for column in table.columns]
    depth = max(map(len, heads))
    stacked = [[""] * (depth - len(lines)) + lines for lines in heads]
    rows: list[tuple[str, Sequence[str]]] = [("", [lines[i] for lines in stacked]) for i in range(depth)]
    rows += [
        ("", texts) for texts in ([c.unit for c in table.columns], [c.encoder for c in table.columns]) if any(texts)
    ]
    rows[-1] = (table.corner, rows[-1][1])
    ruled = len(rows)
    rows += [(line.label, [cell.text for cell in line.cells]) for line in table.lines]
    written = []
    for label, texts in rows:
        numbers = ("  " + " " * (size - _width(text)) + text for text, size in zip(texts, sizes, strict=True))
        written.append((label + " " * (margin - _width(label)) + "".join(numbers)).rstrip())
    written.insert(ruled, "-" * (margin + sum(sizes) + 2 * len(sizes)))
    return "\n".join(written)


def _width(text: str) -> int:
    return sum(
        0 if unicodedata.combining(character) else 2 if unicodedata.east_asian_width(character) in "WF" else 1
        for character in text
    )
