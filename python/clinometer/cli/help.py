"""Layout of `--help`: options under the headings of their groups, and names that are never cut.

typer's own layout with rich is a table that cuts long names at 80 columns. Here a name that does not fit into its
column gets a separate line.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from textwrap import wrap
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from clinometer.cli.terminal import colours
from clinometer.numerals import read_int, read_number

__all__ = ["WIDTH", "GroupedCommand", "GroupedCommands", "headed"]

WIDTH = 100
"""Maximum width of help in columns; longer lines are hard to read."""

_OPTIONS = "Options"
"""Heading of options without a group."""

_NUMBERS: dict[str, tuple[str, Callable[[str], float]]] = {
    **dict.fromkeys(("int", "integer"), ("a valid integer", read_int)),
    "float": ("a valid number", read_number),
}
"""What a parameter of numbers takes, and its reader, by the name of its type."""

_LAST = ("Output", _OPTIONS)

_MAY_BE_EMPTY = ("query_prompt", "document_prompt")
"""Parameters whose empty value means something: no prompt, where the model has one."""


def headed(command: Any, context: Any) -> dict[str, list[tuple[str, str]]]:
    """Name and help of each argument and option of a command, by heading."""
    sections: dict[str, list[tuple[str, str]]] = {}
    for parameter in command.get_params(context):
        if parameter.param_type_name == "argument":
            sections.setdefault("Arguments", []).append((_argument(parameter), parameter.help or ""))
        elif record := parameter.get_help_record(context):
            name, text = record
            # typer 0.15 and 0.16 escape brackets for rich, whether it is used or not.
            row = name, text.replace("\\[", "[")
            sections.setdefault(getattr(parameter, "rich_help_panel", None) or _OPTIONS, []).append(row)
    return {heading: sections[heading] for heading in sorted(sections, key=_position)}


def _position(heading: str) -> int:
    return _LAST.index(heading) if heading in _LAST else -1


class GroupedCommand(TyperCommand):
    """A command whose help has a section for each group of options, and an example that is printed unchanged.

    Its numbers are read by `clinometer.numerals`, not by `int` and `float`, which take `1_0` for 10. Empty values are
    refused, since a variable of a shell that is not set would else be the current folder, or the default.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        for parameter in self.params:
            _read_strictly(parameter)
            _refuse_empty(parameter)

    def collect_usage_pieces(self, ctx: Any) -> list[str]:  # noqa: ARG002
        """The metavariables of arguments, unchanged."""
        return ["[OPTIONS]", *(_argument(part) for part in self.params if part.param_type_name == "argument")]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write arguments and options."""
        _write(formatter, headed(self, ctx))

    def format_epilog(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002
        """Write the example; its lines are not wrapped, so that they can be copied."""
        if self.epilog:
            with formatter.section(_styled("Example", bold=True)):
                for line in self.epilog.splitlines():
                    formatter.write(f"{'':>{formatter.current_indent}}{line}\n")


class GroupedCommands(TyperGroup):
    """Commands under their headings, each with the first paragraph of its help."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write commands first, then the options of the program itself."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for name in self.list_commands(ctx):
            text, heading = self.summary(ctx, name)
            sections.setdefault(heading, []).append((name, " ".join(text.partition("\n\n")[0].split())))
        _write(formatter, sections | headed(self, ctx))

    def summary(self, ctx: Any, name: str) -> tuple[str, str]:
        """Help and heading of one of the commands."""
        command: Any = self.get_command(ctx, name)
        return command.help or "", command.rich_help_panel or "Commands"


def _read_strictly(parameter: Any) -> None:
    """Have a parameter refuse text that is not a number for `clinometer.numerals`, before typer converts it."""
    # typer below 0.20 takes click's types, which have names; later versions have the annotation.
    described = getattr(getattr(parameter, "type_descriptor", None), "annotation", None)
    kind = getattr(described, "__name__", "") or getattr(getattr(parameter, "type", None), "name", "").partition(" ")[0]
    if kind not in _NUMBERS:
        return
    (noun, read), process = _NUMBERS[kind], parameter.process_value

    def processed(context: Any, value: Any) -> Any:
        if isinstance(value, str):
            try:
                read(value)
            except ValueError:
                raise typer.BadParameter(f"{value!r} is not {noun}.", ctx=context, param=parameter) from None
        return process(context, value)

    parameter.process_value = processed


def _refuse_empty(parameter: Any) -> None:
    """Have a parameter refuse an empty text, also as one of several; who reads a list says what it needs."""
    if parameter.name in _MAY_BE_EMPTY or parameter.metavar == "A,B,...":
        return
    process = parameter.process_value

    def processed(context: Any, value: Any) -> Any:
        if "" in (value if isinstance(value, (list, tuple)) else [value]):
            raise typer.BadParameter("the value is empty; give one, or leave it out.", ctx=context, param=parameter)
        return process(context, value)

    parameter.process_value = processed


def _argument(parameter: Any) -> str:
    return str(parameter.metavar or parameter.name.upper())


def _write(formatter: Any, sections: dict[str, list[tuple[str, str]]]) -> None:
    """All sections with one column of names, at most a third of the line; words with hyphens are not broken."""
    widest = formatter.width // 3 + 2
    column = max((len(name) for rows in sections.values() for name, _ in rows if len(name) <= widest), default=0)
    for heading, rows in sections.items():
        with formatter.section(_styled(heading, bold=True)):
            margin, indent = " " * formatter.current_indent, " " * (formatter.current_indent + column + 2)
            for name, text in rows:
                lines = wrap(text, formatter.width - len(indent), break_on_hyphens=False, break_long_words=False)
                gap = indent[len(margin) + len(name) :] if len(name) <= column else f"\n{indent}"
                formatter.write(f"{margin}{_styled(name, fg='cyan')}{gap}" + f"\n{indent}".join(lines) + "\n")


def _styled(text: str, **style: Any) -> str:
    """The text with colour, if standard output has colours."""
    return typer.style(text, **style) if colours(sys.stdout) else text
