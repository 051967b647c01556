"""Parallel items as they are read from files: the same query and passage in several languages.

Nothing is cleaned or chosen here; a line that cannot be read is an error with its place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from clinometer.errors import UsageError
from clinometer.io.rows import Row, jsonl_rows
from clinometer.io.textfiles import require_file

__all__ = ["ParallelItem", "read_items"]


@dataclass(frozen=True)
class ParallelItem:
    """The same query and passage in several languages.

    Args:
        id: Unique; the part before `#` names the page or article that it comes from.
        texts: Query and passage by language. The query is None where there is only a passage.
    """

    id: str
    texts: Mapping[str, tuple[str | None, str]]

    @property
    def page(self) -> str:
        """What must not be cut by a split: the part of the id before `#`."""
        return self.id.partition("#")[0]


def read_items(files: str | Path | Sequence[str | Path]) -> list[ParallelItem]:
    """All items of parallel JSONL, in the order of the files.

    Raises:
        FileNotFoundError: A file is not there.
        FormatError: A line is broken, lacks a field, repeats an id, or has a language twice.
    """
    paths = [require_file(path) for path in ([files] if isinstance(files, (str, Path)) else files)]
    if not paths:
        raise UsageError("no file was given; name one or more files of parallel JSONL")
    seen: dict[str, str] = {}
    items = []
    for path in paths:
        for row in jsonl_rows(path):
            item_id = row.field("id", str)
            if item_id in seen:
                raise row.error(f"the id {item_id!r} is there twice, first at {seen[item_id]}; ids must be unique")
            seen[item_id] = row.place
            texts: dict[str, tuple[str | None, str]] = {}
            given = Row(row.field("texts", dict), row.path, row.line)
            for name in given.fields:
                label = row.language(name)
                if label in texts:
                    raise row.error(f"the field 'texts' has {label} twice, the second time as {name!r}; keep one")
                text = given.inside(name)
                texts[label] = (text.field("query", str), text.field("document", str))
            items.append(ParallelItem(item_id, texts))
    return items
