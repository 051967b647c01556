"""The kinds of measures: what all measures of one name have in common, and what each says of a query in a sentence.

Whatever is not a standard or a paper's own definition says so in its sentence: `[our definition]`.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

__all__ = ["FOUR_WAY", "KINDS", "LPR", "USUAL_GAIN", "Kind"]

_PAPER = "arXiv 2604.05684"
_MLAIRE = "arXiv 2605.07249"
_HYBRID = "arXiv 2408.10536"
_OURS = "[our definition]"

LPR = {
    "first": "100 if the first of the relevant documents is in the query's language, else 0, for queries that have one "
    "in another language, too; a language-blind ranking has a mean of 100 over the number of languages",
    "top1": "100 if the document on top is in the query's language, 0 if it is in another, for queries where it is "
    "relevant and could be in either; a language-blind ranking has a mean of 100 over the number of languages",
    "any": "100 if the document on top, relevant or not, is in the query's language, else 0; compare with the "
    "language's share of the pool",
    "pair": "percentage of the other languages whose best relevant document ranks below that in the query's language; "
    "50 is even",
}
FOUR_WAY = {
    "SR-QL": "relevant and in the query's language",
    "SR-NQL": "relevant and in another language than the query",
    "NSR-QL": "not relevant, but in the query's language",
    "NSR-NQL": "neither relevant nor in the query's language",
}
USUAL_GAIN = "0.5"


class Kind(NamedTuple):
    """What all measures of one name have in common; `summary` has slots in braces for its settings."""

    display: str
    cutoff: Literal["required", "optional", "never"]
    higher_is_better: bool | None
    unit: str
    summary: str
    spellings: tuple[str, ...] = ()


KINDS: dict[str, Kind] = {
    "nDCG": Kind(
        "nDCG", "optional", True, "0-1",
        "Discounted gain of {depth} over that of the best possible ranking; gain = grade, discount 1/log2(rank + 1) "
        "(Järvelin and Kekäläinen 2002, as in trec_eval).",
    ),
    "R": Kind(
        "R", "required", True, "0-1",
        "Recall: share of the query's relevant documents that are among {depth} (standard, as in trec_eval).",
        ("recall",),
    ),
    "RR": Kind(
        "RR", "optional", True, "0-1",
        "Reciprocal rank: 1 over the rank of the first relevant document in {depth}, 0 if there is none "
        "(standard, as in trec_eval).",
        ("mrr", "recip_rank", "reciprocal_rank"),
    ),
    "AP": Kind(
        "AP", "optional", True, "0-1",
        "Average precision: precision at the rank of each relevant document in {depth}, summed, over the number of "
        "relevant documents (standard, as in trec_eval).",
        ("map", "average_precision"),
    ),
    "P": Kind(
        "P", "required", True, "0-1",
        "Precision: share of {depth} that is relevant (standard, as in trec_eval).",
        ("precision",),
    ),
    "Success": Kind(
        "Success", "required", True, "0-1",
        "1 if {depth} hold a relevant document, else 0 (standard, as in trec_eval).",
        ("hit_rate",),
    ),
    "MaxR": Kind(
        "Max@R", "never", False, "rank",
        f"Rank of the worst placed relevant document: how far one reads to have every language version ({_PAPER}).",
        ("max@r", "max_r"),
    ),
    "MaxRnorm": Kind(
        "Max@R norm", "never", True, "%",
        "Max@R on a log scale: 100 if the relevant documents fill the first places, 0 if one is last in the pool "
        f"({_PAPER}).",
        ("maxr_norm", "max@r_norm", "max@rnorm", "max_r_norm"),
    ),
    "Complete": Kind(
        "Complete", "required", True, "%",
        f"100 if all relevant documents are among {{depth}}, else 0 (name from {_PAPER}, formula as we read it).",
        ("comp",),
    ),
    "Reachable": Kind(
        "Reachable", "required", True, "%",
        "100 if all relevant documents could be among {depth} were the languages only shifted against each other, each "
        f"in its own order, else 0: no such remedy brings Complete above it {_OURS}.",
    ),
    "RankGap": Kind(
        "Rank gap", "never", None, "log2 ranks",
        "log2 rank of the target language's best relevant document minus log2 rank of the pivot's; above 0 the ranking "
        f"leans to the pivot {_OURS}.",
        ("rank_gap",),
    ),
    "PivotFirst": Kind(
        "Pivot first", "never", None, "share",
        "1 if the pivot's best relevant document ranks above the target language's, else 0; a language-blind ranking "
        f"has a mean of 0.5 {_OURS}.",
        ("pivot_first",),
    ),
    "Intrusion": Kind(
        "Intrusion", "never", False, "share",
        f"1 if an unrelated document {{intruder}} ranks above the best relevant document {{answer}}, else 0 {_OURS}.",
    ),
    "IntrusionCount": Kind(
        "Intrusion count", "never", False, "documents",
        f"Number of unrelated documents {{intruder}} above the best relevant document {{answer}} {_OURS}.",
        ("intrusion_count",),
    ),
    "LangShare": Kind(
        "Language share", "required", None, "share",
        f"Share of {{lang}} among the unrelated documents of {{depth}}; compare with its share of the pool {_OURS}.",
        ("lang_share", "language_share"),
    ),
    "Judged": Kind(
        "Judged", "required", None, "0-1",
        "Share of {depth} that has a judgement for the query, of whatever grade (as in ir_measures; the rest counts as "
        "not relevant, as in trec_eval, so that a low share makes all other figures unsure).",
    ),
    "LPR": Kind(
        "LPR", "never", None, "%",
        f"Language preference rate: {{variant}} (name from {_MLAIRE}, whose formula is not known to us) {_OURS}.",
        ("language_preference_rate",),
    ),
    "LangNDCG": Kind(
        "Lang-nDCG", "optional", True, "0-1",
        "As nDCG of {depth}, but a relevant document in another language than the query counts {gain} of its grade "
        f"(name from {_MLAIRE}, whose formula is not known to us) {_OURS}.",
        ("lang_ndcg", "lang-ndcg"),
    ),
    "FourWay": Kind(
        "Four-way", "never", None, "%",
        f"100 if the document on top is {{part}}, else 0; the four shares add up to 100 (idea from {_MLAIRE}, as we "
        f"read it) {_OURS}.",
        ("four_way", "four-way"),
    ),
    "RankDistance": Kind(
        "Rank distance", "never", False, "rank",
        "Rank of the worst placed relevant document minus that of the best placed, for queries that have two or more "
        f"(maximal rank distance, as in {_HYBRID}).",
        ("rank_distance",),
    ),
    "StrongViolation": Kind(
        "Strong alignment violated", "never", False, "share",
        "1 if an unrelated document in the query's language ranks above any of the relevant documents, else 0, for "
        f"queries that have one in another language (strong alignment as in LAReQA, Roy et al. 2020) {_OURS}.",
        ("strong_violation",),
    ),
    "LanguageGap": Kind(
        "Language gap", "never", False, "",
        "Absolute difference of the mean {of} between the pivot's queries and the other language's "
        f"(idea from {_PAPER}; which measure it takes there is not known to us).",
        ("language_gap",),
    ),
}  # fmt: skip
