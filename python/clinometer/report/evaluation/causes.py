"""What ranks first instead of the answer: categories by language, and the worst queries with their texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from clinometer.analysis import CATEGORIES
from clinometer.report.base import wording
from clinometer.report.base.canvas import Mark
from clinometer.report.base.section import Case, Cases, Entry, Section
from clinometer.report.base.table import Cell, Column, Line, Table
from clinometer.report.evaluation.figures import Drawing
from clinometer.report.evaluation.stacks import draw_stacks
from clinometer.report.evaluation.tables import language_label
from clinometer.report.evaluation.view import Reading

__all__ = ["causes", "draw_causes", "shortened"]

_SCENARIOS = ("one-sided", "multi", "multilingual")
_COLOURS = {
    "translation": "#7fb2d6",
    "duplicate": "#8a6d00",
    "near-tie": "#5b6875",
    "pivot": "#c2500a",
    "same-language": "#0b5a94",
    "other-language": "#a6427e",
}
_SHOWN = 280
Row = Mapping[str, Any]
_Place = tuple[str, dict[str, Row], dict[str, int]]


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
        f"mixing: unrelated documents in {pivot} or in a language other than the query's. Dark blue parts would "
        "appear in a pool of one language too. Light blue is a right answer in the wrong language. For the rest, up to "
        "100%, the answer in the query's own language comes first."
    )
    words = dict(CATEGORIES)
    if "tolerance" in settings:
        words["near-tie"] += f" (less than {settings['tolerance']:g})"
    if "overlap" in settings:
        words["duplicate"] += f" ({100 * settings['overlap']:g}% of the character trigrams)"
    heads = {column.head for table in tables for column in table.columns}
    labels = {_label(category, pivot): text for category, text in words.items()}
    notes = tuple((label, text) for label, text in labels.items() if label in heads)
    return Section(
        "causes", "What ranks first instead?", text, tuple(tables), _cases(analysed, languages, readings), notes
    )


def _scenarios(reading: Reading, *, several: bool) -> list[str]:
    """The scenarios that have rows; with several results only the first of them, preferably one-sided."""
    available = {row["scenario"] for row in (reading.analysis or {}).get("rows", ())}
    scenarios = [name for name in _SCENARIOS if name in available]
    return scenarios[:1] if several else scenarios


def _label(category: str, pivot: str) -> str:
    return {
        "answer": "the answer",
        "translation": "answer in another language",
        "duplicate": "duplicate of an answer",
        "near-tie": "near-tie",
        "pivot": f"unrelated {pivot}",
        "same-language": "unrelated, query's language",
        "other-language": "unrelated, other language",
    }.get(category, category)


def _places(reading: Reading, languages: Sequence[str], scenario: str) -> list[_Place]:
    """For each line: its label, rows by category if it is about a single pool, and counts by category over its pools.

    A category that cannot occur, such as a third language in a pool of two, has no count.
    """
    rows = [row for row in (reading.analysis or {}).get("rows", ()) if row["scenario"] == scenario]
    pivot = reading.pivot
    places = []
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
        places.append((label, {row["category"]: row for row in language_rows} if len(pools) == 1 else {}, counts))
    return places


def _can_occur(row: Row, pivot: str) -> bool:
    others = set(row["pool_languages"]) - {row["query_language"]}
    absent = {"pivot": pivot not in others, "other-language": not others - {pivot}}
    absent["translation"] = row["scenario"] == "one-sided"
    return row["queries"] > 0 or not absent.get(row["category"], False)


def _table(reading: Reading, languages: Sequence[str], scenario: str, *, name: str, title: str) -> Table:
    places = _places(reading, languages, scenario)
    used = [category for category in CATEGORIES if any(counts.get(category) for _, _, counts in places)]
    lines = []
    for label, rows, counts in places:
        total = sum(counts.values())
        cells = []
        for category in used:
            row = rows.get(category)
            # Resampling a count of 0 gives 0 again, which would look more certain than it is.
            known = row is not None and row["queries"] > 0
            ends = wording.interval("Intrusion", row.get("ci_low"), row.get("ci_high")) if row and known else ""
            share = wording.value("Intrusion", counts[category] / total) if category in counts else wording.DASH
            cells.append(Cell(share, f"[{ends}]" if ends else ""))
        lines.append(Line(label, (*cells, Cell(wording.count(total)))))
    pivot = wording.language_name(reading.pivot)
    columns = [*(Column(_label(category, pivot), "%") for category in used), Column("Queries")]
    return Table(name, title, "", "Queries in", tuple(columns), tuple(lines))


def draw_causes(readings: Sequence[Reading], languages: Sequence[str]) -> list[Drawing]:
    """A figure for each table: its parts without the answers, so that the rest is visible."""
    drawings = []
    pivot = wording.language_name(readings[0].pivot)
    for number, reading in enumerate(readings, start=1):
        for scenario in _scenarios(reading, several=len(readings) > 1):
            places = _places(reading, languages, scenario)
            totals = [sum(counts.values()) for _, _, counts in places]
            columns: list[list[float | None]] = [
                [100 * counts.get(category, 0) / total for (_, _, counts), total in zip(places, totals, strict=True)]
                for category in _COLOURS
            ]
            title = f"What ranks first instead of the answer ({scenario})"
            drawing = draw_stacks(
                [_short(label) for label, _, _ in places],
                [Mark(_label(category, pivot), colour, "s") for category, colour in _COLOURS.items()],
                columns,
                name=f"causes-{scenario}" + (f"-{number}" if len(readings) > 1 else ""),
                title=title + (f", {reading.label}" if len(readings) > 1 else ""),
                whole=False,
            )
            if drawing:
                drawings.append(drawing)
    return drawings


def _short(label: str) -> str:
    return label.partition(" (")[0] + ("†" if label.endswith("†") else "")


def _cases(
    analysed: Sequence[tuple[int, Reading]], languages: Sequence[str], readings: Sequence[Reading]
) -> tuple[Cases, ...]:
    cases_by_language = []
    for _, reading in analysed:
        examples = (reading.analysis or {}).get("examples", ())
        for scenario in _SCENARIOS:
            for language in [*languages, reading.pivot]:
                worst = [e for e in examples if (e["scenario"], e["query_language"]) == (scenario, language)]
                if worst:
                    prefix = f"{reading.label}: " if len(readings) > 1 else ""
                    name = wording.language_name(language)
                    number = "the one hurt most" if len(worst) == 1 else f"the {len(worst)} hurt most"
                    cases = tuple(_case(example, reading) for example in worst)
                    cases_by_language.append(Cases(f"{prefix}{scenario}", f"{name} queries: {number}", cases))
    return tuple(cases_by_language)


def _case(example: Mapping[str, Any], reading: Reading) -> Case:
    pivot = wording.language_name(reading.pivot)
    above = example["above"]
    intruders = " and ".join(f"{wording.count(n)} in {wording.language_name(label)}" for label, n in above.items())
    pool = " and ".join(wording.language_name(label) for label in example["pool_languages"][:2])
    if len(example["pool_languages"]) > 2:
        pool = f"{len(example['pool_languages'])} languages"
    summary = (
        f"In the pool of {pool}, the {wording.language_name(example['query_language'])} answer "
        + (f"has rank {wording.count(example['rank'])}. " if example["rank"] else "was not retrieved. ")
        + f"Unrelated documents above it: {intruders}."
    )
    entries = [
        Entry(
            document["rank"], document["category"], _label(document["category"], pivot),
            "" if document["margin"] is None else f"+{document['margin']:.3g}", str(document["id"]),
            document["language"], shortened(document["text"]),
        )
        for document in example["first"]
    ]  # fmt: skip
    answer = example["answer"]
    entries.append(
        Entry(example["rank"] or "–", "answer", "the answer", "", str(answer["id"]), answer["language"],
              shortened(answer["text"]))
    )  # fmt: skip
    return Case(
        shortened(example["query"]), example["query_language"], str(example["query_id"]), summary, tuple(entries)
    )


def shortened(text: str, length: int = _SHOWN) -> str:
    """A text on one line, cut between words where possible, with an ellipsis.

    Example:
        >>> shortened("one two three", 9), shortened("one two", 9)
        ('one two…', 'one two')
    """
    line = " ".join(text.split())
    if len(line) <= length:
        return line
    start = line[: length - 1]
    whole_words = start.rpartition(" ")[0]
    return (whole_words if len(whole_words) > length // 2 else start).rstrip(" ,.;:") + "…"
