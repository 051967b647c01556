"""Collections and rankings as files of other tools: they read back equal, and those tools find our figures in them."""

from __future__ import annotations

import json
from pathlib import Path

import ir_measures
import numpy as np
import pytest
import pytrec_eval
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.brute_force import collection_of, embeddings, random_collection

import clinometer as cm
from clinometer.encoders import PrecomputedEncoder
from clinometer.errors import UsageError
from clinometer.io.beir import read_beir, write_beir
from clinometer.io.trec import qrels_of, read_qrels, read_run, run_of, write_run
from clinometer.io.trecfolder import write_trec

few = settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow])
seeds = st.integers(0, 1 << 20)
MEASURES = ("nDCG@10", "nDCG", "RR", "AP", "R@5", "P@5", "Success@1")


@few
@given(seed=seeds)
def test_a_collection_is_the_same_after_beir_and_its_judgements_after_trec(
    seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("written")
    collection = random_collection(seed)
    write_beir(collection, folder / "beir")
    found = read_beir(folder / "beir")
    assert found.documents == collection.documents
    judged = {name for name, query in zip(collection.queries.ids, np.diff(collection.indptr), strict=True) if query}
    assert set(found.queries.ids) == judged
    assert qrels_of(found) == qrels_of(collection)
    write_trec(collection, folder / "trec")
    assert read_qrels(folder / "trec" / "qrels.txt") == qrels_of(collection)


@few
@given(seed=seeds)
def test_other_tools_find_our_figures_in_the_files(seed: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("figures")
    collection = random_collection(seed)
    queries = embeddings(seed, len(collection.queries), 4, tied=True)
    documents = embeddings(seed + 1, len(collection.documents), 4, tied=True)
    ids = collection.documents.ids
    top = cm.search(queries, documents, k=len(ids), ties="trec", document_ids=ids)
    write_run(folder / "run.gz", run_of(top, collection.queries.ids, ids), "ours")
    write_trec(collection, folder / "trec")
    run, qrels = read_run(folder / "run.gz"), read_qrels(folder / "trec" / "qrels.txt")
    # The order of the file is that of the search, ties included.
    for row, query in enumerate(collection.queries.ids):
        assert list(run[query]) == [ids[at] for at in top.ids[row]]
    evaluation = cm.evaluate(
        collection, PrecomputedEncoder(queries, documents), scenarios=["multilingual"], measures=MEASURES, ties="trec",
        resamples=0,
    )  # fmt: skip
    table = evaluation.per_query
    ours = {name: dict(zip(table["query_id"].tolist(), table[name].tolist(), strict=True)) for name in MEASURES}
    for metric in ir_measures.iter_calc([ir_measures.parse_measure(name) for name in MEASURES], qrels, run):
        if metric.query_id in ours[str(metric.measure)]:
            assert metric.value == pytest.approx(ours[str(metric.measure)][metric.query_id], abs=1e-6), metric
    found = pytrec_eval.RelevanceEvaluator(qrels, {"map", "recip_rank"}).evaluate(run)
    for query, value in ours["AP"].items():
        assert found[query]["map"] == pytest.approx(value, abs=1e-6)
        assert found[query]["recip_rank"] == pytest.approx(ours["RR"][query], abs=1e-6)


def test_a_trec_folder_by_hand(tmp_path: Path) -> None:
    collection = collection_of([("d1", "One\ttwo\n", "en"), ("d2", "Zwei", "de")], [("q1", "en")], {("q1", "d2"): 2})
    write_trec(collection, tmp_path / "out")
    texts = {path.name: path.read_text(encoding="utf-8") for path in (tmp_path / "out").iterdir()}
    assert texts["qrels.txt"] == "q1 0 d2 2\n"
    assert texts["topics.tsv"] == "q1\twhat of q1?\n"
    assert [json.loads(line) for line in texts["corpus.jsonl"].splitlines()] == [
        {"id": "d1", "contents": "One\ttwo\n"},
        {"id": "d2", "contents": "Zwei"},
    ]
    assert texts["languages.tsv"] == "d1\ten\nd2\tde\nq1\ten\n"


def test_an_id_with_white_space_is_named_and_nothing_is_written(tmp_path: Path) -> None:
    collection = collection_of([("d 1", "One", "en")], [("q1", "en")], {("q1", "d 1"): 1})
    with pytest.raises(UsageError, match="the document id 'd 1' is empty or has white space"):
        write_trec(collection, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_lists_per_language_are_no_run() -> None:
    rows = np.eye(2, dtype=np.float32)
    top = cm.search(rows, rows, k=1, languages=["en", "de"], per_language=True)
    with pytest.raises(UsageError, match=r"choose a pool with TopK\.pool"):
        run_of(top, ["a", "b"], ["a", "b"])
    assert run_of(top.pool(["de"]), ["a", "b"], ["a", "b"]) == {"a": {"b": 0.0}, "b": {"b": 1.0}}
