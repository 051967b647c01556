"""Measures of parallel relevant documents and of bias: Max@R, Complete@K and its bound, rank gap, intrusion, share.

Each returns one float64 per query. A query for which a measure is undefined, such as one without a relevant document in
a language of the measure, has the value NaN, never 0. A relevant document that was not retrieved has no rank: measures
of ranks are NaN without it, and those that only need to know which of two comes first know it if the other was. With
`ties="expected"` each is its exact expectation over random orders of tied documents.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from clinometer.errors import UsageError
from clinometer.measures.placements import Placements
from clinometer.measures.ties import (
    TieGroups,
    Vector,
    at_best,
    at_worst,
    check_cutoff,
    first_missed,
    last_by_language,
    none_within,
    per_query,
    relevant_within,
    tie_groups,
    within,
)

__all__ = [
    "complete",
    "intrusion",
    "intrusion_count",
    "lang_share",
    "max_rank",
    "max_rank_norm",
    "pivot_first",
    "rank_distance",
    "rank_gap",
    "reachable",
    "strong_violation",
    "tlr",
]


def max_rank(placements: Placements) -> Vector:
    """Max@R: rank of the query's last relevant document; `(q,)`, |R| to |D|, lower is better.

    NaN if one of them was not retrieved. With expected ties, the last of m relevant ones among n tied documents, below
    a others, has the mean rank a + m(n + 1)/(m + 1). Source: arXiv 2604.05684.
    """
    worst = tie_groups(placements).last()
    m = worst.relevant
    ranks = per_query(placements, worst, worst.above + m * (worst.size + 1) / (m + 1))
    return np.where(placements.missed, np.nan, ranks)


def max_rank_norm(placements: Placements) -> Vector:
    """Max@R norm: 100 (log2|D| - log2 Max@R) / (log2|D| - log2|R|); `(q,)`, 0 to 100, higher is better.

    |D| is the size of the query's pool and |R| the number of its relevant documents there. 100: they have the first |R|
    ranks; 0: one of them is last or was not retrieved. If the whole pool is relevant the value is 100 [our definition].
    With expected ties it is the mean of the norm. Source: arXiv 2604.05684.
    """
    worst = tie_groups(placements).last()
    size, relevant = placements.sizes[worst.query], np.diff(placements.indptr)[worst.query]
    span = np.log2(size) - np.log2(relevant)
    gained = np.log2(size) - at_worst(worst, np.log2)
    norm = np.divide(gained, span, out=np.ones(len(worst)), where=relevant < size)
    return np.where(placements.missed, 0.0, per_query(placements, worst, 100.0 * norm))


def complete(placements: Placements, cutoff: int) -> Vector:
    """Complete@K: 100 if all relevant documents are among the first `cutoff`, else 0; `(q,)`, higher is better.

    Name from arXiv 2604.05684, formula our reading: 100 Pr[Max@R <= K]. With expected ties it is that probability.

    Raises:
        UsageError: The cutoff is below 1.
    """
    check_cutoff(cutoff)
    worst = tie_groups(placements).last()
    values = per_query(placements, worst, 100.0 * none_within(worst, worst.size - within(worst, cutoff)))
    return np.where(placements.missed, 0.0, values)


def reachable(placements: Placements, cutoff: int) -> Vector:
    """Reachable@K: 100 if the languages could be merged so that Complete@K is 100, else 0; `(q,)`, higher is better.

    The order within each language is fixed, and only that between languages may change: then all relevant documents fit
    into the first K if and only if the ranks of the last one of each language, among the documents of its own language,
    add up to at most K. So this is the upper bound of Complete@K for any method that shifts languages relative to each
    other, even query by query; the rest to 100 is a matter of retrieval within a language. With expected ties it is the
    probability. [our definition]

    Raises:
        UsageError: The cutoff is below 1.
    """
    check_cutoff(cutoff)
    worst, language = last_by_language(placements)
    if placements.ties != "expected":
        ranks: Vector = worst.above.astype(np.float64) + 1.0
        within_cutoff = per_query(placements, worst, ranks) <= cutoff
        return np.where(within_cutoff & ~placements.missed, 100.0, 0.0)
    # Orders within different languages are independent: the distribution of the sum of ranks, language by language.
    chances = np.zeros((len(placements), cutoff + 1))
    chances[:, 0] = 1.0
    for code in range(len(placements.languages)):
        groups = worst.take(np.flatnonzero(language == code))
        up_to = np.stack(
            [none_within(groups, groups.size - within(groups, rank)) for rank in range(cutoff + 1)], axis=1
        )
        before, after = chances[groups.query], np.zeros((len(groups), cutoff + 1))
        for rank, chance in enumerate(np.diff(up_to, axis=1).T, start=1):
            after[:, rank:] += chance[:, None] * before[:, : cutoff - rank + 1]
        chances[groups.query] = after
    values: Vector = 100.0 * chances.sum(axis=1)
    return np.where(placements.missed, 0.0, values)


def rank_distance(placements: Placements) -> Vector:
    """Rank of the last relevant document minus that of the first; `(q,)`, |R| - 1 to |D| - 1, lower is better.

    NaN for queries with fewer than two relevant documents in the pool, or with one that was not retrieved. With
    expected ties it is the difference of the two expectations. Source: the maximal rank distance of arXiv 2408.10536.
    """
    best = tie_groups(placements).first()
    best_rank = per_query(placements, best, at_best(best, lambda ranks: ranks))
    return np.where(np.diff(placements.indptr) > 1, max_rank(placements) - best_rank, np.nan)


def rank_gap(placements: Placements, pivot: str, target: str) -> Vector:
    """log2 of the target's best rank minus log2 of the pivot's; `(q,)`, above 0: leans to the pivot.

    A language's best rank is that of its first relevant document; 1 means that the target's rank is twice the pivot's.
    NaN if none of a language's relevant documents was retrieved. [our definition]

    Raises:
        UsageError: Pivot and target are the same language.
    """
    _check_pair(pivot, target)
    depths = []
    for language in (target, pivot):
        best = tie_groups(placements, language).first()
        depths.append(per_query(placements, best, at_best(best, np.log2)))
    return depths[0] - depths[1]


def pivot_first(placements: Placements, pivot: str, target: str) -> Vector:
    """1 if the pivot's best relevant document ranks above the target's, else 0; `(q,)`, 0 to 1. [our definition]

    A language-blind ranking has a mean of 0.5. A document that was not retrieved ranks below one that was; NaN if
    neither was. With expected ties, best documents in one group count by the number that each language has there: the
    first of them all decides.

    Raises:
        UsageError: Pivot and target are the same language.
    """
    _check_pair(pivot, target)
    (pivot_above, pivots), (target_above, targets) = (
        (_on_queries(placements, best, best.above), _on_queries(placements, best, best.relevant))
        for best in (tie_groups(placements, language).first() for language in (pivot, target))
    )
    for above, language in ((pivot_above, pivot), (target_above, target)):
        missed, _ = first_missed(placements, language)
        above[missed] = np.nan_to_num(above[missed], nan=np.inf)
    first = np.where(pivot_above == target_above, pivots / (pivots + targets), pivot_above < target_above)
    return np.where(np.isnan(pivot_above + target_above), np.nan, first)


def intrusion(placements: Placements, answer: str, intruder: str) -> Vector:
    """1 if an unrelated document in `intruder` ranks above the best relevant document in `answer`; `(q,)`, 0 to 1.

    Lower is better. Unrelated: neither a relevant document of the query nor a duplicate of one. NaN for queries without
    a relevant document in `answer`, and for all if the pool lacks the language `intruder`. If no relevant document in
    `answer` was retrieved, 1 if an unrelated one in `intruder` was, else NaN. [our definition]
    """
    best = tie_groups(placements, answer).first()
    above, tied = _intruders(placements, best, intruder)
    values = per_query(placements, best, np.where(above > 0, 1.0, tied / (tied + best.relevant)))
    query, row = first_missed(placements, answer)
    open_values = np.isnan(values[query])
    values[query[open_values]] = _any_retrieved(placements, row[open_values], intruder)
    return values


def intrusion_count(placements: Placements, answer: str, intruder: str) -> Vector:
    """Number of unrelated documents in `intruder` that rank above the best relevant document in `answer`; `(q,)`.

    Lower is better. NaN as for `intrusion`, and if no relevant document in `answer` was retrieved. With expected ties,
    each tied one is above with probability 1/(m + 1), for m relevant documents of `answer` in the group. [our
    definition]
    """
    best = tie_groups(placements, answer).first()
    above, tied = _intruders(placements, best, intruder)
    return per_query(placements, best, above + tied / (best.relevant + 1))


def strong_violation(placements: Placements, language: str) -> Vector:
    """1 if an unrelated document in `language` ranks above any relevant document of any language; `(q,)`, 0 to 1.

    Lower is better. `language` is that of the queries. Strong alignment (LAReQA, Roy et al. 2020) requires that
    relevant documents of all languages rank above the unrelated ones of the query's own. Unrelated as for `intrusion`.
    NaN for queries without a relevant document in another language, and for all if the pool lacks `language`. If a
    relevant document was not retrieved, 1 if an unrelated one in `language` was, else NaN. With expected ties it is the
    probability. [our definition: how often the condition is violated]
    """
    worst = tie_groups(placements).last()
    above, tied = _intruders(placements, worst, language)
    if language not in placements.languages:
        return per_query(placements, worst, above)
    # Only relevant documents and intruders in the tie matter; there is no violation if the relevant ones come first.
    among = replace(worst, size=worst.relevant + tied.astype(np.int64))
    values = per_query(placements, worst, np.where(above > 0, 1.0, 1.0 - none_within(among, tied)))
    query, row = first_missed(placements)
    values[query] = _any_retrieved(placements, row, language)
    other_languages = placements.language != placements.languages.index(language)
    return np.where(np.bincount(placements.query[other_languages], minlength=len(placements)) > 0, values, np.nan)


def tlr(placements: Placements, language: str, cutoff: int) -> Vector:
    """TLR@k, target-languages recall: share of the relevant documents in other languages than the query's that are
    among the first k; `(q,)`, 0 to 1, higher is better.

    `|top_k & R'| / |R'|`, for the relevant documents R' that are not in `language`, that of the queries. NaN for
    queries without any. Source: SHIFT (arXiv 2606.18801, section 4.3, and its published code), which takes k = 20.
    There, as with `--ties index`, the order of tied documents is that of the collection; with expected ties it is the
    mean.

    Raises:
        UsageError: The cutoff is below 1.
    """
    every, own = (relevant_within(placements, cutoff, label) for label in (None, language))
    code = placements.languages.index(language) if language in placements.languages else -1
    relevant = np.bincount(placements.query[placements.language != code], minlength=len(placements))
    share: Vector = np.divide(every - own, relevant, out=np.full(len(placements), np.nan), where=relevant > 0)
    return share


def lang_share(top_languages: NDArray[np.integer], top_is_relevant: NDArray[np.bool_], language: int) -> Vector:
    """Share of a language among the unrelated documents of the first k; `(q,)`, 0 to 1.

    Compare it with the language's share of the pool.

    Args:
        top_languages: `(q, k)`: language code of each of the first k documents, -1 past the end of the pool.
        top_is_relevant: `(q, k)`: True for the query's relevant documents and their duplicates.
        language: Code of the language.

    Returns:
        The share; NaN if none of the first k documents is unrelated. [our definition]

    Example:
        >>> lang_share(np.array([[0, 1, 0, -1]]), np.array([[True, False, False, False]]), language=0)
        array([0.5])
    """
    unrelated = (top_languages >= 0) & ~top_is_relevant
    counts = np.count_nonzero(unrelated, axis=1)
    language_counts = np.count_nonzero(unrelated & (top_languages == language), axis=1)
    share: Vector = np.divide(language_counts, counts, out=np.full(len(counts), np.nan), where=counts > 0)
    return share


def _on_queries(placements: Placements, groups: TieGroups, values: NDArray[np.int64]) -> Vector:
    """The values of the queries' first groups as `(q,)`, NaN for queries without groups."""
    return per_query(placements, groups, values.astype(np.float64))


def _intruders(placements: Placements, answers: TieGroups, intruder: str) -> tuple[Vector, Vector]:
    """Numbers of unrelated documents in `intruder` above each group of answers, and in random order with it."""
    if intruder not in placements.languages:
        undefined = np.full(len(answers), np.nan)
        return undefined, undefined
    unrelated = placements.unrelated()
    cell = answers.row, placements.languages.index(intruder)
    above, tied = unrelated.greater[cell].astype(np.float64), np.zeros(len(answers))
    if placements.ties == "expected":
        tied += unrelated.equal[cell]
    elif placements.ties == "pessimistic":
        above += unrelated.equal[cell]
    elif placements.ties in ("index", "trec"):
        above += unrelated.before[cell]
    return above, tied


def _any_retrieved(placements: Placements, missed_rows: NDArray[np.int64], language: str) -> Vector:
    """1 if an unrelated document in `language` ranks above documents that were not retrieved, as all that were do."""
    if language not in placements.languages:
        return np.full(len(missed_rows), np.nan)
    counts = placements.unrelated().greater[missed_rows, placements.languages.index(language)]
    return np.where(counts > 0, 1.0, np.nan)


def _check_pair(pivot: str, target: str) -> None:
    if pivot == target:
        raise UsageError(f"pivot and target are both {pivot!r}, but must be different languages")
