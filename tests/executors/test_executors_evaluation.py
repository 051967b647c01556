"""An evaluation of stores on a cluster is, in every value, the one of this process."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from support.command_line import Run

import clinometer as cm
from clinometer.correction import Center
from clinometer.correction.remedies import Remedies
from clinometer.encoders import EncoderRecord
from clinometer.errors import FormatError
from clinometer.executors import Executor
from clinometer.scorers import StoredEmbeddings
from clinometer.store import EmbeddingStore, StoreWriter

pytestmark = pytest.mark.ray


@pytest.fixture(scope="module")
def collection() -> cm.Collection:
    return cm.load("demo", languages=["en", "de", "zh"])


@pytest.fixture
def folder(collection: cm.Collection, tmp_path: Path) -> Path:
    """Random embeddings of the collection in shards of 40, the documents backwards and with ten more."""
    draw = np.random.default_rng(1)
    for stage, texts in (("documents", collection.documents), ("queries", collection.queries)):
        ids, languages = list(texts.ids)[::-1], list(texts.languages)[::-1]
        if stage == "documents":
            ids, languages = [*ids, *(f"more{row}" for row in range(10))], [*languages, *["en"] * 10]
        rows = draw.standard_normal((len(ids), 12), dtype=np.float32)
        record = EncoderRecord(name="m", kind="http")
        with StoreWriter(tmp_path / "stores" / stage, record, stage, "float16") as writer:  # type: ignore[arg-type]
            for start in range(0, len(ids), 40):
                part = slice(start, start + 40)
                writer.append(rows[part], ids[part], languages[part])
    return tmp_path / "stores"


def stores_in(folder: Path) -> list[EmbeddingStore]:
    return [EmbeddingStore.open(folder / stage) for stage in ("documents", "queries")]


@pytest.mark.parametrize("budget", [None, "4MB"])
@pytest.mark.parametrize("corrected", [False, True])
def test_every_value_is_the_same(
    cluster: Executor, collection: cm.Collection, folder: Path, tmp_path: Path, corrected: bool, budget: str | None
) -> None:
    documents, queries = stores_in(folder)
    rows = documents.take(np.arange(len(documents)))
    remedies = Remedies(None, Center.fit(rows, documents.languages), block=50) if corrected else None
    scorer = StoredEmbeddings(documents, queries, remedies, memory_budget=budget)
    results = {
        name: cm.evaluate(
            collection,
            scorer,
            executor=executor,
            resamples=50,
            examples=2,
            save_run=tmp_path / f"{name}.trec",
            threads=1,
        )
        for name, executor in (("here", "local"), ("there", cluster))
    }
    here, there = (json.loads(results[name].to_json()) for name in ("here", "there"))
    assert here == there
    assert len(here["rows"]) > 50
    assert results["here"].per_query.keys() == results["there"].per_query.keys()
    for name, column in results["here"].per_query.items():
        np.testing.assert_array_equal(np.asarray(results["there"].per_query[name]), np.asarray(column), err_msg=name)
    assert (tmp_path / "here.trec").read_text() == (tmp_path / "there.trec").read_text()


def test_a_shard_that_a_worker_does_not_reach(cluster: Executor, collection: cm.Collection, folder: Path) -> None:
    documents, queries = stores_in(folder)
    shard = folder / "documents" / "00003.npy"
    shard.write_bytes(shard.read_bytes()[:-2])
    scorer = StoredEmbeddings(documents, queries)
    with pytest.raises(FormatError, match=r"00003.npy"):
        cm.evaluate(collection, scorer, executor=cluster, resamples=0)


def test_the_command(cluster: Executor, run: Run, folder: Path) -> None:
    arguments = ("evaluate", "demo", "--languages", "en,de,zh", "--documents", folder, "--resamples", 20, "--json")
    here = run(*arguments)
    there = run(*arguments, "--executor", "ray", "--memory-budget", "600kB")
    assert (here.code, there.code) == (0, 0), here.err + there.err
    assert json.loads(here.out)["rows"] == json.loads(there.out)["rows"]
