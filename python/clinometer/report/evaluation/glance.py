"""One table of a result for a terminal: its languages, and as many of the main measures as fit next to each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from clinometer.report.base import wording
from clinometer.report.base.table import Cell, Line, Table
from clinometer.report.base.terminal import Terminal, with_intervals
from clinometer.report.evaluation.tables import (
    Spec,
    alone_measure,
    cell,
    heading,
    language_label,
    scenario_title,
    scenarios,
)
from clinometer.report.evaluation.verdict import complete_measure, intrusion_scenario
from clinometer.report.evaluation.view import WHOLE_POOL, Reading, Side

__all__ = ["glance"]

_FIRST, _LAST = 12, 3
"""Numbers of languages of a long table at its two ends."""

_CHOSEN = 8
"""Largest number of measures that somebody has chosen; more are all of them, of which the main ones are shown."""

_Place = tuple[str, Side, str | None]


def glance(reading: Reading, languages: Sequence[str], terminal: Terminal) -> Table | None:
    """The table, the strongest lean first; None where the results have no row of a target language or the pivot.

    Columns come in the order of what they say of a lean; those that fit keep their intervals where these fit too. Of
    many languages the middle is left out, and a line says how many these are.
    """
    places = _places(reading, languages)
    main, rest = ([s for s in specs if _has_values(reading, places, s)] for specs in _specs(reading, languages))
    if not main:
        main, rest = rest[:1], rest[1:]
    if not main:
        return None
    table = _table(reading, places, [*main, *rest])
    shown = terminal.fitting(table.take(range(len(main))))
    size = len(shown.columns)
    for i in range(size):
        candidate = with_intervals(shown, [i])
        if len(terminal.fitting(candidate).columns) < size:
            break
        shown = candidate
    if size < len(main):
        return shown
    return terminal.fitting(shown.beside(table.take(range(size, len(table.columns)))))


def _specs(reading: Reading, languages: Sequence[str]) -> tuple[list[Spec], list[Spec]]:
    """Scenario and measure of the main columns, the most telling first, and of further ones if these were chosen."""
    readings = [reading]
    intrusion, complete = intrusion_scenario(readings, languages), complete_measure(readings)
    alone = alone_measure(readings)
    main = [
        *([Spec(intrusion, "target", "Intrusion")] if intrusion else []),
        Spec("multi", "target", "RankGap"),
        *([Spec("multi", "target", complete)] if complete else []),
        *([Spec("mono-same", "target", alone)] if alone else []),
        Spec("multi", "target", "MaxRnorm"),
    ]
    names = scenarios(readings)
    every = [Spec(scenario, "target", measure) for scenario in names for measure in reading.measures(scenario)]
    main = [spec for spec in main if spec in every]
    chosen = len({spec.measure for spec in every}) <= _CHOSEN
    return main, [spec for spec in every if spec not in main] if chosen or not main else []


def _places(reading: Reading, languages: Sequence[str]) -> list[_Place]:
    """Label, side and language of each line."""
    places: list[_Place] = [(language_label(language, [reading]), "target", language) for language in languages]
    if len(languages) > 1:
        places.append(("mean", "target", None))
    pivot = f"{wording.language_name(reading.pivot)} queries"
    return [*places, (pivot, "pivot", languages[0] if len(languages) == 1 else None)]


def _cell(reading: Reading, spec: Spec, side: Side, language: str | None) -> Cell:
    if side == "pivot" and spec.scenario in WHOLE_POOL:
        language = reading.pivot
    return cell(spec.measure, reading.row(spec.scenario, side, language, spec.measure))


def _has_values(reading: Reading, places: Sequence[_Place], spec: Spec) -> bool:
    return any(_cell(reading, spec, side, language).text != wording.DASH for _, side, language in places)


def _table(reading: Reading, places: Sequence[_Place], specs: Sequence[Spec]) -> Table:
    pivot, names = wording.language_name(reading.pivot), [spec.scenario for spec in specs]
    main = "multi" if "multi" in names else names[0]
    lines = []
    for label, side, language in places:
        cells = tuple(_cell(reading, spec, side, language) for spec in specs)
        own = language if side == "target" else ""
        lines.append(Line(label, cells, mean=own is None, language=own or ""))
    columns = tuple(heading(spec.measure, "" if spec.scenario == main else spec.scenario) for spec in specs)
    aside = "; other scenarios where a column says so" if len(set(names)) > 1 else ""
    title = f"{main}: {scenario_title(main, pivot)}{aside}"
    return _shortened(Table("glance", title, "", "Queries in", columns, tuple(lines)).without_empty())


def _shortened(table: Table) -> Table:
    """The table without the middle of its languages, if they are many."""
    own = [line for line in table.lines if line.language]
    if len(own) <= _FIRST + _LAST + 1:
        return table
    rest = table.lines[len(own) :]
    left_out = Line(f"… {len(own) - _FIRST - _LAST} more", tuple(Cell("…") for _ in table.columns))
    return replace(table, lines=(*own[:_FIRST], left_out, *own[-_LAST:], *rest))
