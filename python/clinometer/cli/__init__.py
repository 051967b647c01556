"""The command line. Results go to standard output, progress and errors to standard error.

Exit codes: 0 success, 1 the run failed or a check did not hold, 2 wrong usage. A user's mistake yields one sentence,
never a traceback.
"""

from __future__ import annotations

import errno
import inspect
import os
import sys
import warnings
from collections.abc import Callable
from functools import wraps
from importlib.metadata import version
from textwrap import dedent
from typing import Annotated, Any, NoReturn

import typer

from clinometer.cli.check import check
from clinometer.cli.compare import compare
from clinometer.cli.convert import convert
from clinometer.cli.correct import correct
from clinometer.cli.encode import encode
from clinometer.cli.evaluate import demo, evaluate
from clinometer.cli.exchange import export, import_
from clinometer.cli.expansion import expand
from clinometer.cli.geometry import geometry
from clinometer.cli.help import WIDTH, GroupedCommand, GroupedCommands
from clinometer.cli.plan import plan
from clinometer.cli.report import report
from clinometer.cli.scan import scan
from clinometer.cli.store import info, merge, verify
from clinometer.cli.train import train
from clinometer.errors import ClinometerError, ClinometerWarning, UsageError

__all__ = ["app", "main"]

_COMMANDS: dict[str, tuple[Callable[..., None], ...]] = {
    "Measure": (demo, evaluate, geometry, report, compare, check),
    "Straighten": (correct, train),
    "Large collections": (encode, scan, plan, convert),
}
"""The commands by heading, as in the README; `store`, which has subcommands, comes after `encode`."""

_ORDER = [command.__name__ for commands in _COMMANDS.values() for command in commands]
_ORDER.insert(_ORDER.index("encode") + 1, "store")


class _InOrder(GroupedCommands):
    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002
        return _ORDER


app = typer.Typer(
    name="clinometer",
    help="Measure how far a multilingual retriever leans towards one language of a mixed-language pool.",
    cls=_InOrder,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": WIDTH},
)


def _with_errors_reported(command: Callable[..., None]) -> Callable[..., None]:
    """The command, with a sentence and an exit code for every error that a user can cause."""

    @wraps(command)
    def run(*arguments: Any, **options: Any) -> None:
        try:
            command(*arguments, **options)
        except UsageError as error:
            _fail(error, 2)
        except (ClinometerError, OSError) as error:
            _fail(error, 1)
        except KeyboardInterrupt:
            _fail("interrupted", 130)

    return run


def _fail(problem: object, code: int) -> NoReturn:
    if isinstance(problem, OSError) and problem.strerror and problem.filename is not None:
        # The system's own words, without its error number.
        full = problem.errno in (errno.ENOSPC, errno.EDQUOT)
        fix = "free some space and run the same command again" if full else "check the path"
        problem = f"{problem.filename}: {problem.strerror}; {fix}"
    sys.stderr.write(f"clinometer: {problem}\n")
    raise typer.Exit(code)


def _add(group: typer.Typer, command: Callable[..., None], name: str, heading: str | None = None) -> None:
    """A command whose docstring is its help, up to `Example:`."""
    text, _, example = inspect.cleandoc(command.__doc__ or "").partition("\n\nExample:\n")
    group.command(
        name, cls=GroupedCommand, help=text, epilog=dedent(example), rich_help_panel=heading
    )(_with_errors_reported(expand(command)))  # fmt: skip


for _heading, _commands in _COMMANDS.items():
    for _command in _commands:
        _add(app, _command, _command.__name__, _heading)

_store = typer.Typer(
    name="store",
    help="Inspect, check, join, export and import stored embeddings.",
    cls=GroupedCommands,
    no_args_is_help=True,
    rich_markup_mode=None,
)
for _part in (info, verify, merge, export, import_):
    _add(_store, _part, _part.__name__.rstrip("_"))
app.add_typer(_store, rich_help_panel="Large collections")


def _show_version(version_requested: bool) -> None:
    if version_requested:
        typer.echo(f"clinometer {version('clinometer')}")
        raise typer.Exit


@app.callback()
def _options(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Version of clinometer.")
    ] = False,
) -> None:
    pass


def _silence_libraries(arguments: list[str], terminal: bool) -> None:
    """Turn off the bars of libraries if ours are off, and warnings as Python writes them if we write them ourselves."""
    warnings.filterwarnings("ignore", category=ClinometerWarning)
    if "--no-progress" in arguments or not (terminal or "--progress" in arguments):
        for name in ("HF_HUB_DISABLE_PROGRESS_BARS", "HF_DATASETS_DISABLE_PROGRESS_BARS"):
            os.environ.setdefault(name, "1")


def main() -> None:
    """Run the command line and exit with its code."""
    _silence_libraries(sys.argv, sys.stderr.isatty())
    app(prog_name="clinometer")
