"""Groups of relevant documents with equal scores, and the expectation of a rank's value over their random order.

Every measure is computed from these groups. In a tie mode with a fixed order each relevant document is a group of its
own, so one formula serves all modes; under `expected` a group of n tied documents is in uniformly random order,
independently of other groups, and the expectations are exact sums over its positions, not samples. Approach after
McSherry and Najork (2008), "Computing information retrieval performance measures efficiently in the presence of tied
scores".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from clinometer.errors import UsageError
from clinometer.measures.placements import Placements

__all__ = [
    "TieGroups",
    "Vector",
    "at_best",
    "at_each",
    "at_worst",
    "check_cutoff",
    "first_missed",
    "last_by_language",
    "none_within",
    "per_query",
    "relevant_within",
    "tie_groups",
    "within",
]

Vector = NDArray[np.float64]
Integers = NDArray[np.int64]
Value = Callable[[Vector], Vector]


@dataclass(frozen=True)
class TieGroups:
    """T groups of retrieved documents, by query and then from the top of the ranking down; every field is `(T,)`.

    Args:
        query: The query.
        row: Row of the first relevant document of the group, in tie order.
        above: Number of documents above the whole group.
        size: Number of documents in the group, relevant or not; 1 if the order is fixed.
        relevant: Number of relevant documents in the group, 1 to `size`.
        earlier: Number of relevant documents of the query in groups above.
        gain: Sum of the grades of the relevant documents in the group.
        queries: Number of queries of the placements.
    """

    query: Integers
    row: Integers
    above: Integers
    size: Integers
    relevant: Integers
    earlier: Integers
    gain: Integers
    queries: int

    def __len__(self) -> int:
        return len(self.query)

    @cached_property
    def fixed(self) -> bool:
        """Whether the order is fixed: every group is one document."""
        return bool((self.size == 1).all())

    @cached_property
    def absent(self) -> Integers:
        """Queries without a group."""
        return np.flatnonzero(np.bincount(self.query, minlength=self.queries) == 0)

    @cached_property
    def one_each(self) -> bool:
        """Whether every query has exactly one group."""
        return len(self) == self.queries and not len(self.absent)

    def first(self) -> TieGroups:
        """Each query's highest group."""
        return self._highest

    @cached_property
    def _highest(self) -> TieGroups:
        return self if self.one_each else self.take(np.flatnonzero(_changes(self.query)))

    def last(self) -> TieGroups:
        """Each query's lowest group."""
        return self.take(np.flatnonzero(_changes(self.query[::-1])[::-1]))

    def take(self, numbers: Integers) -> TieGroups:
        """Some of the groups, by number."""
        names = (field.name for field in fields(self) if field.name != "queries")
        return replace(self, **{name: getattr(self, name)[numbers] for name in names})


def tie_groups(placements: Placements, language: str | None = None) -> TieGroups:
    """The groups of all retrieved relevant documents, or of those in one language (none if the pool lacks it).

    Every measure starts from them, so placements cache them.
    """
    if language not in placements.group_cache:
        placements.group_cache[language] = _tie_groups(placements, language)
    groups: TieGroups = placements.group_cache[language]
    return groups


def _tie_groups(placements: Placements, language: str | None) -> TieGroups:
    rows = _in_language(placements, placements.retrieved_by_score, language)
    query = placements.query[rows]
    if placements.ties != "expected":
        # The order is fixed: each relevant document is a group of its own.
        ones = np.broadcast_to(np.int64(1), len(rows))
        counts = np.bincount(query, minlength=len(placements))
        earlier = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
        above = placements.positions[rows] - 1
        return TieGroups(query, rows, above, ones, ones, earlier, placements.grades[rows], len(placements))
    above, size = placements.above[rows], placements.tied[rows] + 1
    start = np.flatnonzero(_changes(query) | _changes(above))
    relevant = np.diff(np.append(start, len(rows)))
    query_starts = np.flatnonzero(_changes(query[start]))
    groups_of_query = np.diff(np.append(query_starts, len(start)))
    return TieGroups(
        query=query[start],
        row=rows[start],
        above=above[start],
        size=size[start],
        relevant=relevant,
        earlier=start - np.repeat(start[query_starts], groups_of_query),
        gain=np.add.reduceat(placements.grades[rows], start) if len(start) else np.empty(0, dtype=np.int64),
        queries=len(placements),
    )


def last_by_language(placements: Placements) -> tuple[TieGroups, Integers]:
    """Each query's lowest group of each language, ranked among documents of that language only, and the language index.

    The groups are sorted by query and language. `earlier` and `gain` are those of the group itself: 0 and its grades.
    """
    rows = np.arange(len(placements.language))
    above, tied, before = (
        counts[rows, placements.language].astype(np.int64)
        for counts in (placements.counts.greater, placements.counts.equal, placements.counts.before)
    )
    order = np.lexsort((above + before, placements.language, placements.query))
    query, language = placements.query[order], placements.language[order]
    start = np.flatnonzero(_changes(query) | _changes(language) | _changes(above[order]))
    language_starts = np.flatnonzero(_changes(query[start]) | _changes(language[start]))
    lowest = np.append(language_starts, len(start))[1:] - 1
    ends = np.append(start, len(order))[1:]
    relevant = (ends - start)[lowest]
    gain = np.add.reduceat(placements.grades[order], start)[lowest] if len(start) else relevant
    first, last = order[start[lowest]], order[ends[lowest] - 1]
    size = tied[last] + 1
    if placements.ties != "expected":
        ahead = {"optimistic": relevant - 1, "pessimistic": size - 1}.get(placements.ties, before[last])
        size, relevant = np.ones_like(size), np.ones_like(relevant)
        columns = (placements.query[last], last, above[last] + ahead, size, relevant, size - 1, gain)
    else:
        columns = (placements.query[first], first, above[first], size, relevant, np.zeros_like(size), gain)
    return TieGroups(*columns, len(placements)), placements.language[last]


def first_missed(placements: Placements, language: str | None = None) -> tuple[Integers, Integers]:
    """Queries with a relevant document (in one language) that was not retrieved, and the row of the first of these."""
    rows = _in_language(placements, placements.missed_rows, language)
    query, first = np.unique(placements.query[rows], return_index=True)
    return query, rows[first]


def _in_language(placements: Placements, rows: Integers, language: str | None) -> Integers:
    """The rows of documents in a language, none if the pool lacks it; all rows for None."""
    if language is None:
        return rows
    code = placements.languages.index(language) if language in placements.languages else -1
    chosen: Integers = rows[placements.language[rows] == code]
    return chosen


def per_query(placements: Placements, rows: TieGroups | Placements, values: Vector, empty: float = np.nan) -> Vector:
    """`(q,)`: the sum of each query's values, one for each group, or for each relevant document of the placements.

    For queries without values it is `empty`, and NaN for those without relevant documents.
    """
    if rows.one_each:
        return np.array(values, dtype=np.float64)
    # The sum of no values at all has another type.
    total = np.bincount(rows.query, weights=values, minlength=len(placements)).astype(np.float64, copy=False)
    total[rows.absent] = empty
    total[placements.absent] = np.nan
    return total


def at_each(groups: TieGroups, value: Value, cutoff: int | None = None) -> Vector:
    """`(T,)`: expectation of `value(rank)` for a relevant document of each group; past the cutoff it is 0."""

    def mean(above: int, size: int, _: int) -> float:
        return float(value(_ranks(above, size, cutoff)).sum() / size)

    return _expectation(groups, value, cutoff, mean)


def at_best(groups: TieGroups, value: Value, cutoff: int | None = None) -> Vector:
    """`(T,)`: expectation of `value(rank)` for the first relevant document of each group; past the cutoff it is 0."""

    def mean(above: int, size: int, relevant: int) -> float:
        ranks = _ranks(above, size - relevant + 1, cutoff)
        return float((_first_place(size, relevant, len(ranks)) * value(ranks)).sum())

    return _expectation(groups, value, cutoff, mean)


def at_worst(groups: TieGroups, value: Value) -> Vector:
    """`(T,)`: expectation of `value(rank)` for the last relevant document of each group."""

    def mean(above: int, size: int, relevant: int) -> float:
        ranks = _ranks(above + relevant - 1, size - relevant + 1, None)
        return float((_first_place(size, relevant, len(ranks))[::-1] * value(ranks)).sum())

    return _expectation(groups, value, None, mean)


def check_cutoff(cutoff: int | None) -> None:
    """Refuse a cutoff below 1; None is the whole ranking.

    Raises:
        UsageError: The cutoff is below 1.
    """
    if cutoff is not None and cutoff < 1:
        raise UsageError(f"the cutoff is {cutoff}, but must be 1 or more")


def within(groups: TieGroups, cutoff: int | None) -> Vector:
    """`(T,)`: number of positions of each group before the cutoff, from 0 to `size`."""
    if cutoff is None:
        return groups.size.astype(np.float64)
    if groups.fixed:
        return (groups.above < cutoff).astype(np.float64)
    # As `numpy.clip`, in half its time.
    return np.minimum(np.maximum(cutoff - groups.above, 0), groups.size).astype(np.float64)


def relevant_within(placements: Placements, cutoff: int, language: str | None = None) -> Vector:
    """`(q,)`: number of relevant documents, of a language if given, among the first k; NaN without relevant ones.

    Raises:
        UsageError: The cutoff is below 1.
    """
    check_cutoff(cutoff)
    key = cutoff, language
    if key not in placements.within_cache:
        groups = tie_groups(placements, language)
        places = within(groups, cutoff)
        # Groups of one document have all of it there, or nothing.
        relevant = places if groups.fixed else groups.relevant * places / groups.size
        placements.within_cache[key] = per_query(placements, groups, relevant, empty=0.0)
    return placements.within_cache[key]


def none_within(groups: TieGroups, places: Vector) -> Vector:
    """`(T,)`: probability that no relevant document has one of `places` positions, c: C(n - c, m) / C(n, m).

    A product of min(c, m) factors, without factorials of large numbers.
    """
    if groups.fixed:
        return (places <= 0).astype(np.float64)
    size, relevant = groups.size.astype(np.float64), groups.relevant.astype(np.float64)
    smaller, larger = np.minimum(relevant, places), np.maximum(relevant, places)
    odds = np.ones(len(groups))
    open_rows = np.flatnonzero(smaller > 0)
    step = 0
    while len(open_rows):
        n = size[open_rows]
        odds[open_rows] *= np.maximum(n - larger[open_rows] - step, 0.0) / (n - step)
        step += 1
        open_rows = open_rows[(smaller[open_rows] > step) & (odds[open_rows] > 0)]
    return odds


def _expectation(groups: TieGroups, value: Value, cutoff: int | None, mean: Callable[[int, int, int], float]) -> Vector:
    """`value` of the rank if it is fixed; else `mean(above, size, relevant)`, computed once per distinct triple."""
    ranks = groups.above.astype(np.float64) + 1.0
    result = value(ranks)
    if cutoff is not None:
        result = np.where(ranks <= cutoff, result, 0.0)
    if not groups.fixed:
        tied = np.flatnonzero(groups.size > 1)
        triples = np.stack([groups.above[tied], groups.size[tied], groups.relevant[tied]], axis=1)
        distinct, index = np.unique(triples, axis=0, return_inverse=True)
        means = np.array([mean(*triple) for triple in distinct.tolist()])
        result[tied] = means[index.reshape(-1)]
    return result


def _first_place(size: int, relevant: int, positions: int) -> Vector:
    """Probability that the first of the relevant documents has position 1, 2, ..., `positions` of its group.

    At position j it is C(n - j, m - 1) / C(n, m), computed by the ratio of neighbours: nothing overflows, and only
    negligible values underflow. From the group's end, it is the probability of the last one's position.
    """
    position = np.arange(1.0, positions)
    ratios = (size - relevant + 1 - position) / (size - position)
    return relevant / size * np.cumprod(np.concatenate([np.ones(min(positions, 1)), ratios]))


def _ranks(above: int, places: int, cutoff: int | None) -> Vector:
    end = above + places if cutoff is None else min(above + places, cutoff)
    return np.arange(above + 1.0, max(end, above) + 1.0)


def _changes(sorted_values: Integers) -> NDArray[np.bool_]:
    """True where a value differs from the one before it, and at the start."""
    changed = np.ones(len(sorted_values), dtype=bool)
    changed[1:] = sorted_values[1:] != sorted_values[:-1]
    return changed
