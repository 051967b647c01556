"""The verdict in one sentence: does it lean, which way, how badly (`headline`), and what would help.

Every number in it is the value of one row; what would help follows from what ranks first in place of the answers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from clinometer.report.base import wording
from clinometer.report.base.wording import language_name
from clinometer.report.evaluation.headline import headline
from clinometer.report.evaluation.verdict import clear_sign, intrusion_scenario, verdict
from clinometer.report.evaluation.view import Reading

__all__ = ["direction", "finding"]

_FEW = 0.02
"""Share of queries with a wrong document on top up to which little is left to straighten."""


def finding(readings: Sequence[Reading], languages: Sequence[str]) -> str:
    """The sentence; of several results, which leans least and which most.

    Example:
        >>> from clinometer.report.evaluation.view import read_results
        >>> row = {"scenario": "one-sided", "query_language": "de", "pool_languages": ["en", "de"]}
        >>> row |= {"measure": "Intrusion", "value": 0.234}
        >>> result = {"collection": {}, "encoder": {"name": "m"}, "settings": {}, "rows": [row]}
        >>> finding(read_results([result]), ["de"])
        'An unrelated English document ranks above the answer for 23.4% of the German queries.'
    """
    if len(readings) > 1:
        return _several(readings, languages)
    sentences = headline(readings[0], languages)
    if not sentences:
        return verdict(readings, languages)[0]
    parts = [sentences[0], *(text[0].lower() + text[1:] for text in sentences[1:]), _help(readings[0])]
    return "; ".join(part.removesuffix(".") for part in parts if part) + "."


def direction(readings: Sequence[Reading]) -> str:
    """What a single result leans to: `pivot`, `own` for the language of the query, or `none`; `none` for several."""
    if len(readings) > 1:
        return "none"
    row = readings[0].row("multi", "target", readings[0].only_target, "RankGap")
    return {1: "pivot", -1: "own", 0: "none"}[clear_sign(row)]


def _help(reading: Reading) -> str:
    """What would help, by the documents on top of the wrong rankings; empty without an error analysis."""
    rows = (reading.analysis or {}).get("rows", ())
    scenario = next((name for name in ("one-sided", "multi") if any(row["scenario"] == name for row in rows)), None)
    queries: Counter[str] = Counter()
    for row in rows:
        if row["scenario"] == scenario and row["query_language"] != reading.pivot:
            queries[row["category"]] += row["queries"]
    if not queries:
        return ""
    kinds = {
        "are in another language: try clinometer correct": queries["pivot"] + queries["other-language"],
        "are in the query's own language: a stronger encoder would help more than a correction": (
            queries["same-language"]
        ),
        "are copies of an answer: mend the judgements first": queries["duplicate"],
        "tie with the answer, or nearly: look at the scores first": queries["near-tie"],
    }
    wrong = sum(kinds.values())
    if wrong <= _FEW * queries.total():
        return "little is left to straighten"
    kind = max(kinds, key=lambda text: kinds[text])
    return f"most wrong documents on top ({kinds[kind]:,} of {wrong:,}) {kind}"


def _several(readings: Sequence[Reading], languages: Sequence[str]) -> str:
    """The results with the least and the most intrusion, else the smallest and the largest lean."""
    scenario, pivot = intrusion_scenario(readings, languages), language_name(readings[0].pivot)
    for place, measure, verb, often, unit in (
        (scenario, "Intrusion", f"has an unrelated {pivot} document above the answer", " often", "% of queries"),
        ("multi", "RankGap", "leans", "", f" log2 ranks to {pivot}"),
    ):
        if place is None:
            continue
        numbers = {reading.label: reading.number(place, "target", reading.only_target, measure) for reading in readings}
        known = {label: abs(number) for label, number in numbers.items() if number is not None}
        if len(known) < 2:
            continue
        least, most = min(known, key=lambda label: known[label]), max(known, key=lambda label: known[label])
        low, high = (wording.value(measure, numbers[label]) for label in (least, most))
        if low == high:
            continue
        return (
            f"Of {len(readings)} results, {least} {verb} least{often} ({low}{unit}) and {most} most{often} "
            f"({high}{unit[: unit.startswith('%')]}); clinometer compare tests whether two differ by more than chance."
        )
    return f"{len(readings)} results; clinometer compare tests whether two differ by more than chance."
