"""`clinometer check`: exit code 1 if results do not meet conditions, for continuous integration."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from clinometer.cli.expansion import OptionGroup, option, options_set
from clinometer.cli.option_groups import Json
from clinometer.errors import ClinometerError, UsageError

__all__ = ["check"]

Conditions = list[str] | None


@dataclass(frozen=True)
class _Conditions(OptionGroup):
    panel = "Conditions"

    largest: Annotated[Conditions, option("CONDITION", "Upper bound: 'Intrusion[one-sided,de]=0.10'.", "--max")] = None
    least: Annotated[Conditions, option("CONDITION", "Lower bound: 'Complete@10[multi]=80'.", "--min")] = None
    drop: Annotated[
        Conditions, option("CONDITION", "Largest drop below the baseline: 'nDCG@10=0.01'.", "--max-drop")
    ] = None
    rise: Annotated[Conditions, option("CONDITION", "Largest rise above the baseline: 'MaxR=2'.", "--max-rise")] = None
    baseline: Annotated[Path | None, option("RESULTS", "Results that drops and rises are measured from.")] = None
    use_bound: Annotated[
        bool, option(None, "Pessimistic end of the interval, not the value, for --max and --min.", "--use-bound")
    ] = False


def check(
    results: Annotated[Path, typer.Argument(metavar="RESULTS", help="File results.json, or its folder.")],
    bounds: _Conditions,
    schema: Annotated[
        bool, option(None, "Check of the files themselves, also of a whole study, before others get them.", "--schema",
                     panel="Format")
    ] = False,
    json: Json = False,
) -> None:  # fmt: skip
    """Check results against conditions: exit code 0 if all hold, 1 if one does not, 2 if one cannot be checked.

    With --schema, check instead that the files are results of the documented format.

    Example:
        clinometer check results/mine --max 'Intrusion[one-sided,de]=0.10'
    """
    if schema:
        if unused := options_set(bounds):
            raise UsageError(f"--schema checks files, not conditions; leave out {', '.join(unused)}")
        _check_schema(results, json)
        return
    from clinometer.comparison.conditions import check_results, read_conditions
    from clinometer.evaluation.results import Evaluation
    from clinometer.files import json_bytes

    texts_of_kind = {"max": bounds.largest, "min": bounds.least, "max-drop": bounds.drop, "max-rise": bounds.rise}
    conditions, problems = [], []
    for kind, texts in texts_of_kind.items():
        try:
            conditions += read_conditions(kind, texts or [])  # type: ignore[arg-type]
        except ClinometerError as error:
            problems.append(str(error))
    if problems:
        raise UsageError("; ".join(problems))
    evaluation, baseline = (
        None if path is None else Evaluation.from_json(path / "results.json" if path.is_dir() else path)
        for path in (results, bounds.baseline)
    )
    assert evaluation is not None  # noqa: S101 - the argument is required
    verdicts = check_results(evaluation, conditions, baseline=baseline, use_bound=bounds.use_bound)
    holds = all(verdict.holds for verdict in verdicts)
    if json:
        outcome = {"holds": holds, "conditions": [verdict.to_dict() for verdict in verdicts]}
        sys.stdout.write(json_bytes(outcome).decode())
    else:
        for verdict in verdicts:
            rows = f"{verdict.rows} row{'' if verdict.rows == 1 else 's'}"
            state = "ok   " if verdict.holds else "FAIL "
            failed = "" if verdict.holds else f"{len(verdict.failures)} of "
            sys.stdout.write(f"{state} {verdict.condition} ({failed}{rows})\n")
            for row in verdict.failures:
                sys.stdout.write(f"       {_sentence(row)}\n")
    if not holds:
        raise typer.Exit(1)


def _check_schema(place: Path, json: bool) -> None:
    from clinometer.evaluation.contract import check_place
    from clinometer.files import json_bytes

    checked = check_place(place)
    holds = not any(problems for _, problems in checked)
    if json:
        files = [{"path": path, "problems": problems} for path, problems in checked]
        sys.stdout.write(json_bytes({"holds": holds, "files": files}).decode())
    else:
        for path, problems in checked:
            sys.stdout.write(f"{'FAIL ' if problems else 'ok   '} {path}\n")
            sys.stdout.writelines(f"       {problem}\n" for problem in problems)
    if not holds:
        raise typer.Exit(1)


def _sentence(row: dict[str, Any]) -> str:
    setting = f"{row['scenario']}, questions in {row['query_language']}, pool {'+'.join(row['pool_languages'])}"
    if row["value"] is None:
        return f"{setting}: not defined"
    interval = "" if row["ci_low"] is None else f" ({row['ci_low']:.4g} to {row['ci_high']:.4g})"
    value = f"{setting}: {row['value']:.4g}{interval}"
    if "baseline" not in row:
        return value
    before = "not defined" if row["baseline"] is None else f"{row['baseline']:.4g}"
    return f"{value}, in the baseline {before}"
