"""Placements: where the relevant documents of some queries stand in one pool.

Scenarios yield them, measures consume them. A placement knows no vectors and no texts: only how many documents of each
pool language score above a relevant document, tie with it, and come before it in the tie order. `related` holds the
part of these counts that is due to the query's own relevant documents (and their verbatim duplicates), so that the
unrelated ones are a subtraction.
"""

from __future__ import annotations

from dataclasses import dataclass
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
        grades: `(R,)`, each 1 or more.
        language: `(R,)`: index into `languages`, the language of the relevant document itself.
        counts: All documents of the pool, by language.
        related: Those of them that are the query's own relevant documents or duplicates of these.
        sizes: `(q,)`: documents in each query's pool.
        languages: The pool's languages, P of them.
        ties: How documents with equal scores are ordered. `index` and `trec` both read `counts.before`: the scan
            decided which order it holds.
    """

    indptr: NDArray[np.int64]
    grades: NDArray[np.int64]
    language: NDArray[np.int64]
    counts: Counts
    related: Counts
    sizes: NDArray[np.int64]
    languages: tuple[str, ...]
    ties: TieMode = "index"

    def __post_init__(self) -> None:
        check_ties(self.ties)

    def __len__(self) -> int:
        return len(self.indptr) - 1

    @cached_property
    def query(self) -> NDArray[np.int64]:
        """`(R,)`: the query that each row belongs to."""
        return np.repeat(np.arange(len(self)), np.diff(self.indptr))

    @cached_property
    def above(self) -> NDArray[np.int64]:
        """`(R,)`: documents of the pool with a higher score."""
        above: NDArray[np.int64] = self.counts.greater.sum(axis=1, dtype=np.int64)
        return above

    @cached_property
    def tied(self) -> NDArray[np.int64]:
        """`(R,)`: other documents of the pool with the same score, relevant ones included."""
        tied: NDArray[np.int64] = self.counts.equal.sum(axis=1, dtype=np.int64)
        return tied

    @cached_property
    def preceding(self) -> NDArray[np.int64]:
        """`(R,)`: those of the tied documents that come first in the scan's tie order."""
        before: NDArray[np.int64] = self.counts.before.sum(axis=1, dtype=np.int64)
        return before

    @cached_property
    def positions(self) -> NDArray[np.int64]:
        """`(R,)`: ranks from 1, all different within a query; not defined for `expected`.

        In the modes `optimistic` and `pessimistic` the relevant documents of a tie group take its first or last places,
        in tie order.
        """
        if self.ties == "expected":
            raise ValueError("expected ties have no single position; the measures take expectations instead")
        if self.ties in ("index", "trec"):
            position: NDArray[np.int64] = self.above + 1 + self.preceding
            return position
        _, size, place = self.tie_groups
        if self.ties == "optimistic":
            return self.above + 1 + place
        return self.above + 1 + self.tied - (size - 1 - place)

    @cached_property
    def tie_groups(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """For each row: first row of its tie group, relevant documents in the group, own place among them from 0.

        First is meant in the order of `by_score`.
        """
        order = self.by_score
        query, above = self.query[order], self.above[order]
        new = np.ones(len(order), dtype=bool)
        new[1:] = (query[1:] != query[:-1]) | (above[1:] != above[:-1])
        start = np.flatnonzero(new)
        group = np.cumsum(new) - 1
        size = np.diff(np.append(start, len(order)))
        first_row, sizes, place = np.empty((3, len(order)), dtype=np.int64)
        first_row[order] = order[start][group]
        sizes[order] = size[group]
        place[order] = np.arange(len(order)) - start[group]
        return first_row, sizes, place

    @cached_property
    def made_groups(self) -> dict[str | None, Any]:
        """Tie groups that `measures.ties` has made, by language."""
        return {}

    @cached_property
    def by_score(self) -> NDArray[np.int64]:
        """Rows sorted by query, then score descending, then tie order."""
        # Documents that tie share `above`, so within a query one sum orders by both.
        rank = self.above + self.preceding
        return np.argsort(self.query * (rank.max(initial=0) + 1) + rank)

    def unrelated(self) -> Counts:
        """The counts without the query's own relevant documents and their duplicates."""
        return self.counts - self.related

    @property
    def ties_seen(self) -> int:
        """How many relevant documents tie with another document of the pool."""
        return int(np.count_nonzero(self.tied))
