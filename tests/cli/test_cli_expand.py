"""`--expand` of `clinometer correct`, `evaluate` and studies: the same documents by every way, or a sentence."""

from __future__ import annotations

import json
import shlex
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.command_line import Run, assert_complaint
from support.translated_index import DIMENSION, translated_index

from clinometer.correction import Turn, load
from clinometer.encoders import EncoderRecord
from clinometer.mining import expanded
from clinometer.store import EmbeddingStore, StoreWriter

INDEX = translated_index({"en": 60, "de": 60, "zh": 40}, 0.9, seed=4)
MEASURED = ["--scenarios", "multi", "--measures", "MaxR,Complete@2,nDCG@10", "--resamples", "0"]


@pytest.fixture
def source(tmp_path: Path) -> list[object]:
    """A collection of translations, and its embeddings, as arguments."""
    root = tmp_path / "translated"
    (root / "qrels").mkdir(parents=True)
    names = list(enumerate(zip(INDEX.languages, INDEX.groups, strict=True)))
    for file, prefix in (("corpus", "d"), ("queries", "q")):
        lines = [
            json.dumps({"_id": f"{prefix}{row}", "text": f"text {row}", "language": label, "group": group})
            for row, (label, group) in names
        ]
        (root / f"{file}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    judged = [f"q{row}\td{other}\t1" for row, (_, group) in names for other, (_, same) in names if group == same]
    (root / "qrels" / "test.tsv").write_text("\n".join(["query-id\tcorpus-id\tscore", *judged, ""]), encoding="utf-8")
    draw = np.random.default_rng(0)
    np.save(root / "documents.npy", INDEX.rows)
    np.save(root / "queries.npy", (INDEX.rows + 2 * draw.normal(size=INDEX.rows.shape)).astype(np.float32))
    arrays = ["--queries", root / "queries.npy", "--documents", root / "documents.npy"]
    return [f"beir:{root}", "--encoder", "precomputed", *arrays]


@pytest.fixture
def stored(source: list[object], tmp_path: Path) -> Path:
    """Stores of both sides, the documents in shards."""
    folder, record = tmp_path / "stored", EncoderRecord(name="precomputed", kind="precomputed", dimension=DIMENSION)
    size = len(INDEX.languages)
    for stage, prefix, cuts in (("documents", "d", (0, 70, 75, size)), ("queries", "q", (0, size))):
        rows = np.load(tmp_path / "translated" / f"{stage}.npy")
        with StoreWriter(folder / stage, record, stage, "float32") as writer:  # type: ignore[arg-type]
            for start, stop in pairwise(cuts):
                part = slice(start, stop)
                ids = [f"{prefix}{row}" for row in range(start, stop)]
                writer.append(rows[part], ids, INDEX.languages[part], INDEX.groups[part])
    return folder


def rows_of(done: Any) -> list[dict[str, Any]]:
    assert done.code == 0, done.err
    rows: list[dict[str, Any]] = json.loads(done.out)["rows"]
    return rows


def test_a_store_and_its_expanded_copy(run: Run, source: list[object], stored: Path, tmp_path: Path) -> None:
    new = tmp_path / "new"
    done = run("correct", stored, "--turn", "--expand", "0.5", "-o", new)
    assert done.code == 0, done.err
    turn = load(new / "correction.npz")
    assert isinstance(turn, Turn)
    old, documents = (EmbeddingStore.open(folder / "documents") for folder in (stored, new))
    corrected = turn.apply(old.rows(0, 160), old.languages)
    expansion = expanded(corrected, old.languages, groups=old.groups)
    np.testing.assert_array_equal(documents.rows(0, 160), expansion.apply(corrected))
    record = documents.record.remedies[-1]
    assert record["digest"] == expansion.digest
    assert f"expanded by 0.5 with translations in en: de, zh; {len(expansion.documents)} of 160 documents" in done.out
    assert done.out.rstrip().splitlines()[-1].split()[:3] == ["zh", "40", str(record["settings"]["pairs"]["zh"])]
    # Queries are those of the turn alone, and go with the documents.
    queries = EmbeddingStore.open(new / "queries")
    before = EmbeddingStore.open(stored / "queries")
    np.testing.assert_array_equal(queries.rows(0, 160), turn.apply_queries(before.rows(0, 160), before.languages))
    assert [entry["method"] for entry in queries.record.remedies] == ["center", "turn"]
    # A correction that was fitted before, and an evaluation, make the same documents.
    done = run("correct", stored, "--correction", new, "--expand", "0.5", "--json", "-o", tmp_path / "again")
    assert json.loads(done.out)["expansion"] == record
    folder = source[0]
    in_place = run("evaluate", folder, "--documents", new, "--queries", new, *MEASURED, "--json")
    options = ["--correction", new, "--expand", "0.5", *MEASURED, "--json"]
    on_the_fly = run("evaluate", *source, *options)
    of_stores = run("evaluate", folder, "--documents", stored, "--queries", stored, *options)
    assert rows_of(in_place) == rows_of(on_the_fly) == rows_of(of_stores)
    assert json.loads(on_the_fly.out)["encoder"]["remedies"][-1] == record
    assert json.loads(in_place.out)["encoder"]["warnings"] == []
    assert rows_of(run("evaluate", *source, "--correction", new, *MEASURED, "--json")) != rows_of(on_the_fly)


def test_results_are_made_again_and_not_mixed_up(run: Run, source: list[object], tmp_path: Path) -> None:
    results = tmp_path / "results"
    measured = ["evaluate", *source, *MEASURED, "-o", results]
    assert run(*measured, "--expand", "0.5").code == 0
    assert run(*measured, "--expand", "0.5").code == 0
    assert_complaint(run(*measured, "--expand", "0.4"), 2, "{'weight': 0.4}}]); choose another name")
    assert_complaint(run(*measured), 2, "holds results of another encoder")
    report = (results / "report.md").read_text(encoding="utf-8")
    record = json.loads((results / "results.json").read_text())["encoder"]["remedies"][0]
    assert f"expansion {record['digest']}" in report
    assert f"pairs de {record['settings']['pairs']['de']}" in report


def test_options_that_do_not_go_together(run: Run, source: list[object], stored: Path, tmp_path: Path) -> None:
    no = tmp_path / "no"
    complaints = [
        ([*source, "--expand", "0.5", "-o", f"{no}.npz"], "--expand blends the documents of one store, but beir:"),
        ([stored, "--expand", "1.5", "-o", no], "the weight of an expansion is 1.5, but must lie from 0 to 1"),
        ([stored, "--method", "lir", "--expand", "0.5", "-o", no], "--expand follows the method center, not lir"),
        ([stored, "--method", "auto", "--expand", "0.5", "-o", no], "auto chooses by itself; leave out --expand"),
        ([stored, "--expand", "0.5", "--pivot", "fr", "-o", no], "the index has no documents in fr"),
        ([stored / "queries", "--expand", "0.5", "-o", no], "documents"),
    ]
    for arguments, complaint in complaints:
        assert_complaint(run("correct", *arguments), 2, complaint)
    assert "'nan' is not a valid number" in run("correct", stored, "--expand", "nan", "-o", no).err
    assert_complaint(run("evaluate", *source, "--expand", "-1"), 2, "the weight of an expansion is -1.0")
    assert_complaint(run("evaluate", str(source[0]), "--encoder", "bm25", "--expand", "0.5"), 2, "compared by cosine")
    assert run("correct", stored, "--expand", "0.5", "--pivot", "de", "-o", tmp_path / "new").code == 0
    documents = EmbeddingStore.open(tmp_path / "new" / "documents")
    assert documents.record.remedies[-1]["settings"]["pivot"] == "de"
    done = run("correct", tmp_path / "new", "--expand", "0.5", "-o", no)
    assert_complaint(done, 2, "the documents of precomputed + center + expansion are expanded already")
    assert not no.exists()


def test_a_store_of_documents_alone(run: Run, stored: Path, tmp_path: Path) -> None:
    done = run("correct", stored / "documents", "--expand", "0.5", "-o", tmp_path / "new")
    assert done.code == 0, done.err
    assert EmbeddingStore.open(tmp_path / "new").record.name == "precomputed + center + expansion"


def test_an_expansion_is_a_remedy_of_a_study(run: Run, source: list[object], tmp_path: Path) -> None:
    root = tmp_path / "translated"
    (tmp_path / "study.yaml").write_text(
        f"""
encoders:
  - encoder: precomputed
    name: arrays
    queries: {{translated: {root / "queries.npy"}}}
    documents: {{translated: {root / "documents.npy"}}}
collections:
  - source: beir:{root}
    name: translated
remedies:
  - name: expanded
    method: center
    expand: 0.5
evaluate:
  scenarios: [multi]
  measures: [Complete@10, nDCG@1]
  resamples: 0
""",
        encoding="utf-8",
    )
    done = run("study", tmp_path / "study.yaml", "-o", tmp_path / "out")
    assert done.code == 0, done.err
    path = tmp_path / "out" / "results" / "arrays" / "translated" / "expanded" / "seed-0"
    results, cell = (json.loads((path / f"{name}.json").read_text()) for name in ("results", "cell"))
    assert [entry["method"] for entry in results["encoder"]["remedies"]] == ["center", "expansion"]
    assert cell["meaning"]["remedy"]["expand"] == 0.5
    for command in cell["commands"][:-1]:
        assert run(*shlex.split(command)[1:-1], tmp_path / "by-hand.npz").code == 0
    last = shlex.split(cell["commands"][-1])[1:]
    last[last.index("--correction") + 1] = str(tmp_path / "by-hand.npz")
    assert rows_of(run(*last, "--json")) == results["rows"]
    bad = (tmp_path / "study.yaml").read_text().replace("expand: 0.5", "expand: 5")
    (tmp_path / "bad.yaml").write_text(bad, encoding="utf-8")
    assert_complaint(run("study", tmp_path / "bad.yaml", "-o", tmp_path / "no"), 1, "the weight of an expansion is 5")
