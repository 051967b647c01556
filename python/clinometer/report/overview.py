"""Several results at a glance: one line for each, the main measures averaged over the target languages."""

from __future__ import annotations

from collections.abc import Sequence

from clinometer.report import wording
from clinometer.report.grid import Line, Table
from clinometer.report.readings import Reading
from clinometer.report.section import Section
from clinometer.report.tables import Spec, cell, first_measure, heading
from clinometer.report.verdict import complete_measure, intrusion_scenario

__all__ = ["overview"]


def overview(readings: Sequence[Reading], languages: Sequence[str]) -> Section | None:
    """The section; None for a single result, which has no one beside it."""
    if len(readings) < 2 or not languages:
        return None
    pivot, scenario = wording.language_name(readings[0].pivot), intrusion_scenario(readings, languages)
    complete = complete_measure(readings)
    alone = first_measure(readings, ["mono-same"], ["nDCG@10", "nDCG@", "RR"])
    specs = [
        *([Spec(scenario, "target", "Intrusion"), Spec(scenario, "pivot", "Intrusion")] if scenario else []),
        Spec("multi", "target", "RankGap"),
        Spec("multi", "pivot", "RankGap"),
        *([Spec("multi", "target", complete)] if complete else []),
        Spec("multi", "target", "MaxRnorm"),
        *([Spec("mono-same", "target", alone)] if alone else []),
    ]
    where = languages[0] if len(languages) == 1 else None
    lines = tuple(
        Line(
            reading.label,
            tuple(cell(spec.measure, reading.row(spec.scenario, spec.side, where, spec.measure)) for spec in specs),
        )
        for reading in readings
    )
    columns = tuple(heading(spec.measure, _aside(spec, pivot)) for spec in specs)
    who = wording.language_name(where) if where else f"{len(languages)} languages, averaged"
    table = Table(
        "overview-table",
        f"Queries in {who}, unless the column says otherwise",
        "",
        "Encoder",
        columns,
        lines,
    )
    text = (
        "The pools hold "
        f"{pivot} and one other language. Whether a difference between two lines is more than chance, clinometer "
        "compare tests query by query."
    )
    return Section("overview", "Side by side", text, (table.without_empty(),))


def _aside(spec: Spec, pivot: str) -> str:
    if spec.side == "pivot":
        return f"{pivot} queries"
    return "one language" if spec.scenario == "mono-same" else ""
