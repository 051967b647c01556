"""Mutual nearest neighbours between the languages of an index, by the ratio margin: probable translations.

Only sampled documents look for a partner, but among all documents, a block at a time: the pairs of a sample are those
that all documents would have, and memory does not grow with the index.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clinometer.correction.base import Correction
from clinometer.correction.mined import MinedPairs
from clinometer.errors import LanguageError, UsageError
from clinometer.languages import canonical
from clinometer.parameters import checked, whole
from clinometer.progress import tracked
from clinometer.scanning.arguments import codes_of, embedding_rows
from clinometer.scanning.scan import search
from clinometer.store.lookup import language_codes
from clinometer.store.reader import EmbeddingStore
from clinometer.vectors import unit_rows

__all__ = ["MARGIN", "NEIGHBOURS", "SAMPLE", "Index", "index_of", "known_groups", "mine", "mined_in"]

# Chosen on tico19 and train; see docs/turn.md.
NEIGHBOURS = 4
MARGIN = 1.3
SAMPLE = 5000
_COPY = 0.95
"""Cosine from which two documents of one language are near copies, which count as one neighbour."""
_DEPTH = 3
"""Length of the lists of neighbours, in means of these, so that near copies can be left out."""
_BLOCK = 32768
_LISTS = 512


@dataclass(frozen=True)
class Index:
    """Embeddings of an index as rows in which pairs are sought.

    Args:
        vectors: `(N, d)` array, or a store.
        labels: Languages by code.
        codes: `(N,)`: language of each document.
        center: Correction of all rows; None for none.
        scaled: Whether rows are scaled to length one at the end, which changes the last bits of those that are.
        threads: Number of threads of a search.
    """

    vectors: NDArray[Any] | EmbeddingStore
    labels: tuple[str, ...]
    codes: NDArray[np.int64]
    center: Correction | None
    scaled: bool
    threads: int | None

    def of(self, label: str) -> NDArray[np.int64]:
        """Positions of the documents of a language, ascending."""
        return np.flatnonzero(self.codes == self.labels.index(label))

    def rows(self, positions: NDArray[np.int64]) -> NDArray[np.float32]:
        """`(len(positions), d)`: rows of length one."""
        rows = self.taken(positions)
        if self.center is not None:
            rows = self.center.apply(rows, [self.labels[code] for code in self.codes[positions].tolist()])
        return unit_rows(rows, "documents").astype(np.float32) if self.scaled else rows

    def taken(self, positions: NDArray[np.int64]) -> NDArray[Any]:
        """`(len(positions), d)`: rows as they are held."""
        return self.vectors.take(positions) if isinstance(self.vectors, EmbeddingStore) else self.vectors[positions]

    def blocks(self, positions: NDArray[np.int64]) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
        """Positions and rows, a block at a time."""
        for start in range(0, len(positions), _BLOCK):
            part = positions[start : start + _BLOCK]
            yield part, self.rows(part)

    def nearest(self, queries: NDArray[np.float32], positions: NDArray[np.int64], k: int, *, copies: bool) -> _Nearest:
        """The nearest of some documents to each query, of equal ones the first in the index.

        Without `copies`, near copies of the query itself are left out, up to the length of the lists.
        """
        ids = np.empty((len(queries), 0), dtype=np.int64)
        scores = np.empty((len(queries), 0), dtype=np.float64)
        depth = _DEPTH * k
        for part, rows in self.blocks(positions):
            top = search(queries, rows, min(depth, len(rows)), similarity="dot", threads=self.threads)
            ids, scores = np.concatenate([ids, part[top.ids]], axis=1), np.concatenate([scores, top.scores], axis=1)
            order = np.argsort(-scores, axis=1, kind="stable")[:, :depth]
            ids, scores = np.take_along_axis(ids, order, axis=1), np.take_along_axis(scores, order, axis=1)
        if not copies:
            order = np.argsort(scores >= _COPY, axis=1, kind="stable")
            ids, scores = np.take_along_axis(ids, order, axis=1), np.take_along_axis(scores, order, axis=1)
        means = np.empty(len(queries))
        for start in range(0, len(queries), _LISTS):
            lists = slice(start, start + _LISTS)
            means[lists] = _mean(scores[lists], self._first_copies(ids[lists]), k)
        return _Nearest(ids[:, 0], scores[:, 0], means)

    def _first_copies(self, ids: NDArray[np.int64]) -> NDArray[np.bool_]:
        """`(Q, n)`: which documents of each list are no copies of an earlier one."""
        distinct, row_of = np.unique(ids, return_inverse=True)
        rows = self.rows(distinct)[row_of.reshape(ids.shape)]
        copies = np.einsum("qnd,qmd->qnm", rows, rows) >= _COPY
        first = np.ones(ids.shape, dtype=np.bool_)
        for place in range(1, ids.shape[1]):
            first[:, place] = ~(copies[:, place, :place] & first[:, :place]).any(axis=1)
        return first


@dataclass(frozen=True)
class _Nearest:
    """The nearest document to each query, its cosine, and the mean cosine with the nearest k, of copies only one."""

    ids: NDArray[np.int64]
    scores: NDArray[np.float64]
    means: NDArray[np.float64]


def _mean(scores: NDArray[np.float64], counted: NDArray[np.bool_], k: int) -> NDArray[np.float64]:
    """Mean of the first k scores that are counted, of all if they are fewer."""
    counted = counted & (np.cumsum(counted, axis=1) <= k)
    mean: NDArray[np.float64] = np.where(counted, scores, 0.0).sum(axis=1) / counted.sum(axis=1)
    return mean


@checked
def mine(
    documents: ArrayLike | EmbeddingStore,
    languages: Sequence[str] | None,
    center: Correction | None,
    *,
    pivot: str = "en",
    groups: Sequence[Any] | None = None,
    neighbours: int = NEIGHBOURS,
    margin: float = MARGIN,
    sample: int | None = SAMPLE,
    seed: int = 0,
    threads: int | None = None,
    show_progress_bar: bool = False,
) -> dict[str, MinedPairs]:
    """Probable translations between every language and the pivot, from the embeddings of an index alone.

    A document x and a document y of the pivot are a pair if each is the nearest of its language to the other, and if
    their cosine is more than `margin` times a mean: of x's cosines with its nearest documents of the pivot, and y's
    with its nearest of x's language. This is the ratio margin of Artetxe and Schwenk (2019), "Margin-based parallel
    corpus mining with multilingual sentence embeddings". Near copies (cosine 0.95 or more) count as one neighbour.

    Texts that have no translation give pairs as well, of the same topic. Their number is estimated in the pivot: some
    of its documents play the other language, as many as that has, and look for partners among the rest of the pivot.

    Args:
        documents: `(N, d)` embeddings of the index, before the correction, or a store of them.
        languages: Language of each document; None for those of the store.
        center: Correction before the search; all its languages are searched. None for documents as they are.
        pivot: Language that the others are paired with.
        groups: Parallel group of each document, None where it is not known: then the pairs that are right are counted.
        neighbours: Number of nearest neighbours in the mean.
        margin: Smallest ratio, 1 or more.
        sample: Maximum number of documents of each language that a partner is sought for; None for all.
        seed: Seed of the samples.
        threads: Number of threads; the result does not depend on it.
        show_progress_bar: Draw a bar on standard error.

    Returns:
        The pairs of each language but the pivot, by its label.

    Raises:
        LanguageError: There are no documents of the pivot, or the correction was not fitted on a language.
        UsageError: An option cannot be used.

    Example:
        >>> import clinometer as cm
        >>> from clinometer.correction import Center
        >>> from clinometer.encoders import encode
        >>> demo = cm.load("demo", languages=["en", "de"])
        >>> rows = encode(cm.encoder("offline"), demo.documents.texts, "documents")
        >>> center = Center.fit(rows, demo.documents.languages)
        >>> pairs = mine(rows, demo.documents.languages, center, groups=demo.documents.groups)["de"]
        >>> pairs.tried, len(pairs) > 50, pairs.right > 0.95
        (75, True, True)
    """
    index = index_of(documents, languages, center, threads, scaled=center is None)
    return mined_in(
        index, pivot=pivot, groups=groups, neighbours=neighbours, margin=margin, sample=sample, chance_sample=sample,
        seed=seed, rows=True, show_progress_bar=show_progress_bar,
    )  # fmt: skip


def mined_in(
    index: Index,
    *,
    pivot: str,
    groups: Sequence[Any] | None,
    neighbours: int,
    margin: float,
    sample: int | None,
    chance_sample: int | None,
    seed: int,
    rows: bool,
    show_progress_bar: bool,
) -> dict[str, MinedPairs]:
    """As `mine`, with a sample of its own for what chance explains; `rows` says whether pairs hold their rows."""
    whole(neighbours, "neighbours", least=1)
    for size in (sample, chance_sample):
        if size is not None:
            whole(size, "sample", least=1)
    if not margin >= 1:
        raise UsageError(f"margin is {margin!r}, but must be 1 or more; 1 takes every pair of mutual neighbours")
    pivot = canonical(pivot)
    if pivot not in index.labels:
        raise LanguageError(
            f"the index has no documents in {pivot}, only in {', '.join(index.labels)}; choose another pivot"
        )
    if groups is not None and len(groups) != len(index.codes):
        raise UsageError(f"{len(groups)} groups for {len(index.codes)} documents; give one for each")
    draw, pivot_rows, chances = np.random.default_rng(seed), index.of(pivot), dict[int, float]()
    mined = {}
    labels = sorted(set(index.labels) - {pivot})
    for label in tracked(labels, "mining", "languages", shown=show_progress_bar, late=True):
        own = index.of(label)
        tried = _drawn(draw, own, sample)
        pairs = _mutual(index, tried, own, pivot_rows, neighbours, margin)
        size = _size(len(own), len(pivot_rows))
        if size not in chances:
            chances[size] = _chance(index, draw, pivot_rows, size, chance_sample, neighbours, margin)
        # As many pairs as the smaller side has documents are possible.
        by_chance = chances[size] * min(len(own), len(pivot_rows)) * len(tried) / len(own)
        held = slice(None if rows else 0)
        mined[label] = MinedPairs(
            index.rows(pairs.own[held]), index.rows(pairs.other[held]), pairs.margins, len(tried), by_chance,
            _right(pairs, groups), pairs.own, pairs.other,
        )  # fmt: skip
    return mined


@dataclass(frozen=True)
class _Pairs:
    """Positions of the documents of pairs, their margins and cosines."""

    own: NDArray[np.int64]
    other: NDArray[np.int64]
    margins: NDArray[np.float64]
    cosines: NDArray[np.float64]


def _mutual(
    index: Index,
    tried: NDArray[np.int64],
    own: NDArray[np.int64],
    other: NDArray[np.int64],
    k: int,
    margin: float,
    *,
    copies: bool = True,
) -> _Pairs:
    """The pairs of some of the `own` documents with `other` ones, many at a time."""

    def pairs_of(part: NDArray[np.int64]) -> _Pairs:
        there = index.nearest(index.rows(part), other, k, copies=copies)
        candidates, candidate_of = np.unique(there.ids, return_inverse=True)
        back = index.nearest(index.rows(candidates), own, k, copies=copies)
        mutual = back.ids[candidate_of] == part
        means = (there.means + back.means[candidate_of]) / 2
        passed = mutual & (there.scores > 0) & (means > 0) & (there.scores > margin * means)
        return _Pairs(part[passed], there.ids[passed], there.scores[passed] / means[passed], there.scores[passed])

    parts = [pairs_of(tried[start : start + _BLOCK]) for start in range(0, len(tried), _BLOCK)]
    return _Pairs(*(np.concatenate([getattr(part, name) for part in parts]) for name in _Pairs.__dataclass_fields__))


def _size(own: int, pivot: int) -> int:
    """Number of documents of the pivot that play a language; in powers of two below the half, so that few differ."""
    half = pivot // 2
    return half if own >= half else 1 << (own.bit_length() - 1)


def _chance(
    index: Index,
    draw: np.random.Generator,
    pivot: NDArray[np.int64],
    size: int,
    sample: int | None,
    k: int,
    margin: float,
) -> float:
    """Share of documents without translations that would have a partner, from the pivot's documents alone."""
    if size < 1:
        return 1.0
    order = draw.permutation(pivot)
    own, other = np.sort(order[:size]), np.sort(order[size:])
    tried = _drawn(draw, own, sample)
    pairs = _mutual(index, tried, own, other, k, margin, copies=False)
    return float(np.count_nonzero(pairs.cosines < _COPY)) / len(tried)


def _drawn(draw: np.random.Generator, positions: NDArray[np.int64], sample: int | None) -> NDArray[np.int64]:
    if sample is None or len(positions) <= sample:
        return positions
    return np.sort(draw.choice(positions, sample, replace=False))


def _right(pairs: _Pairs, groups: Sequence[Any] | None) -> float | None:
    if groups is None:
        return None
    known = [
        groups[own] == groups[other]
        for own, other in zip(pairs.own.tolist(), pairs.other.tolist(), strict=True)
        if groups[own] is not None and groups[other] is not None
    ]
    return float(np.mean(known)) if known else None


def known_groups(groups: Sequence[Any]) -> Sequence[Any] | None:
    """The parallel groups of documents; None if none of them is known."""
    return groups if any(group is not None for group in groups) else None


def index_of(
    documents: ArrayLike | EmbeddingStore,
    languages: Sequence[str] | None,
    center: Correction | None,
    threads: int | None,
    *,
    scaled: bool,
) -> Index:
    """An index from an array or a store; arguments and errors are those of `mine`."""
    if isinstance(documents, EmbeddingStore):
        vectors: NDArray[Any] | EmbeddingStore = documents
        labels, codes = language_codes([documents]) if languages is None else codes_of(languages, len(documents))
    elif languages is None:
        raise UsageError("the languages of the documents are missing; give one language for each row")
    else:
        vectors = embedding_rows(documents, "documents")
        labels, codes = codes_of(languages, len(vectors))
    if center is not None:
        center.refuse_unknown(list(labels))
    names = [canonical(label) for label in labels]
    # Labels may be written in several ways.
    distinct = tuple(dict.fromkeys(names))
    code_of = np.array([distinct.index(name) for name in names], dtype=np.int64)
    return Index(vectors, distinct, code_of[codes.astype(np.int64)], center, scaled, threads)
