"""`clinometer check`: exit codes, and what is said."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from support.command_line import Run, assert_complaint


@pytest.fixture
def results(evaluate: Run, tmp_path: Path) -> Path:
    assert evaluate("--measures", "Complete@10,nDCG@1,MaxR", "-o", tmp_path / "out").code == 0
    return tmp_path / "out"


def test_conditions_that_hold(run: Run, results: Path) -> None:
    for path in (results, results / "results.json"):
        done = run("check", path, "--min", "Complete@10[multi]=0.5", "--max", "MaxR[multi,macro]=9", "--use-bound")
        assert done.code == 0, done
        assert (
            done.out.splitlines()
            == [
                "ok    --max MaxR[multi,macro]=9 (1 row)",
                "ok    --min Complete@10[multi]=0.5 (4 rows)",
            ]
            or done.out.count("ok ") == 2
        )


def test_a_condition_that_fails_is_shown_with_value_interval_and_limit(run: Run, results: Path) -> None:
    done = run("check", results, "--max", "MaxR[multi]=1", "--min", "Complete@10[multi]=0")
    assert done.code == 1
    assert done.err == ""
    lines = done.out.splitlines()
    assert lines[0].startswith("FAIL  --max MaxR[multi]=1 (")
    assert lines[1].startswith("       multi, questions in en, pool en+de: ")
    assert " to " in lines[1]
    assert lines[-1].startswith("ok    --min Complete@10[multi]=0 (")
    found = json.loads(run("check", results, "--max", "MaxR[multi]=1", "--json").out)
    assert found["holds"] is False
    (condition,) = found["conditions"]
    assert condition["condition"] == "--max MaxR[multi]=1"
    assert condition["failures"][0]["compared"] == condition["failures"][0]["value"]


def test_a_baseline(run: Run, results: Path, tmp_path: Path) -> None:
    worse = json.loads((results / "results.json").read_text())
    for row in worse["rows"]:
        row["value"] = None if row["value"] is None else row["value"] - 0.25
    (tmp_path / "worse.json").write_text(json.dumps(worse))
    options = ["--baseline", results, "--max-drop", "nDCG@1[mono-same]=0.3", "--max-rise", "MaxR=0"]
    assert run("check", tmp_path / "worse.json", *options).code == 0
    done = run("check", tmp_path / "worse.json", "--baseline", results, "--max-drop", "nDCG@1[mono-same]=0.2")
    assert done.code == 1
    assert ", in the baseline " in done.out


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        ([], ["no conditions given"]),
        (
            ["--max", "RR=1", "--max", "MaxR[multi,fr]=1"],
            ["--max RR=1 matches no row", "--max MaxR[multi,fr]=1 matches no"],
        ),
        (["--max", "MaxR", "--min", "nDCX=1"], ["--max MaxR: expected MEASURE", "nDCX"]),
        (["--max-drop", "MaxR=1"], ["pass them with --baseline RESULTS"]),
    ],
)
def test_what_cannot_be_checked(run: Run, results: Path, options: list[str], parts: list[str]) -> None:
    done = run("check", results, *options)
    assert done.code == 2
    assert done.out == ""
    assert done.err.count("\n") == 1
    for part in parts:
        assert part in done.err


def test_results_that_are_not_there(run: Run, tmp_path: Path) -> None:
    assert run("check", tmp_path, "--max", "RR=1").code == 1


LIMITS = ("--max", "MaxR[multi]=1", "--min", "Complete@10[multi]=0")


def test_files_of_every_form_are_written_when_conditions_fail(run: Run, results: Path, tmp_path: Path) -> None:
    paths = [tmp_path / "deep" / f"check.{ending}" for ending in ("md", "xml", "txt", "json")]
    files = [part for path in paths for part in ("-o", path)]
    done = run("check", results, *LIMITS, *files)
    assert done.code == 1
    assert done.err == "".join(f"wrote {path}\n" for path in paths)
    markdown, xml, text, loaded = (path.read_text(encoding="utf-8") for path in paths)
    title = "clinometer check of precomputed on tiny"
    assert text == f"{title}\n{done.out}"
    assert markdown.startswith(f"<!-- {title} -->\n")
    root = ElementTree.fromstring(xml)
    assert (root.get("name"), root.get("tests"), root.get("failures")) == (title, "2", "1")
    assert json.loads(loaded)["holds"] is False
    # The same forms on standard output, and the exit code whatever the form.
    for form, content in (("markdown", markdown), ("junit", xml), ("json", loaded), ("text", done.out)):
        printed = run("check", results, *LIMITS, "--format", form)
        assert (printed.code, printed.out, printed.err) == (1, content, "")
        assert run("check", results, *LIMITS[2:], "--format", form).code == 0
    # Again over its own files, but not over others.
    assert run("check", results, *LIMITS[2:], *files).code == 0
    results_file = results / "results.json"
    before = results_file.read_bytes()
    assert_complaint(run("check", results, *LIMITS, "-o", results_file), 2, "exists and is of other results")
    assert results_file.read_bytes() == before


@pytest.mark.parametrize(
    ("options", "part"),
    [
        (["--format", "xml"], "unknown form 'xml' of --format; expected one of text, markdown, junit, json"),
        (["--json", "--format", "junit"], "--json and --format junit contradict each other"),
        (["-o", "check.pdf"], "check.pdf: an outcome is .md, .xml, .txt or .json; use a name that ends"),
        (["--paired"], "--paired is for --max-drop and --max-rise; pass one of these with --baseline RESULTS"),
    ],
)
def test_forms_that_contradict_or_are_unknown(run: Run, results: Path, options: list[str], part: str) -> None:
    assert_complaint(run("check", results, *LIMITS, *options), 2, part)


def test_a_paired_check_needs_the_values_per_query(run: Run, results: Path) -> None:
    drop = ["--max-drop", "nDCG@1=0", "--baseline", results]
    for path in (results, results / "results.json"):
        assert run("check", path, *drop, "--paired").code == 0
    unmeasured = run("check", results, *drop, "--paired", "--max-drop", "nDCG@10=0")
    assert_complaint(unmeasured, 2, "--max-drop nDCG@10=0 matches no row; the results have the measures")
    (results / "per_query.jsonl.gz").unlink()
    assert run("check", results, *drop).code == 0
    assert_complaint(run("check", results, *drop, "--paired"), 2, "has a results.json but no per_query.jsonl.gz")
