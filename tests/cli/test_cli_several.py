"""`clinometer evaluate` with several encoders: a folder for each, one report, one comparison."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from support.command_line import Run, assert_complaint

from clinometer.cli.several import folder_names
from clinometer.errors import UsageError

TWO = ("--encoder", "bm25", "--encoder", "bm25:k1=2.5,b=0", "--resamples", "0")


def test_each_encoder_has_a_folder_and_all_a_report(run: Run, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = run("evaluate", f"beir:{folder}", *TWO, "-o", out)
    assert done.code == 0, done.err
    assert {path.name for path in out.iterdir()} == {
        "bm25", "bm25-k1-2.5-b-0", "report.html", "report.md", "comparison.html", "comparison.md", "comparison.json",
    }  # fmt: skip
    results = [json.loads((out / name / "results.json").read_text()) for name in ("bm25", "bm25-k1-2.5-b-0")]
    assert results[0]["encoder"] != results[1]["encoder"]
    assert (out / "bm25" / "report.html").exists()
    comparison = json.loads((out / "comparison.json").read_text())
    assert comparison["labels"] == ["bm25", "bm25-k1-2.5-b-0"]
    # One table for all, and none of each.
    assert sum(set(line) == {"-"} for line in done.out.splitlines()) == 1
    assert done.out.splitlines()[-2:] == [f"Comparison: {out / 'comparison.html'}", f"Report: {out / 'report.html'}"]
    alone = run("evaluate", f"beir:{folder}", "--encoder", "bm25", "--resamples", "0", "--json")
    assert json.loads(alone.out)["rows"] == results[0]["rows"]


def test_without_the_report_extra_no_page_of_an_earlier_run_stays(
    run: Run, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    assert run("evaluate", f"beir:{folder}", *TWO, "-o", out).code == 0
    assert (out / "report.html").exists()
    monkeypatch.setitem(sys.modules, "jinja2", None)
    done = run("evaluate", f"beir:{folder}", *TWO, "-o", out)
    assert done.code == 0, done.err
    assert done.err.endswith(
        f"wrote report.md, comparison.md and comparison.json to {out}\n"
        "note: the HTML report needs an optional package: pip install 'clinometer[report]'\n"
    )
    names = {path.name for path in out.iterdir() if path.is_file()}
    assert names == {"report.md", "comparison.md", "comparison.json"}
    assert done.out.splitlines()[-2:] == [f"Comparison: {out / 'comparison.md'}", f"Report: {out / 'report.md'}"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "2 encoders need -o DIR, in which each has a folder"),
        (("-o", "out", "--json"), "--json is for one encoder, but 2 are given; leave it out"),
        (("-o", "out", "--save-run", "x.trec"), "--save-run is for one encoder"),
    ],
)
def test_what_is_for_one_result(
    run: Run, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], sentence: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert_complaint(run("evaluate", f"beir:{folder}", *TWO, *arguments), 2, sentence)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("code", "arguments", "sentence"),
    [
        (2, ("--encoder", "bm25:k1=x"), "invalid parameters of bm25 in 'bm25:k1=x'"),
        (2, ("--encoder", "http://host/v1"), "give the server's name of the model as well, with --model NAME"),
        (2, ("--encoder", "precomputed"), "--encoder precomputed is for one encoder"),
        (1, ("--encoder", "./absent"), "the model folder ./absent does not exist; check the path"),
        (2, ("--encoder", "offline", "--feedback", "0.2"), "--feedback: bm25 has no embeddings"),
        (2, ("--encoder", "offline", "--max-length", "9"), "--max-length has no effect on bm25; leave it out"),
    ],
)
def test_what_cannot_be_evaluated_is_refused_before_the_first(
    run: Run, folder: Path, tmp_path: Path, code: int, arguments: tuple[str, ...], sentence: str
) -> None:
    done = run("evaluate", f"beir:{folder}", "--encoder", "bm25", *arguments, "-o", tmp_path / "out")
    assert_complaint(done, code, sentence)
    assert len(done.err.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_reports_of_one_and_of_several_encoders_do_not_replace_each_other(
    run: Run, folder: Path, tmp_path: Path
) -> None:
    one, several = tmp_path / "one", tmp_path / "several"
    alone = ("evaluate", f"beir:{folder}", "--encoder", "bm25", "--resamples", "0")
    assert run(*alone, "-o", one).code == run("evaluate", f"beir:{folder}", *TWO, "-o", several).code == 0
    pages = [(place / "report.html").read_bytes() for place in (one, several)]
    done = run("evaluate", f"beir:{folder}", *TWO, "-o", one)
    assert_complaint(done, 2, "one holds the results of one encoder, whose report that of 2 would replace")
    done = run(*alone, "-o", several)
    assert_complaint(done, 2, "several holds the comparison of several encoders, whose report that of one would")
    assert [(place / "report.html").read_bytes() for place in (one, several)] == pages
    assert run("evaluate", f"beir:{folder}", *TWO, "-o", several).code == 0
    # A comparison that somebody put beside the results of one encoder is not in the way.
    (one / "comparison.json").write_bytes((several / "comparison.json").read_bytes())
    assert run(*alone, "-o", one).code == 0


def test_folders_are_distinct() -> None:
    assert folder_names(["org/a", "http://host/v1/", "/models/b"]) == ["a", "v1", "b"]
    with pytest.raises(UsageError, match="two encoders would have the folder A; evaluate each with its own -o"):
        folder_names(["x/A", "y/a"])
