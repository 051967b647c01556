"""What measures read from the result lists of a setting: its documents, and which language leads if no answer does.

The counts show exactly whether a relevant document is first, and which one; of the unrelated documents above it they
hold the number in each language, but not which comes first. `leading_share` reads only that from the lists.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from clinometer.errors import MeasureError
from clinometer.measures.placements import Placements
from clinometer.scanning.counts import TopK
from clinometer.scenarios import Setting
from clinometer.scenarios.scanned import ScannedCollection

__all__ = ["ListedDocuments", "leading_documents", "leading_share", "top_documents"]


class ListedDocuments:
    """The best documents of a setting's pool for some of its queries; see `clinometer.measures.Listed`.

    Args:
        scanned: The collection with its lists.
        setting: Setting of the queries: the pool, and what is removed from it.
        queries: `(q,)`: rows of the queries.
    """

    def __init__(self, scanned: ScannedCollection, setting: Setting, queries: NDArray[np.int64]) -> None:
        self._scanned, self._setting, self._queries = scanned, setting, queries
        self.languages, self.pool = scanned.counts.languages, setting.pool

    @cached_property
    def codes(self) -> NDArray[np.int64]:
        """`(q, k)`: language of each document; -1 past the last one that was retrieved."""
        return self._documents[1]

    @cached_property
    def related(self) -> NDArray[np.bool_]:
        """`(q, k)`: whether it is a relevant document or a duplicate of one."""
        return self._scanned.is_related(self._documents[0])

    @cached_property
    def judged(self) -> NDArray[np.bool_]:
        """`(q, k)`: whether it has a judgement."""
        return self._scanned.is_judged(self._documents[0])

    @cached_property
    def _documents(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Keys of query and document, and languages."""
        scanned, setting, queries = self._scanned, self._setting, self._queries
        assert scanned.top is not None  # noqa: S101 - made where there are lists
        ids = _pool_lists(scanned.top, setting, queries).ids
        codes = np.where(ids < 0, -1, scanned.codes[ids])
        keys = np.where(ids < 0, -1, scanned.keys(queries[:, None], ids))
        if setting.removed is not None:
            removed = scanned.is_related(keys) & (codes == self.languages.index(setting.removed))
            order = np.argsort(removed, axis=1, kind="stable")
            keys, codes = (np.take_along_axis(np.where(removed, -1, part), order, axis=1) for part in (keys, codes))
        return keys, codes


def leading_share(
    scanned: ScannedCollection, setting: Setting, queries: NDArray[np.int64], placed: Placements
) -> NDArray[np.float64] | None:
    """Share of the query's language among the documents in first place, without the relevant ones.

    Args:
        scanned: The collection with its lists.
        setting: Setting of the queries: the pool, and what is removed from it.
        queries: `(q,)`: rows of the queries.
        placed: Placements of their relevant documents.

    Returns:
        `(q,)`: 0 or 1 in a tie mode with a fixed order, else the share among those that tie for it. None if the setting
        has no lists, or the pool no other language than the query's.

    Raises:
        MeasureError: With expected ties, more documents share a first place than the lists are long.
    """
    lists = scanned.top
    if lists is None or lists.languages is None or setting.query_language not in setting.pool or len(setting.pool) < 2:
        return None
    labels = [label for label in setting.pool if label in lists.languages]
    columns = [lists.languages.index(label) for label in labels]
    ids = lists.ids[queries][:, columns]
    scores, places = (part[queries][:, columns] for part in (lists.scores, lists.places))
    keys = scanned.keys(queries[:, None, None], ids)
    answers = scanned.keys(scanned.query_of, scanned.counts.documents)[scanned.grades >= 1]
    left_out = (ids < 0) | np.isin(keys, answers)
    if setting.removed in labels:
        removed = labels.index(setting.removed)
        left_out[:, removed] |= scanned.is_related(keys[:, removed])
    ranked = np.where(left_out, -np.inf, scores)
    best = ranked.max(axis=(1, 2), keepdims=True, initial=-np.inf)
    first = (ranked == best) & ~left_out
    if placed.ties == "expected":
        _check_depth(scanned, setting, placed, labels, (scores == best)[:, :, -1], lists.k)
    else:
        place = np.where(first, places, np.iinfo(np.int64).max)
        first &= place == place.min(axis=(1, 2), keepdims=True)
    first_count = np.count_nonzero(first, axis=(1, 2))
    own = [number for number, label in enumerate(labels) if label == setting.query_language]
    share: NDArray[np.float64] = np.count_nonzero(first[:, own], axis=(1, 2)) / np.maximum(first_count, 1)
    return share


def _check_depth(
    scanned: ScannedCollection,
    setting: Setting,
    placed: Placements,
    labels: list[str],
    full: NDArray[np.bool_],
    depth: int,
) -> None:
    """Refuse lists that end among documents that tie for first place, unless a relevant one is among these."""
    sizes = [scanned.sizes[scanned.counts.languages.index(label)] for label in labels]
    without_answer = np.minimum.reduceat(placed.above, placed.indptr[:-1]) > 0 if len(placed) else np.empty(0, bool)
    open_ended = np.count_nonzero((full & (np.array(sizes) > depth)).any(axis=1) & without_answer)
    if open_ended:
        raise MeasureError(
            f"{setting.scenario}, pool {'+'.join(setting.pool)}: for {open_ended} queries {depth} or more documents of "
            "one language tie for the first place, too many to list; choose another tie mode than expected, or "
            "leave out LPR(variant=any) and FourWay(NSR-...)"
        )


def top_documents(
    scanned: ScannedCollection, setting: Setting, queries: NDArray[np.int64], depth: int
) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.bool_]]:
    """The first documents of each query's own pool, best first, then -1.

    Args:
        scanned: Scan whose lists are `depth` long in each of its pools (`scan_plan(listed=depth)`).
        setting: Setting of the queries and the pool.
        queries: `(q,)`: rows of the queries.
        depth: Number k of documents.

    Returns:
        `(q, k)` each: the documents, their scores, and whether they are answers or verbatim duplicates of answers.
    """
    lists = scanned.top
    assert lists is not None  # noqa: S101 - the scan has lists
    top = _pool_lists(lists, setting, queries)
    related = scanned.is_related(scanned.keys(queries[:, None], top.ids)) & (top.ids >= 0)
    ids, scores = top.ids, top.scores
    if setting.removed is not None:
        code = scanned.counts.languages.index(setting.removed)
        removed = related & (np.where(ids < 0, -1, scanned.codes[ids]) == code)
        order = np.argsort(removed, axis=1, kind="stable")
        parts = (np.where(removed, -1, ids), np.where(removed, np.float32(np.nan), scores), related & ~removed)
        ids, scores, related = (np.take_along_axis(part, order, axis=1) for part in parts)
    return ids[:, :depth], scores[:, :depth], related[:, :depth]


def leading_documents(scanned: ScannedCollection, setting: Setting) -> NDArray[np.int64]:
    """`(Q,)`: the best document of a setting's pool for each of its queries; -1 for other queries."""
    leaders = np.full(len(scanned.collection.queries), -1, dtype=np.int64)
    members = np.flatnonzero(scanned.in_language(setting.query_language))
    leaders[members] = top_documents(scanned, setting, members, 1)[0][:, 0]
    return leaders


def _pool_lists(lists: TopK, setting: Setting, queries: NDArray[np.int64]) -> TopK:
    """The lists of some queries in the setting's pool; those of the other queries are not merged."""
    lists = replace(lists, ids=lists.ids[queries], scores=lists.scores[queries], places=lists.places[queries])
    return lists.pool(label for label in setting.pool if label in (lists.languages or ()))
