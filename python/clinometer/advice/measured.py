"""A remedy measured on a trial: what it gains, what it costs plain retrieval, and whether the gain is beyond chance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinometer.advice.evidence import Trial
from clinometer.comparison import compare
from clinometer.correction import Correction
from clinometer.evaluation.results import Evaluation

__all__ = ["Measured", "better", "harm", "lean", "measured"]

_SIGNIFICANT = 0.05
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
    code_of = {label: code for code, label in enumerate(trial.labels)}
    query_codes = np.array([code_of.get(label, -1) for label in trial.query_languages], dtype=np.int64)
    return Measured(name, trial.evaluated(correction, pivot), trial.language_counts(correction), query_codes)


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
    distances = []
    for code in np.unique(query_codes):
        total = counts[query_codes == code].sum(axis=0)
        shares = total / max(int(total.sum()), 1)
        distances.append(0.5 * float(np.abs(shares - 1 / counts.shape[1]).sum()))
    return float(np.mean(distances))


def better(current: Measured, candidate: Measured) -> bool:
    """Whether the candidate gains beyond chance: in Complete@10, or in the lean without a lower Complete@10.

    Complete@10: paired permutation test by clusters, p below .05. The lean: it falls in 97.5 % of resamples of the
    queries.
    """
    measurable = current.complete is not None and candidate.complete is not None
    if measurable and current.evaluation is not None and candidate.evaluation is not None:
        row = compare(current.evaluation, candidate.evaluation, labels=["before", "after"], resamples=_SIGNS).row(
            "Complete@10", "multi", "macro"
        )
        if row is None or row["difference"] < 0:
            return False
        if row["difference"] > 0 and row["p"] < _SIGNIFICANT:
            return True
    draw = np.random.default_rng(0)
    falls = 0
    for _ in range(_RESAMPLES):
        rows = draw.integers(len(current.query_codes), size=len(current.query_codes))
        codes = current.query_codes[rows]
        falls += lean(candidate.counts[rows], codes) < lean(current.counts[rows], codes)
    return falls >= 0.975 * _RESAMPLES


def harm(before: Measured, after: Measured, tolerance: float) -> tuple[dict[str, Any] | None, list[str]]:
    """The row of the mean change of nDCG@1 within languages, and the reasons why it is too much harm.

    The mean must not fall by more than the tolerance, and no language beyond chance by more than it: the upper end of
    the 95 % interval of its change. None and no reasons without judgements.
    """
    if before.evaluation is None or after.evaluation is None:
        return None, []
    comparison = compare(before.evaluation, after.evaluation, labels=["before", "after"], resamples=_SIGNS)
    rows = [row for row in comparison.rows if (row["measure"], row["scenario"]) == ("nDCG@1", "mono-same")]
    mean = next((row for row in rows if row["query_language"] == "macro"), None)
    reasons = []
    if mean is not None and mean["difference"] < -tolerance:
        reasons.append(f"nDCG@1 within languages changes by {100 * mean['difference']:+.1f} points")
    reasons += [
        f"nDCG@1 in {row['query_language']} changes by {100 * row['difference']:+.1f} points"
        for row in rows
        if not row["query_language"].startswith("macro") and row["ci_high"] is not None and row["ci_high"] < -tolerance
    ]
    return mean, reasons
