"""The command line. Results go to standard output, progress and errors to standard error.

Exit codes: 0 success, 1 the run failed or a check did not hold, 2 wrong usage. A user's mistake yields one sentence,
never a traceback.
"""

from __future__ import annotations

import os
import sys
import warnings
from typing import Annotated, Any

import typer

from clinometer.cli.commands import ProgramCommands
from clinometer.cli.endings import FULL, UNREAD, ended
from clinometer.cli.help import WIDTH, GroupedCommands
from clinometer.cli.streams import finish, prepare
from clinometer.cli.terminal import colours
from clinometer.errors import ClinometerWarning

__all__ = ["app", "main"]


class _Program(GroupedCommands):
    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.commands = self._later = ProgramCommands()

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002
        return list(self._later)

    def summary(self, ctx: Any, name: str) -> tuple[str, str]:  # noqa: ARG002
        return self._later.summary(name)

    def make_context(self, *arguments: Any, **options: Any) -> Any:
        # Where it is not a terminal, click removes colours unless it is told to keep them.
        if os.environ.get("FORCE_COLOR") and colours(sys.stdout):
            options.setdefault("color", True)
        with ended():
            return super().make_context(*arguments, **options)

    def invoke(self, ctx: Any) -> Any:
        with ended():
            return super().invoke(ctx)


app = typer.Typer(
    name="clinometer",
    help="Measure how far a multilingual retriever leans towards one language of a mixed-language pool.",
    cls=_Program,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": WIDTH},
)


def _show_version(version_requested: bool) -> None:
    if version_requested:
        from importlib.metadata import version

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
            sys.exit(ending.code or UNREAD)
        fix = "; free some space and run the same command again" if error.errno in FULL else ""
        sys.stderr.write(f"clinometer: standard output: {error.strerror}{fix}\n")
        sys.exit(1)
