"""A scan with feedback: every pool is searched once more, with queries moved towards its best document.

What is best differs by pool, so a query has a variant for each document that leads one of its pools. One second scan
ranks all variants; a setting reads those of its pool.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from clinometer.errors import UsageError
from clinometer.scanning.counts import RankCounts, TopK, counts_of
from clinometer.scenarios import Setting
from clinometer.scenarios.lists import leading_documents
from clinometer.scenarios.scanned import ScannedCollection, ScanPlan, scan_plan
from clinometer.scenarios.targets import csr_rows
from clinometer.scorers.base import Scanner, Scored

__all__ = ["FedBackCollection", "scan_with_feedback"]


@dataclass(frozen=True)
class FedBackCollection(ScannedCollection):
    """The first scan of a collection, and the second one by settings.

    Args:
        second: The second scan, whose queries are the variants.
        second_plan: Its plan.
        second_scan: Its scanner.
        variants: `(Q,)` for each setting: the variant of each of its queries, -1 for other queries.
    """

    second: ScannedCollection = field(kw_only=True)
    second_plan: ScanPlan = field(kw_only=True)
    second_scan: Scanner = field(kw_only=True)
    variants: Mapping[Setting, NDArray[np.int64]] = field(kw_only=True)

    def in_setting(self, setting: Setting) -> ScannedCollection:
        """The second scan of a setting's pool."""
        second, queries = self.second, self.variants[setting]
        counts, rows = _counts_of(second.counts, queries)
        judged = second.judged
        if judged is not None:
            judged_counts, judged_rows = _counts_of(judged.counts, queries)
            judged = judged._replace(
                counts=judged_counts, grades=judged.grades[judged_rows], places=judged.places[judged_rows]
            )
        return ScannedCollection(
            collection=self.collection,
            counts=counts,
            grades=second.grades[rows],
            places=second.places[rows],
            sizes=second.sizes,
            codes=second.codes,
            top=None if second.top is None else _lists_of(second.top, queries),
            ties=self.ties,
            excluded=self.excluded,
            left_out=self.left_out,
            judged=judged,
        )


def scan_with_feedback(plan: ScanPlan, scored: Scored, weight: float, settings: Sequence[Setting]) -> FedBackCollection:
    """Scan a collection twice: for the best document of each pool, and for everything else.

    Args:
        plan: Plan of the scan for everything else; of documents that tie for the first place, the first in its order
            is the best.
        scored: Scorer of the collection, with a second search.
        weight: Weight of the best document.
        settings: Settings of the plan.

    Raises:
        UsageError: The scorer has no embeddings, or their similarity is not the cosine.
    """
    if scored.second is None:
        raise UsageError(
            f"feedback needs embeddings that are compared by cosine, but {scored.record['name']} scores by "
            f"{scored.similarity}; leave it out"
        )
    collection = plan.collection
    settings = [*settings, *(setting.mirrored() for setting in settings if setting.removed)]
    first_plan = scan_plan(
        collection, [], settings, plan.ties, listed=1, pool_k=plan.pool_k and 1,
        exclude_own_id=plan.excluded is not None,
    )  # fmt: skip
    first = first_plan.scanned(scored.scan)
    leaders: dict[Setting | None, NDArray[np.int64]] = {
        setting: leading_documents(first, setting) for setting in settings
    }
    # The pool of all languages, for a run.
    leaders[None] = np.full(len(collection.queries), -1) if first.pooled is None else first.pooled.ids[:, 0]
    size = len(collection.documents) + 1
    # Document -1, of an empty pool or none, is the query itself.
    every = {name: np.arange(len(rows)) * size + rows + 1 for name, rows in leaders.items()}
    variants = np.unique(np.concatenate(list(every.values())))
    queries, documents = variants // size, variants % size - 1
    second_plan, second_scan = plan.of(queries), scored.second(queries, documents, weight)
    second = second_plan.scanned(second_scan)
    pooled = None if second.pooled is None else _lists_of(second.pooled, np.searchsorted(variants, every[None]))
    of_settings = {
        setting: np.where(first.in_language(setting.query_language), np.searchsorted(variants, every[setting]), -1)
        for setting in settings
    }
    fields = first.content() | {"pooled": pooled, "top": None, "left_out": second.left_out}
    return FedBackCollection(
        **fields, second=second, second_plan=second_plan, second_scan=second_scan, variants=of_settings
    )


def _counts_of(counts: RankCounts, queries: NDArray[np.int64]) -> tuple[RankCounts, NDArray[np.int64]]:
    """The counts of some queries, and their rows."""
    rows, indptr = csr_rows(counts.indptr, queries)
    return counts_of(counts, rows, indptr), rows


def _lists_of(lists: TopK, queries: NDArray[np.int64]) -> TopK:
    return replace(lists, ids=lists.ids[queries], scores=lists.scores[queries], places=lists.places[queries])
