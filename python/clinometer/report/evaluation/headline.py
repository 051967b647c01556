"""The finding in one or two sentences: whether it leans, which way, how badly.

Every number is the value of one row. What the results do not have is not mentioned.
"""

from __future__ import annotations

from collections.abc import Sequence

from clinometer.report.base import wording
from clinometer.report.base.wording import language_name
from clinometer.report.evaluation.verdict import clear_sign, extremes, intrusion_scenario, quantity
from clinometer.report.evaluation.view import Reading, Row, Side

__all__ = ["headline"]


def headline(reading: Reading, languages: Sequence[str]) -> list[str]:
    """The lean of queries in the target languages, then how often an unrelated document of the pivot intrudes.

    A lean whose interval includes 0 is not called one, and one without an interval is said to have none. Empty where
    the results have neither rank gaps nor intrusion.

    Example:
        >>> from clinometer.report.evaluation.view import read_results
        >>> row = {"scenario": "multi", "query_language": "de", "pool_languages": ["en", "de"], "measure": "RankGap"}
        >>> row |= {"value": 1.0, "ci_low": 0.5, "ci_high": 1.5}
        >>> readings = read_results([{"collection": {}, "encoder": {"name": "m"}, "settings": {}, "rows": [row]}])
        >>> headline(readings[0], ["de"])
        ['It leans to English: with German queries, the German answer ranks 2.0 times as deep as the English one.']
    """
    lean = _lean(reading, languages)
    queries = "these queries" if lean else "the queries in other languages"
    return [text for text in (lean, _intrusion(reading, languages, queries)) if text]


def _gap(reading: Reading, side: Side, languages: Sequence[str]) -> Row | None:
    """The mean rank gap over the target languages, or the row of the only one; None without a value."""
    row = reading.row("multi", side, languages[0] if len(languages) == 1 else None, "RankGap")
    return None if row is None or row["value"] is None else row


def _sign(row: Row | None) -> int:
    """1 or -1 where the interval is above or below 0; without an interval, the sign of the value."""
    if row is None:
        return 0
    if row.get("ci_low") is None or row.get("ci_high") is None:
        return int(row["value"] > 0) - int(row["value"] < 0)
    return clear_sign(row)


def _lean(reading: Reading, languages: Sequence[str]) -> str:
    row = _gap(reading, "target", languages)
    if row is None:
        return ""
    pivot, one = language_name(reading.pivot), len(languages) == 1
    queries = f"{language_name(languages[0])} queries" if one else f"queries in {len(languages)} other languages"
    own = f"the {language_name(languages[0])} answer" if one else "the answer in the query's language"
    times, average = f"{2 ** abs(row['value']):,.1f} times as deep", "" if one else " on average"
    limits = wording.interval("RankGap", row.get("ci_low"), row.get("ci_high"), " to ")
    signs = _sign(row), _sign(_gap(reading, "pivot", languages))
    if not limits and times.startswith("1.0 "):
        signs = 0, 0  # a lean that the digits do not show
    chance = "" if limits else "; without an interval that may be chance"
    reach = ", whichever language the query is in" if signs[0] == signs[1] else ""
    if signs[0] > 0:
        return f"It leans to {pivot}{reach}: with {queries}, {own} ranks {times} as the {pivot} one{average}{chance}."
    if signs[0] < 0:
        start = "It prefers the language of the query" if signs[1] > 0 else f"It leans away from {pivot}{reach}"
        return f"{start}: with {queries}, the {pivot} answer ranks {times} as {own}{average}{chance}."
    value = f"{wording.value('RankGap', row['value'])} log2 ranks"
    if not limits:
        return f"It is upright: with {queries}, the rank gap to {pivot} is {value}{average}."
    return (
        f"It shows no clear lean: with {queries}, the rank gap to {pivot} is {value}{average}, and its "
        f"{reading.confidence} interval ({limits}) includes 0."
    )


def _intrusion(reading: Reading, languages: Sequence[str], queries: str) -> str:
    scenario = intrusion_scenario([reading], languages)
    span = extremes(reading, scenario, "Intrusion", languages) if scenario else None
    if scenario is None or span is None:
        return ""
    most, name = quantity(reading, scenario, "target", span.high, "Intrusion", ends=False), language_name(span.high)
    event = f"An unrelated {language_name(reading.pivot)} document ranks above the answer"
    if span.size == 1:
        return f"{event} for {most} of the {name} queries."
    average = quantity(reading, scenario, "target", None, "Intrusion", ends=False)
    if not average:
        return f"{event} for at most {most} of the queries in a language ({name})."
    aside = "" if most == average else f", most often in {name} ({most})"
    return f"{event} for {average} of {queries} on average{aside}."
