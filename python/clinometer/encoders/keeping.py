"""An encoder that keeps what it gave last, for those who need the embeddings after an evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinometer.encoders.base import Encoder, EncoderRecord

__all__ = ["KeepingEncoder"]


class KeepingEncoder:
    """Passes everything on to another encoder.

    Args:
        encoder: Which one.
    """

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self.queries: NDArray[np.float32] = np.empty((0, 0), dtype=np.float32)
        self.documents: NDArray[np.float32] = np.empty((0, 0), dtype=np.float32)

    @property
    def record(self) -> EncoderRecord:
        """That of the other encoder."""
        return self._encoder.record

    @property
    def wants_languages(self) -> bool:
        """Whether the other encoder goes by the languages of the texts."""
        return bool(getattr(self._encoder, "wants_languages", False))

    def encode_queries(self, texts: Sequence[str], **options: Any) -> NDArray[np.float32]:
        """As the other encoder."""
        self.queries = self._encoder.encode_queries(texts, **options)
        return self.queries

    def encode_documents(self, texts: Sequence[str], **options: Any) -> NDArray[np.float32]:
        """As the other encoder."""
        self.documents = self._encoder.encode_documents(texts, **options)
        return self.documents
