"""The leaderboard: results of many encoders as one static page, as JSON, and as text for a terminal.

The page needs no network and no scripts; with scripts its tables can be sorted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from clinometer.report.base import wording
from clinometer.report.base.page import fill
from clinometer.report.base.table import Table
from clinometer.report.base.terminal import Terminal
from clinometer.report.evaluation.sections import measures_explained, scenario_notes
from clinometer.report.leaderboard.boards import Board, Contribution, boards
from clinometer.report.leaderboard.provenance import commands_of, facts_of
from clinometer.report.leaderboard.tables import change_table, ordered, value_table

__all__ = ["GENERATOR", "Contribution", "leaderboard_json", "plain_leaderboard", "render_leaderboard"]

GENERATOR = "clinometer leaderboard"
"""What a page is recognised by."""


def render_leaderboard(contributions: Sequence[Contribution]) -> str:
    """The page, HTML.

    Args:
        contributions: The results; their order does not change the page.

    Raises:
        MissingExtraError: jinja2 is not installed.
    """
    parts = boards(contributions)
    anchors = _anchors(parts)
    names = dict.fromkeys(board.title for board in parts)
    return fill(
        "leaderboard.html",
        generator=GENERATOR,
        title=", ".join(names) or "no results",
        about=_about(parts),
        caveats=_caveats(parts),
        boards=[
            {"id": name, "title": board.title, "text": _text(board), "tables": _tables(board, name, anchors)}
            for name, board in _named(parts)
        ],
        measures=measures_explained([board.reading for board in parts]),
        scenarios=scenario_notes(),
        origins=[
            {
                "id": anchors[board.title, entry.encoder, entry.remedy],
                "title": f"{board.title} · {entry.encoder} · {entry.remedy}",
                "runs": [(_run_title(run), facts_of(run), commands_of(run)) for run in entry.runs],
            }
            for board in parts
            for entry in ordered(board)
        ],
    )  # fmt: skip


def plain_leaderboard(contributions: Sequence[Contribution], terminal: Terminal | None = None) -> str:
    """The tables as text."""
    terminal = terminal or Terminal()
    tables = []
    for name, board in _named(boards(contributions)):
        tables += [table for table, _ in _tables(board, name, {})]
    return "\n\n".join(f"{table.title}\n\n{terminal.table(table)}" for table in tables)


def leaderboard_json(contributions: Sequence[Contribution]) -> list[dict[str, Any]]:
    """Every value of the tables, unrounded, for other programs: one dictionary per board."""
    return [
        {
            "collection": board.title,
            "tables": [
                {
                    "title": table.title,
                    "columns": [f"{column.head} {column.unit}".strip() for column in table.columns],
                    "lines": [
                        {
                            "encoder": line.label,
                            "cells": [
                                {"text": cell.text, "aside": cell.aside, "number": cell.number} for cell in line.cells
                            ],
                        }
                        for line in table.lines
                    ],
                }
                for table, _ in _tables(board, name, {})
            ],
        }
        for name, board in _named(boards(contributions))
    ]


def _anchors(parts: Sequence[Board]) -> dict[tuple[str, str, str], str]:
    entries = [(board.title, entry.encoder, entry.remedy) for board in parts for entry in ordered(board)]
    return {key: f"origin-{number}" for number, key in enumerate(entries, 1)}


def _named(parts: Sequence[Board]) -> list[tuple[str, Board]]:
    return [(f"board-{number}", board) for number, board in enumerate(parts, 1)]


def _tables(board: Board, name: str, anchors: dict[tuple[str, str, str], str]) -> list[tuple[Table, list[str]]]:
    tables = [value_table(board, "target", name=f"{name}-target"), change_table(board, name=f"{name}-changes")]
    pivot = value_table(board, "pivot", name=f"{name}-pivot")
    if len(pivot.columns) > 1:
        tables.append(pivot)
    return [
        (table, [anchors.get((board.title, line.label, line.cells[0].text), "") for line in table.lines])
        for table in tables
        if table is not None
    ]


def _about(parts: Sequence[Board]) -> list[str]:
    entries = [entry for board in parts for entry in board.entries]
    encoders = {entry.encoder for entry in entries}
    remedies = {entry.remedy for entry in entries}
    counts = (
        f"{_plural(len(encoders), 'encoder')}, {_plural(len(parts), 'collection')}, "
        f"{_plural(len(remedies), 'remedy', 'remedies')} (none is the encoder as it is), "
        f"{_plural(sum(len(entry.runs) for entry in entries), 'result')}"
    )
    studies = sorted({" by ".join(filter(None, (run.study, run.by))) for entry in entries for run in entry.runs} - {""})
    return [counts, *([f"Studies: {', '.join(studies)}"] if studies else [])]


def _text(board: Board) -> str:
    reading = board.reading
    documents, queries = wording.text_counts(reading.collection)
    names = ", ".join(wording.language_name(label) for label in reading.languages)
    return f"{documents} documents and {queries} queries in {names}. Pivot: {wording.language_name(reading.pivot)}."


def _caveats(parts: Sequence[Board]) -> list[str]:
    entries = [entry for board in parts for entry in board.entries]
    caveats = []
    if repeated := sum(entry.repeated for entry in entries):
        caveats.append(f"{_plural(repeated, 'result')} had the numbers of another one and counted once.")
    if any(len(entry.runs) > 1 for entry in entries):
        caveats.append(
            "Where an entry has several runs (seeds, or machines), its value is their mean, and its interval the "
            "widest of theirs."
        )
    machines = {_machine(run) for entry in entries for run in entry.runs if run.cost_of("documents")}
    if len(machines) > 1:
        caveats.append("Times are of different machines; compare them with care.")
    elif machines:
        caveats.append(f"Times are of encoding in batches, without loading the model, on {next(iter(machines))}.")
    levels = {entry.runs[0].reading.confidence for entry in entries}
    if len(levels) > 1:
        caveats.append(f"Intervals are of different levels: {', '.join(sorted(levels))}.")
    versions = {str(run.content["settings"].get("version")) for entry in entries for run in entry.runs}
    if len(versions) > 1:
        caveats.append(f"Results are of different versions of clinometer: {', '.join(sorted(versions))}.")
    return caveats


def _machine(run: Contribution) -> str:
    machine = (run.cell or {}).get("machine") or {}
    device = f", {machine['device']}" if machine.get("device") else ""
    return f"{machine.get('processor') or 'an unknown processor'} ({machine.get('cores')} cores{device})"


def _run_title(run: Contribution) -> str:
    seed = None if run.cell is None else run.cell.get("seed")
    return f"Seed {seed}" if seed is not None else "A run"


def _plural(number: int, noun: str, several: str = "") -> str:
    return f"{number} {noun if number == 1 else several or noun + 's'}"
