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
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from importlib.metadata import version
from textwrap import dedent
from typing import Annotated, Any, NoReturn

import typer

from clinometer.cli.argument_names import option_names, with_options
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
from clinometer.cli.streams import broken, finish, guarded, prepare
from clinometer.cli.train import train
from clinometer.errors import ClinometerError, ClinometerWarning, UsageError, printable

__all__ = ["app", "main"]

_COMMANDS: dict[str, tuple[Callable[..., None], ...]] = {
    "Measure": (demo, evaluate, geometry, report, compare, check),
    "Straighten": (correct, train),
    "Large collections": (encode, scan, plan, convert),
}
"""The commands by heading, as in the README; `store`, which has subcommands, comes after `encode`."""

_ORDER = [command.__name__ for commands in _COMMANDS.values() for command in commands]
_ORDER.insert(_ORDER.index("encode") + 1, "store")


_INTERRUPTED, _UNREAD = 130, 141
"""Exit codes as shells give them to a process that Ctrl-C or the end of its reader ended."""


@contextmanager
def _endings() -> Iterator[None]:
    """Ctrl-C is one line, and output that nobody reads any more no word at all."""
    try:
        yield
    except KeyboardInterrupt:
        _fail("interrupted", _INTERRUPTED)
    except BrokenPipeError as error:
        if not broken():
            _fail(error, 1)
        raise SystemExit(_UNREAD) from None
    except OSError as error:
        _fail(error, 1)


class _InOrder(GroupedCommands):
    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002
        return _ORDER

    def make_context(self, *arguments: Any, **options: Any) -> Any:
        with _endings():
            return super().make_context(*arguments, **options)

    def invoke(self, ctx: Any) -> Any:
        with _endings():
            return super().invoke(ctx)


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
            with guarded():
                command(*arguments, **options)
        except ClinometerError as error:
            _fail(with_options(str(error), option_names(command)), 2 if isinstance(error, UsageError) else 1)
        except MemoryError:
            _fail("not enough memory; choose fewer texts or languages, or a machine with more memory", 1)

    return run


_FULL = (errno.ENOSPC, errno.EDQUOT)


def _fail(problem: object, code: int) -> NoReturn:
    if isinstance(problem, OSError):
        # Where standard output is the file that is full, what it still holds would fail again.
        finish()
    if isinstance(problem, OSError) and problem.strerror:
        # The system's own words, without its error number.
        fix = "check the path"
        if problem.errno in _FULL:
            fix = "free some space and run the same command again"
        elif problem.errno == errno.EFBIG:
            fix = "raise the limit of file sizes, or choose another disk, and run the same command again"
        elif problem.filename is None:
            fix = "try again"
        where = "" if problem.filename is None else f"{os.fsdecode(problem.filename)}: "
        problem = f"{where}{problem.strerror}; {fix}"
    sys.stderr.write(f"clinometer: {printable(str(problem))}\n")
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
    prepare()
    _silence_libraries(sys.argv, sys.stderr.isatty())
    try:
        app(prog_name="clinometer")
    except SystemExit as ending:
        if (error := finish()) is None:
            raise
        if isinstance(error, BrokenPipeError):
            sys.exit(ending.code or _UNREAD)
        fix = "; free some space and run the same command again" if error.errno in _FULL else ""
        sys.stderr.write(f"clinometer: standard output: {error.strerror}{fix}\n")
        sys.exit(1)
