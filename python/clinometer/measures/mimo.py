"""PEER@k and MRC@k as the code published with MIMO computes them, for comparison with figures of that kind.

Source: the repository yjoonjang/MIMO (arXiv 2605.31171). The measures of the same names in `fairness` differ: MRC there
reads result lists alone, and PEER has another rule for documents past the cutoff.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clinometer.errors import UsageError
from clinometer.measures.fairness import averaged, kruskal_wallis
from clinometer.measures.ties import Vector, check_cutoff
from clinometer.vectors import refuse_masked

__all__ = ["mrc_mimo", "peer_mimo"]


def peer_mimo(ranks: ArrayLike, languages: ArrayLike, *, cutoff: int) -> float:
    """PEER@k of one query as in MIMO; 0 to 1, higher is meant to be fairer.

    p-value of a Kruskal-Wallis test, corrected for ties, of `min(rank, k + 1)` of the query's relevant documents,
    grouped by language; 1 if all of these are the same, as where none is among the first k. Source: `compute_peer` of
    the published code, which takes k = 20 and 100 and the mean over queries.

    **The trap.** The cutoff does not remove the one that `peer` describes: where every language has exactly one
    relevant document, all variance is between groups and the value is one number for every ranking (0.3173 for two
    languages, 0.4289 for eight), except 1 where no relevant document is among the first k. Over such a collection the
    mean only counts failed queries, and a retriever that finds nothing has the best value.

    Args:
        ranks: `(n,)`: rank of each relevant document from 1; more than k, or infinite, if it is not among the first k.
        languages: `(n,)`: their languages, labels or codes.
        cutoff: Cutoff k.

    Returns:
        The value; NaN with fewer than two languages: such queries are left out.

    Raises:
        UsageError: Arrays of different shapes, ranks below 1, or a cutoff below 1.

    Example:
        >>> round(peer_mimo([1, 2, 3, 40, 50, 60], ["en", "en", "en", "de", "de", "de"], cutoff=20), 4)
        0.0369
        >>> [round(peer_mimo(ranks, ["en", "de"], cutoff=20), 4) for ranks in ([1, 2], [1, 900], [21, 900])]
        [0.3173, 0.3173, 1.0]
    """
    for values, what in ((ranks, "ranks"), (languages, "languages")):
        refuse_masked(values, what, UsageError)
    rank_values, labels = np.asarray(ranks, dtype=np.float64), np.asarray(languages)
    if rank_values.shape != labels.shape or rank_values.ndim != 1:
        raise UsageError(f"{rank_values.size} ranks and {labels.size} languages; give one of each for every document")
    if not (rank_values >= 1).all():
        raise UsageError("ranks start at 1; give infinity for documents that were not retrieved")
    check_cutoff(cutoff)
    if len(np.unique(labels)) < 2:
        return float("nan")
    return kruskal_wallis(averaged(np.minimum(rank_values, cutoff + 1)), labels)


def mrc_mimo(scores: Mapping[str, ArrayLike], cutoff: int) -> dict[str, Vector]:
    """MRC@k as in MIMO: agreement of the scores of one question in different languages; -100 to 100, higher is more
    consistent.

    For each language a and question the mean over the other languages b of 100 times Spearman's correlation between the
    scores of a and those of b, over the documents that are among the first k of either. Pairs with fewer than two such
    documents, or with equal scores on one side, are left out of the mean. Source: `compute_mrc` of the published code,
    which takes k = 5, 10 and 20, then the mean over questions, and that over languages.

    Args:
        scores: `(Q, D)` scores of all documents by query language; row i is the same question in all languages, and
            all NaN where it does not exist in one. Among equal scores the document with the lower number comes first.
        cutoff: Cutoff k.

    Returns:
        `(Q,)` by language; NaN if no pair is left.

    Raises:
        UsageError: Fewer than two languages, scores of different shapes, rows with some NaN, or a cutoff below 1.

    Example:
        >>> agreement = mrc_mimo({"en": [[0.9, 0.8, 0.1, 0.0]], "de": [[0.9, 0.1, 0.8, 0.0]]}, 2)
        >>> {language: values.tolist() for language, values in agreement.items()}
        {'en': [50.0], 'de': [50.0]}
    """
    for language, rows in scores.items():
        refuse_masked(rows, f"the scores of {language}", UsageError)
    arrays = {language: np.asarray(rows) for language, rows in scores.items()}
    if len(arrays) < 2:
        raise UsageError("MRC compares scores between languages; give those of two or more")
    check_cutoff(cutoff)
    shapes = {language: rows.shape for language, rows in arrays.items()}
    if len(set(shapes.values())) > 1 or any(len(shape) != 2 for shape in shapes.values()):
        raise UsageError(f"the scores have shapes {shapes}, but must be (questions, documents), the same in every one")
    present = {language: _present(rows, language) for language, rows in arrays.items()}
    questions = next(iter(shapes.values()))[0]
    sums = {language: np.zeros(questions) for language in arrays}
    pairs = {language: np.zeros(questions) for language in arrays}
    for question in range(questions):
        tops = {
            language: np.argsort(-rows[question], kind="stable")[:cutoff]
            for language, rows in arrays.items()
            if present[language][question]
        }
        for first, second in combinations(tops, 2):
            union = np.union1d(tops[first], tops[second])
            value = 100.0 * _correlation(arrays[first][question, union], arrays[second][question, union])
            if not np.isnan(value):
                for language in (first, second):
                    sums[language][question] += value
                    pairs[language][question] += 1
    return {
        language: np.divide(sums[language], pairs[language], out=np.full(questions, np.nan), where=pairs[language] > 0)
        for language in arrays
    }


def _present(rows: NDArray[np.generic], language: str) -> NDArray[np.bool_]:
    """`(Q,)`: whether the question exists in a language."""
    unknown = np.isnan(rows)
    partly = np.flatnonzero(unknown.any(axis=1) & ~unknown.all(axis=1))
    if len(partly):
        raise UsageError(
            f"the scores of {language} have NaN in row {partly[0]}; give a score for every document, minus infinity "
            "for one that was not retrieved, or NaN for all where the question does not exist in the language"
        )
    exists: NDArray[np.bool_] = ~unknown.all(axis=1)
    return exists


def _correlation(first: NDArray[np.generic], second: NDArray[np.generic]) -> float:
    """Spearman's correlation; NaN for fewer than two values, or equal ones on one side."""
    ranks = [averaged(values) for values in (first, second)]
    a, b = (values - values.mean() for values in ranks)
    length = float((a @ a) * (b @ b))
    return float(a @ b) / length**0.5 if length else float("nan")
