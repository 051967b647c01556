"""A remedy measured on a trial: what it gains, what it costs plain retrieval, and whether the gain is beyond chance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinometer.advice.evidence import Trial
from clinometer.comparison import Comparison, compare
from clinometer.correction import Correction
from clinometer.evaluation.results import Evaluation

__all__ = ["Measured", "better", "compared", "harm", "largest_fall", "lean", "measured", "too_low"]

_SIGNIFICANT = 0.05
_HARDLY_CHANCE = 0.2
_RESAMPLES = 1000
_SIGNS = 2000


@dataclass(frozen=True, eq=False)
class Measured:
    """A remedy on a trial.

    Args:
        name: Name of the remedy.
        evaluation: Values per query; None without judgements.
        counts: `(queries, languages)`: languages of each query's first documents; see `Trial.language_counts`.
        query_codes: `(queries,)`: number of each query's language.
    """

    name: str
    evaluation: Evaluation | None
    counts: NDArray[np.int64]
    query_codes: NDArray[np.int64]

    @property
    def lean(self) -> float:
        """See the function `lean`."""
        return lean(self.counts, self.query_codes)

    @property
    def complete(self) -> float | None:
        """Mean Complete@10 in `multi`, from 0 to 100; None with fewer than 60 queries that have two answers."""
        row = self._row("Complete@10", "multi")
        return None if row is None else float(row["value"])

    @property
    def plain(self) -> float | None:
        """Mean nDCG@1 in `mono-same`, from 0 to 1; None without judgements."""
        row = self._row("nDCG@1", "mono-same")
        return None if row is None else float(row["value"])

    def _row(self, measure: str, scenario: str) -> dict[str, Any] | None:
        if self.evaluation is None:
            return None
        key = (measure, scenario, "macro")
        return next(
            (row for row in self.evaluation.rows if (row["measure"], row["scenario"], row["query_language"]) == key),
            None,
        )


def measured(name: str, trial: Trial, correction: Correction | None, pivot: str) -> Measured:
    """Measure a correction, or None for no remedy, on a trial."""
    code_of = {label: code for code, label in enumerate(trial.coded_languages.labels)}
    query_codes = np.array([code_of.get(label, -1) for label in trial.query_languages], dtype=np.int64)
    queries, documents = trial.corrected(correction)
    return Measured(
        name, trial.evaluated(queries, documents, pivot), trial.language_counts(queries, documents), query_codes
    )


def lean(counts: NDArray[np.int64], query_codes: NDArray[np.int64]) -> float:
    """How far the languages of the first documents are from equal shares, from 0 (equal) towards 1.

    For each language of queries half the sum over document languages of |share - 1/L| (total variation), where the pool
    has equally many documents of each of its L languages; then the mean over the languages of queries. Ours. Where
    languages differ by topic, some of it is right, so only differences on one pool mean something.

    Args:
        counts: `(queries, L)`: number of the first documents of each language.
        query_codes: `(queries,)`: number of each query's language.

    Example:
        >>> lean(np.array([[10, 0], [5, 5]]), np.array([0, 1]))
        0.25
    """
    order, starts = _grouped(query_codes)
    return _mean_distance(np.add.reduceat(counts[order], starts))


def _grouped(query_codes: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """An order in which queries of one language follow each other, and where each language starts in it."""
    order = np.argsort(query_codes, kind="stable")
    return order, np.unique(query_codes[order], return_index=True)[1]


def _mean_distance(totals: NDArray[np.int64]) -> float:
    """The lean of `(languages of queries, L)` numbers of documents."""
    shares = totals / np.maximum(totals.sum(axis=1, keepdims=True), 1)
    return float(np.mean(0.5 * np.abs(shares - 1 / totals.shape[1]).sum(axis=1)))


def compared(before: Measured, after: Measured) -> Comparison | None:
    """The comparison of two remedies on one trial; None without judgements."""
    if before.evaluation is None or after.evaluation is None:
        return None
    return compare(before.evaluation, after.evaluation, labels=["before", "after"], resamples=_SIGNS)


def better(current: Measured, candidate: Measured, comparison: Comparison | None) -> bool:
    """Whether the candidate gains beyond chance: in Complete@10, or in the lean without a lower Complete@10.

    Complete@10: paired permutation test by clusters, p below .05. The lean: it falls in 97.5 % of resamples of the
    queries. The comparison is that of the two; see `compared`.
    """
    if comparison is not None and current.complete is not None and candidate.complete is not None:
        row = comparison.row("Complete@10", "multi", "macro")
        if row is None or row["difference"] < 0:
            return False
        if row["difference"] > 0 and row["p"] < _SIGNIFICANT:
            return True
    draw = np.random.default_rng(0)
    size = len(current.query_codes)
    order, starts = _grouped(current.query_codes)
    sides = candidate.counts[order], current.counts[order]
    falls = 0
    for _ in range(_RESAMPLES):
        # How often each query is drawn tells as much as the drawn rows, and is summed faster.
        times = np.bincount(draw.integers(size, size=size), minlength=size)[order]
        drawn = np.add.reduceat(times, starts) > 0
        after, before = (_mean_distance(np.add.reduceat(times[:, None] * side, starts)[drawn]) for side in sides)
        falls += after < before
    return falls >= 0.975 * _RESAMPLES


def harm(comparison: Comparison | None, tolerance: float) -> tuple[dict[str, Any] | None, list[str]]:
    """The row of the mean change of nDCG@1 within languages, and the reasons why it is too much harm.

    The mean is too low by `too_low`, and a language if it falls by more than the tolerance beyond chance: by the upper
    end of the 95 % interval of its change. None and no reasons without judgements, for which there is no comparison.
    """
    if comparison is None:
        return None, []
    rows = [row for row in comparison.rows if (row["measure"], row["scenario"]) == ("nDCG@1", "mono-same")]
    mean = next((row for row in rows if row["query_language"] == "macro"), None)
    reasons = []
    if mean is not None and too_low(mean["difference"], None if mean["ci_high"] is None else mean["p"], tolerance):
        reasons.append(f"nDCG@1 within languages changes by {100 * mean['difference']:+.1f} points")
    reasons += [
        f"nDCG@1 in {row['query_language']} changes by {100 * row['difference']:+.1f} points"
        for row in rows
        if not row["query_language"].startswith("macro") and row["ci_high"] is not None and row["ci_high"] < -tolerance
    ]
    return mean, reasons


def too_low(difference: float, p: float | None, tolerance: float) -> bool:
    """Whether a mean falls by more than the tolerance, and hardly by chance: the p of its paired test is below 0.2.

    So at most one in ten remedies that do nothing looks that bad by chance, however few the questions; the level is a
    compromise of such errors and of harm that is overlooked (docs/which-remedy.md). Without a p, for lack of questions,
    the fall alone decides.

    Example:
        >>> too_low(-0.02, 0.4, 0.01), too_low(-0.02, 0.1, 0.01), too_low(-0.02, 0.1, 0.03)
        (False, True, False)
    """
    return difference < -tolerance and (p is None or p < _HARDLY_CHANCE)


def largest_fall(row: Mapping[str, Any], tolerance: float) -> float | None:
    """The largest fall of nDCG@1 that an evaluation leaves open, with 97.5 % confidence.

    Args:
        row: The row of the mean change.
        tolerance: Largest accepted fall.

    Returns:
        The lower end of the 95 % interval as a fall, at least the tolerance; None without an interval.

    Example:
        >>> largest_fall({"ci_low": -0.03}, 0.01), largest_fall({"ci_low": 0.002}, 0.01)
        (0.03, 0.01)
    """
    return None if row["ci_low"] is None else max(tolerance, -row["ci_low"])
