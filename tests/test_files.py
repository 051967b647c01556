"""Files are complete or absent, whatever happens to their writer, and only files are written and read."""

from __future__ import annotations

import ast
import errno
import os
import re
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.full_disk import full_after, killed, tree
from test_house import modules

from clinometer.adapters import load as load_adapter
from clinometer.errors import FormatError, UsageError
from clinometer.evaluation.results import Evaluation
from clinometer.files import (
    append_whole,
    check_folder,
    check_target,
    expanded,
    folder_written_whole,
    ordinary,
    regular,
    withdraw,
    written_together,
    written_whole,
)
from clinometer.integrations.mteb import read_mteb
from clinometer.io.beir import read_beir
from clinometer.io.trec import read_qrels, read_run
from clinometer.io.trecfolder import read_trec
from clinometer.pools.generated import generated
from clinometer.scanning.counts import RankCounts
from clinometer.scorers import MatrixScorer
from clinometer.store import EmbeddingStore, stores_in

WRITE = "from clinometer.files import *\n"
HALF_A_FILE = WRITE + "with written_whole(sys.argv[1]) as file:\n    file.write(b'half'); file.flush(); die()\n"
HALF_A_FOLDER = (
    WRITE + "with folder_written_whole(sys.argv[1]) as folder:\n    (folder / 'a').write_text('half'); die()\n"
)


def write(path: Path, content: bytes) -> None:
    with written_whole(path) as file:
        file.write(content)


@pytest.mark.parametrize("durable", [False, True])
def test_the_next_writer_removes_what_a_killed_one_left(tmp_path: Path, durable: bool) -> None:
    path = tmp_path / "a.json"
    killed(HALF_A_FILE, path)
    assert list(tree(tmp_path).values()) == [b"half"]
    with written_whole(path, durable=durable) as file:
        file.write(b"all")
    assert tree(tmp_path) == {"a.json": b"all"}


def test_a_live_writer_is_left_alone_and_the_last_one_decides(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    with written_whole(path) as first:
        first.write(b"first")
        killed(HALF_A_FILE, path)
        assert len(tree(tmp_path)) == 2
        write(path, b"second")
        assert path.read_bytes() == b"second"
    assert tree(tmp_path) == {"a.json": b"first"}


def test_leftovers_of_two_killed_writers(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    with pytest.raises(ZeroDivisionError), written_whole(path):  # noqa: PT012
        killed(HALF_A_FILE, path)
        raise ZeroDivisionError
    assert list(tree(tmp_path).values()) == [b"half"]
    write(path, b"all")
    assert tree(tmp_path) == {"a.json": b"all"}


def test_the_next_folder_removes_what_a_killed_writer_left(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    killed(HALF_A_FOLDER, folder)
    assert b"half" in tree(tmp_path).values()
    with folder_written_whole(folder) as unfinished:
        killed(HALF_A_FOLDER, folder)
        (unfinished / "b").write_bytes(b"all")
    assert tree(tmp_path) == {"new": None, "new/b": b"all"}


def test_a_file_that_someone_else_put_there_stays(tmp_path: Path) -> None:
    other = tmp_path / "other.txt"
    other.write_text("mine")
    (tmp_path / "a.json.partial").symlink_to(other)
    with pytest.raises(OSError, match=r"a\.json"):
        write(tmp_path / "a.json", b"all")
    assert other.read_text() == "mine"


def test_files_that_belong_together_appear_together(tmp_path: Path) -> None:
    (tmp_path / "results").write_bytes(b"old")
    (tmp_path / "page").write_bytes(b"old")
    (tmp_path / "extra").write_bytes(b"old")
    with written_together():
        withdraw(tmp_path / "results")
        withdraw(tmp_path / "extra")
        write(tmp_path / "page", b"new")
        with written_together():
            write(tmp_path / "results", b"new")
        assert {path.name: path.read_bytes() for path in tmp_path.iterdir() if not path.suffix} == {
            "results": b"old", "page": b"old", "extra": b"old",
        }  # fmt: skip
    assert tree(tmp_path) == {"results": b"new", "page": b"new"}


def test_files_that_belong_together_are_absent_together(tmp_path: Path) -> None:
    (tmp_path / "results").write_bytes(b"old")
    with pytest.raises(ZeroDivisionError), written_together():  # noqa: PT012
        withdraw(tmp_path / "results")
        write(tmp_path / "page", b"new")
        write(tmp_path / "results", b"new")
        raise ZeroDivisionError
    assert tree(tmp_path) == {"results": b"old"}


def test_a_name_that_cannot_be_given_takes_the_others_back(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError), written_together():  # noqa: PT012
        write(tmp_path / "page", b"new")
        write(tmp_path / "results", b"new")
        (tmp_path / "results").mkdir()
    assert tree(tmp_path) == {"results": None}


def test_a_full_disk_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write(path, b"old")
    with pytest.raises(OSError, match=r"a\.json'$") as caught, full_after(10_000):
        write(path, bytes(100_000))
    assert caught.value.errno == errno.EFBIG
    assert tree(tmp_path) == {"a.json": b"old"}
    with pytest.raises(OSError, match=r"new'$"), full_after(10_000), folder_written_whole(tmp_path / "new") as folder:
        write(folder / "b", bytes(100_000))
    assert tree(tmp_path) == {"a.json": b"old"}


@pytest.fixture(params=["pipe", "device", "socket"])
def special(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """Something that has a path and is not a file, and its name in messages."""
    path = Path("/dev/null") if request.param == "device" else tmp_path / "special"
    if request.param == "pipe":
        os.mkfifo(path)
    with socket.socket(socket.AF_UNIX) as listener:
        if request.param == "socket":
            listener.bind(os.path.relpath(path))
        yield f"a {request.param}", path


def test_pipes_and_devices_are_refused(special: tuple[str, Path]) -> None:
    kind, path = special
    with pytest.raises(FormatError, match=f"{path}: this is {kind}, not a file; save its content as a file first"):
        regular(path)
    with pytest.raises(UsageError, match=f"{path} is {kind}; give the name of a file"), written_whole(path):
        pass
    assert path.exists()


def test_what_is_read_must_be_a_file_and_where_nothing_is_passes(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="this is a folder, not a file; give the name of a file"):
        regular(tmp_path)
    assert ordinary(tmp_path) == tmp_path
    assert regular(tmp_path / "absent") == ordinary(tmp_path / "absent") == tmp_path / "absent"
    check_target(tmp_path / "absent")
    with pytest.raises(UsageError, match="is a folder; give the name of a file"):
        check_target(tmp_path)


def test_a_place_where_nothing_can_be_written_is_refused_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("mine")
    for check in (check_target, check_folder):
        check(tmp_path / "new" / "deep" / "name")
        with pytest.raises(NotADirectoryError) as refused:
            check(tmp_path / "file" / "deep" / "name")
        assert refused.value.filename == str(tmp_path / "file" / "deep" / "name")
    with pytest.raises(UsageError, match="file is a file; give a folder for the store"):
        check_folder(tmp_path / "file", "the store")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    monkeypatch.setattr("os.access", lambda path, mode: Path(path) != tmp_path or mode == os.R_OK)
    for check in (check_target, check_folder):
        with pytest.raises(PermissionError):
            check(tmp_path / "new" / "name")


def test_lines_are_appended_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes(b"a\n")
    with path.open("ab", buffering=0) as file:
        with pytest.raises(OSError, match=r"log\.csv'$"), full_after(10):
            append_whole(file, b"0123456789abc\n")
        assert path.read_bytes() == b"a\n"
        append_whole(file, b"b\n")
    assert path.read_bytes() == b"a\nb\n"


def test_generated_vectors_on_a_full_disk_are_an_error(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).normal(size=(20, 8)).astype(np.float32)
    with pytest.raises(OSError, match=r"g\.npy'$"), full_after(10_000):
        generated(rows, 10_000, path=tmp_path / "g.npy")
    assert tree(tmp_path) == {}
    written = generated(rows, 10_000, path=tmp_path / "g.npy")
    assert np.array_equal(written, generated(rows, 10_000))


READ = re.compile(
    r"np\.load\(|gzip\.open\(|safe_open\(|read_index\(|ParquetFile\(|\.read_(?:bytes|text)\(|\.open\((?:'rb?'|newline)"
)
CHECK = re.compile(r"\b(regular|require_file|find_file)\(")

UNCHECKED = {
    "report.base.page": "a template of this package",
    "io.demo": "texts of this package",
    "memory": "figures that the system keeps under /proc and /sys",
    "encoders.revisions": "it takes only files of a folder",
    "pools.generated": "a file that this process has just written",
    "scanning.planning": "a file that this process has just written",
    "training.proof": "a file that this process has just written",
}


def unchecked_reads() -> Iterator[str]:
    """Functions that open a file and do not ask first whether it is one."""
    for name, module in modules().items():
        source = module.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(source)):
            if not isinstance(node, ast.FunctionDef):
                continue
            body = node.body[1:] if ast.get_docstring(node) else node.body
            text = "\n".join(map(ast.unparse, body))
            if (match := READ.search(text)) and not CHECK.search(text) and name not in UNCHECKED:
                yield f"{name}.{node.name}: {text[match.start() :].splitlines()[0]}"


def test_whatever_is_read_is_a_file() -> None:
    assert list(unchecked_reads()) == []


@pytest.mark.parametrize("path", [None, 3, b"x", [], {}, 1.5])
@pytest.mark.parametrize(
    "read",
    [
        *(regular, check_target, expanded, read_run, read_qrels, read_beir, read_trec, read_mteb, load_adapter),
        *(Evaluation.from_json, Evaluation.from_folder, RankCounts.load, MatrixScorer.from_file),
        *(EmbeddingStore.open, stores_in),
    ],
)
def test_what_is_not_a_path_is_a_sentence(read: Callable[[Any], object], path: object) -> None:
    with pytest.raises(UsageError, match=r"is not a path; give a text or a pathlib\.Path$"):
        read(path)


@pytest.mark.parametrize("read", [EmbeddingStore.open, stores_in, Evaluation.from_folder, read_mteb])
def test_a_name_that_is_too_long_is_a_sentence(read: Callable[[Any], object]) -> None:
    with pytest.raises(UsageError, match="cannot be a path"):
        read("a" * 5000)
