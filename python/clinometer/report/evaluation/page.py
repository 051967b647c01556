"""The HTML report: one file that needs no network, with figures, tables and all settings; a script only adds to it.

The first screen is one sentence, one figure, and four numbers; the parts follow.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from clinometer.report.base import wording
from clinometer.report.base.page import fill, require_extra
from clinometer.report.base.section import Section
from clinometer.report.evaluation.causes import draw_causes
from clinometer.report.evaluation.figures import (
    Drawing,
    draw_bars,
    draw_dots,
    draw_heat,
    draw_heats,
    draw_lean,
    series_of,
)
from clinometer.report.evaluation.finding import direction, finding
from clinometer.report.evaluation.groups import draw_groups
from clinometer.report.evaluation.markdown import report_title
from clinometer.report.evaluation.preference import draw_preference
from clinometer.report.evaluation.sections import measures_explained, scenario_notes, sections, settings
from clinometer.report.evaluation.tables import first_measure, full_tables
from clinometer.report.evaluation.verdict import (
    IN_WORDS,
    caveats,
    complete_measure,
    intrusion_scenario,
    key_numbers,
    verdict,
)
from clinometer.report.evaluation.view import Reading, Side, by_lean, read_results

__all__ = ["drawings_of", "notebook_html", "render_html"]


def render_html(results: Sequence[Mapping[str, Any]]) -> str:
    """The report as one HTML page.

    Args:
        results: Contents of one or several `results.json`.

    Raises:
        UsageError: The results are not as `clinometer evaluate` writes them.
        MissingExtraError: jinja2 is not installed.
    """
    readings = read_results(results)
    require_extra()
    languages = by_lean(readings)
    parts = list(_parts(readings, languages))
    first_section, first = _first(parts)
    cases = next((section.cases_by_language for section, _ in parts if section.cases), {})
    worst = [
        (f"worst-{number}", language, wording.language_name(language), groups, sum(len(g.cases) for g in groups))
        for number, (language, groups) in enumerate(cases.items(), start=1)
    ]
    return fill(
        "evaluation.html",
        title=report_title(readings),
        pivot=wording.language_name(readings[0].pivot),
        heads=[_head(reading, len(readings) > 1) for reading in readings],
        headline=finding(readings, languages),
        direction=direction(readings),
        verdict=verdict(readings, languages),
        caveats=caveats(readings),
        first=first,
        first_section=first_section,
        numbers=_numbers(readings, languages),
        sections=[(section, [drawing for drawing in drawings if drawing is not first]) for section, drawings in parts],
        worst=worst,
        drills={language: anchor for anchor, language, *_ in worst},
        languages=[(label, wording.language_name(label)) for label in [*languages, readings[0].pivot]],
        full=full_tables(readings, languages),
        rows=sum(len(rows) for reading in readings for rows in reading.places.values()),
        scenarios=scenario_notes(),
        measures=measures_explained(readings),
        settings=[(reading.label, settings(reading), str(reading.settings.get("command", ""))) for reading in readings],
    )


def drawings_of(results: Sequence[Mapping[str, Any]]) -> list[Drawing]:
    """Every figure of the report of these results, in its order.

    Raises:
        UsageError: The results are not as `clinometer evaluate` writes them.
    """
    readings = read_results(results)
    languages = by_lean(readings)
    return [drawing for _, drawings in _parts(readings, languages) for drawing in drawings]


def notebook_html(results: Sequence[Mapping[str, Any]]) -> str:
    """The verdict in one sentence and the figure of the first screen, for the cell of a notebook.

    Raises:
        UsageError: The results are not as `clinometer evaluate` writes them.
        MissingExtraError: jinja2 is not installed.
    """
    readings = read_results(results)
    require_extra()
    languages = by_lean(readings)
    _, drawing = _first(_parts(readings, languages))
    return fill("notebook.html", sentence=finding(readings, languages), drawing=drawing)


def _parts(readings: Sequence[Reading], languages: Sequence[str]) -> Iterator[tuple[Section, list[Drawing]]]:
    """Each section with its figures, which are drawn when they are asked for."""
    return ((section, _drawings(section, readings, languages)) for section in sections(readings, languages))


def _first(parts: Iterable[tuple[Section, Sequence[Drawing]]]) -> tuple[str, Drawing | None]:
    """The first figure, and the name of its section."""
    return next(((section.name, drawing) for section, drawings in parts for drawing in drawings), ("", None))


def _numbers(readings: Sequence[Reading], languages: Sequence[str]) -> list[tuple[str, list[tuple[str, str, str]]]]:
    """What each of the numbers of the first screen says, and for each result its name, value and interval.

    The only result needs no name; many have only the table that shows them side by side.
    """
    if len(readings) > IN_WORDS:
        return []
    numbers: dict[str, list[tuple[str, str, str]]] = {}
    for reading in readings:
        for value, ends, text in key_numbers(reading, languages):
            numbers.setdefault(text, []).append((reading.label if len(readings) > 1 else "", value, ends))
    return list(numbers.items())


def _head(reading: Reading, several: bool) -> str:
    documents, queries = wording.text_counts(reading.collection)
    name = f"{reading.encoder.get('name', 'encoder')} on {reading.collection.get('name', 'a collection')}: "
    counts = f"{documents} documents, {queries} queries"
    return f"{name if several else ''}{len(reading.languages)} languages, {counts}"


def _drawings(section: Section, readings: Sequence[Reading], languages: Sequence[str]) -> list[Drawing]:
    drawings: list[Drawing | None] = []
    if section.name == "lean":
        drawings = [draw_lean(readings, languages)]
    elif section.name == "versions":
        drawings = _versions(readings, languages)
    elif section.name == "intrusion":
        scenario = intrusion_scenario(readings, languages)
        drawings = [draw_bars(readings, languages, scenario)] if scenario else []
        drawings += [draw_heat(table, name=f"{table.name}-figure") for table in section.tables[1:]]
    elif section.name == "causes":
        drawings = [*draw_causes(readings, languages)]
    elif section.name == "groups":
        drawings = [draw_groups(readings, languages)]
    elif section.name == "preference":
        drawings = [*draw_preference(readings, languages)]
    elif section.name == "mono":
        drawings = [drawing for table in section.tables for drawing in draw_heats(table, name=table.name)]
    return [drawing for drawing in drawings if drawing]


def _versions(readings: Sequence[Reading], languages: Sequence[str]) -> list[Drawing | None]:
    pivot = wording.language_name(readings[0].pivot)
    figures: list[tuple[str, str, list[Side]]] = [("", "", ["target", "pivot"])]
    if len(readings) > 1:
        figures = [("-target", ", queries in the target language", ["target"])]
        figures.append(("-pivot", f", {pivot} queries", ["pivot"]))
    drawings: list[Drawing | None] = []
    for measure in (complete_measure(readings), first_measure(readings, ["multi"], ["MaxRnorm"])):
        known = wording.measure(measure) if measure else None
        if measure is None or known is None:
            continue
        for suffix, queries, sides in figures:
            name, title = measure.lower().replace("@", "-") + suffix, known.display + queries
            shown, equal = series_of(readings, sides), series_of(readings, ["target", "pivot"])
            drawings.append(draw_dots(shown, languages, measure, name=name, title=title, equal=equal))
    return drawings
