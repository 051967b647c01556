"""`clinometer evaluate` with what gives no embeddings: bm25, a run, a score matrix; and with complete groups only."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.command_line import Run

OPTIONS = ("--json", "--scenarios", "multilingual", "--measures", "LPR,MaxR", "--resamples", "0", "--no-progress")


@pytest.fixture
def trec(folder: Path) -> Path:
    """A run that lists each query's German answer, then all others, for all but one query."""
    lines = []
    for asked in ("en", "de"):
        for topic in (0, 1):
            if (asked, topic) != ("en", 1):
                lines += [f"q-{asked}{topic} Q0 d-de{topic} 1 2.5 x", f"q-{asked}{topic} Q0 d-en{topic} 2 1.5 x"]
    (folder / "lists.trec").write_text("\n".join(lines) + "\n")
    return folder / "lists.trec"


def rows(done: Any) -> dict[tuple[str, str], float]:
    return {(row["measure"], row["query_language"]): row["value"] for row in json.loads(done.out)["rows"]}


def test_bm25(run: Run, folder: Path) -> None:
    done = run("evaluate", f"beir:{folder}", "--encoder", "bm25:k1=0.9", *OPTIONS)
    assert done.code == 0, done.err
    found = json.loads(done.out)
    assert found["encoder"]["kind"] == "bm25"
    assert found["encoder"]["settings"]["k1"] == 0.9
    assert found["settings"]["similarity"] == "bm25"
    assert rows(done)["LPR", "macro"] == 100
    assert "note: bm25: 0 of 8 answers share no term" in done.err


def test_a_run(run: Run, folder: Path, trec: Path) -> None:
    done = run("evaluate", f"beir:{folder}", "--run", trec, "--ties", "trec", *OPTIONS)
    assert done.code == 0, done.err
    # One English query has no list, so its answers have no rank.
    assert rows(done) == {
        ("LPR", "en"): 0, ("LPR", "de"): 100, ("LPR", "macro"): 50,
        ("MaxR", "en"): 2, ("MaxR", "de"): 2, ("MaxR", "macro"): 2,
    }  # fmt: skip
    assert "note: lists.trec: 2 of 8 answers are not listed; they have no rank" in done.err
    assert "note: 1 of 4 queries have no list and count as missed" in done.err
    assert json.loads(done.out)["notices"][0].startswith("lists.trec: 2 of 8 answers")


def test_a_score_matrix_is_what_its_embeddings_are(run: Run, evaluate: Run, folder: Path, tmp_path: Path) -> None:
    rows_of = np.load(folder / "documents.npy").astype(np.float64)
    np.save(tmp_path / "scores.npy", rows_of @ rows_of.T)
    done = run("evaluate", f"beir:{folder}", "--scores", tmp_path / "scores.npy", *OPTIONS, "-o", tmp_path / "out")
    assert done.code == 0, done.err
    assert rows(done) == rows(evaluate(*OPTIONS))
    assert (tmp_path / "out" / "report.html").exists()
    assert json.loads((tmp_path / "out" / "results.json").read_text())["encoder"]["name"] == "scores.npy"


def test_complete_groups_only(run: Run, folder: Path) -> None:
    lines = (folder / "corpus.jsonl").read_text().splitlines()
    (folder / "corpus.jsonl").write_text("\n".join(line for line in lines if "d-de1" not in line) + "\n")
    judged = (folder / "qrels" / "test.tsv").read_text().splitlines()
    (folder / "qrels" / "test.tsv").write_text("\n".join(line for line in judged if "d-de1" not in line) + "\n")
    done = run("evaluate", f"beir:{folder}", "--encoder", "bm25", "--complete", *OPTIONS)
    assert done.code == 0, done.err
    collection = json.loads(done.out)["collection"]
    assert collection["documents"] == {"en": 1, "de": 1}
    assert collection["notes"]["incomplete_documents"] == {"en": 1}
    assert collection["notes"]["incomplete_queries"] == {"en": 1, "de": 1}
    assert "incomplete queries: en 1, de 1" in done.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--encoder", "bm25", "--run", "lists.trec"), "--encoder and --run each name a target; give one"),
        (("--run", "lists.trec", "--scores", "a.npy"), "--run and --scores each name a target; give one"),
        (("--encoder", "bm25", "--query-prompt", "query: "), "--query-prompt has no effect on bm25; leave it out"),
        (("--run", "lists.trec", "--max-length", "8"), "--max-length has no effect on a scorer; leave it out"),
        (
            ("--run", "lists.trec", "--queries", "q.npy"),
            "--queries and --documents are for --encoder precomputed, or must be folders of stores",
        ),
        (("--encoder", "bm25:k2=1"), "invalid parameters of bm25 in 'bm25:k2=1'"),
    ],
)
def test_options_that_do_not_go_together(
    run: Run, folder: Path, trec: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], message: str
) -> None:
    monkeypatch.chdir(trec.parent)
    done = run("evaluate", f"beir:{folder}", *arguments)
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert done.err.count("clinometer: ") == 1


def test_files_that_are_not_there_or_broken(run: Run, folder: Path) -> None:
    done = run("evaluate", f"beir:{folder}", "--run", folder / "absent.trec")
    assert done.code == 1
    assert "absent.trec does not exist; check the path" in done.err
    done = run("evaluate", f"beir:{folder}", "--scores", folder / "corpus.jsonl")
    assert done.code == 1
    assert "corpus.jsonl: not a .npy file with one array of numbers" in done.err


def test_remedies_need_embeddings(run: Run, folder: Path, evaluate: Run, tmp_path: Path) -> None:
    from clinometer.correction import Center

    rng = np.random.default_rng(1)
    correction = Center.fit(rng.normal(size=(40, 3)).astype(np.float32), ["en", "de"] * 20)
    correction.save(tmp_path / "correction.npz")
    done = run("evaluate", f"beir:{folder}", "--encoder", "bm25", "--correction", tmp_path / "correction.npz")
    assert (done.code, done.out) == (2, "")
    assert "bm25 yields scores, not embeddings, so it can only be evaluated; use an encoder instead" in done.err


@pytest.mark.parametrize(
    "command",
    [
        ("encode", "-o", "store"),
        ("geometry",),
        ("correct", "--method", "center", "-o", "c.npz"),
    ],
)
def test_other_commands_need_embeddings(
    run: Run, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    done = run(command[0], f"beir:{folder}", "--encoder", "bm25", *command[1:])
    assert (done.code, done.out) == (2, "")
    assert "bm25 yields scores, not embeddings" in done.err
    assert not list(tmp_path.glob("store*"))
