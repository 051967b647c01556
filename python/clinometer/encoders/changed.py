"""An encoder with fewer dimensions, or with another similarity in its record."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from clinometer.encoders.base import Encoder, EncoderRecord, Side, encode, recounted, wants_languages
from clinometer.encoders.similarity import check_similarity, similarity_of
from clinometer.errors import UsageError

__all__ = ["ChangedEncoder", "cut", "cut_record"]


def cut_record(record: EncoderRecord, dimension: int) -> EncoderRecord:
    """The record of embeddings of which only the first components are used.

    Args:
        record: Record of the whole embeddings.
        dimension: Number of components that remain.

    Raises:
        UsageError: There are fewer components, or they are packed bits or behind a remedy.
    """
    if dimension < 1 or (record.dimension and dimension > record.dimension):
        raise UsageError(
            f"truncate_dim is {dimension}, but {record.name} has {record.dimension or 'an unknown number of'} "
            f"dimensions; choose one from 1 to {record.dimension or 'these'}"
        )
    if record.similarity == "hamming":
        raise UsageError(f"truncate_dim is not for packed bits, which {record.name} has; truncate before quantizing")
    if record.remedies:
        raise UsageError(
            f"truncate_dim comes before remedies, but {record.name} already has one; truncate, then fit it"
        )
    return msgspec.structs.replace(
        record, dimension=dimension, normalized=False, settings={**record.settings, "truncate_dim": dimension}
    )


def cut(rows: NDArray[Any], dimension: int) -> NDArray[Any]:
    """The first components of each row, C-contiguous.

    Raises:
        UsageError: The rows have fewer.
    """
    if rows.shape[1] < dimension:
        raise UsageError(f"truncate_dim is {dimension}, but the embeddings have {rows.shape[1]} dimensions")
    return np.ascontiguousarray(rows[:, :dimension])


class ChangedEncoder:
    """An encoder whose embeddings are truncated (Matryoshka), or are made for another similarity than it states.

    Under cosine, truncated embeddings are scaled to length one like all others.

    Args:
        encoder: Encoder of the whole embeddings.
        truncate_dim: Number of components that remain; None for all.
        similarity: Similarity that the embeddings are made for; None for the encoder's own.

    Raises:
        UsageError: The encoder has fewer dimensions, or cannot be scored by the similarity.

    Example:
        >>> from clinometer.encoders import OfflineEncoder
        >>> encoder = ChangedEncoder(OfflineEncoder(), truncate_dim=64)
        >>> encoder.record.dimension, encoder.encode_queries(["a"]).shape
        (64, (1, 64))
    """

    def __init__(self, encoder: Encoder, *, truncate_dim: int | None = None, similarity: str | None = None) -> None:
        check_similarity(similarity)
        self._encoder, self._dimension, self._similarity = encoder, truncate_dim, similarity
        _ = self.record

    @property
    def wants_languages(self) -> bool:
        """Whether the encoder inside takes the languages of the texts."""
        return wants_languages(self._encoder)

    @property
    def record(self) -> EncoderRecord:
        """The encoder's record with the dimension, `truncate_dim` among the settings, and the similarity."""
        record = self._encoder.record
        if self._similarity is not None:
            record = msgspec.structs.replace(record, similarity=similarity_of([record], self._similarity))
        return record if self._dimension is None else cut_record(record, self._dimension)

    def recounted(self) -> ChangedEncoder:
        """The same encoder, whose warnings count texts from 0 again."""
        return ChangedEncoder(recounted(self._encoder), truncate_dim=self._dimension, similarity=self._similarity)

    def encode_queries(
        self, texts: Sequence[str], *, languages: Sequence[str | None] | None = None, show_progress_bar: bool = False
    ) -> NDArray[np.float32]:
        """`(len(texts), dimension)` float32, row i for text i.

        Args:
            texts: The queries.
            languages: Label of each text, passed only to an encoder that wants them.
            show_progress_bar: Draw a bar on standard error.
        """
        return self._encode(texts, "queries", languages, show_progress_bar)

    def encode_documents(
        self, texts: Sequence[str], *, languages: Sequence[str | None] | None = None, show_progress_bar: bool = False
    ) -> NDArray[np.float32]:
        """Embeddings of documents; see `encode_queries`."""
        return self._encode(texts, "documents", languages, show_progress_bar)

    def _encode(
        self, texts: Sequence[str], side: Side, languages: Sequence[str | None] | None, show_progress_bar: bool
    ) -> NDArray[Any]:
        packed = self.record.similarity == "hamming"
        rows = encode(
            self._encoder, texts, side, languages=languages, show_progress_bar=show_progress_bar, packed=packed
        )
        return rows if self._dimension is None else cut(rows, self._dimension)
