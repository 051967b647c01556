"""Hard negatives through the package's own scan: what ranks high and is neither a positive nor one of its translations.

Exact and in one total order, so the same embeddings and seed give the same negatives on any machine and thread count.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clinometer.encoders.base import Encoder, Side, encode
from clinometer.errors import UsageError
from clinometer.scanning.scan import search
from clinometer.training.checks import same_text
from clinometer.training.data import ParallelSamples

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
    threads: int | None = None,
    show_progress_bar: bool = False,
) -> NDArray[np.int64]:
    """For each query, documents that rank high and belong to other groups.

    Documents of the query's own group (its positives and all their translations) are taken out of its pool before ranks
    are counted, so rank 1 is the best negative.

    Args:
        queries: `(Q, d)` embeddings.
        documents: `(N, d)` embeddings.
        query_groups: Group of each query.
        document_groups: Group of each document; documents of one group are positives and translations of each other.
        count: Negatives for each query.
        ranks: First and last rank, from 1, among which they are chosen; (50, 100) avoids false negatives.
        choice: `hardest`: the first ones of these ranks. `random`: any of them, by the seed and the query's position.
        seed: For `random`.
        threads: Of the scan; never shows in the result.
        show_progress_bar: Draw a bar on standard error.

    Returns:
        `(Q, count)` positions of documents, harder first.

    Raises:
        UsageError: An option cannot be used, or a query has fewer than `count` documents of other groups in these
            ranks; the query is named.
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
        raise UsageError(f"ranks are {first} to {last}; they must start at 1 or more and hold {count} negatives")
    if choice not in ("hardest", "random"):
        raise UsageError(f"there is no choice {choice!r}; choose hardest or random")
    queries, documents = np.asarray(queries), np.asarray(documents)
    for what, rows, groups in (("queries", queries, query_groups), ("documents", documents, document_groups)):
        if len(rows) != len(groups):
            raise UsageError(f"{len(groups)} groups for {len(rows)} {what}; give one for each")
    members: dict[Any, list[int]] = {}
    for row, group in enumerate(document_groups):
        members.setdefault(group, []).append(row)
    own = [members.get(group, []) for group in query_groups]
    top = search(
        queries,
        documents,
        k=min(last, len(documents)),
        exclude=[np.array(rows, dtype=np.int64) for rows in own],
        threads=threads,
        show_progress_bar=show_progress_bar,
    )
    found = np.empty((len(queries), count), dtype=np.int64)
    for query, listed in enumerate(top.ids):
        places = [int(document) for document in listed[first - 1 : last] if document >= 0]
        if len(places) < count:
            raise UsageError(
                f"query {query} has {len(places)} documents of other groups in the ranks {first} to {last}, but "
                f"{count} are asked for; lower count or take other ranks"
            )
        if choice == "random":
            chosen = random.Random(f"{seed}/{query}").sample(range(len(places)), count)  # noqa: S311 - not a secret
            places = [places[place] for place in sorted(chosen)]
        found[query] = places[:count]
    return found


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

    - With a column `passage_en` first after the query (layouts `alignment`, `alignment+query`): `negative_1` to
      `negative_n` at the end, English passages mined for the English query; for
      `CrossLingualAlignmentLoss(negatives=n)`.
    - Layout `clear`: `negative_1` to `negative_n` after the English passage, mined for the English query, and
      `neg_query_1` to `neg_query_n` after the target query, target queries mined for the English passage, in the row's
      own language.
    - Layout `pairs`: `negative_1` to `negative_n` at the end, passages of the row's own language.

    A text is a negative at most once in a row, and never the answer of a row that shares the question.

    Args:
        samples: From `parallel_samples`; another pivot than `en` is fine.
        encoder: Ranks the candidates; usually the model that will be trained.
        count: Negatives for each row.
        ranks: See `mine_hard_negatives`.
        choice: See `mine_hard_negatives`.
        seed: See `mine_hard_negatives`.
        show_progress_bar: Draw bars on standard error.

    Raises:
        UsageError: The columns are of none of these layouts, or a row has too few candidates.
    """
    names = samples.columns
    layout = samples.statistics.get("layout")
    if layout not in ("alignment", "alignment+query", "clear", "pairs"):
        raise UsageError(f"hard negatives cannot be placed among the columns {', '.join(names)}; choose another layout")
    options: dict[str, Any] = {"count": count, "ranks": ranks, "choice": choice, "seed": seed}
    one = [""] * len(samples) if layout != "pairs" else list(samples.languages)
    negatives = _mined(samples, encoder, 0, 1, one, options, show_progress_bar)
    titles = [f"negative_{number}" for number in range(1, count + 1)]
    rows: list[tuple[str, ...]]
    if layout == "clear":
        queries = _mined(samples, encoder, 1, 2, list(samples.languages), options, show_progress_bar)
        columns = (*names[:2], *titles, names[2], *(f"neg_query_{number}" for number in range(1, count + 1)))
        rows = [
            (*row[:2], *hard, row[2], *asked) for row, hard, asked in zip(samples.rows, negatives, queries, strict=True)
        ]
    else:
        columns = (*names, *titles)
        rows = [(*row, *hard) for row, hard in zip(samples.rows, negatives, strict=True)]
    statistics = {
        **samples.statistics,
        "hard_negatives": {"count": count, "ranks": list(ranks), "choice": choice, "encoder": encoder.record.name},
    }
    return replace(samples, columns=tuple(columns), rows=tuple(rows), statistics=statistics)


def _mined(
    samples: ParallelSamples,
    encoder: Encoder,
    asked: int,
    pool: int,
    pools: Sequence[str],
    options: dict[str, Any],
    show_progress_bar: bool,
) -> list[tuple[str, ...]]:
    """For each row, negatives to its text in column `asked` from the texts of column `pool` in its own pool."""
    found: list[tuple[str, ...]] = [()] * len(samples)
    for name in dict.fromkeys(pools):
        rows = [row for row, of in enumerate(pools) if of == name]
        asks = [samples.rows[row][asked] for row in rows]
        answers = [samples.rows[row][pool] for row in rows]
        groups = _groups([same_text(text) for text in asks], [same_text(text) for text in answers])
        first_at = {same_text(text): place for place, text in reversed(list(enumerate(answers)))}
        distinct = sorted(first_at.values())
        queries = _encoded(encoder, samples.columns[asked], asks, show_progress_bar)
        documents = _encoded(encoder, samples.columns[pool], [answers[place] for place in distinct], show_progress_bar)
        places = mine_hard_negatives(queries, documents, groups, [groups[place] for place in distinct], **options)
        for row, best in zip(rows, places, strict=True):
            found[row] = tuple(answers[distinct[place]] for place in best)
    return found


def _encoded(encoder: Encoder, column: str, texts: list[str], show_progress_bar: bool) -> NDArray[np.float32]:
    side: Side = "queries" if column.startswith("query") else "documents"
    return encode(encoder, texts, side, show_progress_bar=show_progress_bar)


def _groups(asks: Sequence[str], answers: Sequence[str]) -> list[int]:
    """A number for each row, the same where rows share a question or an answer, directly or through other rows."""
    leader = list(range(len(asks)))

    def lead(row: int) -> int:
        while leader[row] != row:
            leader[row] = leader[leader[row]]
            row = leader[row]
        return row

    for texts in (asks, answers):
        first: dict[str, int] = {}
        for row, text in enumerate(texts):
            leader[lead(row)] = lead(first.setdefault(text, row))
    return [lead(row) for row in range(len(asks))]
