"""The command line. Results go to standard output, progress and complaints to standard error.

Exit codes: 0 it worked, 1 the run failed or a check did not hold, 2 the command was not understood. A user's mistake is
one sentence, never a traceback.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable
from functools import wraps
from importlib.metadata import version
from typing import Annotated, Any, NoReturn

import typer

from clinometer.cli.check import check
from clinometer.cli.compare import compare
from clinometer.cli.convert import convert
from clinometer.cli.correct import correct
from clinometer.cli.encode import encode
from clinometer.cli.evaluate import demo, evaluate
from clinometer.cli.exchange import export, import_
from clinometer.cli.geometry import geometry
from clinometer.cli.plan import plan
from clinometer.cli.report import report
from clinometer.cli.scan import scan
from clinometer.cli.store import info, merge, verify
from clinometer.cli.train import train
from clinometer.errors import ClinometerError, UsageError

__all__ = ["app", "main"]

app = typer.Typer(
    name="clinometer",
    help="Measure how far a multilingual retriever leans towards one language of a mixed-language pool.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _courteous(command: Callable[..., None]) -> Callable[..., None]:
    """The command, with a sentence and an exit code for whatever its user can cause."""

    @wraps(command)
    def run(*arguments: Any, **options: Any) -> None:
        try:
            command(*arguments, **options)
        except UsageError as error:
            _complain(error, 2)
        except (ClinometerError, OSError) as error:
            _complain(error, 1)
        except KeyboardInterrupt:
            _complain("interrupted", 130)

    return run


def _complain(problem: object, code: int) -> NoReturn:
    if isinstance(problem, OSError) and problem.strerror and problem.filename is not None:
        # The system's own words, without its error number.
        full = problem.errno in (errno.ENOSPC, errno.EDQUOT)
        mend = "make room and run the same command again" if full else "check the path"
        problem = f"{problem.filename}: {problem.strerror}; {mend}"
    sys.stderr.write(f"clinometer: {problem}\n")
    raise typer.Exit(code)


for _command in (
    check, compare, convert, correct, demo, encode, evaluate, geometry, plan, report, scan, train,
):  # fmt: skip
    app.command()(_courteous(_command))

_store = typer.Typer(
    name="store", help="Look into stored embeddings, check, join, export and import them.", no_args_is_help=True
)
for _part in (info, merge, verify, export):
    _store.command()(_courteous(_part))
_store.command("import")(_courteous(import_))
app.add_typer(_store)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"clinometer {version('clinometer')}")
        raise typer.Exit


@app.callback()
def _options(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    pass


def _hush(arguments: list[str], terminal: bool) -> None:
    """Libraries draw bars of their own; where ours are not wanted, theirs are not either."""
    if "--no-progress" in arguments or not (terminal or "--progress" in arguments):
        for name in ("HF_HUB_DISABLE_PROGRESS_BARS", "HF_DATASETS_DISABLE_PROGRESS_BARS"):
            os.environ.setdefault(name, "1")


def main() -> None:
    """Run the command line and exit with its code."""
    _hush(sys.argv, sys.stderr.isatty())
    app()
