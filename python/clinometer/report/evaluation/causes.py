"""What ranks first instead of the answer: categories by language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from clinometer.analysis import CATEGORIES
from clinometer.report.base import wording
from clinometer.report.base.canvas import Mark
from clinometer.report.base.palette import DUPLICATE, NEAR_TIE, OTHER, OWN, PIVOT, TRANSLATION
from clinometer.report.base.section import Section
from clinometer.report.base.table import Cell, Column, Line, Table
from clinometer.report.evaluation.cases import SCENARIOS, category_name, worst_cases
from clinometer.report.evaluation.figures import Drawing
from clinometer.report.evaluation.stacks import draw_stacks, longest_bar
from clinometer.report.evaluation.tables import language_label
from clinometer.report.evaluation.view import Reading

__all__ = ["causes", "draw_causes"]

_COLOURS = {
    "translation": TRANSLATION,
    "duplicate": DUPLICATE,
    "near-tie": NEAR_TIE,
    "pivot": PIVOT,
    "same-language": OWN,
    "other-language": OTHER,
}
Row = Mapping[str, Any]


class _Place(NamedTuple):
    """A line: its label, rows by category if it is about a single pool, counts over its pools, and its language."""

    label: str
    rows: dict[str, Row]
    counts: dict[str, int]
    language: str


def causes(readings: Sequence[Reading], languages: Sequence[str]) -> Section | None:
    """The section; None where no result has an error analysis."""
    analysed = [(number, reading) for number, reading in enumerate(readings, start=1) if reading.analysis]
    tables = []
    for number, reading in analysed:
        for scenario in _scenarios(reading, several=len(readings) > 1):
            title = f"What ranks first ({scenario})" + (f", {reading.label}" if len(readings) > 1 else "")
            tables.append(_table(reading, languages, scenario, name=f"causes-{number}-{scenario}-table", title=title))
    if not tables:
        return None
    settings = (analysed[0][1].analysis or {}).get("settings", {})
    pivot = wording.language_name(readings[0].pivot)
    text = (
        "Every query counts once, by the document at the top of its ranking. Orange and purple parts come from the "
        f"mixing: unrelated documents in {pivot} or in a language other than the query's. Blue parts would "
        "appear in a pool of one language too. Light green is a right answer in the wrong language. For the rest, up "
        "to 100%, the answer in the query's own language comes first."
    )
    words = dict(CATEGORIES)
    if "tolerance" in settings:
        words["near-tie"] += f" (less than {settings['tolerance']:g})"
    if "overlap" in settings:
        words["duplicate"] += f" ({100 * settings['overlap']:g}% of the character trigrams)"
    heads = {column.head for table in tables for column in table.columns}
    labels = {category_name(category, pivot): text for category, text in words.items()}
    notes = tuple((label, text) for label, text in labels.items() if label in heads)
    return Section("causes", "What ranks first instead?", text, tuple(tables), worst_cases(readings, languages), notes)


def _scenarios(reading: Reading, *, several: bool) -> list[str]:
    """The scenarios that have rows; with several results only the first of them, preferably one-sided."""
    available = {row["scenario"] for row in (reading.analysis or {}).get("rows", ())}
    scenarios = [name for name in SCENARIOS if name in available]
    return scenarios[:1] if several else scenarios


def _places(reading: Reading, languages: Sequence[str], scenario: str) -> list[_Place]:
    """The lines; a category that cannot occur, such as a third language in a pool of two, has no count."""
    rows = [row for row in (reading.analysis or {}).get("rows", ()) if row["scenario"] == scenario]
    pivot = reading.pivot
    places: list[_Place] = []
    for language in [*languages, pivot]:
        language_rows = [
            row
            for row in rows
            if row["query_language"] == language and (scenario == "multilingual" or pivot in row["pool_languages"])
        ]
        if not language_rows:
            continue
        counts: dict[str, int] = {}
        for row in language_rows:
            if _can_occur(row, pivot):
                counts[row["category"]] = counts.get(row["category"], 0) + row["queries"]
        pools = {tuple(row["pool_languages"]) for row in language_rows}
        label = language_label(language, [reading])
        if language == pivot:
            label = f"{wording.language_name(pivot)} queries" + (f" ({len(pools)} pools)" if len(pools) > 1 else "")
        single = {row["category"]: row for row in language_rows} if len(pools) == 1 else {}
        places.append(_Place(label, single, counts, language))
    return places


def _can_occur(row: Row, pivot: str) -> bool:
    others = set(row["pool_languages"]) - {row["query_language"]}
    absent = {"pivot": pivot not in others, "other-language": not others - {pivot}}
    absent["translation"] = row["scenario"] == "one-sided"
    return row["queries"] > 0 or not absent.get(row["category"], False)


def _table(reading: Reading, languages: Sequence[str], scenario: str, *, name: str, title: str) -> Table:
    places = _places(reading, languages, scenario)
    used = [category for category in CATEGORIES if any(place.counts.get(category) for place in places)]
    lines = []
    for label, rows, counts, language in places:
        total = sum(counts.values())
        cells = []
        for category in used:
            row = rows.get(category)
            # Resampling a count of 0 gives 0 again, which would look more certain than it is.
            known = row is not None and row["queries"] > 0
            ends = wording.interval("Intrusion", row.get("ci_low"), row.get("ci_high")) if row and known else ""
            share = wording.value("Intrusion", counts[category] / total) if category in counts else wording.DASH
            cells.append(Cell(share, f"[{ends}]" if ends else ""))
        lines.append(Line(label, (*cells, Cell(wording.count(total))), language=language))
    pivot = wording.language_name(reading.pivot)
    columns = [*(Column(category_name(category, pivot), "%") for category in used), Column("Queries")]
    return Table(name, title, "", "Queries in", tuple(columns), tuple(lines))


def draw_causes(readings: Sequence[Reading], languages: Sequence[str]) -> list[Drawing]:
    """A figure for each table, its parts without the answers, so that the rest is visible; results on equal axes."""
    pivot = wording.language_name(readings[0].pivot)
    places_of = {
        (number, scenario): _places(reading, languages, scenario)
        for number, reading in enumerate(readings, start=1)
        for scenario in _scenarios(reading, several=len(readings) > 1)
    }
    longest = max((longest_bar(_shares(places)) for places in places_of.values()), default=0.0)
    drawings = []
    for (number, scenario), places in places_of.items():
        title = f"What ranks first instead of the answer ({scenario})"
        drawing = draw_stacks(
            [_short(place.label) for place in places],
            [Mark(category_name(category, pivot), colour, "s") for category, colour in _COLOURS.items()],
            _shares(places),
            name=f"causes-{scenario}" + (f"-{number}" if len(readings) > 1 else ""),
            title=title + (f", {readings[number - 1].label}" if len(readings) > 1 else ""),
            longest=longest if len(readings) > 1 else None,
            tips=[[_tip(place, category, pivot) for place in places] for category in _COLOURS],
            keys=[place.language for place in places],
        )
        if drawing:
            drawings.append(drawing)
    return drawings


def _shares(places: Sequence[_Place]) -> list[list[float | None]]:
    """Percentages of each category but the answer, for each line."""
    return [[100 * place.counts.get(category, 0) / sum(place.counts.values()) for place in places]
            for category in _COLOURS]  # fmt: skip


def _tip(place: _Place, category: str, pivot: str) -> str:
    """The text of a part: its share with the interval, and the number of queries."""
    count, total, row = place.counts.get(category, 0), sum(place.counts.values()), place.rows.get(category)
    ends = wording.interval("Intrusion", row.get("ci_low"), row.get("ci_high"), " to ") if row else ""
    text = f"{place.label}, {category_name(category, pivot)}: {wording.value('Intrusion', count / total)}%"
    return text + (f", interval {ends}" if ends else "") + f", {wording.count(count)} of {wording.count(total)} queries"


def _short(label: str) -> str:
    return label.partition(" (")[0] + ("†" if label.endswith("†") else "")
