"""What commands print for people: the width and the colours of the terminal, and the option for all of it."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Annotated, Any

from clinometer.cli.expansion import option

if TYPE_CHECKING:
    from clinometer.report.base.terminal import Terminal

__all__ = ["Verbose", "colours", "show", "terminal"]

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

    columns = os.environ.get("COLUMNS", "")
    try:
        width = int(columns) if columns.isdecimal() else os.get_terminal_size(sys.stdout.fileno()).columns
    except (AttributeError, OSError, ValueError):
        width = WIDTH
    return Terminal(max(_NARROWEST, width or WIDTH), colours(sys.stdout))


def show(text: str) -> None:
    """Write a text for people, with its colours, to standard output, and end its last line."""
    write = getattr(sys.stdout, "write_styled", sys.stdout.write)
    write(text + "\n")
