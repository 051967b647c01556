"""A small collection on disk with its embeddings, and the command line as a function."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from clinometer.cli import main

Run = Callable[..., "Outcome"]


class Outcome(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run `clinometer` with these arguments, in this process; an exception that escapes fails the test."""

    def command(*arguments: object) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["clinometer", *map(str, arguments)])
        for name in ("HF_HUB_DISABLE_PROGRESS_BARS", "HF_DATASETS_DISABLE_PROGRESS_BARS"):
            monkeypatch.setenv(name, "1")  # as the command itself does, but only for this test
        capsys.readouterr()
        with pytest.raises(SystemExit) as caught:
            main()
        out, err = capsys.readouterr()
        code = caught.value.code
        return Outcome(code if isinstance(code, int) else int(code is not None), out, err)

    return command


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two topics in English and German as a BEIR folder, with `queries.npy` and `documents.npy`."""
    root = tmp_path / "tiny"
    (root / "qrels").mkdir(parents=True)
    names = [(label, topic) for label in ("en", "de") for topic in range(2)]
    for file, prefix in (("corpus", "d"), ("queries", "q")):
        lines = [
            json.dumps(
                {"_id": f"{prefix}-{label}{topic}", "text": f"{topic} {label}", "language": label, "group": f"{topic}"}
            )
            for label, topic in names
        ]
        (root / f"{file}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    judged = [f"q-{asked}{t}\td-{label}{t}\t1" for asked, t in names for label in ("en", "de")]
    (root / "qrels" / "test.tsv").write_text("\n".join(["query-id\tcorpus-id\tscore", *judged, ""]), encoding="utf-8")
    documents = np.array([[1, 0, 0], [0, 1, 0], [0.8, 0.6, 0], [0, 0.6, 0.8]], dtype=np.float32)
    np.save(root / "documents.npy", documents)
    np.save(root / "queries.npy", documents)
    return root


@pytest.fixture
def evaluate(run: Run, folder: Path) -> Run:
    """Run `clinometer evaluate` on that collection with those embeddings."""

    def command(*arguments: object) -> Outcome:
        given = [
            "--encoder",
            "precomputed",
            "--queries",
            folder / "queries.npy",
            "--documents",
            folder / "documents.npy",
        ]
        return run("evaluate", f"beir:{folder}", *given, *arguments)

    return command
