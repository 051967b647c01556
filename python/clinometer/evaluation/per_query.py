"""Cells: the per-query values of every measure in one setting."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from clinometer.measures import Measure, evaluate_measure, lang_share
from clinometer.scenarios import Setting
from clinometer.scenarios.lists import leading_share
from clinometer.scenarios.scanned import Survey
from clinometer.statistics.resampling import question_rows

__all__ = ["Cell", "cells_of", "columns_of"]


class Cell(NamedTuple):
    """One setting with its per-query values.

    Args:
        setting: Which queries against which pool.
        queries: Rows of the queries that have an answer in the pool.
        values: For each measure that the setting defines, one value per query, NaN where undefined.
        sizes: Documents in each query's pool.
        tied: How many of each query's relevant documents tie with another document of the pool.
    """

    setting: Setting
    queries: NDArray[np.int64]
    values: dict[str, NDArray[np.float64]]
    sizes: NDArray[np.int64]
    tied: NDArray[np.int64]

    @property
    def documents(self) -> int:
        """Size of the pool, the median where it differs by query."""
        return int(np.median(self.sizes)) if len(self.queries) else 0

    @property
    def ties(self) -> int:
        """Relevant documents that tie with another document of the pool."""
        return int(self.tied.sum())

    def of(self, queries: NDArray[np.int64]) -> Cell:
        """The cell with some of its queries; measures that none of them defines are left out."""
        kept = np.flatnonzero(np.isin(self.queries, queries))
        values = {name: column[kept] for name, column in self.values.items() if not np.isnan(column[kept]).all()}
        return Cell(self.setting, self.queries[kept], values, self.sizes[kept], self.tied[kept])


def cells_of(survey: Survey, measures: Sequence[Measure], settings: Sequence[Setting], pivot: str) -> list[Cell]:
    """The values of the measures in each setting; a measure that a setting does not define is left out."""
    cells = []
    for setting in settings:
        queries, placed = survey.standings.placements(setting)
        mirror = survey.standings.placements(setting.mirrored()) if setting.removed else (queries, placed)
        values = {}
        other = setting.other
        if other is None and len(setting.pool) > 1 and setting.query_language != pivot:
            other = pivot
        tops = any(measure.needs_lists and measure.name not in ("LangShare", "Judged") for measure in measures)
        leading = leading_share(survey, setting, queries, placed) if tops else None
        for measure in measures:
            if measure.name == "LanguageGap":
                continue
            found: NDArray[np.float64] | None
            if measure.name == "LangShare":
                found = _lang_share(survey, setting, queries, measure, pivot)
            elif measure.name == "Judged":
                found = _judged_share(survey, setting, queries, measure)
            elif measure.needs_lists and leading is None:
                found = None
            else:
                # Intruders of the query's own language need a pool in which only the other answer exists.
                own = measure.name.startswith("Intrusion") and bool(measure.params)
                asked, placements = mirror if own else (queries, placed)
                found = evaluate_measure(
                    measure,
                    placements,
                    pivot=pivot,
                    query_language=setting.query_language,
                    other_language=other,
                    leading=leading,
                )
                if found is not None and own:
                    found = _align(found, asked, queries)
            if found is not None and not np.isnan(found).all():
                values[str(measure)] = found
        tied = np.bincount(placed.query[placed.tied > 0], minlength=len(placed)).astype(np.int64)
        cells.append(Cell(setting, queries, values, placed.sizes, tied))
    return cells


def _align(values: NDArray[np.float64], rows: NDArray[np.int64], wanted: NDArray[np.int64]) -> NDArray[np.float64]:
    """Values of some queries in the order of others, NaN where a query has none."""
    aligned = np.full(len(wanted), np.nan)
    _, here, there = np.intersect1d(wanted, rows, assume_unique=True, return_indices=True)
    aligned[here] = values[there]
    return aligned


def _lang_share(
    survey: Survey, setting: Setting, queries: NDArray[np.int64], measure: Measure, pivot: str
) -> NDArray[np.float64] | None:
    language = dict(measure.params).get("lang", pivot)
    if survey.top is None or measure.cutoff is None or len(setting.pool) < 2 or language not in setting.pool:
        return None
    keys, codes = _listed(survey, setting, queries)
    related = np.isin(keys, survey.related)
    top = slice(None, measure.cutoff)
    labels = list(survey.standings.counts.languages)
    return lang_share(codes[:, top], related[:, top], labels.index(language))


def _judged_share(
    survey: Survey, setting: Setting, queries: NDArray[np.int64], measure: Measure
) -> NDArray[np.float64] | None:
    """Share of the top that has a judgement, of whatever grade."""
    if survey.top is None or measure.cutoff is None:
        return None
    keys, codes = _listed(survey, setting, queries)
    there = codes[:, : measure.cutoff] >= 0
    judged = np.isin(keys[:, : measure.cutoff], survey.judged) & there
    found = np.count_nonzero(there, axis=1)
    share: NDArray[np.float64] = np.full(len(found), np.nan)
    np.divide(np.count_nonzero(judged, axis=1), found, out=share, where=found > 0)
    return share


def _listed(
    survey: Survey, setting: Setting, queries: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Keys `query * documents + document` and language codes of a pool's best documents; -1 behind the last of them."""
    assert survey.top is not None  # noqa: S101 - callers look
    labels = list(survey.standings.counts.languages)
    lists = survey.top.pool(label for label in setting.pool if label in (survey.top.languages or ()))
    ids = lists.ids[queries]
    codes = np.where(ids < 0, -1, survey.codes[ids])
    keys = np.where(ids < 0, -1, queries[:, None] * len(survey.codes) + ids)
    if setting.removed is not None:
        gone = np.isin(keys, survey.related) & (codes == labels.index(setting.removed))
        order = np.argsort(gone, axis=1, kind="stable")
        keys, codes = (np.take_along_axis(np.where(gone, -1, part), order, axis=1) for part in (keys, codes))
    return keys, codes


def columns_of(survey: Survey, cells: Sequence[Cell]) -> dict[str, NDArray[Any]]:
    """One row per (query, setting): who, where, which question, and every measure, NaN where it is not defined."""
    queries = survey.collection.queries
    ids = np.array(queries.ids, dtype=np.str_)
    questions = question_rows(queries.groups, queries.languages, queries.ids)
    names = list(dict.fromkeys(name for cell in cells for name in cell.values))
    kept = [cell for cell in cells if len(cell.queries)]
    repeats = [len(cell.queries) for cell in kept]

    def spread(labels: list[str]) -> NDArray[Any]:
        return np.repeat(np.array(labels, dtype=np.str_), repeats)

    table: dict[str, NDArray[Any]] = {
        "query_id": np.concatenate([ids[cell.queries] for cell in kept]) if kept else np.empty(0, np.str_),
        "query_language": spread([cell.setting.query_language for cell in kept]),
        "scenario": spread([cell.setting.scenario for cell in kept]),
        "pool_languages": spread(["+".join(cell.setting.pool) for cell in kept]),
        "question": np.concatenate([questions[cell.queries] for cell in kept]) if kept else np.empty(0, np.int64),
    }
    for name in names:
        parts = [cell.values.get(name, np.full(len(cell.queries), np.nan)) for cell in kept]
        table[name] = np.concatenate(parts)
    return table
