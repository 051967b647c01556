"""Measures: from placements of the relevant documents to one value per query.

`evaluate_measure` knows which languages a measure speaks of in a setting; the measures themselves take them as
arguments. A measure that a setting does not define gives None, and a query for which it is not defined gives NaN:
neither is ever counted as 0.
"""

from __future__ import annotations

from typing import cast

from clinometer.errors import MeasureError
from clinometer.measures.fairness import mrc, peer
from clinometer.measures.kinds import USUAL_GAIN
from clinometer.measures.language import (
    complete,
    intrusion,
    intrusion_count,
    lang_share,
    max_rank,
    max_rank_norm,
    pivot_first,
    rank_distance,
    rank_gap,
    reachable,
    strong_violation,
)
from clinometer.measures.names import KNOWN, Measure, parse
from clinometer.measures.placements import Placements
from clinometer.measures.preference import Part, four_way, lang_ndcg, lpr, lpr_any, lpr_pair, lpr_top1
from clinometer.measures.ranking import average_precision, ndcg, precision, recall, reciprocal_rank, success
from clinometer.measures.ties import Vector

__all__ = [
    "KNOWN",
    "Measure",
    "average_precision",
    "complete",
    "evaluate_measure",
    "four_way",
    "intrusion",
    "intrusion_count",
    "lang_ndcg",
    "lang_share",
    "lpr",
    "lpr_any",
    "lpr_pair",
    "lpr_top1",
    "max_rank",
    "max_rank_norm",
    "mrc",
    "ndcg",
    "parse",
    "peer",
    "pivot_first",
    "precision",
    "rank_distance",
    "rank_gap",
    "reachable",
    "recall",
    "reciprocal_rank",
    "strong_violation",
    "success",
]

_WHOLE = {"nDCG": ndcg, "RR": reciprocal_rank, "AP": average_precision}
_CUT = {"R": recall, "P": precision, "Success": success, "Complete": complete, "Reachable": reachable}
_PARALLEL = {"MaxR": max_rank, "MaxRnorm": max_rank_norm, "RankDistance": rank_distance}
_PAIR = {"RankGap": rank_gap, "PivotFirst": pivot_first}
_INTRUSION = {"Intrusion": intrusion, "IntrusionCount": intrusion_count}
_OWN = ("LPR", "LangNDCG", "FourWay", "StrongViolation")
_LPR = {"first": lpr, "top1": lpr_top1, "pair": lpr_pair}


def evaluate_measure(
    measure: Measure,
    placements: Placements,
    *,
    pivot: str,
    query_language: str,
    other_language: str | None,
    leading: Vector | None = None,
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
        leading: What `four_way` needs to know of the top beyond placements, for measures that speak of it.

    Returns:
        `(q,)` float64, NaN for queries without a value; None if the setting does not define the measure: a measure of a
        pair without a pair, with a language that the pool lacks, or (`RankGap`, `PivotFirst`) without the pivot in the
        pair, or (`LPR`, `LangNDCG`, `FourWay`, `StrongViolation`) without the query's language and another in the pool.

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
    if name not in (*_PAIR, *_INTRUSION, *_OWN) or (measure.needs_lists and leading is None):
        raise MeasureError(f"{measure} cannot be computed from placements: it needs result lists or two settings")
    if name in _OWN:
        return _of_own_language(measure, placements, query_language, leading)
    pair = (query_language, other_language)
    if other_language is None or other_language == query_language or not set(pair) <= set(placements.languages):
        return None
    if name in _INTRUSION:
        answer, intruder = (other_language, query_language) if measure.params else (query_language, other_language)
        return _INTRUSION[name](placements, answer, intruder)
    if pivot not in pair:
        return None
    return _PAIR[name](placements, pivot, other_language if query_language == pivot else query_language)


def _of_own_language(measure: Measure, placements: Placements, language: str, leading: Vector | None) -> Vector | None:
    """Measures that set the query's language against all others of the pool."""
    if language not in placements.languages or len(placements.languages) < 2:
        return None
    chosen = dict(measure.params)
    if measure.name == "LangNDCG":
        return lang_ndcg(placements, language, measure.cutoff, gain=float(chosen.get("gain", USUAL_GAIN)))
    if measure.name == "FourWay":
        return four_way(placements, cast("Part", chosen["part"]), language, leading)
    if measure.name == "StrongViolation":
        return strong_violation(placements, language)
    if leading is not None and measure.needs_lists:
        return lpr_any(placements, language, leading)
    return _LPR[chosen.get("variant", "first")](placements, language)
