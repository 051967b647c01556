"""Options of readers that have no option of their own on the command line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from clinometer.errors import UsageError

__all__ = ["Reader", "reader_options"]

Reader = Annotated[
    list[str] | None,
    typer.Option(
        "--reader",
        metavar="NAME=VALUE",
        help="What the reader of SOURCE takes besides, such as query-language=en or parallel=true; may be repeated.",
    ),
]


def reader_options(given: Sequence[str] | None) -> dict[str, Any]:
    """Arguments for `clinometer.load`, which refuses those that the reader does not know.

    Raises:
        UsageError: An option is not written `NAME=VALUE`.

    Example:
        >>> reader_options(["query-language=en", "parallel=true"])
        {'query_language': 'en', 'parallel': True}
    """
    found: dict[str, Any] = {}
    for item in given or ():
        name, equals, value = item.partition("=")
        if not (name and equals and value):
            raise UsageError(f"--reader {item}: write NAME=VALUE, such as query-language=en")
        found[name.replace("-", "_")] = {"true": True, "false": False}.get(value, value)
    return found
