"""What the rows of a made-up result are about, in the order of an evaluation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

__all__ = ["SCENARIOS", "places"]

SCENARIOS = ("mono-same", "mono-cross", "multi", "one-sided", "multilingual")
_OF_PAIRS = ("RankGap", "PivotFirst", "Intrusion", "LangShare@10")
"""Measures that pools of one language do not have."""


def places(
    measures: Iterable[str], languages: Sequence[str], scenarios: Iterable[str] = SCENARIOS, pairs: str = "pivot"
) -> Iterator[tuple[str, str, list[str], str]]:
    """Scenario, language of the queries, languages of the pool and measure of each row; `en` is the pivot."""
    names, targets = list(measures), [label for label in languages if label != "en"]
    chosen = [("en", label) for label in targets]
    if pairs == "all":
        chosen += [(a, b) for a in targets for b in targets if a < b]
    for scenario in scenarios:
        settings: list[tuple[str, list[str]]] = []
        if scenario in ("mono-same", "multilingual"):
            settings += [(label, [label] if scenario == "mono-same" else list(languages)) for label in languages]
        else:
            for pair in chosen:
                for query, other in (pair, pair[::-1]):
                    settings.append((query, [other] if scenario == "mono-cross" else list(pair)))
        settings += [(mean, ["*"]) for mean in ("macro", "macro-target", "macro-pivot")]
        for query, pool in settings:
            for measure in names:
                if not (measure in _OF_PAIRS and scenario.startswith("mono")):
                    yield scenario, query, pool, measure
