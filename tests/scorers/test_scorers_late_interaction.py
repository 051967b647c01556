"""Late interaction by hand, and the same from lists, from a flat array, and in blocks of any size."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import clinometer as cm
from clinometer.errors import EmbeddingError, UsageError
from clinometer.scorers import LateInteractionScorer, late_interaction


def ragged(rng: np.random.Generator, texts: int, dimension: int) -> list[NDArray[Any]]:
    return [rng.normal(size=(rng.integers(1, 6), dimension)) for _ in range(texts)]


def by_hand(queries: list[NDArray[Any]], documents: list[NDArray[Any]], cosine: bool) -> NDArray[np.float32]:
    scores = np.empty((len(queries), len(documents)))
    for row, query in enumerate(queries):
        for column, document in enumerate(documents):
            total = 0.0
            for one in query:
                best = -np.inf
                for other in document:
                    norm = np.linalg.norm(one) * np.linalg.norm(other) if cosine else 1.0
                    best = max(best, sum(x * y for x, y in zip(one, other, strict=True)) / norm)
                total += best
            scores[row, column] = total
    return scores.astype(np.float32)


@settings(max_examples=30)
@given(
    seed=st.integers(0, 1 << 20),
    similarity=st.sampled_from(["cosine", "dot"]),
    budget=st.sampled_from([1, 40, 1 << 22]),
)
def test_scores_are_sums_of_best_matches(seed: int, similarity: Any, budget: int) -> None:
    rng = np.random.default_rng(seed)
    queries, documents = ragged(rng, 3, 4), ragged(rng, 7, 4)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(late_interaction, "_BLOCK_SIMILARITIES", budget)
        scorer = LateInteractionScorer(queries, documents, similarity=similarity)
        found = np.concatenate(list(scorer.blocks()))
    np.testing.assert_allclose(found, by_hand(queries, documents, similarity == "cosine"), rtol=3e-7, atol=1e-7)
    assert found.dtype == np.float32


def test_a_flat_array_with_offsets_is_the_same_as_a_list() -> None:
    rng = np.random.default_rng(1)
    queries, documents = ragged(rng, 3, 4), ragged(rng, 5, 4)
    flat: list[Any] = [
        (np.concatenate(texts).astype(np.float32), np.cumsum([0, *map(len, texts)])) for texts in (queries, documents)
    ]
    single = [[text.astype(np.float32) for text in texts] for texts in (queries, documents)]
    one, other = LateInteractionScorer(*flat), LateInteractionScorer(*single)
    assert np.array_equal(np.concatenate(list(one.blocks())), np.concatenate(list(other.blocks())))


def test_documents_with_the_same_vectors_tie() -> None:
    rng = np.random.default_rng(2)
    documents = ragged(rng, 40, 32)
    documents[31] = documents[3].copy()
    scores = np.concatenate(list(LateInteractionScorer(ragged(rng, 5, 32), documents).blocks()))
    assert np.array_equal(scores[:, 31], scores[:, 3])


def test_texts_with_the_same_vectors_are_scored_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rounding hides what the sum of a copy may differ in, so the copy takes the score of the first."""
    rows = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 0.0]])
    assert late_interaction._first_alike(rows, np.array([0, 1, 2, 3, 4])).tolist() == [0, 1, 0, 0]
    assert late_interaction._first_alike(rows, np.array([0, 2, 4])).tolist() == [0, 1]
    monkeypatch.setattr(late_interaction, "_first_alike", lambda *_: np.array([1, 1]))
    scorer = LateInteractionScorer([rows[:1]], [rows[:1], rows[1:2]])
    assert next(scorer.blocks()).tolist() == [[0.0, 0.0]]


def test_one_vector_for_each_text_is_an_encoder() -> None:
    from clinometer.encoders import PrecomputedEncoder

    collection = cm.load("demo", languages=["en", "de"])
    rng = np.random.default_rng(3)
    asked, rows = (rng.normal(size=(len(texts), 8)) for texts in (collection.queries, collection.documents))
    options: dict[str, Any] = {"measures": ["MaxR", "LPR", "nDCG@10"], "resamples": 0}
    dense = cm.evaluate(collection, PrecomputedEncoder(asked.astype(np.float32), rows.astype(np.float32)), **options)
    late = cm.evaluate(collection, LateInteractionScorer(list(asked[:, None]), list(rows[:, None])), **options)
    assert [row["value"] for row in late.rows] == pytest.approx([row["value"] for row in dense.rows], rel=1e-3)
    assert late.encoder["kind"] == "late-interaction"
    assert late.encoder["settings"] == {"score": "MaxSim", "similarity": "cosine"}
    assert late.settings["similarity"] == "MaxSim"


ROW = [np.ones((1, 2))]


@pytest.mark.parametrize(
    ("queries", "documents", "error", "message"),
    [
        ([np.ones((0, 2))], ROW, EmbeddingError, "text 0 of the queries has no vector"),
        (ROW, [*ROW, np.zeros((1, 2))], EmbeddingError, "vector 0 of text 1 of the documents is zero, NaN or infinite"),
        (ROW, [np.array([[1, 1], [np.nan, 1]])], EmbeddingError, "vector 1 of text 0 of the documents is zero, NaN"),
        (ROW, [np.ones((1, 3))], EmbeddingError, "dimension 2, those of documents 3"),
        ([*ROW, np.ones((1, 3))], ROW, EmbeddingError, r"text 1 of the queries has vectors of shape \(1, 3\)"),
        ([np.ones(2)], ROW, EmbeddingError, r"text 0 of the queries has vectors of shape \(2,\)"),
        ([], ROW, UsageError, "no queries; give the vectors of at least one text"),
        (ROW, [np.array([["a", "b"]])], EmbeddingError, "but must be numbers"),
        ((np.ones((3, 2)), np.array([0, 2])), ROW, UsageError, "must ascend from 0 to the number of vectors, 3"),
        ((np.ones((3, 2)), np.array([0.0, 3.0])), ROW, UsageError, "which are whole numbers"),
    ],
)
def test_vectors_that_cannot_be_scored_are_refused(
    queries: Any, documents: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        LateInteractionScorer(queries, documents)


def test_vectors_must_fit_the_collection() -> None:
    collection = cm.load("demo", languages=["en", "de"])
    with pytest.raises(UsageError, match="vectors for 1 queries, but the collection has 300"):
        cm.evaluate(collection, LateInteractionScorer(ROW, ROW))
    with pytest.raises(UsageError, match="unknown similarity 'max'; expected cosine or dot"):
        LateInteractionScorer(ROW, ROW, similarity="max")  # type: ignore[arg-type]
