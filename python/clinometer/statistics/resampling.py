"""From per-query values to means over languages and confidence intervals.

Queries that are translations of each other are drawn together in the bootstrap because they are not independent: a
question that is hard in one language is hard in all. Every mean is over the queries for which the measure is defined.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clinometer import _core
from clinometer.errors import UsageError

__all__ = ["BootstrapMeans", "Estimate", "Resamples", "question_rows"]


@dataclass(frozen=True)
class Resamples:
    """The options of a bootstrap or a permutation test; invalid values are refused on construction.

    Args:
        resamples: Number of resamples; 0 for no intervals.
        confidence: Confidence level of the intervals, between 0 and 1.
        seed: Seed of the draws, from 0 to 2^64 - 1.
        threads: Number of threads; the result does not depend on it. None for as many as the process may use.

    Raises:
        UsageError: An option is invalid; the error names it and its range.

    Example:
        >>> Resamples(resamples=-1)
        Traceback (most recent call last):
        clinometer.errors.UsageError: resamples is -1, but cannot be negative
    """

    resamples: int = 1000
    confidence: float = 0.95
    seed: int = 0
    threads: int | None = None

    def __post_init__(self) -> None:
        if self.resamples < 0:
            raise UsageError(f"resamples is {self.resamples}, but cannot be negative")
        if not 0 < self.confidence < 1:
            raise UsageError(f"confidence is {self.confidence}, but must lie between 0 and 1")
        if not 0 <= self.seed < 1 << 64:
            raise UsageError(f"seed is {self.seed}, but must be a whole number from 0 to 2^64 - 1")
        if self.threads is not None and self.threads < 1:
            raise UsageError(f"threads is {self.threads}, but must be 1 or more")

    def require_some(self) -> None:
        """Refuse zero resamples, for tests that need some.

        Raises:
            UsageError: Their number is 0.
        """
        if self.resamples < 1:
            raise UsageError(f"resamples is {self.resamples}, but must be 1 or more")


@dataclass(frozen=True)
class Estimate:
    """A mean and its interval; NaN where they are not defined."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class BootstrapMeans:
    """Bootstrap means of many columns at once, drawn from the same resamples so that they can be combined.

    Args:
        means: `(columns,)`: mean of each column over its defined rows.
        resampled: `(resamples, columns)`: the same means in each resample.
        confidence: Confidence level of the intervals.
    """

    means: NDArray[np.float64]
    resampled: NDArray[np.float64]
    confidence: float

    @classmethod
    def of(cls, values: NDArray[np.float64], resamples: Resamples) -> BootstrapMeans:
        """Resample the rows (questions) of `values`, `(questions, columns)`, NaN where a question has no value."""
        counted = np.count_nonzero(~np.isnan(values), axis=0)
        sums = np.nansum(values, axis=0)
        means = np.divide(sums, counted, out=np.full(values.shape[1], np.nan), where=counted > 0)
        resampled = _core.bootstrap_means(
            np.ascontiguousarray(values),
            resamples=resamples.resamples,
            seed=resamples.seed,
            threads=resamples.threads or 0,
        )
        return cls(means, resampled, resamples.confidence)

    def mean(self, columns: list[int]) -> Estimate:
        """Mean of the columns' means (a macro average if there are several), with its percentile interval."""
        return self.estimate(float(self.means[columns].mean()), self.resampled[:, columns].mean(axis=1))

    def distance(self, pairs: list[tuple[int, int]]) -> Estimate:
        """Absolute difference of two columns' means, averaged over pairs, with its percentile interval."""
        first, second = map(list, zip(*pairs, strict=True))
        value = np.abs(self.means[first] - self.means[second]).mean()
        drawn = np.abs(self.resampled[:, first] - self.resampled[:, second]).mean(axis=1)
        return self.estimate(float(value), drawn)

    def estimate(self, value: float, resampled: NDArray[np.float64]) -> Estimate:
        """A value with the percentile interval of its values in the resamples, `(resamples,)`, NaN where undefined."""
        drawn = resampled[~np.isnan(resampled)]
        if np.isnan(value) or drawn.size == 0:
            return Estimate(value, float("nan"), float("nan"))
        tail = (1 - self.confidence) / 2
        low, high = np.quantile(drawn, [tail, 1 - tail])
        return Estimate(value, float(low), float(high))


def question_rows(groups: Sequence[str | None], languages: Sequence[str], ids: Sequence[str]) -> NDArray[np.int64]:
    """A row number for each query such that translations share one and no two queries of a language do.

    Example:
        >>> question_rows(["a", "b", "a", None], ["en", "en", "de", "de"], ["1", "2", "3", "4"]).tolist()
        [0, 1, 0, 2]
    """
    row_of: dict[tuple[str, str, int], int] = {}
    seen: Counter[tuple[str, str]] = Counter()
    rows = []
    for group, language, name in zip(groups, languages, ids, strict=True):
        kind, key = ("query", name) if group is None else ("group", group)
        seen[key, language] += 1
        rows.append(row_of.setdefault((kind, key, seen[key, language]), len(row_of)))
    return np.array(rows, dtype=np.int64)
