"""Embeddings in memory, ready to scan: the first search, the second one of feedback, and an expansion."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from clinometer.collection import Texts
from clinometer.correction.expansion import refuse_expanded
from clinometer.correction.feedback import fed_back
from clinometer.encoders import EncoderRecord
from clinometer.encoders.similarity import Similarity, similarity_notices
from clinometer.mining import expanded
from clinometer.mining.pairs import known_groups
from clinometer.scanning.scan import scan
from clinometer.scorers.base import Scanner, ScanOptions, Scored

__all__ = ["EmbeddedTexts"]


@dataclass(frozen=True)
class EmbeddedTexts:
    """Queries and documents of a collection as arrays.

    Args:
        queries: `(Q, d)`: rows of the queries.
        documents: `(N, d)`: rows of the documents.
        texts: The documents, of which languages and groups are used.
        record: Record of their encoder.
        similarity: Similarity of the rows.
        options: Options of the scan.
        memory_budget: Memory of a scan besides the pool; None for any.
        further: Rows after those of the documents.
        notices: Sentences for the results.
    """

    queries: NDArray[Any]
    documents: NDArray[Any]
    texts: Texts
    record: EncoderRecord
    similarity: Similarity
    options: ScanOptions
    memory_budget: int | str | None = None
    further: Sequence[NDArray[Any]] = ()
    notices: Sequence[str] = ()

    def scored(self) -> Scored:
        """What an evaluation scans."""
        options = self.options
        scan_of = partial(
            scan,
            documents=[self.documents, *self.further] if self.further else self.documents,
            threads=options.threads,
            executor=options.executor,
            show_progress_bar=options.show_progress_bar,
            similarity=self.similarity,
            memory_budget=self.memory_budget,
            device=options.device,
        )
        by_cosine = self.similarity == "cosine"
        return Scored(
            partial(scan_of, self.queries),
            msgspec.to_builtins(self.record),
            self.similarity,
            [*similarity_notices(self.record, self.similarity), *self.notices],
            second=_SecondSearch(self.queries, self.documents, scan_of) if by_cosine else None,
            expander=self.expanded if by_cosine and not self.further else None,
        )

    def expanded(self, weight: float, pivot: str) -> Scored:
        """What an evaluation scans once the documents are expanded; see `clinometer.scorers.base.Expander`."""
        refuse_expanded(self.record)
        expansion = expanded(
            self.documents, self.texts.languages, weight=weight, groups=known_groups(self.texts.groups), pivot=pivot,
            threads=self.options.threads, show_progress_bar=self.options.show_progress_bar,
        )  # fmt: skip
        return replace(
            self,
            documents=expansion.apply(self.documents),
            record=expansion.recorded(self.record),
            notices=[*self.notices, *expansion.notices()],
        ).scored()


@dataclass(frozen=True)
class _SecondSearch:
    """A scan with queries that were moved towards documents; see `clinometer.scorers.base.SecondSearch`."""

    queries: NDArray[Any]
    documents: NDArray[Any]
    scan_of: Callable[..., Any]

    def __call__(self, queries: NDArray[np.int64], documents: NDArray[np.int64], weight: float) -> Scanner:
        # Row -1 is read, but not used.
        rows = np.where(documents[:, None] < 0, self.documents.dtype.type(0), self.documents[documents])
        return partial(self.scan_of, fed_back(self.queries[queries], rows, weight))
