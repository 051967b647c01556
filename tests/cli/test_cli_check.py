"""`clinometer check`: exit codes, and what is said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.command_line import Run


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
