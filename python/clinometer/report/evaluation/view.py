"""Results as the report reads them: rows looked up by scenario, side (pivot or target queries), language and measure.

No two rows share a place: a result with the same row twice is refused, so no number can hide another.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from clinometer.analysis.form import check_results
from clinometer.errors import UsageError
from clinometer.report.base import wording

__all__ = ["SCENARIOS", "WHOLE_POOL", "Key", "Reading", "Row", "Side", "by_lean", "read_results"]

Side = Literal["target", "pivot"]
Row = Mapping[str, Any]
Key = tuple[str, str, tuple[str, ...]]
"""Scenario, language of the queries, languages of the pool (sorted)."""

SCENARIOS = ("multi", "one-sided", "multilingual", "mono-cross", "mono-same")
"""Scenarios in the order of a report; those with other names follow."""

WHOLE_POOL = ("mono-same", "multilingual")
"""Scenarios without a pair of languages."""

_FIELDS = ("scenario", "query_language", "pool_languages", "measure", "value")


@dataclass(frozen=True)
class Reading:
    """One result, its rows by place.

    Args:
        label: Short name, unique in the report.
        collection: Description of the collection, from `Collection.describe`.
        encoder: Record of the encoder.
        settings: Settings of the evaluation.
        places: Rows by (scenario, query language, sorted pool languages), then by measure.
        notices: Sentences about queries that settings leave out.
        by: Rows for each value of a field of the queries.
        analysis: Error analysis, with its examples where they are available.
    """

    label: str
    collection: Mapping[str, Any]
    encoder: Mapping[str, Any]
    settings: Mapping[str, Any]
    places: dict[Key, dict[str, Row]] = field(repr=False)
    notices: Sequence[str] = ()
    by: Sequence[Row] = field(default=(), repr=False)
    analysis: Mapping[str, Any] | None = field(default=None, repr=False)

    @property
    def pivot(self) -> str:
        """The language whose inclination is measured."""
        return str(self.settings.get("pivot", "en"))

    @cached_property
    def languages(self) -> list[str]:
        """Languages of the collection, then any others that the rows name."""
        in_rows = (label for _, query, pool in self.places for label in (query, *pool))
        named = (label for label in in_rows if label != "*" and not label.startswith("macro"))
        return list(dict.fromkeys([*self.collection.get("languages", []), *named]))

    @property
    def only_target(self) -> str | None:
        """The target language if there is one only, for which results have no means over languages."""
        targets = [label for label in self.languages if label != self.pivot]
        return targets[0] if len(targets) == 1 else None

    @property
    def confidence(self) -> str:
        """Confidence level, such as `95%`."""
        level = self.settings.get("confidence")
        return f"{100 * level:g}%" if isinstance(level, (int, float)) else "the"

    @cached_property
    def beyond_pivot(self) -> dict[str, set[str]]:
        """Measures with values in pairs without the pivot, by scenario: their means cover more than targets."""
        measures: dict[str, set[str]] = {}
        for (scenario, query, pool), rows in self.places.items():
            if scenario in WHOLE_POOL or query.startswith("macro") or self.pivot in (query, *pool):
                continue
            measures.setdefault(scenario, set()).update(name for name, row in rows.items() if row["value"] is not None)
        return measures

    def measures(self, scenario: str) -> list[str]:
        """Names of the measures of a scenario, in the order of the rows."""
        places = (rows for (name, _, _), rows in self.places.items() if name == scenario)
        return list(dict.fromkeys(name for rows in places for name in rows))

    def key(self, scenario: str, side: Side, language: str | None) -> Key | None:
        """The place of a side's queries: with a target language, or (None) averaged over the target languages."""
        if language is None:
            return scenario, f"macro-{side}", ("*",)
        query = language if side == "target" else self.pivot
        if scenario == "multilingual":
            return next((key for key in self.places if key[:2] == (scenario, query)), None)
        if scenario == "mono-same":
            return scenario, query, (query,)
        if scenario == "mono-cross":
            return scenario, query, (self.pivot if side == "target" else language,)
        return scenario, query, tuple(sorted((self.pivot, language)))

    def row(self, scenario: str, side: Side, language: str | None, measure: str) -> Row | None:
        """The row of that place and measure, or None; None also for a mean over more than the pairs with the pivot."""
        key = self.key(scenario, side, language)
        if key is None or (language is None and measure in self.beyond_pivot.get(scenario, ())):
            return None
        return self.places.get(key, {}).get(measure)

    def number(self, scenario: str, side: Side, language: str | None, measure: str) -> float | None:
        """The row's value, or None where there is no row or no value."""
        row = self.row(scenario, side, language, measure)
        return None if row is None else row["value"]

    def not_made_for(self) -> list[str]:
        """Languages of the result that the encoder does not claim; empty if it says nothing."""
        made_for = self.encoder.get("languages")
        if not made_for:
            return []
        known = {str(label) for label in made_for}
        known |= {label.split("-")[0] for label in known}
        return [label for label in self.languages if label not in known and label.split("-")[0] not in known]


def read_results(results: Sequence[Mapping[str, Any]]) -> list[Reading]:
    """Check the results and give each a unique label.

    Raises:
        UsageError: No results, several pivots, or a result with a row twice or not in the format of `results.json`.
    """
    if isinstance(results, Mapping):
        raise UsageError("a report takes a list of results; wrap the single result in a list")
    if not results:
        raise UsageError("a report needs at least one result; pass a results.json written by clinometer evaluate")
    places = [_places(result, number) for number, result in enumerate(results, start=1)]
    readings = [
        Reading(
            label,
            result["collection"],
            result["encoder"],
            result["settings"],
            rows,
            result.get("notices") or (),
            result.get("by") or (),
            result.get("analysis"),
        )
        for label, result, rows in zip(_labels(results), results, places, strict=True)
    ]
    pivots = list(dict.fromkeys(reading.pivot for reading in readings))
    if len(pivots) > 1:
        raise UsageError(f"the results have different pivots ({', '.join(pivots)}); report each pivot separately")
    return readings


def _places(result: Mapping[str, Any], number: int) -> dict[Key, dict[str, Row]]:
    fix = "pass a results.json written by clinometer evaluate"
    for part in ("collection", "encoder", "settings", "rows"):
        if not isinstance(result, Mapping) or part not in result:
            raise UsageError(f"result {number} has no {part!r}; {fix}")
    for position, row in enumerate(result["rows"] if isinstance(result["rows"], Sequence) else (), start=1):
        missing = [name for name in _FIELDS if not isinstance(row, Mapping) or name not in row]
        if missing:
            raise UsageError(f"result {number}, row {position} has no {', '.join(missing)}; evaluate again")
    try:
        check_results(result)
    except UsageError as error:
        raise UsageError(f"result {number} cannot be reported ({error}); {fix}") from None
    places: dict[Key, dict[str, Row]] = {}
    for position, row in enumerate(result["rows"], start=1):
        key = (row["scenario"], row["query_language"], tuple(sorted(row["pool_languages"])))
        known = wording.measure(row["measure"])
        name = str(known) if known is not None else row["measure"]
        if name in places.setdefault(key, {}):
            place = f"{key[0]}, {key[1]} queries, pool {'+'.join(key[2])}"
            raise UsageError(f"result {number}, row {position}: a second row for {name} in {place}; remove one")
        places[key][name] = row
    return places


def _labels(results: Sequence[Mapping[str, Any]]) -> list[str]:
    """Names of the encoders, shortened while they stay distinct; with collection or number where names repeat."""
    names = [str(result["encoder"].get("name", "encoder")) for result in results]
    short = [name.rstrip("/").rsplit("/", 1)[-1] or name for name in names]
    if len(set(short)) == len(set(names)):
        names = short
    if len(set(names)) < len(names):
        sources = [str(result["collection"].get("name", "collection")) for result in results]
        if len(set(sources)) > 1:
            names = [f"{name} on {source}" for name, source in zip(names, sources, strict=True)]
    counts, seen = Counter(names), Counter[str]()
    labels = []
    for name in names:
        seen[name] += 1
        labels.append(f"{name} #{seen[name]}" if counts[name] > 1 else name)
    return labels


def by_lean(readings: Sequence[Reading]) -> list[str]:
    """The target languages, strongest lean to the pivot first: the order of every table and figure.

    The lean is the rank gap of target-language queries, else their intrusion, averaged over the results; languages
    without a value come last, in the collection's order.
    """
    pivot = readings[0].pivot
    labels = dict.fromkeys(label for reading in readings for label in reading.languages)
    targets = [label for label in labels if label != pivot]
    for scenario, measure in (("multi", "RankGap"), ("one-sided", "Intrusion"), ("multi", "Intrusion")):
        lean: dict[str, float] = {}
        for label in targets:
            numbers = [reading.number(scenario, "target", label, measure) for reading in readings]
            known = [number for number in numbers if number is not None]
            if known:
                lean[label] = sum(known) / len(known)
        if lean:
            return sorted(targets, key=lambda label: -lean.get(label, float("-inf")))
    return targets
