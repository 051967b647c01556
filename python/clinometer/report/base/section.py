"""A section of a report as plain content: words, tables, and examples with texts; renderers start from it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

from clinometer.report.base.table import Table

__all__ = ["Case", "Cases", "Entry", "Section"]


class Entry(NamedTuple):
    """A document of a ranking: its rank, what it is, its lead over the answer, its shortened text and its score."""

    rank: int | str
    kind: str
    label: str
    ahead: str
    id: str
    language: str
    text: str
    score: str = ""


class Case(NamedTuple):
    """A query that was hurt: its text, language and id, a one-sentence summary, and the documents of its ranking."""

    query: str
    language: str
    id: str
    summary: str
    entries: tuple[Entry, ...]


class Cases(NamedTuple):
    """The cases of one language's queries in one scenario (and result)."""

    scenario: str
    title: str
    cases: tuple[Case, ...]
    language: str = ""


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
        """The cases by the name of their scenario (and result)."""
        return [(name, list(group)) for name, group in groupby(self.cases, key=lambda cases: cases.scenario)]

    @property
    def cases_by_language(self) -> dict[str, list[Cases]]:
        """The cases by the language of their queries, as they come in the first scenario."""
        groups: dict[str, list[Cases]] = {}
        for cases in self.cases:
            groups.setdefault(cases.language, []).append(cases)
        return groups
