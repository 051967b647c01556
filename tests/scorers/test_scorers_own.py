"""A scorer that a user writes, as docs/how-to/any-scorer.md shows it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import msgspec
import numpy as np
from support.brute_force import random_collection

import clinometer as cm
from clinometer import Collection
from clinometer.encoders import EncoderRecord
from clinometer.scorers import MatrixScorer, ScanOptions, Scored, Scorer, scan_scores, scorer


def my_scores(query: str, documents: Sequence[str]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Share of the query's letters that a document has."""
    return np.array([len(set(query) & set(text)) / len(set(query)) for text in documents])


class Mine:
    """Scores that come query by query."""

    record = EncoderRecord(name="mine", kind="scores")

    def score(self, collection: Collection, options: ScanOptions = ScanOptions()) -> Scored:
        documents = collection.documents.texts
        blocks = (my_scores(query, documents)[None] for query in collection.queries.texts)
        return Scored(partial(scan_scores, blocks), msgspec.to_builtins(self.record), "my similarity")


def test_an_own_scorer_is_taken_like_an_encoder() -> None:
    collection = random_collection(7)
    mine = Mine()
    assert isinstance(mine, Scorer)
    assert scorer(mine) is mine
    found = cm.evaluate(collection, mine, resamples=0)
    texts = collection.documents.texts
    whole = np.stack([my_scores(query, texts) for query in collection.queries.texts])
    assert found.rows == cm.evaluate(collection, MatrixScorer(whole), resamples=0).rows
    assert (found.encoder["name"], found.settings["similarity"]) == ("mine", "my similarity")
