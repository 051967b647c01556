"""From per-query values to means over languages and their intervals, over clusters of questions.

A mean, or a mean of means, has an interval in closed form from the influence of each cluster; what is not a mean, the
absolute distance of two of them, is resampled for its bias. Every mean is over the queries for which the measure is
defined, and nothing depends on the number of threads.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar, get_args

import numpy as np
from numpy.typing import NDArray

from clinometer import _core
from clinometer.errors import UsageError
from clinometer.parameters import number, thread_number, whole
from clinometer.statistics.intervals import Influences, intervals

__all__ = ["BootstrapMeans", "Estimate", "Range", "Resamples", "Unit", "observed_range", "question_rows", "summed"]

Unit = Literal["cluster", "question"]
"""What intervals and tests draw: questions that share an answer together, or each question alone."""

Range = tuple[float, float]
"""The least and the largest possible value; infinite where there is none."""

_Number = TypeVar("_Number", np.float64, np.int32)

_UNBOUNDED: Range = (-np.inf, np.inf)

_BLOCK = 1 << 22
"""Number of influences computed at a time."""

_ROUNDING = 1e-9
"""How far outside its range a value may lie by rounding, as a share of the range's ends."""


MOST_RESAMPLES = 1_000_000
"""Resamples of an interval or a test; their means are held in memory."""


@dataclass(frozen=True)
class Resamples:
    """The options of intervals and permutation tests; invalid values are refused on construction.

    Args:
        resamples: Number of resamples; 0 for no intervals.
        confidence: Confidence level of the intervals, between 0 and 1.
        seed: Seed of the draws, from 0 to 2^64 - 1.
        threads: Number of threads; the result does not depend on it. None for as many as the process may use.
        unit: What is drawn: `cluster`, questions that share an answer together, or `question`, each question alone.

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
    unit: Unit = "cluster"

    def __post_init__(self) -> None:
        whole(self.resamples, "resamples", least=0, most=MOST_RESAMPLES)
        number(self.confidence, "confidence")
        if not 0 < self.confidence < 1:
            raise UsageError(f"confidence is {self.confidence}, but must lie between 0 and 1")
        whole(self.seed, "seed", least=0, most=(1 << 64) - 1)
        thread_number(self.threads)
        if self.unit not in get_args(Unit):
            raise UsageError(f"resample is {self.unit!r}, but must be cluster or question")

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
    """Means of columns, each over the rows where it is defined, and what their intervals are made from.

    Args:
        means: `(columns,)`: mean of each column over its defined rows.
        sums: `(clusters, columns)`: sums of the defined values of each cluster.
        counts: `(clusters, columns)`: their numbers.
        distances: `(columns,)`: means of the absolute values.
        ranges: `(columns, 2)`: least and largest possible value of each column.
        whole: `(columns,)`: whether each value is at an end of the range (or 0 in one centred on 0).
        resamples: Options; 0 resamples for no intervals.
    """

    means: NDArray[np.float64]
    sums: NDArray[np.float64]
    counts: NDArray[np.int32]
    distances: NDArray[np.float64]
    ranges: NDArray[np.float64]
    whole: NDArray[np.bool_]
    resamples: Resamples

    @classmethod
    def of(
        cls,
        values: NDArray[np.float64],
        resamples: Resamples,
        clusters: NDArray[np.int64] | None = None,
        ranges: Sequence[Range] | None = None,
    ) -> BootstrapMeans:
        """Sum up the rows (questions) of `values`, `(questions, columns)`, NaN where a question has no value.

        Args:
            values: Values of the questions.
            resamples: Options; with the unit `question`, every row is a cluster of its own.
            clusters: `(questions,)`: number of each row's cluster; by default every row is one.
            ranges: Possible values of each column; by default those that the values suggest (`observed_range`). A
                column whose values lie outside its range counts as unbounded.
        """
        if clusters is None or resamples.unit == "question":
            clusters = np.arange(len(values))
        known = ~np.isnan(values)
        counted = np.count_nonzero(known, axis=0)
        filled = np.where(known, values, 0.0)
        means = np.divide(filled.sum(axis=0), counted, out=np.full(values.shape[1], np.nan), where=counted > 0)
        distances = np.abs(filled).sum(axis=0) / np.maximum(counted, 1)
        suggested = [observed_range(column) for column in values.T] if ranges is None else ranges
        bounds = np.array(suggested, dtype=np.float64).reshape(-1, 2)
        low, high = bounds.T
        slack = _ROUNDING * np.maximum(*(np.where(np.isfinite(end), np.abs(end), 0.0) for end in (low, high)))
        outside = (known & ((values < low - slack) | (values > high + slack))).any(axis=0)
        bounds[outside] = _UNBOUNDED
        low, high = bounds.T
        at_end = (values == low) | (values == high) | ((values == 0) & (low == -high))
        return cls(
            means,
            summed(filled, clusters),
            summed(known.astype(np.int32), clusters),
            distances,
            bounds,
            (at_end | ~known).all(axis=0),
            resamples,
        )

    def plain(self) -> list[Estimate]:
        """Every column's mean with its interval."""
        columns = len(self.means)
        low, high = np.full((2, columns), np.nan)
        step = max(1, _BLOCK // max(len(self.sums), 1))
        for start in range(0, columns if self.resamples.resamples else 0, step):
            part = np.arange(start, min(start + step, columns))
            counts = self.counts[:, part].T
            ends = self._intervals(
                self.means[part], self._influence(part), counts > 0, self.ranges[part],
                distance=self.distances[part], whole=self.whole[part], single=np.asarray((counts <= 1).all(axis=1)),
            )  # fmt: skip
            low[part], high[part] = ends
        return [Estimate(*map(float, estimate)) for estimate in zip(self.means, low, high, strict=True)]

    def mean(self, columns: Sequence[int]) -> Estimate:
        """Mean of the columns' means (a macro average if there are several), with its interval."""
        chosen = np.array(columns, dtype=np.int64)
        return self._combined(float(self.means[chosen].mean()), chosen, np.full(len(chosen), 1 / len(chosen)), True)

    def distance(self, pairs: Sequence[tuple[int, int]]) -> Estimate:
        """Absolute difference of two columns' means, averaged over pairs, with its interval.

        The interval is that of the differences with their signs as observed. A mean of several distances is too large
        by chance, because differences around 0 cannot cancel out: the lower end goes down by twice the bias that the
        resamples show, twice because they start from differences that chance has enlarged.
        """
        return self._of_distances([], pairs)

    def distance_change(self, before: Sequence[tuple[int, int]], after: Sequence[tuple[int, int]]) -> Estimate:
        """Mean distance of the pairs `after` minus that of the pairs `before`, with its interval."""
        return self._of_distances(before, after)

    def _of_distances(self, before: Sequence[tuple[int, int]], after: Sequence[tuple[int, int]]) -> Estimate:
        columns, weights, value = list[int](), list[float](), 0.0
        for sign, pairs in ((-1.0, before), (1.0, after)):
            for first, second in pairs:
                difference = float(self.means[second] - self.means[first])
                direction = sign * (-1.0 if difference < 0 else 1.0) / len(pairs)
                columns += [second, first]
                weights += [direction, -direction]
                value += direction * difference
        estimate = self._combined(value, np.array(columns), np.array(weights), False)
        if np.isnan(estimate.low):
            return estimate
        if not before and len(after) == 1:
            # The two directions of one difference are known without resamples.
            return Estimate(value, max(estimate.low, 0.0), max(estimate.high, -estimate.low))
        rise, fall = (self._bias(pairs) if pairs else 0.0 for pairs in (after, before))
        most = float(np.ptp(self.ranges[columns], axis=1).max())
        low, high = estimate.low - 2 * rise, estimate.high + 2 * fall
        return Estimate(value, max(low, -most if before else 0.0), min(high, most))

    def _bias(self, pairs: Sequence[tuple[int, int]]) -> float:
        """How much larger the mean distance of the pairs is in the resamples, on average."""
        columns, place = np.unique(np.array(pairs).T, return_inverse=True)
        first, second = place.reshape(2, -1)
        drawn = self._drawn(columns)
        distances = np.abs(drawn[:, first] - drawn[:, second]).mean(axis=1)
        observed = np.abs(self.means[columns[first]] - self.means[columns[second]]).mean()
        defined = distances[~np.isnan(distances)]
        return max(float(defined.mean() - observed), 0.0) if len(defined) else 0.0

    def _drawn(self, columns: NDArray[np.int64]) -> NDArray[np.float64]:
        """`(resamples, columns)`: means of the columns in resamples of the clusters."""
        parts = np.ascontiguousarray(np.hstack([self.sums[:, columns], self.counts[:, columns]]))
        resamples = self.resamples
        means = _core.bootstrap_means(
            parts, resamples=resamples.resamples, seed=resamples.seed, threads=resamples.threads or 0
        )
        sums, counts = means[:, : len(columns)], means[:, len(columns) :]
        return np.divide(sums, counts, out=np.full_like(sums, np.nan), where=counts > 0)

    def _combined(
        self, value: float, columns: NDArray[np.int64], weights: NDArray[np.float64], averaged: bool
    ) -> Estimate:
        """A weighted sum of columns' means: their average, or differences, with the range of a difference."""
        counts = self.counts[:, columns].T
        fewest = np.count_nonzero(counts > 0, axis=1).min()
        if not self.resamples.resamples or np.isnan(value) or fewest < 2:
            return Estimate(value, float("nan"), float("nan"))
        low, high = self.ranges[columns].T
        largest = float((high - low).max())
        ends = self._intervals(
            np.array([value]),
            (self._influence(columns) * weights[:, None]).sum(axis=0, keepdims=True),
            np.asarray((counts > 0).any(axis=0))[None],
            np.array([[low.min(), high.max()] if averaged else [-largest, largest]]),
            distance=np.array([self.distances[columns].mean() if averaged else np.nan]),
            whole=np.array([averaged and bool(self.whole[columns].all())]),
            single=np.array([len(columns) == 1 and bool((counts <= 1).all())]),
        )
        return Estimate(value, *(float(end[0]) for end in ends))

    def _influence(self, columns: NDArray[np.int64]) -> NDArray[np.float64]:
        """`(columns, clusters)`: by how much each column's mean would be lower without the cluster.

        It is 0 where the cluster has no value. Each column's numbers lie next to each other, so that its moments do not
        depend on the other columns.
        """
        sums, counts = np.ascontiguousarray(self.sums[:, columns].T), np.ascontiguousarray(self.counts[:, columns].T)
        rest = counts.sum(axis=1, keepdims=True) - counts
        influence: NDArray[np.float64] = np.zeros_like(sums)
        np.divide(sums - self.means[columns, None] * counts, rest, out=influence, where=(counts > 0) & (rest > 0))
        return influence

    def _intervals(
        self,
        values: NDArray[np.float64],
        influence: NDArray[np.float64],
        active: NDArray[np.bool_],
        ranges: NDArray[np.float64],
        *,
        distance: NDArray[np.float64],
        whole: NDArray[np.bool_],
        single: NDArray[np.bool_],
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        means = Influences.of(
            values,
            influence,
            active,
            distance=distance,
            low=ranges[:, 0],
            high=ranges[:, 1],
            whole=whole,
            single=single,
        )
        return intervals(means, self.resamples.confidence)


def observed_range(values: NDArray[np.float64]) -> Range:
    """The range that values suggest if it is not known: 0 to 1, or -1 to 1, if all lie within; else none.

    Example:
        >>> observed_range(np.array([0.0, 1.0, np.nan])), observed_range(np.array([-0.5, 0.2]))
        ((0.0, 1.0), (-1.0, 1.0))
    """
    known = values[~np.isnan(values)]
    least, most = (float(known.min()), float(known.max())) if len(known) else (0.0, 0.0)
    return next((ends for ends in ((0.0, 1.0), (-1.0, 1.0)) if ends[0] <= least and most <= ends[1]), _UNBOUNDED)


def summed(values: NDArray[_Number], clusters: NDArray[np.int64]) -> NDArray[_Number]:
    """Sums of the rows of each cluster, `(clusters, columns)`, in the order of the clusters' numbers.

    Example:
        >>> summed(np.array([[1.0], [2.0], [4.0]]), np.array([7, 3, 7])).tolist()
        [[2.0], [5.0]]
    """
    order = np.argsort(clusters, kind="stable")
    numbers = clusters[order]
    starts = np.flatnonzero(np.concatenate([[True], numbers[1:] != numbers[:-1]])) if len(order) else order
    if len(starts) == len(order) and np.array_equal(order, np.arange(len(order))):
        return values
    sums: NDArray[_Number] = np.add.reduceat(values[order], starts, axis=0)
    return sums


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
