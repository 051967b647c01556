"""Output of results: files in a folder, and where they are."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clinometer.errors import MissingExtraError
from clinometer.files import withdraw, written_together

if TYPE_CHECKING:
    from clinometer.evaluation.results import Evaluation

__all__ = ["check_folder", "report_of", "tell_figures", "tell_files", "tell_logged", "write", "write_pages"]


def check_folder(folder: Path, *, figures: bool = False) -> None:
    """Check, before the work, that the folder can hold results, or figures, which need an extra."""
    from clinometer.files import check_folder as check
    from clinometer.report import require_extra

    check(folder)
    if figures:
        require_extra("figures", "matplotlib")
    folder.mkdir(parents=True, exist_ok=True)


def write(evaluation: Evaluation, folder: Path) -> None:
    """Write the values per query, the reports, and `results.json`, which is the last: if it exists, all files do.

    Without the extra `report` there is no HTML report, and a sentence says what brings it.
    """
    from clinometer.analysis import EXAMPLES

    names = ["results.json", "per_query.jsonl.gz", *([EXAMPLES] if evaluation.examples else []), "report.md"]
    with written_together():
        # Files of an earlier run must not be next to files of this one.
        withdraw(folder / "results.json")
        evaluation.report(folder / "report.md")
        pages, note = write_pages(folder, {"report.html": evaluation.report})
        evaluation.to_folder(folder)
    tell_files([*names, *pages], folder, note)


def write_pages(folder: Path, writers: Mapping[str, Callable[[Path], Any]]) -> tuple[list[str], str]:
    """Write HTML pages, each by its writer; returns the names of those written, and a note.

    Without the extra `report` there are none, those of an earlier run go, and the note says what brings them.
    """
    try:
        for name, write_page in writers.items():
            write_page(folder / name)
    except MissingExtraError as error:
        for name in writers:
            withdraw(folder / name)
        return [], f"note: {error}\n"
    return list(writers), ""


def tell_files(names: Sequence[str], folder: Path, note: str) -> None:
    """Print the names of the written files, and the note of `write_pages`."""
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


def tell_logged(log_to: str) -> None:
    """Print which tracker has the results."""
    sys.stderr.write(f"logged to {log_to}\n")
