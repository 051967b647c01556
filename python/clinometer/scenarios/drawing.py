"""What intervals and tests draw: the question of each query, and the cluster of questions that are not independent."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from clinometer.collection import Collection
from clinometer.statistics.clusters import query_clusters
from clinometer.statistics.resampling import Unit, question_rows

__all__ = ["Drawing", "drawing_of", "drawn"]


class Drawing(NamedTuple):
    """Questions and clusters of a collection's queries.

    Args:
        questions: `(queries,)`: number of each query's question, which its translations share; -1 for queries that
            are not drawn.
        clusters: `(queries,)`: number of each query's cluster: queries that share an answer or are translations,
            directly or in turn; -1 for queries that are not drawn.
    """

    questions: NDArray[np.int64]
    clusters: NDArray[np.int64]

    @property
    def size(self) -> int:
        """Number of questions."""
        return int(self.questions.max(initial=-1)) + 1

    @property
    def cluster_of_questions(self) -> NDArray[np.int64]:
        """`(questions,)`: the cluster of each question."""
        clusters = np.full(self.size, -1, dtype=np.int64)
        drawn = self.questions >= 0
        clusters[self.questions[drawn]] = self.clusters[drawn]
        return clusters


def drawn(unit: Unit, clusters: NDArray[np.int64], questions: NDArray[np.int64]) -> dict[str, Any]:
    """For results: the unit that is drawn, and how many clusters and questions there are, from those of each value."""
    return {"resample": unit, "clusters": len(np.unique(clusters)), "questions": len(np.unique(questions))}


def drawing_of(collection: Collection, rows: NDArray[np.int64] | None = None) -> Drawing:
    """The questions and clusters of all queries, or of some rows of queries as if there were no others."""
    queries = collection.queries
    members = np.arange(len(queries)) if rows is None else rows
    chosen = queries if rows is None else queries.take(rows)
    place = np.full(len(queries), -1, dtype=np.int64)
    place[members] = np.arange(len(members))
    indptr, relevant = collection.relevant()
    query_of = place[np.repeat(np.arange(len(queries)), np.diff(indptr))]
    judged = query_of >= 0
    numbers = np.full((2, len(queries)), -1, dtype=np.int64)
    numbers[0, members] = question_rows(chosen.groups, chosen.languages, chosen.ids)
    numbers[1, members] = query_clusters(chosen.groups, query_of[judged], relevant[judged], collection.documents.groups)
    return Drawing(*numbers)
