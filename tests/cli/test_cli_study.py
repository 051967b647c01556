"""`clinometer study`: its file, what it writes, and how it resumes."""

from __future__ import annotations

import json
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from textwrap import dedent
from typing import Any

import numpy as np
import pytest
from support.command_line import Run, assert_complaint
from support.studies import STUDY, write_study

from clinometer.adapters import Adapter
from clinometer.cli.encoder_options import EncoderOptions
from clinometer.cli.study import embeddings, measuring, running
from clinometer.cli.study.definition import KEYS, EncoderEntry, read_definition
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


@pytest.mark.parametrize(
    ("before", "after", "parts"),
    [
        ("sample: 2", "sampel: 2", [":16:", "unknown key 'sampel' of a remedy; did you mean 'sample'?"]),
        ("sample: 2", "sample: two", [":16:", "sample is 'two', but must be a whole number"]),
        ("sample: 2", "sample: 0", [":16:", "sample is '0', but must be 1 or more"]),
        ("sample: 2", "sample: [1, 2]", [":16:", "sample is ['1', '2'], but must be one value"]),
        ("sample: 2", "centre: maybe", [":16:", "centre is 'maybe', but must be true or false"]),
        ("sample: 2", "seed: 2", [":16:", "unknown key 'seed' of a remedy"]),
        ("method: center", "method: centre", [":14:", "unknown correction 'centre'"]),
        ("encoders:", "encoder:", [":3:", "unknown key 'encoder' of a study; did you mean 'encoders'?"]),
        ("  - encoder: bm25", "  - bm25", [":9:", "an encoder is 'bm25', but must be keys with values"]),
        ("  - encoder: bm25", "  - name: bm25", [":9:", "an encoder has no encoder"]),
        ("  - encoder: bm25", "  - encoder: bm25\n    name: a/b", [":9:", "'a/b' cannot name a folder"]),
        ("  - encoder: bm25", "  - encoder: bm25\n    name: STRAIGHT", ["entries have the encoder name 'straight'"]),
        ("  - encoder: bm25", "  - encoder: x\n    http: [speed=1]", [":10:", "http speed=1: unknown option 'speed'"]),
        ("  - encoder: bm25", "  - encoder: x\n    queries: a.npy", [":9:", "are for encoder: precomputed"]),
        ("    documents: {folder}/documents.npy\n", "", [":4:", "precomputed needs queries and documents"]),
        ("source: beir:{folder}", "sauce: demo", [":11:", "a collection has no source"]),
        ("source: beir:{folder}", "source: demo\n    pool: skew(en=2", [":11:", "skew"]),
        ("name: center", "name: none", ["two entries have the remedy name 'none'"]),
        ("    method: center\n    sample: 2\n    shrinkage: 0.5\n", "", [":14:", "the remedy center does nothing"]),
        ("sample: 2", "encoders: straigt", [":14:", "is for 'straigt', but the encoders are straight, bm25"]),
        ("sample: 2", "correction: x.npz", [":14:", "has a correction and says how to fit one"]),
        ("seeds: [0, 1]", "seeds: [0, 0]", ["seeds must be different whole numbers"]),
        ("seeds: [0, 1]", "seeds: [zero]", ["seeds are zero, but must be whole numbers"]),
        ("resamples: 50", "resample: everything", ["resample"]),
        ("resamples: 50", "resamples: 1_0", [":20:", "resamples is '1_0', but must be a whole number"]),
        ("Complete@10", "Complet@10", ["did you mean Complete@10?"]),
        ("by: A. Tester", "by: A\nname: twice", [":3:", "the key 'name' is in line 1 as well"]),
        ("by: A. Tester", "by: !!python/object/apply:os.system [ls]", [":2:", "a type of YAML that a study has not"]),
        ("by: A. Tester", "by: [", ["not YAML"]),
        ("by: A. Tester", "by: &a [*a]", [":2:", "nested more than 12 levels deep"]),
        ("by: A. Tester", "by: \x00", ["not YAML"]),
        ("by: A. Tester", "? [a]\n: b", [":2:", "a key is ['a'], but must be a word"]),
        ("by: A. Tester", "by: " + "[" * 3000, ["nested", "check its brackets"]),
        ("by: A. Tester", "a: &a [" + "x, " * 9 + "x]\nb: &b [" + "*a, " * 99 + "]\nc: &c [" + "*b, " * 99 + "]",
         ["more than 20,000 values"]),
    ],
)  # fmt: skip
def test_what_a_study_cannot_be(
    run: Run, folder: Path, tmp_path: Path, before: str, after: str, parts: list[str]
) -> None:
    assert before in STUDY
    study = write_study(folder, tmp_path / "study.yaml", STUDY.replace(before, after, 1))
    done = run("study", study, "-o", tmp_path / "out")
    assert_complaint(done, 1, *parts)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("content", [b"", b"# nothing\n", b"\xff\xfe", b"- a\n- b\n", b"a\n", b"a: b\n--- \nc: d\n"])
def test_files_that_are_not_a_study(run: Run, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "study.yaml").write_bytes(content)
    done = run("study", tmp_path / "study.yaml", "-o", tmp_path / "out")
    assert_complaint(done, 1, "study.yaml")
    assert run("study", tmp_path / "missing.yaml").code == 1


def test_words_of_yaml_are_texts(run: Run, folder: Path, tmp_path: Path) -> None:
    """Norwegian is `no`, which YAML 1.1 reads as false."""
    text = STUDY.replace("source: beir:{folder}", "source: beir:{folder}\n    languages: [no, en]")
    study = write_study(folder, tmp_path / "study.yaml", text)
    done = run("study", study, "-o", tmp_path / "out")
    assert done.code == 1
    assert "no" in json.loads((tmp_path / "out" / "study.json").read_text())["failed"][0]["problem"]
    assert "False" not in done.err


def test_the_study_of_the_documentation_is_read(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "many-encoders.md").read_text(encoding="utf-8")
    block = page.partition("    name: mine\n")[2].partition("\n\n")[0]
    (tmp_path / "study.yaml").write_text(dedent(f"    name: mine\n{block}\n"), encoding="utf-8")
    study = read_definition(tmp_path / "study.yaml")
    assert (study.name, study.by) == ("mine", "A team")
    assert study.collections[1].reading.languages == "en,de,no"
    assert len(list(study.cells())) == 4 + 2 * 3 * 3 + 2


@pytest.mark.parametrize(("section", "keys"), [(title, keys) for title, _, keys in KEYS])
def test_every_documented_key_is_known(tmp_path: Path, section: str, keys: dict[str, Any]) -> None:
    """A key without a value is as if it were absent, and an unknown one is an error all the same."""
    parts = {"encoders": {"encoder": "bm25"}, "collections": {"source": "demo"}, "remedies": {}, "evaluate": {}}
    parts["remedies"] = {"name": "center", "method": "center"}
    content: dict[str, Any] = {name: [part] for name, part in parts.items() if name != "evaluate"}
    content |= {"evaluate": {}, "store": {}}
    target = content if section == "The study" else content[section]
    for part in target if isinstance(target, list) else [target]:
        part |= {key: None for key in keys if key not in part}
    (tmp_path / "study.yaml").write_text(json.dumps(content), encoding="utf-8")
    assert len(read_definition(tmp_path / "study.yaml").encoders) == 1
