"""Parallel collections with gaps, and an encoder whose vectors depend on the text alone, for tests of pools."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from clinometer import Collection, CollectionBuilder
from clinometer.encoders import EncoderRecord
from support.languages import LANGUAGES


class TextEncoder:
    """A random vector for each text; `tied` takes it from so few that most scores are shared."""

    def __init__(self, dimension: int = 4, *, tied: bool = False) -> None:
        self._dimension, self._tied = dimension, tied
        self.record = EncoderRecord(name="text", kind="precomputed", dimension=dimension)

    def encode_queries(self, texts: Sequence[str], *, show_progress_bar: bool = False) -> NDArray[np.float32]:
        return self.encode_documents([f"query {text}" for text in texts])

    def encode_documents(self, texts: Sequence[str], *, show_progress_bar: bool = False) -> NDArray[np.float32]:
        return np.stack([self._row(text) for text in texts])

    def _row(self, text: str) -> NDArray[np.float32]:
        draw = np.random.default_rng(int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big"))
        if not self._tied:
            return draw.normal(size=self._dimension).astype(np.float32)
        row = draw.integers(-1, 2, size=self._dimension).astype(np.float32)
        row[0] += not row.any()
        return row


def parallel_collection(
    groups: int = 12, languages: Sequence[str] = LANGUAGES, seed: int = 0, gaps: float = 0.0
) -> Collection:
    """Groups with a document and a query in each language, some left out; the first language is always there."""
    draw = np.random.default_rng(seed)
    builder = CollectionBuilder("parallel")
    held: dict[int, list[str]] = {}
    for label in languages:
        for group in range(groups):
            if label == languages[0] or draw.random() >= gaps:
                held.setdefault(group, []).append(label)
                text = f"Page {group} in {label}. It has {group + 3} lines. Nobody counts. The end of {label}."
                builder.add_document(f"{label}:{group}", text, label, f"g{group}")
                builder.add_query(f"{label}:{group}", f"what does page {group} say in {label}?", label, f"q{group}")
    for group, labels in held.items():
        for asked in labels:
            for label in labels:
                builder.judge(f"{asked}:{group}", f"{label}:{group}", 1 + group % 2)
    return builder.build()


def all_translated(groups: int, languages: Sequence[str] = ("en", "de")) -> Collection:
    """Every group in every language, group by group in the order of the languages; all translations answer."""
    builder = CollectionBuilder("parallel")
    for group in range(groups):
        for language in languages:
            builder.add_document(f"{language}{group:03}", f"{language} text {group}", language, str(group))
            builder.add_query(f"q-{language}{group:03}", f"{language} question {group}", language, str(group))
    for group in range(groups):
        for asked in languages:
            for language in languages:
                builder.judge(f"q-{asked}{group:03}", f"{language}{group:03}")
    return builder.build()


def judgements(collection: Collection) -> set[tuple[str, str, int]]:
    """Query id, document id and grade of each judgement."""
    query_of = np.repeat(np.arange(len(collection.queries)), np.diff(collection.indptr))
    return {
        (collection.queries.ids[query], collection.documents.ids[row], int(grade))
        for query, row, grade in zip(query_of.tolist(), collection.judged.tolist(), collection.grades, strict=True)
    }
