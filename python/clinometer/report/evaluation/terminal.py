"""Results as text for a terminal: the verdict, groups if the results have some, one table for each scenario."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from string import ascii_uppercase
from typing import Any

from clinometer.report.base import wording
from clinometer.report.base.text import plain_table, wrapped
from clinometer.report.evaluation.groups import group_table
from clinometer.report.evaluation.tables import by_scenario, full_tables, overview, scenarios
from clinometer.report.evaluation.verdict import IN_WORDS, caveats, verdict
from clinometer.report.evaluation.view import Reading, by_lean, read_results

__all__ = ["plain_report"]


def plain_report(results: Sequence[Mapping[str, Any]], width: int = 110, *, written: bool = True) -> str:
    """The results for a terminal: the verdict, then one table for each scenario, at most `width` columns wide.

    Lines are the target languages, their mean and the mean of the pivot's queries; intervals, and the rows of single
    pools of the pivot's queries, are in the other forms of the report. The end says how many values are not shown.

    Args:
        results: Contents of one or several `results.json`.
        width: Width of the terminal in columns.
        written: Whether the results are in files; if not, the end names the option that writes them.

    Raises:
        UsageError: The results are not as `clinometer evaluate` writes them.
    """
    readings = read_results(results)
    languages = by_lean(readings)
    letters = {reading.label: _letter(number) for number, reading in enumerate(readings)}
    blocks = [
        "\n".join(wrapped(line, width) for line in _opening(readings)),
        *(wrapped(text, width) for text in verdict(readings, languages)),
    ]
    blocks += [wrapped(f"Note: {text}", width) for text in caveats(readings)]
    side_by_side = overview(readings, languages) if len(readings) > IN_WORDS else None
    if side_by_side is not None and side_by_side.tables[0].lines:
        table = side_by_side.tables[0]
        blocks.append(f"{wrapped(table.title, width)}\n{plain_table(table, width)}")
    grouped = group_table(readings, languages)
    if grouped is not None:
        blocks.append(f"{grouped.title}\n{plain_table(grouped.relabelled(letters), width)}")
    shown = 0
    for scenario in scenarios(readings):
        tables = [by_scenario(readings, languages, scenario)]
        if not tables[0].lines:
            tables = [table for table in full_tables(readings, languages) if table.name.startswith(f"all-{scenario}")]
        for table in tables:
            title = wrapped(f"{scenario}: {table.title.removeprefix(f'{scenario}: ')}", width)
            blocks.append(f"{title}\n{plain_table(table.relabelled(letters), width)}")
            shown += sum(1 for line in table.lines for cell in line.cells if cell.text != wording.DASH)
    rows = (row for reading in readings for measured in reading.places.values() for row in measured.values())
    total = sum(row["value"] is not None for row in rows)
    if total > shown:
        where = (
            "all of them are in results.json and in the other report formats"
            if written
            else "-o DIR writes all of them to results.json and reports"
        )
        blocks.append(f"{shown:,} of {total:,} values are shown; {where}.")
    return "\n\n".join(blocks)


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
