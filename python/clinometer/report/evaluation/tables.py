"""Tables from results: chosen measures by language, query language by pool language, every row.

Several results are side by side, one column each under the same heading. `full_tables` shows each row of the input
exactly once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from clinometer.report.base import wording
from clinometer.report.base.section import Section
from clinometer.report.base.table import Cell, Column, Line, Table
from clinometer.report.evaluation.verdict import complete_measure, intrusion_scenario
from clinometer.report.evaluation.view import SCENARIOS, WHOLE_POOL, Key, Reading, Row, Side

__all__ = [
    "Spec",
    "alone_measure",
    "by_language",
    "by_scenario",
    "first_measure",
    "full_tables",
    "heading",
    "language_label",
    "matrix",
    "overview",
    "scenario_title",
    "scenarios",
    "side_by_side",
]


class Spec(NamedTuple):
    """What a column of `by_language` shows; `aside` follows the measure's name in the heading."""

    scenario: str
    side: Side
    measure: str
    aside: str = ""


def heading(name: str, aside: str = "") -> Column:
    """A measure's heading: its display name, an arrow in the better direction, its unit.

    Example:
        >>> heading("Intrusion")[:2], heading("RankGap", "English queries")[:2]
        (('Intrusion ↓', '%'), ('Rank gap, English queries', 'log2 ranks'))
    """
    known = wording.measure(name)
    arrow = wording.ARROWS[known.higher_is_better] if known else ""
    return Column(wording.display(name) + (f", {aside}" if aside else "") + arrow, wording.scale(name).unit)


def language_label(label: str, readings: Sequence[Reading]) -> str:
    """`German (de)`, with a dagger if one of the encoders was not made for the language."""
    name = wording.language_name(label)
    dagger = "†" if any(label in reading.not_made_for() for reading in readings) else ""
    return f"{name}{dagger}" if name == label else f"{name} ({label}){dagger}"


def first_measure(readings: Sequence[Reading], scenarios: Iterable[str], patterns: Sequence[str]) -> str | None:
    """The first of several measures that one of the scenarios has; the pattern `Name@` means its lowest cutoff."""
    names = [name for reading in readings for scenario in scenarios for name in reading.measures(scenario)]
    for pattern in patterns:
        matches = [name for name in names if name == pattern or (pattern.endswith("@") and name.startswith(pattern))]
        if matches:
            return min(matches, key=lambda name: int(name.rpartition("@")[2]) if pattern.endswith("@") else 0)
    return None


def alone_measure(readings: Sequence[Reading]) -> str | None:
    """The measure that stands for search in pools of one language, in a table of several scenarios."""
    return first_measure(readings, ["mono-same"], ["nDCG@10", "nDCG@", "RR"])


def cell(name: str, row: Row | None) -> Cell:
    """A row's value with its interval; a dash without a row or a value."""
    if row is None:
        return Cell(wording.DASH)
    ends = wording.interval(name, row.get("ci_low"), row.get("ci_high"))
    return Cell(wording.value(name, row["value"]), f"[{ends}]" if ends else "", tip=wording.told(name, row))


def side_by_side(heads: Iterable[Column], readings: Sequence[Reading]) -> tuple[Column, ...]:
    """Each heading once for each result, with the result's label if there are several."""
    several = len(readings) > 1
    return tuple(head._replace(encoder=reading.label if several else "") for head in heads for reading in readings)


def by_language(
    readings: Sequence[Reading],
    languages: Sequence[str],
    specs: Sequence[Spec],
    *,
    name: str,
    title: str,
    note: str = "",
) -> Table:
    """One line for each target language, one column for each spec (and result), the mean over the languages last.

    Columns and lines without any value are left out.
    """
    lines = []
    for language in [*languages, *([None] if len(languages) > 1 else [])]:
        cells = tuple(
            cell(spec.measure, reading.row(spec.scenario, spec.side, language, spec.measure))
            for spec in specs
            for reading in readings
        )
        label = "mean" if language is None else language_label(language, readings)
        lines.append(Line(label, cells, mean=language is None, language=language or ""))
    columns = side_by_side((heading(spec.measure, spec.aside) for spec in specs), readings)
    return Table(name, title, note, "Language", columns, tuple(lines)).without_empty()


def by_scenario(
    readings: Sequence[Reading], languages: Sequence[str], scenario: str, chosen: Sequence[str] | None = None
) -> Table:
    """Measures of a scenario: target-language queries line by line, their mean, the mean of the pivot's queries.

    `chosen` names the measures; all by default.
    """
    measures = chosen or list(dict.fromkeys(name for reading in readings for name in reading.measures(scenario)))
    places: list[tuple[str, Side, str | None]] = [
        (language_label(language, readings), "target", language) for language in languages
    ]
    pivot, several = wording.language_name(readings[0].pivot), len(languages) > 1
    if several:
        places.append(("mean", "target", None))
    if several and scenario not in WHOLE_POOL:
        places.append((f"{pivot} queries, mean", "pivot", None))
    elif languages:
        places.append((f"{pivot} queries", "pivot", languages[0]))
    lines = [
        Line(
            label,
            tuple(cell(name, reading.row(scenario, side, language, name)) for name in measures for reading in readings),
            mean=language is None,
            language=(language if side == "target" else None) or "",
        )
        for label, side, language in places
    ]
    columns = side_by_side(map(heading, measures), readings)
    return Table(scenario, scenario_title(scenario, pivot), "", "Queries in", columns, tuple(lines)).without_empty()


def scenario_title(scenario: str, pivot: str) -> str:
    """What the pools of a scenario hold, for queries in a target language; empty for an unknown scenario."""
    return _TITLES.get((scenario, "target"), _TITLES.get((scenario, ""), "")).format(pivot=pivot)


def matrix(
    reading: Reading, languages: Sequence[str], measure: str, *, name: str, title: str, pairs: str | None = None
) -> Table:
    """Query languages down, pool languages across; the diagonal is `mono-same`, the rest `mono-cross`.

    With `pairs`, the name of a scenario, the other language of each pair is across, and the diagonal is empty.
    """

    def key(query: str, other: str) -> Key:
        if pairs is not None:
            return pairs, query, tuple(sorted((query, other)))
        return "mono-same" if query == other else "mono-cross", query, (other,)

    lines = []
    for query in languages:
        rows = (reading.places.get(key(query, other), {}).get(measure) for other in languages)
        cells = tuple(cell(measure, row) for row in rows)
        lines.append(Line(language_label(query, [reading]), cells, language=query))
    unit = "" if pairs is None else wording.scale(measure).unit
    columns = tuple(Column(wording.language_name(label), unit, language=label) for label in languages)
    return Table(name, title, "", "Queries in", columns, tuple(lines)).without_empty()


def full_tables(readings: Sequence[Reading], languages: Sequence[str]) -> list[Table]:
    """Every row of every result: by scenario and side, settings as lines, measures as columns.

    Queries, documents and ties of a setting come at the end of its line; a measure that is defined for fewer queries
    has their number next to its value.
    """
    tables = []
    for scenario in scenarios(readings):
        keys = dict.fromkeys(key for reading in readings for key in reading.places if key[0] == scenario)
        groups: dict[str, list[Key]] = {}
        for key in sorted(keys, key=lambda key: _order(key, readings[0].pivot, languages)):
            groups.setdefault(_group(key, readings[0].pivot), []).append(key)
        order = sorted(groups, key=["", "target", "pivot", "other"].index)
        tables += [_full_table(readings, scenario, group, groups[group]) for group in order]
    return tables


def scenarios(readings: Sequence[Reading]) -> list[str]:
    """Scenarios of the results, in the order of a report."""
    names = dict.fromkeys(key[0] for reading in readings for key in reading.places)
    return [*(name for name in SCENARIOS if name in names), *(name for name in names if name not in SCENARIOS)]


def _group(key: Key, pivot: str) -> str:
    scenario, query, pool = key
    if scenario in WHOLE_POOL:
        return ""
    if query.startswith("macro"):
        return "pivot" if query == "macro-pivot" else "target"
    if query == pivot:
        return "pivot"
    expected = (pivot,) if scenario == "mono-cross" else tuple(sorted((pivot, query)))
    return "target" if pool == expected else "other"


def _order(key: Key, pivot: str, languages: Sequence[str]) -> tuple[bool, tuple[int, ...], Key]:
    """The pivot, then the target languages in the report's order, then means; the key itself decides the rest."""
    _, query, pool = key
    place = {label: number for number, label in enumerate([pivot, *languages])}
    last = len(place)
    others = sorted(place.get(label, last) for label in pool if label != query)
    return query.startswith("macro"), (place.get(query, last), *others), key


def _full_table(readings: Sequence[Reading], scenario: str, group: str, keys: Sequence[Key]) -> Table:
    pivot = wording.language_name(readings[0].pivot)
    measures = list(dict.fromkeys(name for key in keys for reading in readings for name in reading.places.get(key, {})))
    lines = []
    for key in keys:
        rows_by_reading = [reading.places.get(key, {}) for reading in readings]
        queries = [_most(rows, "queries") for rows in rows_by_reading]
        cells = [
            _counted(name, rows.get(name), number)
            for name in measures
            for rows, number in zip(rows_by_reading, queries, strict=True)
        ]
        cells += [Cell(wording.count(number)) for number in queries]
        cells += [Cell(wording.count(_most(rows, name))) for name in ("documents", "ties") for rows in rows_by_reading]
        mean = key[1].startswith("macro")
        language = "" if mean else _language(key, readings[0].pivot)
        lines.append(Line(_line_label(key, group, pivot, readings), tuple(cells), mean, language))
    heads = [*map(heading, measures), *map(Column, ("Queries", "Documents", "Ties"))]
    title = f"{scenario}: {_TITLES.get((scenario, group), _GROUPS[group])}".format(pivot=pivot)
    name = f"all-{scenario}-{group}".rstrip("-")
    corner = "Pool with" if group == "pivot" else "Queries in"
    return Table(name, title, "", corner, side_by_side(heads, readings), tuple(lines))


_TITLES = {
    ("multi", "target"): "target-language queries; {pivot} and the query's language in the pool, both hold the answer",
    ("multi", "pivot"): "{pivot} queries; {pivot} and one more language in the pool, both hold the answer",
    ("one-sided", "target"): "target-language queries; the same pools, the answer only in the query's language",
    ("one-sided", "pivot"): "{pivot} queries; the same pools, the answer only in {pivot}",
    ("mono-cross", "target"): "target-language queries, {pivot} documents",
    ("mono-cross", "pivot"): "{pivot} queries, documents in one target language",
    ("mono-same", ""): "queries and documents in the same language",
    ("multilingual", ""): "all languages in one pool",
}
_GROUPS = {"": "all", "target": "target-language queries", "pivot": "{pivot} queries", "other": "pairs without {pivot}"}


def _line_label(key: Key, group: str, pivot: str, readings: Sequence[Reading]) -> str:
    scenario, query, pool = key
    if query.startswith("macro"):
        means = {
            "macro": "mean of all query languages",
            "macro-target": "mean of target languages",
            "macro-pivot": f"mean over the pools, {pivot} queries",
        }
        return means.get(query, query) + ("" if pool == ("*",) else f" ({'+'.join(pool)})")
    if scenario in WHOLE_POOL or group == "target":
        return language_label(query, readings)
    others = [label for label in pool if label != query] or list(pool)
    if group == "pivot":
        return " + ".join(language_label(label, readings) for label in others)
    return f"{language_label(query, readings)}, pool {'+'.join(pool)}"


def _language(key: Key, pivot: str) -> str:
    """The language that a line is about: that of its queries, or of the pool's other documents."""
    scenario, query, pool = key
    others = [label for label in pool if label != pivot]
    return others[0] if query == pivot and scenario not in WHOLE_POOL and len(others) == 1 else query


def _most(rows: Mapping[str, Row], name: str) -> float | None:
    """The largest count of a setting's rows: the number of its queries, where a measure is defined for all."""
    return max((row[name] for row in rows.values() if row.get(name) is not None), default=None)


def _counted(name: str, row: Row | None, queries: float | None) -> Cell:
    """A row's cell, with the number of its queries if that is not the setting's."""
    plain = cell(name, row)
    if row is None or row["value"] is None or row.get("queries") in (None, queries):
        return plain
    return plain._replace(aside=f"{plain.aside} n = {wording.count(row['queries'])}".strip())


def overview(readings: Sequence[Reading], languages: Sequence[str]) -> Section | None:
    """The section; None for a single result, which has nothing to compare with."""
    if len(readings) < 2 or not languages:
        return None
    pivot, scenario = wording.language_name(readings[0].pivot), intrusion_scenario(readings, languages)
    complete = complete_measure(readings)
    alone = alone_measure(readings)
    specs = [
        *([Spec(scenario, "target", "Intrusion"), Spec(scenario, "pivot", "Intrusion")] if scenario else []),
        Spec("multi", "target", "RankGap"),
        Spec("multi", "pivot", "RankGap"),
        *([Spec("multi", "target", complete)] if complete else []),
        Spec("multi", "target", "MaxRnorm"),
        *([Spec("mono-same", "target", alone)] if alone else []),
    ]
    language = languages[0] if len(languages) == 1 else None
    lines = tuple(
        Line(
            reading.label,
            tuple(cell(spec.measure, reading.row(spec.scenario, spec.side, language, spec.measure)) for spec in specs),
        )
        for reading in readings
    )
    columns = tuple(heading(spec.measure, _aside(spec, pivot)) for spec in specs)
    average = wording.language_name(language) if language else f"{len(languages)} languages, averaged"
    table = Table(
        "overview-table", f"Queries in {average}, unless the column says otherwise", "", "Encoder", columns, lines
    )
    text = (
        f"The pools hold {pivot} and one other language. Run clinometer compare to test, query by query, whether a "
        "difference between two rows is more than chance."
    )
    return Section("overview", "Side by side", text, (table.without_empty(),))


def _aside(spec: Spec, pivot: str) -> str:
    if spec.side == "pivot":
        return f"{pivot} queries"
    return "one language" if spec.scenario == "mono-same" else ""
