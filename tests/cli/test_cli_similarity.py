"""`--similarity`, `--truncate-dim` and `--exclude-own-id`: one meaning in every command that takes them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.command_line import Run, assert_complaint

from clinometer.encoders import EncoderRecord
from clinometer.store import EmbeddingStore, StoreWriter

IDS = {"documents": ["a0", "a1", "a2"], "queries": ["a0"]}
# By cosine the order is a0, a1, a2; by dot product a2, a1, a0; in the first dimension alone a2, a1, a0 tie by cosine.
ROWS: dict[str, Any] = {"queries": np.array([[1, 0]]), "documents": np.array([[1, 0], [2, 1], [3, 2]])}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "beir"
    (folder / "qrels").mkdir(parents=True)
    for name, file in (("documents", "corpus"), ("queries", "queries")):
        lines = [json.dumps({"_id": name, "text": f"text {name}", "language": "en"}) for name in IDS[name]]
        (folder / f"{file}.jsonl").write_text("\n".join(lines) + "\n")
        np.save(folder / f"{name}.npy", ROWS[name].astype(np.float32))
        np.save(folder / f"{name}-bits.npy", np.packbits(ROWS[name][:, :, None] > np.arange(4), axis=2)[:, :, 0])
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\na0\ta1\t1\n")
    return folder


def stored(folder: Path, similarity: str) -> Path:
    record = EncoderRecord(name="model", kind="http", dimension=2, similarity=similarity)
    for stage, rows in ROWS.items():
        with StoreWriter(folder / stage, record, stage) as writer:  # type: ignore[arg-type]
            writer.append(rows.astype(np.float32), IDS[stage], ["en"] * len(rows))
    return folder


def result(run: Run, source: Path, *options: object) -> Any:
    done = run("evaluate", f"beir:{source}", "--scenarios", "mono-same", "--measures", "MaxR", "--resamples", "0",
               "--json", *options)  # fmt: skip
    assert done.code == 0, done.err
    return json.loads(done.out)


def arrays(source: Path, suffix: str = "") -> list[object]:
    files = [source / f"{side}{suffix}.npy" for side in ("queries", "documents")]
    return ["--encoder", "precomputed", "--queries", files[0], "--documents", files[1]]


def test_evaluate(run: Run, source: Path, tmp_path: Path) -> None:
    dot = stored(tmp_path / "dot", "dot")
    for options, rank, similarity in (
        (arrays(source), 2, "cosine"),
        ([*arrays(source), "--similarity", "dot"], 2, "dot"),
        ([*arrays(source), "--exclude-own-id"], 1, "cosine"),
        ([*arrays(source), "--exclude-own-id", "--similarity", "dot"], 2, "dot"),
        (["--documents", dot, "--exclude-own-id"], 2, "dot"),
        (["--documents", dot, "--exclude-own-id", "--similarity", "cosine"], 1, "cosine"),
        (["--documents", dot, "--exclude-own-id", "--similarity", "cosine", "--truncate-dim", 1], 1, "cosine"),
        ([*arrays(source), "--exclude-own-id", "--truncate-dim", 1, "--similarity", "dot"], 2, "dot"),
        ([*arrays(source, "-bits"), "--exclude-own-id"], 1, "hamming"),
        ([*arrays(source, "-bits"), "--exclude-own-id", "--similarity", "hamming"], 1, "hamming"),
    ):
        evaluation = result(run, source, *options)
        assert (evaluation["rows"][0]["value"], evaluation["settings"]["similarity"]) == (rank, similarity), options
        assert evaluation["settings"]["exclude_own_id"] == ("--exclude-own-id" in options)
        assert evaluation["encoder"]["settings"].get("truncate_dim") == (1 if "--truncate-dim" in options else None)


def test_a_report_says_what_the_scores_are(run: Run, source: Path, tmp_path: Path) -> None:
    result(run, source, *arrays(source), "--similarity", "dot", "-o", tmp_path / "out")
    for name in ("report.md", "report.html"):
        text = (tmp_path / "out" / name).read_text()
        assert "scores are dot products, although precomputed does not say that it is made for them" in text
        assert "for 1 of 1 queries the pool has a document with the same id" in text


def test_scan(run: Run, source: Path, tmp_path: Path) -> None:
    store = stored(tmp_path / "dot", "dot")
    for options, score, similarity in (
        ([], 2.0, "dot"),
        (["--similarity", "dot"], 2.0, "dot"),
        (["--similarity", "cosine"], 2 / np.sqrt(5), "cosine"),
        (["--similarity", "cosine", "--truncate-dim", 1], 1.0, "cosine"),
    ):
        out = tmp_path / f"out{len(options)}{similarity}"
        done = run("scan", store, "--relevant", source / "qrels" / "test.tsv", "-o", out, "--json", *options)
        assert done.code == 0, done.err
        assert json.loads(done.out)["settings"]["similarity"] == similarity
        assert np.load(out / "ranks.npz")["scores"].tolist() == pytest.approx([score])


def test_encode_keeps_the_similarity_in_the_store(run: Run, source: Path, tmp_path: Path) -> None:
    done = run("encode", f"beir:{source}", "--similarity", "dot", "--truncate-dim", 7, "-o", tmp_path / "s")
    assert done.code == 0, done.err
    record = EmbeddingStore.open(tmp_path / "s" / "documents").record
    assert (record.similarity, record.dimension, record.settings["truncate_dim"]) == ("dot", 7, 7)
    assert result(run, source, "--documents", tmp_path / "s")["settings"]["similarity"] == "dot"
    done = run("encode", f"beir:{source}", "--truncate-dim", 7, "-o", tmp_path / "s")
    assert_complaint(done, 2, "similarity")


def test_what_does_not_fit_is_refused(run: Run, source: Path, tmp_path: Path) -> None:
    store = stored(tmp_path / "dot", "dot")
    evaluate = ["evaluate", f"beir:{source}", "--scenarios", "mono-same"]
    for command, parts in (
        ([*evaluate, "--similarity", "euclid"], ["unknown similarity 'euclid'", "hamming"]),
        ([*evaluate, "--encoder", "bm25", "--similarity", "dot"], ["similarity", "bm25"]),
        ([*evaluate, "--documents", store, "--similarity", "hamming"], ["stores hold numbers"]),
        ([*evaluate, *arrays(source), "--similarity", "hamming"], ["packed bits"]),
        ([*evaluate, *arrays(source, "-bits"), "--similarity", "dot"], ["packed bits"]),
        ([*evaluate, "--documents", store, "--truncate-dim", 3], ["truncate", "is 3", "2 dim"]),
        ([*evaluate, "--encoder", "bm25", "--truncate-dim", 3], ["truncate", "bm25"]),
        (["encode", f"beir:{source}", "--similarity", "hamming", "-o", tmp_path / "x"], ["cosine or dot"]),
        (["scan", store, "--relevant", source / "qrels/test.tsv", "--similarity", "euclid"], ["'euclid'"]),
    ):
        # Arrays of another type are a fault of the data, not of the command.
        code = 1 if "packed bits" in parts and "hamming" in command else 2
        assert_complaint(run(*command), code, *parts)
