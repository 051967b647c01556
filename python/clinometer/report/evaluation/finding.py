"""The verdict in one sentence: does it lean, which way, how badly, and what would help.

Every number in it is the value of one row; what would help follows from what ranks first in place of the answers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from clinometer.report.base import wording
from clinometer.report.base.wording import language_name
from clinometer.report.evaluation.verdict import intrusion_scenario, verdict
from clinometer.report.evaluation.view import Reading, Side

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
    reading = readings[0]
    facts = [text for text in (_lean(reading, languages), _harm(reading, languages)) if text]
    if not facts:
        return verdict(readings, languages)[0]
    help_text = _help(reading)
    text = f"{'; '.join([*facts, *([help_text] if help_text else [])])}."
    return text[0].upper() + text[1:]


def direction(readings: Sequence[Reading]) -> str:
    """What a single result leans to: `pivot`, `own` for the language of the query, or `none`; `none` for several."""
    if len(readings) > 1:
        return "none"
    return {1: "pivot", -1: "own"}.get(_signs(readings[0])[0], "none")


def _only(reading: Reading) -> str | None:
    """The target language where there is a single one, for which results have no means over languages."""
    targets = [label for label in reading.languages if label != reading.pivot]
    return targets[0] if len(targets) == 1 else None


def _signs(reading: Reading) -> tuple[int, int]:
    """Directions of the rank gap of both sides, 1 towards the pivot; 0 where the interval includes 0 or is missing."""
    signs = []
    sides: tuple[Side, ...] = ("target", "pivot")
    for side in sides:
        row = reading.row("multi", side, _only(reading), "RankGap") or {}
        low, high = row.get("ci_low"), row.get("ci_high")
        signs.append(0 if low is None or high is None else 1 if low > 0 else -1 if high < 0 else 0)
    return signs[0], signs[1]


def _lean(reading: Reading, languages: Sequence[str]) -> str:
    gap = reading.number("multi", "target", _only(reading), "RankGap")
    if gap is None:
        return ""
    pivot, (target, reverse) = language_name(reading.pivot), _signs(reading)
    if target == 0:
        return f"no clear lean to or from {pivot} with queries in {_others(languages)}"
    times = f"{2 ** abs(gap):,.1f} times as deep"
    if target > 0:
        text = f"it leans to {pivot}{', whichever language the query is in' if reverse > 0 else ''}"
        return f"{text} (the other answer ranks {times})"
    text = f"it leans away from {pivot}, whichever language the query is in"
    if reverse >= 0:
        text = f"it prefers the language of the query to {pivot}"
    return f"{text} (the {pivot} answer ranks {times})"


def _others(languages: Sequence[str]) -> str:
    return language_name(languages[0]) if len(languages) == 1 else "the other languages"


def _harm(reading: Reading, languages: Sequence[str]) -> str:
    """How many queries have a wrong document of the pivot above the answer, and in which language the most."""
    scenario, pivot = intrusion_scenario([reading], languages), language_name(reading.pivot)
    if scenario is None:
        return ""
    values = {label: reading.number(scenario, "target", label, "Intrusion") for label in languages}
    known = {label: value for label, value in values.items() if value is not None}
    worst = max(known, key=lambda label: known[label])
    start = f"an unrelated {pivot} document ranks above the answer for"
    if len(known) == 1:
        return f"{start} {_share(known[worst])} of the {language_name(worst)} queries"
    mean = reading.number(scenario, "target", None, "Intrusion")
    if _share(known[worst]) == _share(min(known.values())):
        return f"{start} {_share(known[worst])} of the queries in each of {len(known)} languages"
    most = f"{_share(known[worst])} of the {language_name(worst)} queries"
    if mean is None:
        return f"{start} up to {most}"
    return f"{start} {_share(mean)} of the queries on average and {most}"


def _share(value: float) -> str:
    return f"{wording.value('Intrusion', value)}%"


def _help(reading: Reading) -> str:
    """What would help, by the documents on top of the wrong rankings; without an error analysis, how to find out."""
    rows = (reading.analysis or {}).get("rows", ())
    scenario = next((name for name in ("one-sided", "multi") if any(row["scenario"] == name for row in rows)), None)
    queries: Counter[str] = Counter()
    for row in rows:
        if row["scenario"] == scenario and row["query_language"] != reading.pivot:
            queries[row["category"]] += row["queries"]
    if not queries:
        return ""
    kinds = {
        "most wrong documents on top are in another language: try clinometer correct": (
            queries["pivot"] + queries["other-language"]
        ),
        "most wrong documents on top are in the query's own language: a stronger encoder would help more than a "
        "correction": queries["same-language"],
        "most wrong documents on top are copies of an answer: mend the judgements first": queries["duplicate"],
    }
    wrong = sum(kinds.values())
    if wrong <= _FEW * queries.total():
        return "little is left to straighten"
    return max(kinds, key=lambda text: kinds[text])


def _several(readings: Sequence[Reading], languages: Sequence[str]) -> str:
    """The results with the least and the most intrusion, else the smallest and the largest lean."""
    scenario, pivot = intrusion_scenario(readings, languages), language_name(readings[0].pivot)
    for place, measure, text in (
        (scenario, "Intrusion", f"an unrelated {pivot} document above the answer"),
        ("multi", "RankGap", f"log2 ranks of lean to {pivot}"),
    ):
        if place is None:
            continue
        numbers = {reading.label: reading.number(place, "target", _only(reading), measure) for reading in readings}
        known = {label: abs(number) for label, number in numbers.items() if number is not None}
        if len(known) < 2:
            continue
        least, most = min(known, key=lambda label: known[label]), max(known, key=lambda label: known[label])
        low, high = (wording.value(measure, numbers[label]) for label in (least, most))
        if low == high:
            continue
        unit = "% of queries with" if measure == "Intrusion" else ""
        return (
            f"Of {len(readings)} results {least} has the least ({low}{unit} {text}) and {most} the most "
            f"({high}{'%' if unit else ''}); clinometer compare tests whether two differ by more than chance."
        )
    return f"{len(readings)} results; clinometer compare tests whether two differ by more than chance."
