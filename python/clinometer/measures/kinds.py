"""The kinds of measures, each registered once with its names, option, needs and formula.

The summary of a measure that is neither a standard nor a paper's own definition says so: `[our definition]`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np

from clinometer.errors import LanguageError, MeasureError
from clinometer.languages import canonical
from clinometer.measures import language, preference
from clinometer.measures.definition import Formula, Kind, Listed, Option, Perspective
from clinometer.measures.placements import Placements
from clinometer.measures.standard_kinds import STANDARD_KINDS, cut, plain
from clinometer.measures.ties import Vector
from clinometer.numerals import read_number

__all__ = ["KINDS"]

_PAPER = "arXiv 2604.05684"
_MLAIRE = "arXiv 2605.07249"
_HYBRID = "arXiv 2408.10536"
_SHIFT = "arXiv 2606.18801"
_OURS = "[our definition]"

LPR = {
    "first": "100 if the first of the relevant documents is in the query's language, else 0, for queries with one in "
    "another language, too; a language-blind ranking has a mean of 100 over the number of languages",
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
DEFAULT_GAIN = "0.5"


def _has_pair(placements: Placements, view: Perspective) -> bool:
    pair = {view.query_language, view.other_language}
    return view.other_language is not None and len(pair) == 2 and pair <= set(placements.languages)


def _pair(formula: Callable[[Placements, str, str], Vector]) -> Formula:
    """A measure that compares the pivot with the other language of the pair."""

    def value(placements: Placements, _cutoff: int | None, _value: str, view: Perspective) -> Vector | None:
        pair = (view.query_language, view.other_language)
        if not _has_pair(placements, view) or view.pivot not in pair:
            return None
        target = next(label for label in pair if label != view.pivot)
        return formula(placements, view.pivot, cast("str", target))

    return value


def _intruders(formula: Callable[[Placements, str, str], Vector]) -> Formula:
    """A measure of intruders in the other language above the answer, or (own) the other way round."""

    def value(placements: Placements, _cutoff: int | None, by: str, view: Perspective) -> Vector | None:
        if not _has_pair(placements, view):
            return None
        answer, intruder = view.query_language, cast("str", view.other_language)
        return formula(placements, intruder, answer) if by == "own" else formula(placements, answer, intruder)

    return value


def _own(formula: Callable[[Placements, int | None, str, Perspective], Vector]) -> Formula:
    """A measure that compares the query's language with all others of the pool."""

    def value(placements: Placements, cutoff: int | None, option: str, view: Perspective) -> Vector | None:
        if view.query_language not in placements.languages or len(placements.languages) < 2:
            return None
        return formula(placements, cutoff, option, view)

    return value


def _tlr(placements: Placements, cutoff: int | None, _value: str, view: Perspective) -> Vector | None:
    """Defined for every pool with another language than the query's, if that is known."""
    if not view.query_language or set(placements.languages) <= {view.query_language}:
        return None
    return language.tlr(placements, view.query_language, cast("int", cutoff))


def _lpr(placements: Placements, _cutoff: int | None, variant: str, view: Perspective) -> Vector:
    if variant == "any" and view.leading is not None:
        return preference.lpr_any(placements, view.query_language, view.leading)
    formulas = {"first": preference.lpr, "top1": preference.lpr_top1, "pair": preference.lpr_pair}
    return formulas[variant](placements, view.query_language)


def _lang_share(listed: Listed, cutoff: int, label: str, view: Perspective) -> Vector | None:
    label = label or view.pivot
    if len(listed.pool) < 2 or label not in listed.pool:
        return None
    codes, related = listed.codes[:, :cutoff], listed.related[:, :cutoff]
    return language.lang_share(codes, related, listed.languages.index(label))


def _judged_share(listed: Listed, cutoff: int, _value: str, _view: Perspective) -> Vector:
    present = listed.codes[:, :cutoff] >= 0
    counted = np.count_nonzero(present, axis=1)
    judged = np.count_nonzero(listed.judged[:, :cutoff] & present, axis=1)
    share: Vector = np.divide(judged, counted, out=np.full(len(counted), np.nan), where=counted > 0)
    return share


def _label(text: str) -> str:
    try:
        return canonical(text)
    except LanguageError as error:
        raise MeasureError(str(error)) from None


def _gain(text: str) -> str:
    """The shortest spelling of a share below 1; any other text unchanged."""
    try:
        value = read_number(text)
    except ValueError:
        return text
    return repr(value + 0.0).removesuffix(".0") if 0 <= value < 1 else text


def _is_gain(text: str) -> bool:
    try:
        return 0 <= read_number(text) < 1 and text == _gain(text)
    except ValueError:
        return False


_BY = Option(
    key="by",
    expects="by=other (the default) or by=own in brackets, not {value}",
    accepts=("own",).__contains__,
    default="other",
    mirrored=("own",),
)
_VARIANT = Option(
    key="variant",
    expects="variant=first (the default), top1, any or pair in brackets, not {value}",
    accepts=("top1", "any", "pair").__contains__,
    default="first",
    leader=("any",),
)
_GAIN = Option(
    key="gain",
    expects=f"gain=NUMBER from 0 to below 1 in brackets ({DEFAULT_GAIN} by default; 1 would be nDCG), not {{value}}",
    read=_gain,
    accepts=_is_gain,
    default=DEFAULT_GAIN,
    shown="gain {}",
)
_PART = Option(
    key="part",
    expects=f"one of {', '.join(FOUR_WAY)} in brackets, not {{value}}",
    read=str.upper,
    accepts=FOUR_WAY.__contains__,
    required=True,
    bare=True,
    leader=("NSR-QL", "NSR-NQL"),
)
_LANG = Option(key="lang", expects="lang=LANGUAGE in brackets, not {value}", read=_label)
_OF = Option(
    key="of",
    expects="the name of another measure, such as LanguageGap(MaxRnorm)",
    default="MaxRnorm",
    required=True,
    bare=True,
    is_measure=True,
)

KINDS: dict[str, Kind] = {
    **STANDARD_KINDS,
    "MaxR": Kind(
        "Max@R", "never", False, "rank",
        f"Rank of the last relevant document: how far one must read to find every language version ({_PAPER}).",
        plain(language.max_rank), ("max@r", "max_r"),
        ("MaxR",),
    ),
    "MaxRnorm": Kind(
        "Max@R norm", "never", True, "%",
        "Max@R on a log scale: 100 if the relevant documents have the first ranks, 0 if one is last in the pool "
        f"({_PAPER}).",
        plain(language.max_rank_norm), ("maxr_norm", "max@r_norm", "max@rnorm", "max_r_norm"),
        ("MaxRnorm",),
    ),
    "Complete": Kind(
        "Complete", "required", True, "%",
        f"100 if all relevant documents are among {{depth}}, else 0 (name from {_PAPER}, formula as we read it).",
        cut(language.complete), ("comp",),
        ("Complete@10",),
    ),
    "Reachable": Kind(
        "Reachable", "required", True, "%",
        "100 if all relevant documents could be among {depth} if languages were only shifted against each other, each "
        f"in its own order, else 0: no such remedy raises Complete above it {_OURS}.",
        cut(language.reachable), (),
        ("Reachable@10",),
    ),
    "RankGap": Kind(
        "Rank gap", "never", None, "log2 ranks",
        "log2 rank of the target language's best relevant document minus log2 rank of the pivot's; above 0 the ranking "
        f"leans to the pivot {_OURS}.",
        _pair(language.rank_gap), ("rank_gap",),
        ("RankGap",),
        zero_is_best=True,
    ),
    "PivotFirst": Kind(
        "Pivot first", "never", None, "share",
        "1 if the pivot's best relevant document ranks above the target language's, else 0; a language-blind ranking "
        f"has a mean of 0.5 {_OURS}.",
        _pair(language.pivot_first), ("pivot_first",),
        ("PivotFirst",),
    ),
    "Intrusion": Kind(
        "Intrusion", "never", False, "share",
        f"1 if an unrelated document {{intruder}} ranks above the best relevant document {{answer}}, else 0 {_OURS}.",
        _intruders(language.intrusion), (),
        ("Intrusion", "Intrusion(by=own)"),
        option=_BY,
    ),
    "IntrusionCount": Kind(
        "Intrusion count", "never", False, "documents",
        f"Number of unrelated documents {{intruder}} above the best relevant document {{answer}} {_OURS}.",
        _intruders(language.intrusion_count), ("intrusion_count",),
        ("IntrusionCount", "IntrusionCount(by=own)"),
        option=_BY,
    ),
    "LangShare": Kind(
        "Language share", "required", None, "share",
        f"Share of {{lang}} among the unrelated documents of {{depth}}; compare with its share of the pool {_OURS}.",
        _lang_share, ("lang_share", "language_share"),
        ("LangShare@10", "LangShare(lang=de)@10"),
        needs="lists", option=_LANG,
    ),
    "Judged": Kind(
        "Judged", "required", None, "0-1",
        "Share of {depth} that has a judgement of any grade for the query (as in ir_measures; the rest counts as not "
        "relevant, as in trec_eval, so a low share makes all other figures uncertain).",
        _judged_share, (),
        ("Judged@10",),
        needs="lists",
    ),
    "LPR": Kind(
        "LPR", "never", None, "%",
        f"Language preference rate: {{variant}} (name from {_MLAIRE}, whose formula we do not know) {_OURS}.",
        _own(_lpr), ("language_preference_rate",),
        ("LPR", "LPR(variant=top1)", "LPR(variant=any)", "LPR(variant=pair)"),
        option=_VARIANT,
    ),
    "LangNDCG": Kind(
        "Lang-nDCG", "optional", True, "0-1",
        "As nDCG of {depth}, but a relevant document in another language than the query counts {gain} of its grade "
        f"(name from {_MLAIRE}, whose formula we do not know) {_OURS}.",
        _own(lambda placed, cutoff, gain, view: preference.lang_ndcg(
            placed, view.query_language, cutoff, gain=float(gain)
        )), ("lang_ndcg", "lang-ndcg"),
        ("LangNDCG", "LangNDCG@10", "LangNDCG(gain=0)@10"),
        option=_GAIN,
    ),
    "FourWay": Kind(
        "Four-way", "never", None, "%",
        f"100 if the document on top is {{part}}, else 0; the four shares add up to 100 (idea from {_MLAIRE}, as we "
        f"read it) {_OURS}.",
        _own(lambda placed, _cutoff, part, view: preference.four_way(
            placed, cast("Any", part), view.query_language, view.leading
        )), ("four_way", "four-way"),
        ("FourWay(SR-QL)", "FourWay(SR-NQL)", "FourWay(NSR-QL)", "FourWay(NSR-NQL)"),
        option=_PART,
    ),
    "RankDistance": Kind(
        "Rank distance", "never", False, "rank",
        "Rank of the last relevant document minus that of the first, for queries with two or more "
        f"(maximal rank distance, as in {_HYBRID}).",
        plain(language.rank_distance), ("rank_distance",),
        ("RankDistance",),
        least=0.0,
    ),
    "TLR": Kind(
        "TLR", "required", True, "0-1",
        "Target-languages recall: share of the query's relevant documents in other languages than its own that are "
        f"among {{depth}}, for queries with any ({_SHIFT}, which takes the first 20).",
        _tlr, ("target_languages_recall",),
        ("TLR@20",),
    ),
    "StrongViolation": Kind(
        "Strong alignment violated", "never", False, "share",
        "1 if an unrelated document in the query's language ranks above any of the relevant documents, else 0, for "
        f"queries with one in another language (strong alignment as in LAReQA, Roy et al. 2020) {_OURS}.",
        _own(lambda placed, _cutoff, _value, view: language.strong_violation(placed, view.query_language)),
        ("strong_violation",),
        ("StrongViolation",),
    ),
    "LanguageGap": Kind(
        "Language gap", "never", False, "",
        "Absolute difference of the mean {of} between the pivot's queries and the other language's "
        f"(idea from {_PAPER}, whose measure we do not know).",
        None, ("language_gap",),
        ("LanguageGap(MaxRnorm)",),
        needs="settings", option=_OF,
    ),
}  # fmt: skip
