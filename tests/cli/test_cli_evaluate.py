"""`clinometer evaluate`, `demo` and `report`: what they print, and what they write where."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from support.command_line import Run
from support.interpreter import python

from clinometer.cli.option_groups import split_names

FILES = {"results.json", "per_query.jsonl.gz", "report.html", "report.md"}


def test_json_is_all_of_standard_output(evaluate: Run) -> None:
    done = evaluate("--json", "--scenarios", "multi,mono-same", "--measures", "MaxR,nDCG@10", "--resamples", "0")
    assert done.code == 0
    found = json.loads(done.out)
    assert list(found)[:4] == ["collection", "encoder", "settings", "rows"]
    rows = {
        (row["scenario"], row["query_language"], *row["pool_languages"]): row["value"]
        for row in found["rows"]
        if row["measure"] == "MaxR"
    }
    # d-en0 d-de0 d-en1 d-de1; d-en1 then both German ones at 0.6; d-de0 d-en0 d-en1 d-de1; d-de1 d-en1 d-de0 d-en0
    assert rows == {
        ("mono-same", "en", "en"): 1,
        ("mono-same", "de", "de"): 1,
        ("mono-same", "macro", "*"): 1,
        ("multi", "en", "en", "de"): 2.5,
        ("multi", "de", "en", "de"): 2,
        ("multi", "macro", "*"): 2.25,
    }
    assert {row["measure"] for row in found["rows"]} == {"MaxR", "nDCG@10"}
    assert {row["ci_low"] for row in found["rows"]} == {None}
    assert found["settings"]["command"].startswith("clinometer evaluate beir:")
    assert found["encoder"]["name"] == "precomputed"
    # What was read goes to standard error, and no bar where that is no terminal.
    assert "tiny: 4 documents, 4 queries, 8 judgements, 2 languages" in done.err
    assert "documents/queries by language: en 2/2, de 2/2" in done.err
    assert "%|" not in done.err


def test_a_table_is_printed_without_json(evaluate: Run) -> None:
    done = evaluate("--scenarios", "multi,one-sided")
    assert done.code == 0
    assert "Max@R" in done.out
    assert "tiny" in done.out
    assert not done.out.startswith("{")


def test_a_bar_on_standard_error_when_asked_for(evaluate: Run) -> None:
    done = evaluate("--json", "--progress")
    assert done.code == 0
    assert "scan: 4 of 4 documents, " in done.err
    json.loads(done.out)


def test_every_option_reaches_the_evaluation(evaluate: Run) -> None:
    done = evaluate(
        "--json", "--languages", "deu_Latn, eng_Latn", "--scenarios", "multi", "--measures",
        "mrr,LangShare(lang=en)@2,LanguageGap(MaxR)", "--pivot", "de", "--pairs", "all", "--ties", "expected",
        "--resamples", "20", "--resample", "question", "--confidence", "0.5", "--seed", "9", "--threads", "2",
        "--no-progress",
    )  # fmt: skip
    assert done.code == 0, done.err
    settings = json.loads(done.out)["settings"]
    wanted = {
        "pivot": "de", "pairs": "all", "ties": "expected", "resamples": 20, "confidence": 0.5, "seed": 9,
        "resample": "question",
        "scenarios": ["multi"], "measures": ["RR", "LangShare(lang=en)@2", "LanguageGap(MaxR)"],
    }  # fmt: skip
    assert {name: settings[name] for name in wanted} == wanted


def test_files_of_an_evaluation(evaluate: Run, tmp_path: Path) -> None:
    target = tmp_path / "deep" / "results"
    done = evaluate("--json", "-o", target)
    assert done.code == 0, done.err
    assert {path.name for path in target.iterdir()} == FILES
    assert (target / "results.json").read_text(encoding="utf-8") == done.out
    lines = gzip.decompress((target / "per_query.jsonl.gz").read_bytes()).decode().splitlines()
    assert {json.loads(line)["query_id"] for line in lines} == {"q-en0", "q-en1", "q-de0", "q-de1"}
    assert "<html" in (target / "report.html").read_text(encoding="utf-8")
    assert (target / "report.md").read_text(encoding="utf-8").strip()
    assert f"to {target}" in done.err
    # A second run replaces them, and says the same.
    before = {path.name: path.read_bytes() for path in target.iterdir()}
    assert evaluate("--json", "-o", target).code == 0
    assert {path.name: path.read_bytes() for path in target.iterdir()} == before


def test_notes_of_what_was_left_out(evaluate: Run, folder: Path) -> None:
    qrels = folder / "qrels" / "test.tsv"
    qrels.write_text(qrels.read_text().replace("q-de1\td-de1\t1\n", ""))
    done = evaluate("--json")
    note = "one-sided, pool en+de: 1 of the de queries have no answer in the pool and are left out"
    assert f"note: {note}" in done.err.splitlines()
    assert note in json.loads(done.out)["notices"]


def test_reports_of_results(run: Run, evaluate: Run, tmp_path: Path) -> None:
    assert evaluate("--json", "-o", tmp_path / "one").code == 0
    results = tmp_path / "one" / "results.json"
    table = run("report", results)
    assert (table.code, table.err) == (0, "")
    assert "\nQueries in " in table.out
    assert table.out.endswith("\n\n-o report.html writes the report as a page.\n")
    assert run("report", tmp_path / "one").out == table.out
    for name in ("report.html", "report.md"):
        done = run("report", results, tmp_path / "one", "-o", tmp_path / "new" / name)
        assert done.code == 0, done.err
        assert done.out.splitlines()[-1] == f"Report: {tmp_path / 'new' / name}"
        assert f"wrote {tmp_path / 'new' / name}" in done.err
    assert {path.name for path in (tmp_path / "new").iterdir()} == {"report.html", "report.md"}


@pytest.mark.parametrize("command", [(), ("evaluate",), ("demo",), ("report",), ("correct",)])
def test_help(run: Run, command: tuple[str, ...]) -> None:
    done = run(*command, "--help")
    assert done.code == 0
    assert "Usage: " in done.out
    assert run(*command, "-h").out == done.out


def test_the_installed_script_is_this_command() -> None:
    code = "import sys; sys.argv = ['clinometer', '--version']; from clinometer.cli import main; main()"
    assert python(code).startswith("clinometer ")


def test_names_are_split_at_commas_outside_parentheses() -> None:
    assert split_names(None) is None
    assert split_names("") == []
    assert split_names(" MaxR ,, LangShare(lang=de)@10,Intrusion(by=own)") == [
        "MaxR", "LangShare(lang=de)@10", "Intrusion(by=own)",
    ]  # fmt: skip
    assert split_names("A(x=1,y=2),B") == ["A(x=1,y=2)", "B"]


def test_the_last_line_says_where_the_report_is(evaluate: Run, tmp_path: Path) -> None:
    lines = evaluate().out.splitlines()
    assert "values are shown; --verbose shows more tables" in lines[-3]
    assert lines[-2:] == ["", "Nothing was written; -o DIR writes the report and all values."]
    assert evaluate("-o", tmp_path / "out").out.splitlines()[-1] == f"Report: {tmp_path / 'out' / 'report.html'}"
    assert (tmp_path / "out" / "report.html").exists()
