"""Conditions that results must meet, such as the limit `Intrusion[one-sided,de]=0.10`, and whether they do.

A condition is about rows of results. One that matches no row is refused: a misspelt gate would let everything pass.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from clinometer.errors import ClinometerError, UsageError
from clinometer.evaluation.results import Evaluation
from clinometer.languages import canonical
from clinometer.measures import parse
from clinometer.numerals import read_number
from clinometer.scenarios import SCENARIOS
from clinometer.scenarios.options import COMPARED_SETTINGS
from clinometer.suggestions import one_of

__all__ = ["Condition", "Kind", "Verdict", "check_results", "read_conditions"]

Kind = Literal["max", "min", "max-drop", "max-rise"]

_FORM = re.compile(r"(?P<measure>[^\[\]]+?)(?:\[(?P<place>[^\[\]]*)\])?\s*=\s*(?P<limit>[^=\[\]]+)")
_MEANS = ("macro", "macro-target", "macro-pivot")


@dataclass(frozen=True)
class Condition:
    """A condition on the rows of one measure.

    Args:
        kind: Kind of the limit: `max` or `min` for a value, `max-drop` or `max-rise` for its distance below or above
            the value of a baseline.
        measure: Name of the measure, in canonical spelling.
        limit: Limit that may be reached but not passed.
        scenario: Scenario of the rows; None for all.
        query_language: Query language or mean of the rows; None for all.
        pool_languages: Pool of the rows; None for all.
    """

    kind: Kind
    measure: str
    limit: float
    scenario: str | None = None
    query_language: str | None = None
    pool_languages: tuple[str, ...] | None = None

    def __str__(self) -> str:
        pool = "+".join(self.pool_languages) if self.pool_languages else None
        place = ",".join(part for part in (self.scenario, self.query_language, pool) if part)
        return f"--{self.kind} {self.measure}{f'[{place}]' if place else ''}={self.limit:g}"

    @property
    def relative(self) -> bool:
        """Whether it is about the distance from a baseline."""
        return self.kind in ("max-drop", "max-rise")

    def met(self, value: float | None) -> bool:
        """Whether a number meets the limit; one that is not defined does not."""
        if value is None:
            return False
        return value >= self.limit if self.kind == "min" else value <= self.limit

    def fits(self, row: dict[str, Any]) -> bool:
        """Whether the condition is about a row of results."""
        return (
            row["measure"] == self.measure
            and self.scenario in (None, row["scenario"])
            and self.query_language in (None, row["query_language"])
            and (self.pool_languages is None or set(self.pool_languages) == set(row["pool_languages"]))
        )


@dataclass(frozen=True)
class Verdict:
    """The outcome of a condition.

    Args:
        condition: The condition.
        checked: Rows that it is about, with `compared` (the number compared with the limit, None where the measure is
            not defined), `holds`, and, for drops and rises, `baseline`; from a paired test also `p` (adjusted), and
            `change_low` and `change_high`, the interval of the difference after minus before.
    """

    condition: Condition
    checked: list[dict[str, Any]]

    @property
    def rows(self) -> int:
        """Number of rows that the condition is about."""
        return len(self.checked)

    @property
    def failures(self) -> list[dict[str, Any]]:
        """Rows that do not meet the condition, without `holds`."""
        return [
            {name: value for name, value in row.items() if name != "holds"} for row in self.checked if not row["holds"]
        ]

    @property
    def holds(self) -> bool:
        """Whether every row meets the condition."""
        return all(row["holds"] for row in self.checked)

    @property
    def worst(self) -> dict[str, Any]:
        """The row that fails by the most or, if none fails, is nearest to the limit."""
        sign = 1 if self.condition.kind == "min" else -1

        def margin(row: dict[str, Any]) -> tuple[bool, float]:
            compared = row["compared"]
            return row["holds"], -math.inf if compared is None else sign * (compared - self.condition.limit)

        return min(self.checked, key=margin)

    def to_dict(self) -> dict[str, Any]:
        """All fields, for JSON."""
        condition = str(self.condition)
        return {"condition": condition, "rows": self.rows, "holds": self.holds, "failures": self.failures}


def read_conditions(kind: Kind, texts: Iterable[str]) -> list[Condition]:
    """Conditions from their text: `MEASURE=LIMIT` or `MEASURE[SCENARIO,QUERY-LANGUAGE,POOL]=LIMIT`.

    Parts in brackets may be left out from the end. A query language may be `macro`, `macro-target` or `macro-pivot`; a
    pool is written `en+de`.

    Raises:
        UsageError: Some conditions cannot be read; the error names all of them.

    Example:
        >>> [condition] = read_conditions("max", ["Intrusion[one-sided,deu_Latn]=0.10"])
        >>> condition.measure, condition.scenario, condition.query_language, condition.limit
        ('Intrusion', 'one-sided', 'de', 0.1)
        >>> read_conditions("max", ["Intrusion<0.1"])
        Traceback (most recent call last):
        clinometer.errors.UsageError: --max Intrusion<0.1: expected MEASURE[SCENARIO,QUERY-LANGUAGE]=LIMIT, such as ...
    """
    conditions: list[Condition] = []
    problems: list[str] = []
    for text in texts:
        try:
            conditions.append(_read(kind, text))
        except ClinometerError as error:
            problems.append(f"--{kind} {text}: {error}")
    if problems:
        raise UsageError("; ".join(problems))
    return conditions


def _read(kind: Kind, text: str) -> Condition:
    match = _FORM.fullmatch(text.strip())
    if match is None:
        raise UsageError(
            "expected MEASURE[SCENARIO,QUERY-LANGUAGE]=LIMIT, such as 'Intrusion[one-sided,de]=0.10' or 'RR=0.5'"
        )
    (measure,) = parse([match["measure"]])
    try:
        limit = read_number(match["limit"].strip())
    except ValueError:
        limit = math.nan
    if not math.isfinite(limit):
        raise UsageError(f"the limit is {match['limit']!r}, but must be a number")
    if kind.startswith("max-") and limit < 0:
        raise UsageError(f"the limit is {limit:g}, but cannot be negative")
    places = [part.strip() for part in (match["place"] or "").split(",") if part.strip()]
    if len(places) > 3:
        raise UsageError("the brackets take at most a scenario, a query language and a pool")
    padded: list[str | None] = [*places, *[None] * (3 - len(places))]
    scenario, language, pool = padded
    if scenario is not None and scenario not in SCENARIOS:
        raise UsageError(f"unknown scenario {scenario!r}; expected {one_of(scenario, SCENARIOS)}")
    if language is not None and language not in _MEANS:
        language = canonical(language)
    pools = None if pool is None else tuple(canonical(label) for label in pool.split("+"))
    return Condition(kind, str(measure), limit, scenario, language, pools)


def check_results(
    evaluation: Evaluation,
    conditions: Sequence[Condition],
    *,
    baseline: Evaluation | None = None,
    use_bound: bool = False,
    paired: bool = False,
) -> list[Verdict]:
    """Check whether results meet conditions.

    Args:
        evaluation: Results to check.
        conditions: Conditions, as `read_conditions` returns them.
        baseline: Results that drops and rises are counted from, on the same collection and measured in the same way.
        use_bound: Whether to compare the pessimistic end of the interval with `max` and `min` instead of the value: a
            condition then holds only if it holds surely. Drops and rises are not compared in this way.
        paired: Whether a drop or rise beyond the limit fails only if it is more than chance: if the adjusted p of the
            paired permutation test of `clinometer.comparison.compare` is at most 0.05 (for a language gap, which has no
            test, if the interval of the change excludes 0). Both results must have their values per query.

    Returns:
        One verdict for each condition. A value that is not defined meets no condition.

    Raises:
        UsageError: No conditions, or some that match no row, lack an interval or need another baseline.
    """
    if not conditions:
        raise UsageError("no conditions given; expected at least one, such as --max 'Intrusion[one-sided,de]=0.10'")
    baseline_rows = _baseline_rows(evaluation, conditions, baseline)
    if paired and baseline is None:
        raise UsageError("--paired is for --max-drop and --max-rise; pass one of these with --baseline RESULTS")
    tests = _paired_rows(evaluation, conditions, baseline) if paired and baseline is not None else {}
    problems: list[str] = []
    verdicts: list[Verdict] = []
    for condition in conditions:
        rows = [row for row in evaluation.rows if condition.fits(row)]
        if not rows:
            problems.append(f"{condition} matches no row; {_alternatives(evaluation, condition)}")
            continue
        bounded = use_bound and not condition.relative
        unbounded = [row for row in rows if bounded and row["value"] is not None and row["ci_low"] is None]
        if unbounded:
            problems.append(
                f"{condition}: {_place(unbounded[0])} has no interval; evaluate with --resamples 1000, or leave "
                "out --use-bound"
            )
            continue
        checked = []
        for row in rows:
            before, test = (rows_of_key.get(_key(row)) for rows_of_key in (baseline_rows, tests))
            if condition.relative and before is None:
                problems.append(f"{condition}: the baseline has no row for {_place(row)}; measure it in the same way")
                break
            undefined = row["value"] is None or before is None or before["value"] is None
            if condition.relative and paired and test is None and not undefined:
                problems.append(f"{condition}: {_place(row)} has no values per query to pair; leave out --paired")
                break
            checked.append(_checked(condition, row, before if condition.relative else None, test, bounded))
        verdicts.append(Verdict(condition, checked))
    if problems:
        raise UsageError("; ".join(problems))
    return verdicts


def _checked(
    condition: Condition,
    row: dict[str, Any],
    before: dict[str, Any] | None,
    test: dict[str, Any] | None,
    bounded: bool,
) -> dict[str, Any]:
    """A row with the number that was compared, whether it meets the condition, and what that rests on."""
    if before is None:
        value = _compared(condition, row, None, bounded)
        return {**row, "compared": value, "holds": condition.met(value)}
    if test is None:
        value = _compared(condition, row, before, bounded)
        return {**row, "baseline": before["value"], "compared": value, "holds": condition.met(value)}
    value = -test["difference"] if condition.kind == "max-drop" else test["difference"]
    return {
        **row,
        "baseline": test["before"],
        "p": test["p_adjusted"],
        "change_low": test["ci_low"],
        "change_high": test["ci_high"],
        "compared": value,
        "holds": condition.met(value) or not test["clear"],
    }


def _paired_rows(
    evaluation: Evaluation, conditions: Sequence[Condition], baseline: Evaluation
) -> dict[tuple[Any, ...], dict[str, Any]]:
    """The rows of a comparison of the baseline with the results, for the measures of drops and rises."""
    from clinometer.comparison import compare
    from clinometer.report.comparison.view import View

    # One that the results lack is named by the condition itself.
    measured = {row["measure"] for row in evaluation.rows}
    measures = dict.fromkeys(
        condition.measure for condition in conditions if condition.relative and condition.measure in measured
    )
    if not measures:
        return {}
    comparison = compare(baseline, evaluation, measures=measures, labels=["the baseline", "the results"])
    view = View(comparison, "the results")
    return {_key(row): row | {"clear": view.clear(row)} for row in comparison.rows}


def _compared(condition: Condition, row: dict[str, Any], before: dict[str, Any] | None, bounded: bool) -> float | None:
    value: float | None = row["value"]
    if value is None or (before is not None and before["value"] is None):
        return None
    if before is not None:
        return float(before["value"] - value if condition.kind == "max-drop" else value - before["value"])
    return float(row["ci_high"] if condition.kind == "max" else row["ci_low"]) if bounded else value


def _baseline_rows(
    evaluation: Evaluation, conditions: Sequence[Condition], baseline: Evaluation | None
) -> dict[tuple[Any, ...], dict[str, Any]]:
    counted = [condition for condition in conditions if condition.relative]
    if baseline is None:
        if counted:
            raise UsageError(f"{counted[0]} needs results to compare with; pass them with --baseline RESULTS")
        return {}
    if not counted:
        raise UsageError("--baseline is for --max-drop and --max-rise; pass one of these, or leave it out")
    if baseline.collection.get("digest") != evaluation.collection.get("digest"):
        raise UsageError(
            "the baseline was measured on another collection, or on other languages of it; measure it again"
        )
    for name, default in COMPARED_SETTINGS.items():
        values = [results.settings.get(name, default) for results in (baseline, evaluation)]
        if values[0] != values[1]:
            raise UsageError(
                f"the baseline was measured with {name} {values[0]}, and the results with {values[1]}; evaluate both "
                f"with the same --{name.replace('_', '-')}"
            )
    return {_key(row): row for row in baseline.rows}


def _key(row: dict[str, Any]) -> tuple[Any, ...]:
    return (row["scenario"], row["query_language"], tuple(row["pool_languages"]), row["measure"])


def _place(row: dict[str, Any]) -> str:
    return f"{row['measure']} in {row['scenario']} for {row['query_language']} in {'+'.join(row['pool_languages'])}"


def _alternatives(evaluation: Evaluation, condition: Condition) -> str:
    """The values that the results have for the first part of a condition that they do not have."""
    rows = evaluation.rows
    for name, value in (("measure", condition.measure), ("scenario", condition.scenario)):
        if value is not None:
            matches = [row for row in rows if row[name] == value]
            if not matches:
                names = ", ".join(dict.fromkeys(str(row[name]) for row in rows)) or "none"
                return f"the results have the {name}s {names}"
            rows = matches
    pairs = dict.fromkeys(f"{row['query_language']} in {'+'.join(row['pool_languages'])}" for row in rows)
    return f"the results have {', '.join(list(pairs)[:12])}{', ...' if len(pairs) > 12 else ''}"
