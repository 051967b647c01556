"""Measures the slow and obvious way: every order of the pool is written out, and each measure reads it from the top.

Nothing here uses the formulas under test: placements are counted document by document, expected values are means over
all orders.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import groupby, permutations, product
from math import inf, log2, nan

import numpy as np

from clinometer.measures.placements import Placements
from clinometer.scanning.counts import Counts, TieMode
from support.languages import LANGUAGES


@dataclass
class Pool:
    """One query's pool: score, language and grade of each document, and the duplicates of relevant documents.

    A document with a score of minus infinity was not retrieved, and is in no order.
    """

    scores: list[float]
    grades: list[int]
    languages: list[int] = field(default_factory=list)
    duplicates: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.languages = self.languages or [0] * len(self.scores)

    @property
    def documents(self) -> range:
        return range(len(self.scores))

    @property
    def relevant(self) -> list[int]:
        return [d for d in self.documents if self.grades[d] > 0]

    @property
    def retrieved(self) -> list[int]:
        return [d for d in self.documents if self.scores[d] > -inf]

    @property
    def missed(self) -> bool:
        return not set(self.relevant) <= set(self.retrieved)

    def is_related(self, document: int) -> bool:
        return self.grades[document] > 0 or document in self.duplicates

    def tie_key(self, document: int, ties: TieMode) -> tuple[int, int]:
        if ties == "trec":
            return 0, -document
        if ties == "optimistic":
            return int(self.grades[document] == 0), document
        if ties == "pessimistic":
            return int(self.grades[document] > 0), document
        return 0, document

    def orders(self, ties: TieMode) -> Iterator[list[int]]:
        """All equally likely orders of the documents, best first: many for `expected`, one in the other modes."""
        if ties != "expected":
            yield sorted(self.retrieved, key=lambda d: (-self.scores[d], self.tie_key(d, ties)))
            return
        by_score = sorted(self.retrieved, key=lambda d: -self.scores[d])
        groups = [list(group) for _, group in groupby(by_score, key=lambda d: self.scores[d])]
        for choice in product(*(list(permutations(group)) for group in groups)):
            yield [document for group in choice for document in group]


def placements_of(pools: list[Pool], ties: TieMode = "index") -> Placements:
    """The placements of the pools, one query each, counted one pair of documents at a time."""
    counts: dict[str, list[list[int]]] = {key: [] for key in ("greater", "equal", "before")}
    related: dict[str, list[list[int]]] = {key: [] for key in counts}
    indptr, grades, language, retrieved = [0], [], [], []
    for pool in pools:
        for r in pool.relevant:
            for table in (*counts.values(), *related.values()):
                table.append([0] * len(LANGUAGES))
            for d in pool.documents:
                if d == r:
                    continue
                tied = pool.scores[d] == pool.scores[r]
                facts = {
                    "greater": pool.scores[d] > pool.scores[r],
                    "equal": tied,
                    "before": tied and (d > r if ties == "trec" else d < r),
                }
                for key, holds in facts.items():
                    counts[key][-1][pool.languages[d]] += holds
                    related[key][-1][pool.languages[d]] += holds and pool.is_related(d)
            grades.append(pool.grades[r])
            language.append(pool.languages[r])
            retrieved.append(r in pool.retrieved)
        indptr.append(len(grades))

    def counted(rows: dict[str, list[list[int]]]) -> Counts:
        return Counts(*(np.array(rows[key], dtype=np.int64).reshape(-1, len(LANGUAGES)) for key in rows))

    return Placements(
        indptr=np.array(indptr),
        grades=np.array(grades, dtype=np.int64),
        language=np.array(language, dtype=np.int64),
        counts=counted(counts),
        related=counted(related),
        sizes=np.array([len(pool.scores) for pool in pools], dtype=np.int64),
        languages=LANGUAGES,
        ties=ties,
        retrieved=None if all(retrieved) else np.array(retrieved),
    )


Reading = Callable[[Pool, list[int]], float]


def mean_over_orders(pool: Pool, ties: TieMode, reading: Reading) -> float:
    values = [reading(pool, order) for order in pool.orders(ties)]
    return sum(values) / len(values)


def ranks(pool: Pool, order: list[int], language: int | None = None) -> list[int]:
    """Ranks of the relevant documents (in one language), ascending."""
    return [
        rank
        for rank, d in enumerate(order, 1)
        if pool.grades[d] > 0 and (language is None or pool.languages[d] == language)
    ]


def ndcg(cutoff: int) -> Reading:
    def reading(pool: Pool, order: list[int]) -> float:
        def gain(grades: list[int]) -> float:
            return sum(grade / log2(rank + 1) for rank, grade in enumerate(grades[:cutoff], 1))

        return gain([pool.grades[d] for d in order]) / gain(sorted(pool.grades, reverse=True))

    return reading


def reciprocal_rank(cutoff: int) -> Reading:
    return lambda pool, order: next((1 / rank for rank in ranks(pool, order) if rank <= cutoff), 0.0)


def average_precision(cutoff: int) -> Reading:
    def reading(pool: Pool, order: list[int]) -> float:
        found = [seen / rank for seen, rank in enumerate(ranks(pool, order), 1) if rank <= cutoff]
        return sum(found) / len(pool.relevant)

    return reading


def found(cutoff: int) -> Reading:
    return lambda pool, order: sum(rank <= cutoff for rank in ranks(pool, order))


def recall(cutoff: int) -> Reading:
    return lambda pool, order: found(cutoff)(pool, order) / len(pool.relevant)


def precision(cutoff: int) -> Reading:
    return lambda pool, order: found(cutoff)(pool, order) / cutoff


def success(cutoff: int) -> Reading:
    return lambda pool, order: float(found(cutoff)(pool, order) > 0)


def r_precision(pool: Pool, order: list[int]) -> float:
    return precision(len(pool.relevant))(pool, order)


def rank_biased_precision(cutoff: int, persistence: float) -> Reading:
    def reading(pool: Pool, order: list[int]) -> float:
        at = [rank for rank in ranks(pool, order) if rank <= cutoff]
        return sum((1 - persistence) * persistence ** (rank - 1) for rank in at)

    return reading


def expected_reciprocal_rank(cutoff: int) -> Reading:
    def reading(pool: Pool, order: list[int]) -> float:
        value, reaching = 0.0, 1.0
        for rank, document in enumerate(order[:cutoff], 1):
            stops = (2 ** pool.grades[document] - 1) / 2**4
            value += reaching * stops / rank
            reaching *= 1 - stops
        return value

    return reading


def bpref(pool: Pool, order: list[int]) -> float:
    """For a pool whose documents are all judged."""
    value, count = 0.0, len(pool.relevant)
    others = len(pool.scores) - count
    for rank, document in enumerate(order):
        if pool.grades[document]:
            above = sum(pool.grades[other] == 0 for other in order[:rank])
            value += 1 - min(above, count) / min(others, count) if above else 1
    return value / count


def max_rank(pool: Pool, order: list[int]) -> float:
    return nan if pool.missed else max(ranks(pool, order))


def max_rank_norm(pool: Pool, order: list[int]) -> float:
    if pool.missed:
        return 0.0
    size, relevant = len(pool.scores), len(pool.relevant)
    if size == relevant:
        return 100.0
    return 100 * (log2(size) - log2(max_rank(pool, order))) / (log2(size) - log2(relevant))


def complete(cutoff: int) -> Reading:
    return lambda pool, order: 100.0 * (set(pool.relevant) <= set(order[:cutoff]))


def reachable(cutoff: int) -> Reading:
    """By trying how many documents of each language could stand in the first `cutoff`."""

    def reading(pool: Pool, order: list[int]) -> float:
        lists = [[d for d in order if pool.languages[d] == language] for language in set(pool.languages)]
        for taken in product(*(range(len(one) + 1) for one in lists)):
            top = {d for one, count in zip(lists, taken, strict=True) for d in one[:count]}
            if sum(taken) <= cutoff and set(pool.relevant) <= top:
                return 100.0
        return 0.0

    return reading


def rank_gap(pivot: int, target: int) -> Reading:
    def reading(pool: Pool, order: list[int]) -> float:
        pivots, targets = ranks(pool, order, pivot), ranks(pool, order, target)
        return log2(targets[0]) - log2(pivots[0]) if pivots and targets else nan

    return reading


def pivot_first(pivot: int, target: int) -> Reading:
    def reading(pool: Pool, order: list[int]) -> float:
        pivots, targets = ranks(pool, order, pivot), ranks(pool, order, target)
        # A retrieved document precedes one that was not; neither of two such ones precedes the other.
        in_pool = all(any(pool.languages[d] == language for d in pool.relevant) for language in (pivot, target))
        if not in_pool or not (pivots or targets):
            return nan
        return float(min(pivots, default=inf) < min(targets, default=inf))

    return reading


def intrusion_count(answer: int, intruder: int) -> Reading:
    def reading(pool: Pool, order: list[int]) -> float:
        answers = ranks(pool, order, answer)
        if not answers:
            return nan
        above = order[: answers[0] - 1]
        return float(sum(pool.languages[d] == intruder and not pool.is_related(d) for d in above))

    return reading


def intrusion(answer: int, intruder: int) -> Reading:
    def reading(pool: Pool, order: list[int]) -> float:
        count = intrusion_count(answer, intruder)(pool, order)
        if count == count:
            return float(count > 0)
        intruders = any(pool.languages[d] == intruder and not pool.is_related(d) for d in order)
        answers = any(pool.languages[d] == answer for d in pool.relevant)
        return 1.0 if answers and intruders else nan

    return reading
