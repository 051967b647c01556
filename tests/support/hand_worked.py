"""A collection small enough to work every number out by hand, and an encoder that ranks it as it is told."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import clinometer as cm
from clinometer import Collection, Evaluation
from clinometer.encoders import EncoderRecord
from support.brute_force import collection_of

# Three topics in three languages; nobody translated topic 2 into Chinese.
DOCUMENTS = ("en0", "en1", "en2", "de0", "de1", "de2", "zh0", "zh1")
# How each query ranks all documents, best first; the digit of a query is its topic.
RANKINGS = {
    "q-en0": "en0 en1 de0 zh0 de1 en2 de2 zh1",
    "q-en1": "de1 en1 en0 zh1 de0 en2 zh0 de2",
    "q-de0": "en1 en2 en0 de0 de1 zh0 de2 zh1",
    "q-de1": "de1 de0 en1 en0 zh0 zh1 en2 de2",
    "q-zh0": "en0 zh1 zh0 en1 de0 de1 en2 de2",
    "q-zh2": "en1 en2 de2 de0 zh1 zh0 de1 en0",
}


def three_topics() -> Collection:
    documents = [(name, f"topic {name[2]} in {name[:2]}", name[:2]) for name in DOCUMENTS]
    judged = {(query, name): 1 for query in RANKINGS for name in DOCUMENTS if name[2] == query[4]}
    groups = {name: name[2] for name in DOCUMENTS} | {query: f"q{query[4]}" for query in RANKINGS}
    return collection_of(documents, [(query, query[2:4]) for query in RANKINGS], judged, groups)


class Told:
    """An encoder that was told the embedding of each text."""

    def __init__(self, rows: dict[str, NDArray[Any]]) -> None:
        self.rows = rows
        self.record = EncoderRecord(name="told", kind="precomputed")

    def encode_queries(self, texts: Sequence[str], *, show_progress_bar: bool = False) -> NDArray[Any]:
        return np.array([self.rows[text] for text in texts], dtype=np.float32)

    encode_documents = encode_queries


def encoder_of(rankings: dict[str, str], same: Sequence[tuple[str, str]] = ()) -> Told:
    """Query i is the i-th unit vector; a document's component i says how far up it stands for query i."""
    rows = np.zeros((len(DOCUMENTS), len(rankings) + 1))
    for column, ranking in enumerate(rankings.values()):
        for place, name in enumerate(ranking.split()):
            rows[DOCUMENTS.index(name), column] = (8 - place) / 32
    for copy, original in same:
        rows[DOCUMENTS.index(copy)] = rows[DOCUMENTS.index(original)]
    rows[:, -1] = [sqrt(1 - row @ row) for row in rows]
    texts = [f"topic {name[2]} in {name[:2]}" for name in DOCUMENTS] + [f"what of {query}?" for query in rankings]
    return Told(dict(zip(texts, [*rows, *np.eye(len(rankings), len(rankings) + 1)], strict=True)))


def values(evaluation: Evaluation, measure: str) -> dict[str, tuple[Any, int]]:
    """Value and number of queries of each row of a measure, by scenario, query language and pool."""
    return {
        f"{row['scenario']} {row['query_language']} {'+'.join(row['pool_languages'])}": (row["value"], row["queries"])
        for row in evaluation.rows
        if row["measure"] == measure
    }


def approximately(wanted: dict[str, tuple[float, int]]) -> dict[str, tuple[Any, int]]:
    return {place: (pytest.approx(value), queries) for place, (value, queries) in wanted.items()}


def evaluated(collection: Collection, encoder: Any, *measures: str, **options: Any) -> Evaluation:
    return cm.evaluate(collection, encoder, measures=measures, **({"resamples": 0} | options))
