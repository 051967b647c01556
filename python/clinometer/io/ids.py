"""Ids of texts, which are strings; files that write them as numbers are read, and the columns are noted."""

from __future__ import annotations

from clinometer.io.rows import Row

__all__ = ["Ids"]


class Ids:
    """Reads ids and remembers the columns in which they were numbers.

    Example:
        >>> ids = Ids()
        >>> ids.of(Row({"_id": 7}, "corpus.jsonl", 1), "_id", "corpus"), ids.notes()
        ('7', {'numbers_read_as_string_ids': ['corpus._id']})
    """

    def __init__(self) -> None:
        self._columns: set[str] = set()

    def of(self, row: Row, column: str, table: str) -> str:
        """The id in a column of a row; `table` names the file or subset in the note.

        Raises:
            FormatError: It is missing, empty, or neither a string nor a whole number.
        """
        name = row.id(column)
        if not isinstance(row.fields[column], str):
            self._columns.add(f"{table}.{column}")
        return name

    def notes(self) -> dict[str, object]:
        """The note of a collection, if there were numbers."""
        return {"numbers_read_as_string_ids": sorted(self._columns)} if self._columns else {}
