"""The one entrance: whatever can be evaluated can be analysed, grown and evaluated in many pools."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from support.brute_force import embeddings, random_collection

import clinometer as cm
from clinometer.collection import Collection, Texts
from clinometer.encoders import PrecomputedEncoder
from clinometer.encoders.base import EncoderRecord, Side
from clinometer.errors import UsageError
from clinometer.io.trec import read_run
from clinometer.scorers import (
    BM25Scorer,
    EmbeddedScorer,
    MatrixScorer,
    RunScorer,
    ScanOptions,
    Scored,
    Scorer,
    StoredEmbeddings,
    score,
    scorer,
)
from clinometer.store import EmbeddingStore, StoreWriter

COLLECTION = random_collection(11)
QUERIES = embeddings(1, len(COLLECTION.queries), 4, False)
DOCUMENTS = embeddings(2, len(COLLECTION.documents), 4, False)
SCORES = QUERIES @ DOCUMENTS.T


def stored(folder: Path) -> StoredEmbeddings:
    def store(stage: Side, texts: Texts, rows: NDArray[np.float32]) -> EmbeddingStore:
        record = EncoderRecord(name="drawn", kind="own", dimension=4)
        with StoreWriter(folder / stage, record, stage=stage) as writer:
            writer.append(rows, texts.ids, texts.languages)
        return EmbeddingStore.open(folder / stage)

    documents = store("documents", COLLECTION.documents, DOCUMENTS)
    return StoredEmbeddings(documents, store("queries", COLLECTION.queries, QUERIES))


def run_of_scores() -> RunScorer:
    ids = COLLECTION.documents.ids
    return RunScorer(
        {
            query: dict(zip(ids, map(float, row), strict=True))
            for query, row in zip(COLLECTION.queries.ids, SCORES, strict=True)
        }
    )


MAKERS: dict[str, Callable[[Path], Any]] = {
    "name of a scorer": lambda _: "bm25",
    "encoder": lambda _: PrecomputedEncoder(QUERIES, DOCUMENTS),
    "scorer of scores": lambda _: MatrixScorer(SCORES),
    "scorer of lists": lambda _: run_of_scores(),
    "stored embeddings": stored,
}


@pytest.mark.parametrize("maker", MAKERS.values(), ids=MAKERS)
def test_whatever_can_be_evaluated_goes_through_every_door(maker: Callable[[Path], Any], tmp_path: Path) -> None:
    what = maker(tmp_path)
    assert isinstance(scorer(what), Scorer)
    evaluation = cm.evaluate(COLLECTION, what, examples=2, resamples=0)
    analysis = cm.analyse(COLLECTION, what, worst=2, resamples=0)
    assert evaluation.analysis is not None
    wanted = [row for row in evaluation.analysis.rows if row["scenario"] in ("multi", "one-sided")]
    assert analysis.rows == wanted
    pools = cm.pools.evaluate_pools(COLLECTION, {"whole": COLLECTION}, what, resamples=0)
    assert pools["whole"].rows == cm.evaluate(COLLECTION, what, resamples=0).rows


def test_names_encoders_and_scorers_become_scorers() -> None:
    assert isinstance(scorer("offline"), EmbeddedScorer)
    assert isinstance(scorer("bm25:b=0.5"), BM25Scorer)
    matrix = MatrixScorer(SCORES)
    assert scorer(matrix) is matrix
    with pytest.raises(UsageError, match="query_prompt has no effect on a scorer; leave it out"):
        scorer(matrix, query_prompt="query: ")
    with pytest.raises(UsageError, match="an encoder cannot be made from int"):
        scorer(3)
    with pytest.raises(UsageError, match="an encoder cannot be made from type"):
        scorer(MatrixScorer)


def test_an_executor_is_refused_where_there_are_no_embeddings() -> None:
    with pytest.raises(UsageError, match="an executor is for embeddings, but bm25 has none; leave it out"):
        score("bm25", COLLECTION, ScanOptions(executor="ray"))


def test_further_documents_follow_those_of_the_collection() -> None:
    more = np.eye(4, dtype=np.float32)[:2]
    scored = EmbeddedScorer(PrecomputedEncoder(QUERIES, DOCUMENTS)).followed_by(more).score(COLLECTION)
    size = len(COLLECTION.documents)
    relevant = COLLECTION.relevant()
    languages = [*COLLECTION.documents.languages, "en", "en"]
    scan = scored.scan(relevant=relevant, languages=languages, k=1, per_language=False, ties="index", document_ids=None)
    assert scan.top is not None
    every = np.concatenate([DOCUMENTS, more])
    cosines = QUERIES @ (every / np.linalg.norm(every, axis=1, keepdims=True)).T
    assert scan.top.ids[:, 0].tolist() == cosines.argmax(axis=1).tolist()
    assert size + 2 == cosines.shape[1]


@pytest.mark.parametrize("maker", MAKERS.values(), ids=MAKERS)
@pytest.mark.parametrize("ties", ["index", "trec"])
def test_a_run_is_written_from_the_scan_of_the_evaluation(
    maker: Callable[[Path], Any], ties: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    what = maker(tmp_path)
    scorings: list[Any] = []
    plain = scorer(what).score(COLLECTION)

    class Once:
        record = scorer(what).record

        def score(self, collection: Collection, options: ScanOptions = ScanOptions()) -> Scored:
            def scan(**request: Any) -> Any:
                scorings.append(request)
                return plain.scan(**request)

            return Scored(scan, plain.record)

    evaluation = cm.evaluate(COLLECTION, Once(), ties=ties, resamples=0, save_run=tmp_path / "ranking.trec.gz")
    assert len(scorings) == 1
    assert evaluation.rows == cm.evaluate(COLLECTION, what, ties=ties, resamples=0).rows
    run = read_run(tmp_path / "ranking.trec.gz")
    again = cm.evaluate(COLLECTION, RunScorer(run), ties=ties, measures=["MaxR", "nDCG@10"], resamples=0)
    for row in again.rows:
        if row["scenario"] == "multilingual" and not row["query_language"].startswith("macro"):
            languages = row["pool_languages"]
            wanted = evaluation.value if row["measure"] in evaluation.settings["measures"] else None
            if wanted is not None and ties == "trec":
                assert row["value"] == wanted(row["measure"], "multilingual", row["query_language"], languages)


def test_a_scorer_without_lists_of_the_pool_writes_no_run(tmp_path: Path) -> None:
    plain = MatrixScorer(SCORES)

    class Short:
        record = plain.record

        def score(self, collection: Collection, options: ScanOptions = ScanOptions()) -> Scored:
            scored = plain.score(collection, options)
            return Scored(lambda pool_k=0, **request: scored.scan(**request), scored.record)

    with pytest.raises(UsageError, match="scores returned no list of the whole pool"):
        cm.evaluate(COLLECTION, Short(), resamples=0, save_run=tmp_path / "run.trec")
    assert not (tmp_path / "run.trec").exists()
