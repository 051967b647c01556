"""Scores, rankings and pools the slow and obvious way: every document is scored, every pool is sorted.

Nothing here counts, merges or subtracts; what is tested must agree with it bit for bit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clinometer import Collection, CollectionBuilder, Evaluation
from clinometer.scenarios import Setting
from support.languages import LANGUAGES

Scores = NDArray[np.float32]


def unit_rows(rows: ArrayLike) -> Scores:
    """Rows of length one: squares are summed in eight interleaved float64 lanes, which are then added pairwise."""
    wide = np.asarray(rows, dtype=np.float64)
    lanes = np.zeros((len(wide), 8))
    for component in range(wide.shape[1]):
        lanes[:, component % 8] += wide[:, component] * wide[:, component]
    quarters = lanes[:, ::2] + lanes[:, 1::2]
    halves = quarters[:, ::2] + quarters[:, 1::2]
    length = np.sqrt(halves[:, 0] + halves[:, 1])
    return (wide * (1.0 / length)[:, None]).astype(np.float32)


def fused(a: Scores, b: Scores, c: Scores) -> Scores:
    """`a * b + c` in float32, rounded once.

    The product of two float32 is exact in float64. The sum is rounded to odd in float64 (its error is known exactly),
    and then a second rounding to float32 is as good as the only one.
    """
    product, addend = a.astype(np.float64) * b.astype(np.float64), c.astype(np.float64)
    product, addend = np.broadcast_arrays(product, addend)
    total = product + addend
    back = total - product
    error = (product - (total - back)) + (addend - back)
    even = (total.view(np.int64) & 1) == 0
    odd = np.where((error != 0) & even, np.nextafter(total, np.where(error > 0, np.inf, -np.inf)), total)
    return odd.astype(np.float32)


def fused_exactly(a: float, b: float, c: float) -> float:
    """The same for one triple, from the definition: exact fractions, and the nearest float32 is looked for."""
    exact = Fraction(a) * Fraction(b) + Fraction(c)
    guess = np.float32(float(exact))
    near = [np.nextafter(guess, np.float32(-np.inf)), guess, np.nextafter(guess, np.float32(np.inf))]
    even = {float(x): int(x.view(np.int32)) & 1 for x in near}
    return min(even, key=lambda x: (abs(Fraction(x) - exact), even[x]))


def scores_of(queries: ArrayLike, documents: ArrayLike, similarity: str = "cosine") -> Scores:
    """`(Q, N)` canonical scores: one chain of fused multiply-adds in float32 over the dimension, from 0."""
    q, d = np.asarray(queries, dtype=np.float32), np.asarray(documents, dtype=np.float32)
    if similarity == "cosine":
        q, d = unit_rows(q), unit_rows(d)
    total = np.zeros((len(q), len(d)), dtype=np.float32)
    for component in range(q.shape[1]):
        total = fused(q[:, component, None], d[None, :, component], total)
    return total


def ordered(scores: Scores, ties: str, ids: Sequence[str] | None = None) -> NDArray[np.int64]:
    """Documents of one query, best first: equal scores by position (`index`) or by id descending (`trec`)."""
    positions = range(len(scores))
    if ties == "trec":
        names = [f"{row:09d}" for row in positions] if ids is None else [name.encode() for name in ids]
        last_first = sorted(positions, key=lambda row: names[row], reverse=True)
        return np.array(sorted(last_first, key=lambda row: -scores[row]), dtype=np.int64)
    return np.array(sorted(positions, key=lambda row: -scores[row]), dtype=np.int64)


def rank_of(scores: Scores, row: int, ties: str, ids: Sequence[str] | None = None) -> float:
    """Rank of one document from a full sort; for the modes without an order, from where its score stands in it."""
    if ties in ("index", "trec"):
        order: list[int] = ordered(scores, ties, ids).tolist()
        return 1 + order.index(row)
    descending = np.sort(scores)[::-1].tolist()
    first, last = 1 + descending.index(scores[row]), len(scores) - descending[::-1].index(scores[row])
    by_mode: dict[str, float] = {"optimistic": first, "pessimistic": last, "expected": (first + last) / 2}
    return by_mode[ties]


@dataclass(frozen=True)
class Pool:
    """What one query meets in one setting: document rows, those of them that are relevant (with grades) or related."""

    query: int
    documents: list[int]
    grades: dict[int, int]
    related: set[int]


def pools_of(collection: Collection, setting: Setting) -> list[Pool]:
    """The pool of every query of a setting that has an answer there, taken from the texts and judgements alone."""
    texts = collection.documents
    pools = []
    for query, language in enumerate(collection.queries.languages):
        if language != setting.query_language:
            continue
        span = slice(collection.indptr[query], collection.indptr[query + 1])
        grades = {
            int(row): int(grade)
            for row, grade in zip(collection.judged[span], collection.grades[span], strict=True)
            if grade >= 1
        }
        contents = {(texts.languages[row], texts.texts[row]) for row in grades}
        related = {row for row in range(len(texts)) if (texts.languages[row], texts.texts[row]) in contents}
        documents = [
            row
            for row in range(len(texts))
            if texts.languages[row] in setting.pool and not (texts.languages[row] == setting.removed and row in related)
        ]
        inside = {row: grades[row] for row in documents if row in grades}
        if inside:
            pools.append(Pool(query, documents, inside, related & set(documents)))
    return pools


def columns(evaluation: Evaluation, setting: Setting, measure: str) -> dict[str, float]:
    """The values per query of one measure in one setting, by query id."""
    table = evaluation.per_query
    here = (
        (table["scenario"] == setting.scenario)
        & (table["query_language"] == setting.query_language)
        & (table["pool_languages"] == "+".join(setting.pool))
    )
    # A measure without a value in any setting has no column.
    values = table.get(measure, np.full(len(here), np.nan))
    return dict(zip(table["query_id"][here].tolist(), values[here].tolist(), strict=True))


def collection_of(
    documents: Iterable[tuple[str, str, str]],
    queries: Iterable[tuple[str, str]],
    judgements: Mapping[tuple[str, str], int],
    groups: Mapping[str, str] | None = None,
) -> Collection:
    """A collection from (id, text, language) documents, (id, language) queries and grades by (query, document)."""
    builder = CollectionBuilder("made")
    for name, text, language in documents:
        builder.add_document(name, text, language, group=(groups or {}).get(name))
    for name, language in queries:
        builder.add_query(name, f"what of {name}?", language, group=(groups or {}).get(name))
    for (query, document), grade in judgements.items():
        builder.judge(query, document, grade)
    return builder.build()


def random_collection(seed: int, languages: Sequence[str] = LANGUAGES) -> Collection:
    """Some topics in some languages, graded, with gaps in the translations and verbatim duplicates of answers."""
    rng = np.random.default_rng(seed)
    topics = int(rng.integers(2, 5))
    documents: list[tuple[str, str, str]] = []
    for topic in range(topics):
        for language in languages:
            for copy in range(int(rng.choice([0, 1, 1, 1, 2, 3]))):
                same = rng.random() < 0.6
                name = f"{language}{topic}{copy}{rng.integers(100)}"
                documents.append((name, f"{topic} {language}" if same else f"{topic} {language} {copy}", language))
    documents += [(f"{language}-filler", f"filler {language}", language) for language in languages]
    documents = [documents[row] for row in rng.permutation(len(documents))]
    queries = [(f"q{topic}{language}", language) for topic in range(topics) for language in languages]
    judgements: dict[tuple[str, str], int] = {}
    for query, _ in queries:
        for name, text, _ in documents:
            if text.split()[0] == query[1] and rng.random() < 0.7:
                judgements[query, name] = int(rng.integers(0, 4))
    judgements[queries[0][0], documents[0][0]] = 1
    groups = {query: f"t{query[1]}" for query, _ in queries}
    return collection_of(documents, queries, judgements, groups)


def embeddings(seed: int, rows: int, dimension: int, tied: bool) -> NDArray[Any]:
    """Random rows; `tied` draws from so few different ones that most scores are shared."""
    rng = np.random.default_rng(seed)
    if not tied:
        return rng.normal(size=(rows, dimension)).astype(np.float32)
    found = rng.integers(-1, 2, size=(rows, dimension)).astype(np.float32)
    found[~found.any(axis=1), 0] = 1
    return found
