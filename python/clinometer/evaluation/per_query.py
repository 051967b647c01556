"""Values per query of every measure in one setting, and the table of those of all settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from clinometer.measures import Measure, evaluate_lists, evaluate_measure
from clinometer.measures.placements import Placements
from clinometer.progress import tracked
from clinometer.scenarios import Setting
from clinometer.scenarios.lists import ListedDocuments, leading_share
from clinometer.scenarios.scanned import ScannedCollection

__all__ = ["SettingValues", "per_query_columns", "setting_values"]


class SettingValues(NamedTuple):
    """One setting with its values per query.

    Args:
        setting: Queries and pool.
        queries: `(q,)`: rows of the queries that have an answer in the pool.
        values: `(q,)` values by name of each measure that the setting defines; NaN where undefined.
        sizes: `(q,)`: number of documents in each query's pool.
        tied: `(q,)`: number of each query's relevant documents that tie with another document of the pool.
        unranked: Number of queries for which a measure has no value because a relevant document was not retrieved, by
            name of the measure.
        unanswered: Number of queries without a relevant document, which count as 0.
    """

    setting: Setting
    queries: NDArray[np.int64]
    values: dict[str, NDArray[np.float64]]
    sizes: NDArray[np.int64]
    tied: NDArray[np.int64]
    unranked: Mapping[str, int] = MappingProxyType({})
    unanswered: int = 0

    @property
    def documents(self) -> int:
        """Size of the pool; the median if it differs by query."""
        return int(np.median(self.sizes)) if len(self.queries) else 0

    @property
    def ties(self) -> int:
        """Number of relevant documents that tie with another document of the pool."""
        return int(self.tied.sum())

    def of(self, queries: NDArray[np.int64]) -> SettingValues:
        """The same for some of the queries; measures that none of them defines are left out."""
        rows = np.flatnonzero(np.isin(self.queries, queries))
        values = {name: column[rows] for name, column in self.values.items() if not np.isnan(column[rows]).all()}
        return SettingValues(self.setting, self.queries[rows], values, self.sizes[rows], self.tied[rows])


def setting_values(
    scanned: ScannedCollection,
    measures: Sequence[Measure],
    settings: Sequence[Setting],
    pivot: str,
    *,
    count_unanswered: bool = False,
    show_progress_bar: bool = False,
) -> list[SettingValues]:
    """The values of the measures in each setting; a measure that a setting does not define is left out.

    With `count_unanswered`, judged queries without a relevant document in the pool count as 0, as in trec_eval.
    """
    tracked_settings = tracked(settings, "measures", "settings", shown=show_progress_bar, late=True)
    return [_Setting(scanned, setting, pivot).measured(measures, count_unanswered) for setting in tracked_settings]


class _Setting:
    """One setting, ready to be measured; what only some measures need is made when one needs it."""

    def __init__(self, scanned: ScannedCollection, setting: Setting, pivot: str) -> None:
        self._every, self._scanned, self._setting, self._pivot = scanned, scanned.in_setting(setting), setting, pivot
        self._queries, self._placements = self._scanned.placements(setting)
        self._other = setting.other
        if self._other is None and len(setting.pool) > 1 and setting.query_language != pivot:
            self._other = pivot

    def measured(self, measures: Sequence[Measure], count_unanswered: bool) -> SettingValues:
        placements = self._placements
        unanswered = self._scanned.unanswered(self._setting) if count_unanswered else np.empty(0, dtype=np.int64)
        values: dict[str, NDArray[np.float64]] = {}
        unranked: dict[str, int] = {}
        for measure in measures:
            column = self._column(measure)
            if column is None:
                continue
            if missing := self._unranked(measure, column):
                unranked[str(measure)] = missing
            zero = 0.0 if measure.zero_without_answers else np.nan
            if count_unanswered and measure.zero_without_answers:
                # None of a query's answers may have the grade that the measure asks for.
                column = np.nan_to_num(column, nan=0.0)
            column = np.concatenate([column, np.full(len(unanswered), zero)])
            if not np.isnan(column).all():
                values[str(measure)] = column
        has_tie = placements.tied > 0
        has_tie[placements.missed_rows] = False
        tied = np.bincount(placements.query[has_tie], minlength=len(placements))
        none = np.zeros(len(unanswered), dtype=np.int64)
        return SettingValues(
            setting=self._setting,
            queries=np.concatenate([self._queries, unanswered]),
            values=values,
            sizes=np.concatenate([placements.sizes, none + self._scanned.pool_size(self._setting)]),
            tied=np.concatenate([tied, none]),
            unranked=unranked,
            unanswered=len(unanswered),
        )

    def _column(self, measure: Measure) -> NDArray[np.float64] | None:
        if measure.needs == "lists":
            listed: Any = self._listed
            return listed and evaluate_lists(
                measure, listed, pivot=self._pivot, query_language=self._setting.query_language
            )
        if measure.needs == "settings" or (measure.needs == "leader" and self._leading is None):
            return None
        queries, placements = self._placed(measure)
        column = self._evaluated(measure, placements)
        return _aligned(column, queries, self._queries) if column is not None and measure.mirrored else column

    def _evaluated(self, measure: Measure, placements: Placements) -> NDArray[np.float64] | None:
        return evaluate_measure(
            measure,
            placements,
            pivot=self._pivot,
            query_language=self._setting.query_language,
            other_language=self._other,
            leading=self._leading if measure.needs == "leader" else None,
        )

    def _unranked(self, measure: Measure, column: NDArray[np.float64]) -> int:
        """Number of queries that would have a value if every relevant document had a rank."""
        queries, placements = self._placed(measure)
        if measure.needs == "lists" or not placements.missed.any():
            return 0
        ranked = self._evaluated(measure, replace(placements, retrieved=None))
        assert ranked is not None  # noqa: S101 - the setting defines the measure
        return int(np.isnan(column).sum() - np.isnan(_aligned(ranked, queries, self._queries)).sum())

    def _placed(self, measure: Measure) -> tuple[NDArray[np.int64], Placements]:
        """The queries and placements that a measure reads."""
        if measure.judged_only:
            return self._queries, self._judged
        return self._mirror if measure.mirrored else (self._queries, self._placements)

    @cached_property
    def _judged(self) -> Placements:
        return self._scanned.judged_placements(self._setting)

    @cached_property
    def _mirror(self) -> tuple[NDArray[np.int64], Placements]:
        if not self._setting.removed:
            return self._queries, self._placements
        mirrored = self._setting.mirrored()
        return self._every.in_setting(mirrored).placements(mirrored)

    @cached_property
    def _leading(self) -> NDArray[np.float64] | None:
        return leading_share(self._scanned, self._setting, self._queries, self._placements)

    @cached_property
    def _listed(self) -> ListedDocuments | None:
        return ListedDocuments(self._scanned, self._setting, self._queries) if self._scanned.top else None


def _aligned(values: NDArray[np.float64], rows: NDArray[np.int64], order: NDArray[np.int64]) -> NDArray[np.float64]:
    """Values of some queries in the order of other queries; NaN for queries without a value."""
    aligned = np.full(len(order), np.nan)
    _, target, source = np.intersect1d(order, rows, assume_unique=True, return_indices=True)
    aligned[target] = values[source]
    return aligned


def per_query_columns(scanned: ScannedCollection, results: Sequence[SettingValues]) -> dict[str, NDArray[Any]]:
    """One row per (query, setting): query, setting, question, cluster, and every measure, NaN if undefined."""
    ids = np.array(scanned.collection.queries.ids, dtype=np.str_)
    names = list(dict.fromkeys(name for result in results for name in result.values))
    results = [result for result in results if len(result.queries)]
    repeats = [len(result.queries) for result in results]
    rows = np.concatenate([result.queries for result in results]) if results else np.empty(0, np.int64)

    def spread(labels: list[str]) -> NDArray[Any]:
        return np.repeat(np.array(labels, dtype=np.str_), repeats)

    table: dict[str, NDArray[Any]] = {
        "query_id": ids[rows],
        "query_language": spread([result.setting.query_language for result in results]),
        "scenario": spread([result.setting.scenario for result in results]),
        "pool_languages": spread(["+".join(result.setting.pool) for result in results]),
        "question": scanned.drawing.questions[rows],
        "cluster": scanned.drawing.clusters[rows],
    }
    for name in names:
        columns = [result.values.get(name, np.full(len(result.queries), np.nan)) for result in results]
        table[name] = np.concatenate(columns)
    return table
