"""Measures of preference for the query's language: LPR and its variants, Lang-nDCG, the four-way split of the top.

The ideas and names are from arXiv 2605.07249 (MLAIRE), whose formulas we do not know: every formula here is our
proposal. Each function returns one float64 per query, NaN if undefined. Everything is computed exactly from the
placements in every tie mode, except which language leads if no relevant document does (`leading`).
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from clinometer.errors import UsageError
from clinometer.measures.language import pivot_first
from clinometer.measures.placements import Placements
from clinometer.measures.ranking import discounted_gain, ideal_gain
from clinometer.measures.ties import Vector, check_cutoff, per_query, tie_groups

__all__ = ["Part", "four_way", "lang_ndcg", "lpr", "lpr_any", "lpr_pair", "lpr_top1"]

Part = Literal["SR-QL", "SR-NQL", "NSR-QL", "NSR-NQL"]


def lpr(placements: Placements, language: str) -> Vector:
    """Language preference rate: 100 if the first of the relevant documents is in `language`, else 0; `(q,)`.

    `language` is that of the queries. The rank of the first relevant document does not matter, so that the preference
    is measured independently of the quality of the ranking. A language-blind ranking has a mean of 100 |R_l| / |R|:
    with one relevant document in each of n languages, 100/n. NaN for queries without a relevant document in `language`,
    or in another, and if none was retrieved. With expected ties it is the probability that one in `language` comes
    first. [our definition]
    """
    best = tie_groups(placements).first()
    first = _first_in_language(placements, language) / per_query(placements, best, best.relevant.astype(np.float64))
    rate: Vector = np.where(_choice(placements, language), 100.0 * first, np.nan)
    return rate


def lpr_pair(placements: Placements, language: str) -> Vector:
    """Percentage of the other languages whose best relevant document ranks below that in `language`; `(q,)`.

    0 to 100; a language-blind ranking has a mean of 50 (with equally many relevant documents in each language).
    Languages without a relevant document do not count; NaN as for `lpr`. In a pool of two languages it is `lpr`.
    [our definition]
    """
    others = [label for label in placements.languages if label != language]
    below = np.array([pivot_first(placements, language, label) for label in others]).reshape(len(others), -1)
    compared = np.count_nonzero(~np.isnan(below), axis=0)
    share = np.divide(np.nansum(below, axis=0), compared, out=np.full(len(placements), np.nan), where=compared > 0)
    rate: Vector = 100.0 * share
    return rate


def lpr_top1(placements: Placements, language: str) -> Vector:
    """100 if the document on top is in `language`, 0 if in another, for queries where it is relevant; `(q,)`.

    NaN for queries whose top document is not relevant, and as for `lpr`. In a tie mode with a fixed order the mean is
    SR-QL / (SR-QL + SR-NQL) over the same queries. With expected ties it is the probability of `language`, given that a
    relevant document is on top; every query for which that is possible has the same weight. [our definition]
    """
    best = tie_groups(placements).first()
    on_top = per_query(placements, best, best.above.astype(np.float64)) == 0
    return np.where(on_top, lpr(placements, language), np.nan)


def lpr_any(placements: Placements, language: str, leading: Vector) -> Vector:
    """100 if the document on top, relevant or not, is in `language`, else 0; `(q,)`.

    The sum of SR-QL and NSR-QL; see `four_way` for `leading` and ties. Compare it with the language's share of the
    pool. [our definition]
    """
    return four_way(placements, "SR-QL", language) + four_way(placements, "NSR-QL", language, leading)


def four_way(placements: Placements, part: Part, language: str, leading: Vector | None = None) -> Vector:
    """100 if the document on top belongs to one of four parts, else 0; `(q,)`, the four add up to 100.

    SR: it is relevant; NSR: it is not (a duplicate of a relevant document counts if it is judged itself). QL: it is in
    `language`, that of the queries; NQL: it is not. SR-QL and SR-NQL add up to 100 nDCG@1 if all grades are 1. With
    expected ties each is the probability. NaN if no document was retrieved. [our definition]

    Args:
        placements: Ranks of the relevant documents.
        part: One of the four parts.
        language: Language of the queries.
        leading: `(q,)`, 0 to 1: share of `language` among the documents tied at the first rank, if none of them is
            relevant; ignored if one is. Needed for the parts NSR.

    Raises:
        UsageError: The part is unknown, or needs `leading`.
    """
    if part not in ("SR-QL", "SR-NQL", "NSR-QL", "NSR-NQL"):
        raise UsageError(f"unknown part {part!r}; expected one of SR-QL, SR-NQL, NSR-QL, NSR-NQL")
    return np.where(placements.empty, np.nan, _on_top(placements, part, language, leading))


def _on_top(placements: Placements, part: Part, language: str, leading: Vector | None) -> Vector:
    """`four_way`, for queries for which any document was retrieved."""
    best = tie_groups(placements).first()
    on_top = best.above == 0
    # Shares of the first rank, among all documents that may have it.
    relevant = per_query(placements, best, np.where(on_top, best.relevant / best.size, 0.0), empty=0.0)
    in_language = _first_in_language(placements, language) / per_query(placements, best, best.size.astype(np.float64))
    in_language = np.where(relevant > 0, in_language, 0.0)
    if part == "SR-QL":
        return 100.0 * in_language
    if part == "SR-NQL":
        return 100.0 * (relevant - in_language)
    if leading is None:
        raise UsageError(f"{part} needs to know which language leads if no relevant document does; give leading")
    language_counts = np.zeros(len(best))
    if placements.ties == "expected" and language in placements.languages:
        code = placements.languages.index(language)
        language_counts += placements.counts.equal[best.row, code]
        language_counts += placements.language[best.row] == code
    with_relevant = per_query(placements, best, language_counts / best.size) - in_language
    others = np.where(relevant > 0, np.maximum(with_relevant, 0.0), leading)
    return 100.0 * (others if part == "NSR-QL" else 1.0 - relevant - others)


def lang_ndcg(placements: Placements, language: str, cutoff: int | None = None, *, gain: float = 0.5) -> Vector:
    """nDCG that prefers the query's language; `(q,)`, 0 to 1, higher is better.

    The gain of a relevant document is its grade if it is in `language`, that of the queries, and `gain` times its grade
    if it is not; the ideal order is by gain. 0: only documents in `language` count; 1: it is `ndcg`. NaN for queries
    without a relevant document in `language`. [our definition]

    Raises:
        UsageError: The cutoff is below 1, or the gain is not between 0 and 1.
    """
    check_cutoff(cutoff)
    if not 0 <= gain <= 1:
        raise UsageError(f"the gain is {gain}, but must lie between 0 and 1")
    code = placements.languages.index(language) if language in placements.languages else -1
    gains = placements.grades * np.where(placements.language == code, 1.0, gain)
    own = discounted_gain(placements, cutoff, language)
    gained = gain * discounted_gain(placements, cutoff) + (1.0 - gain) * own
    ideal = ideal_gain(placements, gains, cutoff)
    ratio: Vector = np.divide(gained, ideal, out=np.full(len(placements), np.nan), where=~np.isnan(own))
    return ratio


def _first_in_language(placements: Placements, language: str) -> Vector:
    """`(q,)`: number of documents in `language` in the query's first group of relevant documents."""
    best, own = tie_groups(placements).first(), tie_groups(placements, language).first()
    above = np.full(len(placements), -1)
    above[best.query] = best.above
    counts = np.zeros(len(placements))
    counts[own.query] = np.where(own.above == above[own.query], own.relevant, 0)
    return counts


def _choice(placements: Placements, language: str) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """`(q,)`: whether there are relevant documents in `language`, and in another."""
    code = placements.languages.index(language) if language in placements.languages else -1
    own = np.bincount(placements.query[placements.language == code], minlength=len(placements))
    return (own > 0) & (own < np.diff(placements.indptr))
