"""Hard negatives by the package's own scan: documents that rank high and are neither positives nor translations of one.

The scan is exact and its order total, so the same embeddings and seed give the same negatives on any machine and number
of threads.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clinometer.encoders.base import Encoder, Side, encode
from clinometer.encoders.similarity import similarity_of
from clinometer.errors import UsageError
from clinometer.scanning.scan import search
from clinometer.training.checks import merged_groups, same_text
from clinometer.training.data import ParallelSamples
from clinometer.vectors import array_of

__all__ = ["mine_hard_negatives", "with_hard_negatives"]

Choice = Literal["hardest", "random"]


def mine_hard_negatives(
    queries: ArrayLike,
    documents: ArrayLike,
    query_groups: Sequence[int] | NDArray[Any],
    document_groups: Sequence[int] | NDArray[Any],
    *,
    count: int = 5,
    ranks: tuple[int, int] = (1, 100),
    choice: Choice = "hardest",
    seed: int = 42,
    similarity: Literal["cosine", "dot", "hamming"] = "cosine",
    threads: int | None = None,
    show_progress_bar: bool = False,
) -> NDArray[np.int64]:
    """Documents that rank high for each query and belong to other groups.

    Documents of the query's own group (its positives and all their translations) are removed from its pool before ranks
    are counted, so rank 1 is the best negative.

    Args:
        queries: `(Q, d)` embeddings.
        documents: `(N, d)` embeddings.
        query_groups: Group of each query.
        document_groups: Group of each document; documents of one group are positives and translations of each other.
        count: Number of negatives per query.
        ranks: First and last rank, from 1, among which they are chosen; (50, 100) avoids false negatives.
        choice: `hardest`: the first ones of these ranks. `random`: any of them, by the seed and the query's position.
        seed: Seed of `random`.
        similarity: Similarity of the embeddings.
        threads: Number of threads of the scan; the result does not depend on it.
        show_progress_bar: Draw a bar on standard error.

    Returns:
        `(Q, count)` positions of documents, harder first.

    Raises:
        UsageError: An option cannot be used, or a query has fewer than `count` documents of other groups in these
            ranks; the message names the query.
        EmbeddingError: Embeddings that cannot be scored.

    Example:
        >>> documents = [[1.0, 0.0], [0.9, 0.1], [0.5, 0.5], [0.0, 1.0]]
        >>> mine_hard_negatives([[1.0, 0.0]], documents, [7], [7, 7, 8, 9], count=1).tolist()
        [[2]]
    """
    first, last = ranks
    if count < 1:
        raise UsageError(f"count is {count}, but must be 1 or more")
    if not 1 <= first <= last or last - first + 1 < count:
        raise UsageError(f"ranks are {first} to {last}, but must start at 1 or more and hold {count} negatives")
    if choice not in ("hardest", "random"):
        raise UsageError(f"unknown choice {choice!r}; expected hardest or random")
    queries, documents = array_of(queries, "queries"), array_of(documents, "documents")
    for side, rows, groups in (("queries", queries, query_groups), ("documents", documents, document_groups)):
        if len(rows) != len(groups):
            raise UsageError(f"{len(groups)} groups for {len(rows)} {side}; give one for each")
    members: dict[Any, list[int]] = {}
    for row, group in enumerate(document_groups):
        members.setdefault(group, []).append(row)
    own_rows = [members.get(group, []) for group in query_groups]
    top = search(
        queries,
        documents,
        k=min(last, len(documents)),
        exclude=[np.array(rows, dtype=np.int64) for rows in own_rows],
        similarity=similarity,
        threads=threads,
        show_progress_bar=show_progress_bar,
    )
    negatives = np.empty((len(queries), count), dtype=np.int64)
    for query, ranked_ids in enumerate(top.ids):
        candidates = [int(document) for document in ranked_ids[first - 1 : last] if document >= 0]
        if len(candidates) < count:
            raise UsageError(
                f"query {query} has {len(candidates)} documents of other groups in the ranks {first} to {last}, but "
                f"count is {count}; lower count or use other ranks"
            )
        if choice == "random":
            chosen_positions = random.Random(f"{seed}/{query}").sample(range(len(candidates)), count)  # noqa: S311 - not a secret
            candidates = [candidates[position] for position in sorted(chosen_positions)]
        negatives[query] = candidates[:count]
    return negatives


def with_hard_negatives(
    samples: ParallelSamples,
    encoder: Encoder,
    *,
    count: int = 5,
    ranks: tuple[int, int] = (50, 100),
    choice: Choice = "hardest",
    seed: int = 42,
    show_progress_bar: bool = False,
) -> ParallelSamples:
    """The samples with hard negative columns, in the order that the losses take.

    - Layouts `alignment` and `alignment+query`, with `passage_en` right after the query: `negative_1` to `negative_n`
      at the end, English passages mined for the English query; for `CrossLingualAlignmentLoss(negatives=n)`.
    - Layout `clear`: `negative_1` to `negative_n` after the English passage, mined for the English query, and
      `neg_query_1` to `neg_query_n` after the target query, target queries mined for the English passage, in the row's
      own language.
    - Layout `pairs`: `negative_1` to `negative_n` at the end, passages of the row's own language.

    A text is a negative at most once in a row, and never the passage of a row with the same query.

    Args:
        samples: Samples of `parallel_samples`, with any pivot.
        encoder: Encoder that ranks the candidates; usually the model to train.
        count: Number of negatives per row.

    The other arguments are those of `mine_hard_negatives`.

    Raises:
        UsageError: The columns do not have one of these layouts, or a row has too few candidates.
    """
    names = samples.columns
    layout = samples.statistics.get("layout")
    if layout not in ("alignment", "alignment+query", "clear", "pairs"):
        raise UsageError(f"hard negatives cannot be added to the columns {', '.join(names)}; choose another layout")
    similarity = similarity_of([encoder.record])
    options: dict[str, Any] = {
        "count": count, "ranks": ranks, "choice": choice, "seed": seed, "similarity": similarity,
    }  # fmt: skip
    pool_of_row = [""] * len(samples) if layout != "pairs" else list(samples.languages)
    negatives = _mined(samples, encoder, 0, 1, pool_of_row, options, show_progress_bar)
    negative_names = [f"negative_{number}" for number in range(1, count + 1)]
    position, query_names = len(names), []
    queries: list[tuple[str, ...]] = [()] * len(samples)
    if layout == "clear":
        position, query_names = 2, [f"neg_query_{number}" for number in range(1, count + 1)]
        queries = _mined(samples, encoder, 1, 2, list(samples.languages), options, show_progress_bar)
    columns = (*names[:position], *negative_names, *names[position:], *query_names)
    rows = tuple(
        (*row[:position], *hard, *row[position:], *hard_queries)
        for row, hard, hard_queries in zip(samples.rows, negatives, queries, strict=True)
    )
    statistics = {
        **samples.statistics,
        "hard_negatives": {"count": count, "ranks": list(ranks), "choice": choice, "encoder": encoder.record.name},
    }
    return replace(samples, columns=columns, rows=rows, statistics=statistics)


def _mined(
    samples: ParallelSamples,
    encoder: Encoder,
    query_column: int,
    pool_column: int,
    pool_of_row: Sequence[str],
    options: dict[str, Any],
    show_progress_bar: bool,
) -> list[tuple[str, ...]]:
    """For each row, negatives of its text in `query_column` from the texts of `pool_column` in its own pool."""
    negatives: list[tuple[str, ...]] = [()] * len(samples)
    for name in dict.fromkeys(pool_of_row):
        rows = [row for row, pool in enumerate(pool_of_row) if pool == name]
        queries = [samples.rows[row][query_column] for row in rows]
        passages = [samples.rows[row][pool_column] for row in rows]
        keys = [[("query", same_text(text)) for text in queries], [("passage", same_text(text)) for text in passages]]
        groups = merged_groups(range(len(rows)), keys)
        first_position = {key: position for position, key in reversed(list(enumerate(keys[1])))}
        distinct = sorted(first_position.values())
        candidates = [passages[position] for position in distinct]
        query_vectors = _encoded(encoder, samples.columns[query_column], queries, show_progress_bar)
        document_vectors = _encoded(encoder, samples.columns[pool_column], candidates, show_progress_bar)
        candidate_groups = [groups[position] for position in distinct]
        mined = mine_hard_negatives(query_vectors, document_vectors, groups, candidate_groups, **options)
        for row, positions in zip(rows, mined, strict=True):
            negatives[row] = tuple(candidates[position] for position in positions)
    return negatives


def _encoded(encoder: Encoder, column: str, texts: list[str], show_progress_bar: bool) -> NDArray[np.float32]:
    side: Side = "queries" if column.startswith("query") else "documents"
    return encode(encoder, texts, side, show_progress_bar=show_progress_bar)
