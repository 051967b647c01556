"""`clinometer report`: results of one or several encoders, side by side."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["report"]


def report(
    results: Annotated[list[Path], typer.Argument(metavar="RESULTS...", help="results.json files, or their folders.")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="report.html or report.md.")
    ] = None,
) -> None:
    """Draw a report from results; without -o, print it as a table."""
    from clinometer.report import plain_report, write_report
    from clinometer.results import Evaluation

    found = [Evaluation.from_json(path / "results.json" if path.is_dir() else path).to_dict() for path in results]
    if output is None:
        sys.stdout.write(plain_report(found) + "\n")
        return
    write_report(found, output)
    sys.stderr.write(f"wrote {output}\n")
