"""What stands above the answer in the query's own language, in one setting: from counts and lists, without texts."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from clinometer.scenarios import Setting
from clinometer.scenarios.scanned import ScannedCollection

__all__ = ["Above", "above_answers"]


class Above(NamedTuple):
    """The queries of a setting that have an answer in their own language there, q of them.

    Equal scores stand in the order of the scan (`index`, or `trec`) whatever the tie mode of the measures.

    Args:
        setting: Which queries against which pool.
        queries: `(q,)`: their rows.
        answers: `(q,)`: row of the best placed answer in the query's language.
        scores: `(q,)`: its score.
        ranks: `(q,)`: its rank, from 1.
        max_ranks: `(q,)`: rank of the worst placed answer of any language.
        unrelated: `(q, P)`: unrelated documents above it, by language of the pool.
        first: `(q, k)`: the documents at the top of the ranking that stand above it, best first, -1 where there are
            fewer.
        first_scores: `(q, k)`: their scores.
        first_related: `(q, k)`: whether they are answers or verbatim duplicates of answers.
    """

    setting: Setting
    queries: NDArray[np.int64]
    answers: NDArray[np.int64]
    scores: NDArray[np.float32]
    ranks: NDArray[np.int64]
    max_ranks: NDArray[np.int64]
    unrelated: NDArray[np.int64]
    first: NDArray[np.int64]
    first_scores: NDArray[np.float32]
    first_related: NDArray[np.bool_]


def above_answers(scanned: ScannedCollection, setting: Setting, depth: int) -> Above | None:
    """What stands above the answers of a setting; None where no query has one in its own language.

    Args:
        scanned: A scan whose lists are `depth` long in each of its pools (`scan_collection(listed=depth)`).
        setting: The pool.
        depth: How many documents of the top are wanted by name, k.
    """
    if setting.query_language not in setting.pool or setting.removed == setting.query_language:
        return None
    queries, placed = scanned.placements(setting)
    own = np.flatnonzero(placed.language == setting.pool.index(setting.query_language))
    if not own.size:
        return None
    places = 1 + placed.above + placed.preceding
    ordered = own[np.lexsort((places[own], placed.query[own]))]
    best = ordered[np.unique(placed.query[ordered], return_index=True)[1]]
    of_query = placed.query[best]
    deepest = np.maximum.reduceat(places, placed.indptr[:-1])
    rows = scanned.answers(setting)[best]
    counts, unrelated = scanned.counts, placed.unrelated()
    asked, ranks = queries[of_query], places[best]
    first, scores, related = _top(scanned, setting, asked, depth)
    below = np.arange(first.shape[1]) >= ranks[:, None] - 1
    return Above(
        setting=setting,
        queries=asked,
        answers=counts.documents[rows],
        scores=counts.scores[rows],
        ranks=ranks,
        max_ranks=deepest[of_query],
        unrelated=unrelated.greater[best] + unrelated.before[best],
        first=np.where(below, -1, first),
        first_scores=np.where(below, np.float32(np.nan), scores),
        first_related=related & ~below,
    )


def _top(
    scanned: ScannedCollection, setting: Setting, queries: NDArray[np.int64], depth: int
) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.bool_]]:
    """The first documents of each query's own pool, their scores, and which of them are answers or their duplicates."""
    lists = scanned.top
    assert lists is not None  # noqa: S101 - the scan was asked for lists
    lists = replace(lists, ids=lists.ids[queries], scores=lists.scores[queries], places=lists.places[queries])
    top = lists.pool(label for label in setting.pool if label in (lists.languages or ()))
    related = np.isin(scanned.keys(queries[:, None], top.ids), scanned.related_keys) & (top.ids >= 0)
    ids, scores = top.ids, top.scores
    if setting.removed is not None:
        code = scanned.counts.languages.index(setting.removed)
        gone = related & (np.where(ids < 0, -1, scanned.codes[ids]) == code)
        order = np.argsort(gone, axis=1, kind="stable")
        parts = (np.where(gone, -1, ids), np.where(gone, np.float32(np.nan), scores), related & ~gone)
        ids, scores, related = (np.take_along_axis(part, order, axis=1) for part in parts)
    return ids[:, :depth], scores[:, :depth], related[:, :depth]
