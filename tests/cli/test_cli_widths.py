"""Text for people fits the terminal, whatever its width: help, findings, messages; and names are not cut."""

from __future__ import annotations

import io
import os
import re
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from support.live_commands import commands

from clinometer.cli.streams import guarded
from clinometer.cli.terminal import wrapped

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs pseudo-terminals")
WIDTHS = (60, 80, 200)
_STYLE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def shown(*arguments: Any, width: int) -> tuple[int, list[str]]:
    """Exit code, and the lines that a terminal of that width shows of standard output and error together."""
    import fcntl
    import pty
    import termios

    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, width, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "NO_COLOR")}
    command = [sys.executable, "-m", "clinometer", *map(str, arguments)]
    with subprocess.Popen(
        command, stdin=slave, stdout=slave, stderr=slave, env={**environment, "TERM": "xterm"}
    ) as done:
        os.close(slave)
        parts = []
        while True:
            try:
                part = os.read(master, 65_536)
            except OSError:  # on Linux the end of the terminal
                break
            if not part:
                break
            parts.append(part)
    os.close(master)
    text = _STYLE.sub("", b"".join(parts).decode()).replace("\r\n", "\n").rstrip("\n")
    # Of a line that was drawn over, the last state.
    return done.returncode, [line.rsplit("\r", 1)[-1] for line in text.split("\n")]


def assert_fits(lines: list[str], width: int) -> None:
    assert [line for line in lines if cell_len(line) > width and " " in line.strip()] == []
    # A note is two lines at most; --verbose has all of it.
    notes = next((number for number, line in enumerate(lines) if line.startswith("Note: ")), len(lines))
    assert [line for line in lines[:notes] if "…" in line] == []


@pytest.mark.parametrize("width", WIDTHS)
def test_the_demonstration_stays_on_the_screen(tmp_path: Path, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    code, lines = shown("demo", "-o", "demo", width=width)
    assert code == 0
    assert_fits(lines, width)
    assert len(lines) <= 40
    assert lines[-1] == "Report: demo/report.html"


@pytest.mark.parametrize("width", WIDTHS)
def test_other_findings_and_messages_fit(folder: Path, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    arrays = ("--encoder", "precomputed", "--queries", "queries.npy", "--documents", "documents.npy")
    for command, expected in (
        (("evaluate", "beir:.", *arrays, "--resamples", "9", "--progress", "-o", "results"), 0),
        (("compare", "results", "results", "--resamples", "9"), 0),
        (("compare", "results"), 2),
        (("evaluate", "nowhere:x", "--encoder", "offline"), 2),
        (("check", "results", "--min", "Complete@10[multi]=101"), 1),
        (("doctor",), 0),
    ):
        code, lines = shown(*command, width=width)
        assert code == expected, lines
        assert_fits(lines, width)
        assert lines[0]


@pytest.mark.parametrize("width", WIDTHS)
def test_every_help_fits(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    from typer.testing import CliRunner

    from clinometer.cli import app

    monkeypatch.setenv("COLUMNS", str(width))
    for name in ("", *commands()):
        lines = CliRunner().invoke(app, [*name.split(), "--help"], terminal_width=width).output.splitlines()
        assert len(lines) > 8
        assert [line for line in lines if cell_len(line) > width] == []
        assert [line for line in lines if "…" in line] == []


def test_messages_for_files_stay_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    text = "a sentence of nine words for a log file " * 9 + "\n"
    with guarded():
        sys.stderr.write(text)
    assert capsys.readouterr().err == text


def test_messages_are_broken_at_spaces_as_a_terminal_counts_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    class Screen(io.StringIO):
        def isatty(self) -> bool:
            return True

    screen = Screen()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("COLUMNS", "20")
    with guarded():
        sys.stderr.write("one two three four five six\n")
        sys.stderr.write("漢字漢字 漢字漢字漢字漢字\n")
        sys.stderr.write("\rbar: 50%|####      | 100/200 [00:01<00:01, 99.0 texts/s]")
    assert screen.getvalue() == (
        "one two three four\nfive six\n漢字漢字\n漢字漢字漢字漢字\n"
        "\rbar: 50%|####      | 100/200 [00:01<00:01, 99.0 texts/s]"
    )
    assert (
        wrapped("  name  a/very/long/path and more", 16, "        ")
        == "  name\n        a/very/long/path\n        and more"
    )
