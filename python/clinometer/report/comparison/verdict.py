"""The verdict on a comparison: rises and falls, harm to single-language search, and what was left out.

Every number in a sentence is the value of one row. A change that could be chance is never called a rise or a fall.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clinometer.report.base import wording
from clinometer.report.base.drawing import drawn, rough
from clinometer.report.comparison.view import (
    Compared,
    View,
    difference,
    difference_interval,
    listed,
    points,
    probability,
)

__all__ = ["TOLERANCE", "caveats", "change", "finding", "key_changes", "methods", "verdict"]

TOLERANCE = 0.005
"""Largest fall of nDCG@1 in one language that a report does not call harm."""

_CORRECTIONS = {"holm": "Holm's method", "bh": "the method of Benjamini and Hochberg", "none": "not at all"}


def verdict(view: View) -> list[str]:
    """The sentences in paragraphs: the main measure, harm, lean and intrusion."""
    sentences = [_main(view) + _groups(view), _harm(view), _others(view), rough(view.comparison.settings)]
    return [text for text in sentences if text]


def finding(view: View) -> list[str]:
    """The main measure, and the harm to search in one language: the verdict in one or two sentences."""
    return [text for text in (_main(view), _harm(view)) if text]


def change(view: View, row: Mapping[str, Any]) -> str:
    """The change of a row in words, such as `rises from 48.2% to 93.8% (+45.6 points, 95% interval +44.1 to +47.0)`.

    A change that could be chance `does not clearly change`; see `View.clear`.
    """
    measure, span = row["measure"], _span(view, row)
    if row["before"] == row["after"] and row["equal"] == row["queries"]:
        unit = wording.percent(measure)
        return f"stays at {wording.value(measure, row['before'])}{unit}"
    if not view.clear(row):
        excludes_zero = row["ci_low"] is not None and not row["ci_low"] <= 0 <= row["ci_high"]
        # The interval alone would say otherwise: it is not adjusted for the number of tests.
        reason = f", but {view.p} is {probability(row['p_adjusted'])}" if excludes_zero else ""
        return f"does not clearly change, {span}{reason}"
    verb = "rises" if row["difference"] > 0 else "falls"
    if measure == "RankGap":
        verb = {True: "moves towards 0,", False: "moves away from 0,", None: verb}[row["improved"]]
    elif row["lower_is_better"]:
        span += ", which is better" if row["improved"] else ", which is worse"
    return f"{verb} {span}"


def _span(view: View, row: Mapping[str, Any]) -> str:
    """Such as `from 48.2% to 93.8% (+45.6 points, 95% interval +44.1 to +47.0)`, without its direction."""
    measure = row["measure"]
    unit = wording.percent(measure)
    before, after = (wording.value(measure, row[name]) + unit for name in ("before", "after"))
    limits = difference_interval(row, " to ")
    change = difference(measure, row["difference"]) + points(measure)
    # Ends that look equal are one number, in every sentence that has a span.
    ends = f"at {before} before and after" if before == after else f"from {before} to {after}"
    return f"{ends} ({change}" + (f", {view.confidence} interval {limits})" if limits else ")")


def _main(view: View) -> str:
    """The first headline of the first scenario, over all queries."""
    scenario, measure, row = view.main
    if row is None:
        return ""
    of = "" if not view.is_mean(row) else f", mean over {view.where(row)},"
    return f"{wording.display(measure)} in {scenario}{of} {change(view, row)}."


def _groups(view: View) -> str:
    """The same for the groups, and the languages that clearly change."""
    scenario, measure, row = view.main
    if row is None:
        return ""
    text = ""
    for name in view.groups:
        group = view.mean(scenario, measure, name)
        if group is not None and group["query_language"] == name:
            text += f" {name.capitalize()} languages ({', '.join(view.groups[name])}): {_span(view, group)}."
    return text + _by_language(view, scenario, measure)


def _by_language(view: View, scenario: str, measure: str) -> str:
    rows = view.targets(scenario, measure)
    known = [row for row in rows if row["p_adjusted"] is not None and row["improved"] is not None]
    if len(rows) < 2 or not known:
        return ""
    clear = [row for row in known if view.clear(row)]
    level = f"{view.p} at most {view.level:.2g}"
    if not clear:
        return f" In none of the {len(rows)} languages is the change clear on its own ({level})."
    better = [row for row in clear if row["improved"]]
    worse = [_language(row) for row in clear if not row["improved"]]
    text = f" By language ({level}): better in {len(better)} of {len(rows)}, worse in "
    return text + (f"{len(worse)}: {listed(worse)}." if worse else "none.")


def _language(row: Mapping[str, Any]) -> str:
    return wording.language_name(row["query_language"])


def _harm(view: View) -> str:
    """The languages that lose in pools of their own language, if any."""
    harmed = view.comparison.harmed(tolerance=TOLERANCE, encoder=view.label)
    if harmed is None:
        return "The results have no nDCG@1 in mono-same, so harm to search in one language was not checked."
    rows = view.targets("mono-same", "nDCG@1")
    amount = f"more than {TOLERANCE:g} ({100 * TOLERANCE:g} points of 100)"
    if not harmed:
        text = f"nDCG@1 in mono-same: no language falls by {amount}"
    else:
        losses = (
            f"{_language(row)} ({difference('nDCG@1', row['difference'])}, {view.confidence} interval "
            f"{difference_interval(row, ' to ')})"
            for row in harmed
        )
        languages = "language" if len(rows) == 1 else "languages"
        text = f"nDCG@1 in mono-same falls by {amount} in {len(harmed)} of {len(rows)} {languages}: {listed(losses)}"
    mean = view.mean("mono-same", "nDCG@1", "macro")
    return text + (f". Its mean {change(view, mean)}." if mean is not None and view.is_mean(mean) else ".")


def _others(view: View) -> str:
    """Lean and intrusion of target-language queries."""
    facts = []
    pivot = wording.language_name(view.pivot)
    intrusion = "Intrusion, the share of queries with an unrelated document of the other language above the answer,"
    for scenario, measure, text in (
        ("multi", "RankGap", f"The rank gap to {pivot}"),
        ("one-sided", "Intrusion", intrusion),
    ):
        row = view.mean(scenario, measure, "macro-target")
        if row is not None and scenario in view.scenarios and measure in view.measures(scenario):
            targets = "the target languages" if view.is_mean(row) else _language(row)
            facts.append(f"{text} with queries in {targets} {change(view, row)}.")
    return " ".join(facts)


def key_changes(view: View) -> list[tuple[str, str, str]]:
    """The numbers at the top of a page: before and after, the difference with its interval, words."""
    pivot = wording.language_name(view.pivot)
    complete = "Complete@10 in multi, all queries: all versions of the answer among the first 10"
    intrusion = f"of target-language queries have an unrelated {pivot} document above the answer"
    candidates = [
        ("multi", "Complete@10", "macro", complete),
        ("mono-same", "nDCG@1", "macro", "nDCG@1 in mono-same, all languages: search within one language"),
        ("one-sided", "Intrusion", "macro-target", intrusion),
        ("multi", "RankGap", "macro-target", f"log2 ranks of lean to {pivot}, target-language queries; 0 is upright"),
    ]
    numbers = []
    for scenario, measure, name, text in candidates:
        row = view.mean(scenario, measure, name)
        if row is None:
            continue
        unit = wording.percent(measure)
        before, after = (wording.value(measure, row[end]) for end in ("before", "after"))
        limits = difference_interval(row, " to ")
        aside = difference(measure, row["difference"]) + (f" ({limits})" if limits else "")
        numbers.append((f"{before} → {after}{unit}", aside, text))
    return numbers


def caveats(comparison: Compared) -> list[str]:
    """What a reader must keep in mind: warnings of the encoders, and what was left out."""
    warnings = [
        f"{label}: {warning}"
        for label, encoder in zip(comparison.labels, comparison.encoders, strict=True)
        for warning in encoder.get("warnings") or []
    ]
    return [*warnings, *(f"{notice}." for notice in comparison.notices)]


def methods(comparison: Compared) -> list[str]:
    """How the numbers were computed."""
    settings = comparison.settings
    resamples, level = wording.count(settings["resamples"]), f"{100 * settings['confidence']:g}%"
    correction = settings["correction"]
    adjusted = (
        "p-values are not adjusted for the number of tests."
        if correction == "none"
        else f"p-values are adjusted by {_CORRECTIONS[correction]} within one scenario and measure, means and single "
        "languages apart; nothing is adjusted across measures and scenarios."
    )
    units = drawn(settings) or "questions, translations counted together"
    together = "all translations of a question"
    if settings.get("resample") == "cluster":
        together = "all questions that share an answer, translations included"
    of_gaps = "a difference of two means: it has an interval, but no test and no counts by query."
    return [
        "Differences are after minus before, over the queries for which both values are defined. Means over languages "
        "are plain means.",
        f"Intervals of differences: {level}, over {units}. They are not adjusted for their number.",
        f"p: two-sided paired permutation test of the mean difference, {resamples} random sign patterns, one sign for "
        f"{together}; the smallest possible p is {1 / (settings['resamples'] + 1):.1g}. {adjusted}",
        "d_z: mean difference over its standard deviation, both over questions. Better, worse, equal: numbers of "
        "queries.",
        *(f"{wording.display(name)} is {of_gaps}" for name in settings["measures"] if name.startswith("LanguageGap")),
    ]
