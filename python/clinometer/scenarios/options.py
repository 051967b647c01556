"""Options of an evaluation: languages, scenarios, measures, and the treatment of ties, intervals and errors."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from clinometer.errors import MeasureError, UsageError
from clinometer.languages import canonical
from clinometer.measures import Measure, parse
from clinometer.parameters import choice, texts, whole
from clinometer.scanning.counts import TieMode, check_ties
from clinometer.scenarios import SCENARIOS, Setting, settings_of
from clinometer.statistics.resampling import Resamples, Unit

__all__ = ["COMPARED_SETTINGS", "DEFAULT_MEASURES", "QUERY_SETS", "EvaluationOptions"]

_Name = TypeVar("_Name")

DEFAULT_MEASURES = (
    "MaxR", "MaxRnorm", "Complete@10", "nDCG@1", "nDCG@10", "RR", "R@10", "RankGap", "PivotFirst", "Intrusion",
    "IntrusionCount", "Intrusion(by=own)", "IntrusionCount(by=own)", "LangShare@10", "LanguageGap(MaxRnorm)",
)  # fmt: skip

QUERY_SETS = {
    "answered": "queries with a relevant document in the pool; those for which nothing was retrieved count as missed",
    "complete": "judged queries, as trec_eval -c averages: 0 without a list or without a relevant document",
    "listed": "judged queries with a list, as trec_eval without -c averages: 0 without a relevant document",
}
"""Queries that the means are over, by the name of the option."""

_MOST_EXAMPLES = 10**9

COMPARED_SETTINGS: dict[str, Any] = {"pivot": None, "ties": None, "exclude_own_id": False, "query_set": "answered"}
"""Settings that must be equal where results are compared, with their value in results that do not name them."""


@dataclass(frozen=True)
class EvaluationOptions:
    """Options of `clinometer.evaluate`, which documents them; values that no collection could use are refused.

    Raises:
        ClinometerError: An option has a value that cannot be used; the message says what it may be.

    Example:
        >>> EvaluationOptions(measures=["MaxR"], pivot="eng_Latn").canonical_pivot
        'en'
        >>> EvaluationOptions(examples=-1)
        Traceback (most recent call last):
        clinometer.errors.UsageError: examples is -1, but cannot be negative; 0 gives counts without examples
    """

    languages: Iterable[str] | None = None
    scenarios: Iterable[str] | None = None
    pivot: str = "en"
    pairs: str = "pivot"
    measures: Iterable[str | Measure] | None = None
    ties: TieMode = "index"
    resamples: Resamples = Resamples()
    examples: int | None = None
    by: str | None = None
    query_set: str = "answered"

    @classmethod
    def of(
        cls,
        *,
        resamples: int = 1000,
        confidence: float = 0.95,
        seed: int = 0,
        threads: int | None = None,
        resample: Unit = "cluster",
        **options: Any,
    ) -> EvaluationOptions:
        """The options from the arguments of `clinometer.evaluate`, including those of its resamples."""
        return cls(resamples=Resamples(resamples, confidence, seed, threads, resample), **options)

    def __post_init__(self) -> None:
        for option in ("languages", "scenarios", "measures"):  # a generator can be read only once
            object.__setattr__(self, option, _listed(getattr(self, option)))
        for option in ("languages", "scenarios"):
            if isinstance(names := getattr(self, option), str):
                texts(names, option)
        labels = [canonical(label) for label in self.languages or ()]
        settings_of(self.chosen_scenarios, labels or [self.canonical_pivot, "und"], self.canonical_pivot, self.pairs)
        if not self.chosen_measures:
            raise MeasureError("no measure was chosen; choose some, such as MaxR and nDCG@10")
        check_ties(self.ties)
        if self.examples is not None and self.examples < 0:
            raise UsageError(f"examples is {self.examples}, but cannot be negative; 0 gives counts without examples")
        if self.examples is not None:
            whole(self.examples, "examples", most=_MOST_EXAMPLES)
        choice(self.query_set, "query set", QUERY_SETS)
        if self.by is not None and not self.by:
            raise UsageError("by is empty; name a field of the queries, such as topic")

    @property
    def computed_measures(self) -> list[Measure]:
        """The measures, and those whose gap is taken, which need not be chosen themselves."""
        chosen = self.chosen_measures
        return parse([*chosen, *(measure.inner for measure in chosen if measure.inner)])

    @property
    def canonical_pivot(self) -> str:
        """The pivot in canonical spelling."""
        return canonical(self.pivot)

    def settings(self, languages: Sequence[str]) -> list[Setting]:
        """The settings of the scenarios in a collection of these languages."""
        return settings_of(self.chosen_scenarios, languages, self.canonical_pivot, self.pairs)

    @property
    def chosen_scenarios(self) -> list[str]:
        """The scenarios, or all of them."""
        return list(SCENARIOS) if self.scenarios is None else list(self.scenarios)

    @property
    def chosen_measures(self) -> list[Measure]:
        """The measures, or the default ones."""
        return parse(DEFAULT_MEASURES if self.measures is None else self.measures)


def _listed(names: Iterable[_Name] | None) -> Iterable[_Name] | None:
    return names if names is None or isinstance(names, str) else list(names)
