"""Sentences about what was not retrieved, which queries the means are over, ties, and what a scenario cannot hide."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinometer.correction.expansion import METHOD
from clinometer.evaluation.per_query import SettingValues, setting_values
from clinometer.measures import Measure
from clinometer.scanning.counts import Counts, counts_within, tie_order
from clinometer.scenarios import Setting
from clinometer.scenarios.scanned import ScannedCollection

__all__ = ["MANY_TIES", "expansion_notices", "query_notices", "tie_notices"]

MANY_TIES = 0.01
"""Share of the answers that tie with another document from which a notice says so."""

_LEAN = ("LPR", "PivotFirst", "RankGap")
_ORDERS = {
    "index": "keeps equal scores in the order of the collection",
    "trec": "puts equal scores in descending order of document id",
    "optimistic": "puts tied answers first, in the order of the collection",
    "pessimistic": "puts tied answers last, in the order of the collection",
}


def expansion_notices(remedies: Iterable[Mapping[str, Any]], settings: Iterable[Setting]) -> list[str]:
    """A sentence if versions of answers are removed from a pool whose documents were expanded by them.

    Example:
        >>> removing = Setting("one-sided", "de", ("en", "de"), "en", removed="en")
        >>> expansion_notices([{"method": "expansion"}], [removing])
        ['one-sided removes a version of each answer, but the expansion has blended it into the other one: ...']
    """
    names = sorted({setting.scenario for setting in settings if setting.removed is not None})
    if not names or not any(entry.get("method") == METHOD for entry in remedies):
        return []
    return [
        f"{', '.join(names)} removes a version of each answer, but the expansion has blended it into the other one: "
        "figures there are better than those of an index without that version"
    ]


def query_notices(
    scanned: ScannedCollection, results: Sequence[SettingValues], unlisted: Iterable[str], query_set: str
) -> list[str]:
    """Sentences about queries without a list or a relevant document, and about measures of answers without a rank."""
    notices = []
    ids = scanned.collection.queries.ids
    if without_list := len(set(ids) & set(unlisted)):
        effect = (
            "are left out, as in trec_eval without -c; query_set=complete counts them as missed"
            if query_set == "listed"
            else "count as missed; query_set=listed leaves them out, as trec_eval without -c does"
        )
        notices.append(f"{without_list:,} of {len(ids):,} queries have no list and {effect}")
    if unanswered := sum(result.unanswered for result in results):
        notices.append(
            f"{unanswered:,} times, a judged query has no answer in a setting's pool; it counts as 0 in the measures "
            "of trec_eval, as there, and query_set=answered leaves it out"
        )
    unranked: Counter[str] = Counter()
    defined: Counter[str] = Counter()
    for result in results:
        unranked.update(result.unranked)
        for name, column in result.values.items():
            defined[name] += int(np.count_nonzero(~np.isnan(column)))
    if unranked:
        parts = ", ".join(f"{name} {defined[name]:,} of {defined[name] + count:,}" for name, count in unranked.items())
        notices.append(
            "answers that were not retrieved have no rank, so some measures have a value for fewer queries (all "
            f"settings together): {parts}; these figures leave out the harder queries"
        )
    return notices


def tie_notices(
    scanned: ScannedCollection, results: Sequence[SettingValues], measures: Sequence[Measure], pivot: str
) -> list[str]:
    """A sentence if many answers tie: their share, whom the order favours, and figures that do not depend on it."""
    counts = scanned.counts
    answers = (scanned.grades >= 1) & counts.retrieved
    tied = answers & counts.equal.any(axis=1)
    tied_count, count = int(tied.sum()), int(answers.sum())
    if tied_count < max(MANY_TIES * count, 1) or scanned.ties == "expected":
        return []
    notice = (
        f"{tied_count / count:.1%} of the answers tie with other documents ({tied_count:,} of {count:,}); "
        f"ties={scanned.ties} {_ORDERS[scanned.ties]}"
    )
    if favoured := _favoured(scanned, tied):
        notice += ", which favours {}: it comes first in {:.1%} of its ties with other languages".format(*favoured)
    return [notice + _at_expected_ties(scanned, results, measures, pivot)]


def _favoured(scanned: ScannedCollection, tied: NDArray[np.bool_]) -> tuple[str, float] | None:
    """The language that the order of ties favours most, and the share of its ties with others that it comes first in.

    Ties between the answers of a query decide which language comes first; only without any, all ties count.
    """
    counts, order = scanned.counts, tie_order(scanned.ties)
    between_answers = counts_within(counts, scanned.places, members=tied)
    every = Counts(counts.greater, counts.equal, counts.tied_before(order))
    for ties in (between_answers, every):
        others = tied[:, None] & (counts.codes[:, None] != np.arange(len(counts.languages)))
        after, before = (ties.equal - ties.before) * others, ties.before * others
        wins, losses = before.sum(axis=0, dtype=np.int64), after.sum(axis=0, dtype=np.int64)
        # An answer before a document in another language is a win of its own language.
        np.add.at(wins, counts.codes, after.sum(axis=1, dtype=np.int64))
        np.add.at(losses, counts.codes, before.sum(axis=1, dtype=np.int64))
        best = int(np.argmax(wins - losses))
        if wins[best] > losses[best]:
            return counts.languages[best], float(wins[best] / (wins[best] + losses[best]))
    return None


def _at_expected_ties(
    scanned: ScannedCollection, results: Sequence[SettingValues], measures: Sequence[Measure], pivot: str
) -> str:
    """The measures of lean where the order of ties moves them most, with and without it; empty if it moves none."""
    lean = [measure for measure in measures if measure.name in _LEAN and measure.needs == "counts"]
    settings = [result.setting for result in results if any(str(measure) in result.values for measure in lean)]
    ordered = {result.setting: result.values for result in results}
    moved: dict[str, tuple[float, str]] = {}
    for result in setting_values(replace(scanned, ties="expected"), lean, settings, pivot):
        for name, column in result.values.items():
            if name not in ordered[result.setting]:
                continue
            value, expected = float(np.nanmean(ordered[result.setting][name])), float(np.nanmean(column))
            where = f"{result.setting.scenario}, {result.setting.query_language} in {'+'.join(result.setting.pool)}"
            text = f"{name} {expected:.3g} instead of {value:.3g} ({where})"
            if abs(value - expected) > moved.get(name, (1e-9, ""))[0]:
                moved[name] = (abs(value - expected), text)
    if not moved:
        return ""
    return "; ties=expected takes the mean over all orders: " + ", ".join(text for _, text in moved.values())
