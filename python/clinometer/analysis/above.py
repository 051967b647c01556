"""The documents above the answer in the query's own language, in one setting: from counts and lists, without texts."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from clinometer.scenarios import Setting
from clinometer.scenarios.lists import top_documents
from clinometer.scenarios.scanned import ScannedCollection

__all__ = ["Above", "above_answers"]


class Above(NamedTuple):
    """The q queries of a setting whose pool holds an answer in their own language.

    Equal scores are in the order of the scan (`index` or `trec`), independent of the tie mode of the measures.

    Args:
        setting: Setting: the queries and their pool.
        queries: `(q,)`: rows of the queries.
        answers: `(q,)`: row of the best ranked answer in the query's language.
        scores: `(q,)`: score of that answer; minus infinity if it was not retrieved.
        ranks: `(q,)`: rank of that answer, from 1; 0 if it was not retrieved.
        max_ranks: `(q,)`: rank of the worst ranked answer of any language; 0 if one was not retrieved.
        unrelated: `(q, P)`: number of unrelated documents above that answer, by language of the pool.
        first: `(q, k)`: the first documents of the ranking that are above that answer, best first, then -1.
        first_scores: `(q, k)`: scores of these documents.
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
    """The documents above the answers of a setting; None if no query has an answer in its own language.

    Args:
        scanned: Scan whose lists are `depth` long in each of its pools (`scan_plan(listed=depth)`).
        setting: Setting of the queries and the pool.
        depth: Number k of documents to list from the top of the ranking.
    """
    if setting.query_language not in setting.pool or setting.removed == setting.query_language:
        return None
    scanned = scanned.in_setting(setting)
    queries, placed = scanned.placements(setting)
    own = np.flatnonzero(placed.language == setting.pool.index(setting.query_language))
    if not own.size:
        return None
    missed = np.zeros(len(placed.language), dtype=np.bool_)
    missed[placed.missed_rows] = True
    places = 1 + placed.above + placed.preceding
    ordered = own[np.lexsort((places[own], placed.query[own]))]
    best = ordered[np.unique(placed.query[ordered], return_index=True)[1]]
    of_query = placed.query[best]
    deepest = np.maximum.reduceat(places, placed.indptr[:-1])
    rows = scanned.answers(setting)[best]
    counts, unrelated = scanned.counts, placed.unrelated()
    own_queries, best_places = queries[of_query], places[best]
    first, scores, related = top_documents(scanned, setting, own_queries, depth)
    below = np.arange(first.shape[1]) >= best_places[:, None] - 1
    return Above(
        setting=setting,
        queries=own_queries,
        answers=counts.documents[rows],
        scores=counts.scores[rows],
        ranks=np.where(missed[best], 0, best_places),
        max_ranks=np.where(placed.missed, 0, deepest)[of_query],
        unrelated=unrelated.greater[best] + unrelated.before[best] * ~missed[best, None],
        first=np.where(below, -1, first),
        first_scores=np.where(below, np.float32(np.nan), scores),
        first_related=related & ~below,
    )
