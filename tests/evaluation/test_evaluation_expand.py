"""`expand` of an evaluation: that of the arrays, by an encoder or stores, before feedback, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.translated_index import TranslatedIndex, translated_index

import clinometer as cm
from clinometer.correction import Center, CorrectedEncoder
from clinometer.correction.remedies import Remedies
from clinometer.encoders import EncoderRecord, PrecomputedEncoder
from clinometer.errors import EmbeddingError, LanguageError, UsageError
from clinometer.mining import expanded
from clinometer.scorers import MatrixScorer, StoredEmbeddings
from clinometer.store import EmbeddingStore, StoreWriter

INDEX = translated_index({"en": 60, "de": 60, "zh": 60}, 0.8, seed=3)
MEASURES = ["Complete@10", "nDCG@1", "Intrusion", "RankGap"]
SCENARIOS = ["multi", "one-sided"]
CENTER = Center.fit(INDEX.rows, INDEX.languages)
QUERIES = INDEX.rows[::2] + np.random.default_rng(0).normal(size=INDEX.rows[::2].shape).astype(np.float32)


def collection_of(index: TranslatedIndex) -> cm.Collection:
    """Every second document is asked for; its versions in all languages are the answers."""
    builder = cm.CollectionBuilder("expanded")
    for row, (label, group) in enumerate(zip(index.languages, index.groups, strict=True)):
        builder.add_document(f"d{row}", f"document {row}", label, group)
    for row in range(0, len(index.languages), 2):
        builder.add_query(f"q{row}", f"query {row}", index.languages[row], index.groups[row])
        for other, group in enumerate(index.groups):
            if group == index.groups[row]:
                builder.judge(f"q{row}", f"d{other}", 1)
    return builder.build()


COLLECTION = collection_of(INDEX)


def evaluated(encoder: Any, **options: Any) -> cm.Evaluation:
    return cm.evaluate(COLLECTION, encoder, scenarios=SCENARIOS, measures=MEASURES, resamples=0, **options)


@pytest.fixture(scope="module")
def by_hand() -> list[dict[str, Any]]:
    """The results of documents that were expanded before."""
    rows = CENTER.apply(INDEX.rows, INDEX.languages)
    documents = expanded(rows, INDEX.languages, weight=0.4).apply(rows)
    queries = CENTER.apply_queries(QUERIES, INDEX.languages[::2])
    return evaluated(PrecomputedEncoder(queries, documents)).rows


def stores(folder: Path, order: Any) -> StoredEmbeddings:
    """Stores in another order than the collection's, with a row more."""
    record = EncoderRecord(name="model", kind="http")
    for stage, prefix, rows in (("documents", "d", INDEX.rows), ("queries", "q", QUERIES)):
        step = 1 if stage == "documents" else 2
        numbers = [number for number in order if number % step == 0]
        with StoreWriter(folder / stage, record, stage, "float32") as writer:  # type: ignore[arg-type]
            for number in numbers:
                writer.append(rows[[number // step]], [f"{prefix}{number}"], [INDEX.languages[number]])
            writer.append(rows[:1], ["more"], ["de"])
    documents, queries = (EmbeddingStore.open(folder / stage) for stage in ("documents", "queries"))
    return StoredEmbeddings(documents, queries, Remedies(None, CENTER))


def test_encoders_and_stores_give_what_is_done_by_hand(tmp_path: Path, by_hand: list[dict[str, Any]]) -> None:
    corrected = CorrectedEncoder(PrecomputedEncoder(QUERIES, INDEX.rows), CENTER)
    order = np.random.default_rng(1).permutation(len(INDEX.languages)).tolist()
    for encoder in (corrected, stores(tmp_path, order)):
        evaluation = evaluated(encoder, expand=0.4)
        assert evaluation.rows == by_hand
        assert [entry["method"] for entry in evaluation.encoder["remedies"]] == ["center", "expansion"]
        assert evaluation.encoder["remedies"][1]["settings"]["weight"] == 0.4
        assert evaluation.encoder["name"].endswith(" + center + expansion")
        assert (
            sum(notice.startswith("one-sided removes a version of each answer, but") for notice in evaluation.notices)
            == 1
        )
    plain = evaluated(corrected)
    assert plain.rows != by_hand
    assert not any("expansion" in notice for notice in plain.notices)
    assert evaluated(corrected, expand=0).rows == evaluated(corrected).rows


def test_feedback_searches_the_expanded_documents() -> None:
    corrected = CorrectedEncoder(PrecomputedEncoder(QUERIES, INDEX.rows), CENTER)
    rows = CENTER.apply(INDEX.rows, INDEX.languages)
    documents = expanded(rows, INDEX.languages, weight=0.4).apply(rows)
    before = PrecomputedEncoder(CENTER.apply_queries(QUERIES, INDEX.languages[::2]), documents)
    both = evaluated(corrected, expand=0.4, feedback=0.2)
    assert both.rows == evaluated(before, feedback=0.2).rows
    assert [entry["method"] for entry in both.encoder["remedies"]] == ["center", "expansion", "feedback"]


def test_languages_that_are_left_out_are_in_the_notices() -> None:
    few = [row for row, label in enumerate(INDEX.languages) if label != "zh" or row >= 165]
    index = INDEX.taken(few)
    rows = Center.fit(index.rows, index.languages).apply(index.rows, index.languages)
    encoder = PrecomputedEncoder(rows[::2], rows)
    evaluation = cm.evaluate(collection_of(index), encoder, measures=["nDCG@1"], resamples=0, expand=0.5)
    assert any(notice.startswith("zh is not expanded: ") for notice in evaluation.notices)
    assert evaluation.encoder["remedies"][0]["settings"]["left_out"] == "zh"


def test_what_is_refused(tmp_path: Path) -> None:
    encoder = PrecomputedEncoder(QUERIES, INDEX.rows)
    for weight in (-0.5, 2.0):
        with pytest.raises(UsageError, match="the weight of an expansion is"):
            evaluated(encoder, expand=weight)
    with pytest.raises(UsageError, match="expand is nan, but must be a finite number"):
        evaluated(encoder, expand=float("nan"))
    with pytest.raises(
        UsageError, match="an expansion needs embeddings that are compared by cosine, but precomputed sc"
    ):
        evaluated(encoder, expand=0.5, similarity="dot")
    with pytest.raises(UsageError, match="an expansion needs embeddings that are compared by cosine, but matrix"):
        evaluated(MatrixScorer(QUERIES @ INDEX.rows.T, name="matrix"), expand=0.5)
    with pytest.raises(LanguageError, match="fr"):
        evaluated(encoder, expand=0.5, pivot="fr")
    alone = translated_index({"en": 60, "de": 60}, 0.0, seed=3)
    with pytest.raises(UsageError, match="no language has enough probable translations in en for an expansion"):
        cm.evaluate(collection_of(alone), PrecomputedEncoder(alone.rows[::2], alone.rows), resamples=0, expand=0.5)
    record = expanded(INDEX.rows, INDEX.languages).recorded(EncoderRecord(name="model", kind="http"))
    for stage, prefix, rows in (("documents", "d", INDEX.rows), ("queries", "q", QUERIES)):
        numbers = range(0, 180, 1 if stage == "documents" else 2)
        with StoreWriter(tmp_path / stage, record, stage, "float32") as writer:  # type: ignore[arg-type]
            labels = [INDEX.languages[number] for number in numbers]
            writer.append(rows, [f"{prefix}{number}" for number in numbers], labels)
    documents, queries = (EmbeddingStore.open(tmp_path / stage) for stage in ("documents", "queries"))
    twice = StoredEmbeddings(documents, queries)
    with StoreWriter(tmp_path / "short", EncoderRecord(name="model", kind="http"), "documents", "float32") as writer:
        short = CENTER.apply(INDEX.rows, INDEX.languages)[:, :40]
        writer.append(short, [f"d{number}" for number in range(180)], INDEX.languages)
    with pytest.raises(EmbeddingError, match="40"):
        evaluated(StoredEmbeddings(EmbeddingStore.open(tmp_path / "short"), queries), expand=0.5)
    with pytest.raises(UsageError, match=r"the documents of model \+ expansion are expanded already"):
        evaluated(twice, expand=0.5)
