"""What commands print for people: the width and the colours of the terminal, and the option for all of it."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Annotated, Any

from clinometer.cli.expansion import option

if TYPE_CHECKING:
    from clinometer.report.base.terminal import Terminal

__all__ = ["Verbose", "colours", "columns", "fitted", "show", "terminal", "wrapped"]

Verbose = Annotated[bool, option(None, "All tables, notes and failures instead of a few.", "--verbose", panel="Output")]

_NARROWEST = 20


def colours(stream: Any) -> bool:
    """Whether text for the stream has colours: it is a terminal, unless NO_COLOR or FORCE_COLOR say otherwise.

    A variable counts if it is not empty; NO_COLOR wins. A terminal of the kind `dumb` has no colours.
    """
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return bool(stream.isatty()) and os.environ.get("TERM") != "dumb"


def terminal() -> Terminal:
    """The terminal of standard output; its width is COLUMNS if that is set, and 100 where there is no terminal."""
    from clinometer.report.base.terminal import WIDTH, Terminal

    return Terminal(columns(sys.stdout) or WIDTH, colours(sys.stdout))


def columns(stream: Any) -> int | None:
    """The width of the terminal of a stream: COLUMNS if that is set; None where there is no terminal."""
    text = os.environ.get("COLUMNS", "")
    try:
        width = int(text) if text.isdecimal() else os.get_terminal_size(stream.fileno()).columns
    except (AttributeError, OSError, ValueError):
        return None
    return max(_NARROWEST, width) if width else None


def fitted(text: str, indent: str = "") -> str:
    """Plain lines for standard output, `wrapped` where that is a terminal; for programs they stay whole."""
    width = columns(sys.stdout) if sys.stdout.isatty() else None
    return text if width is None else wrapped(text, width, indent)


def wrapped(text: str, width: int, indent: str = "") -> str:
    """Text whose lines are at most that wide, broken at spaces; a wider word gets a line of its own.

    Args:
        text: The text; its line ends stay.
        width: Number of cells of the terminal.
        indent: Beginning of the lines that a broken one goes on with.

    Example:
        >>> print(wrapped("wrote ranks.npz to results\\ndone", 16, "  "))
        wrote ranks.npz
          to results
        done
    """
    lines = []
    for line in text.split("\n"):
        while _cells(line) > width:
            start = len(line) - len(line.lstrip(" "))
            spaces = [place for place, letter in enumerate(line) if letter == " " and place > start]
            fitting = [place for place in spaces if _cells(line[:place]) <= width]
            if not spaces:
                break
            place = fitting[-1] if fitting else spaces[0]
            lines.append(line[:place].rstrip(" "))
            line = indent + line[place:].lstrip(" ")
        lines.append(line)
    return "\n".join(lines)


def _cells(text: str) -> int:
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def show(text: str) -> None:
    """Write a text for people, with its colours, to standard output, and end its last line."""
    write = getattr(sys.stdout, "write_styled", sys.stdout.write)
    write(text + "\n")
