"""Rows of results: means over queries, gaps between query languages, and macro averages, with their intervals.

Also for the queries of each value of a field, such as a topic, article or source, in the same pools: the rows of a
group, intervals included, are those of an evaluation of the group's queries alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinometer.collection import Collection
from clinometer.errors import CollectionError, UsageError, first_few
from clinometer.evaluation.per_query import SettingValues
from clinometer.measures import Measure, parse
from clinometer.progress import tracked
from clinometer.scenarios import Setting
from clinometer.scenarios.drawing import Drawing, drawing_of
from clinometer.scenarios.scanned import ScannedCollection
from clinometer.statistics.resampling import BootstrapMeans, Estimate, Range, Resamples

__all__ = ["GROUPED", "check_field", "grouped_measures", "interval_notices", "mean_rows", "notices_of", "rows_by"]


def mean_rows(
    scanned: ScannedCollection,
    results: Sequence[SettingValues],
    measures: Sequence[Measure],
    pivot: str,
    resamples: Resamples,
    drawing: Drawing | None = None,
    *,
    show_progress_bar: bool = False,
) -> list[dict[str, Any]]:
    """Tidy rows in the order of scenarios and settings; see `clinometer.evaluation.results.Evaluation`.

    `drawing` has the question and the cluster of each query, by default those of the whole collection.

    Raises:
        CollectionError: No setting has a value.
    """
    table = _Table(scanned.drawing if drawing is None else drawing, results, resamples)
    rows: list[dict[str, Any]] = []
    names = dict.fromkeys(result.setting.scenario for result in results)
    for scenario in tracked(names, "intervals", "scenarios", shown=show_progress_bar, late=True):
        numbers = [number for number, result in enumerate(results) if result.setting.scenario == scenario]
        rows += table.plain(numbers, [str(measure) for measure in measures])
        rows += table.gaps(numbers, [measure for measure in measures if measure.inner], pivot)
        rows += table.macros(numbers, [str(measure) for measure in measures], pivot)
    return rows


def notices_of(scanned: ScannedCollection, results: Sequence[SettingValues]) -> list[str]:
    """Sentences about queries that a setting leaves out, and about documents without judgements."""
    notices = []
    for result in results:
        setting = result.setting
        missing = scanned.queries_in(setting.query_language) - len(result.queries)
        if missing:
            notices.append(
                f"{setting.scenario}, pool {'+'.join(setting.pool)}: {missing} of the {setting.query_language} queries "
                "have no answer in the pool and are left out"
            )
        for name, values in result.values.items():
            share = float(np.nanmean(values)) if name.startswith("Judged@") else 1.0
            if share < 1:
                notices.append(
                    f"{setting.scenario}, pool {'+'.join(setting.pool)}: {1 - share:.1%} of the top {name[7:]} "
                    f"documents of {setting.query_language} queries have no judgement; they count as not relevant, "
                    "which may be wrong"
                )
    return notices


def interval_notices(drawn: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], resamples: int) -> list[str]:
    """Sentences about values that have no interval although some were requested.

    Args:
        drawn: Unit and its number, as `clinometer.scenarios.drawing.drawn` gives them.
        rows: Rows of the results.
        resamples: Number of resamples; 0 if no intervals were requested.
    """
    if not resamples:
        return []
    units = drawn["clusters" if drawn["resample"] == "cluster" else "questions"]
    if units == 1 and drawn["questions"] > 1:
        return [
            f"all {drawn['questions']:,} questions hang together through shared answers, so they are one group and no "
            "value has an interval; --resample question draws each question as if it were independent"
        ]
    if units == 1:
        return ["there is only one question, so no value has an interval"]
    missing = sum(row["value"] is not None and row["ci_low"] is None for row in rows)
    if missing:
        return [
            f"{missing:,} of {len(rows):,} values have no interval: the questions of each are one group, or all have "
            "the same value of a measure without bounds, which does not show how much others could differ"
        ]
    return []


class _Table:
    """All per-query values, one column per result and measure, one line per question."""

    def __init__(
        self,
        drawing: Drawing,
        results: Sequence[SettingValues],
        resamples: Resamples,
    ) -> None:
        self.results = results
        self.column: dict[tuple[int, str], int] = {}
        names = dict.fromkeys(name for result in results for name in result.values)
        range_of = {str(measure): measure.range for measure in parse(names)}
        columns: list[NDArray[np.float64]] = []
        ranges: list[Range] = []
        for number, result in enumerate(results):
            for name, values in result.values.items():
                column = np.full(drawing.size, np.nan)
                column[drawing.questions[result.queries]] = values
                self.column[number, name] = len(columns)
                columns.append(column)
                ranges.append(range_of[name])
        if not columns:
            raise CollectionError(
                "none of the measures has a value in any of the settings (a query without an answer in the pool has "
                "none); choose other scenarios, languages or measures"
            )
        values = np.stack(columns, axis=1)
        self.defined = np.count_nonzero(~np.isnan(values), axis=0)
        self.bootstrap = BootstrapMeans.of(values, resamples, drawing.cluster_of_questions, ranges)
        self.estimates = self.bootstrap.plain()

    def plain(self, numbers: Sequence[int], names: Sequence[str]) -> list[dict[str, Any]]:
        """One row per result and measure."""
        rows = []
        for number in numbers:
            result = self.results[number]
            for name in names:
                column = self.column.get((number, name))
                if column is not None:
                    defined = int(self.defined[column])
                    rows.append(
                        _row(result.setting, name, self.estimates[column], defined, result.documents, result.ties)
                    )
        return rows

    def gaps(self, numbers: Sequence[int], measures: Sequence[Measure], pivot: str) -> list[dict[str, Any]]:
        """Differences between the two query languages of a shared pool, as rows of the second language.

        Their mean over the pools with the pivot is the row `macro-target`.
        """
        rows = []
        for measure in measures:
            with_pivot = []
            for number in numbers:
                result = self.results[number]
                setting = result.setting
                if setting.scenario != "multi" or setting.query_language == setting.pool[0]:
                    continue
                partner = next(n for n in numbers if n != number and self.results[n].setting.pool == setting.pool)
                pair = [self.column.get((n, str(measure.inner))) for n in (partner, number)]
                if None in pair:
                    continue
                first, second = (column for column in pair if column is not None)
                defined = int(min(self.defined[first], self.defined[second]))
                ties = result.ties + self.results[partner].ties
                estimate = self.bootstrap.distance([(first, second)])
                rows.append(_row(setting, str(measure), estimate, defined, result.documents, ties))
                if pivot in setting.pool:
                    with_pivot.append(((first, second), rows[-1]))
            if len(with_pivot) > 1:
                pairs, parts = (list(column) for column in zip(*with_pivot, strict=True))
                defined, ties = (sum(row[name] for row in parts) for name in ("queries", "ties"))
                documents = int(np.median([row["documents"] for row in parts]))
                macro = Setting("multi", "macro-target", ("*",))
                rows.append(_row(macro, str(measure), self.bootstrap.distance(pairs), defined, documents, ties))
        return rows

    def macros(self, numbers: Sequence[int], names: Sequence[str], pivot: str) -> list[dict[str, Any]]:
        """Plain means over all results, over those with queries in other languages than the pivot, and in the pivot."""
        parts = {
            "macro": list(numbers),
            "macro-target": [n for n in numbers if self.results[n].setting.query_language != pivot],
            "macro-pivot": [n for n in numbers if self.results[n].setting.query_language == pivot],
        }
        rows = []
        for label, members in parts.items():
            for name in names:
                with_value = [n for n in members if (n, name) in self.column]
                if len(with_value) < 2:
                    continue
                columns = [self.column[n, name] for n in with_value]
                macro = Setting(self.results[with_value[0]].setting.scenario, label, ("*",))
                documents = int(np.median([self.results[n].documents for n in with_value]))
                ties = sum(self.results[n].ties for n in with_value)
                estimate, defined = self.bootstrap.mean(columns), int(self.defined[columns].sum())
                rows.append(_row(macro, name, estimate, defined, documents, ties))
        return rows


def _row(setting: Setting, measure: str, estimate: Estimate, queries: int, documents: int, ties: int) -> dict[str, Any]:
    value, low, high = (None if np.isnan(x) else x for x in (estimate.value, estimate.low, estimate.high))
    return {
        "scenario": setting.scenario,
        "query_language": setting.query_language,
        "pool_languages": list(setting.pool),
        "measure": measure,
        "value": value,
        "ci_low": low,
        "ci_high": high,
        "queries": queries,
        "documents": documents,
        "ties": ties,
    }


GROUPED = ("MaxRnorm", "Complete@10", "nDCG@10", "RankGap", "Intrusion")
"""Measures of the groups' rows if no measures were chosen: enough rows for each group."""


def check_field(collection: Collection, field: str) -> None:
    """Refuse a field that the queries do not have.

    Raises:
        UsageError: The field is unknown; the message lists the known ones.
    """
    if field not in collection.queries.fields:
        fields = ", ".join(collection.queries.fields) or "none"
        raise UsageError(f"the queries of {collection.name!r} have no field {field!r}; they have: {fields}")


def grouped_measures(measures: Sequence[Measure], *, chosen: bool) -> list[Measure]:
    """The measures of the groups' rows: all chosen ones, or a few of the default ones."""
    return [measure for measure in measures if chosen or str(measure) in GROUPED]


def rows_by(
    scanned: ScannedCollection,
    results: Sequence[SettingValues],
    measures: Sequence[Measure],
    field: str,
    pivot: str,
    resamples: Resamples,
) -> tuple[list[dict[str, Any]], list[str]]:
    """Rows of each group, in the order in which the values first appear, and notices about queries without a group.

    Returns:
        Rows as those of `mean_rows`, with `field` and `group` before the other columns, and the notices.
    """
    queries = scanned.collection.queries
    values = queries.fields[field]
    rows: list[dict[str, Any]] = []
    unanswered: list[str] = []
    for value in dict.fromkeys(value for value in values if value is not None):
        members = np.flatnonzero([query_value == value for query_value in values])
        drawing = drawing_of(scanned.collection, members)
        group_results = [result.of(members) for result in results]
        try:
            group_rows = mean_rows(scanned, group_results, measures, pivot, resamples, drawing)
        except CollectionError:
            unanswered.append(value)
            continue
        rows += [{"field": field, "group": value, **row} for row in group_rows]
    notices = []
    if missing := sum(value is None for value in values):
        notices.append(f"{missing} of {len(values)} queries have no {field} and are in no group")
    if unanswered:
        names = first_few(unanswered, show=str)
        notices.append(f"{len(unanswered)} groups of {field} have no value of any measure and no rows: {names}")
    return rows, notices
