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
from clinometer.statistics.resampling import BootstrapMeans, Resamples, question_rows

__all__ = ["SHOWN", "find"]

SHOWN = 3
"""How many documents above the answer an example shows, unless told otherwise."""

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
        scanned: A scan whose lists are at least `shown` long in each pool (`scan_collection(listed=shown)`).
        settings: Which queries against which pools.
        judge: Gives the categories.
        worst: Examples for each scenario and query language; 0 for none.
        shown: Documents that each example shows, 1 or more.
        resamples: How the shares' intervals are drawn.
    """
    found = [above for above in (above_answers(scanned, setting, shown) for setting in settings) if above is not None]
    leading = [_leading(above, judge) for above in found]
    rows = _rows(scanned, found, leading, resamples)
    thresholds = {"tolerance": judge.tolerance, "overlap": judge.alike, "worst": worst, "shown": shown}
    return Analysis(thresholds, rows, _examples(found, judge, worst) if worst else [])


def _leading(above: Above, judge: Judge) -> list[str]:
    """The category of the document on top, for each query."""
    tops = zip(above.queries, above.first[:, 0], above.first_scores[:, 0], above.scores, above.first_related[:, 0],
               strict=True)  # fmt: skip
    return [
        "answer"
        if document < 0
        else judge.category(int(query), int(document), _margin(score, answer), related=bool(related))
        for query, document, score, answer, related in tops
    ]


def _margin(score: np.float32, answer: np.float32) -> float:
    return float(score) - float(answer)


def _rows(
    scanned: ScannedCollection,
    found: Sequence[Above],
    leading: Sequence[list[str]],
    resamples: Resamples,
) -> list[dict[str, Any]]:
    """One row for each setting and category, with intervals over questions: translations are drawn together."""
    if not found:
        return []
    queries = scanned.collection.queries
    question = question_rows(queries.groups, queries.languages, queries.ids)
    columns: list[NDArray[np.float64]] = []
    for above, names in zip(found, leading, strict=True):
        for category in CATEGORIES:
            column = np.full(int(question.max()) + 1, np.nan)
            column[question[above.queries]] = [name == category for name in names]
            columns.append(column)
    sampled = BootstrapMeans.of(np.stack(columns, axis=1), resamples)
    rows: list[dict[str, Any]] = []
    for above, names in zip(found, leading, strict=True):
        for category in CATEGORIES:
            estimate = sampled.mean([len(rows)])
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


def _examples(found: Sequence[Above], judge: Judge, worst: int) -> list[dict[str, Any]]:
    """For each mixed pool and query language the queries with the most unrelated documents above their answer.

    A query that meets several pools is shown once, in the pool that hurts it most. Of equal counts, the larger margin
    comes first, then the order of the collection.
    """
    groups: dict[tuple[str, str], list[tuple[int, float, int, Above, int]]] = {}
    for above in found:
        if above.setting.scenario not in _MIXED:
            continue
        harmed = above.unrelated.sum(axis=1)
        unrelated = (above.first >= 0) & ~above.first_related
        scores = np.where(unrelated, above.first_scores, -np.inf).max(axis=1)
        for at in np.flatnonzero(harmed).tolist():
            # Unrelated documents below the listed ones have no margin here; their number still counts.
            margin = float(scores[at]) - float(above.scores[at])
            key = (above.setting.scenario, above.setting.query_language)
            groups.setdefault(key, []).append((-int(harmed[at]), -margin, int(above.queries[at]), above, at))
    examples = []
    for candidates in groups.values():
        seen: set[int] = set()
        for _, _, query, above, at in sorted(candidates, key=lambda entry: entry[:3]):
            if len(seen) == worst:
                break
            if query not in seen:
                seen.add(query)
                examples.append(_example(above, at, judge))
    return examples


def _example(above: Above, at: int, judge: Judge) -> dict[str, Any]:
    queries, query = judge.collection.queries, int(above.queries[at])
    first = []
    for place, document in enumerate(above.first[at].tolist()):
        if document < 0:
            break
        margin = _margin(above.first_scores[at, place], above.scores[at])
        category = judge.category(query, document, margin, related=bool(above.first_related[at, place]))
        told = {"rank": place + 1, "category": category, "margin": margin}
        first.append(told | _document(judge, document, above.first_scores[at, place]))
    counts = zip(above.setting.pool, above.unrelated[at].tolist(), strict=True)
    return {
        "scenario": above.setting.scenario,
        "query_language": above.setting.query_language,
        "pool_languages": list(above.setting.pool),
        "query_id": queries.ids[query],
        "query": _cut(queries.texts[query]),
        "rank": int(above.ranks[at]),
        "max_rank": int(above.max_ranks[at]),
        "above": {label: count for label, count in counts if count},
        "answer": _document(judge, int(above.answers[at]), above.scores[at]),
        "first": first,
    }


def _document(judge: Judge, row: int, score: np.float32) -> dict[str, Any]:
    documents = judge.collection.documents
    return {
        "id": documents.ids[row],
        "language": documents.languages[row],
        "text": _cut(documents.texts[row]),
        "score": float(score),
    }


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
