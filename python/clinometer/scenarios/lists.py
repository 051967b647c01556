"""What measures need of the result lists of a setting: its documents, and which language leads where no answer does.

The counts say exactly whether a relevant document is on top, and which; of the unrelated ones above it they know the
number in each language, but not which of them comes first. That is all that `leading_share` takes from the lists.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from clinometer.errors import MeasureError
from clinometer.measures import Listed
from clinometer.measures.placements import Placements
from clinometer.scenarios import Setting
from clinometer.scenarios.scanned import ScannedCollection

__all__ = ["leading_share", "listed_documents"]


def listed_documents(scanned: ScannedCollection, setting: Setting, queries: NDArray[np.int64]) -> Listed | None:
    """The best documents of a setting's pool for some of its queries; None if the scan kept no lists.

    Args:
        scanned: The collection with its lists.
        setting: The pool, and what is removed from it.
        queries: `(q,)`: rows of the queries.
    """
    if scanned.top is None:
        return None
    labels = scanned.counts.languages
    lists = scanned.top.pool(label for label in setting.pool if label in (scanned.top.languages or ()))
    ids = lists.ids[queries]
    codes = np.where(ids < 0, -1, scanned.codes[ids])
    keys = np.where(ids < 0, -1, scanned.keys(queries[:, None], ids))
    if setting.removed is not None:
        removed = np.isin(keys, scanned.related_keys) & (codes == labels.index(setting.removed))
        order = np.argsort(removed, axis=1, kind="stable")
        keys, codes = (np.take_along_axis(np.where(removed, -1, part), order, axis=1) for part in (keys, codes))
    related, judged = np.isin(keys, scanned.related_keys), np.isin(keys, scanned.judged_keys)
    return Listed(codes, related, judged, labels, setting.pool)


def leading_share(
    scanned: ScannedCollection, setting: Setting, queries: NDArray[np.int64], placed: Placements
) -> NDArray[np.float64] | None:
    """Share of the query's language among the documents that stand first once the relevant ones are left out.

    Args:
        scanned: The collection with its lists.
        setting: The pool, and what is removed from it.
        queries: `(q,)`: rows of the queries.
        placed: Where their relevant documents stand.

    Returns:
        `(q,)`: 0 or 1 in a tie mode with a fixed order, else the share of those that tie there. None where the setting
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
        left_out[:, removed] |= np.isin(keys[:, removed], scanned.related_keys)
    ranked = np.where(left_out, -np.inf, scores)
    best = ranked.max(axis=(1, 2), keepdims=True, initial=-np.inf)
    first = (ranked == best) & ~left_out
    if placed.ties == "expected":
        _check_depth(scanned, setting, placed, labels, (scores == best)[:, :, -1], lists.k)
    else:
        place = np.where(first, places, np.iinfo(np.int64).max)
        first &= place == place.min(axis=(1, 2), keepdims=True)
    found = np.count_nonzero(first, axis=(1, 2))
    own = [number for number, label in enumerate(labels) if label == setting.query_language]
    share: NDArray[np.float64] = np.count_nonzero(first[:, own], axis=(1, 2)) / np.maximum(found, 1)
    return share


def _check_depth(
    scanned: ScannedCollection,
    setting: Setting,
    placed: Placements,
    labels: list[str],
    full: NDArray[np.bool_],
    depth: int,
) -> None:
    """Refuse lists that end amid the documents of a first place, where no relevant document stands there."""
    sizes = [scanned.sizes[scanned.counts.languages.index(label)] for label in labels]
    without_answer = np.minimum.reduceat(placed.above, placed.indptr[:-1]) > 0 if len(placed) else np.empty(0, bool)
    open_ended = np.count_nonzero((full & (np.array(sizes) > depth)).any(axis=1) & without_answer)
    if open_ended:
        raise MeasureError(
            f"{setting.scenario}, pool {'+'.join(setting.pool)}: for {open_ended} queries {depth} or more documents of "
            "one language tie for the first place, too many to know all; choose another tie mode than expected, or "
            "leave out LPR(variant=any) and FourWay(NSR-...)"
        )
