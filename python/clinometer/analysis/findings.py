"""From a scanned collection to an error analysis: categories of all queries, and the worst of them with their texts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinometer.analysis.above import Above, above_answers
from clinometer.analysis.categories import CATEGORIES, Judge
from clinometer.analysis.record import Analysis
from clinometer.scenarios import Setting
from clinometer.scenarios.scanned import ScannedCollection
from clinometer.statistics.resampling import BootstrapMeans, Resamples

__all__ = ["SHOWN", "find"]

SHOWN = 3
"""Default number of documents above the answer that an example shows."""

_LONGEST = 2000
_MIXED = ("multi", "one-sided", "multilingual")


def find(
    scanned: ScannedCollection,
    settings: Sequence[Setting],
    judge: Judge,
    *,
    worst: int,
    shown: int = SHOWN,
    resamples: Resamples = Resamples(),
) -> Analysis:
    """Analyse the settings whose pools hold answers in the query's language; the others are left out.

    Args:
        scanned: Scan whose lists are at least `shown` long in each pool (`scan_plan(listed=shown)`).
        settings: Settings: queries and their pools.
        judge: Judge of the categories.
        worst: Number of examples for each scenario and query language; 0 for none.
        shown: Number of documents that each example shows, 1 or more.
        resamples: Resamples of the shares' intervals.
    """
    candidates = (above_answers(scanned, setting, shown) for setting in settings)
    above_by_setting = [above for above in candidates if above is not None]
    leading = [_leading(above, judge) for above in above_by_setting]
    rows = _rows(scanned, above_by_setting, leading, resamples)
    thresholds = {"tolerance": judge.tolerance, "overlap": judge.alike, "worst": worst, "shown": shown}
    return Analysis(thresholds, rows, _examples(above_by_setting, judge, worst) if worst else [])


def _leading(above: Above, judge: Judge) -> list[str]:
    """The category of the first document of each query."""
    tops = zip(above.queries, above.first[:, 0], above.first_scores[:, 0], above.scores, above.first_related[:, 0],
               strict=True)  # fmt: skip
    return [
        "answer"
        if document < 0
        else judge.category(int(query), int(document), float(score) - float(answer), related=bool(related))
        for query, document, score, answer, related in tops
    ]


def _rows(
    scanned: ScannedCollection, above_by_setting: Sequence[Above], leading: Sequence[list[str]], resamples: Resamples
) -> list[dict[str, Any]]:
    """One row for each setting and category, with its interval."""
    if not above_by_setting:
        return []
    drawing = scanned.drawing
    columns: list[NDArray[np.float64]] = []
    for above, names in zip(above_by_setting, leading, strict=True):
        for category in CATEGORIES:
            column = np.full(drawing.size, np.nan)
            column[drawing.questions[above.queries]] = [name == category for name in names]
            columns.append(column)
    shares = [(0.0, 1.0)] * len(columns)
    estimates = BootstrapMeans.of(np.stack(columns, axis=1), resamples, drawing.cluster_of_questions, shares).plain()
    rows: list[dict[str, Any]] = []
    for above, names in zip(above_by_setting, leading, strict=True):
        for category in CATEGORIES:
            estimate = estimates[len(rows)]
            low, high = (None if np.isnan(end) else end for end in (estimate.low, estimate.high))
            rows.append({
                "scenario": above.setting.scenario,
                "query_language": above.setting.query_language,
                "pool_languages": list(above.setting.pool),
                "category": category,
                "queries": names.count(category),
                "of": len(names),
                "share": estimate.value,
                "ci_low": low,
                "ci_high": high,
            })  # fmt: skip
    return rows


def _examples(above_by_setting: Sequence[Above], judge: Judge, worst: int) -> list[dict[str, Any]]:
    """For each mixed pool and query language the queries with the most unrelated documents above their answer.

    A query with several pools is shown once, in the pool that hurts it most. Of equal counts, the larger margin
    comes first, then the order of the collection.
    """
    groups: dict[tuple[str, str], list[tuple[int, float, int, Above, int]]] = {}
    for above in above_by_setting:
        if above.setting.scenario not in _MIXED:
            continue
        harmed = above.unrelated.sum(axis=1)
        unrelated = (above.first >= 0) & ~above.first_related
        scores = np.where(unrelated, above.first_scores, -np.inf).max(axis=1)
        for row in np.flatnonzero(harmed).tolist():
            # Unrelated documents below the listed ones have no margin, but still count.
            margin = float(scores[row]) - float(above.scores[row])
            key = (above.setting.scenario, above.setting.query_language)
            groups.setdefault(key, []).append((-int(harmed[row]), -margin, int(above.queries[row]), above, row))
    examples = []
    for candidates in groups.values():
        seen: set[int] = set()
        for _, _, query, above, row in sorted(candidates, key=lambda entry: entry[:3]):
            if len(seen) == worst:
                break
            if query not in seen:
                seen.add(query)
                examples.append(_example(above, row, judge))
    return examples


def _example(above: Above, row: int, judge: Judge) -> dict[str, Any]:
    queries, query = judge.collection.queries, int(above.queries[row])
    first = []
    for place, document in enumerate(above.first[row].tolist()):
        if document < 0:
            break
        margin = float(above.first_scores[row, place]) - float(above.scores[row])
        category = judge.category(query, document, margin, related=bool(above.first_related[row, place]))
        facts = {"rank": place + 1, "category": category, "margin": _finite(margin)}
        first.append(facts | _document(judge, document, above.first_scores[row, place]))
    counts = zip(above.setting.pool, above.unrelated[row].tolist(), strict=True)
    return {
        "scenario": above.setting.scenario,
        "query_language": above.setting.query_language,
        "pool_languages": list(above.setting.pool),
        "query_id": queries.ids[query],
        "query": _cut(queries.texts[query]),
        "rank": int(above.ranks[row]) or None,
        "max_rank": int(above.max_ranks[row]) or None,
        "above": {label: count for label, count in counts if count},
        "answer": _document(judge, int(above.answers[row]), above.scores[row]),
        "first": first,
    }


def _document(judge: Judge, row: int, score: np.float32) -> dict[str, Any]:
    documents = judge.collection.documents
    return {
        "id": documents.ids[row],
        "language": documents.languages[row],
        "text": _cut(documents.texts[row]),
        "score": _finite(float(score)),
    }


def _finite(value: float) -> float | None:
    """The value, or None if it is infinite: a document that was not retrieved has no score."""
    return value if np.isfinite(value) else None


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
