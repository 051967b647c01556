"""Tables as text: aligned columns for a terminal, pipes for Markdown.

A terminal table is never wider than asked: columns that do not fit go into a second table with the same lines. Wide characters count as two.
"""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Sequence

from clinometer.report.grid import Column, Table

__all__ = ["escape_markdown", "markdown_table", "plain_table", "wrapped"]

_SPECIAL = str.maketrans({character: "\\" + character for character in "\\`*_[]|#~$"} | {"<": "&lt;", ">": "&gt;", "&": "&amp;"})


def escape_markdown(text: str) -> str:
    r"""Text that Markdown shows as it is, on one line.

    Example:
        >>> escape_markdown("a|b <script>\n*c*")
        'a\\|b &lt;script&gt; \\*c\\*'
    """
    return " ".join(text.split()).translate(_SPECIAL)


def markdown_table(table: Table) -> str:
    """A pipe table with a label and one column for each column; intervals stand beside their values."""
    heads = [column.head + (f" ({column.unit})" if column.unit else "") for column in table.columns]
    encoders = [f" · {column.encoder}" if column.encoder else "" for column in table.columns]
    rows = [[table.corner, *(head + encoder for head, encoder in zip(heads, encoders, strict=True))]]
    for line in table.lines:
        rows.append([line.label] + [f"{cell.text} {cell.aside}".strip() for cell in line.cells])
    written = ["| " + " | ".join(escape_markdown(text) for text in row) + " |" for row in rows]
    return "\n".join([written[0], "|:--" + "|--:" * len(table.columns) + "|", *written[1:]])


def wrapped(text: str, width: int) -> str:
    """Text in lines of at most that width; words and hyphenated names are not broken."""
    return textwrap.fill(" ".join(text.split()), width, break_long_words=False, break_on_hyphens=False)


def plain_table(table: Table, width: int = 110) -> str:
    """Aligned columns, labels left and numbers right, no intervals."""
    labels = [table.corner, *(line.label for line in table.lines)]
    margin = max(_width(text) for text in labels)
    pages: list[list[int]] = [[]]
    used = margin
    for i, column in enumerate(table.columns):
        need = _column_width(table, i, column) + 2
        if pages[-1] and used + need > width:
            pages.append([])
            used = margin
        pages[-1].append(i)
        used += need
    return "\n\n".join(_page(table.take(page), margin) for page in pages)


def _column_width(table: Table, i: int, column: Column) -> int:
    texts = [*column, *(line.cells[i].text for line in table.lines)]
    return max(_width(text) for text in texts)


def _page(table: Table, margin: int) -> str:
    sizes = [_column_width(table, i, column) for i, column in enumerate(table.columns)]
    heads = [[column[part] for column in table.columns] for part in range(3)]
    rows: list[tuple[str, Sequence[str]]] = [(table.corner, heads[0])]
    rows += [("", texts) for texts in heads[1:] if any(texts)]
    ruled = len(rows)
    for line in table.lines:
        rows.append((line.label, [cell.text for cell in line.cells]))
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
