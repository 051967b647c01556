"""Where results go: a table or JSON on standard output, and files in a folder."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from clinometer.analysis import EXAMPLES
from clinometer.errors import UsageError
from clinometer.evaluation.results import Evaluation

__all__ = ["check_folder", "show", "tell_figures", "write"]


def check_folder(folder: Path) -> None:
    """Make sure, before the work, that results can be written to a folder and reports drawn."""
    from clinometer.report import require_extra

    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file; give a folder for the results")
    require_extra()
    folder.mkdir(parents=True, exist_ok=True)


def write(evaluation: Evaluation, folder: Path) -> None:
    """Write the values per query, both reports, and last `results.json`: where it exists, all files do."""
    # Results of an earlier run must not lie next to files of this one.
    (folder / "results.json").unlink(missing_ok=True)
    evaluation.report(folder / "report.md")
    evaluation.report(folder / "report.html")
    evaluation.to_folder(folder)
    examples = f"{EXAMPLES}, " if evaluation.examples else ""
    sys.stderr.write(f"wrote results.json, per_query.jsonl.gz, {examples}report.html and report.md to {folder}\n")


def tell_figures(paths: Sequence[Path]) -> None:
    """Name the files of figures that were written."""
    names = ", ".join(path.name for path in paths)
    sys.stderr.write(f"wrote {names} to {paths[0].parent}\n" if paths else "the results have nothing for a figure\n")


def show(evaluation: Evaluation, json: bool) -> None:
    """Print the results."""
    from clinometer.report import plain_report

    sys.stdout.write(evaluation.to_json() if json else plain_report([evaluation.to_dict()]) + "\n")
