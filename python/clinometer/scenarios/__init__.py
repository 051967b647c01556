"""Scenarios: which queries against which pool, and what counts as relevant there.

A scenario knows no vectors: every pool is made of whole languages (minus the query's own answers, in the one-sided
case), so its placements are sums and differences of the counts of one scan over all languages.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from clinometer.errors import LanguageError, UsageError
from clinometer.measures.placements import Placements
from clinometer.scanning.counts import Counts, RankCounts, TieMode, tie_order

__all__ = ["SCENARIOS", "Setting", "Standings", "settings_of"]

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


class Standings:
    """The counts of one scan over all languages, from which the placements in any setting's pool are made.

    Args:
        counts: Rows for every relevant document, and for the verbatim duplicates of relevant documents.
        grades: `(R,)`: grade of each row; 0 for a duplicate that is not judged itself.
        query_languages: Language of each query.
        sizes: Documents of each pool language, in the order of `counts.languages`.
        related: `counts_within` of the rows: what is due to a query's own rows.
        ties: Tie mode of the measures.
    """

    def __init__(
        self,
        counts: RankCounts,
        grades: NDArray[np.int64],
        query_languages: Sequence[str],
        sizes: NDArray[np.int64],
        related: Counts,
        ties: TieMode,
    ) -> None:
        self.counts, self.grades, self.sizes, self.related, self.ties = counts, grades, sizes, related, ties
        self._query_languages = np.array(query_languages, dtype=np.str_)
        self._query = np.repeat(np.arange(len(query_languages)), np.diff(counts.indptr))
        before = counts.tied_before(tie_order(ties))
        self._all = Counts(counts.greater, counts.equal, before)

    def placements(self, setting: Setting) -> tuple[NDArray[np.int64], Placements]:
        """The queries of a setting that have an answer in its pool (row numbers), and where their answers stand."""
        labels = self.counts.languages
        pool = [labels.index(label) for label in setting.pool]
        rows = self.answers(setting)
        queries, answers_per_query = np.unique(self._query[rows], return_counts=True)
        counts, related = self._all.take(rows, pool), self.related.take(rows, pool)
        sizes = np.full(len(queries), self.sizes[pool].sum(), dtype=np.int64)
        if setting.removed is not None:
            gone = labels.index(setting.removed)
            removed = related.only(setting.pool.index(setting.removed))
            counts, related = counts - removed, related - removed
            removed_rows = self._query[self.counts.codes == gone]
            sizes -= np.bincount(removed_rows, minlength=len(self._query_languages))[queries]
        place_in_pool = np.full(len(labels), -1, dtype=np.int64)
        place_in_pool[pool] = np.arange(len(pool))
        return queries, Placements(
            indptr=np.concatenate([[0], np.cumsum(answers_per_query)]).astype(np.int64),
            grades=self.grades[rows],
            language=place_in_pool[self.counts.codes[rows]],
            counts=counts,
            related=related,
            sizes=sizes,
            languages=setting.pool,
            ties=self.ties,
        )

    def answers(self, setting: Setting) -> NDArray[np.int64]:
        """Rows of the counts that are answers in a setting: the rows of its placements, in the same order."""
        codes = [self.counts.languages.index(label) for label in setting.pool if label != setting.removed]
        asked = self._query_languages == setting.query_language
        return np.flatnonzero(asked[self._query] & (self.grades >= 1) & np.isin(self.counts.codes, codes))

    def asked_in(self, language: str) -> int:
        """How many queries there are in a language."""
        return int(np.count_nonzero(self._query_languages == language))
