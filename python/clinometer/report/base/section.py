"""A section of a report as plain content: words, tables, and examples with texts; renderers start from it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

from clinometer.report.base.table import Table

__all__ = ["Case", "Cases", "Entry", "Section"]


class Entry(NamedTuple):
    """A document of a ranking: its rank, what it is, by how much it is ahead of the answer, and its text, cut."""

    rank: int
    kind: str
    label: str
    ahead: str
    id: str
    language: str
    text: str


class Case(NamedTuple):
    """A query that was hurt: its text, language and id, what happened in one sentence, and the ranking's documents."""

    query: str
    language: str
    id: str
    told: str
    entries: tuple[Entry, ...]


class Cases(NamedTuple):
    """The cases of one language's queries in one scenario (and result)."""

    scenario: str
    title: str
    cases: tuple[Case, ...]


@dataclass(frozen=True)
class Section:
    """A heading, a paragraph, tables and perhaps cases; `name` also names its figures."""

    name: str
    title: str
    text: str
    tables: tuple[Table, ...]
    cases: tuple[Cases, ...] = ()
    notes: tuple[tuple[str, str], ...] = ()

    @property
    def cases_by_scenario(self) -> list[tuple[str, list[Cases]]]:
        """The cases under the name of their scenario (and result)."""
        return [(name, list(found)) for name, found in groupby(self.cases, key=lambda cases: cases.scenario)]
