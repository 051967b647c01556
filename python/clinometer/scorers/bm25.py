"""BM25 over the mixed pool, through the package `bm25s`: a lexical retriever without a model.

The statistics (document frequencies, mean length) are those of all documents together, as in an index of a mixed pool.
Terms have no language: a name that is spelled alike in two languages is one term.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from clinometer.collection import Collection
from clinometer.encoders.base import EncoderRecord
from clinometer.errors import MissingExtraError, UsageError
from clinometer.progress import tracked
from clinometer.scorers.base import ScanOptions, Scored, answers_where
from clinometer.scorers.counting import scan_scores
from clinometer.scorers.tokens import TOKENIZER, terms

__all__ = ["BM25Scorer"]

_BLOCK_SCORES = 1 << 20


class BM25Scorer:
    """Okapi BM25 in the form that Lucene computes, in float32.

    The score is the sum over the terms of the query, repeated ones counted again, of
    log(1 + (N - df + 1/2) / (df + 1/2)) tf / (tf + k1 (1 - b + b length / mean length)). A document without a term of
    the query scores 0, and all such documents tie; the results give the number of such answers. With the tie mode
    `expected` they are in random order, with `index` in that of the collection, which favours its first language.

    Args:
        k1: Weight of the repetition of a term, 0 or more.
        b: Weight of the length of a document, 0 to 1.

    Raises:
        MissingExtraError: The extra `bm25` is not installed.
        UsageError: A parameter is out of range.

    Example:
        >>> import clinometer as cm
        >>> evaluation = cm.evaluate("demo", "bm25", languages=["en", "de"], measures=["LPR"], ties="expected")
        >>> evaluation.value("LPR", "multilingual", "de") > 90, evaluation.encoder["settings"]["k1"]
        (True, 1.2)
    """

    def __init__(self, *, k1: float = 1.2, b: float = 0.75) -> None:
        if not (0 <= k1 < math.inf and 0 <= b <= 1):
            raise UsageError(f"k1 is {k1} and b is {b}, but k1 must be 0 or more, and b between 0 and 1")
        try:
            import bm25s
        except ImportError:
            raise MissingExtraError("bm25", "bm25") from None
        from importlib import metadata

        self._index: Any = bm25s.BM25(k1=k1, b=b, method="lucene")
        self._record = EncoderRecord(
            name="bm25",
            kind="bm25",
            revision=f"bm25s {metadata.version('bm25s')}",
            settings={"method": "lucene", "k1": k1, "b": b, "tokenizer": TOKENIZER},
        )

    @property
    def record(self) -> EncoderRecord:
        """Parameters and tokenizer."""
        return self._record

    def score(self, collection: Collection, options: ScanOptions = ScanOptions()) -> Scored:
        """Index the documents.

        Raises:
            UsageError: No document has a term.
            CollectionError: The collection has no texts.
        """
        collection.require_texts("BM25")
        vocabulary: dict[str, int] = {}
        bar = tracked(collection.documents.texts, "index", "documents", shown=options.show_progress_bar)
        rows = [[vocabulary.setdefault(term, len(vocabulary)) for term in terms(text)] for text in bar]
        if not vocabulary:
            raise UsageError(
                f"no document of {collection.name!r} has a letter or a digit; use an encoder instead of bm25"
            )
        self._index.index((rows, dict(vocabulary)), create_empty_token=False, show_progress=False)
        scores = _Scores(self._index, vocabulary, collection.queries.texts)
        notices: list[str] = []

        def scan(*, relevant: Any, **request: Any) -> Any:
            scan_result = scan_scores(scores, relevant, show_progress_bar=options.show_progress_bar, **request)
            assert scan_result.ranks is not None  # noqa: S101 - the scanner always gets relevant documents
            unmatched, answers = answers_where(collection, scan_result.ranks, scan_result.ranks.scores == 0)
            notices.append(
                f"bm25: {unmatched:,} of {answers:,} answers share no term with their query; they score 0 and tie with "
                "all other such documents"
            )
            return scan_result

        return Scored(scan, msgspec.to_builtins(self._record), "bm25", notices)


class _Scores:
    """The scores of all documents as blocks of rows, one for each query."""

    def __init__(self, index: Any, vocabulary: dict[str, int], queries: Sequence[str]) -> None:
        self._index, self._vocabulary, self._queries = index, vocabulary, queries

    def __iter__(self) -> Iterator[NDArray[np.float32]]:
        size = int(self._index.scores["num_docs"])
        step = max(1, _BLOCK_SCORES // size)
        for start in range(0, len(self._queries), step):
            block = np.zeros((min(step, len(self._queries) - start), size), dtype=np.float32)
            for row, text in enumerate(self._queries[start : start + step]):
                term_ids = [self._vocabulary[term] for term in terms(text) if term in self._vocabulary]
                if term_ids:
                    block[row] = self._index.get_scores_from_ids(term_ids)
            yield block
