"""Parallel items as read from files: the same query and passage in several languages.

Nothing is cleaned or selected here; a line that cannot be read is an error with its line number.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from clinometer.errors import ClinometerWarning, UsageError, shown
from clinometer.io.rows import DistinctRows, Row
from clinometer.io.textfiles import require_file

__all__ = ["ParallelItem", "counted_items", "read_items"]


@dataclass(frozen=True)
class ParallelItem:
    """The same query and passage in several languages.

    Args:
        id: Unique id; the part before `#` names the page or article that the item comes from.
        texts: Query and passage by language. The query is None if there is only a passage.
    """

    id: str
    texts: Mapping[str, tuple[str | None, str]]

    @property
    def page(self) -> str:
        """The unit that a split must not divide: the part of the id before `#`."""
        return self.id.partition("#")[0]


def read_items(files: str | Path | Sequence[str | Path]) -> list[ParallelItem]:
    """All items of parallel JSONL, in the order of the files.

    A row that repeats another is left out, and a `ClinometerWarning` counts such rows.

    Raises:
        FileNotFoundError: A file does not exist.
        FormatError: A line is broken, lacks a field, has an id of another row, or has a language twice.
    """
    items, repeated = counted_items(files)
    if repeated:
        sentence = f"{repeated:,} rows repeat other rows of the files and are left out"
        warnings.warn(sentence, ClinometerWarning, stacklevel=2)
    return items


def counted_items(files: str | Path | Sequence[str | Path]) -> tuple[list[ParallelItem], int]:
    """The items of `read_items`, and the number of rows that repeat another and are left out."""
    paths = [require_file(path) for path in ([files] if isinstance(files, (str, Path)) else files)]
    if not paths:
        raise UsageError("no files were given; give one or more files of parallel JSONL")
    rows = DistinctRows(paths)
    items: list[ParallelItem] = []
    for item_id, row in rows:
        texts: dict[str, tuple[str | None, str]] = {}
        texts_row = Row(row.field("texts", dict), row.path, row.line)
        for name in texts_row.fields:
            label = row.language(name)
            if label in texts:
                raise row.error(f"the field 'texts' has {label} twice, the second time as {shown(name)}; remove one")
            text = texts_row.inside(name)
            texts[label] = (text.field("query", str), text.field("document", str))
        items.append(ParallelItem(item_id, texts))
    return items, rows.repeats
