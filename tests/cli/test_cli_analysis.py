"""Error analysis, groups and figures on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from support.command_line import Run


@pytest.fixture
def hurt(folder: Path) -> Path:
    """The small collection, where the other English page now stands above the German answers."""
    rows = np.array([[1, 0, 0], [0, 1, 0], [0.5, 0.1, 0.8], [0.1, 0.5, 0.8]], dtype=np.float32)
    np.save(folder / "documents.npy", rows)
    np.save(folder / "queries.npy", np.array([[1, 0, 0], [0, 1, 0], [0, 1, 0], [1, 0, 0]], dtype=np.float32))
    return folder


def test_examples_are_kept_with_results_unless_told_otherwise(evaluate: Run, hurt: Path, tmp_path: Path) -> None:
    done = evaluate("-o", tmp_path / "one", "--scenarios", "one-sided")
    assert done.code == 0, done.err
    assert "wrote results.json, per_query.jsonl.gz, examples.jsonl.gz, report.md and report.html" in done.err
    assert (tmp_path / "one" / "examples.jsonl.gz").exists()
    assert "Queries hurt" not in done.out
    assert "German queries: the 2 hurt most" in (tmp_path / "one" / "report.html").read_text(encoding="utf-8")
    assert "German queries: the 2 hurt most" in (tmp_path / "one" / "report.md").read_text(encoding="utf-8")
    # The same folder without texts: those of the first run do not stay.
    done = evaluate("-o", tmp_path / "one", "--scenarios", "one-sided", "--examples", "0")
    assert done.code == 0, done.err
    assert not (tmp_path / "one" / "examples.jsonl.gz").exists()
    page = (tmp_path / "one" / "report.html").read_text(encoding="utf-8")
    assert "What ranks first" in page
    assert "hurt most" not in page
    assert "analysis" in json.loads((tmp_path / "one" / "results.json").read_text(encoding="utf-8"))


def test_without_a_folder_there_is_no_analysis_unless_asked_for(evaluate: Run, hurt: Path) -> None:
    assert "analysis" not in json.loads(evaluate("--json").out)
    assert "analysis" in json.loads(evaluate("--json", "--examples", "1").out)


def test_a_report_of_folders_shows_their_examples(run: Run, evaluate: Run, hurt: Path, tmp_path: Path) -> None:
    assert evaluate("-o", tmp_path / "one", "--examples", "1").code == 0
    assert run("report", tmp_path / "one", "-o", tmp_path / "again.html").code == 0
    assert (tmp_path / "again.html").read_bytes() == (tmp_path / "one" / "report.html").read_bytes()
    (tmp_path / "one" / "examples.jsonl.gz").write_bytes(b"broken")
    done = run("report", tmp_path / "one", "-o", tmp_path / "again.html")
    assert done.code == 1
    assert "examples.jsonl.gz:1: broken gzip" in done.err


def test_results_by_a_field(evaluate: Run, folder: Path) -> None:
    path = folder / "queries.jsonl"
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    for row in rows:
        row["metadata"] = {"topic": f"topic {row['group']}"}
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    done = evaluate("--json", "--by", "topic")
    found = json.loads(done.out)
    assert {row["group"] for row in found["by"]} == {"topic 0", "topic 1"}
    assert found["collection"]["query_fields"] == {"topic": 2}
    assert "By topic, queries in German" in evaluate("--by", "topic", "--verbose").out
    done = evaluate("--by", "subject")
    assert done.code == 2
    assert "no field 'subject'; they have: topic" in done.err


def test_figures_of_an_evaluation_and_of_results(run: Run, evaluate: Run, hurt: Path, tmp_path: Path) -> None:
    done = evaluate("-o", tmp_path / "one", "--figures", tmp_path / "figures")
    assert done.code == 0, done.err
    names = sorted(path.name for path in (tmp_path / "figures").iterdir())
    assert {"lean.svg", "lean.png", "intrusion.svg", "causes-one-sided.png"} <= set(names)
    told = next(line for line in done.err.splitlines() if line.endswith(f"to {tmp_path / 'figures'}"))
    assert sorted(told.removeprefix("wrote ").rpartition(" to ")[0].split(", ")) == names
    done = run("report", tmp_path / "one", "--figures", tmp_path / "again")
    assert done.code == 0, done.err
    assert {path.name: path.read_bytes() for path in (tmp_path / "again").iterdir()} == {
        path.name: path.read_bytes() for path in (tmp_path / "figures").iterdir()
    }
    (tmp_path / "file").touch()
    done = run("report", tmp_path / "one", "--figures", tmp_path / "file")
    assert done.code == 2
    assert "is a file; give a folder" in done.err


def test_figures_of_a_comparison(run: Run, evaluate: Run, hurt: Path, tmp_path: Path) -> None:
    for name in ("before", "after", "third"):
        assert evaluate("-o", tmp_path / name, "--examples", "0").code == 0
    done = run("compare", tmp_path / "before", tmp_path / "after", "--resamples", "20", "--figures", tmp_path / "one")
    assert done.code == 0, done.err
    assert "wrote change-1-multi.svg, change-1-multi.png, change-1-mono-same.svg" in done.err
    names = [tmp_path / name for name in ("before", "after", "third")]
    assert run("compare", *names, "--resamples", "20", "--figures", tmp_path / "two").code == 0
    svg = (tmp_path / "two" / "change-2-multi.svg").read_text(encoding="utf-8")
    assert "third" in svg


def test_a_negative_number_of_examples_is_wrong_usage(evaluate: Run) -> None:
    assert evaluate("--examples", "-1").code == 2
