"""Completion of commands and options in the shell: shown, installed, and working."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.command_line import Run
from support.live_commands import commands

needs_bash = pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")


def clinometer(*arguments: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "clinometer", *arguments],
        capture_output=True, text=True, check=True, timeout=120, env=os.environ | environment,
    )  # fmt: skip
    return done.stdout


def completed(words: str) -> list[str]:
    """What bash offers for the last word."""
    last = str(len(words.split(" ")) - 1)
    return clinometer(_CLINOMETER_COMPLETE="complete_bash", COMP_WORDS=words, COMP_CWORD=last).split()


def test_only_the_program_itself_offers_completion(run: Run) -> None:
    for option in ("--install-completion", "--show-completion"):
        assert option in run("--help").out
        assert option not in run("evaluate", "--help").out
        assert run("evaluate", "demo", option).code == 2


def test_commands_and_options_are_completed() -> None:
    assert completed("clinometer e") == ["evaluate", "encode"]
    assert completed("clinometer store ex") == ["export"]
    assert completed("clinometer geometry --la") == ["--languages"]


@pytest.mark.parametrize(
    ("command", "parameter", "incomplete", "offered"),
    [
        ("evaluate", "pairs", "", ["pivot", "all"]),
        ("evaluate", "similarity", "d", ["dot"]),
        ("evaluate", "scenarios", "multi,one", ["multi,one-sided"]),
        ("evaluate", "scenarios", "multi,mult", ["multi,multilingual"]),
        ("evaluate", "measures", "MaxRn", ["MaxRnorm"]),
        ("evaluate", "encoder", "off", ["offline"]),
        ("evaluate", "source", "de", ["demo"]),
        ("correct", "method", "ce", ["center"]),
        ("correct", "queries_by", "", ["own", "documents", "none"]),
        ("evaluate", "ties", "o", ["optimistic"]),
        ("evaluate", "query_set", "l", ["listed"]),
        ("scan", "query_languages", "", ["given", "unknown", "identify"]),
        ("train", "loss", "upr", ["upright"]),
        ("scan", "executor", "r", ["ray"]),
    ],
)
def test_choices_are_completed(command: str, parameter: str, incomplete: str, offered: list[str]) -> None:
    live = commands()[command]
    (part,) = (part for part in live.params if part.name == parameter)
    items = part.shell_complete(live.context_class(live), incomplete)
    assert [item.value for item in items] == offered


@needs_bash
def test_bash_completes_commands_and_choices(tmp_path: Path) -> None:
    program = tmp_path / "clinometer"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m clinometer "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    script = """
eval "$(clinometer --show-completion bash)"
offer() {
  COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
  _clinometer_completion clinometer; echo "${COMPREPLY[*]}"
}
offer clinometer corr
offer clinometer evaluate demo --resample c
offer clinometer check results --format j
"""
    environment = os.environ | {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1",
    }
    done = subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, timeout=120, check=False, env=environment
    )
    assert done.returncode == 0, done.stderr
    assert [line.split() for line in done.stdout.splitlines()] == [["correct"], ["cluster"], ["junit", "json"]]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_a_shell_is_shown(shell: str) -> None:
    # Without detection of the shell, so that the outcome does not depend on what the tests run in.
    script = clinometer("--show-completion", shell, _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1")
    assert f"_CLINOMETER_COMPLETE=complete_{shell}" in script


@needs_bash
def test_completion_is_installed_for_the_shell_that_asks(tmp_path: Path) -> None:
    command = f"{sys.executable} -m clinometer"
    script = f"{command} --show-completion && {command} --install-completion; exit $?"
    done = subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, timeout=120, check=False,
        env=os.environ | {"HOME": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "complete -o default -F _clinometer_completion clinometer" in done.stdout
    installed = tmp_path / ".bash_completions" / "clinometer.sh"
    assert installed.read_text().strip() in done.stdout
    assert f"source '{installed}'" in (tmp_path / ".bashrc").read_text()
