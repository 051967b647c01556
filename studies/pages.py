"""Tables in Markdown, and putting them into a page, between the markers that name them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

_RULES = {"l": "---", "r": "--:"}


def put(path: Path, name: str, text: str) -> None:
    """Replace the text between `<!-- begin: NAME -->` and `<!-- end: NAME -->`."""
    begin, end = f"<!-- begin: {name} -->", f"<!-- end: {name} -->"
    page = path.read_text(encoding="utf-8")
    head, tail = page.split(begin)[0], page.split(end)[1]
    path.write_text(f"{head}{begin}\n{text}{end}{tail}", encoding="utf-8")


def table(heads: Sequence[str], alignment: str, rows: Iterable[Sequence[str]]) -> list[str]:
    """Lines of a table; `alignment` has one letter for each column, l or r."""
    lines = (f"| {' | '.join(cells)} |" for cells in (heads, *rows))
    return [next(lines), f"|{'|'.join(_RULES[side] for side in alignment)}|", *lines]


def minus(text: str) -> str:
    """The text with a real minus sign before numbers."""
    return re.sub(r"-(?=\d)", "−", text)


def points(change: float | None) -> str:
    """A change in points with its sign; empty where it is not defined."""
    return "" if change is None else minus(f"{change:+.1f}")


def percent(share: float | None) -> str:
    """A share of 1 in per cent; empty where it is not defined."""
    return "" if share is None else f"{100 * share:.0f} %"


def named_change(label: str, change: Mapping[str, Any]) -> str:
    """A language and the change of its value, a share of 1, with its standard error where that is known, in points."""
    spread = "" if change["error"] is None else f" ± {100 * change['error']:.1f}"
    return minus(f"{label} {100 * change['change']:+.1f}{spread}")


def worst_change(changes: Mapping[str, Mapping[str, Any]]) -> str:
    """The language that loses most, with its change; `none` where every language stays as it is."""
    label = min(changes, key=lambda one: changes[one]["change"])
    unchanged = all(change["change"] == 0 for change in changes.values())
    return "none" if unchanged else named_change(label, changes[label])


def worst_language(change: tuple[str, float] | None) -> str:
    """The language that loses most and its change, a share of 1, in points; empty without a change."""
    return "" if change is None else minus(f"{change[0]} {100 * change[1]:+.1f}")
