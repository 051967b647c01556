"""The kinds of standard measures, as trec_eval, gdeval and ir_measures define them, and the options that they share."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from clinometer.measures import ranking
from clinometer.measures.cascade import expected_reciprocal_rank
from clinometer.measures.definition import Formula, Kind, Option, Perspective
from clinometer.measures.placements import Placements
from clinometer.measures.ties import Vector
from clinometer.numerals import read_number

__all__ = ["DEFAULT_PERSISTENCE", "STANDARD_KINDS", "cut", "plain", "whole"]

DEFAULT_PERSISTENCE = "0.8"


def whole(formula: Callable[[Placements, int | None], Vector]) -> Formula:
    """The formula of a measure with an optional cutoff."""
    return lambda placements, cutoff, _value, _perspective: formula(placements, cutoff)


def cut(formula: Callable[[Placements, int], Vector]) -> Formula:
    """The formula of a measure with a cutoff."""
    return lambda placements, cutoff, _value, _perspective: formula(placements, cast("int", cutoff))


def plain(formula: Callable[[Placements], Vector]) -> Formula:
    """The formula of a measure without a cutoff."""
    return lambda placements, _cutoff, _value, _perspective: formula(placements)


def _rank_biased_precision(
    placements: Placements, cutoff: int | None, persistence: str, _perspective: Perspective
) -> Vector:
    return ranking.rank_biased_precision(placements, cutoff, persistence=float(persistence))


def _number(text: str) -> str:
    try:
        return repr(read_number(text))
    except ValueError:
        return text


def _is_persistence(text: str) -> bool:
    try:
        return 0 < read_number(text) < 1 and text == _number(text)
    except ValueError:
        return False


def _truth(text: str) -> str:
    return {"true": "True", "false": "False"}.get(text.lower(), text)


def _is_grade(text: str) -> bool:
    return text.isascii() and text.isdecimal() and text[0] != "0" and len(text) < 10


JUDGED_ONLY = Option(
    key="judged_only",
    expects="judged_only=True in brackets, not {value}",
    read=_truth,
    accepts=("True", "False").__contains__,
    default="False",
    shown="judged only",
)
REL = Option(
    key="rel",
    expects="rel=GRADE in brackets, a whole number of 1 (the default) or more, not {value}",
    read=lambda text: text.lstrip("0") or text,
    accepts=_is_grade,
    default="1",
    shown="grade {} or more",
)
PERSISTENCE = Option(
    key="p",
    expects=f"p=NUMBER between 0 and 1 in brackets ({DEFAULT_PERSISTENCE} by default), not {{value}}",
    read=_number,
    accepts=_is_persistence,
    default=DEFAULT_PERSISTENCE,
    shown="p {}",
)

STANDARD_KINDS: dict[str, Kind] = {
    "nDCG": Kind(
        "nDCG", "optional", True, "0-1",
        "Discounted gain of {depth} over that of the best possible ranking; gain = grade, discount 1/log2(rank + 1) "
        "(Järvelin and Kekäläinen 2002, as in trec_eval).",
        whole(ranking.ndcg), (),
        ("nDCG", "nDCG@10", "nDCG(judged_only=True)@10"),
        zero_without_answers=True, filters=(JUDGED_ONLY,),
    ),
    "R": Kind(
        "R", "required", True, "0-1",
        "Recall: share of the query's relevant documents that are among {depth} (standard, as in trec_eval).",
        cut(ranking.recall), ("recall",),
        ("R@100",),
        zero_without_answers=True, filters=(JUDGED_ONLY, REL),
    ),
    "RR": Kind(
        "RR", "optional", True, "0-1",
        "Reciprocal rank: 1 over the rank of the first relevant document in {depth}, 0 if there is none "
        "(standard, as in trec_eval).",
        whole(ranking.reciprocal_rank), ("mrr", "recip_rank", "reciprocal_rank"),
        ("RR", "RR@10"),
        zero_without_answers=True, filters=(JUDGED_ONLY, REL),
    ),
    "AP": Kind(
        "AP", "optional", True, "0-1",
        "Average precision: precision at the rank of each relevant document in {depth}, summed, over the number of "
        "relevant documents (standard, as in trec_eval).",
        whole(ranking.average_precision), ("map", "average_precision"),
        ("AP", "AP@100", "AP(rel=2)"),
        zero_without_answers=True, filters=(JUDGED_ONLY, REL),
    ),
    "P": Kind(
        "P", "required", True, "0-1",
        "Precision: share of {depth} that is relevant (standard, as in trec_eval).",
        cut(ranking.precision), ("precision",),
        ("P@5",),
        zero_without_answers=True, filters=(JUDGED_ONLY, REL),
    ),
    "Success": Kind(
        "Success", "required", True, "0-1",
        "1 if {depth} hold a relevant document, else 0 (standard, as in trec_eval).",
        cut(ranking.success), ("hit_rate",),
        ("Success@1",),
        zero_without_answers=True, filters=(JUDGED_ONLY, REL),
    ),
    "Rprec": Kind(
        "R-precision", "never", True, "0-1",
        "Precision of the first R documents, for R relevant ones (standard, as in trec_eval).",
        plain(ranking.r_precision), ("r_precision", "r-precision"),
        ("Rprec",),
        zero_without_answers=True, filters=(JUDGED_ONLY, REL),
    ),
    "Bpref": Kind(
        "Bpref", "never", True, "0-1",
        "Binary preference: share of the pairs of a relevant document and one of the first R judged ones that are not "
        "that are in the right order; unjudged documents do not count (Buckley and Voorhees 2004, as in trec_eval).",
        plain(ranking.bpref), (),
        ("Bpref",),
        zero_without_answers=True, filters=(REL,), judged_only=True,
    ),
    "RBP": Kind(
        "RBP", "optional", True, "0-1",
        "Rank-biased precision of {depth}: (1 - p) p^(rank - 1), summed over the relevant documents, for p = {p} "
        "(Moffat and Zobel 2008).",
        _rank_biased_precision, ("rank_biased_precision",),
        ("RBP", "RBP(p=0.5)@10"),
        zero_without_answers=True, option=PERSISTENCE, filters=(JUDGED_ONLY, REL),
    ),
    "ERR": Kind(
        "ERR", "optional", True, "0-1",
        "Expected reciprocal rank of {depth}: that of the document at which a reader stops, who is satisfied by each "
        "with a probability of (2^grade - 1) / 2^g, for a highest grade g of 4, as in gdeval, or more where there are "
        "such (Chapelle et al. 2009).",
        whole(expected_reciprocal_rank), ("expected_reciprocal_rank",),
        ("ERR", "ERR@20"),
        zero_without_answers=True, filters=(JUDGED_ONLY,),
    ),
}  # fmt: skip
"""The kinds by name, in the order of the documentation."""
