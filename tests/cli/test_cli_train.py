"""`clinometer train` as a user runs it: what it prints, where, and how it refuses."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest
from support import tiny_transformer
from typer.testing import CliRunner

from clinometer.adapters import load
from clinometer.cli import app

pytestmark = [
    pytest.mark.models,
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    pytest.importorskip("accelerate")
    pytest.importorskip("sentence_transformers")


def run(*arguments: Any) -> Any:
    return CliRunner().invoke(app, ["train", *map(str, arguments)])


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("base")
    tiny_transformer.build(folder / "parts").save(str(folder / "model"))
    return folder / "model"


def items(path: Path, count: int, seed: int) -> Path:
    texts = {name: tiny_transformer.sentences(count, name, seed=seed) for name in ("en", "de", "zh")}
    lines = [
        {
            "id": f"page{row}#0",
            "texts": {
                name: {"query": text[row], "document": f"{text[row]} {text[row]}"} for name, text in texts.items()
            },
        }
        for row in range(count)
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


FAST = ("--precision", "float32", "--batch-size", "8", "--learning-rate", "5e-3")


def test_train_writes_a_model_and_says_what_it_did(base: Path, tmp_path: Path) -> None:
    data, other = items(tmp_path / "train.jsonl", 40, 1), items(tmp_path / "other.jsonl", 20, 9)
    arguments = (base, "--data", data, "--language", "de,zh", "-o", tmp_path / "out", *FAST, "--epochs", 2,
                 "--evaluations", 2, "--checkpoint-steps", 1, "--evaluate", f"parallel:{other}")  # fmt: skip
    done = run(*arguments)
    assert done.exit_code == 0, done.stderr
    assert f"{tmp_path / 'out'}: trained, seed 42, " in done.stdout
    assert "multi_macro-target_MaxRnorm" in done.stdout
    assert "Complete@10" in done.stdout
    assert "de has 3" in done.stderr  # fewer samples than asked for is said
    record = json.loads((tmp_path / "out" / "training.json").read_text(encoding="utf-8"))
    assert record["plan"]["loss"] == "upright"
    assert record["loss"]["scale"] == 50.0
    again = run(*arguments, "--json")
    assert again.exit_code == 0, again.stderr
    found = json.loads(again.stdout)
    assert found["models"][0]["new"] is False
    assert found["proofs"][0]["rows"]
    changed = run(*arguments, "--seed", 7)
    assert changed.exit_code == 2
    assert "it differs in seed (42, now 7)" in changed.stderr


@pytest.mark.parametrize(
    ("options", "code", "sentence"),
    [
        (("--seed", "1,a"), 2, "--seed is '1,a'; give whole numbers joined by commas, such as 42,43,44"),
        (("--seed", "1,1"), 2, "give different numbers that are not negative"),
        (("--loss", "jsd+nec"), 2, "unknown loss 'jsd+nec'"),
        (("--freeze", "head"), 2, "unknown value 'head' of freeze"),
        (("--teacher", "turned"), 2, "unknown value 'turned' of teacher; expected pivot or centered"),
        (("--teacher", "centered", "--loss", "clear"), 2, "the loss 'clear' does not learn from a centered teacher"),
        (("--teacher", "centered", "--adapter", "linear"), 2, "gives a low-rank adapter in closed form; leave out"),
        (("--teacher", "turned", "--adapter", "low-rank"), 2, "unknown value 'turned' of teacher"),
        (("--language", "xx"), 2, "xx"),
        (("--checkpoint-minutes", "0"), 2, "--checkpoint-minutes is 0.0, but must be greater than 0"),
    ],
)
def test_what_cannot_be_trained_is_refused_in_a_sentence(
    base: Path, tmp_path: Path, options: tuple[str, ...], code: int, sentence: str
) -> None:
    data = items(tmp_path / "train.jsonl", 20, 1)
    language = () if "--language" in options else ("--language", "de")
    done = run(base, "--data", data, *language, "-o", tmp_path / "out", *FAST, *options)
    assert done.exit_code == code
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert not (tmp_path / "out").exists()


def test_a_file_of_options_is_in_the_record_of_a_training(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    items(tmp_path / "train.jsonl", 20, 1)
    config = tmp_path / "train.yaml"
    text = f"model: {base}\ndata: [train.jsonl]\nlanguage: [de]\nprecision: float32\nbatch-size: 8\noutput: out\n"
    config.write_text(text, encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["clinometer", "train", "--config", "train.yaml"])
    done = run("--config", config)
    assert done.exit_code == 0, done.stderr
    record = json.loads((tmp_path / "out" / "training.json").read_text(encoding="utf-8"))
    assert record["config"]["file"] == str(config)
    assert record["config"]["options"]["batch-size"] == "8"
    assert record["command"] == "clinometer train --config train.yaml"
    # The adapter, which is the same by whatever command, has only what came from a file.
    config.write_text(text + "adapter: low-rank\n", encoding="utf-8")
    done = run("--config", config, "-o", tmp_path / "adapter")
    assert done.exit_code == 0, done.stderr
    settings = load(tmp_path / "adapter" / "adapter.safetensors").settings
    assert settings["config"]["options"]["adapter"] == "low-rank"
    assert "command" not in settings


def test_an_adapter_is_trained_on_frozen_embeddings(base: Path, tmp_path: Path) -> None:
    data, other = items(tmp_path / "train.jsonl", 60, 1), items(tmp_path / "other.jsonl", 20, 9)
    arguments = (base, "--adapter", "low-rank", "--data", data, "--language", "de,zh", "-o", tmp_path / "out",
                 "--learning-rate", "1e-2", "--evaluate", f"parallel:{other}")  # fmt: skip
    done = run(*arguments)
    assert done.exit_code == 0, done.stderr
    assert f"{tmp_path / 'out' / 'adapter.safetensors'}: low-rank, best state after epoch" in done.stdout
    assert "Complete@10" in done.stdout
    after = json.loads((tmp_path / "out/evaluation/parallel-other.jsonl/after/results.json").read_text())
    assert after["encoder"]["name"].endswith("+ adapter")
    evaluated = CliRunner().invoke(
        app,
        ["evaluate", f"parallel:{other}", "--encoder", str(base), "--adapter", f"{tmp_path}/out/adapter.safetensors",
         "--measures", "MaxRnorm", "--scenarios", "multi", "--json"],
    )  # fmt: skip
    assert evaluated.exit_code == 0, evaluated.stderr
    values = {
        (row["query_language"], row["measure"]): row["value"] for row in after["rows"] if row["scenario"] == "multi"
    }
    for row in json.loads(evaluated.stdout)["rows"]:
        if row["query_language"] in ("de", "zh"):
            assert row["value"] == values[row["query_language"], "MaxRnorm"]
    again = run(*arguments)
    assert again.exit_code == 2
    assert "adapter.safetensors already exists; give another folder" in again.stderr
    for option in ("--checkpoint-steps", "--checkpoint-minutes"):
        refused = run(*arguments[:-2], option, 4)
        assert refused.exit_code == 2
        assert f"an adapter is trained in one go; leave out {option}" in refused.stderr
    mixed = run(*arguments[:-2], "--lora-rank", 4)
    assert mixed.exit_code == 2
    assert "--adapter leaves the model unchanged; leave out --lora-rank" in mixed.stderr


def test_data_that_is_not_there_is_named(base: Path, tmp_path: Path) -> None:
    done = run(base, "--data", tmp_path / "none.jsonl", "--language", "de", "-o", tmp_path / "out")
    assert done.exit_code == 1
    assert "none.jsonl" in done.stderr
    assert not (tmp_path / "out").exists()


def test_without_progress_the_libraries_draw_no_bars_either(base: Path, tmp_path: Path) -> None:
    options = [
        "--data",
        items(tmp_path / "train.jsonl", 20, 1),
        "--language",
        "de",
        "--samples",
        "8",
        "--dev-share",
        "0",
        "-o",
        tmp_path / "out",
    ]
    drawn = {}
    for progress in ("--no-progress", "--progress"):
        command = [sys.executable, "-m", "clinometer", "train", base, *options, progress]
        clean = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
        done = subprocess.run([str(part) for part in command], env=clean, capture_output=True, text=True, check=True)
        drawn[progress] = "Loading weights" in done.stderr
        shutil.rmtree(tmp_path / "out")
    assert drawn == {"--no-progress": False, "--progress": True}
