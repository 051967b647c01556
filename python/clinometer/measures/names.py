"""Names of measures: their spelling, meaning and direction.

A `Measure` is a value: two spellings of one measure yield equal objects, and `parse([str(measure)])` yields the same
measure. The grammar is that of ir_measures, `Name(key=value)@cutoff`; the spellings of trec_eval, ranx and MTEB also
work.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache

from clinometer.errors import MeasureError, shown
from clinometer.measures.definition import RANGES, Need, Option
from clinometer.measures.kinds import DEFAULT_GAIN, FOUR_WAY, KINDS, LPR
from clinometer.measures.standard_kinds import DEFAULT_PERSISTENCE
from clinometer.suggestions import close_names

__all__ = ["KNOWN", "Measure", "parse"]

_NAME_BY_SPELLING = {spelling: name for name, kind in KINDS.items() for spelling in (name.lower(), *kind.spellings)}
_FORM = re.compile(
    r"(?P<name>.+?)(?:\((?P<argument>.*)\))?(?:(?:@|_at_|_cut[_.]|[_.])(?P<cutoff>[-+]?[0-9][0-9.]*))?",
    re.IGNORECASE,
)
_CUTOFF = re.compile(r"0{0,9}[1-9][0-9]{0,11}")
_LONGEST = 200
"""Characters of a name; a longer one would be nested deeper than any measure is."""

KNOWN: tuple[str, ...] = tuple(form for kind in KINDS.values() for form in kind.forms)
"""One example of every form that `parse` reads, in canonical spelling."""


@dataclass(frozen=True)
class Measure:
    """One measure with its settings; `str(measure)` is its name in results, files and on the command line.

    Args:
        name: Name without cutoff, such as `nDCG`.
        cutoff: Number of documents that count, from the top; None for the whole ranking.
        params: Settings that differ from the defaults: `by` of the intrusion measures (`own`), `lang` of `LangShare`,
            `variant` of `LPR` (`top1`, `any`, `pair`), `gain` of `LangNDCG`, `part` of `FourWay`, `of` of `LanguageGap`
            (the name of the measure of the gap), `p` of `RBP`; of trec_eval's measures `judged_only` and `rel`.

    Raises:
        MeasureError: The name is unknown, or it does not take the cutoff or a setting.

    Example:
        >>> measure = Measure("nDCG", 10)
        >>> str(measure), measure.unit, measure.higher_is_better
        ('nDCG@10', '0-1', True)
    """

    name: str
    cutoff: int | None = None
    params: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        if self.name not in KINDS:
            raise MeasureError(f"{self.name!r} is not a measure")
        cutoff_rule = KINDS[self.name].cutoff
        if cutoff_rule == "never" and self.cutoff is not None:
            raise MeasureError(f"{self.name} takes no cutoff: write {self.name}")
        if cutoff_rule == "required" and self.cutoff is None:
            raise MeasureError(f"{self.name} needs a cutoff, such as {self.name}@10")
        if self.cutoff is not None and self.cutoff < 1:
            raise MeasureError(f"{self.name} has the cutoff {self.cutoff}, but a cutoff is a positive whole number")
        _check_params(self.name, self.params)

    def __str__(self) -> str:
        return self._text

    @cached_property
    def _text(self) -> str:
        options = _options(self.name)
        settings = ", ".join(value if options[key].bare else f"{key}={value}" for key, value in self.params)
        return self.name + (f"({settings})" if settings else "") + self._depth_mark

    @property
    def display(self) -> str:
        """The displayed name, such as `Max@R norm`."""
        options = _options(self.name)
        settings = ", ".join(
            self.inner.display if self.inner else options[key].shown.format(value) for key, value in self.params
        )
        return KINDS[self.name].display + (f" ({settings})" if settings else "") + self._depth_mark

    @property
    def higher_is_better(self) -> bool | None:
        """Whether larger values are better; None if a value shows a direction, not a quality."""
        return KINDS[self.name].higher_is_better

    @property
    def unit(self) -> str:
        """`0-1`, `share` (0-1), `%` (0-100), `rank`, `log2 ranks` or `documents`."""
        return self.inner.unit if self.inner else KINDS[self.name].unit

    @property
    def range(self) -> tuple[float, float]:
        """The least and the largest possible value of a query; infinite where there is none.

        Example:
            >>> Measure("nDCG", 10).range, Measure("MaxR").range, Measure("RankGap").range
            ((0.0, 1.0), (1.0, inf), (-inf, inf))
        """
        low, high = RANGES.get(self.unit, (-math.inf, math.inf))
        least = KINDS[self.name].least
        return low if least is None else least, high

    @property
    def summary(self) -> str:
        """One sentence: the meaning of a value, and the source of the definition."""
        own, chosen = ("by", "own") in self.params, dict(self.params)
        sentences = [
            f"Documents of grade {self.lowest_grade} or more are relevant." if self.lowest_grade > 1 else "",
            "Only judged documents are ranked, as if the others were not in the pool."
            if "judged_only" in chosen
            else "",
        ]
        summary = KINDS[self.name].summary.format(
            depth="the whole ranking" if self.cutoff is None else f"the first {self.cutoff} documents",
            lang=chosen.get("lang", "the pivot language"),
            intruder="in the query's language" if own else "in the other language",
            answer="in the other language" if own else "in the query's language",
            of=self.inner.display if self.inner else "",
            variant=LPR[chosen.get("variant", "first")],
            gain=chosen.get("gain", DEFAULT_GAIN),
            part=FOUR_WAY.get(chosen.get("part", ""), ""),
            p=chosen.get("p", DEFAULT_PERSISTENCE),
        )
        return " ".join(filter(None, [summary, *sentences]))

    @property
    def inner(self) -> Measure | None:
        """The measure of the gap of a `LanguageGap`; None for every other measure."""
        name = dict(self.params).get("of")
        return parse([name])[0] if name else None

    @property
    def option(self) -> str:
        """The value of the option in brackets, by default its default; empty without an option."""
        option = KINDS[self.name].option
        return dict(self.params).get(option.key, option.default) if option else ""

    @cached_property
    def lowest_grade(self) -> int:
        """Grade from which on documents are relevant."""
        return int(dict(self.params).get("rel", 1))

    @cached_property
    def judged_only(self) -> bool:
        """Whether the pool is that of the documents judged for each query."""
        return "judged_only" in dict(self.params) or KINDS[self.name].judged_only

    @cached_property
    def needs(self) -> Need:
        """Input of the measure: `counts`; `leader`, counts and the leading unrelated document; `lists`; `settings`."""
        kind = KINDS[self.name]
        return "leader" if kind.option and self.option in kind.option.leader else kind.needs

    @property
    def list_depth(self) -> int:
        """Number of documents of each language in the lists that the measure needs; 0 if it needs none."""
        return (self.cutoff or 1) if self.needs in ("lists", "leader") else 0

    @property
    def mirrored(self) -> bool:
        """Whether a one-sided pool holds the answers in the other language only, not in the query's."""
        kind = KINDS[self.name]
        return bool(kind.option and self.option in kind.option.mirrored)

    @property
    def zero_is_best(self) -> bool:
        """Whether values are better the closer they are to 0, on either side."""
        return KINDS[self.name].zero_is_best

    @property
    def zero_without_answers(self) -> bool:
        """Whether the value of a query without relevant documents may be taken as 0, as in trec_eval."""
        return KINDS[self.name].zero_without_answers

    @property
    def _depth_mark(self) -> str:
        return "" if self.cutoff is None else f"@{self.cutoff}"


def _check_params(name: str, params: tuple[tuple[str, str], ...]) -> None:
    """Refuse options that the measure does not have; default values, such as `by=other`, are not written out."""
    options = _options(name)
    if not options and params:
        raise MeasureError(f"{name} takes nothing in brackets, not {_shown(params)}")
    chosen = dict(params)
    for option in options.values():
        value = chosen.get(option.key)
        if value is None and not option.required:
            continue
        default = option.default if not option.required else None
        if value is None or not option.accepts(value) or value == default:
            raise MeasureError(f"{name} takes {option.expects.format(value=_shown(params) or 'nothing')}")
        if option.is_measure and parse([value])[0].inner:
            raise MeasureError(f"{name} cannot be taken of a {name}: name another measure, such as {option.default}")
    if [key for key, _ in params] != [key for key in options if key in chosen]:
        expected = [option.expects.split(" in brackets")[0] for option in options.values()]
        raise MeasureError(f"{name} takes {' or '.join(expected)} in brackets, not {_shown(params)}")


def _options(name: str) -> dict[str, Option]:
    """The options of a measure by key, in the order of its canonical spelling."""
    kind = KINDS[name]
    return {option.key: option for option in (*([kind.option] if kind.option else []), *kind.filters)}


def _shown(params: tuple[tuple[str, str], ...]) -> str:
    return ", ".join(f"{key}={value}" if value else key for key, value in params)


def parse(names: Iterable[str | Measure]) -> list[Measure]:
    """Measures from their names.

    Args:
        names: Names in any case, in the spelling of ir_measures (`nDCG@10`, `R@100`), trec_eval (`ndcg_cut_10`, `map`,
            `recip_rank`, `P_5`), ranx (`mrr@10`, `hit_rate@1`), MTEB (`ndcg_at_10`) or ours (`Max@R`, `Comp@10`).
            A `LanguageGap` without brackets is `LanguageGap(MaxRnorm)`.

    Returns:
        The measures in the order of the names, each once.

    Raises:
        MeasureError: Some names cannot be read; the message lists all of them, and the known names.

    Example:
        >>> [str(measure) for measure in parse(["ndcg_cut_10", "Max@R", "nDCG@10", "intrusion(by=own)", "languagegap"])]
        ['nDCG@10', 'MaxR', 'Intrusion(by=own)', 'LanguageGap(MaxRnorm)']
    """
    if isinstance(names, str):
        raise MeasureError(f"measures must be a list of names, not one string: write [{shown(names)}]")
    if not isinstance(names, Iterable) or getattr(names, "ndim", 1) != 1:
        raise MeasureError(f"measures must be a list of names, not {shown(names)}")
    measures: dict[Measure, None] = {}
    problems: dict[str, None] = {}
    for name in names:
        try:
            measures[name if isinstance(name, Measure) else _read(name)] = None
        except MeasureError as error:
            problems[str(error) if isinstance(name, Measure) else f"{shown(name)}: {error}"] = None
    if problems:
        subject = "1 measure name" if len(problems) == 1 else f"{len(problems)} measure names"
        end = "" if problems and list(problems)[-1].endswith("?") else "."
        raise MeasureError(f"{subject} cannot be used: {'; '.join(problems)}{end} The measures are {', '.join(KNOWN)}")
    return list(measures)


def _read(text: str) -> Measure:
    """The measure of one name; the caller adds the name to its error."""
    if not isinstance(text, str) or len(text) > _LONGEST:
        raise MeasureError("not the name of a measure")
    return _read_once(text)


@lru_cache(maxsize=1024)
def _read_once(text: str) -> Measure:
    match = _FORM.fullmatch(text.strip())
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
    option = KINDS[name].option
    if option and option.is_measure:
        try:
            return ((option.key, str(_read(argument or option.default))),)
        except MeasureError as error:
            raise MeasureError(f"{argument!r} in its brackets: {error}") from None
    options, params = _options(name), list[tuple[str, str]]()
    for part in filter(None, (part.strip() for part in (argument or "").split(","))):
        key, _, value = (piece.strip().strip("'\"") for piece in part.partition("="))
        key = key.lower()
        if option and option.bare and not value:
            key, value = option.key, key
        if key in options:
            value = options[key].read(value)
            if not options[key].required and value == options[key].default:
                continue
        params.append((key, value))
    return tuple(sorted(params, key=lambda param: list(options).index(param[0]) if param[0] in options else 0))


def _suggestion(spelling: str, depth: str | None) -> str:
    matches = close_names(spelling, _NAME_BY_SPELLING, most=1, close=0.5)
    if not matches:
        return ""
    name = _NAME_BY_SPELLING[matches[0]]
    cutoff_rule = KINDS[name].cutoff
    if cutoff_rule != "never" and depth is not None and _CUTOFF.fullmatch(depth):
        return f", did you mean {name}@{depth}?"
    return f", did you mean {name}{'@10' if cutoff_rule == 'required' else ''}?"
