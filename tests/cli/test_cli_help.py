"""`--help`: groups, an order, names that are never cut, and an example that works."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support.command_line import Run
from support.live_commands import commands, example

LIVE = commands()
COMMANDS = Path(__file__).parents[2] / "docs" / "commands.md"


def sections(text: str) -> dict[str, list[str]]:
    """The lines of help by heading; what comes before the first is under an empty one."""
    parts: dict[str, list[str]] = {"": []}
    for line in text.splitlines():
        if match := re.fullmatch(r"(\w[\w ]*):", line):
            parts[match[1]] = []
        else:
            parts[list(parts)[-1]].append(line)
    return parts


@pytest.mark.parametrize("columns", [60, 80, 200])
@pytest.mark.parametrize("name", LIVE)
def test_no_name_is_cut(run: Run, monkeypatch: pytest.MonkeyPatch, name: str, columns: int) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    done = run(*name.split(), "--help")
    assert done.code == 0
    for parameter in LIVE[name].params:
        flag = parameter.param_type_name == "option" and (parameter.is_flag or parameter.secondary_opts)
        names = [*parameter.opts, *parameter.secondary_opts] if parameter.param_type_name == "option" else []
        for full in [*names, *([] if flag else [parameter.metavar])]:
            assert re.search(rf"(?<![\w-]){re.escape(full)}(?![\w-])", done.out), full
        for word in re.findall(r"[\w-]*\w-\w[\w-]*", parameter.help):
            assert word in done.out
    assert "…" not in done.out
    shown = sections(done.out)
    wrapped = [line for heading, lines in shown.items() if heading != "Example" for line in lines]
    assert max(map(len, wrapped)) <= min(columns, 100)
    assert max(map(len, shown["Example"])) <= 80


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
@pytest.mark.parametrize("plain", [False, True])
def test_help_fits_a_terminal(plain: bool) -> None:
    import fcntl
    import struct
    import termios

    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 60, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
    command = [sys.executable, "-m", "clinometer", "train", "--help"]
    process = subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs,
        env=environment | ({"NO_COLOR": "1"} if plain else {}) | {"TERM": "xterm"},
    )  # fmt: skip
    os.close(theirs)
    read = b""
    try:
        while part := os.read(ours, 65536):
            read += part
    except OSError:  # how Linux says that the other end is closed
        pass
    os.close(ours)
    assert process.wait(timeout=120) == 0
    text = read.decode().replace("\r\n", "\n")
    assert ("\x1b[" in text) == (not plain)
    text = re.sub(r"\x1b\[[\d;]*m", "", text)
    assert "  --mini-batch-size N   Texts in memory at a time\n" in text
    assert "\n  --document-prompt TEXT\n" in text
    assert max(map(len, text.splitlines())) <= 60


def test_commands_are_in_the_order_of_the_readme(run: Run) -> None:
    table = COMMANDS.read_text(encoding="utf-8")
    order = list(dict.fromkeys(re.findall(r"^\| `clinometer (\w+)", table, re.M)))
    shown = sections(run("--help").out)
    headings = [heading for heading in shown if heading not in ("", "Options")]
    assert headings == ["Measure", "Straighten", "Large collections", "Installation"]
    listed = [line.split()[0] for heading in headings for line in shown[heading] if re.match(r"  \S", line)]
    assert listed == order
    assert list(dict.fromkeys(name.split()[0] for name in LIVE)) == order


def test_help_of_an_evaluation_is_in_groups(run: Run) -> None:
    shown = sections(run("evaluate", "--help").out)
    assert list(shown) == [
        "", "Arguments", "Source", "Scenarios and measures", "Encoder", "Prompts", "Encoder on a server",
        "Existing embeddings", "Instead of an encoder", "Remedies", "Intervals", "Execution", "Configuration",
        "Output", "Options", "Example",
    ]  # fmt: skip
    assert [" ".join(line.split()) for line in shown["Options"] if line] == ["-h, --help Show this message and exit."]


@pytest.mark.parametrize("name", LIVE)
def test_every_option_has_a_heading_and_a_sentence(name: str) -> None:
    for parameter in LIVE[name].params:
        assert re.fullmatch(r"[A-Z].*\.", parameter.help), parameter.help
        assert not re.match(r"(Of|How|Whose|Such|Put|At most|As|Only|Where|That|These|Print|Write) ", parameter.help)
        assert parameter.metavar or parameter.is_flag or parameter.secondary_opts, parameter.opts
        if parameter.param_type_name == "option":
            assert parameter.rich_help_panel not in (None, "Options"), parameter.opts


@pytest.mark.parametrize("name", LIVE)
def test_every_command_has_an_example_that_is_understood(run: Run, name: str) -> None:
    shown = sections(run(*name.split(), "--help").out)["Example"]
    assert [line.removeprefix("  ") for line in shown] == LIVE[name].epilog.splitlines()
    program, *arguments = shlex.split(example(LIVE[name]))
    assert [program, *arguments[: len(name.split())]] == ["clinometer", *name.split()]
    LIVE[name].make_context(name, arguments[len(name.split()) :])


def test_examples_work_one_after_another(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    order = (
        "demo", "evaluate", "geometry", "report", "compare", "check", "correct", "encode", "store info", "store verify",
        "store merge", "store export", "store import", "plan", "convert", "study", "leaderboard",
    )  # fmt: skip
    for name in order:
        if name == "report":
            for copy in ("mine", "other", "before", "after"):
                shutil.copytree("results/three", f"results/{copy}")
        elif name == "store merge":
            Path("store").rename("part-1")
            assert run("encode", "demo", "--languages", "fr", "-o", "part-2").code == 0
        elif name == "study":
            text = "encoders: [encoder: bm25]\ncollections: [{source: demo, languages: [en, de]}]\n"
            Path("study.yaml").write_text(text, encoding="utf-8")
        elif name == "store import":
            shutil.rmtree("store")
            rows = [{"id": f"d{row}", "language": "en"} for row in range(len(np.load("documents.npy")))]
            Path("rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        done = run(*shlex.split(example(LIVE[name]))[1:])
        assert done.code == 0, (name, done.err)
    files = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert {
        "results/demo/report.html", "results/three/results.json", "report.html", "comparison.html", "center.npz",
        "documents.npy", "store/manifest.json", "demo-beir/corpus.jsonl", "results/study/study.json", "site/index.html",
    } <= files  # fmt: skip
