"""The similarity of scores: the user's, else the one that the embeddings are made for; what does not fit is refused."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray
from support.brute_force import random_collection

import clinometer as cm
from clinometer.adapters import Adapter
from clinometer.correction import Center, CorrectedEncoder
from clinometer.correction.remedies import Remedies
from clinometer.encoders import ChangedEncoder, EncoderRecord, PrecomputedEncoder, encoder
from clinometer.errors import EmbeddingError, UsageError
from clinometer.executors import executor_of
from clinometer.scanning.stored import ScanRequest
from clinometer.scorers.stored import StoredEmbeddings
from clinometer.store import EmbeddingStore, StoreWriter

COLLECTION = random_collection(3, ("en", "de"))
DRAW = np.random.default_rng(5)
# Small whole numbers, whose dot products are exact, and rows of very different lengths.
QUERIES, DOCUMENTS = (
    DRAW.integers(-4, 5, size=(len(texts), 6)).astype(np.float32) + np.eye(1, 6, dtype=np.float32) * 9
    for texts in (COLLECTION.queries, COLLECTION.documents)
)
OPTIONS: dict[str, Any] = {"scenarios": ["multilingual"], "measures": ["MaxR", "RR"], "resamples": 0}


class Own:
    """A model made for dot products, as a user writes one."""

    record = EncoderRecord(name="tas-b", kind="own", dimension=6, similarity="dot")

    def encode_queries(self, texts: Sequence[str], *, show_progress_bar: bool = False) -> NDArray[np.float32]:
        return QUERIES

    def encode_documents(self, texts: Sequence[str], *, show_progress_bar: bool = False) -> NDArray[np.float32]:
        return DOCUMENTS


def last_ranks(scores: NDArray[Any]) -> list[float]:
    """MaxR of every query with an answer: the rank of its last answer, of equal scores the first position first."""
    indptr, relevant = COLLECTION.relevant()
    expected = {}
    for query, name in enumerate(COLLECTION.queries.ids):
        answers = relevant[indptr[query] : indptr[query + 1]]
        order = np.argsort(-scores[query], kind="stable").tolist()
        if len(answers):
            expected[name] = float(max(order.index(row) + 1 for row in answers))
    return [expected[name] for name in sorted(expected)]


def measured(evaluation: cm.Evaluation) -> list[float]:
    values: list[float] = evaluation.per_query["MaxR"][np.argsort(evaluation.per_query["query_id"])].tolist()
    return values


DOT = last_ranks(QUERIES @ DOCUMENTS.T)
COSINE = last_ranks((QUERIES @ DOCUMENTS.T).astype(np.float64) / np.linalg.norm(DOCUMENTS.astype(np.float64), axis=1))


def test_the_two_differ_here() -> None:
    assert DOT != COSINE


def test_an_encoder_made_for_dot_products_is_scored_by_them_and_the_results_say_so() -> None:
    evaluation = cm.evaluate(COLLECTION, Own(), **OPTIONS)
    assert measured(evaluation) == DOT
    assert evaluation.settings["similarity"] == evaluation.encoder["similarity"] == "dot"
    assert "scores are dot products, which tas-b is made for" in evaluation.notices


@pytest.mark.parametrize(
    ("similarity", "expected", "notice"),
    [
        (None, COSINE, None),
        ("cosine", COSINE, None),
        ("dot", DOT, "scores are dot products, although precomputed does not say that it is made for them"),
    ],
)
def test_the_option_decides(similarity: Any, expected: list[float], notice: str | None) -> None:
    plain = PrecomputedEncoder(QUERIES, DOCUMENTS)
    evaluation = cm.evaluate(COLLECTION, plain, similarity=similarity, **OPTIONS)
    assert measured(evaluation) == expected
    assert evaluation.settings["similarity"] == (similarity or "cosine")
    assert [text for text in evaluation.notices if text.startswith("scores")] == ([notice] if notice else [])
    overridden = cm.evaluate(COLLECTION, Own(), similarity="cosine", **OPTIONS)
    assert measured(overridden) == COSINE
    assert "tas-b is made for dot scores, but scores are cosines here" in overridden.notices
    stated = encoder(plain, similarity="dot")
    assert measured(cm.evaluate(COLLECTION, stated, **OPTIONS)) == DOT
    analysis = cm.analyse(COLLECTION, Own(), scenarios=["multilingual"], resamples=0)
    assert (
        analysis.rows == cm.analyse(COLLECTION, plain, scenarios=["multilingual"], resamples=0, similarity="dot").rows
    )


def stores(folder: Path, similarity: str) -> tuple[EmbeddingStore, EmbeddingStore]:
    pair = []
    record = msgspec.structs.replace(Own.record, similarity=similarity)
    for stage, texts, rows in (
        ("documents", COLLECTION.documents, DOCUMENTS), ("queries", COLLECTION.queries, QUERIES),
    ):  # fmt: skip
        with StoreWriter(folder / stage, record, stage) as writer:  # type: ignore[arg-type]
            writer.append(rows, list(texts.ids), list(texts.languages))
        pair.append(EmbeddingStore.open(folder / stage))
    return pair[0], pair[1]


def test_stores_are_scored_as_they_were_written(tmp_path: Path) -> None:
    documents, queries = stores(tmp_path / "dot", "dot")
    assert measured(cm.evaluate(COLLECTION, StoredEmbeddings(documents, queries), **OPTIONS)) == DOT
    by_cosine = cm.evaluate(COLLECTION, StoredEmbeddings(documents, queries), similarity="cosine", **OPTIONS)
    assert measured(by_cosine) == COSINE
    assert cm.search(queries, documents, k=3).ids.tolist() == cm.search(
        QUERIES, DOCUMENTS, k=3, similarity="dot"
    ).ids.tolist()  # fmt: skip
    judgements = {"relevant": tmp_path / "qrels.txt", "judgements": {COLLECTION.queries.ids[0]: {documents.ids[0]: 1}}}
    (tmp_path / "qrels.txt").write_text(f"{COLLECTION.queries.ids[0]} 0 {documents.ids[0]} 1\n")
    results = {}
    for similarity in (None, "dot", "cosine"):
        request = ScanRequest(documents=documents, queries=queries, similarity=similarity, **judgements)  # type: ignore[arg-type]
        with executor_of("local") as executor:
            results[similarity] = request.run(executor).ranks.scores.tolist()
        assert request.digests()["similarity"] == (similarity or "dot")
    assert results[None] == results["dot"] == [float(QUERIES[0] @ DOCUMENTS[0])]
    assert results["cosine"] != results["dot"]
    mixed, _ = stores(tmp_path / "cosine", "cosine")
    with pytest.raises(UsageError, match="made for different similarities"):
        cm.search(queries, mixed, k=1)
    with pytest.raises(UsageError, match="hamming is for packed bits, but stores hold numbers"):
        cm.search(queries, documents, k=1, similarity="hamming")


def test_remedies_scale_rows_so_that_only_cosines_remain(tmp_path: Path) -> None:
    center = Center.fit(DOCUMENTS, COLLECTION.documents.languages)
    corrected = CorrectedEncoder(Own(), center, unknown="mean")
    warning = "tas-b is made for dot scores, but center scales rows to length one, so scores are cosines"
    assert warning in corrected.record.warnings
    assert corrected.record.similarity == "cosine"
    evaluation = cm.evaluate(COLLECTION, corrected, **OPTIONS)
    assert evaluation.settings["similarity"] == "cosine"
    with pytest.raises(UsageError, match="the dot product is not defined after center, which scales all rows"):
        cm.evaluate(COLLECTION, corrected, similarity="dot", **OPTIONS)
    adapter = Adapter("linear", {"weight": np.eye(6), "bias": np.zeros(6)})
    stored = StoredEmbeddings(*stores(tmp_path, "dot"), Remedies(adapter, None))
    assert any("an adapter scales rows to length one" in text for text in stored.record.warnings)
    with pytest.raises(UsageError, match="not defined after adapter"):
        cm.evaluate(COLLECTION, stored, similarity="dot", **OPTIONS)


def test_what_has_no_embeddings_has_no_similarity() -> None:
    with pytest.raises(UsageError, match="a similarity is for embeddings, but bm25 has none"):
        cm.evaluate(COLLECTION, "bm25", similarity="dot", **OPTIONS)
    with pytest.raises(UsageError, match="unknown similarity 'euclid'; expected one of cosine, dot, hamming"):
        cm.evaluate(COLLECTION, Own(), similarity="euclid", **OPTIONS)  # type: ignore[arg-type]


def bits() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    draw = np.random.default_rng(1)
    queries, documents = (
        np.packbits(draw.random((len(texts), 16)) < 0.5, axis=1) for texts in (COLLECTION.queries, COLLECTION.documents)
    )
    documents[0] = 0  # no bit is set, which is an embedding like any other
    return queries, documents


def test_packed_bits_are_evaluated_by_hamming_distance() -> None:
    queries, documents = bits()
    distances = np.unpackbits(queries[:, None] ^ documents, axis=2).sum(axis=2, dtype=np.int64)
    packed = PrecomputedEncoder(queries, documents)
    assert (packed.record.similarity, packed.record.dimension) == ("hamming", 16)
    evaluation = cm.evaluate(COLLECTION, packed, **OPTIONS)
    assert measured(evaluation) == last_ranks(-distances)
    assert evaluation.settings["similarity"] == "hamming"
    assert any(text.startswith("scores are Hamming similarities of packed bits") for text in evaluation.notices)
    signed = [(array.astype(np.int16) - 128).astype(np.int8) for array in (queries, documents)]
    binary = PrecomputedEncoder(signed[0], signed[1], similarity="hamming")
    assert measured(cm.evaluate(COLLECTION, binary, **OPTIONS)) == measured(evaluation)


@pytest.mark.parametrize(
    ("action", "sentence"),
    [
        (lambda q, d: cm.evaluate(COLLECTION, PrecomputedEncoder(q, d), similarity="cosine"), "packed bits, so they"),
        (lambda q, d: PrecomputedEncoder(q, d, similarity="dot"), "packed bits .* are scored by hamming, not dot"),
        (lambda q, d: PrecomputedEncoder(q, d.astype(np.float32)), "packed bits .uint8. on both sides"),
        (
            lambda q, d: PrecomputedEncoder(q.astype(np.float32), d.astype(np.float32), similarity="hamming"),
            "both sides",
        ),
        (lambda q, d: ChangedEncoder(PrecomputedEncoder(q, d), truncate_dim=8), "truncate_dim is not for packed bits"),
        (
            lambda q, d: CorrectedEncoder(PrecomputedEncoder(q, d), Center.fit(np.eye(16), ["en"] * 16)).record,
            "not for",
        ),
        (lambda q, d: Center.fit(d, COLLECTION.documents.languages), "uint8, which may be packed bits"),
        (lambda q, d: cm.search(q, d), "queries are uint8, which may be packed bits; score packed bits with sim"),
        (lambda q, d: cm.search(q.astype(np.float32), [d]), "documents are uint8, which may be packed bits"),
        (lambda q, d: cm.search(q, d[:, :1], similarity="hamming"), "queries have 16 bits, documents 8"),
        (
            lambda q, d: cm.search(q, d.astype(np.int64), similarity="hamming"),
            "documents are int64, but the similarity",
        ),
        (lambda q, d: cm.search(q, d[0], similarity="hamming"), r"documents have shape \(2,\)"),
    ],
)
def test_packed_bits_are_not_taken_for_numbers(action: Any, sentence: str) -> None:
    with pytest.raises((UsageError, EmbeddingError), match=sentence):
        action(*bits())
