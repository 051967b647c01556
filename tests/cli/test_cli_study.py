"""`clinometer study`: what it writes, and how it resumes."""

from __future__ import annotations

import json
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.command_line import Run, assert_complaint
from support.studies import STUDY, write_study

from clinometer.adapters import Adapter
from clinometer.cli.encoder_options import EncoderOptions
from clinometer.cli.study import embeddings, measuring, running
from clinometer.cli.study.definition import EncoderEntry
from clinometer.cli.study.meaning import encoding
from clinometer.correction import Turn, load

CELLS = ["straight/four/none", "straight/four/center/seed-0", "straight/four/center/seed-1", "bm25/four/none"]


@pytest.fixture
def study(folder: Path, tmp_path: Path) -> Path:
    return write_study(folder, tmp_path / "study.yaml")


def files_of(folder: Path) -> dict[str, bytes]:
    """Contents of all files of results."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted((folder / "results").rglob("*"))
        if path.is_file()
    }


def without_times(files: dict[str, bytes]) -> dict[str, Any]:
    """The files without what differs from run to run: times."""
    plain: dict[str, Any] = {}
    for name, raw in files.items():
        plain[name] = raw
        if name.endswith("cell.json"):
            plain[name] = {
                key: value for key, value in json.loads(raw).items() if key not in ("seconds", "finished", "cost")
            }
    return plain


def test_a_study_writes_one_folder_of_results(run: Run, study: Path, tmp_path: Path) -> None:
    done = run("study", study, "-o", tmp_path / "out")
    assert done.code == 0, done.err
    assert done.out.splitlines() == [f"results/{cell}" for cell in CELLS]
    assert "tiny: 4 cells, 0 of them finished, 4 to do" in done.err
    manifest = json.loads((tmp_path / "out" / "study.json").read_text())
    assert (manifest["schema"], manifest["name"], manifest["by"], manifest["planned"]) == (1, "tiny", "A. Tester", 4)
    assert [cell["path"] for cell in manifest["cells"]] == [f"results/{cell}" for cell in CELLS]
    assert manifest["failed"] == []
    assert manifest["study"]["encoders"][1] == {"encoder": "bm25"}
    cell = json.loads((tmp_path / "out" / "results" / CELLS[1] / "cell.json").read_text())
    assert (cell["encoder"], cell["collection"], cell["remedy"], cell["seed"]) == ("straight", "four", "center", 0)
    assert cell["notes"] == {"encoder": "made by hand"}
    assert cell["versions"]["clinometer"] == "0.1.0"
    assert cell["machine"]["processor"]
    assert cell["meaning"]["remedy"]["sample"] == 2
    changed = {(row["scenario"], row["measure"], row["query_language"]) for row in cell["changes"]}
    assert {("multi", "nDCG@1", "de"), ("mono-same", "nDCG@1", "de")} <= changed
    results = json.loads((tmp_path / "out" / "results" / CELLS[1] / "results.json").read_text())
    assert results["schema"] == 1
    assert results["encoder"]["remedies"][0]["method"] == "center"
    assert run("check", "--schema", tmp_path / "out").code == 0


def test_the_commands_of_a_cell_give_its_results_by_hand(
    run: Run, study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("study", study, "-o", tmp_path / "out").code == 0
    monkeypatch.chdir(tmp_path)
    for name in (CELLS[0], CELLS[2], CELLS[3]):
        cell = json.loads((tmp_path / "out" / "results" / name / "cell.json").read_text())
        for command in cell["commands"][:-1]:
            assert run(*shlex.split(command)[1:]).code == 0
        done = run(*shlex.split(cell["commands"][-1])[1:], "--json")
        assert done.code == 0, done.err
        rows = json.loads((tmp_path / "out" / "results" / name / "results.json").read_text())["rows"]
        assert json.loads(done.out)["rows"] == rows


@pytest.mark.parametrize("adapted", [False, True])
def test_a_turn_in_a_study_is_that_of_its_commands(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, adapted: bool
) -> None:
    remedy = "{name: turned, method: center, turn: true, sample: 20}"
    if adapted:
        weight = np.eye(512) + 0.05 * np.random.default_rng(0).normal(size=(512, 512)) / np.sqrt(512)
        Adapter("linear", {"weight": weight, "bias": np.zeros(512)}).save(tmp_path / "adapter.safetensors")
        remedy = remedy.replace("}", f", adapter: {tmp_path / 'adapter.safetensors'}}}")
    (tmp_path / "study.yaml").write_text(
        "encoders: [{encoder: offline}]\n"
        "collections: [{source: demo, languages: [en, de]}]\n"
        f"remedies: [{remedy}]\n"
        "seeds: [1]\n"
        "evaluate: {resamples: 0, scenarios: [multi], measures: [Complete@10]}\n",
        encoding="utf-8",
    )
    done = run("study", tmp_path / "study.yaml", "-o", tmp_path / "out")
    assert done.code == 0, done.err
    folder = tmp_path / "out" / "results" / "offline" / "demo" / "turned" / "seed-1"
    monkeypatch.chdir(tmp_path)
    fit, evaluate = (shlex.split(text)[1:] for text in json.loads((folder / "cell.json").read_text())["commands"])
    assert run(*fit).code == 0
    rows = json.loads(run(*evaluate, "--json").out)["rows"]
    assert json.loads((folder / "results.json").read_text())["rows"] == rows
    correction, by_hand = load(folder / "correction.npz"), load(tmp_path / "offline-demo-turned-1.npz")
    assert isinstance(correction, Turn)
    np.testing.assert_array_equal(correction.arrays["rotations"], by_hand.arrays["rotations"])


def test_files_and_weights_are_read_once_for_all_remedies(
    run: Run, study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = []

    def counted(entry: EncoderEntry, *arguments: Any) -> dict[str, Any]:
        names.append(entry.name)
        return encoding(entry, *arguments)

    monkeypatch.setattr(running, "encoding", counted)
    assert run("study", study, "-o", tmp_path / "out").code == 0
    assert names == ["straight", "bm25"]


def test_feedback_is_a_remedy(run: Run, folder: Path, tmp_path: Path) -> None:
    text = STUDY.replace("method: center\n    sample: 2\n    shrinkage: 0.5", "feedback: 0.2")
    study = write_study(folder, tmp_path / "study.yaml", text)
    assert run("study", study, "-o", tmp_path / "out").code == 0
    path = tmp_path / "out" / "results" / "straight" / "four" / "center"
    results, cell = (json.loads((path / f"{name}.json").read_text()) for name in ("results", "cell"))
    assert [remedy["method"] for remedy in results["encoder"]["remedies"]] == ["feedback"]
    done = run(*shlex.split(cell["commands"][-1])[1:], "--json")
    assert json.loads(done.out)["rows"] == results["rows"]
    assert run("check", "--schema", tmp_path / "out").code == 0


def test_own_first_is_part_of_a_remedy(run: Run, folder: Path, tmp_path: Path) -> None:
    study = write_study(folder, tmp_path / "study.yaml", STUDY.replace("sample: 2", "sample: 2\n    own-first: true"))
    assert run("study", study, "-o", tmp_path / "out").code == 0
    path = next((tmp_path / "out" / "results" / "straight" / "four" / "center").rglob("cell.json")).parent
    results, cell = (json.loads((path / f"{name}.json").read_text()) for name in ("results", "cell"))
    assert [remedy["method"] for remedy in results["encoder"]["remedies"]] == ["center", "own-first"]
    assert "--own-first" in cell["commands"][-1]
    assert run("check", "--schema", tmp_path / "out").code == 0
    text = STUDY.replace("method: center\n    sample: 2\n    shrinkage: 0.5", "own-first: true")
    done = run("study", write_study(folder, tmp_path / "alone.yaml", text), "-o", tmp_path / "alone")
    assert_complaint(done, 1, "the remedy center does nothing")


def test_finished_cells_are_not_done_again(run: Run, study: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run("study", study, "-o", out).code == 0
    before = files_of(out)
    done = run("study", study, "-o", out)
    assert done.code == 0
    assert "4 cells, 4 of them finished, 0 to do" in done.err
    assert files_of(out) == before


def test_an_interrupted_study_resumes(run: Run, study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("study", study, "-o", tmp_path / "whole").code == 0
    calls: list[str] = []
    measure = measuring.measure

    def interrupted(cell: Any, *arguments: Any, **options: Any) -> Any:
        calls.append(str(cell.path))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return measure(cell, *arguments, **options)

    monkeypatch.setattr(running, "measure", interrupted)
    done = run("study", study, "-o", tmp_path / "out")
    assert done.code == 130
    assert f"2 of 4 cells are in {tmp_path / 'out'}; run the same command again to resume" in done.err
    manifest = json.loads((tmp_path / "out" / "study.json").read_text())
    assert len(manifest["cells"]) == 2
    assert run("check", "--schema", tmp_path / "out").code == 0
    calls += ["stop", "counting"]
    done = run("study", study, "-o", tmp_path / "out")
    assert done.code == 0, done.err
    assert calls[5:] == [f"results/{cell}" for cell in CELLS[2:]]
    assert without_times(files_of(tmp_path / "out")) == without_times(files_of(tmp_path / "whole"))


@pytest.mark.skipif(sys.platform == "win32", reason="no such signal")
def test_a_killed_study_resumes_and_leaves_nothing_half_written(run: Run, study: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run("study", study, "-o", tmp_path / "whole").code == 0
    command = [sys.executable, "-m", "clinometer", "study", str(study), "-o", str(out)]
    for name in CELLS[:2]:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        # Killed while it writes: as soon as the results of a cell begin to appear.
        folder, patience = out / "results" / name, time.monotonic() + 120
        while process.poll() is None and not (folder.is_dir() and any(folder.iterdir())):
            assert time.monotonic() < patience
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=60)
    done = run("study", study, "-o", out)
    assert done.code == 0, done.err
    assert without_times(files_of(out)) == without_times(files_of(tmp_path / "whole"))
    assert list(out.rglob("*.partial*")) == []


def test_a_change_redoes_the_cells_whose_meaning_it_changes(run: Run, study: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run("study", study, "-o", out).code == 0
    before = files_of(out)
    study.write_text(study.read_text().replace("shrinkage: 0.5", "shrinkage: 1.0").replace("made by hand", "new"))
    done = run("study", study, "-o", out)
    assert done.code == 0, done.err
    assert "again: straight · four · center · seed 0: remedy shrinkage: 0.5, now 1.0\n" in done.err
    assert "4 cells, 2 of them finished, 2 to do" in done.err
    after = files_of(out)
    assert {name for name in before if before[name] != after[name]} == {
        f"results/straight/four/center/seed-{seed}/{file}"
        for seed in (0, 1)
        for file in ("cell.json", "correction.npz", "results.json")
    }
    # Other embeddings: everything of that encoder is made anew, the other one's results stay.
    rows = np.load(path := study.parent / "tiny" / "documents.npy")
    np.save(path, rows[:, ::-1].copy())
    done = run("study", study, "-o", out)
    assert done.code == 0, done.err
    assert "encoding anew into" in done.err
    assert "4 cells, 1 of them finished, 3 to do" in done.err
    assert files_of(out)["results/bm25/four/none/cell.json"] == after["results/bm25/four/none/cell.json"]


def test_damaged_and_changed_cells_are_done_again(run: Run, study: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run("study", study, "-o", out).code == 0
    before = files_of(out)
    (out / "results" / CELLS[0] / "results.json").write_text("{}")
    (out / "results" / CELLS[1] / "cell.json").write_text('{"schema": 1')
    (out / "results" / CELLS[3] / "results.json").unlink()
    done = run("study", study, "-o", out)
    assert done.code == 0, done.err
    assert "again: straight · four · none: its results.json was changed" in done.err
    assert done.err.count("its files are damaged") == 2
    assert without_times(files_of(out)) == without_times(before)


def test_a_cell_that_fails_does_not_stop_the_others(run: Run, study: Path, tmp_path: Path) -> None:
    text = study.read_text().replace("  - encoder: bm25\n", "  - encoder: bm25\n  - encoder: no/such-folder\n")
    text = text.replace("method: center\n    sample: 2\n    shrinkage: 0.5", "adapter: missing.safetensors")
    study.write_text(text)
    done = run("study", study, "-o", tmp_path / "out")
    assert done.code == 1
    assert done.out.splitlines() == ["results/straight/four/none", "results/bm25/four/none"]
    failed = json.loads((tmp_path / "out" / "study.json").read_text())["failed"]
    assert [(cell["encoder"], cell["remedy"]) for cell in failed] == [
        ("straight", "center"), ("such-folder", "center"), ("such-folder", "none"),
    ]  # fmt: skip
    assert "missing.safetensors" in failed[0]["problem"]
    assert "Traceback" not in done.err


def test_each_side_is_stored_once(run: Run, study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stored: list[str] = []
    copied = embeddings._copied

    def counted(folder: Path, *arguments: Any) -> None:
        stored.append(folder.name)
        copied(folder, *arguments)

    monkeypatch.setattr(embeddings, "_copied", counted)
    assert run("study", study, "-o", tmp_path / "out").code == 0
    study.write_text(study.read_text().replace("seeds: [0, 1]", "seeds: [0, 1, 2]"))
    assert run("study", study, "-o", tmp_path / "out").code == 0
    assert stored == ["documents", "queries"]


def test_an_encoder_is_loaded_once_and_its_cost_recorded(
    run: Run, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[str] = []
    make = EncoderOptions.make

    def counted(options: EncoderOptions) -> Any:
        loaded.append(options.name)
        return make(options)

    monkeypatch.setattr(EncoderOptions, "make", counted)
    text = (
        "encoders: [{encoder: offline}]\ncollections: [{source: 'beir:{folder}'}, {source: demo, languages: [en, de]}]"
    )
    text += "\nremedies: [{name: center, method: center}]\nevaluate: {scenarios: multi, measures: MaxR, resamples: 0}"
    study = write_study(folder, tmp_path / "study.yaml", text)
    done = run("study", study, "-o", tmp_path / "out")
    assert done.code == 0, done.err
    assert loaded == ["offline"]
    cell = json.loads((tmp_path / "out" / "results" / "offline" / "demo" / "none" / "cell.json").read_text())
    assert {side: cost["texts"] for side, cost in cell["cost"].items()} == {"documents": 150, "queries": 300}
    assert cell["cost"]["queries"]["seconds"] > 0
    loaded.clear()
    assert run("study", study, "-o", tmp_path / "out").code == 0
    assert loaded == []


def test_cells_that_the_study_no_longer_has_are_named(run: Run, study: Path, tmp_path: Path) -> None:
    assert run("study", study, "-o", tmp_path / "out").code == 0
    study.write_text(study.read_text().replace("seeds: [0, 1]", "seeds: 0"))
    done = run("study", study, "-o", tmp_path / "out")
    assert done.code == 0
    assert "1 finished cells are not in the study any more" in done.err
    assert len(json.loads((tmp_path / "out" / "study.json").read_text())["cells"]) == 3


def test_folders_that_hold_something_else_are_refused(run: Run, study: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.tex").write_text("")
    assert_complaint(run("study", study, "-o", tmp_path / "other"), 1, "has no study.json but holds 'thesis.tex'")
    assert_complaint(run("study", study, "-o", study), 2, "is a file; give a folder")
    (tmp_path / "later").mkdir()
    (tmp_path / "later" / "study.json").write_text('{"schema": 2, "name": "x", "cells": []}')
    done = run("study", study, "-o", tmp_path / "later")
    assert_complaint(done, 1, "study.json: of schema 2, but this clinometer reads schema 1")
