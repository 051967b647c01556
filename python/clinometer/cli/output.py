"""Output of results: a table or JSON on standard output, and files in a folder."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from clinometer.analysis import EXAMPLES
from clinometer.errors import UsageError
from clinometer.evaluation.results import Evaluation

__all__ = ["check_folder", "tell_figures", "write"]


def check_folder(folder: Path) -> None:
    """Check, before the work, that the folder can hold results, and that reports can be drawn."""
    from clinometer.report import require_extra

    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file; give a folder for the results")
    require_extra()
    folder.mkdir(parents=True, exist_ok=True)


def write(evaluation: Evaluation, folder: Path) -> None:
    """Write the values per query, both reports, and last `results.json`: if it exists, all files do."""
    # Results of an earlier run must not be next to files of this one.
    (folder / "results.json").unlink(missing_ok=True)
    evaluation.report(folder / "report.md")
    evaluation.report(folder / "report.html")
    evaluation.to_folder(folder)
    examples = f"{EXAMPLES}, " if evaluation.examples else ""
    sys.stderr.write(f"wrote results.json, per_query.jsonl.gz, {examples}report.html and report.md to {folder}\n")


def tell_figures(paths: Sequence[Path]) -> None:
    """Print the names of the written figures."""
    names = ", ".join(path.name for path in paths)
    sys.stderr.write(f"wrote {names} to {paths[0].parent}\n" if paths else "the results have no values for a figure\n")
