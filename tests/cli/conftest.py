"""A small collection on disk with its embeddings."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from support.command_line import Outcome, Run
from support.studies import write_study


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


@pytest.fixture
def cells(run: Run, folder: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of the tiny study, which is run once for all tests of a process."""
    results = tmp_path_factory.getbasetemp() / "study-results"
    if not results.exists():
        study = write_study(folder, tmp_path / "study.yaml")
        assert run("study", study, "-o", tmp_path / "study-out").code == 0
        shutil.copytree(tmp_path / "study-out", results)
    return shutil.copytree(results, tmp_path / "results")
