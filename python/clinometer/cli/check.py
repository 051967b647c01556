"""`clinometer check`: exit code 1 if results do not meet conditions, for continuous integration."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

__all__ = ["check"]

Conditions = list[str] | None


def check(
    results: Annotated[Path, typer.Argument(metavar="RESULTS", help="results.json, or its folder.")],
    largest: Annotated[
        Conditions,
        typer.Option("--max", metavar="CONDITION", help="No more than this: 'Intrusion[one-sided,de]=0.10'."),
    ] = None,
    least: Annotated[
        Conditions, typer.Option("--min", metavar="CONDITION", help="No less than this: 'Complete@10[multi]=80'.")
    ] = None,
    drop: Annotated[
        Conditions,
        typer.Option("--max-drop", metavar="CONDITION", help="No further below the baseline: 'nDCG@10=0.01'."),
    ] = None,
    rise: Annotated[
        Conditions, typer.Option("--max-rise", metavar="CONDITION", help="No further above the baseline: 'MaxR=2'.")
    ] = None,
    baseline: Annotated[
        Path | None, typer.Option(metavar="RESULTS", help="What drops and rises are counted from.")
    ] = None,
    use_bound: Annotated[
        bool,
        typer.Option("--use-bound", help="Hold the interval's pessimistic end against --max and --min, not the value."),
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")] = False,
) -> None:
    """Hold results against conditions: exit code 0 if all hold, 1 if one does not, 2 if one cannot be checked."""
    from clinometer.comparison.conditions import check_results, read_conditions
    from clinometer.errors import ClinometerError, UsageError
    from clinometer.evaluation.results import Evaluation
    from clinometer.files import json_bytes

    conditions, problems = [], []
    for kind, texts in (("max", largest), ("min", least), ("max-drop", drop), ("max-rise", rise)):
        try:
            conditions += read_conditions(kind, texts or [])  # type: ignore[arg-type]
        except ClinometerError as error:
            problems.append(str(error))
    if problems:
        raise UsageError("; ".join(problems))
    found, before = (
        None if path is None else Evaluation.from_json(path / "results.json" if path.is_dir() else path)
        for path in (results, baseline)
    )
    assert found is not None  # noqa: S101 - the argument is required
    verdicts = check_results(found, conditions, baseline=before, use_bound=use_bound)
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


def _sentence(row: dict[str, Any]) -> str:
    place = f"{row['scenario']}, questions in {row['query_language']}, pool {'+'.join(row['pool_languages'])}"
    if row["value"] is None:
        return f"{place}: not defined"
    interval = "" if row["ci_low"] is None else f" ({row['ci_low']:.4g} to {row['ci_high']:.4g})"
    said = f"{place}: {row['value']:.4g}{interval}"
    if "baseline" not in row:
        return said
    before = "not defined" if row["baseline"] is None else f"{row['baseline']:.4g}"
    return f"{said}, in the baseline {before}"
