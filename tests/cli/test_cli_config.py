"""`--config`: options from a file; what the command line says wins, and what the file cannot say is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.command_line import Run, assert_complaint
from support.live_commands import commands, options

from clinometer.cli.config import CONFIGURED

LIVE = commands()


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_which_commands_take_a_file() -> None:
    assert sorted(name for name in LIVE if "--config" in options(LIVE[name])) == sorted(CONFIGURED)


@pytest.fixture
def config(folder: Path) -> Path:
    text = """
source: beir:.
encoder: precomputed
queries: queries.npy
documents: documents.npy
languages: [en, de]
scenarios: multi
resamples: 0
exclude_own_id: false
output: results
"""
    return written(folder / "evaluate.yaml", text)


def record(folder: Path) -> Any:
    return json.loads((folder / "results.json").read_text(encoding="utf-8"))


def test_a_file_says_all_and_the_command_line_wins(run: Run, folder: Path, config: Path) -> None:
    done = run("evaluate", "--config", config)
    assert done.code == 0, done.err
    results = record(folder / "results")
    assert {row["scenario"] for row in results["rows"]} == {"multi"}
    settings = results["settings"]
    assert settings["config"]["file"] == str(config)
    assert set(settings["config"]["options"]) == {
        "source", "encoder", "queries", "documents", "languages", "scenarios", "resamples", "exclude-own-id", "output",
    }  # fmt: skip
    assert settings["config"]["options"]["languages"] == "en,de"
    done = run("evaluate", f"beir:{folder}", "--config", config, "--scenarios", "one-sided", "-o", folder / "other")
    assert done.code == 0, done.err
    results = record(folder / "other")
    assert {row["scenario"] for row in results["rows"]} == {"one-sided"}
    assert not {"source", "scenarios", "output"} & set(results["settings"]["config"]["options"])
    assert run("check", folder / "other", "--schema").code == 0
    # Without a file there is no word of one, also after a command that had one.
    arrays = ("--encoder", "precomputed", "--queries", folder / "queries.npy", "--documents", folder / "documents.npy")
    plain = run("evaluate", f"beir:{folder}", *arrays, "--resamples", "0", "--json")
    assert "config" not in json.loads(plain.out)["settings"]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("langages: en", [":1:", "unknown key 'langages' of a configuration; did you mean 'languages'?"]),
        ("source: demo\nresamples: many", [":2:", "resamples: 'many' is not a valid integer"]),
        ("resamples: -1", [":1:", "resamples:", "0"]),
        ("verbose: perhaps", [":1:", "verbose is 'perhaps', but must be true or false"]),
        ("languages: {en: de}", [":1:", "an item of languages is"]),
        ("exclude-own-id: true\nexclude_own_id: true", [":2:", "exclude_own_id is in line 1 as well"]),
        ("[demo]", [":1:", "a configuration is ['demo'], but must be keys with values"]),
        ("config: other.yaml", [":1:", "unknown key 'config'"]),
        ("a: !!python/name:os.system", [":1:", "a type of YAML that a configuration has not"]),
        ("", ["the file is empty; write a configuration with options of the command"]),
        ("a: [", ["not YAML"]),
    ],
)
def test_what_a_file_cannot_be(run: Run, tmp_path: Path, text: str, parts: list[str]) -> None:
    path = written(tmp_path / "c.yaml", text)
    assert_complaint(run("evaluate", "demo", "--config", path), 1, str(path), *parts)


def test_a_file_that_does_not_exist(run: Run, tmp_path: Path) -> None:
    assert_complaint(run("check", tmp_path, "--config", tmp_path / "absent.yaml"), 1, "absent.yaml", "check the path")


def test_every_path_is_relative_to_the_folder_of_the_file(
    run: Run, folder: Path, config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert run("evaluate", "--config", config).code == 0
    bounds = written(
        folder / "check.yaml", "results: results\nmin: ['Complete@10[multi]=0', 'RR=0']\noutput: [c.xml]\n"
    )
    done = run("check", "--config", bounds)
    assert (done.code, done.out.count("ok ")) == (0, 2), done.err
    checked = json.loads(run("check", "--config", bounds, "--json").out)
    assert checked["config"]["options"]["min"] == ["Complete@10[multi]=0", "RR=0"]
    assert (folder / "c.xml").exists()
    pair = written(folder / "compare.yaml", "results: [results, results]\nresamples: 9\noutput: c.json\n")
    done = run("compare", "--config", pair)
    assert done.code == 0, done.err
    settings = json.loads((folder / "c.json").read_text(encoding="utf-8"))["settings"]
    assert settings["config"]["options"] == {"results": ["results", "results"], "resamples": "9", "output": "c.json"}
    fit = written(folder / "correct.yaml", "source: beir:.\nlanguages: en, de\nsample: 2\noutput: c.npz\n")
    done = run("correct", "--config", fit, "--json")
    assert done.code == 0, done.err
    assert (folder / "c.npz").exists()
    assert json.loads(done.out)["config"]["options"]["sample"] == "2"
    encoding = written(folder / "encode.yaml", "source: beir:.\noutput: store\n")
    assert run("encode", "--config", encoding).code == 0
    manifest = folder / "store" / "documents" / "manifest.json"
    expected = {"file": str(encoding), "options": {"source": "beir:.", "output": "store"}}
    assert json.loads(manifest.read_text(encoding="utf-8"))["config"] == expected
    assert run("store", "verify", folder / "store").code == 0
    judged = written(folder / "scan.yaml", "store: store\nrelevant: qrels/test.tsv\nk: 2\noutput: ranks\n")
    done = run("scan", "--config", judged)
    assert done.code == 0, done.err
    settings = json.loads((folder / "ranks" / "scan.json").read_text())["settings"]
    assert settings["config"]["options"]["k"] == "2"
    assert not [*elsewhere.iterdir()]


def test_sources_of_distractors_are_relative_to_the_folder_of_the_file(
    run: Run, folder: Path, config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("corpus", "queries"):
        text = (folder / f"{name}.jsonl").read_text(encoding="utf-8").replace('"text": "', '"text": "other ')
        (folder / "web" / "qrels").mkdir(parents=True, exist_ok=True)
        written(folder / "web" / f"{name}.jsonl", text)
    written(folder / "web" / "qrels" / "test.tsv", (folder / "qrels" / "test.tsv").read_text(encoding="utf-8"))
    text = config.read_text(encoding="utf-8")
    text = text.replace("encoder: precomputed\nqueries: queries.npy\ndocuments: documents.npy", "encoder: bm25")
    written(config, text + "pool: ['distract( web = beir:web, seed=3)']\n")
    monkeypatch.chdir(tmp_path)
    done = run("evaluate", "--config", config)
    assert done.code == 0, done.err
    settings = record(folder / "results")["settings"]
    assert settings["pool"] == [f"distract(web=beir:{folder / 'web'},seed=3)"]
    assert settings["config"]["options"]["pool"] == ["distract( web = beir:web, seed=3)"]
    written(config, text + "pool: ['distract(beir:web)']\n")
    assert_complaint(run("evaluate", "--config", config), 2, "'beir:web' is not an argument of distract")


def test_the_home_folder_in_a_source_stays_what_it_is(
    run: Run, folder: Path, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(folder.parent))
    written(config, config.read_text(encoding="utf-8").replace("beir:.", f"beir:~/{folder.name}"))
    done = run("evaluate", "--config", config)
    assert done.code == 0, done.err


def test_training_reads_its_required_options_from_a_file(run: Run, tmp_path: Path) -> None:
    text = "model: absent/model\ndata: [a.jsonl, b.jsonl]\nlanguage: [de, zh]\nseed: one\noutput: out\n"
    done = run("train", "--config", written(tmp_path / "train.yaml", text))
    assert_complaint(done, 2, "--seed is 'one'; give whole numbers joined by commas")
    text = text.replace("one", "1").replace("absent/model", "offline") + "adapter: low-rank\n"
    done = run("train", "--config", written(tmp_path / "train.yaml", text))
    assert str(tmp_path / "a.jsonl") in done.err
