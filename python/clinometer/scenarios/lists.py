"""Which language leads a ranking where no relevant document does, read from the result lists per language.

The counts say exactly whether a relevant document stands on top, and which; of the unrelated ones above it they know
the number in each language, but not which of them comes first. That is all that is taken from the lists.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from clinometer.errors import MeasureError
from clinometer.measures.placements import Placements
from clinometer.scenarios import Setting
from clinometer.scenarios.scanned import Survey

__all__ = ["leading_share"]


def leading_share(
    survey: Survey, setting: Setting, queries: NDArray[np.int64], placed: Placements
) -> NDArray[np.float64] | None:
    """Share of the query's language among the documents that stand first once the relevant ones are left out.

    Args:
        survey: Has the lists.
        setting: The pool, and what is removed from it.
        queries: `(q,)`: rows of the queries.
        placed: Where their relevant documents stand.

    Returns:
        `(q,)`: 0 or 1 in a tie mode with a fixed order, else the share of those that tie there. None where the setting
        has no lists, or the pool no other language than the query's.

    Raises:
        MeasureError: With expected ties, more documents share a first place than the lists are long.
    """
    lists = survey.top
    if lists is None or lists.languages is None or setting.query_language not in setting.pool or len(setting.pool) < 2:
        return None
    labels = [label for label in setting.pool if label in lists.languages]
    columns = [lists.languages.index(label) for label in labels]
    ids, scores, places = (part[queries][:, columns] for part in (lists.ids, lists.scores, lists.places))
    counts, pool_size = survey.standings.counts, len(survey.codes)
    query_of = np.repeat(np.arange(len(counts.indptr) - 1), np.diff(counts.indptr))
    keys = queries[:, None, None] * pool_size + ids
    answers = (query_of * pool_size + counts.documents)[survey.standings.grades >= 1]
    left_out = (ids < 0) | np.isin(keys, answers)
    if setting.removed in labels:
        removed = labels.index(setting.removed)
        left_out[:, removed] |= np.isin(keys[:, removed], survey.related)
    ranked = np.where(left_out, -np.inf, scores)
    best = ranked.max(axis=(1, 2), keepdims=True, initial=-np.inf)
    first = (ranked == best) & ~left_out
    if placed.ties == "expected":
        _check_depth(survey, setting, placed, labels, (scores == best)[:, :, -1], lists.k)
    else:
        place = np.where(first, places, np.iinfo(np.int64).max)
        first &= place == place.min(axis=(1, 2), keepdims=True)
    found = np.count_nonzero(first, axis=(1, 2))
    own = [number for number, label in enumerate(labels) if label == setting.query_language]
    share: NDArray[np.float64] = np.count_nonzero(first[:, own], axis=(1, 2)) / np.maximum(found, 1)
    return share


def _check_depth(
    survey: Survey, setting: Setting, placed: Placements, labels: list[str], full: NDArray[np.bool_], depth: int
) -> None:
    """Refuse lists that end amid the documents of a first place, where no relevant document stands there."""
    sizes = [survey.standings.sizes[survey.standings.counts.languages.index(label)] for label in labels]
    without_answer = np.minimum.reduceat(placed.above, placed.indptr[:-1]) > 0 if len(placed) else np.empty(0, bool)
    open_ended = np.count_nonzero((full & (np.array(sizes) > depth)).any(axis=1) & without_answer)
    if open_ended:
        raise MeasureError(
            f"{setting.scenario}, pool {'+'.join(setting.pool)}: for {open_ended} queries {depth} or more documents of "
            "one language tie for the first place, too many to know all; choose another tie mode than expected, or "
            "leave out LPR(variant=any) and FourWay(NSR-...)"
        )
