"""Results as text for a terminal: the finding and one table; or the whole verdict and one table for each scenario."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from string import ascii_uppercase
from typing import Any

from clinometer.report.base import wording
from clinometer.report.base.drawing import rough
from clinometer.report.base.table import Table
from clinometer.report.base.terminal import OPENING, Terminal
from clinometer.report.evaluation.finding import finding
from clinometer.report.evaluation.glance import glance
from clinometer.report.evaluation.groups import field_of, group_table
from clinometer.report.evaluation.tables import by_scenario, full_tables, overview, scenarios
from clinometer.report.evaluation.verdict import IN_WORDS, caveats, verdict
from clinometer.report.evaluation.view import Reading, by_lean, read_results

__all__ = ["plain_report"]


def plain_report(
    results: Sequence[Mapping[str, Any]], terminal: Terminal | None = None, *, verbose: bool = False
) -> str:
    """The results for a terminal: the finding in one or two sentences, one table, and the notes in short.

    Of several results, the table has a line for each.

    Args:
        results: Contents of one or several `results.json`.
        terminal: Width and colour of the terminal.
        verbose: Whether to show the whole verdict, a table for each scenario, and all notes in full. Intervals, and the
            rows of single pools of the pivot's queries, are in the other forms of the report.

    Raises:
        UsageError: The results are not as `clinometer evaluate` writes them.
    """
    terminal = terminal or Terminal()
    readings = read_results(results)
    languages = by_lean(readings)
    if not verbose:
        return _short(readings, languages, terminal)
    letters = {reading.label: _letter(number) for number, reading in enumerate(readings)}
    blocks = [
        "\n".join(terminal.text(line) for line in _opening(readings)),
        *(terminal.text(text) for text in verdict(readings, languages)),
    ]
    blocks += [terminal.text(f"Note: {text}") for text in caveats(readings, elsewhere=_ELSEWHERE)]
    many = _side_by_side(readings, languages) if len(readings) > IN_WORDS else None
    tables = [table for table in (many, group_table(readings, languages)) if table]
    blocks += [terminal.titled(table.title, table.relabelled(letters)) for table in tables]
    values = 0
    for scenario in scenarios(readings):
        tables = [by_scenario(readings, languages, scenario)]
        if not tables[0].lines:
            tables = [table for table in full_tables(readings, languages) if table.name.startswith(f"all-{scenario}")]
        for table in tables:
            title = f"{scenario}: {table.title.removeprefix(f'{scenario}: ')}"
            blocks.append(terminal.titled(title, table.relabelled(letters)))
            values += sum(1 for line in table.lines for cell in line.cells if cell.text != wording.DASH)
    if (total := _total(readings)) > values:
        blocks.append(
            terminal.text(f"{values:,} of {total:,} values are shown; the other forms of the report have all.")
        )
    return "\n\n".join(blocks)


_ELSEWHERE = "a report in HTML or Markdown gives the numbers", "only a report in HTML or Markdown shows them"


def _short(readings: Sequence[Reading], languages: Sequence[str], terminal: Terminal) -> str:
    """The finding, the one table, and notes that are cut to two lines each."""
    blocks = ["\n".join(terminal.text(line, lines=OPENING) for line in _opening(readings))]
    sentences = [finding(readings, languages)]
    if 1 < len(readings) <= IN_WORDS:
        sentences = [f"{_letter(number)}: {finding([one], languages)}" for number, one in enumerate(readings)]
    blocks += [terminal.text(text, "bold") for text in sentences]
    if len(readings) == 1:
        table = glance(readings[0], languages, terminal)
    else:
        table = _side_by_side(readings, languages)
        table = terminal.fitting(table) if table is not None else None
    if table is not None and table.lines:
        blocks.append(terminal.titled(table.title, table))
    few = rough(readings[0].settings)
    notes = [*([few] if few else []), *caveats(readings, elsewhere=_ELSEWHERE)]
    if field := field_of(readings):
        notes.append(f"The results by {field} are under --verbose.")
    lines, further = terminal.notes(notes)
    blocks.append("\n".join([*lines, terminal.text(_rest(readings, table, further), "dim")]))
    return "\n\n".join(blocks)


def _rest(readings: Sequence[Reading], table: Table | None, further: str) -> str:
    """What is not shown; `further` tells of notes."""
    cells = [] if table is None else [cell for line in table.lines for cell in line.cells]
    values, total = sum(cell.text not in (wording.DASH, "…") for cell in cells), _total(readings)
    if values >= total:
        return f"--verbose shows the whole verdict{further}."
    return f"{values:,} of {total:,} values are shown; --verbose shows more tables{further}."


def _total(readings: Sequence[Reading]) -> int:
    rows = (row for reading in readings for measured in reading.places.values() for row in measured.values())
    return sum(row["value"] is not None for row in rows)


def _side_by_side(readings: Sequence[Reading], languages: Sequence[str]) -> Table | None:
    section = overview(readings, languages)
    return section.tables[0] if section is not None and section.tables[0].lines else None


def _opening(readings: Sequence[Reading]) -> list[str]:
    lines = []
    for number, reading in enumerate(readings):
        documents, queries = wording.text_counts(reading.collection)
        letter = f"{_letter(number)}: " if len(readings) > 1 else ""
        lines.append(
            f"{letter}{reading.encoder.get('name', 'encoder')} on {reading.collection.get('name', 'a collection')}: "
            f"{documents} documents, {queries} queries, pivot "
            f"{wording.language_name(reading.pivot)}"
        )
    return lines


def _letter(number: int) -> str:
    return ascii_uppercase[number] if number < len(ascii_uppercase) else f"#{number + 1}"
