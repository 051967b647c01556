"""A CSV file that grows by one row with each evaluation; a row never stands under columns that are not its own."""

from __future__ import annotations

import csv
import os
import warnings
from collections.abc import Mapping
from itertools import chain, count
from pathlib import Path

__all__ = ["append_row"]


def append_row(path: str | os.PathLike[str], row: Mapping[str, object]) -> Path:
    """Append a row, after a header where the file is new.

    Where the file has other columns, the row goes to the first of `NAME-2.csv`, `NAME-3.csv`, ... that is new or has
    these, with a warning: a training is not ended for its log.

    Args:
        path: The file; its folder is made.
        row: Values by column.

    Returns:
        The file written to.
    """
    first = Path(path)
    first.parent.mkdir(parents=True, exist_ok=True)
    others = (first.with_name(f"{first.stem}-{number}{first.suffix}") for number in count(2))
    target, header = next(
        (target, found) for target in chain([first], others) if (found := _header(target)) in ([], list(row))
    )
    if target != first:
        warnings.warn(f"{first} has other columns, so this row is written to {target.name}", UserWarning, stacklevel=2)
    with target.open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        if not header:
            writer.writerow(row)
        writer.writerow(row.values())
    return target


def _header(path: Path) -> list[str]:
    """The columns of a file; none where it is new or empty."""
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return next(csv.reader(file), [])
