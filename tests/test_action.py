"""The GitHub Action's script: what it runs, what it writes for the runner, and its exit codes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

import clinometer as cm

SCRIPT = Path(__file__).resolve().parents[1] / "packaging" / "action.py"


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Arguments of an evaluation with arrays, the folder of its results, and one of an earlier run of it."""
    folder = tmp_path_factory.mktemp("action")
    collection = cm.load("demo", languages=["en", "de"])
    rng = np.random.default_rng(0)
    for side in ("queries", "documents"):
        rows = rng.normal(size=(len(getattr(collection, side)), 8)).astype(np.float32)
        np.save(folder / f"{side}.npy", rows)
    arrays = " ".join(f"--{side} '{folder / side}.npy'" for side in ("queries", "documents"))
    measures = "--scenarios multi --measures MaxR,nDCG@10 --resamples 50"
    evaluate = f"demo --languages en,de --encoder precomputed # arrays\n{arrays}\n{measures}"
    given = {"EVALUATE": evaluate, "RESULTS": str(folder / "results")}
    assert action(folder, **given)[0] == 0
    shutil.copytree(folder / "results", folder / "baseline")
    return given | {"BASELINE": str(folder / "baseline")}


def action(folder: Path, **variables: str) -> tuple[int, dict[str, str], str]:
    """Exit code, outputs and summary of a run in a job of its own."""
    files = {name: folder / name for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
    for path in files.values():
        path.write_text("", encoding="utf-8")
    environment: dict[str, Any] = {**os.environ, **files, **variables}
    done = subprocess.run([sys.executable, SCRIPT], env=environment, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
    lines = files["GITHUB_OUTPUT"].read_text(encoding="utf-8").splitlines()
    outputs = dict(line.split("=", 1) for line in lines)
    return done.returncode, outputs, files["GITHUB_STEP_SUMMARY"].read_text(encoding="utf-8")


def test_conditions_that_hold(inputs: dict[str, str], tmp_path: Path) -> None:
    check = "--max MaxR=1e9\n--max-drop 'nDCG@10=0' --paired"
    code, outputs, summary = action(tmp_path, **inputs, CHECK=check)
    assert code == 0
    assert outputs["holds"] == "true"
    assert ElementTree.parse(outputs["junit"]).getroot().get("failures") == "0"
    assert Path(outputs["markdown"]).read_text(encoding="utf-8") == summary
    assert "2 conditions: all hold." in summary
    assert "0 clearly became worse and 0 better" in summary


def test_a_condition_that_fails(inputs: dict[str, str], tmp_path: Path) -> None:
    code, outputs, summary = action(tmp_path, **(inputs | {"BASELINE": ""}), CHECK="--min 'nDCG@10[multi]=1'")
    assert code == 1
    assert outputs["holds"] == "false"
    assert ElementTree.parse(outputs["junit"]).getroot().get("failures") == "1"
    assert "**1 of 1 condition fails.**" in summary


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"EVALUATE": "nowhere:x --encoder offline"}, 2),
        ({"CHECK": "--min nDCX=1"}, 2),
        ({"BASELINE": "/nowhere"}, 1),
        ({"CHECK": "--min 'nDCG@10[multi]=0'; touch ran"}, 2),
    ],
)
def test_what_cannot_be_done_says_nothing_holds(
    inputs: dict[str, str], tmp_path: Path, changes: dict[str, str], expected: int
) -> None:
    code, outputs, summary = action(tmp_path, **(inputs | {"EVALUATE": ""} | changes))
    assert (code, outputs, summary) == (expected, {}, "")
    assert not Path("ran").exists()


def test_without_conditions_there_is_nothing_to_hold(inputs: dict[str, str], tmp_path: Path) -> None:
    code, outputs, summary = action(tmp_path, **(inputs | {"EVALUATE": "", "BASELINE": ""}))
    assert (code, outputs, summary) == (0, {}, "")
