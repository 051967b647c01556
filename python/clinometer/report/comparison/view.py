"""A comparison as its report reads it: the rows of one encoder after, looked up by scenario, measure and place.

Also the text of a change: differences with their sign, intervals of differences, p-values.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

from clinometer.report.base import wording

__all__ = [
    "HEADLINES",
    "Compared",
    "View",
    "difference",
    "difference_interval",
    "listed",
    "points",
    "probability",
    "views_of",
]

Row = Mapping[str, Any]
_MEANS = ("macro", "macro-target", "macro-pivot")

HEADLINES = {
    "multi": ("Complete@10", "nDCG@1", "MaxRnorm", "RankGap", "LanguageGap(MaxRnorm)"),
    "one-sided": ("Intrusion",),
    "multilingual": ("Complete@10", "nDCG@1", "MaxRnorm"),
    "mono-cross": ("nDCG@1",),
    "mono-same": ("nDCG@1",),
}
"""Measures that a short report shows, by scenario, in the order of a report."""


class Compared(Protocol):
    """The part of `clinometer.comparison.Comparison` that a report reads."""

    @property
    def collection(self) -> Mapping[str, Any]:
        """Description of the collection."""

    @property
    def encoders(self) -> Sequence[Mapping[str, Any]]:
        """Records of the encoders, the one before first."""

    @property
    def labels(self) -> Sequence[str]:
        """A short name for each encoder."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """Settings of the comparison."""

    @property
    def rows(self) -> Sequence[Row]:
        """One for each encoder after, scenario, measure and query language."""

    @property
    def notices(self) -> Sequence[str]:
        """Sentences about what was left out."""

    def harmed(self, *, tolerance: float = ..., encoder: str | None = ...) -> Sequence[Row] | None:
        """Rows of single languages that become worse; None without rows to check."""

    def to_json(self) -> str:
        """The comparison as JSON text."""


@dataclass(frozen=True)
class View:
    """The changes from the encoder before to one encoder after."""

    comparison: Compared
    label: str

    @cached_property
    def rows(self) -> list[Row]:
        """The rows of this encoder."""
        return [row for row in self.comparison.rows if row["encoder"] == self.label]

    @property
    def pivot(self) -> str:
        """The language whose inclination is measured."""
        return str(self.comparison.settings["pivot"])

    @property
    def groups(self) -> dict[str, list[str]]:
        """Groups of languages by name."""
        groups: dict[str, list[str]] = self.comparison.settings["groups"]
        return groups

    @property
    def p(self) -> str:
        """What p-values are called in sentences."""
        return "p" if self.comparison.settings["correction"] == "none" else "adjusted p"

    @property
    def confidence(self) -> str:
        """Confidence level, such as `95%`."""
        return f"{100 * self.comparison.settings['confidence']:g}%"

    @cached_property
    def scenarios(self) -> list[str]:
        """Scenarios in the order of a report."""
        names = list(dict.fromkeys(row["scenario"] for row in self.rows))
        return [*(name for name in HEADLINES if name in names), *(name for name in names if name not in HEADLINES)]

    def measures(self, scenario: str) -> list[str]:
        """Measures of a scenario, in the order of the rows."""
        return list(dict.fromkeys(row["measure"] for row in self.rows if row["scenario"] == scenario))

    def headlines(self, scenario: str) -> list[str]:
        """Measures of a scenario for a short report: the usual ones, else all."""
        names = self.measures(scenario)
        return [name for name in HEADLINES.get(scenario, ()) if name in names] or names

    def is_mean(self, row: Row) -> bool:
        """Whether a row is a mean over languages."""
        return row["query_language"] in _MEANS or row["query_language"] in self.groups

    def measure_rows(self, scenario: str, measure: str) -> list[Row]:
        """All rows of a measure in a scenario: means, then languages in the order of the report."""
        rows = [row for row in self.rows if (row["scenario"], row["measure"]) == (scenario, measure)]
        place = {label: number for number, label in enumerate(self.languages)}
        means = [row for row in rows if self.is_mean(row)]
        single = [row for row in rows if not self.is_mean(row)]

        def key(row: Row) -> tuple[int, int]:
            others = [place.get(label, 0) for label in row["pool_languages"] if label != row["query_language"]]
            return place.get(row["query_language"], len(place)), min(others, default=0)

        return means + sorted(single, key=key)

    def mean(self, scenario: str, measure: str, *names: str) -> Row | None:
        """The first of these means that has a row; without one, the only row of the measure, if it has just one."""
        rows = self.measure_rows(scenario, measure)
        means = {row["query_language"]: row for row in rows if self.is_mean(row)}
        first = next((means[name] for name in names if name in means), None)
        return rows[0] if first is None and len(rows) == 1 else first

    def targets(self, scenario: str, measure: str) -> list[Row]:
        """One row for each language: its own queries, in mixed pools those of the pivot and that language."""
        rows = []
        for row in self.measure_rows(scenario, measure):
            query, pool = row["query_language"], row["pool_languages"]
            if self.is_mean(row):
                continue
            expected = {"mono-same": {query}, "mono-cross": {self.pivot}}.get(scenario, {self.pivot, query})
            if scenario == "multilingual" or (set(pool) == expected and (query != self.pivot or len(pool) == 1)):
                rows.append(row)
        return rows

    @cached_property
    def languages(self) -> list[str]:
        """Languages, the worst before first by the first headline of mixed pools; the pivot last."""
        query_languages = dict.fromkeys(row["query_language"] for row in self.rows if not self.is_mean(row))
        labels = [label for label in query_languages if label != self.pivot]
        for scenario in self.scenarios:
            for measure in self.headlines(scenario)[:1]:
                rows = {
                    row["query_language"]: row
                    for row in self.rows
                    if (row["scenario"], row["measure"]) == (scenario, measure)
                    and (scenario == "multilingual" or self.pivot in row["pool_languages"])
                }
                if measured := [label for label in labels if label in rows]:
                    sign = -1 if rows[measured[0]]["lower_is_better"] else 1
                    measured.sort(key=lambda label: sign * rows[label]["before"])
                    rest = [label for label in labels if label not in measured]
                    return [*measured, *rest, self.pivot]
        return [*labels, self.pivot]

    @property
    def level(self) -> float:
        """The largest p-value of a clear change."""
        return round(1 - float(self.comparison.settings["confidence"]), 12)

    def clear(self, row: Row) -> bool:
        """Whether a change is more than chance: by its adjusted p; without a test, if its interval excludes 0."""
        if row["p_adjusted"] is not None:
            return bool(row["p_adjusted"] <= self.level)
        return row["ci_low"] is not None and not row["ci_low"] <= 0 <= row["ci_high"]

    @cached_property
    def main(self) -> tuple[str, str, Row | None]:
        """The first scenario, its first headline, and the mean of that over all queries, or over target queries."""
        scenario = self.scenarios[0]
        measure = self.headlines(scenario)[0]
        return scenario, measure, self.mean(scenario, measure, "macro", "macro-target")

    @property
    def direction(self) -> str:
        """Whether the main measure gets `better` or `worse`; `none` where that could be chance."""
        _, _, row = self.main
        if row is None or row["improved"] is None or not self.clear(row):
            return "none"
        return "better" if row["improved"] else "worse"

    def where(self, row: Row) -> str:
        """A row's queries and pool in words."""
        query, pool, pivot = row["query_language"], row["pool_languages"], wording.language_name(self.pivot)
        whole = row["scenario"] in ("mono-same", "multilingual")
        if query in _MEANS:
            return {
                "macro": "all languages" if whole else "all queries",
                "macro-target": f"all but {pivot}" if whole else "target languages",
                "macro-pivot": f"{pivot} queries",
            }[query]
        if query in self.groups:
            return str(query)
        name = wording.language_name(query)
        label = name if name == query else f"{name} ({query})"
        others = [language for language in pool if language != query]
        if whole or (query != self.pivot and others == [self.pivot]):
            return label
        return f"{name} queries, {' + '.join(map(wording.language_name, others))}"


def views_of(comparison: Compared) -> list[View]:
    """A view for each encoder after."""
    return [View(comparison, label) for label in comparison.labels[1:]]


def points(measure: str) -> str:
    """The unit of a measure's differences after a space; empty without a unit."""
    unit = wording.scale(measure).unit
    return {"%": " points", "": ""}.get(unit, f" {unit}")


def difference(measure: str, number: float | None) -> str:
    """A difference of two values, with its sign.

    Example:
        >>> difference("Complete@10", 45.61), difference("nDCG@1", -0.0312), difference("MaxR", 0.0)
        ('+45.6', '−0.031', '0.0')
    """
    if number is None:
        return wording.DASH
    scale = wording.scale(measure)
    text = f"{number * scale.factor:+,.{scale.digits}f}"
    if float(text.replace(",", "")) == 0:
        text = text.lstrip("+-")
    return text.replace("-", wording.MINUS)


def difference_interval(row: Row, joint: str = ", ") -> str:
    """The two ends of a difference's interval; empty without an interval."""
    ends = [row["ci_low"], row["ci_high"]]
    return "" if None in ends else joint.join(difference(row["measure"], end) for end in ends)


def probability(p: float | None) -> str:
    """A p-value with three digits.

    Example:
        >>> probability(0.0001), probability(0.0444), probability(1.0), probability(None)
        ('<0.001', '0.044', '1.000', '–')
    """
    if p is None:
        return wording.DASH
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def listed(names: Iterable[str]) -> str:
    """Names with commas and a last `and`."""
    items = list(names)
    return " and ".join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else items)
