"""A precomputed matrix of scores, in place of an encoder.

Row i belongs to query i of the collection and column j to document j; texts are counted, but not read.
"""

from __future__ import annotations

import os
from functools import partial
from typing import Any

import msgspec

from clinometer.collection import Collection
from clinometer.contents import mapped_npy
from clinometer.encoders.base import EncoderRecord
from clinometer.errors import EmbeddingError, UsageError
from clinometer.scorers.base import ScanOptions, Scored
from clinometer.scorers.counting import is_sparse, scan_scores
from clinometer.vectors import array_of

__all__ = ["MatrixScorer"]


class MatrixScorer:
    """A score matrix in place of an encoder.

    Args:
        scores: `(queries, documents)` of the collection, in its order: an array, a memory map or a matrix of
            `scipy.sparse` (what it does not list scores 0), float32 or float64.
        name: Name in results.
        revision: Origin of the scores, for the results.

    Raises:
        EmbeddingError: The scores are not a matrix of numbers.

    Example:
        >>> import numpy as np, clinometer as cm
        >>> from clinometer.scorers import MatrixScorer
        >>> collection = cm.load("demo", languages=["en", "de"])
        >>> scores = np.zeros((len(collection.queries), len(collection.documents)), dtype=np.float32)
        >>> matrix = MatrixScorer(scores, name="zeros")
        >>> evaluation = cm.evaluate(collection, matrix, measures=["LPR"], ties="expected")
        >>> evaluation.value("LPR", "multilingual", "de"), evaluation.encoder["kind"]
        (50.0, 'scores')
    """

    def __init__(self, scores: Any, *, name: str = "scores", revision: str = "") -> None:
        if not is_sparse(scores):
            scores = array_of(scores, "the scores", packed=True)
        if scores.ndim != 2 or scores.dtype.kind not in "fiu":
            raise EmbeddingError(
                f"the scores are {scores.dtype} of shape {scores.shape}, but must be numbers, one row for each query "
                "and one column for each document"
            )
        self._scores = scores
        self._record = EncoderRecord(name=name, kind="scores", revision=revision, dtype=scores.dtype.name)

    @classmethod
    def from_file(cls, path: str | os.PathLike[str], *, name: str | None = None) -> MatrixScorer:
        """Scores from a `.npy` file, which is mapped, not read into memory.

        Raises:
            FormatError: Not a `.npy` file, or one with Python objects.
            FileNotFoundError: The file does not exist.
        """
        from clinometer.io.textfiles import require_file

        file = require_file(path)
        scores = mapped_npy(file, "not a .npy file with one array of numbers; write it with numpy.save")
        return cls(scores, name=file.name if name is None else name)

    @property
    def record(self) -> EncoderRecord:
        """Record of the scores."""
        return self._record

    def score(self, collection: Collection, options: ScanOptions = ScanOptions()) -> Scored:
        """The scan of the matrix.

        Raises:
            UsageError: The shape of the matrix does not match the collection.
        """
        shape = (len(collection.queries), len(collection.documents))
        if self._scores.shape != shape:
            raise UsageError(
                f"the scores of {self._record.name} are {' x '.join(map(str, self._scores.shape))}, but the collection "
                f"has {shape[0]} queries and {shape[1]} documents; score it in the same languages"
            )
        scan = partial(scan_scores, self._scores, show_progress_bar=options.show_progress_bar)
        return Scored(scan, msgspec.to_builtins(self._record), "scores")
