"""`clinometer report`: results of one or several encoders, side by side."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from clinometer.cli.output import check_folder, tell_figures

__all__ = ["report"]


def report(
    results: Annotated[list[Path], typer.Argument(metavar="RESULTS...", help="results.json files, or their folders.")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="report.html or report.md.")
    ] = None,
    figures: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder for every figure, as SVG and PNG.")
    ] = None,
) -> None:
    """Draw a report from results; without -o, print it as a table."""
    from clinometer.evaluation.results import Evaluation
    from clinometer.report import draw_figures, plain_report, write_report

    if figures is not None:
        check_folder(figures)
    files = [path / "results.json" if path.is_dir() else path for path in results]
    found = [Evaluation.from_json(path).with_examples(path.parent).for_report() for path in files]
    if figures is not None:
        tell_figures(draw_figures(found, figures))
    if output is None and figures is not None:
        return
    if output is None:
        sys.stdout.write(plain_report(found) + "\n")
        return
    write_report(found, output)
    sys.stderr.write(f"wrote {output}\n")
