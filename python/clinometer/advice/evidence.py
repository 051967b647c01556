"""What a remedy is judged by: judged queries, heads of documents, or only rows; and the half kept for the end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from clinometer.advice.heads import headed
from clinometer.collection import Collection
from clinometer.collection.columns import CodedColumn, coded, distinct
from clinometer.correction import Correction, choose
from clinometer.encoders import Encoder, PrecomputedEncoder, encode
from clinometer.errors import UsageError
from clinometer.evaluation import evaluate
from clinometer.evaluation.results import Evaluation
from clinometer.scanning.scan import search
from clinometer.statistics.clusters import query_clusters

__all__ = ["DEPTH", "FEWEST_QUERIES", "Evidence", "Kind", "Trial", "of_collection", "of_rows"]

Kind = Literal["judgements", "heads", "rows"]
FEWEST_QUERIES = 60
"""Number of queries that a mean needs."""
DEPTH = 10
"""Number of first documents whose languages are counted."""


@dataclass(frozen=True, eq=False)
class Trial:
    """Embeddings of a part of the evidence before any remedy.

    Args:
        queries: `(m, d)` embeddings of queries, or of the documents that stand in for them.
        query_languages: Language of each query.
        documents: `(n, d)` embeddings of the pool.
        languages: Language of each document.
        collection: Judgements of these queries, in the order of the rows; None without.
        own: For each query the position of the document that is the query itself and not in its pool; None if no query
            is a document.
    """

    queries: NDArray[Any]
    query_languages: Sequence[str]
    documents: NDArray[Any]
    languages: Sequence[str]
    collection: Collection | None = None
    own: NDArray[np.int64] | None = None

    def corrected(self, correction: Correction | None) -> tuple[NDArray[Any], NDArray[Any]]:
        """Queries and documents after a correction."""
        if correction is None:
            return self.queries, self.documents
        return (
            correction.apply_queries(self.queries, self.query_languages),
            correction.apply(self.documents, self.languages),
        )

    def evaluated(self, queries: NDArray[Any], documents: NDArray[Any], pivot: str) -> Evaluation | None:
        """Plain retrieval within the languages, and both answers where there are two; None without judgements.

        Queries and documents are those of `corrected`.
        """
        if self.collection is None:
            return None
        paired = pivot in self.collection.languages and _answered_twice(self.collection) >= FEWEST_QUERIES
        return evaluate(
            self.collection,
            PrecomputedEncoder(queries, documents),
            scenarios=["mono-same", "multi"] if paired else ["mono-same"],
            measures=["nDCG@1", "Complete@10"],
            pivot=pivot,
            resamples=0,
        )

    def language_counts(self, queries: NDArray[Any], documents: NDArray[Any]) -> NDArray[np.int64]:
        """`(m, languages)`: languages of each query's first documents in a pool with equally many of each language.

        Queries and documents are those of `corrected`.
        """
        pool = self._balanced
        position = np.full(len(documents), -1, dtype=np.int64)
        position[pool] = np.arange(len(pool))
        exclude = None if self.own is None else [[row] if row >= 0 else [] for row in position[self.own].tolist()]
        top = search(queries, documents[pool], min(DEPTH, len(pool)), exclude=exclude)
        codes = self.coded_languages.codes[pool]
        counts = np.zeros((len(queries), len(self.coded_languages.labels)), dtype=np.int64)
        for rank in range(top.ids.shape[1]):
            listed = np.flatnonzero(top.ids[:, rank] >= 0)
            np.add.at(counts, (listed, codes[top.ids[listed, rank]]), 1)
        return counts

    @cached_property
    def _balanced(self) -> NDArray[np.int64]:
        fewest = int(np.bincount(self.coded_languages.codes).min())
        return choose(list(self.languages), fewest, 0)

    @cached_property
    def coded_languages(self) -> CodedColumn[str]:
        """Language of each document; the labels are those alone that occur here."""
        return coded(tuple(self.languages))


@dataclass(frozen=True, eq=False)
class Evidence:
    """What remedies are chosen by, and what the chosen one is tried on.

    Args:
        kind: `judgements`, `heads` (heads of documents as queries) or `rows` (documents as queries, no answers).
        choosing: The part that the choice is made on.
        held_out: The part that the choice never saw; None for `rows`.
        facts: Numbers of texts, for the record.
    """

    kind: Kind
    choosing: Trial
    held_out: Trial | None
    facts: dict[str, Any] = field(default_factory=dict)


def of_collection(
    collection: Collection,
    encoder: Encoder,
    *,
    texts: int,
    queries: int,
    seed: int = 0,
    show_progress_bar: bool = False,
) -> Evidence:
    """Evidence of a collection: its judgements if they suffice, else the heads of its documents.

    Args:
        collection: Documents of two languages or more.
        encoder: Any encoder.
        texts: Maximum number of documents of each language, besides those that are judged relevant.
        queries: Maximum number of queries of each language, and of heads.
        seed: Seed of samples and halves.
        show_progress_bar: Draw bars on standard error.

    Raises:
        UsageError: The documents are all in one language, or there is nothing to measure on.
    """
    if len(collection.documents.coded_languages.labels) < 2:
        raise UsageError(
            f"the documents of {collection.name!r} are all in one language, and nothing leans; give two or more"
        )
    pooled = choose(collection.documents.languages, texts, seed)
    judged = _judged(collection, queries, seed)
    if judged is not None:
        indptr, relevant = collection.relevant()
        answers = np.concatenate([relevant[indptr[row] : indptr[row + 1]] for row in np.concatenate(judged)])
        rows = np.union1d(pooled, distinct(answers))
        trials = _trials(collection, encoder, rows, judged, show_progress_bar)
        count = sum(map(len, judged))
        return Evidence("judgements", *trials, {"documents": len(rows), "queries": count})
    if isinstance(encoder, PrecomputedEncoder):
        q, d = _embedded(collection, encoder, np.arange(len(collection.queries)), pooled, False)
        labels = [collection.documents.languages[row] for row in pooled.tolist()]
        return of_rows(d, labels, q, collection.queries.languages, sample=queries, seed=seed)
    collection.require_texts("advice without judgements")
    cut = headed(collection.name, collection.documents.take(pooled))
    if cut is None or len(cut.documents.coded_languages.labels) < 2:
        raise UsageError(
            f"{collection.name!r} has fewer than {FEWEST_QUERIES} judged queries, and its documents are too short to "
            "be cut into heads and tails; add judgements, or choose a method"
        )
    heads = choose(cut.queries.languages, queries, seed)
    everything = np.arange(len(cut.documents))
    trials = _trials(cut, encoder, everything, _halves(heads, seed), show_progress_bar, heads=True)
    facts = {"documents": len(everything), "queries": len(heads), "too_short": len(pooled) - len(everything)}
    return Evidence("heads", *trials, facts)


def of_rows(
    documents: NDArray[Any],
    languages: Sequence[str],
    queries: NDArray[Any] | None = None,
    query_languages: Sequence[str] | None = None,
    *,
    sample: int,
    seed: int = 0,
) -> Evidence:
    """Evidence of embeddings alone: queries, or documents in their place, without answers: harm cannot be measured."""
    own = None
    if queries is None or query_languages is None:
        own = choose(languages, sample, seed)
        queries, query_languages = documents[own], [languages[row] for row in own.tolist()]
    else:
        rows = choose(query_languages, sample, seed)
        queries, query_languages = queries[rows], [query_languages[row] for row in rows.tolist()]
    trial = Trial(queries, query_languages, documents, languages, own=own)
    stand_ins = "queries" if own is None else "documents"
    return Evidence("rows", trial, None, {"documents": len(documents), "queries": len(queries), "stand_ins": stand_ins})


def _answered_twice(collection: Collection) -> int:
    """Number of queries with answers in more languages than one."""
    indptr, relevant = collection.relevant()
    query_of = np.repeat(np.arange(len(collection.queries)), np.diff(indptr))
    coded_languages = collection.documents.coded_languages
    count = len(coded_languages.labels)
    answer_languages = distinct(query_of * count + coded_languages.codes[relevant]) // count
    return int(np.count_nonzero(np.bincount(answer_languages) > 1))


def _trials(
    collection: Collection,
    encoder: Encoder,
    rows: NDArray[np.int64],
    halves: tuple[NDArray[np.int64], NDArray[np.int64]],
    bars: bool,
    *,
    heads: bool = False,
) -> tuple[Trial, Trial]:
    """A trial of each half of the queries on the same documents; with `heads`, query i is the head of document i."""
    asked = np.sort(np.concatenate(halves))
    q, d = _embedded(collection, encoder, asked, rows, bars)

    def trial(half: NDArray[np.int64]) -> Trial:
        part = collection.only(rows, half)
        vectors = q[np.searchsorted(asked, half)]
        return Trial(vectors, part.queries.languages, d, part.documents.languages, part, half if heads else None)

    return trial(halves[0]), trial(halves[1])


def _embedded(
    collection: Collection, encoder: Encoder, queries: NDArray[np.int64], documents: NDArray[np.int64], bars: bool
) -> tuple[NDArray[Any], NDArray[Any]]:
    if isinstance(encoder, PrecomputedEncoder):
        return (
            encoder.encode_queries(collection.queries.texts)[queries],
            encoder.encode_documents(collection.documents.texts)[documents],
        )
    q, d = collection.queries.take(queries), collection.documents.take(documents)
    return (
        encode(encoder, q.texts, "queries", languages=q.languages, show_progress_bar=bars),
        encode(encoder, d.texts, "documents", languages=d.languages, show_progress_bar=bars),
    )


def _judged(collection: Collection, queries: int, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]] | None:
    """Two halves of the queries that have an answer in their own language, at most so many of each; None for few."""
    indptr, relevant = collection.relevant()
    query_of = np.repeat(np.arange(len(collection.queries)), np.diff(indptr))
    languages = np.array(collection.documents.languages, dtype=object)
    query_languages = np.array(collection.queries.languages, dtype=object)
    own = distinct(query_of[languages[relevant] == query_languages[query_of]])
    if len(own) < FEWEST_QUERIES:
        return None
    clusters = query_clusters(collection.queries.groups, query_of, relevant, collection.documents.groups)
    # Clusters enter whole, or one half would know of the other's answers.
    order = np.random.default_rng(seed).permutation(int(clusters.max()) + 1)
    place = np.argsort(order)[clusters[own]]
    own = own[np.argsort(place, kind="stable")]
    counts: dict[str, int] = {}
    taken: dict[int, list[int]] = {}
    for row in own.tolist():
        label = query_languages[row]
        if counts.get(label, 0) < queries:
            counts[label] = counts.get(label, 0) + 1
            taken.setdefault(int(clusters[row]), []).append(row)
    parts = list(taken.values())
    if len(parts) < 2:
        return None
    first, second = (np.sort(np.fromiter(chain.from_iterable(parts[start::2]), np.int64)) for start in (0, 1))
    return first, second


def _halves(rows: NDArray[np.int64], seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    order = np.random.default_rng(seed).permutation(rows)
    middle = len(rows) // 2
    return np.sort(order[:middle]), np.sort(order[middle:])
