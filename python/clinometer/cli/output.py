"""Output of results: a table or JSON on standard output, and files in a folder; nothing that a terminal obeys."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, TextIO, cast

from clinometer.analysis import EXAMPLES
from clinometer.errors import UsageError, printable
from clinometer.evaluation.results import Evaluation

__all__ = ["check_folder", "harmless_output", "tell_figures", "write"]

# Line ends, tabs, and what bars use: the start of the line, and one line up.
_OWN = re.compile(r"(\n|\t|\r|\x1b\[A)")


class _Harmless:
    """A stream to which texts of files and servers are written so that a terminal only shows them."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        if not text.isprintable():
            text = "".join(part if _OWN.fullmatch(part) else printable(part) for part in _OWN.split(text))
        return self._stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def harmless_output() -> Iterator[None]:
    """Both standard streams, in which control characters are written as escapes."""
    out, err = cast("TextIO", _Harmless(sys.stdout)), cast("TextIO", _Harmless(sys.stderr))
    with redirect_stdout(out), redirect_stderr(err):
        yield


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
