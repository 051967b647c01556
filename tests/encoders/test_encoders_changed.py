"""Truncated embeddings: the first components of an encoder, of arrays and of stores, scored like any others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.brute_force import random_collection

import clinometer as cm
from clinometer.correction import Center, CorrectedEncoder
from clinometer.correction.remedies import Remedies
from clinometer.encoders import ChangedEncoder, EncoderRecord, PrecomputedEncoder, encoder
from clinometer.errors import UsageError
from clinometer.executors import executor_of
from clinometer.scanning.stored import ScanRequest
from clinometer.scorers.stored import StoredEmbeddings
from clinometer.store import EmbeddingStore, StoreWriter

COLLECTION = random_collection(4, ("en", "de"))
DRAW = np.random.default_rng(0)
QUERIES, DOCUMENTS = (
    DRAW.normal(size=(len(texts), 8)).astype(np.float32) for texts in (COLLECTION.queries, COLLECTION.documents)
)
OPTIONS: dict[str, Any] = {"measures": ["MaxR", "RR", "LangShare@3"], "resamples": 0}


def cut_by_hand(size: int = 3) -> PrecomputedEncoder:
    return PrecomputedEncoder(QUERIES[:, :size], DOCUMENTS[:, :size])


def stores(folder: Path) -> tuple[EmbeddingStore, EmbeddingStore]:
    pair = []
    for stage, texts, rows in (
        ("documents", COLLECTION.documents, DOCUMENTS), ("queries", COLLECTION.queries, QUERIES),
    ):  # fmt: skip
        record = EncoderRecord(name="m", kind="http", dimension=8, normalized=True)
        with StoreWriter(folder / stage, record, stage) as writer:  # type: ignore[arg-type]
            writer.append(rows, list(texts.ids), list(texts.languages))
        pair.append(EmbeddingStore.open(folder / stage))
    return pair[0], pair[1]


def test_truncated_embeddings_are_those_of_an_encoder_of_fewer_dimensions(tmp_path: Path) -> None:
    expected = cm.evaluate(COLLECTION, cut_by_hand(), **OPTIONS)
    assert expected.rows != cm.evaluate(COLLECTION, PrecomputedEncoder(QUERIES, DOCUMENTS), **OPTIONS).rows
    truncated = encoder(PrecomputedEncoder(QUERIES, DOCUMENTS), truncate_dim=3)
    evaluation = cm.evaluate(COLLECTION, truncated, **OPTIONS)
    assert evaluation.rows == expected.rows
    assert (evaluation.encoder["dimension"], evaluation.encoder["settings"]) == (3, {"truncate_dim": 3})
    stored = StoredEmbeddings(*stores(tmp_path), Remedies(truncate_dim=3))
    of_stores = cm.evaluate(COLLECTION, stored, **OPTIONS)
    assert of_stores.rows == expected.rows
    assert (of_stores.encoder["dimension"], of_stores.encoder["normalized"]) == (3, False)


def test_a_scan_of_truncated_stores(tmp_path: Path) -> None:
    documents, queries = stores(tmp_path)
    names = COLLECTION.queries.ids[0], documents.ids[2]
    (tmp_path / "qrels.txt").write_text(f"{names[0]} 0 {names[1]} 1\n")
    judgements: Any = {"relevant": tmp_path / "qrels.txt", "judgements": {names[0]: {names[1]: 1}}}
    request = ScanRequest(documents=documents, queries=queries, k=4, remedies=Remedies(truncate_dim=3), **judgements)
    with executor_of("local") as executor:
        result = request.run(executor)
    assert result.top is not None
    assert result.top.ids.tolist() == cm.search(QUERIES[:1, :3], DOCUMENTS[:, :3], k=4).ids.tolist()
    other = ScanRequest(documents=documents, queries=queries, k=4, remedies=Remedies(truncate_dim=4), **judgements)
    assert other.digests() != request.digests()


def test_remedies_follow_the_truncation() -> None:
    center = Center.fit(DOCUMENTS[:, :3], COLLECTION.documents.languages)
    behind = Remedies(correction=center, truncate_dim=3).behind(PrecomputedEncoder(QUERIES, DOCUMENTS))
    by_hand = CorrectedEncoder(cut_by_hand(), center)
    assert cm.evaluate(COLLECTION, behind, **OPTIONS).rows == cm.evaluate(COLLECTION, by_hand, **OPTIONS).rows


@pytest.mark.parametrize(
    ("action", "sentence"),
    [
        (lambda: ChangedEncoder(cut_by_hand(), truncate_dim=4), "truncate_dim is 4, but precomputed has 3 dimensions"),
        (lambda: ChangedEncoder(cut_by_hand(), truncate_dim=0), "truncate_dim is 0, .* choose one from 1 to 3"),
        (lambda: Remedies(correction=Center.fit(DOCUMENTS, ["en"] * len(DOCUMENTS)), truncate_dim=3), "truncate_dim"),
        (
            lambda: ChangedEncoder(CorrectedEncoder(cut_by_hand(), Center.fit(np.eye(3), ["en"] * 3)), truncate_dim=2),
            "truncate_dim comes before remedies",
        ),
        (lambda: ChangedEncoder(cut_by_hand(), similarity="euclid"), "unknown similarity 'euclid'"),
        (lambda: cm.evaluate(COLLECTION, encoder("offline", truncate_dim=513)), "offline has 512 dimensions"),
    ],
)
def test_what_cannot_be_truncated_is_refused(action: Any, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        action()


def test_an_encoder_that_states_no_dimension_is_checked_when_it_encodes() -> None:
    class Silent:
        record = EncoderRecord(name="silent", kind="own")

        def encode_queries(self, texts: Any, *, show_progress_bar: bool = False) -> Any:
            return np.ones((len(texts), 2), dtype=np.float32)

        encode_documents = encode_queries

    with pytest.raises(UsageError, match="truncate_dim is 5, but the embeddings have 2 dimensions"):
        ChangedEncoder(Silent(), truncate_dim=5).encode_queries(["a"])
    assert ChangedEncoder(Silent(), truncate_dim=1).encode_documents(["a", "b"]).shape == (2, 1)


def test_packed_bits_may_be_stated_for_an_encoder_that_does_not_say_so() -> None:
    bits = np.random.default_rng(1).integers(0, 256, size=(len(COLLECTION.documents), 2), dtype=np.uint8)

    class Silent:
        record = EncoderRecord(name="silent", kind="own")

        def encode_queries(self, texts: Any, *, show_progress_bar: bool = False) -> Any:
            return bits[: len(texts)]

        encode_documents = encode_queries

    stated = encoder(Silent(), similarity="hamming")
    expected = cm.evaluate(COLLECTION, Silent(), similarity="hamming", **OPTIONS)
    assert cm.evaluate(COLLECTION, stated, **OPTIONS).rows == expected.rows
    with pytest.raises(UsageError, match="truncate_dim is not for packed bits, which silent has"):
        encoder(Silent(), similarity="hamming", truncate_dim=1)
