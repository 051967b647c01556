"""`clinometer convert` and `clinometer evaluate --save-run`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.command_line import Run

from clinometer.io.trec import read_qrels, read_run, write_run


def test_converting(run: Run, folder: Path, tmp_path: Path) -> None:
    done = run("convert", f"beir:{folder}", "-o", f"trec:{tmp_path}/trec", "--languages", "de")
    assert done.code == 0, done.err
    assert done.out == ""
    assert read_qrels(tmp_path / "trec" / "qrels.txt") == {"q-de0": {"d-de0": 1}, "q-de1": {"d-de1": 1}}
    assert "wrote corpus.jsonl, languages.tsv, qrels.txt, topics.tsv to" in done.err
    assert run("convert", f"beir:{folder}", "-o", f"beir:{tmp_path}/beir").code == 0
    lines = (tmp_path / "beir" / "corpus.jsonl").read_text().splitlines()
    assert json.loads(lines[0]) == {"_id": "d-en0", "title": "", "text": "0 en", "language": "en", "group": "0"}


@pytest.mark.parametrize("form", ["trec", "trec:", "csv:x", "x"])
def test_forms_that_are_none(run: Run, form: str) -> None:
    done = run("convert", "demo", "-o", form)
    assert (done.code, done.out) == (2, "")
    assert f"--output is {form!r}, but must be beir:DIR or trec:DIR" in done.err


def test_a_run_is_saved(evaluate: Run, folder: Path, tmp_path: Path) -> None:
    done = evaluate("--json", "--save-run", tmp_path / "run.trec.gz")
    assert done.code == 0, done.err
    assert f"wrote the best 4 documents of 4 queries to {tmp_path / 'run.trec.gz'}" in done.err
    found = read_run(tmp_path / "run.trec.gz")
    assert list(found) == ["q-en0", "q-en1", "q-de0", "q-de1"]
    # d-en1 and d-de1 have the same score and stand in trec_eval's order.
    assert list(found["q-en0"].items()) == [
        ("d-en0", 1.0),
        ("d-de0", pytest.approx(0.8)),
        ("d-en1", 0.0),
        ("d-de1", 0.0),
    ]


def test_ids_with_white_space_are_refused_before_the_work(run: Run, folder: Path, tmp_path: Path) -> None:
    for name in ("corpus.jsonl", "qrels/test.tsv"):
        path = folder / name
        path.write_text(path.read_text().replace("d-de1", "d de1"))
    server = ("--encoder", "http://127.0.0.1:9/v1", "--model", "none")
    done = run("evaluate", f"beir:{folder}", *server, "--save-run", tmp_path / "run")
    assert done.code == 2
    assert "the document id 'd de1' is empty or has white space" in done.err
    done = run("evaluate", "demo", "--save-run", tmp_path / "no" / "run")
    assert done.code == 1
    assert "create it before writing run" in done.err


def test_options_of_the_reader(run: Run, folder: Path, tmp_path: Path) -> None:
    done = run("convert", f"beir:{folder}", "-o", f"trec:{tmp_path}/a", "--reader", "split=test")
    assert done.code == 0, done.err
    done = run("convert", f"beir:{folder}", "-o", f"trec:{tmp_path}/b", "--reader", "judged-only=true")
    assert done.code == 2
    assert "unknown option --reader judged-only of beir; expected --split" in done.err
    for command in (["convert", f"beir:{folder}", "-o", "trec:x"], ["evaluate", "demo"], ["encode", "demo", "-o", "x"]):
        done = run(*command, "--reader", "split")
        assert done.code == 2
        assert "--reader split: not NAME=VALUE" in done.err


def test_the_home_folder_is_found_in_options_and_after_a_form(
    run: Run, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert run("convert", f"beir:~/{folder.name}", "-o", "trec:~/trec").code == 0
    assert (tmp_path / "trec" / "qrels.txt").exists()
    write_run(tmp_path / "run.trec", {"q-en0": {"d-en0": 1.0}}, "t")
    done = run("evaluate", f"beir:~/{folder.name}", "--run=~/run.trec", "--output=~/results")
    assert (done.code, (tmp_path / "results" / "results.json").exists()) == (0, True), done.err
