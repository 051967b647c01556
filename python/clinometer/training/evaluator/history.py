"""A CSV file that grows by one row with each evaluation; a row is only written under its own columns."""

from __future__ import annotations

import csv
import io
import os
import warnings
from collections.abc import Mapping
from itertools import chain, count
from pathlib import Path

from clinometer.errors import FormatError
from clinometer.files import append_whole, regular

__all__ = ["append_row"]


def append_row(path: str | os.PathLike[str], row: Mapping[str, object]) -> Path:
    """Append a row, after a header if the file is new.

    If the file has other columns, the row goes to the first of `NAME-2.csv`, `NAME-3.csv`, ... that is new or has these
    columns, with a warning: a log must not stop a training.

    Args:
        path: The file; its folder is created.
        row: Values by column.

    Returns:
        The file written to.
    """
    first = Path(path)
    first.parent.mkdir(parents=True, exist_ok=True)
    others = (first.with_name(f"{first.stem}-{number}{first.suffix}") for number in count(2))
    target, header = next(
        (target, columns) for target in chain([first], others) if (columns := _header(target)) in ([], list(row))
    )
    if target != first:
        warnings.warn(f"{first} has other columns, so this row is written to {target.name}", UserWarning, stacklevel=2)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    if not header:
        writer.writerow(row)
    writer.writerow(row.values())
    with target.open("ab", buffering=0) as file:
        append_whole(file, text.getvalue().encode())
    return target


def _header(path: Path) -> list[str]:
    """The columns of a file; none if it is new or empty."""
    if not path.is_file():
        return []
    try:
        with regular(path).open(newline="", encoding="utf-8") as file:
            return next(csv.reader(file), [])
    except (csv.Error, UnicodeDecodeError) as error:
        raise FormatError(path, None, f"not a table of evaluations ({error}); move it away") from None
