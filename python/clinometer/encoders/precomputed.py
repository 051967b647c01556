"""Embeddings that were computed elsewhere, used unchanged.

Row i belongs to text i of the collection; the texts themselves are not read, only counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from clinometer.contents import mapped_npy
from clinometer.encoders.base import EncoderRecord
from clinometer.encoders.similarity import check_similarity
from clinometer.errors import EmbeddingError
from clinometer.vectors import array_of, refuse_shortened

__all__ = ["PrecomputedEncoder"]

_EXPECTED = "not a numeric .npy file; write one array, not several, with numpy.save"


class PrecomputedEncoder:
    """An encoder that returns existing embeddings.

    Args:
        queries: `(q, d)` float32, float16 or bfloat16, row i for query i of the collection; or packed bits.
        documents: `(n, d)` likewise, row i for document i of the collection. A read-only memmap will do.
        name: Name of these embeddings in results.
        similarity: Similarity that they are made for: `cosine`, `dot` or `hamming`; empty if not known. Arrays of uint8
            are packed bits and `hamming`; int8, as sentence-transformers writes the precision `binary`, only if it is
            stated.

    Raises:
        EmbeddingError: An array is not two-dimensional, has another data type, or the dimensions differ.

    Example:
        >>> encoder = PrecomputedEncoder(np.eye(2, dtype=np.float32), np.ones((3, 2), dtype=np.float16))
        >>> encoder.encode_documents(["a", "b", "c"]).dtype
        dtype('float32')
        >>> encoder.encode_queries(["a"])
        Traceback (most recent call last):
        clinometer.errors.EmbeddingError: the queries are 1 texts, but their embeddings have 2 rows; ...
    """

    def __init__(
        self, queries: NDArray[Any], documents: NDArray[Any], *, name: str = "precomputed", similarity: str = ""
    ) -> None:
        check_similarity(similarity or None)
        self._queries = _checked(queries, "queries", similarity)
        self._documents = _checked(documents, "documents", similarity)
        packed, packed_documents = (array.dtype.itemsize == 1 for array in (self._queries, self._documents))
        if packed != packed_documents or (similarity == "hamming" and not packed):
            raise EmbeddingError(
                f"the queries are {self._queries.dtype} and the documents {self._documents.dtype}, but hamming is for "
                "packed bits (uint8) on both sides"
            )
        if packed and similarity not in ("", "hamming"):
            raise EmbeddingError(f"packed bits (uint8) are scored by hamming, not {similarity}; leave out similarity")
        if self._queries.shape[1] != self._documents.shape[1]:
            raise EmbeddingError(
                f"the queries have {self._queries.shape[1]} dimensions and the documents {self._documents.shape[1]}; "
                "both must come from the same encoder"
            )
        self._record = EncoderRecord(
            name=name,
            kind="precomputed",
            dimension=self._queries.shape[1] * (8 if packed else 1),
            similarity="hamming" if packed else similarity,
            dtype="/".join(dict.fromkeys((self._queries.dtype.name, self._documents.dtype.name))),
        )

    @classmethod
    def from_files(
        cls, queries: str | Path, documents: str | Path, *, name: str = "precomputed", similarity: str = ""
    ) -> Self:
        """Embeddings from two `.npy` files, which are memory-mapped.

        Args:
            queries: File of a `(q, d)` array, float32, float16 or packed bits.
            documents: File of an `(n, d)` array, likewise.
            name: Name of these embeddings in results.
            similarity: As for the class.

        Raises:
            FormatError: Not a `.npy` file, or one with Python objects.
            EmbeddingError: As for the class.
        """
        arrays = (mapped_npy(path, _EXPECTED) for path in (queries, documents))
        return cls(*arrays, name=name, similarity=similarity)

    @property
    def record(self) -> EncoderRecord:
        """Record of these embeddings: name, dimension and stored data type, without a model."""
        return self._record

    def encode_queries(self, texts: Sequence[str], *, show_progress_bar: bool = False) -> NDArray[np.float32]:  # noqa: ARG002
        """The `(q, d)` embeddings of the queries as float32, read-only.

        Raises:
            EmbeddingError: The numbers of texts and rows differ.
        """
        return _rows(self._queries, texts, "queries")

    def encode_documents(self, texts: Sequence[str], *, show_progress_bar: bool = False) -> NDArray[np.float32]:  # noqa: ARG002
        """The `(n, d)` embeddings of the documents as float32, read-only.

        Raises:
            EmbeddingError: The numbers of texts and rows differ.
        """
        return _rows(self._documents, texts, "documents")

    def stored_documents(self, texts: Sequence[str]) -> NDArray[Any]:
        """The embeddings of the documents as they were given, float32, float16 or packed bits, without a copy.

        Raises:
            EmbeddingError: The numbers of texts and rows differ.
        """
        return _checked_rows(self._documents, texts, "documents")


def _checked(array: NDArray[Any], stage: str, similarity: str) -> NDArray[Any]:
    array = array_of(array, f"the embeddings of the {stage}", packed=True)
    if array.ndim != 2:
        raise EmbeddingError(
            f"the embeddings of the {stage} must be a (rows, dimensions) array, not one of shape {array.shape}"
        )
    if array.dtype == np.uint8 or (array.dtype == np.int8 and similarity == "hamming"):
        return array
    if array.dtype not in (np.float32, np.float16):
        packed = ", or score packed bits with similarity='hamming'" if array.dtype == np.int8 else ""
        raise EmbeddingError(
            f"the embeddings of the {stage} must be float32 or float16, not {array.dtype}; "
            f"convert them with .astype(numpy.float32){packed}"
        )
    return array


def _checked_rows(array: NDArray[Any], texts: Sequence[str], stage: str) -> NDArray[Any]:
    if len(texts) != len(array):
        raise EmbeddingError(
            f"the {stage} are {len(texts)} texts, but their embeddings have {len(array)} rows; "
            "give one row for each text, in the collection's order"
        )
    refuse_shortened(array)
    return array


def _rows(array: NDArray[Any], texts: Sequence[str], stage: str) -> NDArray[np.float32]:
    array = _checked_rows(array, texts, stage)
    rows = (array if array.dtype.itemsize == 1 else array.astype(np.float32, copy=False)).view()
    rows.flags.writeable = False  # the caller's own array stays writeable, but readers cannot change it through ours
    return rows
