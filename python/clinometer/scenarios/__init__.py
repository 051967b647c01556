"""Scenarios: which queries against which pool, and what counts as relevant there.

A scenario knows no vectors: every pool is made of whole languages (minus the query's own answers, in the one-sided
case), so its placements are sums and differences of the counts of one scan over all languages.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

from clinometer.errors import LanguageError, UsageError

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
        other: The other language of the pair where the scenario is about one, else None.
        removed: Language whose answers to a query, with their verbatim duplicates, are taken out of that query's pool.
    """

    scenario: str
    query_language: str
    pool: tuple[str, ...]
    other: str | None = None
    removed: str | None = None

    def mirrored(self) -> Setting:
        """The one-sided setting in which the answer exists only in the other language."""
        return Setting(self.scenario, self.query_language, self.pool, self.other, removed=self.query_language)


def settings_of(
    scenarios: Iterable[str], languages: Sequence[str], pivot: str = "en", pairs: str = "pivot"
) -> list[Setting]:
    """All settings of the scenarios, in a fixed order.

    Args:
        scenarios: Names from `SCENARIOS`.
        languages: Languages of the collection.
        pivot: The language whose inclination is measured.
        pairs: `pivot` pairs it with every other language; `all` makes every pair.

    Raises:
        UsageError: Unknown scenarios, or scenarios of pairs with one language only.
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
        what = f"there is no scenario {', '.join(map(repr, unknown))}" if unknown else "no scenario was chosen"
        raise UsageError(f"{what}; choose from {', '.join(SCENARIOS)}")
    if pairs not in ("pivot", "all"):
        raise UsageError(f"pairs is {pairs!r}, but must be pivot or all")
    ordered = [label for label in languages if label == pivot] + [label for label in languages if label != pivot]
    paired = {"mono-cross", "multi", "one-sided"} & set(names)
    if paired and len(ordered) < 2:
        raise UsageError(f"{', '.join(sorted(paired))} need two languages, but there is only {', '.join(ordered)}")
    if pivot not in ordered and (pairs == "pivot" and paired):
        raise LanguageError(
            f"the pivot {pivot!r} is not among the languages {', '.join(ordered)}; choose another pivot"
        )
    chosen = list(combinations(ordered, 2)) if pairs == "all" else [(pivot, label) for label in ordered[1:]]
    found: list[Setting] = []
    for name in names:
        if name == "mono-same":
            found += [Setting(name, label, (label,)) for label in languages]
        elif name == "multilingual":
            found += [Setting(name, label, tuple(ordered)) for label in languages]
        else:
            for first, second in chosen:
                found += [_paired(name, first, second, (first, second)), _paired(name, second, first, (first, second))]
    return found


def _paired(scenario: str, query: str, other: str, pair: tuple[str, str]) -> Setting:
    pool = (other,) if scenario == "mono-cross" else pair
    return Setting(scenario, query, pool, other, other if scenario == "one-sided" else None)
