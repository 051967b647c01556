"""`--scan-device`: the result of the processor, or a sentence."""

from __future__ import annotations

import json
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.command_line import Run, assert_complaint

from clinometer.encoders import EncoderRecord
from clinometer.store import StoreWriter

needs_torch = [pytest.mark.models, pytest.mark.skipif(find_spec("torch") is None, reason="torch is not installed")]


def test_without_torch_the_extra_is_named(evaluate: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    assert_complaint(
        evaluate("--scan-device", "cuda"), 1, "a scan on a device needs", "pip install 'clinometer[torch]'"
    )


@pytest.fixture
def stores(tmp_path: Path) -> Path:
    draw = np.random.default_rng(5)
    stages: tuple[Any, ...] = ("documents", "queries")
    for stage in stages:
        record = EncoderRecord(name="model", kind="http", dimension=8)
        with StoreWriter(tmp_path / "stored" / stage, record, stage, "int16") as writer:
            for start in range(0, 60, 20):
                names = [f"{stage[0]}{row}" for row in range(start, start + 20)]
                writer.append(draw.normal(size=(20, 8)).astype(np.float32), names, ["en", "de"] * 10)
    (tmp_path / "judged.qrels").write_text("".join(f"q{row} 0 d{59 - row} 1\n" for row in range(60)))
    return tmp_path


@pytest.mark.parametrize("device", [pytest.param("cpu", marks=needs_torch)])
def test_the_device_never_shows(evaluate: Run, run: Run, stores: Path, device: str) -> None:
    by_core, by_device = evaluate("--json"), evaluate("--json", "--scan-device", device)
    assert (by_device.code, by_core.code) == (0, 0)
    assert json.loads(by_device.out)["rows"] == json.loads(by_core.out)["rows"]
    scan = ("scan", stores / "stored", "--relevant", stores / "judged.qrels", "-k", 5, "--per-language")
    outputs = []
    for name, options in (("core", ()), ("device", ("--scan-device", device, "--memory-budget", "10MB"))):
        done = run(*scan, *options, "-o", stores / name)
        assert done.code == 0, done
        outputs.append([(stores / name / file).read_bytes() for file in ("ranks.jsonl.gz", "run.trec.gz")])
    assert outputs[0] == outputs[1]
    assert json.loads((stores / "device" / "scan.json").read_text())["settings"]["device"] == device


@pytest.mark.parametrize("device", [pytest.param("abacus", marks=needs_torch)])
def test_an_unknown_device_is_a_sentence(evaluate: Run, device: str) -> None:
    assert_complaint(evaluate("--scan-device", device), 2, f"device '{device}' cannot be used")
