"""Output of results: files in a folder, and where they are."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from clinometer.errors import MissingExtraError, UsageError
from clinometer.files import withdraw, written_together

if TYPE_CHECKING:
    from clinometer.evaluation.results import Evaluation

__all__ = ["check_folder", "report_of", "tell_figures", "write"]


def check_folder(folder: Path, *, figures: bool = False) -> None:
    """Check, before the work, that the folder can hold results, or figures, which need an extra."""
    from clinometer.report import require_extra

    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file; give a folder for the results")
    if figures:
        require_extra("figures", "matplotlib")
    folder.mkdir(parents=True, exist_ok=True)


def write(evaluation: Evaluation, folder: Path) -> None:
    """Write the values per query, the reports, and `results.json`, which is the last: if it exists, all files do.

    Without the extra `report` there is no HTML report, and a sentence says what brings it.
    """
    from clinometer.analysis import EXAMPLES

    names = ["results.json", "per_query.jsonl.gz", *([EXAMPLES] if evaluation.examples else []), "report.md"]
    note = ""
    with written_together():
        # Files of an earlier run must not be next to files of this one.
        withdraw(folder / "results.json")
        evaluation.report(folder / "report.md")
        try:
            evaluation.report(folder / "report.html")
            names.append("report.html")
        except MissingExtraError as error:
            withdraw(folder / "report.html")
            note = f"note: {error}\n"
        evaluation.to_folder(folder)
    sys.stderr.write(f"wrote {', '.join(names[:-1])} and {names[-1]} to {folder}\n{note}")


def report_of(folder: Path | None) -> str:
    """The last line of a command with results: where the report is, or what writes one."""
    if folder is None:
        return "Nothing was written; -o DIR writes the report and all values."
    page = folder / "report.html"
    return f"Report: {page if page.exists() else folder / 'report.md'}"


def tell_figures(paths: Sequence[Path]) -> None:
    """Print the names of the written figures."""
    names = ", ".join(path.name for path in paths)
    sys.stderr.write(f"wrote {names} to {paths[0].parent}\n" if paths else "the results have no values for a figure\n")
