"""Placements: the ranks of the relevant documents of some queries in one pool, as counts.

Scenarios yield them, measures consume them. Placements hold no vectors and no texts, only the numbers of documents of
each pool language that score above a relevant document, tie with it, and precede it in the tie order. `related` holds
the part of these counts that comes from the query's own relevant documents (and their verbatim duplicates), so that the
unrelated ones are a subtraction.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinometer.scanning.counts import Counts, TieMode, check_ties

__all__ = ["Placements"]


@dataclass(frozen=True)
class Placements:
    """The relevant documents of q queries in one pool, as CSR; every query has at least one.

    Args:
        indptr: `(q + 1,)`: the relevant documents of query i are rows `indptr[i]:indptr[i + 1]`.
        grades: `(R,)`: grades, each 1 or more.
        language: `(R,)`: index into `languages`, the language of the relevant document itself.
        counts: Counts of all documents of the pool, by language.
        related: Counts of the query's own relevant documents and their duplicates.
        sizes: `(q,)`: number of documents in each query's pool.
        languages: The P languages of the pool.
        ties: Order of documents with equal scores. `index` and `trec` both read `counts.before`, whose order the scan
            chose.
        retrieved: `(R,)`: False for relevant documents that were not retrieved, such as those that a run does not list.
            They have no rank: all documents of their `counts.greater` were retrieved, and nothing else was. None if all
            were retrieved.
        judged_only: Whether the pool is that of the documents that were judged for each query.
    """

    indptr: NDArray[np.int64]
    grades: NDArray[np.int64]
    language: NDArray[np.int64]
    counts: Counts
    related: Counts
    sizes: NDArray[np.int64]
    languages: tuple[str, ...]
    ties: TieMode = "index"
    retrieved: NDArray[np.bool_] | None = None
    judged_only: bool = False

    def __post_init__(self) -> None:
        check_ties(self.ties)

    def __len__(self) -> int:
        return len(self.indptr) - 1

    @cached_property
    def query(self) -> NDArray[np.int64]:
        """`(R,)`: the query that each row belongs to."""
        return np.repeat(np.arange(len(self)), self.relevant)

    @cached_property
    def relevant(self) -> NDArray[np.int64]:
        """`(q,)`: number of relevant documents of each query."""
        return np.diff(self.indptr)

    @cached_property
    def absent(self) -> NDArray[np.int64]:
        """Queries without relevant documents."""
        return np.flatnonzero(self.relevant == 0)

    @cached_property
    def one_each(self) -> bool:
        """Whether every query has exactly one relevant document."""
        return bool((self.relevant == 1).all())

    @cached_property
    def missed(self) -> NDArray[np.bool_]:
        """`(q,)`: whether a relevant document of the query was not retrieved."""
        missed: NDArray[np.bool_] = np.bincount(self.query[self.missed_rows], minlength=len(self)) > 0
        return missed

    @cached_property
    def missed_rows(self) -> NDArray[np.int64]:
        """Rows of the relevant documents that were not retrieved."""
        return np.empty(0, dtype=np.int64) if self.retrieved is None else np.flatnonzero(~self.retrieved)

    @cached_property
    def empty(self) -> NDArray[np.bool_]:
        """`(q,)`: whether no document of the pool was retrieved at all."""
        empty = np.zeros(len(self), dtype=np.bool_)
        empty[self.query[self.missed_rows]] = self.above[self.missed_rows] == 0
        return empty

    @cached_property
    def above(self) -> NDArray[np.int64]:
        """`(R,)`: number of documents of the pool with a higher score."""
        above: NDArray[np.int64] = self.counts.greater.sum(axis=1, dtype=np.int64)
        return above

    @cached_property
    def tied(self) -> NDArray[np.int64]:
        """`(R,)`: number of other documents of the pool with the same score, relevant ones included."""
        tied: NDArray[np.int64] = self.counts.equal.sum(axis=1, dtype=np.int64)
        return tied

    @cached_property
    def preceding(self) -> NDArray[np.int64]:
        """`(R,)`: number of the tied documents that come first in the scan's tie order."""
        before: NDArray[np.int64] = self.counts.before.sum(axis=1, dtype=np.int64)
        return before

    @cached_property
    def positions(self) -> NDArray[np.int64]:
        """`(R,)`: ranks from 1, all different within a query; undefined for `expected`.

        In the modes `optimistic` and `pessimistic` the relevant documents of a tie group have its first or last ranks,
        in tie order.
        """
        if self.ties == "expected":
            raise ValueError("expected ties have no single position; the measures take expectations instead")
        if self.ties in ("index", "trec"):
            position: NDArray[np.int64] = self.above + 1 + self.preceding
            return position
        _, size, index = self.tie_groups
        if self.ties == "optimistic":
            return self.above + 1 + index
        return self.above + 1 + self.tied - (size - 1 - index)

    @cached_property
    def tie_groups(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """For each row: first row of its tie group, relevant documents in the group, own index among them from 0.

        The first row is the first in the order of `by_score`.
        """
        order = self.by_score
        query, above = self.query[order], self.above[order]
        starts_group = np.ones(len(order), dtype=bool)
        starts_group[1:] = (query[1:] != query[:-1]) | (above[1:] != above[:-1])
        start = np.flatnonzero(starts_group)
        group = np.cumsum(starts_group) - 1
        size = np.diff(np.append(start, len(order)))
        first_row, sizes, index = np.empty((3, len(order)), dtype=np.int64)
        first_row[order] = order[start][group]
        sizes[order] = size[group]
        index[order] = np.arange(len(order)) - start[group]
        return first_row, sizes, index

    @cached_property
    def group_cache(self) -> dict[str | None, Any]:
        """Cache of the tie groups of `measures.ties`, by language."""
        return {}

    @cached_property
    def within_cache(self) -> dict[tuple[int, str | None], NDArray[np.float64]]:
        """Cache of `measures.ties.relevant_within`, by cutoff and language; several measures share each of them."""
        return {}

    @cached_property
    def by_score(self) -> NDArray[np.int64]:
        """Rows sorted by query, then score descending, then tie order."""
        if self.one_each:
            return np.arange(len(self))
        # Tied documents have the same `above`, so within a query one sum orders by both.
        rank = self.above + self.preceding
        return np.argsort(self.query * (rank.max(initial=0) + 1) + rank)

    @cached_property
    def retrieved_by_score(self) -> NDArray[np.int64]:
        """Rows of the documents that were retrieved, in the order of `by_score`."""
        return self.by_score if self.retrieved is None else self.by_score[self.retrieved[self.by_score]]

    def from_grade(self, lowest: int) -> Placements:
        """The placements of the documents of this grade or more; the others of them count as not relevant."""
        if lowest <= self._least_grade:
            return self
        if lowest not in self._from_grade:
            self._from_grade[lowest] = self._of_grades(lowest)
        return self._from_grade[lowest]

    @cached_property
    def _least_grade(self) -> int:
        return int(self.grades.min(initial=np.iinfo(np.int64).max))

    @cached_property
    def _from_grade(self) -> dict[int, Placements]:
        return {}

    def _of_grades(self, lowest: int) -> Placements:
        rows = np.flatnonzero(self.grades >= lowest)
        per_query = np.bincount(self.query[rows], minlength=len(self))
        every = list(range(len(self.languages)))
        return replace(
            self,
            indptr=np.concatenate([[0], np.cumsum(per_query)]).astype(np.int64),
            grades=self.grades[rows],
            language=self.language[rows],
            counts=self.counts.take(rows, every),
            related=self.related.take(rows, every),
            retrieved=None if self.retrieved is None else self.retrieved[rows],
        )

    def unrelated(self) -> Counts:
        """The counts without the query's own relevant documents and their duplicates."""
        return self.counts - self.related
