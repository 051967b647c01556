"""`clinometer report`: results of one or several encoders next to each other."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from clinometer.cli.expansion import output_option
from clinometer.cli.option_groups import Figures
from clinometer.cli.output import check_folder, tell_figures
from clinometer.cli.terminal import Verbose, show, terminal

__all__ = ["report"]


def report(
    results: Annotated[list[Path], typer.Argument(metavar="RESULTS...", help="Files results.json, or their folders.")],
    output: Annotated[Path | None, output_option("FILE", "File for the report, .html or .md.")] = None,
    figures: Figures = None,
    verbose: Verbose = False,
) -> None:
    """Draw a report from results, and print the finding with one table.

    Example:
        clinometer report results/mine results/other \\
            -o report.html
    """
    from clinometer.evaluation.results import Evaluation
    from clinometer.report import draw_figures, plain_report, write_report

    if figures is not None:
        check_folder(figures, figures=True)
    files = [path / "results.json" if path.is_dir() else path for path in results]
    evaluations = [Evaluation.from_json(path).with_examples(path.parent).for_report() for path in files]
    if figures is not None:
        tell_figures(draw_figures(evaluations, figures))
    if output is not None:
        write_report(evaluations, output)
        sys.stderr.write(f"wrote {output}\n")
    show(plain_report(evaluations, terminal(), verbose=verbose) + "\n")
    sys.stdout.write(f"Report: {output}\n" if output is not None else "-o report.html writes the report as a page.\n")
