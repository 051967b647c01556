"""Figures for a training log: flat names and numbers from the rows of an evaluation.

A name is `scenario_who_measure`, where who is a query language or a mean over query languages. Every mean is present,
even over a single language.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from clinometer.errors import LanguageError, UsageError
from clinometer.languages import canonical
from clinometer.measures import Measure, parse

__all__ = ["BALANCE", "CORRECTED", "Criterion", "criterion_key", "metric_name", "metrics_of", "primary_value"]

Criterion = str | Callable[[Mapping[str, float]], float]

BALANCE = "balance"
CORRECTED = "corrected"
_CALLED = "primary"
_MEANS = ("macro", "macro-target", "macro-pivot")
# Parts of the balance, and the value at which each is perfect.
_BALANCED = {("multi", "MaxRnorm"): 100.0, ("mono-same", "nDCG@10"): 1.0}
# Trackers split names at slashes or refuse brackets; sentence-transformers uses the remaining characters as well.
_SPELLED = str.maketrans({"(": "-", "=": "-", ")": "", ",": "", " ": "", "/": "-"})


def metric_name(scenario: str, who: str, measure: str) -> str:
    """The name of a figure.

    Example:
        >>> metric_name("multi", "macro-target", "Complete@10"), metric_name("multi", "de", "Intrusion(by=own)")
        ('multi_macro-target_Complete@10', 'multi_de_Intrusion-by-own')
    """
    return f"{scenario}_{who}_{measure.translate(_SPELLED)}"


def metrics_of(rows: Sequence[Mapping[str, Any]], pivot: str) -> dict[str, float]:
    """The figures of an evaluation's rows, in their order: means first, then languages, then `balance`.

    A mean (`macro`, `macro-target`, `macro-pivot`) that the rows lack is the value of the single language. Query
    languages with several pools, such as the pivot in `multi`, only appear as a mean. Undefined values are left out.
    `balance` is `sqrt(multi macro MaxRnorm / 100 * mono-same macro nDCG@10)`, 0 to 1, if both are defined.

    Args:
        rows: `Evaluation.rows`.
        pivot: The pivot of that evaluation.
    """
    grouped: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for row in rows:
        grouped.setdefault((row["scenario"], row["measure"]), []).append(row)
    values: dict[str, float | None] = {}
    for (scenario, measure), group_rows in grouped.items():
        means = {row["query_language"]: row["value"] for row in group_rows if row["query_language"] in _MEANS}
        of_language = [
            (row["query_language"], row["value"]) for row in group_rows if row["query_language"] not in _MEANS
        ]
        members = {
            "macro": of_language,
            "macro-target": [part for part in of_language if part[0] != pivot],
            "macro-pivot": [part for part in of_language if part[0] == pivot],
        }
        # A gap is between the pivot and a target, and is counted for the target.
        for mean in ("macro-target",) if measure.startswith("LanguageGap") else _MEANS:
            if mean in means:
                values[metric_name(scenario, mean, measure)] = means[mean]
            elif len(members[mean]) == 1:
                values[metric_name(scenario, mean, measure)] = members[mean][0][1]
        labels = [label for label, _ in of_language]
        values |= {
            metric_name(scenario, label, measure): value for label, value in of_language if labels.count(label) == 1
        }
    metrics = {name: float(value) for name, value in values.items() if value is not None}
    shares = [metrics.get(metric_name(where, "macro", what), -1.0) / best for (where, what), best in _BALANCED.items()]
    if min(shares) >= 0:
        metrics[BALANCE] = math.sqrt(math.prod(shares))
    return metrics


def criterion_key(
    primary: Criterion,
    *,
    scenarios: Sequence[str],
    measures: Sequence[Measure],
    languages: Sequence[str],
    corrected: bool,
) -> str:
    """The name of the figure by which checkpoints are chosen.

    Raises:
        UsageError: It is not among the figures, or larger values of it are not better.
        LanguageError: Its language is not among the languages.
    """
    if callable(primary):
        return _CALLED
    if not isinstance(primary, str):
        raise UsageError(f"primary is {primary!r}, but must be a string or a function of the metrics")
    parts = primary.split("/")
    prefix = ""
    if parts[0] == CORRECTED:
        if not corrected:
            raise UsageError(f"primary is {primary!r}, but corrected is False; set corrected=True")
        prefix, parts = f"{CORRECTED}_", parts[1:]
    if parts == [BALANCE]:
        names = [str(measure) for measure in measures]
        missing = [
            name
            for where, reason in _BALANCED
            for name in ((where,) if where not in scenarios else ()) + ((reason,) if reason not in names else ())
        ]
        if missing:
            raise UsageError(
                f"primary is {primary!r}, which needs {', '.join(missing)} as well; add it to the scenarios or "
                "measures, or choose another primary, such as 'multi/macro-target/Complete@10'"
            )
        return prefix + BALANCE
    if len(parts) != 3:
        raise UsageError(
            f"primary is {primary!r}, but must be {BALANCE!r}, scenario/language/measure, such as "
            "'multi/macro-target/Complete@10', or a function of the metrics"
        )
    scenario, who, (measure,) = parts[0], parts[1], parse([parts[2]])
    if scenario not in scenarios or measure not in measures:
        raise UsageError(
            f"primary is {primary!r}, but the evaluation has the scenarios {', '.join(scenarios)} and the measures "
            f"{', '.join(map(str, measures))}; add what is missing"
        )
    if not measure.higher_is_better:
        reason = "better when it is smaller" if measure.higher_is_better is False else "neither good nor bad when large"
        raise UsageError(f"primary is {primary!r}, but {measure} is {reason}; choose a measure such as MaxRnorm")
    if who not in _MEANS:
        who = canonical(who)
        if who not in languages:
            raise LanguageError(
                f"primary is {primary!r}, but {who} is not one of {', '.join((*_MEANS, *languages))}; choose another"
            )
    return prefix + metric_name(scenario, who, str(measure))


def primary_value(primary: Criterion, metrics: Mapping[str, float], key: str) -> float:
    """The value by which checkpoints are chosen.

    Raises:
        UsageError: The function does not return a finite number, or the figure is not defined.
    """
    if callable(primary):
        value = primary(dict(metrics))
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            raise UsageError(f"primary returned {value!r} for the metrics, but must return a finite number")
        return float(value)
    if key not in metrics:
        raise UsageError(f"{key} is not defined in this collection, so it cannot be primary; choose another primary")
    return metrics[key]
