"""Measures: from placements of the relevant documents to one value per query.

Each measure is registered once, in `kinds`, with the formula that `evaluate_measure` and `evaluate_lists` apply. The
value is None for a measure that a setting does not define, and NaN for a query that a measure does not define; neither
ever counts as 0.
"""

from __future__ import annotations

from typing import cast

from clinometer.errors import MeasureError
from clinometer.measures.cascade import expected_reciprocal_rank
from clinometer.measures.definition import Formula, Listed, ListFormula, Perspective
from clinometer.measures.fairness import mrc, peer
from clinometer.measures.kinds import KINDS
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
    tlr,
)
from clinometer.measures.mimo import mrc_mimo, peer_mimo
from clinometer.measures.names import KNOWN, Measure, parse
from clinometer.measures.placements import Placements
from clinometer.measures.preference import four_way, lang_ndcg, lpr, lpr_any, lpr_pair, lpr_top1
from clinometer.measures.ranking import (
    average_precision,
    bpref,
    ndcg,
    precision,
    r_precision,
    rank_biased_precision,
    recall,
    reciprocal_rank,
    success,
)
from clinometer.measures.ties import Vector

__all__ = [
    "KNOWN",
    "Listed",
    "Measure",
    "average_precision",
    "bpref",
    "complete",
    "evaluate_lists",
    "evaluate_measure",
    "expected_reciprocal_rank",
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
    "mrc_mimo",
    "ndcg",
    "parse",
    "peer",
    "peer_mimo",
    "pivot_first",
    "precision",
    "r_precision",
    "rank_biased_precision",
    "rank_distance",
    "rank_gap",
    "reachable",
    "recall",
    "reciprocal_rank",
    "strong_violation",
    "success",
    "tlr",
]


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
        measure: Measure that needs counts (`Measure.needs`), or counts and `leading`.
        placements: Placements of the relevant documents of queries in one language.
        pivot: Language towards which bias is measured. `RankGap` and `PivotFirst` compare it with the other language of
            the pair.
        query_language: Language of the queries.
        other_language: The other language of the pair; None without a pair: in a pool of one language, and for the
            pivot's queries in a pool of many.
        leading: As for `four_way`, for measures of the document in first place.

    Returns:
        `(q,)` float64, NaN for queries without a value; None if the setting does not define the measure: a measure of a
        pair if there is no pair, the pool lacks one of its languages, or (`RankGap`, `PivotFirst`) the pivot is not in
        the pair; or (`LPR`, `LangNDCG`, `FourWay`, `StrongViolation`) a pool without the query's language or without
        another; or (`TLR`) without another.

    Raises:
        MeasureError: The measure cannot be computed from placements, or not from these.
    """
    formula = KINDS[measure.name].formula
    if formula is None or measure.needs not in ("counts", "leader") or (measure.needs == "leader" and leading is None):
        raise MeasureError(f"{measure} cannot be computed from placements: it needs result lists or two settings")
    if measure.judged_only and not placements.judged_only:
        raise MeasureError(f"{measure} ranks judged documents only, which a scan of relevant ones does not have")
    perspective = Perspective(pivot, query_language, other_language, leading)
    placements = placements.from_grade(measure.lowest_grade)
    return cast("Formula", formula)(placements, measure.cutoff, measure.option, perspective)


def evaluate_lists(measure: Measure, listed: Listed, *, pivot: str, query_language: str) -> Vector | None:
    """One measure of result lists for each query of a setting.

    Args:
        measure: Measure that needs lists (`Measure.needs`).
        listed: The lists, at least as long as the measure's cutoff or the pool.
        pivot: Language towards which bias is measured.
        query_language: Language of the queries.

    Returns:
        `(q,)` float64, NaN for queries without a value; None if the setting does not define the measure.

    Raises:
        MeasureError: The measure is not one of result lists.
    """
    formula = KINDS[measure.name].formula
    if measure.needs != "lists" or measure.cutoff is None:
        raise MeasureError(f"{measure} is not a measure of result lists")
    perspective = Perspective(pivot, query_language, None)
    return cast("ListFormula", formula)(listed, measure.cutoff, measure.option, perspective)
