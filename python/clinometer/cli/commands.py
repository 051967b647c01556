"""The commands by heading; each is imported and built when it is first used, so that no command waits for the others.

`--help` of the program imports all of their modules, which import nothing that is heavy, and builds none.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, MutableMapping
from importlib import import_module
from textwrap import dedent
from typing import Any

import typer
from typer.main import get_command

from clinometer.cli.config import CONFIGURED, with_config
from clinometer.cli.endings import with_errors_reported
from clinometer.cli.expansion import expand
from clinometer.cli.help import GroupedCommand, GroupedCommands

__all__ = ["ProgramCommands", "command_functions"]

_HEADINGS = {
    "Measure": ("demo", "evaluate", "geometry", "report", "compare", "check", "study", "leaderboard"),
    "Straighten": ("correct", "train"),
    "Large collections": ("encode", "store", "scan", "plan", "convert"),
    "Installation": ("doctor",),
}
"""The commands by heading, as in the README."""

_HEADING_OF = {name: heading for heading, names in _HEADINGS.items() for name in names}
_PARTS = ("info", "verify", "merge", "export", "import")
_MODULE_OF = {"demo": "evaluate", "export": "exchange", "import": "exchange", **dict.fromkeys(_PARTS[:3], "store")}
_STORE_HELP = "Inspect, check, join, export and import stored embeddings."


class ProgramCommands(MutableMapping[str, Any]):
    """The commands of the program by name, in the order of `--help`, built when they are looked up."""

    def __init__(self) -> None:
        self._built: dict[str, Any] = dict.fromkeys(_HEADING_OF)

    def __getitem__(self, name: str) -> Any:
        command = self._built[name]
        if command is None:
            command = self._built[name] = _store() if name == "store" else get_command(_with_command(_typer(), name))
        return command

    def __setitem__(self, name: str, command: Any) -> None:
        self._built[name] = command

    def __delitem__(self, name: str) -> None:
        del self._built[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._built)

    def __len__(self) -> int:
        return len(self._built)

    def summary(self, name: str) -> tuple[str, str]:
        """Help and heading of a command, which need not be built for it."""
        return (_STORE_HELP if name == "store" else _help(_function(name))[0]), _HEADING_OF[name]


def command_functions() -> dict[str, Callable[..., None]]:
    """The function behind every command and subcommand, by name."""
    return {name: _function(name) for name in (*_HEADING_OF, *_PARTS) if name != "store"}


def _function(name: str) -> Callable[..., None]:
    module = import_module(f"clinometer.cli.{_MODULE_OF.get(name, name)}")
    function: Callable[..., None] = getattr(module, "import_" if name == "import" else name)
    return function


def _help(function: Callable[..., None]) -> tuple[str, str]:
    """The docstring up to `Example:`, and the example."""
    text, _, example = inspect.cleandoc(function.__doc__ or "").partition("\n\nExample:\n")
    return text, dedent(example)


def _typer(**options: Any) -> typer.Typer:
    return typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None, **options)


def _with_command(group: typer.Typer, name: str) -> typer.Typer:
    function = _function(name)
    text, example = _help(function)
    expanded = expand(function)
    if "encoder" in inspect.signature(expanded).parameters:
        # Imported here, since `--help` of the program builds no command.
        from clinometer.cli.several import with_several_encoders

        expanded = with_several_encoders(expanded, name)
    if name in CONFIGURED:
        expanded = with_config(expanded)
    group.command(
        name, cls=GroupedCommand, help=text, epilog=example, rich_help_panel=_HEADING_OF.get(name)
    )(with_errors_reported(expanded))  # fmt: skip
    return group


def _store() -> Any:
    group = _typer(
        name="store", cls=GroupedCommands, help=_STORE_HELP, no_args_is_help=True, rich_help_panel=_HEADING_OF["store"]
    )
    for name in _PARTS:
        _with_command(group, name)
    return get_command(group)
