"""Results of a scan: counts that give every rank (`RankCounts`) and the best documents (`TopK`).

Both merge: results of scans over disjoint documents merge into the result of one scan over all of them, bit for bit.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from clinometer.errors import CollectionError, UsageError
from clinometer.files import regular, written_whole
from clinometer.parameters import checked, choice, texts
from clinometer.scanning.saved_counts import saved_counts
from clinometer.scanning.widths import Narrow, narrow_sum, narrowest

__all__ = [
    "COUNT_COLUMNS",
    "TIE_MODES",
    "Counts",
    "RankCounts",
    "TieMode",
    "TopK",
    "check_ties",
    "counts_of",
    "counts_within",
    "split_lists",
    "tie_order",
]

TieMode = Literal["index", "trec", "optimistic", "pessimistic", "expected"]
TIE_MODES: tuple[str, ...] = get_args(TieMode)

# Languages that a repr lists.
_SHOWN = 12
# Entries of lists that are merged at a time.
_MERGED_ENTRIES = 1 << 14


def check_ties(ties: str) -> None:
    """Refuse an unknown tie mode; the message gives the modes."""
    choice(ties, "tie mode", TIE_MODES)


def tie_order(ties: TieMode) -> Literal["index", "trec"]:
    """The order of equal scores in a scan, for measures in a tie mode."""
    return "trec" if ties == "trec" else "index"


@dataclass(frozen=True)
class Counts:
    """Documents per pool language that score above, tie with, and precede (among the tied) each relevant document.

    Each field is `(R, P)`, of integers that may be unsigned and narrow; a relevant document is not counted against
    itself.
    """

    greater: NDArray[Any]
    equal: NDArray[Any]
    before: NDArray[Any]

    def __sub__(self, other: Counts) -> Counts:
        """The counts without those of a part of the documents."""
        return Counts(self.greater - other.greater, self.equal - other.equal, self.before - other.before)

    def take(self, rows: NDArray[np.int64], columns: list[int]) -> Counts:
        """The counts of some rows and languages."""
        cells = np.ix_(rows, np.asarray(columns, dtype=np.int64))
        return Counts(*(part[cells].astype(np.int64) for part in (self.greater, self.equal, self.before)))

    def only(self, column: int) -> Counts:
        """The same counts in one language, zero in the others."""
        mask = np.arange(self.greater.shape[1]) == column
        return Counts(self.greater * mask, self.equal * mask, self.before * mask)


@dataclass(frozen=True)
class RankCounts:
    """For each relevant document of a query, the number of documents of each language that score above or tie with it.

    One row per (query, relevant document), in input order; R rows, L languages.

    Args:
        indptr: `(Q + 1,)`: the rows of query q are `indptr[q]:indptr[q + 1]`.
        documents: `(R,)`: the relevant documents, as positions in the pool.
        codes: `(R,)`: their languages, as indices into `languages`.
        scores: `(R,)` float32: their canonical scores; the scores passed in, where `scan_scores` counted. Minus
            infinity means that a document was not retrieved: it has no rank, and measures count it as missed.
        greater: `(R, L)`: documents with a higher score.
        equal: `(R, L)`: other documents with the same score.
        before: `(R, L)`: those of `equal` that come first in the tie order. These three are unsigned integers, each as
            narrow as its largest count allows; sum them with `dtype=np.int64`.
        languages: The pool's languages, L labels.
        ties: Default tie mode of `ranks`.
        held: Tie order of `before`, `index` or `trec`.
        by_id: Whether the order `trec` used ids; else it is the order `index` reversed.
        pool_sizes: `(L,)`: documents of each language; None where they differ by query.
    """

    indptr: NDArray[np.int64]
    documents: NDArray[np.int64]
    codes: NDArray[np.int64]
    scores: NDArray[np.float32]
    greater: Narrow
    equal: Narrow
    before: Narrow
    languages: tuple[str, ...]
    ties: TieMode = "index"
    held: Literal["index", "trec"] = "index"
    by_id: bool = False
    pool_sizes: NDArray[np.int64] | None = None

    def __repr__(self) -> str:
        """Sizes, languages and tie mode in one line, never the arrays."""
        sizes = None if self.pool_sizes is None else self.pool_sizes.tolist()
        return (
            f"RankCounts(queries={len(self.indptr) - 1:,}, relevant={len(self.documents):,}, "
            f"languages=[{_listed(self.languages, sizes)}], ties={self.ties!r})"
        )

    def ranks(self, languages: Iterable[str] | None = None, ties: TieMode | None = None) -> NDArray[Any]:
        """Rank of each relevant document in the pool of these languages, without another scan.

        Args:
            languages: Languages of the pool; all of them by default.
            ties: Tie mode: `index` (equal scores in order of position), `trec` (in descending order of document id, or
                of position where the scan had no ids), `optimistic` (1 + greater), `pessimistic` (1 + greater +
                equal) or `expected` (half-way between).

        Returns:
            `(R,)` int64, float64 for `expected`. Ranks start at 1; 0 where the relevant document itself is not in that
            pool, or was not retrieved.

        Raises:
            UsageError: A language is not in the pool, or the tie mode needs an order that was not scanned.

        Example:
            >>> import numpy as np, clinometer as cm
            >>> documents = np.array([[1, 0], [0.8, 0.6], [0, 1]], dtype=np.float32)
            >>> counts = cm.rank_relevant(documents[:1], documents, [[1, 2]], languages=["en", "de", "de"])
            >>> counts.ranks().tolist(), counts.ranks(["de"]).tolist(), counts.ranks(["en"]).tolist()
            ([2, 3], [1, 2], [0, 0])
        """
        mode = self.ties if ties is None else ties
        check_ties(mode)
        columns = self.columns(languages)
        ranks: NDArray[Any] = np.ones(len(self.codes), dtype=np.int64)
        _add(ranks, self.greater, columns)
        if mode in ("index", "trec"):
            _add(ranks, self.tied_before(mode), columns)
        elif mode == "pessimistic":
            _add(ranks, self.equal, columns)
        elif mode == "expected":
            tied = np.zeros(len(ranks), dtype=np.int64)
            _add(tied, self.equal, columns)
            ranks = ranks + tied / 2
        in_pool = np.zeros(len(self.languages), dtype=np.bool_)
        in_pool[columns] = True
        ranks[~(in_pool[self.codes] & self.retrieved)] = 0
        return ranks

    def columns(self, languages: Iterable[str] | None) -> list[int]:
        """Column indices of the languages, ascending."""
        if languages is None:
            return list(range(len(self.languages)))
        labels = [languages] if isinstance(languages, str) else texts(languages, "languages")
        missing = [label for label in labels if label not in self.languages]
        if missing:
            if not any(self.languages):
                raise UsageError(f"the scan knows no languages, so not {', '.join(missing)} either; give it languages")
            raise UsageError(f"the scan has no {', '.join(missing)}; it has {', '.join(self.languages)}")
        return sorted(self.languages.index(label) for label in set(labels))

    def tied_before(self, ties: Literal["index", "trec"]) -> Narrow:
        """`(R, L)`: documents with the same score that come first in the order of mode `index` or `trec`.

        Raises:
            UsageError: The scan used the other order, and with ids one does not follow from the other.
        """
        if ties == self.held:
            return self.before
        if self.by_id:
            raise UsageError(f"this scan ordered ties for {self.held!r} by document id; scan again with ties={ties!r}")
        # Without ids a later position is a greater id: one order is the other reversed.
        reverse: Narrow = self.equal - self.before
        return reverse

    @property
    def retrieved(self) -> NDArray[np.bool_]:
        """`(R,)`: False for documents with a score of minus infinity, which have no rank."""
        return ~np.isneginf(self.scores)

    @property
    def tied(self) -> int:
        """Number of relevant documents that tie with another document; those not retrieved do not count."""
        return int(np.count_nonzero(self.equal.any(axis=1) & self.retrieved))

    @checked
    def merge(self, other: RankCounts) -> RankCounts:
        """The counts over both sets of documents; the order of merging does not matter.

        Raises:
            CollectionError: The other counts have other queries, relevant documents, scores or languages.
        """
        for name in ("indptr", "documents", "codes", "scores"):
            if not np.array_equal(getattr(self, name), getattr(other, name)):
                raise CollectionError(f"these counts cannot be merged: their {name} differ")
        if (self.languages, self.held, self.by_id) != (other.languages, other.held, other.by_id):
            raise CollectionError("these counts cannot be merged: their languages or tie orders differ")
        return replace(
            self,
            greater=narrow_sum(self.greater, other.greater),
            equal=narrow_sum(self.equal, other.equal),
            before=narrow_sum(self.before, other.before),
            pool_sizes=None
            if self.pool_sizes is None or other.pool_sizes is None
            else self.pool_sizes + other.pool_sizes,
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write an `.npz` file, completely or not at all."""
        with written_whole(path) as file:
            np.savez(
                file,
                languages=np.array(self.languages, dtype=np.str_),
                ties=np.array(self.ties),
                held=np.array(self.held),
                by_id=np.array(self.by_id),
                pool_sizes=np.empty(0, np.int64) if self.pool_sizes is None else self.pool_sizes,
                **{name: getattr(self, name) for name in ("indptr", *COUNT_COLUMNS)},
            )

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> RankCounts:
        """Read a file written by `save`.

        Raises:
            FormatError: It is not such a file.
        """
        return cls(**saved_counts(os.fspath(regular(path)), TIE_MODES))


def _add(total: NDArray[np.int64], counts: Narrow, columns: Sequence[int]) -> None:
    """Add the counts of some languages, column by column: rows are short, and a sum along each is slow."""
    for column in columns:
        total += counts[:, column]


COUNT_COLUMNS = ("documents", "codes", "scores", "greater", "equal", "before")
"""Columns of `RankCounts` with a row for each relevant document."""


def counts_of(ranks: RankCounts, rows: NDArray[Any] | slice, indptr: NDArray[np.int64]) -> RankCounts:
    """The counts of some rows, given as numbers, a mask or a slice; `indptr` are the queries of these."""
    return replace(ranks, indptr=indptr, **{name: getattr(ranks, name)[rows] for name in COUNT_COLUMNS})


@dataclass(frozen=True)
class TopK:
    """The best k documents of each query, or of each query and language, by one total order: score, then tie order.

    Args:
        ids: `(Q, k)` or `(Q, L, k)` int64: positions in the pool, best first, -1 after the last document.
        scores: Scores in the same shape, float32 or the type passed in, NaN where `ids` is -1.
        places: Places in the tie order in the same shape, int64; equal to `ids` in the order `index`.
        languages: The L labels if the lists are per language, else None.
    """

    ids: NDArray[np.int64]
    scores: NDArray[np.float32]
    places: NDArray[np.int64]
    languages: tuple[str, ...] | None = None

    def __repr__(self) -> str:
        """Sizes and languages in one line, never the arrays."""
        languages = "" if self.languages is None else f", languages=[{_listed(self.languages)}]"
        return f"TopK(queries={len(self.ids):,}, k={self.k:,}{languages})"

    @property
    def arrays(self) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        """Ids, scores and places."""
        return self.ids, self.scores, self.places

    @property
    def k(self) -> int:
        """Length of the lists."""
        return int(self.ids.shape[-1])

    def pool(self, languages: Iterable[str]) -> TopK:
        """The best k documents in the pool of these languages, merged from the lists per language.

        Raises:
            UsageError: The lists are not per language, or lack a language.
        """
        if self.languages is None:
            raise UsageError("these lists are not per language; search with per_language=True")
        labels = set(texts(languages, "languages"))
        missing = labels - set(self.languages)
        if missing:
            raise UsageError(f"the lists have no {', '.join(sorted(missing))}; they have {', '.join(self.languages)}")
        columns = [column for column, label in enumerate(self.languages) if label in labels]
        # The width is spelled out for lists of no queries.
        width = len(columns) * self.ids.shape[-1]
        return _best(*(array[:, columns].reshape(len(self.ids), width) for array in self.arrays), k=self.k)

    @checked
    def first(self, k: int) -> TopK:
        """The first k documents of each list."""
        ids, scores, places = (array[..., :k] for array in self.arrays)
        return TopK(ids, scores, places, self.languages)

    def of_length(self, k: int) -> TopK:
        """The first k documents of each list, filled up where it is shorter."""
        if k <= self.k:
            return self.first(k)
        width = [(0, 0)] * (self.ids.ndim - 1) + [(0, k - self.k)]
        fills = zip(self.arrays, (-1, np.nan, -1), strict=True)
        ids, scores, places = (np.pad(array, width, constant_values=fill) for array, fill in fills)
        return TopK(ids, scores, places, self.languages)

    @checked
    def merge(self, other: TopK) -> TopK:
        """The best k over both sets of documents; the order of merging does not matter.

        Raises:
            CollectionError: The lists have other shapes or languages.
        """
        if self.ids.shape != other.ids.shape or self.languages != other.languages:
            raise CollectionError("these lists cannot be merged: their queries, k or languages differ")
        ids, scores, places = merged = [np.empty_like(array) for array in self.arrays]
        # Some queries at a time, so that sorting needs little memory.
        step = max(1, _MERGED_ENTRIES // max(1, self.ids[0].size)) if len(self.ids) else 1
        for start in range(0, len(self.ids), step):
            span = slice(start, start + step)
            pairs = zip(self.arrays, other.arrays, strict=True)
            part = _best(*(np.concatenate([left[span], right[span]], axis=-1) for left, right in pairs), k=self.k)
            for array, best in zip(merged, part.arrays, strict=True):
                array[span] = best
        return TopK(ids, scores, places, self.languages)


def _listed(labels: Sequence[str], sizes: Sequence[int] | None = None) -> str:
    """The first languages, with their numbers of documents where those are known."""
    names = [label or "''" for label in labels[:_SHOWN]]
    if sizes is not None:
        names = [f"{name} {size:,}" for name, size in zip(names, sizes, strict=False)]
    more = f", ... ({len(labels) - _SHOWN} more)" if len(labels) > _SHOWN else ""
    return ", ".join(names) + more


def split_lists(
    top: TopK | None, k: int, pool_k: int, languages: Iterable[str] | None = None
) -> tuple[TopK | None, TopK | None]:
    """The first k of each list, and the first `pool_k` of the whole pool of these languages; None for length 0.

    Lists that are shorter, since no list is longer than the pool, are filled up.
    """
    if top is None:
        return None, None
    pooled = None
    if pool_k:
        whole = top if top.languages is None else top.pool(top.languages if languages is None else languages)
        pooled = whole.of_length(pool_k)
    return top.of_length(k) if k else None, pooled


def _best(*arrays: NDArray[Any], k: int, languages: tuple[str, ...] | None = None) -> TopK:
    ids, scores, places = arrays
    # lexsort puts NaN, which marks empty entries, last.
    order = np.lexsort((places, -scores), axis=-1)[..., :k]
    ids, scores, places = (np.take_along_axis(array, order, axis=-1) for array in arrays)
    return TopK(ids, scores, places, languages)


def counts_within(ranks: RankCounts, places: NDArray[np.int64], members: NDArray[np.bool_] | None = None) -> Counts:
    """The part of the counts that comes from other rows of the same query, computed from the rows' own scores.

    Args:
        ranks: Counts of a scan.
        places: `(R,)`: place of each row's document in the scan's tie order.
        members: `(R,)` mask of the rows to count; all by default.

    Returns:
        `(R, L)` unsigned each: documents among the query's rows that score above, tie with, and precede each row's
        document.
    """
    shape = (len(ranks.codes), len(ranks.languages))
    rows_of_query = np.diff(ranks.indptr)
    width = narrowest(int(rows_of_query.max(initial=0)))
    counts = Counts(*(np.zeros(shape, dtype=width) for _ in range(3)))
    for size in np.unique(rows_of_query[rows_of_query > 1]):
        first_rows = ranks.indptr[:-1][rows_of_query == size]
        # The rows of a query are compared with each other; this number of queries at a time bounds the memory.
        step = max(1, (1 << 22) // int(size * size))
        for start in range(0, len(first_rows), step):
            rows = first_rows[start : start + step, None] + np.arange(size)
            score, place, code = ranks.scores[rows], places[rows], ranks.codes[rows]
            for other in range(int(size)):
                mask = np.arange(size) != other
                if members is not None:
                    mask = mask & members[rows[:, other, None]]
                same = mask & (score[:, other, None] == score)
                cells = (rows, code[:, other, None])
                counts.greater[cells] += mask & (score[:, other, None] > score)
                counts.equal[cells] += same
                counts.before[cells] += same & (place[:, other, None] < place)
    return counts
