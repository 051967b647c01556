"""Late interaction: a text has several vectors, and a document scores the sum of the best match of each query token.

MaxSim, as of ColBERT (Khattab and Zaharia 2020, arXiv 2004.12832): s(q, d) = sum over i of max over j of q_i . d_j.
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

__all__ = ["LateInteractionScorer", "Tokens"]

Tokens = Sequence[NDArray[Any]] | tuple[NDArray[Any], NDArray[Any]]
"""Vectors of the tokens of texts: an `(n, d)` array for each, or all of them `(T, d)` and offsets `(texts + 1,)`."""

_AT_ONCE = 1 << 22
"""Similarities of tokens that are held at once."""


class LateInteractionScorer:
    """MaxSim over token embeddings, in the place of an encoder.

    Similarities are computed in float64 and a score is rounded to float32 once, at the end, so that neither blocks nor
    threads show in it for all practical purposes; documents with the same vectors tie exactly.

    Args:
        queries: Vectors of the tokens of each query of the collection, in its order: a list of `(n, d)` arrays, or all
            of them in one `(T, d)` array with offsets `(queries + 1,)` into it.
        documents: The same for the documents.
        similarity: Of two tokens: `cosine` scales every vector to length one first; `dot` takes them as they are.
        name: How results call it.

    Raises:
        EmbeddingError: A text has no vector, a vector is NaN, infinite or (for `cosine`) zero, or dimensions differ.
        UsageError: Offsets that do not fit, or an unknown similarity.

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
            raise UsageError(f"there is no similarity {similarity!r}; choose cosine or dot")
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
        """What is known of the vectors."""
        return self._record

    def score(self, collection: Collection, options: ScanOptions = ScanOptions()) -> Scored:
        """The scan of the MaxSim scores.

        Raises:
            UsageError: There are vectors for another number of texts than the collection has.
        """
        for kind, ends, texts in (
            ("queries", self._query_ends, collection.queries),
            ("documents", self._document_ends, collection.documents),
        ):
            if len(ends) - 1 != len(texts):
                raise UsageError(
                    f"there are vectors for {len(ends) - 1} {kind}, but the collection has {len(texts)}; encode it in "
                    "the same languages"
                )
        scan = partial(scan_scores, self.blocks(), show_progress_bar=options.show_progress_bar)
        return Scored(scan, msgspec.to_builtins(self._record), "MaxSim")

    def blocks(self) -> Iterator[NDArray[np.float32]]:
        """The scores, `(queries, documents)`, in blocks of rows."""
        documents = [
            (start, self._document_ends[start : stop + 1])
            for start, stop in _spans(self._document_ends, max(1, _AT_ONCE >> 9))
        ]
        widest = max(int(ends[-1] - ends[0]) for _, ends in documents)
        columns = _first_alike(self._documents, self._document_ends)
        for start, stop in _spans(self._query_ends, max(1, _AT_ONCE // widest)):
            ends = self._query_ends[start : stop + 1]
            tokens = self._queries[ends[0] : ends[-1]]
            block = np.empty((stop - start, len(self._document_ends) - 1), dtype=np.float32)
            for first, theirs in documents:
                similar = tokens @ self._documents[theirs[0] : theirs[-1]].T
                best = np.maximum.reduceat(similar, theirs[:-1] - theirs[0], axis=1)
                block[:, first : first + len(theirs) - 1] = np.add.reduceat(best, ends[:-1] - ends[0], axis=0)
            yield block[:, columns]


def _flat(texts: Tokens, kind: str, similarity: str) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """All vectors in one array, and where each text's begin and the last ends."""
    if isinstance(texts, tuple):
        rows, ends = np.asarray(texts[0]), np.asarray(texts[1])
        if rows.ndim != 2 or ends.ndim != 1 or ends.dtype.kind not in "iu" or len(ends) < 2:
            raise UsageError(
                f"the {kind} are a pair, but not one of vectors (tokens, dimension) and offsets (texts + 1,); offsets "
                "are whole numbers"
            )
        if ends[0] != 0 or ends[-1] != len(rows) or np.any(np.diff(ends) < 0):
            raise UsageError(f"offsets of the {kind} must ascend from 0 to the number of vectors, {len(rows)}")
    else:
        arrays = [np.asarray(array) for array in texts]
        if not arrays:
            raise UsageError(f"there are no {kind}; give vectors for one text at least")
        for number, array in enumerate(arrays):
            if array.ndim != 2 or array.shape[1] != arrays[0].shape[-1]:
                raise EmbeddingError(
                    f"text {number} of the {kind} has vectors of shape {array.shape}; (tokens, dimension) is needed, "
                    "with one dimension for all"
                )
        rows, ends = np.concatenate(arrays), np.cumsum([0, *(len(array) for array in arrays)])
    if rows.dtype.kind not in "fiu":
        raise EmbeddingError(f"the vectors of the {kind} are {rows.dtype}, but must be numbers")
    empty = np.flatnonzero(np.diff(ends) == 0)
    if empty.size:
        raise EmbeddingError(f"text {empty[0]} of the {kind} has no vector; every text needs one at least")
    wide = rows.astype(np.float64)
    bad = ~np.isfinite(wide).all(axis=1)
    if similarity == "cosine":
        lengths = np.linalg.norm(wide, axis=1, keepdims=True)
        bad |= lengths[:, 0] == 0
        wide = np.divide(wide, lengths, out=wide, where=lengths > 0)
    if bad.any():
        at = int(np.flatnonzero(bad)[0])
        text = int(np.searchsorted(ends, at, side="right")) - 1
        raise EmbeddingError(
            f"vector {at - int(ends[text])} of text {text} of the {kind} is zero, NaN or infinite; encode it again"
        )
    return wide, ends.astype(np.int64)


def _spans(ends: NDArray[np.int64], tokens: int) -> Iterator[tuple[int, int]]:
    """Consecutive texts, as many at a time as have that many vectors together, one at least."""
    start, last = 0, len(ends) - 1
    while start < last:
        stop = int(np.searchsorted(ends, ends[start] + tokens, side="right")) - 1
        stop = min(max(stop, start + 1), last)
        yield start, stop
        start = stop


def _first_alike(rows: NDArray[np.float64], ends: NDArray[np.int64]) -> NDArray[np.int64]:
    """For each text the first text with the same vectors, whose score it takes."""
    first: dict[bytes, int] = {}
    found = [first.setdefault(rows[start:stop].tobytes(), text) for text, (start, stop) in enumerate(pairwise(ends))]
    return np.array(found, dtype=np.int64)
