"""What an encoder is: texts in, one row of float32 per text out, and a full record of how.

An encoder does not normalise for scoring (the scan does that, by one fixed rule) and does not reorder; the same texts
give the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import msgspec
import numpy as np
from numpy.typing import NDArray

from clinometer.errors import UsageError

__all__ = ["Encoder", "EncoderRecord", "require_embeddings"]


class EncoderRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that changes an embedding, for results and manifests.

    Args:
        name: What the user asked for (`offline`, a model name, a path's last part, `precomputed`).
        kind: `offline`, `sentence-transformers`, `precomputed`, `http`, or `imported` of stored embeddings that came
            from elsewhere: then nothing but name and dimension is known, an empty prompt too says nothing. Of scorers,
            which give no embeddings, `bm25`, `run`, `scores` or `late-interaction`.
        revision: Version of the weights as far as it is known: package version, commit, or a digest.
        dimension: Length of an embedding.
        query_prompt: Text put before each query.
        document_prompt: Text put before each document.
        max_length: Longest input in tokens, None if not limited or not known.
        dtype: Data type in which the model computes, such as `float32`.
        normalized: Whether the encoder itself returns unit vectors.
        languages: Languages that the encoder was made for, None if not known.
        warnings: What the user should know, such as a missing prompt; shown with every result.
        remedies: What changed the embeddings after the encoder, in that order: corrections and adapters, each with
            `method`, `digest` and `settings`. JSON values only.
        settings: What else decides the vectors or scores, such as the fields of a request, or `k1` and `b` of BM25.
            JSON values only.
    """

    name: str
    kind: str
    revision: str = ""
    dimension: int = 0
    query_prompt: str = ""
    document_prompt: str = ""
    max_length: int | None = None
    dtype: str = "float32"
    normalized: bool = False
    languages: list[str] | None = None
    warnings: list[str] = msgspec.field(default_factory=list)
    remedies: list[dict[str, Any]] = msgspec.field(default_factory=list)
    settings: dict[str, Any] = msgspec.field(default_factory=dict)


@runtime_checkable
class Encoder(Protocol):
    """Turns queries and documents into embeddings."""

    @property
    def record(self) -> EncoderRecord:
        """How this encoder encodes."""
        ...

    def encode_queries(self, texts: Sequence[str], *, show_progress_bar: bool = False) -> NDArray[np.float32]:
        """`(len(texts), dimension)` float32, row i for text i."""
        ...

    def encode_documents(self, texts: Sequence[str], *, show_progress_bar: bool = False) -> NDArray[np.float32]:
        """`(len(texts), dimension)` float32, row i for text i."""
        ...


def require_embeddings(made: object) -> None:
    """Refuse what gives scores only, where embeddings are stored, corrected or learnt from.

    Raises:
        UsageError: It is no encoder.
    """
    if not isinstance(made, Encoder):
        name = getattr(getattr(made, "record", None), "name", type(made).__name__)
        raise UsageError(f"{name} gives scores and no embeddings, so it can only be evaluated; use an encoder here")
