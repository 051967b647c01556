"""An encoder that keeps its last embeddings, for use after an evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinometer.encoders.base import Encoder, EncoderRecord

__all__ = ["KeepingEncoder"]


class KeepingEncoder:
    """Another encoder whose last embeddings are kept in `queries` and `documents`.

    Args:
        encoder: The other encoder.
    """

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self.queries: NDArray[np.float32] = np.empty((0, 0), dtype=np.float32)
        self.documents: NDArray[np.float32] = np.empty((0, 0), dtype=np.float32)

    @property
    def record(self) -> EncoderRecord:
        """Record of the other encoder."""
        return self._encoder.record

    @property
    def wants_languages(self) -> bool:
        """Whether the other encoder takes the languages of the texts."""
        return bool(getattr(self._encoder, "wants_languages", False))

    def encode_queries(self, texts: Sequence[str], **options: Any) -> NDArray[np.float32]:
        """As for the other encoder."""
        self.queries = self._encoder.encode_queries(texts, **options)
        return self.queries

    def encode_documents(self, texts: Sequence[str], **options: Any) -> NDArray[np.float32]:
        """As for the other encoder."""
        self.documents = self._encoder.encode_documents(texts, **options)
        return self.documents
