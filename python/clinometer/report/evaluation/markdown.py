"""The Markdown twin of the HTML report: the same sentences and tables, no figures.

Text from a result cannot become markup: it is escaped before it is placed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from clinometer.errors import printable
from clinometer.report.base.section import Cases
from clinometer.report.base.table import Table
from clinometer.report.base.text import escape_markdown, markdown_row, markdown_table
from clinometer.report.evaluation.cases import shortened
from clinometer.report.evaluation.finding import finding
from clinometer.report.evaluation.sections import measures_explained, scenario_notes, sections, settings
from clinometer.report.evaluation.tables import full_tables
from clinometer.report.evaluation.verdict import caveats, verdict
from clinometer.report.evaluation.view import Reading, by_lean, read_results

__all__ = ["render_markdown", "report_title"]


def report_title(readings: Sequence[Reading]) -> str:
    """Encoders and collections, for the head of a report."""
    encoders = " and ".join(reading.label for reading in readings) if len(readings) < 4 else f"{len(readings)} results"
    names = list(dict.fromkeys(str(reading.collection.get("name", "a collection")) for reading in readings))
    return encoders if all(f" on {name}" in encoders for name in names) else f"{encoders} on {', '.join(names)}"


def render_markdown(results: Sequence[Mapping[str, Any]]) -> str:
    """The report as Markdown with pipe tables.

    Args:
        results: Contents of one or several `results.json`.

    Raises:
        UsageError: The results are not as `clinometer evaluate` writes them.
    """
    readings = read_results(results)
    languages = by_lean(readings)
    blocks = [f"# How far it leans: {escape_markdown(report_title(readings))}"]
    sentence, paragraphs = finding(readings, languages), verdict(readings, languages)
    blocks.append(f"**{escape_markdown(sentence)}**")
    blocks += [escape_markdown(text) for text in paragraphs if text != sentence]
    blocks += _bullets("## Keep in mind", caveats(readings))
    for section in sections(readings, languages):
        blocks += [f"## {escape_markdown(section.title)}", escape_markdown(section.text)]
        blocks += _bullets("", [f"{key}: {text}" for key, text in section.notes])
        for table in section.tables:
            blocks += _table(table, "###")
        for name, groups in section.cases_by_scenario:
            for cases in groups:
                blocks += [f"### {escape_markdown(f'{name}: {cases.title}')}", _cases(cases)]
    blocks.append("## Every row")
    blocks += _bullets("", [f"{name}: {text}" for name, text in scenario_notes()])
    for table in full_tables(readings, languages):
        blocks += _table(table, "###")
    blocks += _bullets(
        "## Measures", [f"{shown} ({name}): {text}" for name, shown, text in measures_explained(readings)]
    )
    for reading in readings:
        blocks += _settings(reading, several=len(readings) > 1)
    return "\n\n".join(block for block in blocks if block) + "\n"


def _table(table: Table, level: str) -> list[str]:
    return [f"{level} {escape_markdown(table.title)}", markdown_table(table), escape_markdown(table.note)]


def _cases(cases: Cases) -> str:
    """One line for each document of each case, the answer last; the query is in its first line."""
    lines = ["| Query | Rank | What it is | Ahead by | Document |", "|:--|--:|:--|--:|:--|"]
    for case in cases.cases:
        for number, entry in enumerate(case.entries):
            query = shortened(case.query, 120) if number == 0 else ""
            text = f"{entry.id}: {shortened(entry.text, 120)}"
            cells = (query, str(entry.rank), entry.label, entry.ahead, text)
            lines.append(markdown_row(map(escape_markdown, cells)))
    return "\n".join(lines)


def _bullets(heading: str, entries: Sequence[str]) -> list[str]:
    if not entries:
        return []
    return [heading, "\n".join(f"- {escape_markdown(entry)}" for entry in entries)]


def _settings(reading: Reading, *, several: bool) -> list[str]:
    blocks = ["## Settings" + (f": {escape_markdown(reading.label)}" if several else "")]
    for title, facts in settings(reading):
        blocks += _bullets(f"### {title}", [f"{key}: {text}" for key, text in facts])
    if command := reading.settings.get("command"):
        blocks += ["### To reproduce it", "\n".join(f"    {printable(line)}" for line in str(command).splitlines())]
    return blocks
