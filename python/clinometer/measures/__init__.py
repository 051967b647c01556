"""Measures: from placements of the relevant documents to one value per query.

`evaluate_measure` knows which languages a measure speaks of in a setting; the measures themselves take them as
arguments. A measure that a setting does not define gives None, and a query for which it is not defined gives NaN:
neither is ever counted as 0.
"""

from __future__ import annotations

from clinometer.errors import MeasureError
from clinometer.measures.language import (
    complete,
    intrusion,
    intrusion_count,
    lang_share,
    max_rank,
    max_rank_norm,
    pivot_first,
    rank_gap,
)
from clinometer.measures.names import KNOWN, Measure, parse
from clinometer.measures.ranking import average_precision, ndcg, precision, recall, reciprocal_rank, success
from clinometer.measures.ties import Vector
from clinometer.placements import Placements

__all__ = [
    "KNOWN",
    "Measure",
    "average_precision",
    "complete",
    "evaluate_measure",
    "intrusion",
    "intrusion_count",
    "lang_share",
    "max_rank",
    "max_rank_norm",
    "ndcg",
    "parse",
    "pivot_first",
    "precision",
    "rank_gap",
    "recall",
    "reciprocal_rank",
    "success",
]

_WHOLE = {"nDCG": ndcg, "RR": reciprocal_rank, "AP": average_precision}
_CUT = {"R": recall, "P": precision, "Success": success, "Complete": complete}
_PARALLEL = {"MaxR": max_rank, "MaxRnorm": max_rank_norm}
_PAIR = {"RankGap": rank_gap, "PivotFirst": pivot_first}
_INTRUSION = {"Intrusion": intrusion, "IntrusionCount": intrusion_count}


def evaluate_measure(
    measure: Measure, placements: Placements, *, pivot: str, query_language: str, other_language: str | None
) -> Vector | None:
    """One measure for each query of a setting.

    Args:
        measure: Any but `LangShare`, which needs result lists (`lang_share`), and `LanguageGap`, which needs two
            settings.
        placements: Queries in one language and where their relevant documents stand.
        pivot: The language whose inclination is measured. `RankGap` and `PivotFirst` set it against the other language
            of the pair.
        query_language: Language of the queries.
        other_language: The other language of the pair; None where there is no pair: in a pool of one language, and for
            the pivot's queries in a pool of many.

    Returns:
        `(q,)` float64, NaN for queries without a value; None if the setting does not define the measure: a measure of a
        pair without a pair, with a language that the pool lacks, or (`RankGap`, `PivotFirst`) without the pivot in the
        pair.

    Raises:
        MeasureError: The measure is not one of placements.
    """
    name = measure.name
    if name in _WHOLE:
        return _WHOLE[name](placements, measure.cutoff)
    if name in _CUT and measure.cutoff is not None:
        return _CUT[name](placements, measure.cutoff)
    if name in _PARALLEL:
        return _PARALLEL[name](placements)
    if name not in _PAIR and name not in _INTRUSION:
        raise MeasureError(f"{measure} cannot be computed from placements: it needs result lists or two settings")
    pair = (query_language, other_language)
    if other_language is None or other_language == query_language or not set(pair) <= set(placements.languages):
        return None
    if name in _INTRUSION:
        answer, intruder = (other_language, query_language) if measure.params else (query_language, other_language)
        return _INTRUSION[name](placements, answer, intruder)
    if pivot not in pair:
        return None
    return _PAIR[name](placements, pivot, other_language if query_language == pivot else query_language)
