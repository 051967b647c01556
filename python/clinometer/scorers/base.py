"""The protocol of scorers: a scorer prepares a collection, and one pass then yields counts and lists.

An evaluation calls a `Scanner` once and does not depend on how the scores are computed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from clinometer.collection import Collection
from clinometer.encoders import EncoderRecord
from clinometer.executors import Executor, require_executor
from clinometer.scanning.counts import RankCounts, TieMode
from clinometer.scanning.scan import Scan

__all__ = ["Expander", "ScanOptions", "Scanner", "Scored", "Scorer", "SecondSearch", "answers_where"]


@dataclass(frozen=True)
class ScanOptions:
    """Options of a scan: the similarity of embeddings, and how it runs, which does not change the result.

    Args:
        executor: Executor of the scan of embeddings: `local`, `ray`, or an `Executor`, which is left open.
        threads: Number of threads; None for as many as the process may use.
        show_progress_bar: Draw bars on standard error.
        similarity: Similarity of embeddings, `cosine`, `dot` or `hamming`; None for the one that they are made for.
        device: Device of torch for a scan of embeddings, as for `clinometer.scan`; None for the processor.

    Raises:
        UsageError: It is not an executor, or an unknown one.
    """

    executor: str | Executor = "local"
    threads: int | None = None
    show_progress_bar: bool = False
    similarity: str | None = None
    device: str | None = None

    def __post_init__(self) -> None:
        require_executor(self.executor)


class Scanner(Protocol):
    """One pass over all documents for all queries; `clinometer.scan` with its first two arguments fixed is one."""

    def __call__(
        self,
        *,
        relevant: tuple[NDArray[np.int64], NDArray[np.int64]],
        languages: Sequence[str],
        k: int,
        per_language: bool,
        pool_k: int = 0,
        ties: TieMode,
        document_ids: Sequence[str] | None,
    ) -> Scan:
        """As `clinometer.scan`; the result always has ranks."""
        ...


class SecondSearch(Protocol):
    """A scanner for queries that were moved towards documents; see `clinometer.correction.feedback`."""

    def __call__(self, queries: NDArray[np.int64], documents: NDArray[np.int64], weight: float) -> Scanner:
        """The scanner of as many queries as there are pairs, in their order.

        Args:
            queries: `(V,)`: rows of queries.
            documents: `(V,)`: rows of the documents that they are moved to; -1 for none.
            weight: Weight of the document.
        """
        ...


class Expander(Protocol):
    """A scorer whose documents can be expanded; see `clinometer.correction.Expansion`."""

    def __call__(self, weight: float, pivot: str) -> Scored:
        """The scorer with expanded documents.

        Args:
            weight: Weight of the translation.
            pivot: Language that the others are paired with.

        Raises:
            UsageError: The documents are expanded already, or no language has enough translations.
            LanguageError: There are no documents of the pivot.
        """
        ...


class Scored(NamedTuple):
    """A scorer that is ready to scan a collection.

    Args:
        scan: Function that yields counts and lists in one pass.
        record: Record of the scorer, for the results: the fields of `clinometer.encoders.EncoderRecord`.
        similarity: Name of the scores, for the settings of the results.
        notices: Sentences for the results; read after the scan, which may add some.
        unlisted_queries: Ids of the queries for which the scorer retrieved nothing, such as those without a list in a
            run.
        second: Search with queries that were moved towards documents; None without embeddings compared by cosine.
        expander: Expansion of the documents, likewise.
    """

    scan: Scanner
    record: dict[str, Any]
    similarity: str = "cosine"
    notices: Sequence[str] = ()
    unlisted_queries: frozenset[str] = frozenset()
    second: SecondSearch | None = None
    expander: Expander | None = None


@runtime_checkable
class Scorer(Protocol):
    """Scores the documents of a collection for its queries; `clinometer.evaluate` takes one in place of an encoder."""

    @property
    def record(self) -> EncoderRecord:
        """Record of the scorer, for the results."""
        ...

    def score(self, collection: Collection, options: ScanOptions = ScanOptions()) -> Scored:
        """Prepare to score these queries and documents."""
        ...


def answers_where(collection: Collection, ranks: RankCounts, marked: NDArray[np.bool_]) -> tuple[int, int]:
    """Number of marked answers, and of all answers.

    Args:
        collection: Collection whose judgements define the answers; a scan also has rows for verbatim copies of answers.
        ranks: Counts of a scan of this collection.
        marked: `(R,)`: True for the marked rows.
    """
    indptr, documents = collection.relevant()
    size = len(collection.documents)
    keys = _keys(indptr, documents, size)
    answers = np.isin(_keys(ranks.indptr, ranks.documents, size), keys)
    return int(np.count_nonzero(answers & marked)), int(np.count_nonzero(answers))


def _keys(indptr: NDArray[np.int64], documents: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    keys: NDArray[np.int64] = np.repeat(np.arange(len(indptr) - 1), np.diff(indptr)) * size + documents
    return keys
