"""Own first: of the documents in a query's own language, the one that was best before the remedies comes first.

Its score becomes that of the best document of its language after them, and a trace more, so that it comes right before
that one; all others keep their scores. In a pool of the query's own language the first place is then that of the
encoder without remedies, so nDCG@1 there stays as it was; in mixed pools the remedies decide where a language comes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from clinometer.correction.records import with_entry
from clinometer.scanning.counts import RankCounts, TopK
from clinometer.scanning.widths import narrow
from clinometer.scenarios import Setting
from clinometer.scenarios.feedback import FedBackCollection
from clinometer.scenarios.lists import leading_documents
from clinometer.scenarios.scanned import ScannedCollection, ScanPlan, scan_plan
from clinometer.scorers.base import Scanner, Scored

__all__ = ["OwnFirstCollection", "scan_own_first", "with_own_first"]


class Promotion(NamedTuple):
    """Rows of two documents of each query of a setting, in a scan of such documents; -1 where nothing changes.

    Args:
        first: `(Q,)`: the best document of the query's language before the remedies.
        best: `(Q,)`: the best one after them.
    """

    first: NDArray[np.int64]
    best: NDArray[np.int64]


@dataclass(frozen=True)
class OwnFirstCollection(ScannedCollection):
    """The scan of a collection with remedies, and what comes first in the query's language without them.

    Args:
        inner: The scan with remedies.
        rows: A scan with remedies whose targets are the documents that the promotions name.
        promotions: The promotions of each setting whose pool has the query's language.
    """

    inner: ScannedCollection = field(kw_only=True)
    rows: ScannedCollection = field(kw_only=True)
    promotions: Mapping[Setting, Promotion] = field(kw_only=True)

    def in_setting(self, setting: Setting) -> ScannedCollection:
        """The scan of a setting's pool, in which the promoted documents come first of their language."""
        after = self.inner.in_setting(setting)
        if setting not in self.promotions:
            return after
        promotion, column = self.promotions[setting], after.counts.languages.index(setting.query_language)
        judged = after.judged
        if judged is not None:
            judged = judged._replace(counts=self._promoted(judged.counts, judged.places, promotion, column))
        return replace(
            after,
            counts=self._promoted(after.counts, after.places, promotion, column),
            judged=judged,
            top=None if after.top is None else self._listed(after.top, promotion, column),
        )

    def _promoted(self, counts: RankCounts, places: NDArray[np.int64], promotion: Promotion, column: int) -> RankCounts:
        query_of = np.repeat(np.arange(len(counts.indptr) - 1), np.diff(counts.indptr))
        first, best = promotion.first[query_of], promotion.best[query_of]
        changed = np.flatnonzero(first >= 0)
        first, best = first[changed], best[changed]
        rows = self.rows.counts
        is_first = counts.documents[changed] == rows.documents[first]
        others = changed[~is_first]
        score, before, limit = counts.scores[others], rows.scores[first[~is_first]], rows.scores[best[~is_first]]
        tied = (before == score) & ~np.isneginf(before)
        greater, equal, preceding = (part.astype(np.int64) for part in (counts.greater, counts.equal, counts.before))
        greater[others, column] += (score <= limit) & ~(before > score)
        equal[others, column] -= tied
        preceding[others, column] -= tied & (self.rows.places[first[~is_first]] < places[others])
        promoted, best = changed[is_first], best[is_first]
        greater[promoted], equal[promoted], preceding[promoted] = rows.greater[best], 0, 0
        scores = counts.scores.astype(np.float64)
        scores[promoted] = _raised(rows.scores[best])
        return replace(counts, scores=scores, greater=narrow(greater), equal=narrow(equal), before=narrow(preceding))  # type: ignore[arg-type]

    def _listed(self, lists: TopK, promotion: Promotion, column: int) -> TopK:
        """The lists with each promoted document before the best one of its language."""
        queries = np.flatnonzero(promotion.first >= 0)
        first, best = promotion.first[queries], promotion.best[queries]
        rows, k = self.rows.counts, lists.k
        place = np.arange(k + 1)
        at = np.argmax(lists.ids[queries, column] == rows.documents[best][:, None], axis=1)[:, None]
        source = np.where(place <= at, np.minimum(place, k - 1), place - 1)
        documents = rows.documents[first]
        values = documents, _raised(rows.scores[best]), self.rows.places[first]
        ids = np.take_along_axis(lists.ids[queries, column], source, axis=1)
        order = np.argsort((ids == documents[:, None]) & (place > at), axis=1, kind="stable")[:, :k]
        arrays: list[NDArray[Any]] = [lists.ids.copy(), lists.scores.astype(np.float64), lists.places.copy()]
        for array, value in zip(arrays, values, strict=True):
            longer = np.take_along_axis(array[queries, column], source, axis=1)
            np.put_along_axis(longer, at, value[:, None], axis=1)
            array[queries, column] = np.take_along_axis(longer, order, axis=1)
        ids, scores, places = arrays
        return TopK(ids, scores, places, lists.languages)


def scan_own_first(
    plan: ScanPlan, scanned: ScannedCollection, scored: Scored, before: Scored, settings: Sequence[Setting]
) -> ScannedCollection:
    """Search without the remedies for the best document in each query's own language, and let it come first.

    Args:
        plan: Plan of the scan with remedies; its lists are not empty.
        scanned: The scan with remedies.
        scored: Its scorer.
        before: Scorer of the same collection without remedies.
        settings: Settings of the plan.
    """
    settings = [*settings, *(setting.mirrored() for setting in settings if setting.removed)]
    own = {setting: _own(setting) for setting in settings if setting.query_language in setting.pool}
    if not own:
        return scanned
    alone = scan_plan(
        plan.collection, [], list(own.values()), plan.ties, listed=1, exclude_own_id=plan.excluded is not None
    ).scanned(before.scan)
    second_plan, scan, variants = _last_search(plan, scanned, scored)
    size = len(plan.collection.documents)
    keys: dict[Setting, Promotion] = {}
    for setting, pool in own.items():
        first, best = leading_documents(alone, pool), leading_documents(scanned.in_setting(setting), pool)
        changes = (first >= 0) & (best >= 0) & (first != best)
        keys[setting] = Promotion(
            *(np.where(changes, variants(setting) * size + documents, -1) for documents in (first, best))
        )
    every = np.unique(np.concatenate([part for pair in keys.values() for part in pair]))
    every = every[every >= 0]
    rows = _scan_of(every // size, every % size, second_plan, scan)
    promotions = {
        setting: Promotion(*(np.where(part < 0, -1, np.searchsorted(every, part)) for part in pair))
        for setting, pair in keys.items()
    }
    return OwnFirstCollection(**scanned.content(), inner=scanned, rows=rows, promotions=promotions)


def with_own_first(record: Mapping[str, Any], before: str) -> dict[str, Any]:
    """The record of an encoder, as builtins, with this as its last remedy, after the encoder of the first places.

    Example:
        >>> record = with_own_first({"name": "model + center", "remedies": [{"method": "center"}]}, "model")
        >>> record["name"], record["remedies"][1]
        ('model + center + own-first', {'method': 'own-first', 'digest': '', 'settings': {'before': 'model'}})
    """
    return with_entry(record, {"method": "own-first", "digest": "", "settings": {"before": before}})


def _raised(scores: NDArray[Any]) -> NDArray[np.float64]:
    """The next number in double precision: above the score, and below the next one in single precision."""
    return np.nextafter(scores.astype(np.float64), np.inf)


def _own(setting: Setting) -> Setting:
    """The setting of the part of a pool that is in the query's language."""
    label = setting.query_language
    return Setting("mono-same", label, (label,), removed=label if setting.removed == label else None)


def _last_search(plan: ScanPlan, scanned: ScannedCollection, scored: Scored) -> tuple[ScanPlan, Scanner, Any]:
    """The plan and the scanner of the search with all remedies, and its query for each one of a setting."""
    if isinstance(scanned, FedBackCollection):
        return scanned.second_plan, scanned.second_scan, scanned.variants.__getitem__
    queries = np.arange(len(plan.collection.queries))
    return plan, scored.scan, lambda _: queries


def _scan_of(
    queries: NDArray[np.int64], documents: NDArray[np.int64], plan: ScanPlan, scan: Scanner
) -> ScannedCollection:
    """A scan whose targets are some documents, in ascending order of their queries."""
    indptr = np.searchsorted(queries, np.arange(len(plan.targets[0]))).astype(np.int64)
    targets = indptr, documents, np.zeros(len(documents), dtype=np.int64)
    return replace(plan, targets=targets, is_related=None, is_judged=None, depth=0, pool_k=0).scanned(scan)
