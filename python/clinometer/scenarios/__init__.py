"""Scenarios: which queries meet which pool, and which documents count as relevant.

A scenario does not depend on vectors: every pool consists of whole languages (without the query's own answers in one
language, in the one-sided case), so its placements are sums and differences of the counts of one scan.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

from clinometer.errors import LanguageError, UsageError
from clinometer.parameters import checked
from clinometer.suggestions import one_of

__all__ = ["SCENARIOS", "Setting", "settings_of"]

SCENARIOS = {
    "mono-same": "queries against the documents of their own language",
    "mono-cross": "queries against the documents of one other language",
    "multi": "queries against the documents of two languages, with an answer in each",
    "one-sided": "queries against the documents of two languages, with an answer in the query's language only",
    "multilingual": "queries against the documents of all languages, with an answer in each",
}


@dataclass(frozen=True)
class Setting:
    """The queries of one language against one pool.

    Args:
        scenario: One of `SCENARIOS`.
        query_language: Language of the queries.
        pool: Languages of the pool, the pivot first.
        other: The other language of the pair; None in scenarios without pairs.
        removed: Language whose answers to a query, with their verbatim duplicates, are removed from that query's pool.
    """

    scenario: str
    query_language: str
    pool: tuple[str, ...]
    other: str | None = None
    removed: str | None = None

    def mirrored(self) -> Setting:
        """The one-sided setting in which the answer exists only in the other language."""
        return Setting(self.scenario, self.query_language, self.pool, self.other, removed=self.query_language)


@checked
def settings_of(
    scenarios: Iterable[str], languages: Sequence[str], pivot: str = "en", pairs: str = "pivot"
) -> list[Setting]:
    """All settings of the scenarios, in a fixed order.

    Args:
        scenarios: Names from `SCENARIOS`.
        languages: Languages of the collection.
        pivot: Language towards which bias is measured.
        pairs: `pivot` for its pairs with every other language; `all` for every pair.

    Raises:
        UsageError: A scenario is unknown, or one of pairs is used with only one language.
        LanguageError: The pivot is not among the languages.

    Example:
        >>> for setting in settings_of(["multi"], ["en", "de"]):
        ...     print(setting.query_language, "in", "+".join(setting.pool))
        en in en+de
        de in en+de
    """
    names = list(dict.fromkeys(scenarios))
    unknown = [name for name in names if name not in SCENARIOS]
    if unknown or not names:
        problem = f"unknown scenario {', '.join(map(repr, unknown))}" if unknown else "no scenario was chosen"
        raise UsageError(f"{problem}; expected {one_of(unknown, SCENARIOS)}")
    if pairs not in ("pivot", "all"):
        raise UsageError(f"pairs is {pairs!r}, but must be pivot or all")
    ordered = [label for label in languages if label == pivot] + [label for label in languages if label != pivot]
    pair_scenarios = {"mono-cross", "multi", "one-sided"} & set(names)
    if pair_scenarios and len(ordered) < 2:
        raise UsageError(
            f"{', '.join(sorted(pair_scenarios))} need two languages, but there is only {', '.join(ordered)}; "
            "add another language, or choose the scenario mono-same alone"
        )
    if pivot not in ordered and (pairs == "pivot" and pair_scenarios):
        raise LanguageError(
            f"the pivot {pivot!r} is not among the languages {', '.join(ordered)}; choose another pivot"
        )
    language_pairs = list(combinations(ordered, 2)) if pairs == "all" else [(pivot, label) for label in ordered[1:]]
    settings: list[Setting] = []
    for name in names:
        if name == "mono-same":
            settings += [Setting(name, label, (label,)) for label in languages]
        elif name == "multilingual":
            settings += [Setting(name, label, tuple(ordered)) for label in languages]
        else:
            for first, second in language_pairs:
                settings += [
                    _paired(name, first, second, (first, second)),
                    _paired(name, second, first, (first, second)),
                ]
    return settings


def _paired(scenario: str, query: str, other: str, pair: tuple[str, str]) -> Setting:
    pool = (other,) if scenario == "mono-cross" else pair
    return Setting(scenario, query, pool, other, other if scenario == "one-sided" else None)
