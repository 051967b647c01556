"""Excluded documents: neither counted nor listed, as if the query's pool had never held them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import clinometer as cm
from clinometer.errors import UsageError
from clinometer.scanning.counts import TieMode


@settings(max_examples=60)
@given(st.integers(0, 10_000), st.sampled_from(["index", "trec", "optimistic", "pessimistic", "expected"]))
def test_excluding_equals_a_pool_without_them(seed: int, ties: TieMode) -> None:
    """Every query is scanned alone over the pool that is left to it."""
    rng = np.random.default_rng(seed)
    documents = rng.integers(-1, 2, (14, 3)).astype(np.float32)  # many equal scores
    documents[~documents.any(axis=1)] = 1
    queries = rng.standard_normal((4, 3)).astype(np.float32)
    labels = rng.choice(["en", "de", "zh"], 14).tolist()
    order = [rng.permutation(14) for _ in queries]
    relevant, excluded = [o[:2] for o in order], [o[2 : 2 + rng.integers(0, 4)] for o in order]
    found = cm.scan(queries, documents, relevant, labels, 5, ties=ties, exclude=excluded)
    assert found.ranks is not None
    assert found.top is not None
    for query, (wanted, gone) in enumerate(zip(relevant, excluded, strict=True)):
        left = np.setdiff1d(np.arange(14), gone)
        alone = cm.scan(
            queries[query : query + 1],
            documents[left],
            [np.searchsorted(left, wanted)],
            [labels[row] for row in left],
            5,
            ties=ties,
        )
        assert alone.ranks is not None
        assert alone.top is not None
        rows = slice(*found.ranks.indptr[query : query + 2])
        assert found.ranks.ranks()[rows].tolist() == alone.ranks.ranks().tolist()
        assert found.top.ids[query].tolist() == left[alone.top.ids[0]].tolist()
        for label in set(alone.ranks.languages):
            assert found.ranks.ranks([label])[rows].tolist() == alone.ranks.ranks([label]).tolist()


def test_lists_shorter_than_k_are_filled_up() -> None:
    documents = np.eye(3, dtype=np.float32)
    top = cm.search(documents, documents, k=3, exclude=[[0], [1], [2]])
    assert top.ids.tolist() == [[1, 2, -1], [0, 2, -1], [0, 1, -1]]
    assert np.isnan(top.scores[:, 2]).all()


def test_lists_per_language_lose_them_too() -> None:
    documents = np.eye(3, dtype=np.float32)
    top = cm.search(documents, documents, 1, ["en", "de", "en"], per_language=True, exclude=[[0], [1], []])
    assert top.ids[:, :, 0].tolist() == [[2, 1], [0, -1], [2, 1]]


def test_a_document_cannot_be_both() -> None:
    documents = np.eye(3, dtype=np.float32)
    with pytest.raises(UsageError, match="document 2 is both relevant to and excluded from query 1"):
        cm.scan(documents[:2], documents, [[0], [2]], exclude=[[1], [1, 2]])
    with pytest.raises(UsageError, match="query 0 names document 7 as excluded"):
        cm.search(documents[:1], documents, exclude=[[7]])
