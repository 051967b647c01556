"""Names of measures: how they are written, what they mean, in which direction they are better.

A `Measure` is a value: two spellings of one measure give equal objects, and `parse([str(measure)])` gives the measure
back. The grammar is that of ir_measures, `Name(key=value)@cutoff`; the spellings of trec_eval, ranx and MTEB are read
as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal, NamedTuple

from clinometer.errors import LanguageError, MeasureError
from clinometer.languages import canonical

__all__ = ["KNOWN", "Measure", "parse"]

_PAPER = "arXiv 2604.05684"
_OURS = "[our definition]"


class _Kind(NamedTuple):
    """What all measures of one name have in common; `summary` has slots in braces for its settings."""

    display: str
    cutoff: Literal["required", "optional", "never"]
    higher_is_better: bool | None
    unit: str
    summary: str
    spellings: tuple[str, ...] = ()


_KINDS: dict[str, _Kind] = {
    "nDCG": _Kind(
        "nDCG", "optional", True, "0-1",
        "Discounted gain of {depth} over that of the best possible ranking; gain = grade, discount 1/log2(rank + 1) "
        "(Järvelin and Kekäläinen 2002, as in trec_eval).",
    ),
    "R": _Kind(
        "R", "required", True, "0-1",
        "Recall: share of the query's relevant documents that are among {depth} (standard, as in trec_eval).",
        ("recall",),
    ),
    "RR": _Kind(
        "RR", "optional", True, "0-1",
        "Reciprocal rank: 1 over the rank of the first relevant document in {depth}, 0 if there is none "
        "(standard, as in trec_eval).",
        ("mrr", "recip_rank", "reciprocal_rank"),
    ),
    "AP": _Kind(
        "AP", "optional", True, "0-1",
        "Average precision: precision at the rank of each relevant document in {depth}, summed, over the number of "
        "relevant documents (standard, as in trec_eval).",
        ("map", "average_precision"),
    ),
    "P": _Kind(
        "P", "required", True, "0-1",
        "Precision: share of {depth} that is relevant (standard, as in trec_eval).",
        ("precision",),
    ),
    "Success": _Kind(
        "Success", "required", True, "0-1",
        "1 if {depth} hold a relevant document, else 0 (standard, as in trec_eval).",
        ("hit_rate",),
    ),
    "MaxR": _Kind(
        "Max@R", "never", False, "rank",
        f"Rank of the worst placed relevant document: how far one reads to have every language version ({_PAPER}).",
        ("max@r", "max_r"),
    ),
    "MaxRnorm": _Kind(
        "Max@R norm", "never", True, "%",
        "Max@R on a log scale: 100 if the relevant documents fill the first places, 0 if one is last in the pool "
        f"({_PAPER}).",
        ("maxr_norm", "max@r_norm", "max@rnorm", "max_r_norm"),
    ),
    "Complete": _Kind(
        "Complete", "required", True, "%",
        f"100 if all relevant documents are among {{depth}}, else 0 (name from {_PAPER}, formula as we read it).",
        ("comp",),
    ),
    "RankGap": _Kind(
        "Rank gap", "never", None, "log2 ranks",
        "log2 rank of the target language's best relevant document minus log2 rank of the pivot's; above 0 the ranking "
        f"leans to the pivot {_OURS}.",
        ("rank_gap",),
    ),
    "PivotFirst": _Kind(
        "Pivot first", "never", None, "share",
        "1 if the pivot's best relevant document ranks above the target language's, else 0; a language-blind ranking "
        f"has a mean of 0.5 {_OURS}.",
        ("pivot_first",),
    ),
    "Intrusion": _Kind(
        "Intrusion", "never", False, "share",
        f"1 if an unrelated document {{intruder}} ranks above the best relevant document {{answer}}, else 0 {_OURS}.",
    ),
    "IntrusionCount": _Kind(
        "Intrusion count", "never", False, "documents",
        f"Number of unrelated documents {{intruder}} above the best relevant document {{answer}} {_OURS}.",
        ("intrusion_count",),
    ),
    "LangShare": _Kind(
        "Language share", "required", None, "share",
        f"Share of {{lang}} among the unrelated documents of {{depth}}; compare with its share of the pool {_OURS}.",
        ("lang_share", "language_share"),
    ),
    "LanguageGap": _Kind(
        "Language gap", "never", False, "",
        "Absolute difference of the mean {of} between the pivot's queries and the other language's "
        f"(idea from {_PAPER}; which measure it takes there is not known to us).",
        ("language_gap",),
    ),
}  # fmt: skip
_NAME_BY_SPELLING = {spelling: name for name, kind in _KINDS.items() for spelling in (name.lower(), *kind.spellings)}
_FORM = re.compile(
    r"(?P<name>.+?)(?:\((?P<argument>.*)\))?(?:(?:@|_at_|_cut[_.]|[_.])(?P<cutoff>[-+]?[0-9][0-9.]*))?",
    re.IGNORECASE,
)
_CUTOFF = re.compile(r"0*[1-9][0-9]*")

KNOWN: tuple[str, ...] = (
    "nDCG", "nDCG@10", "R@100", "RR", "RR@10", "AP", "AP@100", "P@5", "Success@1", "MaxR", "MaxRnorm", "Complete@10",
    "RankGap", "PivotFirst", "Intrusion", "Intrusion(by=own)", "IntrusionCount", "IntrusionCount(by=own)",
    "LangShare@10", "LangShare(lang=de)@10", "LanguageGap(MaxRnorm)",
)  # fmt: skip
"""One example of every form that `parse` reads, in canonical spelling."""


@dataclass(frozen=True)
class Measure:
    """One measure with its settings; `str(measure)` is its name in results, files and on the command line.

    Args:
        name: Name without cutoff, such as `nDCG`.
        cutoff: How many documents from the top count, None for the whole ranking.
        params: Settings that differ from the usual ones: `by` of the intrusion measures (`own`), `lang` of `LangShare`,
            `of` of `LanguageGap` (the name of the measure whose gap is taken).

    Raises:
        MeasureError: The name is unknown, or the cutoff or a setting does not go with it.

    Example:
        >>> measure = Measure("nDCG", 10)
        >>> str(measure), measure.unit, measure.higher_is_better
        ('nDCG@10', '0-1', True)
    """

    name: str
    cutoff: int | None = None
    params: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        if self.name not in _KINDS:
            raise MeasureError(f"{self.name!r} is not a measure")
        wants = _KINDS[self.name].cutoff
        if wants == "never" and self.cutoff is not None:
            raise MeasureError(f"{self.name} takes no cutoff: write {self.name}")
        if wants == "required" and self.cutoff is None:
            raise MeasureError(f"{self.name} needs a cutoff, such as {self.name}@10")
        if self.cutoff is not None and self.cutoff < 1:
            raise MeasureError(f"{self.name} has the cutoff {self.cutoff}, but a cutoff is a positive whole number")
        _check_params(self.name, self.params)

    def __str__(self) -> str:
        settings = ", ".join(value if key == "of" else f"{key}={value}" for key, value in self.params)
        return self.name + (f"({settings})" if settings else "") + self._depth_mark

    @property
    def display(self) -> str:
        """The name for people, such as `Max@R norm`."""
        settings = ", ".join(self.inner.display if self.inner else value for _, value in self.params)
        return _KINDS[self.name].display + (f" ({settings})" if settings else "") + self._depth_mark

    @property
    def higher_is_better(self) -> bool | None:
        """Whether larger values are better; None where a value says which way, not how good."""
        return _KINDS[self.name].higher_is_better

    @property
    def unit(self) -> str:
        """`0-1`, `share` (0-1), `%` (0-100), `rank`, `log2 ranks` or `documents`."""
        return self.inner.unit if self.inner else _KINDS[self.name].unit

    @property
    def summary(self) -> str:
        """One sentence: what it says of a query, and whose definition it is."""
        own = ("by", "own") in self.params
        return _KINDS[self.name].summary.format(
            depth="the whole ranking" if self.cutoff is None else f"the first {self.cutoff} documents",
            lang=dict(self.params).get("lang", "the pivot language"),
            intruder="in the query's language" if own else "in the other language",
            answer="in the other language" if own else "in the query's language",
            of=self.inner.display if self.inner else "",
        )

    @property
    def inner(self) -> Measure | None:
        """The measure whose gap a `LanguageGap` takes; None for every other measure."""
        name = dict(self.params).get("of")
        return parse([name])[0] if name else None

    @property
    def _depth_mark(self) -> str:
        return "" if self.cutoff is None else f"@{self.cutoff}"


def _check_params(name: str, params: tuple[tuple[str, str], ...]) -> None:
    """Refuse settings that the measure does not have; the usual value `by=other` is not written out."""
    keys = [key for key, _ in params]
    if name == "LanguageGap":
        if keys != ["of"]:
            raise MeasureError("LanguageGap takes the name of another measure, such as LanguageGap(MaxRnorm)")
        if parse([params[0][1]])[0].name == "LanguageGap":
            raise MeasureError("LanguageGap cannot be taken of a LanguageGap: name another measure, such as MaxRnorm")
    elif name in ("Intrusion", "IntrusionCount"):
        if params not in ((), (("by", "own"),)):
            raise MeasureError(f"{name} takes by=other (the usual) or by=own in brackets, not {_shown(params)}")
    elif name == "LangShare":
        if params and keys != ["lang"]:
            raise MeasureError(f"LangShare takes lang=LANGUAGE in brackets, not {_shown(params)}")
    elif params:
        raise MeasureError(f"{name} takes nothing in brackets, not {_shown(params)}")


def _shown(params: tuple[tuple[str, str], ...]) -> str:
    return ", ".join(f"{key}={value}" if value else key for key, value in params)


def parse(names: Iterable[str | Measure]) -> list[Measure]:
    """Read the names of measures.

    Args:
        names: Names in any case, in the spelling of ir_measures (`nDCG@10`, `R@100`), trec_eval (`ndcg_cut_10`, `map`,
            `recip_rank`, `P_5`), ranx (`mrr@10`, `hit_rate@1`), MTEB (`ndcg_at_10`) or ours (`Max@R`, `Comp@10`).
            A `LanguageGap` without brackets is `LanguageGap(MaxRnorm)`.

    Returns:
        The measures in the order given, each once.

    Raises:
        MeasureError: Some names cannot be read; all of them are listed, with the names that can.

    Example:
        >>> [str(measure) for measure in parse(["ndcg_cut_10", "Max@R", "nDCG@10", "intrusion(by=own)", "languagegap"])]
        ['nDCG@10', 'MaxR', 'Intrusion(by=own)', 'LanguageGap(MaxRnorm)']
    """
    if isinstance(names, str):
        raise MeasureError(f"measures are given as a list of names, not as one string: write [{names!r}]")
    measures: dict[Measure, None] = {}
    problems: dict[str, None] = {}
    for name in names:
        try:
            measures[name if isinstance(name, Measure) else _read(name)] = None
        except MeasureError as error:
            problems[str(error) if isinstance(name, Measure) else f"{name!r}: {error}"] = None
    if problems:
        what = "1 measure name" if len(problems) == 1 else f"{len(problems)} measure names"
        raise MeasureError(f"{what} cannot be used: {'; '.join(problems)}. The measures are {', '.join(KNOWN)}")
    return list(measures)


def _read(text: str) -> Measure:
    """The measure of one name; its error leaves the name itself to the caller."""
    match = _FORM.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None:
        raise MeasureError("not the name of a measure")
    spelling, depth = match["name"].lower().replace(" ", "_"), match["cutoff"]
    stem, mark, rest = spelling.rpartition("@")
    if mark and depth is None and spelling not in _NAME_BY_SPELLING and stem in _NAME_BY_SPELLING:
        spelling, depth = stem, rest
    if spelling not in _NAME_BY_SPELLING:
        raise MeasureError("not the name of a measure" + _suggestion(spelling, depth))
    name = _NAME_BY_SPELLING[spelling]
    if depth is not None and not _CUTOFF.fullmatch(depth):
        raise MeasureError(f"the cutoff {depth!r} is not a positive whole number")
    return Measure(name, None if depth is None else int(depth), _params(name, match["argument"]))


def _params(name: str, argument: str | None) -> tuple[tuple[str, str], ...]:
    if name == "LanguageGap":
        try:
            return (("of", str(_read(argument) if argument else Measure("MaxRnorm"))),)
        except MeasureError as error:
            raise MeasureError(f"{argument!r} in its brackets: {error}") from None
    params: list[tuple[str, str]] = []
    for part in filter(None, (part.strip() for part in (argument or "").split(","))):
        key, _, value = (piece.strip().strip("'\"") for piece in part.partition("="))
        key = key.lower()
        if name == "LangShare" and key == "lang":
            try:
                value = canonical(value)
            except LanguageError as error:
                raise MeasureError(str(error)) from None
        elif key == "by":
            value = value.lower()
        params.append((key, value))
    if name in ("Intrusion", "IntrusionCount") and params == [("by", "other")]:
        return ()
    return tuple(params)


def _suggestion(spelling: str, depth: str | None) -> str:
    close = get_close_matches(spelling, _NAME_BY_SPELLING, n=1, cutoff=0.5)
    if not close:
        return ""
    name = _NAME_BY_SPELLING[close[0]]
    wants = _KINDS[name].cutoff
    if wants != "never" and depth is not None and _CUTOFF.fullmatch(depth):
        return f", did you mean {name}@{depth}?"
    return f", did you mean {name}{'@10' if wants == 'required' else ''}?"
