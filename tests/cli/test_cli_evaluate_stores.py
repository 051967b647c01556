"""`clinometer evaluate SOURCE --documents STORE --queries STORE`: the results of the encoder that made the stores."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from support.command_line import Run

from clinometer.encoders import EncoderRecord
from clinometer.store import StoreWriter


@pytest.fixture
def stores(folder: Path, tmp_path: Path) -> Path:
    """The embeddings of that collection, the documents in another order."""
    record = EncoderRecord(name="model", kind="http", revision="7", document_prompt="p: ")
    names = [f"{label}{topic}" for label in ("en", "de") for topic in range(2)]
    for stage, order in (("documents", (3, 0, 1, 2)), ("queries", (0, 1, 2, 3))):
        rows = np.load(folder / f"{stage}.npy")
        with StoreWriter(tmp_path / "stores" / stage, record, stage) as writer:  # type: ignore[arg-type]
            chosen = [names[row] for row in order]
            writer.append(rows[list(order)], [f"{stage[0]}-{name}" for name in chosen], [name[:2] for name in chosen])
    return tmp_path / "stores"


def test_results_from_stores(run: Run, evaluate: Run, folder: Path, stores: Path, tmp_path: Path) -> None:
    wanted = json.loads(evaluate("--json").out)
    for given in (["--documents", stores], ["--documents", stores / "documents", "--queries", stores / "queries"]):
        done = run("evaluate", f"beir:{folder}", *given, "--json", "-o", tmp_path / "out")
        assert done.code == 0, done.err
        found = json.loads(done.out)
        assert found["rows"] == wanted["rows"]
        assert (found["encoder"]["name"], found["encoder"]["document_prompt"]) == ("model", "p: ")
    assert (tmp_path / "out" / "report.html").exists()


def test_what_cannot_be_used(run: Run, folder: Path, stores: Path) -> None:
    for given, part in (
        (["--queries", stores / "queries"], "--documents"),
        (["--documents", stores, "--encoder", "offline"], "leave out --encoder"),
        (["--documents", stores, "--query-prompt", "q: "], "leave out --encoder"),
        (["--documents", folder / "documents.npy"], "or must be folders of stores"),
        (["--documents", stores, "--executor", "spark"], "unknown executor 'spark'"),
        (["--documents", stores, "--memory-budget", "much"], "--memory-budget is 'much'"),
        (["--documents", stores, "--memory-budget", "1kB"], "--memory-budget is 1kB, but one query needs about"),
        (
            ["--encoder", "offline", "--memory-budget", "1GB"],
            "--memory-budget is for a scan of stores; give --documents",
        ),
    ):
        done = run("evaluate", f"beir:{folder}", *given)
        assert (done.code, done.out) == (2, ""), done
        assert part in done.err.splitlines()[-1]
