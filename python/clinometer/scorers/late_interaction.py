"""Late interaction: a text has several vectors, and a score is the sum of each query token's best match.

MaxSim, as in ColBERT (Khattab and Zaharia 2020, arXiv 2004.12832): s(q, d) = sum over i of max over j of q_i . d_j.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import pairwise
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from clinometer.collection import Collection
from clinometer.encoders.base import EncoderRecord
from clinometer.errors import EmbeddingError, UsageError
from clinometer.scorers.base import ScanOptions, Scored
from clinometer.scorers.counting import scan_scores
from clinometer.vectors import array_of

__all__ = ["LateInteractionScorer", "Tokens"]

Tokens = Sequence[NDArray[Any]] | tuple[NDArray[Any], NDArray[Any]]
"""Vectors of the tokens of texts: an `(n, d)` array for each, or one `(T, d)` array and offsets `(texts + 1,)`."""

_BLOCK_SIMILARITIES = 1 << 22
"""Number of token similarities in memory at a time."""


class LateInteractionScorer:
    """MaxSim over token embeddings, in place of an encoder.

    Similarities are computed in float64 and a score is rounded to float32 once, at the end, so that blocks and threads
    do not change it for all practical purposes; documents with the same vectors tie exactly.

    Args:
        queries: Vectors of the tokens of each query of the collection, in its order: a list of `(n, d)` arrays, or
            one `(T, d)` array with offsets `(queries + 1,)` into it.
        documents: The same for the documents.
        similarity: Similarity of two tokens: `cosine` scales every vector to length one first; `dot` does not.
        name: Name in results.

    Raises:
        EmbeddingError: A text has no vector, a vector is NaN, infinite or (for `cosine`) zero, or dimensions differ.
        UsageError: The offsets do not match the vectors, or the similarity is unknown.

    Example:
        >>> import numpy as np
        >>> from clinometer.scorers import LateInteractionScorer
        >>> query = np.array([[1.0, 0.0], [0.0, 1.0]])
        >>> documents = [np.array([[1.0, 0.0]]), np.array([[0.6, 0.8], [0.0, 1.0]])]
        >>> scorer = LateInteractionScorer([query], documents)
        >>> [block.tolist() for block in scorer.blocks()]
        [[[1.0, 1.600000023841858]]]
    """

    def __init__(
        self,
        queries: Tokens,
        documents: Tokens,
        *,
        similarity: Literal["cosine", "dot"] = "cosine",
        name: str = "late-interaction",
    ) -> None:
        if similarity not in ("cosine", "dot"):
            raise UsageError(f"unknown similarity {similarity!r}; expected cosine or dot")
        self._queries, self._query_ends = _flat(queries, "queries", similarity)
        self._documents, self._document_ends = _flat(documents, "documents", similarity)
        if self._queries.shape[1] != self._documents.shape[1]:
            raise EmbeddingError(
                f"tokens of queries have dimension {self._queries.shape[1]}, those of documents "
                f"{self._documents.shape[1]}; both must come from one model"
            )
        self._record = EncoderRecord(
            name=name,
            kind="late-interaction",
            dimension=self._queries.shape[1],
            dtype="float64",
            settings={"score": "MaxSim", "similarity": similarity},
        )

    @property
    def record(self) -> EncoderRecord:
        """Record of the vectors."""
        return self._record

    def score(self, collection: Collection, options: ScanOptions = ScanOptions()) -> Scored:
        """The scan of the MaxSim scores.

        Raises:
            UsageError: The collection has another number of texts than there are vectors for.
        """
        for kind, ends, texts in (
            ("queries", self._query_ends, collection.queries),
            ("documents", self._document_ends, collection.documents),
        ):
            if len(ends) - 1 != len(texts):
                raise UsageError(
                    f"vectors for {len(ends) - 1} {kind}, but the collection has {len(texts)}; encode it in the same "
                    "languages"
                )
        scan = partial(scan_scores, self.blocks(), show_progress_bar=options.show_progress_bar)
        return Scored(scan, msgspec.to_builtins(self._record), "MaxSim")

    def blocks(self) -> Iterator[NDArray[np.float32]]:
        """The scores, `(queries, documents)`, in blocks of rows."""
        documents = [
            (start, self._document_ends[start : stop + 1])
            for start, stop in _spans(self._document_ends, max(1, _BLOCK_SIMILARITIES >> 9))
        ]
        most_tokens = max(int(ends[-1] - ends[0]) for _, ends in documents)
        columns = _first_alike(self._documents, self._document_ends)
        for start, stop in _spans(self._query_ends, max(1, _BLOCK_SIMILARITIES // most_tokens)):
            ends = self._query_ends[start : stop + 1]
            tokens = self._queries[ends[0] : ends[-1]]
            block = np.empty((stop - start, len(self._document_ends) - 1), dtype=np.float32)
            for first, document_ends in documents:
                similar = tokens @ self._documents[document_ends[0] : document_ends[-1]].T
                best = np.maximum.reduceat(similar, document_ends[:-1] - document_ends[0], axis=1)
                block[:, first : first + len(document_ends) - 1] = np.add.reduceat(best, ends[:-1] - ends[0], axis=0)
            yield block[:, columns]


def _flat(texts: Tokens, kind: str, similarity: str) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """All vectors in one array, and the offset of each text's first vector and of the end."""
    if isinstance(texts, tuple):
        rows, ends = array_of(texts[0], f"the vectors of the {kind}"), array_of(texts[1], f"the offsets of the {kind}")
        if rows.ndim != 2 or ends.ndim != 1 or ends.dtype.kind not in "iu" or len(ends) < 2:
            raise UsageError(
                f"the {kind} are a pair, but must then be vectors (tokens, dimension) and offsets (texts + 1,), which "
                "are whole numbers"
            )
        if ends[0] != 0 or ends[-1] != len(rows) or np.any(np.diff(ends) < 0):
            raise UsageError(f"the offsets of the {kind} must ascend from 0 to the number of vectors, {len(rows)}")
    else:
        arrays = [array_of(array, f"the vectors of the {kind}") for array in texts]
        if not arrays:
            raise UsageError(f"no {kind}; give the vectors of at least one text")
        for number, array in enumerate(arrays):
            if array.ndim != 2 or array.shape[1] != arrays[0].shape[-1]:
                raise EmbeddingError(
                    f"text {number} of the {kind} has vectors of shape {array.shape}, but must be "
                    "(tokens, dimension), with the same dimension for all texts"
                )
        rows, ends = np.concatenate(arrays), np.cumsum([0, *(len(array) for array in arrays)])
    if rows.dtype.kind not in "fiu":
        raise EmbeddingError(f"the vectors of the {kind} are {rows.dtype}, but must be numbers")
    empty = np.flatnonzero(np.diff(ends) == 0)
    if empty.size:
        raise EmbeddingError(f"text {empty[0]} of the {kind} has no vectors; every text needs at least one")
    wide = rows.astype(np.float64)
    bad = ~np.isfinite(wide).all(axis=1)
    if similarity == "cosine":
        lengths = np.linalg.norm(wide, axis=1, keepdims=True)
        bad |= lengths[:, 0] == 0
        wide = np.divide(wide, lengths, out=wide, where=lengths > 0)
    if bad.any():
        vector = int(np.flatnonzero(bad)[0])
        text = int(np.searchsorted(ends, vector, side="right")) - 1
        raise EmbeddingError(
            f"vector {vector - int(ends[text])} of text {text} of the {kind} is zero, NaN or infinite; encode it again"
        )
    return wide, ends.astype(np.int64)


def _spans(ends: NDArray[np.int64], tokens: int) -> Iterator[tuple[int, int]]:
    """Spans of consecutive texts with at most `tokens` vectors together, but at least one text."""
    start, last = 0, len(ends) - 1
    while start < last:
        stop = int(np.searchsorted(ends, ends[start] + tokens, side="right")) - 1
        stop = min(max(stop, start + 1), last)
        yield start, stop
        start = stop


def _first_alike(rows: NDArray[np.float64], ends: NDArray[np.int64]) -> NDArray[np.int64]:
    """For each text the first text with the same vectors, whose score it shares."""
    first: dict[bytes, int] = {}
    first_texts = [
        first.setdefault(rows[start:stop].tobytes(), text) for text, (start, stop) in enumerate(pairwise(ends))
    ]
    return np.array(first_texts, dtype=np.int64)
