"""What a command prints drives no terminal, ends quietly where nobody reads, and says where it cannot be written."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path

import pytest
from support.command_line import Run, assert_complaint

from clinometer.cli.streams import guarded

HOSTILE = "\x1b[31mred\x1b[0m\x1b]0;title\x07 \x9b2J \u202eevil"
"""Colour, a title, a cleared screen in one character, and text in the wrong direction."""

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="pipes and signals are others there")


def assert_harmless(text: str) -> None:
    assert not [character for character in text if ord(character) < 32 and character not in "\n\t"]
    assert not set(text) & {"\x7f", *map(chr, range(0x80, 0xA0)), "\u202e", "\u2066"}


@pytest.fixture
def hostile(folder: Path) -> Path:
    """The small collection with hostile ids, texts and values of a field."""
    for name in ("corpus.jsonl", "queries.jsonl"):
        lines = [json.loads(line) for line in (folder / name).read_text(encoding="utf-8").splitlines()]
        for line in lines:
            line |= {"_id": line["_id"] + HOSTILE, "text": line["text"] + HOSTILE}
        (folder / name).write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    judged = (folder / "qrels" / "test.tsv").read_text(encoding="utf-8").splitlines()
    rows = [line.split("\t") for line in judged[1:]]
    lines = [f"{query}{HOSTILE}\t{document}{HOSTILE}\t{grade}" for query, document, grade in rows]
    (folder / "qrels" / "test.tsv").write_text("\n".join([judged[0], *lines, ""]), encoding="utf-8")
    return folder


def test_hostile_collections_drive_no_terminal(run: Run, hostile: Path, tmp_path: Path) -> None:
    arrays = [
        "--encoder",
        "precomputed",
        "--queries",
        hostile / "queries.npy",
        "--documents",
        hostile / "documents.npy",
    ]
    done = run("evaluate", f"beir:{hostile}", *arrays, "-o", tmp_path / "out")
    assert done.code == 0, done.err
    assert_harmless(done.out + done.err)
    assert_harmless((tmp_path / "out" / "report.md").read_text(encoding="utf-8"))
    (hostile / "qrels" / "test.tsv").write_text(f"query-id\tcorpus-id\tscore\nq{HOSTILE}\td{HOSTILE}\t1\n")
    done = run("evaluate", f"beir:{hostile}", *arrays)
    assert_harmless(done.out + done.err)
    assert "x1b[31mred" in done.err


def test_hostile_results_drive_no_terminal(run: Run, evaluate: Run, tmp_path: Path) -> None:
    for name in ("a", "b"):
        assert evaluate("-o", tmp_path / name).code == 0
        path = tmp_path / name / "results.json"
        results = json.loads(path.read_text(encoding="utf-8"))
        results["encoder"]["name"] = results["collection"]["name"] = name + HOSTILE
        results["encoder"]["warnings"] = results["notices"] = [HOSTILE]
        results["settings"]["command"] = HOSTILE
        path.write_text(json.dumps(results), encoding="utf-8")
    for command in (["report", tmp_path / "a"], ["compare", tmp_path / "a", tmp_path / "b", "--resamples", "10"]):
        done = run(*command)
        assert done.code in (0, 1, 2), done.err
        assert_harmless(done.out + done.err)
    assert run("report", tmp_path / "a", "-o", tmp_path / "page.md").code == 0
    assert_harmless((tmp_path / "page.md").read_text(encoding="utf-8"))
    assert run("report", tmp_path / "a", "-o", tmp_path / "page.html").code == 0
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert not set(page) & {"\x1b", "\x07", "\x9b", "\u202e"}


def test_hostile_names_and_values_drive_no_terminal(run: Run, tmp_path: Path) -> None:
    (tmp_path / f"x{HOSTILE.replace('/', '')}").write_text(HOSTILE)
    for path in (tmp_path / f"x{HOSTILE}", tmp_path / f"absent{HOSTILE}"):
        done = run("report", path)
        assert done.code == 1
        assert_harmless(done.out + done.err)


def test_progress_bars_keep_their_lines(capsys: pytest.CaptureFixture[str]) -> None:
    from tqdm import tqdm

    with guarded():
        for _ in tqdm(range(2), desc="out\x1b[2J", file=sys.stderr, mininterval=0):
            pass
        with tqdm(total=1, file=sys.stderr), tqdm(total=1, file=sys.stderr):
            pass
    written = capsys.readouterr().err
    assert written.startswith("\rout\\u001b[2J:")
    assert "\x1b[2J" not in written
    assert "\x1b[A" in written


COMMAND = [sys.executable, "-m", "clinometer"]


def started(*arguments: str, **options: object) -> subprocess.Popen[str]:
    return subprocess.Popen([*COMMAND, *arguments], text=True, **options)  # type: ignore[call-overload, no-any-return]


@POSIX
@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_reader_that_leaves_ends_the_command_quietly(folder: Path, stream: str) -> None:
    read, write = os.pipe()
    os.close(read)
    arrays = ["--encoder", "precomputed", "--queries", "queries.npy", "--documents", "documents.npy"]
    other = {"stdout": "stderr", "stderr": "stdout"}[stream]
    process = started("evaluate", "beir:.", *arrays, cwd=folder, **{stream: write, other: subprocess.PIPE})
    os.close(write)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 141
    assert "Traceback" not in (out or "") + (err or "")
    assert "clinometer: " not in (out or "") + (err or "")


@POSIX
def test_help_without_a_reader() -> None:
    read, write = os.pipe()
    os.close(read)
    process = started("evaluate", "--help", stdout=write, stderr=subprocess.PIPE)
    os.close(write)
    assert process.communicate(timeout=120)[1] == ""
    assert process.returncode == 141


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device")
@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["plan", "--help"]])
def test_standard_output_on_a_full_disk(arguments: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        process = started(*arguments, stdout=full, stderr=subprocess.PIPE)
        err = process.communicate(timeout=120)[1]
    assert process.returncode == 1
    assert err == "clinometer: No space left on device; free some space and run the same command again\n"


@POSIX
@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_closed_streams(closed: str) -> None:
    done = subprocess.run(
        ["sh", "-c", f'"{sys.executable}" -m clinometer --version {closed}'],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


def test_texts_that_the_encoding_of_standard_output_lacks(folder: Path) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    arrays = ["--encoder", "precomputed", "--queries", "queries.npy", "--documents", "documents.npy"]
    process = started(
        "evaluate", "beir:.", *arrays, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    out, err = process.communicate(timeout=120)
    assert (process.returncode, "Traceback" in err) == (0, False), err
    assert "\\u" in out


INTERRUPTED = """
import importlib.abc, runpy, sys

class Interrupting(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name == wanted:
            raise KeyboardInterrupt

wanted = sys.argv.pop(1)
sys.meta_path.insert(0, Interrupting())
runpy.run_module("clinometer", run_name="__main__", alter_sys=True)
"""


@pytest.mark.parametrize(
    "module", ["clinometer.cli", "numpy", "typer", "clinometer.cli.help", "clinometer.cli.plan", "clinometer._core"]
)
def test_ctrl_c_during_the_imports_is_one_line(module: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, module, "plan", "--documents", "9", "--queries", "9", "--dimension", "9"],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "clinometer: interrupted\n")


def test_the_package_imports_nothing_before_it_is_used() -> None:
    code = "import sys; before = set(sys.modules); import clinometer; print(*(set(sys.modules) - before))"
    package = Path(import_module("clinometer").__path__[0]).parent
    done = subprocess.run(
        [sys.executable, "-S", "-c", code],
        capture_output=True, text=True, check=True, timeout=120, env=os.environ | {"PYTHONPATH": str(package)},
    )  # fmt: skip
    assert done.stdout.split() == ["clinometer"]


@POSIX
def test_ctrl_c_in_the_first_second() -> None:
    code = (
        "import signal, runpy, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "print(flush=True); sys.argv = ['clinometer', 'demo', '-o', '/nowhere/at/all']; "
        "runpy.run_module('clinometer', run_name='__main__', alter_sys=True)"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (130, "clinometer: interrupted\n")


def test_pipes_are_refused(run: Run, evaluate: Run, folder: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert_complaint(run("report", pipe), 1, f"{pipe}: this is a pipe, not a file; save its content as a file first")
    assert_complaint(run("evaluate", f"parallel:{pipe}"), 1, "this is a pipe, not a file")
    assert_complaint(run("evaluate", f"beir:{folder}", "--run", pipe), 1, "this is a pipe, not a file")
    assert_complaint(run("evaluate", f"beir:{folder}", "--scores", pipe), 1, "this is a pipe, not a file")
    assert_complaint(evaluate("--correction", pipe), 1, "this is a pipe, not a file")
    assert_complaint(evaluate("--save-run", pipe), 2, f"{pipe} is a pipe; give the name of a file")
    (folder / "documents.npy").unlink()
    os.mkfifo(folder / "documents.npy")
    assert_complaint(evaluate(), 1, "this is a pipe, not a file")
