"""Measures of result lists that an evaluation's rows do not contain: PEER@k and MRC@k, for comparison with papers.

Both read lists of the first k documents. A value that would not depend on the ranking is NaN, never a number.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import erfc, exp, gamma, inf, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clinometer.errors import UsageError
from clinometer.measures.ties import Vector, check_cutoff
from clinometer.vectors import refuse_masked

__all__ = ["averaged", "kruskal_wallis", "mrc", "peer"]


def peer(
    ranks: ArrayLike,
    languages: ArrayLike,
    grades: ArrayLike,
    *,
    cutoff: int,
    weights: Mapping[int, float],
    guard: bool = True,
) -> float:
    """PEER@k of one query: probability that chance makes ranks differ so much by language; 0 to 1, higher is fairer.

    `sum_v w_v p_v` over grades v. `p_v` is the p-value of a Kruskal-Wallis test of the ranks of the documents with
    grade v, grouped by language: `H = (N - 1) sum_g n_g (mean_g - mean)^2 / sum_i (r_i - mean)^2`, chi-squared with
    degrees of freedom one less than the number of languages. Only the first k documents count, but relevant ones past
    them share the rank `(2 N + u + 1) / 2`, for N documents in the test, u of them past k; with few relevant documents
    that rank can be better than those of retrieved ones. `p_v` is 1 with fewer than two languages, if none is in the
    first k, or if all ranks are the same [the last is our rule: the formula is 0/0]. Source: the published code (Yang
    et al. 2024, "Language Fairness in Multilingual Information Retrieval").

    **The trap.** If every language has exactly one document of a grade, as in fully parallel pools, all variance is
    between groups: H is N - 1 for any ranking, and p a constant (0.3173 for two languages). With `guard` [ours] such a
    query has no value. Use the grade 0, or collections with several relevant documents in each language. A cutoff for
    the ranks does not help: see `peer_mimo`.

    Args:
        ranks: `(n,)`: rank of each document from 1; more than k, or infinite, if it is not among the first k.
        languages: `(n,)`: their languages, labels or codes.
        grades: `(n,)`: their grades, 0 for documents that are not relevant.
        cutoff: Cutoff k.
        weights: Weight of each grade, adding up to 1; 0 for grades that are not named.
        guard: NaN instead of a constant.

    Returns:
        The value; NaN in the case above.

    Raises:
        UsageError: Arrays of different shapes, a cutoff below 1, or weights that do not add up to 1.

    Example:
        >>> languages, grades = ["en", "en", "en", "de", "de", "de"], [1] * 6
        >>> round(peer([1, 2, 3, 4, 5, 6], languages, grades, cutoff=10, weights={1: 1.0}), 4)
        0.0495
        >>> peer([1, 2], ["en", "de"], [1, 1], cutoff=10, weights={1: 1.0})
        nan
    """
    for values, what in ((ranks, "ranks"), (languages, "languages"), (grades, "grades")):
        refuse_masked(values, what, UsageError)
    rank_values, labels, levels = np.asarray(ranks, dtype=np.float64), np.asarray(languages), np.asarray(grades)
    if not rank_values.shape == labels.shape == levels.shape or rank_values.ndim != 1:
        raise UsageError(
            f"{rank_values.size} ranks, {labels.size} languages and {levels.size} grades; give one of each for every "
            "document"
        )
    if not (rank_values >= 1).all():
        raise UsageError("ranks start at 1; give infinity for documents that were not retrieved")
    check_cutoff(cutoff)
    if min(weights.values(), default=-1.0) < 0 or abs(sum(weights.values()) - 1) > 1e-8:
        raise UsageError(f"the weights of the grades are {dict(weights)}, but must be 0 or more and add up to 1")
    retrieved_ranks = np.where(rank_values <= cutoff, rank_values, inf)
    total = 0.0
    for level, weight in weights.items():
        tested = (levels == level) & ((retrieved_ranks < inf) | (level > 0))
        if weight:
            total += weight * _equal_ranks(retrieved_ranks[tested], labels[tested], guard)
    return total


def _equal_ranks(ranks: Vector, languages: NDArray[np.generic], guard: bool) -> float:
    """p-value of the test of one grade; ranks past the cutoff are infinite."""
    past = ranks == inf
    _, sizes = np.unique(languages, return_counts=True)
    if past.all() or len(sizes) < 2:
        return 1.0
    if guard and sizes.max() == 1:
        return float("nan")
    return kruskal_wallis(np.where(past, (2 * len(ranks) + np.count_nonzero(past) + 1) / 2, ranks), languages)


def kruskal_wallis(ranks: Vector, groups: NDArray[np.generic]) -> float:
    """p-value of the test whether groups have equal mean ranks; 1 if all ranks are the same.

    Args:
        ranks: `(n,)`, with mean ranks for equal ones where the test is corrected for these.
        groups: `(n,)` labels of two or more groups.
    """
    _, group, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    squares = float(np.square(ranks - ranks.mean()).sum())
    if squares == 0:
        return 1.0
    means = np.bincount(group.reshape(-1), weights=ranks) / sizes
    squares_between = float((sizes * np.square(means - ranks.mean())).sum())
    return _chi_squared_above((len(ranks) - 1) * squares_between / squares, len(sizes) - 1)


def _chi_squared_above(value: float, freedom: int) -> float:
    """Probability that a chi-squared variable with `freedom` degrees of freedom is greater."""
    half = value / 2
    if freedom % 2:
        start = erfc(sqrt(half))
        terms = [half ** (i - 0.5) / gamma(i + 0.5) for i in range(1, (freedom + 1) // 2)]
    else:
        start, terms = 0.0, [half**i / gamma(i + 1) for i in range(freedom // 2)]
    return float(start + exp(-half) * sum(terms))


def mrc(lists: Mapping[str, ArrayLike], cutoff: int) -> dict[str, Vector]:
    """MRC@k: agreement of the rankings of one question in different languages; -1 to 1, higher is more consistent.

    For each language a and question i the mean over the other languages b of Spearman's rank correlation of the two
    rankings. Source: LaKDA (arXiv 2509.06195), whose treatment of the top k we do not know: here the correlation is
    over the documents of both lists of the first k, and one missing from a list has the rank k + 1 there [our rule], so
    that result lists are enough. `mrc_mimo` reads the scores instead. Two lists of the same single document agree: 1.

    Args:
        lists: `(Q, k or more)` documents by query language, best first, -1 past the end; row i is the same question in
            all languages.
        cutoff: Cutoff k.

    Returns:
        `(Q,)` by language; NaN if a list is empty.

    Raises:
        UsageError: Fewer than two languages, lists of different shapes, or a cutoff below 1.

    Example:
        >>> consistency = mrc({"en": [[7, 8, 9]], "de": [[7, 8, 9]], "zh": [[9, 8, 7]]}, 3)
        >>> {language: values.tolist() for language, values in consistency.items()}
        {'en': [0.0], 'de': [0.0], 'zh': [-1.0]}
    """
    for language, rows in lists.items():
        refuse_masked(rows, f"the lists of {language}", UsageError)
    arrays = {language: np.asarray(rows) for language, rows in lists.items()}
    if len(arrays) < 2:
        raise UsageError("MRC compares rankings between languages; give the lists of two or more")
    check_cutoff(cutoff)
    shapes = {language: rows.shape for language, rows in arrays.items()}
    if (
        any(len(shape) != 2 or shape[1] < cutoff for shape in shapes.values())
        or len({shape[0] for shape in shapes.values()}) > 1
    ):
        raise UsageError(f"the lists have shapes {shapes}, but must be (questions, {cutoff} or more) in every language")
    means: dict[str, Vector] = {}
    for language, rows in arrays.items():
        others = [other for label, other in arrays.items() if label != language]
        correlations = [
            [
                _correlation(first_list[:cutoff], second_list[:cutoff], cutoff)
                for first_list, second_list in zip(rows, other, strict=True)
            ]
            for other in others
        ]
        means[language] = np.array(correlations, dtype=np.float64).reshape(len(others), len(rows)).mean(axis=0)
    return means


def _correlation(first_list: NDArray[np.generic], second_list: NDArray[np.generic], cutoff: int) -> float:
    """Spearman's correlation over the documents of both lists."""
    rank_of = [
        {document: rank for rank, document in enumerate(rows.tolist(), 1) if document != -1}
        for rows in (first_list, second_list)
    ]
    if not all(rank_of):
        return float("nan")
    documents = list(dict.fromkeys([*rank_of[0], *rank_of[1]]))
    if len(documents) == 1:
        return 1.0
    ranks = [averaged([list_ranks.get(document, cutoff + 1) for document in documents]) for list_ranks in rank_of]
    first, second = (values - values.mean() for values in ranks)
    return float(first @ second / sqrt((first @ first) * (second @ second)))


def averaged(values: ArrayLike) -> Vector:
    """Ranks of the values from the lowest, with the mean rank for equal ones."""
    _, index, counts = np.unique(values, return_inverse=True, return_counts=True)
    means: Vector = (np.cumsum(counts) - (counts - 1) / 2)[index.reshape(-1)]
    return means
