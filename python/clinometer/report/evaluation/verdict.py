"""The verdict: the rows in a few plain sentences, and what a reader must keep in mind.

Every number in a sentence is the value of one row. A sentence whose rows are absent is left out; nothing is averaged.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from clinometer.report.base import wording
from clinometer.report.base.drawing import drawn, rough
from clinometer.report.base.wording import language_name
from clinometer.report.evaluation.view import Reading, Row, Side

__all__ = [
    "IN_WORDS",
    "Extremes",
    "caveats",
    "clear_sign",
    "complete_measure",
    "extremes",
    "intrusion_scenario",
    "key_numbers",
    "quantity",
    "verdict",
]

# Ending of the notices about queries from `notices_of` of `clinometer.evaluation.rows`, at most one for each setting.
_LEFT_OUT = "have no answer in the pool and are left out"

IN_WORDS = 3
"""Largest number of results with a paragraph each; more have only the table."""


class Extremes(NamedTuple):
    """Languages with the highest and the lowest value of a measure, how many have one, and whether all look equal."""

    high: str
    low: str
    size: int
    flat: bool


def verdict(readings: Sequence[Reading], languages: Sequence[str]) -> list[str]:
    """The sentences in paragraphs: intrusion, lean, complete answers; for several results one paragraph each.

    Example:
        >>> from clinometer.report.evaluation.view import read_results
        >>> row = {"scenario": "one-sided", "query_language": "de", "pool_languages": ["en", "de"]}
        >>> row |= {"measure": "Intrusion", "value": 0.234}
        >>> readings = read_results([{"collection": {}, "encoder": {"name": "m"}, "settings": {}, "rows": [row]}])
        >>> verdict(readings, ["de"])
        ['With German queries, an unrelated English document ranks above the German answer for 23.4% of the queries.']
    """
    if len(readings) > IN_WORDS:
        return [
            f"{len(readings)} results; the table shows them side by side, one row for each.",
            "The intervals belong to each encoder alone; they do not test the difference between two.",
        ]
    if len(readings) > 1:
        return _compared(readings, languages)
    reading = readings[0]
    paragraphs = [_intrusion(reading, languages), _lean(reading, languages), _complete(reading, languages)]
    sentences = [text for text in paragraphs if text]
    return [*(sentences or [f"The result has {_silence(reading)}."]), *filter(None, [rough(reading.settings)])]


def _silence(reading: Reading) -> str:
    """What a result has instead of rows to make sentences of."""
    scenarios = [name for name in ("multi", "one-sided", "multilingual") if reading.measures(name)]
    if not scenarios:
        return "no rows for pools of several languages, so it says nothing about a lean"
    return (
        f"rows of {' and '.join(scenarios)}, but no value of a measure that the verdict uses; measure Intrusion, "
        "RankGap or Complete@10 in multi"
    )


def intrusion_scenario(readings: Sequence[Reading], languages: Sequence[str]) -> str | None:
    """The scenario of the intrusion: one-sided pools, where the other language is always wrong, else `multi`."""
    for scenario in ("one-sided", "multi"):
        if any(extremes(reading, scenario, "Intrusion", languages) for reading in readings):
            return scenario
    return None


def complete_measure(readings: Sequence[Reading]) -> str | None:
    """Complete@10 if `multi` has it, else its first Complete@K."""
    names = [name for reading in readings for name in reading.measures("multi") if name.startswith("Complete@")]
    return "Complete@10" if "Complete@10" in names else next(iter(names), None)


def clear_sign(row: Row | None) -> int:
    """1 or -1 where the interval of a row is above or below 0; 0 where it includes 0, and without one."""
    low, high = (None, None) if row is None else (row.get("ci_low"), row.get("ci_high"))
    if low is None or high is None:
        return 0
    return 1 if low > 0 else -1 if high < 0 else 0


def extremes(reading: Reading, scenario: str, measure: str, languages: Sequence[str]) -> Extremes | None:
    """The languages whose queries have the most and the least; None where no language has a value."""
    values = {label: reading.number(scenario, "target", label, measure) for label in languages}
    known = {label: number for label, number in values.items() if number is not None}
    if not known:
        return None
    high, low = max(known, key=lambda label: known[label]), min(known, key=lambda label: known[label])
    # Values that are equal to the digits shown must not be called the highest and the lowest.
    flat = wording.value(measure, known[high]) == wording.value(measure, known[low])
    return Extremes(high, low, len(known), flat)


def quantity(
    reading: Reading, scenario: str, side: Side, language: str | None, measure: str, of: str = "", ends: bool = True
) -> str:
    """Such as `23.4% of the queries (95% interval 21.0 to 25.8)`, with the words `of` after the number; or empty."""
    row = reading.row(scenario, side, language, measure)
    if row is None or row["value"] is None:
        return ""
    text = wording.value(measure, row["value"]) + wording.percent(measure) + (f" {of}" if of else "")
    limits = wording.interval(measure, row.get("ci_low"), row.get("ci_high"), " to ")
    return f"{text} ({reading.confidence} interval {limits})" if limits and ends else text


def _intrusion(reading: Reading, languages: Sequence[str]) -> str:
    scenario = intrusion_scenario([reading], languages)
    span = extremes(reading, scenario, "Intrusion", languages) if scenario else None
    if scenario is None or span is None:
        return ""
    pivot, high = language_name(reading.pivot), language_name(span.high)
    text = (
        f"With {high} queries, an unrelated {pivot} document ranks above the {high} answer "
        f"for {quantity(reading, scenario, 'target', span.high, 'Intrusion', 'of the queries')}"
    )
    if span.size == 1:
        reverse = quantity(reading, scenario, "pivot", span.high, "Intrusion")
        event = f"an unrelated {high} document above the {pivot} answer to {pivot} queries"
        return f"{text}." + (f" The reverse, {event}, happens for {reverse}." if reverse else "")
    if span.flat:
        text += f", and the share is the same for each of the {span.size} languages."
    else:
        low = quantity(reading, scenario, "target", span.low, "Intrusion", ends=False)
        text += (
            f", the highest share of {span.size} languages; with {language_name(span.low)} queries it is {low}, the "
            "lowest."
        )
    mean = quantity(reading, scenario, "target", None, "Intrusion")
    reverse = quantity(reading, scenario, "pivot", None, "Intrusion", "on average", ends=False)
    if mean:
        text += f" The mean over the languages is {mean}."
    if reverse:
        text += (
            f" The reverse, an unrelated document of the other language above the {pivot} answer to {pivot} queries, "
            f"happens for {reverse}."
        )
    return text + _outside(reading, scenario, span.high, languages)


def _outside(reading: Reading, scenario: str, highest: str, languages: Sequence[str]) -> str:
    """The worst of the languages that the encoder claims, where the worst of all is one that it does not."""
    outside = reading.not_made_for()
    if highest not in outside:
        return ""
    text = f" The encoder was not made for {language_name(highest)}"
    span = extremes(reading, scenario, "Intrusion", [label for label in languages if label not in outside])
    if span is None:
        return text + "."
    number = quantity(reading, scenario, "target", span.high, "Intrusion", ends=False)
    return (
        f"{text}; of the {span.size} target languages that it was made for, {language_name(span.high)} has the highest "
        f"share: {number}."
    )


def _lean(reading: Reading, languages: Sequence[str]) -> str:
    span, pivot = extremes(reading, "multi", "RankGap", languages), language_name(reading.pivot)
    if span is None:
        return ""
    only_language = span.high if span.size == 1 else None
    text = _leaning(reading, only_language)
    if span.size > 1 and span.flat:
        number = quantity(reading, "multi", "target", span.high, "RankGap", ends=False)
        text += f" It is {number} log2 ranks for each of the {span.size} languages."
    elif span.size > 1:
        low, high = (
            quantity(reading, "multi", "target", label, "RankGap", ends=False) for label in (span.low, span.high)
        )
        text += (
            f" By language: from {low} ({language_name(span.low)}) to {high} ({language_name(span.high)}) log2 ranks."
        )
    if reverse := quantity(reading, "multi", "pivot", only_language, "RankGap", ends=False):
        text += f" With {pivot} queries: {reverse}{_both_sides(reading, only_language)}."
    return text.strip()


def _both_sides(reading: Reading, language: str | None) -> str:
    """The conclusion from both sides, where neither interval includes 0; else nothing."""
    signs = (
        clear_sign(reading.row("multi", "target", language, "RankGap")),
        clear_sign(reading.row("multi", "pivot", language, "RankGap")),
    )
    pivot = language_name(reading.pivot)
    conclusions = {
        (1, 1): f"it leans to {pivot} whichever language the query is in",
        (-1, -1): f"it leans away from {pivot} whichever language the query is in",
        (-1, 1): "it prefers the language of the query, whichever that is",
    }
    conclusion = conclusions.get(signs, "")
    return f"; {'on average ' if language is None else ''}{conclusion}" if conclusion else ""


def _leaning(reading: Reading, language: str | None) -> str:
    """One sentence on the lean of target-language queries; `no clear lean` where the interval includes 0."""
    row = reading.row("multi", "target", language, "RankGap")
    if row is None or row["value"] is None:
        return ""
    pivot, gap, low, high = language_name(reading.pivot), row["value"], row.get("ci_low"), row.get("ci_high")
    queries = f"{language_name(language)} queries" if language else "queries in the other language"
    start = f"Where {pivot} and the query's language both hold the answer, the ranking for {queries}"
    number = quantity(reading, "multi", "target", language, "RankGap", "log2 ranks")
    if low is not None and high is not None and low <= 0 <= high:
        return f"{start} shows no clear lean: {number}; the interval includes 0."
    if gap == 0:
        return f"{start} is upright: 0 log2 ranks."
    times = f"{2 ** abs(gap):,.1f} times as deep"
    if gap > 0:
        return (
            f"{start} leans to {pivot}, {number}: the answer in the query's language ranks {times} as the {pivot} one "
            "(geometric mean)."
        )
    return (
        f"{start} leans to the query's language, {number}: the {pivot} answer ranks {times} as the other one "
        "(geometric mean)."
    )


def _complete(reading: Reading, languages: Sequence[str]) -> str:
    measure = complete_measure([reading])
    span = extremes(reading, "multi", measure, languages) if measure else None
    if span is None or measure is None:
        return ""
    depth = measure.rpartition("@")[2]
    if span.size == 1:
        number = quantity(reading, "multi", "target", span.high, measure, f"of the {language_name(span.high)} queries")
        text = f"Both versions of the answer are among the first {depth} documents for {number}."
        return text + _bound(reading, span.high, depth)
    mean = quantity(reading, "multi", "target", None, measure, "of the queries on average")
    low, high = (quantity(reading, "multi", "target", label, measure, ends=False) for label in (span.low, span.high))
    if span.flat:
        spread = f"{'the same' if mean else f'for {low}'} with queries in each of the {span.size} languages"
    else:
        spread = f"from {low} with {language_name(span.low)} to {high} with {language_name(span.high)} queries"
    text = (
        f"Both versions of the answer are among the first {depth} documents {f'for {mean}, ' if mean else ''}{spread}."
    )
    return text + _bound(reading, None, depth)


def _bound(reading: Reading, language: str | None, depth: str) -> str:
    """The most that shifting the languages against each other could reach, if that was measured."""
    number = quantity(reading, "multi", "target", language, f"Reachable@{depth}", ends=False)
    return f" Only shifting the languages against each other could reach {number} at most." if number else ""


def _compared(readings: Sequence[Reading], languages: Sequence[str]) -> list[str]:
    scenario, complete = intrusion_scenario(readings, languages), complete_measure(readings)
    paragraphs = []
    for reading in readings:
        facts = [_compared_intrusion(reading, scenario, languages)] if scenario else []
        for measure, of, template in (
            ("RankGap", "log2 ranks", f"the rank gap is {{}}, above 0 leaning to {language_name(reading.pivot)}"),
            (
                complete,
                "of them",
                f"both versions of the answer are among the first {(complete or '').rpartition('@')[2]} for {{}}",
            ),
        ):
            span = extremes(reading, "multi", measure, languages) if measure else None
            if span and measure:
                only_language = span.high if span.size == 1 else None
                number = quantity(reading, "multi", "target", only_language, measure, of)
                facts += [template.format(number)] if number else []
        facts.append(rough(reading.settings).rstrip(".").replace("Only", "only", 1))
        summary = "; ".join(fact for fact in facts if fact)
        paragraphs.append(f"{reading.label}: {summary or _silence(reading)}.")
    return [*paragraphs, "The intervals belong to each encoder alone; they do not test the difference between two."]


def _compared_intrusion(reading: Reading, scenario: str, languages: Sequence[str]) -> str:
    span = extremes(reading, scenario, "Intrusion", languages)
    if span is None:
        return ""
    high = language_name(span.high)
    text = f"an unrelated {language_name(reading.pivot)} document ranks above the answer in the query's language for"
    if span.size == 1:
        return f"{text} {quantity(reading, scenario, 'target', span.high, 'Intrusion', f'of the {high} queries')}"
    mean = quantity(
        reading, scenario, "target", None, "Intrusion", f"of the queries in {span.size} languages on average"
    )
    most = f"{quantity(reading, scenario, 'target', span.high, 'Intrusion', ends=False)} with {high}"
    return f"{text} {mean}, at most {most}" if mean else f"{text} at most {most}"


def key_numbers(reading: Reading, languages: Sequence[str]) -> list[tuple[str, str, str]]:
    """The numbers at the top of a report of one result, means or those of the only language: value, interval, words."""
    pivot = language_name(reading.pivot)
    scenario, complete = intrusion_scenario([reading], languages), complete_measure([reading])
    targets = "the other languages" if len(languages) != 1 else language_name(languages[0])
    candidates: list[tuple[str | None, str | None, str]] = [
        (scenario, "Intrusion", f"of queries in {targets} have an unrelated {pivot} document above the answer"),
        ("multi", "RankGap", f"log2 ranks of lean with queries in {targets}; 0 is upright, above 0 leans to {pivot}"),
        ("multi", complete, "of queries have both versions of the answer near the top"),
        ("multi", "MaxRnorm", "Max@R norm: 100 if both versions of the answer lead, 0 if one is last"),
    ]
    numbers = []
    language = languages[0] if len(languages) == 1 else None
    for place, measure, text in candidates:
        row = reading.row(place, "target", language, measure) if place and measure else None
        if measure is None or row is None or row["value"] is None:
            continue
        unit = "" if measure == "MaxRnorm" else wording.percent(measure)
        limits = wording.interval(measure, row.get("ci_low"), row.get("ci_high"), " to ")
        if measure == complete:
            text = text.replace("near the top", f"among the first {measure.rpartition('@')[2]}")
        numbers.append((wording.value(measure, row["value"]) + unit, limits, text))
    return numbers


_IN_THE_REPORT = "the notices under Settings give the numbers", "only the tables under Every row show them"


def caveats(readings: Sequence[Reading], elsewhere: tuple[str, str] = _IN_THE_REPORT) -> list[str]:
    """What a reader must keep in mind: warnings, languages that the encoder lacks, results that do not compare.

    Args:
        readings: The results.
        elsewhere: Where the numbers of queries that are left out stand, and the means over all pairs.
    """
    sentences: list[str] = []
    several = len(readings) > 1
    for reading in readings:
        prefix = f"{reading.label}: " if several else ""
        sentences += [f"{prefix}{warning}" for warning in reading.encoder.get("warnings") or []]
        if outside := reading.not_made_for():
            names = ", ".join(language_name(label) for label in outside)
            sentences.append(f"{prefix}† The encoder was not made for {names}; read these rows with care.")
        left_out = [notice for notice in reading.notices if notice.endswith(_LEFT_OUT)]
        if left_out:
            settings = "one setting leaves" if len(left_out) == 1 else f"{len(left_out)} settings leave"
            sentences.append(f"{prefix}{settings} out queries that have no answer in the pool; {elsewhere[0]}.")
        sentences += [f"{prefix}{notice}." for notice in reading.notices if notice not in left_out]
        if reading.settings.get("resamples") and (units := drawn(reading.settings)):
            sentences.append(f"{prefix}Intervals ({reading.confidence}) are over {units}.")
    if len({reading.collection.get("digest") for reading in readings}) > 1:
        sentences.append(
            "The results come from different collections: their differences are not due to the encoders alone."
        )
    if any(reading.beyond_pivot for reading in readings):
        pivot = language_name(readings[0].pivot)
        sentences.append(
            f"Pairs without {pivot} were evaluated too. Means over all pairs are not means of the target languages: "
            f"{elsewhere[1]}; elsewhere a mean is a dash."
        )
    for setting, default in (("ties", None), ("pairs", None), ("query_set", "answered")):
        values = list(dict.fromkeys(wording.listed(reading.settings.get(setting, default)) for reading in readings))
        if len(values) > 1:
            sentences.append(f"The results have different settings of {setting}: {', '.join(values)}.")
    return sentences
