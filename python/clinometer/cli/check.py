"""`clinometer check`: exit code 1 if results do not meet conditions, for continuous integration."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clinometer.cli.config import options_of_file
from clinometer.cli.earlier import Force, refuse_other_page
from clinometer.cli.expansion import OptionGroup, option, options_set, output_option
from clinometer.cli.forms import Form, form_of, printed_form
from clinometer.cli.option_groups import Json
from clinometer.cli.terminal import Verbose, fitted
from clinometer.errors import ClinometerError, UsageError

if TYPE_CHECKING:
    from clinometer.evaluation.results import Evaluation

__all__ = ["check"]

Conditions = list[str] | None

_ROWS = 5
"""Rows that fail of one condition in short output."""


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
    paired: Annotated[
        bool,
        option(None, "Failure of drops and rises only beyond chance, by a paired test of the two results.", "--paired"),
    ] = False
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
    form: Form = None,
    json: Json = False,
    output: Annotated[
        list[Path] | None,
        output_option("FILE", "File for the outcome: .md, .xml (JUnit), .txt or .json; can be repeated."),
    ] = None,
    verbose: Verbose = False,
    force: Force = False,
) -> None:  # fmt: skip
    """Check results against conditions: exit code 0 if all hold, 1 if one does not, 2 if one cannot be checked.

    With --schema, check instead that the files are results of the documented format.

    Example:
        clinometer check results/mine \\
            --max 'Intrusion[one-sided,de]=0.10'
    """
    if schema:
        if unused := options_set(bounds) + ["--format"] * (form is not None) + ["--output"] * bool(output):
            raise UsageError(f"--schema checks files, not conditions; leave out {', '.join(unused)}")
        _check_schema(results, json)
        return
    printed = printed_form(form, json=json)
    files = output or []
    for path in files:
        if form_of(path) is None:
            raise UsageError(f"{path.name}: an outcome is .md, .xml, .txt or .json; use a name that ends so")
    from clinometer.comparison.conditions import check_results, read_conditions
    from clinometer.comparison.gate import Gate
    from clinometer.files import written_together, written_whole

    texts_of_kind = {"max": bounds.largest, "min": bounds.least, "max-drop": bounds.drop, "max-rise": bounds.rise}
    conditions, problems = [], []
    for kind, texts in texts_of_kind.items():
        try:
            conditions += read_conditions(kind, texts or [])  # type: ignore[arg-type]
        except ClinometerError as error:
            problems.append(str(error))
    if problems:
        raise UsageError("; ".join(problems))
    evaluation = _read(results, per_query=bounds.paired)
    baseline = None if bounds.baseline is None else _read(bounds.baseline, per_query=bounds.paired)
    verdicts = check_results(
        evaluation, conditions, baseline=baseline, use_bound=bounds.use_bound, paired=bounds.paired
    )
    gate = Gate(evaluation, verdicts, baseline, bounds.paired, options_of_file())
    forms = {"text": gate.to_text, "markdown": gate.to_markdown, "junit": gate.to_junit, "json": gate.to_json}
    for path in files:
        refuse_other_page(path, [gate.title], force=force)
    with written_together():
        for path in files:
            kind = str(form_of(path))
            path.parent.mkdir(parents=True, exist_ok=True)
            with written_whole(path) as file:
                file.write(((f"{gate.title}\n" if kind == "text" else "") + forms[kind]()).encode())
    sys.stderr.write("".join(f"wrote {path}\n" for path in files))
    short = form is None and not json and not verbose
    sys.stdout.write(fitted(gate.to_text(_ROWS), " " * 9) if short else forms[printed]())
    if not gate.holds:
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


def _read(path: Path, *, per_query: bool) -> Evaluation:
    from clinometer.evaluation.results import Evaluation

    folder = path.parent if path.name == "results.json" and not path.is_dir() else path
    if per_query:
        return Evaluation.from_folder(folder)
    return Evaluation.from_json(path / "results.json" if path.is_dir() else path)
