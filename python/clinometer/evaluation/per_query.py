"""Values per query of every measure in one setting, and the table of those of all settings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from clinometer.measures import Measure, evaluate_lists, evaluate_measure
from clinometer.scenarios import Setting
from clinometer.scenarios.drawing import Drawing
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
    """

    setting: Setting
    queries: NDArray[np.int64]
    values: dict[str, NDArray[np.float64]]
    sizes: NDArray[np.int64]
    tied: NDArray[np.int64]

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
    scanned: ScannedCollection, measures: Sequence[Measure], settings: Sequence[Setting], pivot: str
) -> list[SettingValues]:
    """The values of the measures in each setting; a measure that a setting does not define is left out."""
    needs = {measure.needs for measure in measures}
    results = []
    for setting in settings:
        queries, placements = scanned.placements(setting)
        mirror = scanned.placements(setting.mirrored()) if setting.removed else (queries, placements)
        other = setting.other
        if other is None and len(setting.pool) > 1 and setting.query_language != pivot:
            other = pivot
        leading = leading_share(scanned, setting, queries, placements) if "leader" in needs else None
        listed: Any = ListedDocuments(scanned, setting, queries) if "lists" in needs and scanned.top else None
        values: dict[str, NDArray[np.float64]] = {}
        for measure in measures:
            column: NDArray[np.float64] | None = None
            if measure.needs == "lists" and listed is not None:
                column = evaluate_lists(measure, listed, pivot=pivot, query_language=setting.query_language)
            elif measure.needs == "counts" or (measure.needs == "leader" and leading is not None):
                rows, placed = mirror if measure.mirrored else (queries, placements)
                column = evaluate_measure(
                    measure,
                    placed,
                    pivot=pivot,
                    query_language=setting.query_language,
                    other_language=other,
                    leading=leading,
                )
                if column is not None and measure.mirrored:
                    column = _aligned(column, rows, queries)
            if column is not None and not np.isnan(column).all():
                values[str(measure)] = column
        tied = np.bincount(placements.query[placements.tied > 0], minlength=len(placements)).astype(np.int64)
        results.append(SettingValues(setting, queries, values, placements.sizes, tied))
    return results


def _aligned(values: NDArray[np.float64], rows: NDArray[np.int64], order: NDArray[np.int64]) -> NDArray[np.float64]:
    """Values of some queries in the order of other queries; NaN for queries without a value."""
    aligned = np.full(len(order), np.nan)
    _, target, source = np.intersect1d(order, rows, assume_unique=True, return_indices=True)
    aligned[target] = values[source]
    return aligned


def per_query_columns(
    scanned: ScannedCollection, results: Sequence[SettingValues], drawing: Drawing
) -> dict[str, NDArray[Any]]:
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
        "question": drawing.questions[rows],
        "cluster": drawing.clusters[rows],
    }
    for name in names:
        columns = [result.values.get(name, np.full(len(result.queries), np.nan)) for result in results]
        table[name] = np.concatenate(columns)
    return table
