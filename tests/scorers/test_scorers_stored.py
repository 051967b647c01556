"""An evaluation from stores is that of their rows, in whatever order they were stored and with whatever beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.brute_force import embeddings, random_collection

import clinometer as cm
from clinometer.collection import Collection, Texts
from clinometer.correction import Center, CorrectedEncoder
from clinometer.correction.remedies import Remedies
from clinometer.encoders import EncoderRecord, PrecomputedEncoder
from clinometer.errors import CollectionError, UsageError
from clinometer.scorers.stored import StoredEmbeddings
from clinometer.store import EmbeddingStore, StoreWriter, digest_of

RECORD = EncoderRecord(name="model", kind="http", revision="7", dimension=6)
MEASURES = ["MaxR", "nDCG@3", "RR", "Intrusion", "LangShare@3", "LPR(variant=any)", "FourWay(NSR-QL)", "RankGap"]


def store(
    path: Path, stage: Any, texts: Texts, rows: np.ndarray[Any, Any], order: list[int], digests: bool = True
) -> EmbeddingStore:
    """The rows in this order, in shards of five; -1 is a row of nobody's."""
    with StoreWriter(path, RECORD, stage) as writer:
        for start in range(0, len(order), 5):
            part = order[start : start + 5]
            writer.append(
                np.array([np.ones(6) if row < 0 else rows[row] for row in part]),
                [f"extra{start + at}" if row < 0 else texts.ids[row] for at, row in enumerate(part)],
                ["xx" if row < 0 else texts.languages[row] for row in part],
                texts_digest=digest_of(["?" if row < 0 else texts.texts[row] for row in part]) if digests else None,
            )
    return EmbeddingStore.open(path)


def made(seed: int) -> tuple[Collection, np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    collection = random_collection(seed)
    documents = embeddings(seed, len(collection.documents), 6, tied=True)
    return collection, embeddings(seed + 1, len(collection.queries), 6, tied=True), documents


def stored(folder: Path, seed: int, how: str, collection: Collection, queries: Any, documents: Any) -> StoredEmbeddings:
    draw = np.random.default_rng(seed)
    pair = []
    for stage, texts, rows in (
        ("documents", collection.documents, documents),
        ("queries", collection.queries, queries),
    ):
        order = list(range(len(texts)))
        if how != "same":
            order = draw.permutation(order).tolist()
        if how == "more":
            for at in (0, 3, len(order)):
                order.insert(at, -1)
        pair.append(store(folder / f"{how}{seed}" / stage, stage, texts, rows, order))
    return StoredEmbeddings(pair[0], pair[1])


@pytest.mark.parametrize("ties", ["index", "trec", "expected"])
@pytest.mark.parametrize("how", ["same", "shuffled", "more"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_an_evaluation_of_stored_rows(tmp_path: Path, seed: int, how: str, ties: Any) -> None:
    collection, queries, documents = made(seed)
    options: dict[str, Any] = {"ties": ties, "measures": MEASURES, "resamples": 0}
    wanted = cm.evaluate(collection, PrecomputedEncoder(queries, documents), **options)
    kept = stored(tmp_path, seed, how, collection, queries, documents)
    found = cm.evaluate(collection, kept, **options)
    assert found.rows == wanted.rows
    assert found.encoder["name"] == "model"
    told = [text for text in found.encoder["warnings"] if "were left out" in text]
    assert len(told) == (2 if how == "more" else 0)
    if told:
        assert told[0] == f"3 of {len(documents) + 3} stored documents are not in the collection and were left out"


def test_some_languages_of_a_store(tmp_path: Path) -> None:
    collection, queries, documents = made(4)
    kept = stored(tmp_path, 4, "shuffled", collection, queries, documents)
    options: dict[str, Any] = {"measures": MEASURES, "resamples": 0, "languages": ["en", "zh"]}
    inside = [collection.documents.rows_in(["en", "zh"]), collection.queries.rows_in(["en", "zh"])]
    wanted = cm.evaluate(collection, PrecomputedEncoder(queries[inside[1]], documents[inside[0]]), **options)
    assert cm.evaluate(collection, kept, **options).rows == wanted.rows


def test_remedies_come_before_the_scan(tmp_path: Path) -> None:
    collection, queries, documents = made(5)
    correction = Center.fit(documents, collection.documents.languages, queries, collection.queries.languages)
    options: dict[str, Any] = {"measures": MEASURES, "resamples": 0}
    wanted = cm.evaluate(collection, CorrectedEncoder(PrecomputedEncoder(queries, documents), correction), **options)
    for how in ("same", "more"):
        kept = stored(tmp_path, 5, how, collection, queries, documents)
        found = cm.evaluate(
            collection, StoredEmbeddings(kept.documents, kept.queries, Remedies(None, correction)), **options
        )
        assert found.rows == wanted.rows
        assert found.encoder["remedies"][0]["method"] == "center"


def test_what_is_not_stored_is_named(tmp_path: Path) -> None:
    collection, queries, documents = made(6)
    order = list(range(len(documents)))
    few = store(tmp_path / "few", "documents", collection.documents, documents, order[2:])
    asked = store(tmp_path / "asked", "queries", collection.queries, queries, list(range(len(queries))))
    with pytest.raises(CollectionError, match=rf"lacks 2 of the collection's {len(order)} documents \('"):
        cm.evaluate(collection, StoredEmbeddings(few, asked))


def test_texts_that_were_changed_are_refused(tmp_path: Path) -> None:
    collection, queries, documents = made(7)
    order = list(range(len(documents)))
    texts = collection.documents
    other = Texts(texts.ids, (*texts.texts[:-1], "something else"), texts.languages, texts.groups)
    asked = store(tmp_path / "asked", "queries", collection.queries, queries, list(range(len(queries))))
    changed = store(tmp_path / "changed", "documents", other, documents, order)
    with pytest.raises(CollectionError, match="has changed since it was encoded"):
        cm.evaluate(collection, StoredEmbeddings(changed, asked))
    unknown = store(tmp_path / "unknown", "documents", other, documents, order, digests=False)
    assert cm.evaluate(collection, StoredEmbeddings(unknown, asked), resamples=0).rows


def test_remedies_that_do_not_fit_are_refused_at_once(tmp_path: Path) -> None:
    collection, queries, documents = made(8)
    kept = stored(tmp_path, 8, "same", collection, queries, documents)
    narrow = Center.fit(np.eye(4), ["en", "en", "de", "de"])
    with pytest.raises(UsageError, match="gives 6 dimensions, but the correction was fitted on 4"):
        StoredEmbeddings(kept.documents, kept.queries, Remedies(None, narrow))
