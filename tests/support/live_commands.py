"""The commands as they are registered, for tests of what all of them have in common."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer.main

from clinometer.cli import app


def commands() -> dict[str, Any]:
    """Every command by its full name without the program's, such as `store info`."""
    return dict(_leaves(typer.main.get_command(app), ""))


def _leaves(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    if not hasattr(command, "commands"):
        yield name, command
        return
    for part in command.list_commands(None):
        yield from _leaves(command.commands[part], f"{name} {part}".strip())


def options(command: Any) -> dict[str, Any]:
    """The options of a command by name: everything that is the user's business."""
    return {
        parameter.opts[-1]: (
            sorted(parameter.opts + parameter.secondary_opts), parameter.metavar, parameter.help, parameter.default,
            parameter.rich_help_panel,
        )
        for parameter in command.params
        if parameter.param_type_name == "option"
    }  # fmt: skip


def example(command: Any) -> str:
    """The example in a command's help, on one line."""
    return " ".join(command.epilog.replace("\\\n", " ").split())


def argument_names(command: Any) -> list[str]:
    """The metavariables of a command's arguments."""
    return [str(parameter.metavar) for parameter in command.params if parameter.param_type_name == "argument"]
