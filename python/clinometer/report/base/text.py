"""Text and tables as Markdown."""

from __future__ import annotations

from collections.abc import Iterable

from clinometer.errors import printable
from clinometer.report.base.table import Table

__all__ = ["escape_markdown", "markdown_row", "markdown_table"]

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
