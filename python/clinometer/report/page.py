"""The HTML report: one file that needs no network and no script, with figures, tables and everything that was set.

The template escapes all text; only the figures, which are made here, go in as markup.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module, resources
from typing import Any

from clinometer.errors import MissingExtraError
from clinometer.report import wording
from clinometer.report.causes import draw_causes
from clinometer.report.figures import Drawing, draw_bars, draw_dots, draw_heat, draw_lean, series_of
from clinometer.report.groups import draw_groups
from clinometer.report.markdown import report_title
from clinometer.report.preference import draw_preference
from clinometer.report.readings import Reading, by_lean, read_results
from clinometer.report.section import Section
from clinometer.report.sections import measures_explained, scenario_notes, sections, settings
from clinometer.report.tables import first_measure, full_tables
from clinometer.report.verdict import caveats, complete_measure, intrusion_scenario, key_numbers, verdict

__all__ = ["drawings_of", "fill", "render_html", "require_extra"]


def require_extra() -> None:
    """Make sure that HTML reports can be made, before any work.

    Raises:
        MissingExtraError: matplotlib or jinja2 is not installed.
    """
    for package in ("jinja2", "matplotlib"):
        try:
            import_module(package)
        except ImportError:
            raise MissingExtraError("the HTML report", "report") from None


def render_html(results: Sequence[Mapping[str, Any]]) -> str:
    """The report as one HTML page.

    Args:
        results: Contents of one or several `results.json`.

    Raises:
        UsageError: The results are not as `clinometer evaluate` writes them.
        MissingExtraError: matplotlib or jinja2 is not installed.
    """
    readings = read_results(results)
    require_extra()
    languages = by_lean(readings)
    found = sections(readings, languages)
    return fill(
        "template.html",
        title=report_title(readings),
        pivot=wording.language_name(readings[0].pivot),
        heads=[_head(reading, len(readings) > 1) for reading in readings],
        verdict=verdict(readings, languages),
        caveats=caveats(readings),
        numbers=key_numbers(readings[0], languages) if len(readings) == 1 else [],
        sections=[(section, _drawings(section, readings, languages)) for section in found],
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
    return [one for section in sections(readings, languages) for one in _drawings(section, readings, languages)]


def fill(template: str, **facts: Any) -> str:
    """A page from a template of this folder; all texts are escaped.

    Raises:
        MissingExtraError: matplotlib or jinja2 is not installed.
    """
    require_extra()
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    folder = resources.files("clinometer.report")
    environment = Environment(
        loader=FunctionLoader(lambda name: folder.joinpath(name).read_text(encoding="utf-8")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(**facts) + "\n"


def _head(reading: Reading, several: bool) -> str:
    documents, queries = (sum((reading.collection.get(what) or {}).values()) for what in ("documents", "queries"))
    who = (
        f"{reading.encoder.get('name', 'encoder')} on {reading.collection.get('name', 'a collection')}: "
        if several
        else ""
    )
    return (
        f"{who}{len(reading.languages)} languages, {wording.count(documents)} documents, "
        f"{wording.count(queries)} queries"
    )


def _drawings(section: Section, readings: Sequence[Reading], languages: Sequence[str]) -> list[Drawing]:
    found: list[Drawing | None] = []
    if section.name == "lean":
        found = [draw_lean(readings, languages)]
    elif section.name == "versions":
        found = _versions(readings, languages)
    elif section.name == "intrusion":
        scenario = intrusion_scenario(readings, languages)
        found = [draw_bars(readings, languages, scenario)] if scenario else []
        found += [draw_heat(table, name=f"{table.name}-figure") for table in section.tables[1:]]
    elif section.name == "causes":
        found = [*draw_causes(readings, languages)]
    elif section.name == "groups":
        found = [draw_groups(readings, languages)]
    elif section.name == "preference":
        found = [*draw_preference(readings, languages)]
    elif section.name == "mono":
        found = [draw_heat(table, name=table.name) for table in section.tables]
    return [drawing for drawing in found if drawing]


def _versions(readings: Sequence[Reading], languages: Sequence[str]) -> list[Drawing | None]:
    pivot, several = wording.language_name(readings[0].pivot), len(readings) > 1
    found: list[Drawing | None] = []
    for measure in (complete_measure(readings), first_measure(readings, ["multi"], ["MaxRnorm"])):
        known = wording.measure(measure) if measure else None
        if measure is None or known is None:
            continue
        name = measure.lower().replace("@", "-")
        if not several:
            found.append(
                draw_dots(series_of(readings, ["target", "pivot"]), languages, measure, name=name, title=known.display)
            )
            continue
        for side, words in (("target", "queries in the target language"), ("pivot", f"{pivot} queries")):
            shown = series_of(readings, ["target" if side == "target" else "pivot"])
            found.append(draw_dots(shown, languages, measure, name=f"{name}-{side}", title=f"{known.display}, {words}"))
    return found
