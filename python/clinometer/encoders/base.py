"""The protocol of encoders: from texts to one float32 row per text, with a full record of the encoder.

An encoder does not normalise for scoring (the scan does, by one fixed rule) and does not reorder; the same texts give
the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Protocol, runtime_checkable

import msgspec
import numpy as np
from numpy.typing import NDArray

from clinometer.errors import UsageError
from clinometer.vectors import array_of

__all__ = ["Encoder", "EncoderRecord", "Side", "encode", "recounted", "require_embeddings", "wants_languages"]

Side = Literal["documents", "queries"]


class EncoderRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that changes an embedding, for results and manifests.

    Args:
        name: Name that the user chose (`offline`, a model name, the last part of a path, `precomputed`).
        kind: `offline`, `sentence-transformers`, `precomputed`, `http`, or `imported` for stored embeddings from
            elsewhere, of which only name and dimension are known (an empty prompt is then unknown, too), or `mteb` for
            a model of mteb. For scorers
            without embeddings, `bm25`, `run`, `scores` or `late-interaction`.
        revision: Version of the weights as far as known: package version, commit, or a digest.
        dimension: Length of an embedding.
        query_prompt: Text put before each query.
        document_prompt: Text put before each document.
        max_length: Longest input in tokens, None if not limited or unknown.
        dtype: Data type in which the model computes, such as `float32`.
        normalized: Whether the encoder itself returns unit vectors.
        similarity: Similarity that the embeddings are made for: `cosine`, `dot`, `hamming` (of packed bits), or empty
            if the encoder does not state one, which then is scored by cosine.
        languages: Languages that the encoder supports, None if unknown.
        warnings: Warnings for the user, such as a missing prompt; shown with every result.
        remedies: Adapters and corrections after the encoder, in their order, each with `method`, `digest` and
            `settings`. JSON values only.
        settings: Other settings that determine the vectors or scores, such as the fields of a request, or `k1` and
            `b` of BM25. JSON values only.
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
    similarity: str = ""
    languages: list[str] | None = None
    warnings: list[str] = msgspec.field(default_factory=list)
    remedies: list[dict[str, Any]] = msgspec.field(default_factory=list)
    settings: dict[str, Any] = msgspec.field(default_factory=dict)


@runtime_checkable
class Encoder(Protocol):
    """Turns queries and documents into embeddings."""

    @property
    def record(self) -> EncoderRecord:
        """Record of the encoder."""
        ...

    def encode_queries(self, texts: Sequence[str], *, show_progress_bar: bool = False) -> NDArray[np.float32]:
        """`(len(texts), dimension)` float32, row i for text i."""
        ...

    def encode_documents(self, texts: Sequence[str], *, show_progress_bar: bool = False) -> NDArray[np.float32]:
        """`(len(texts), dimension)` float32, row i for text i."""
        ...


def wants_languages(encoder: object) -> bool:
    """Whether an encoder takes the languages of the texts, such as `clinometer.correction.CorrectedEncoder`."""
    return bool(getattr(encoder, "wants_languages", False))


def encode(
    encoder: Encoder,
    texts: Sequence[str],
    side: Side,
    *,
    languages: Sequence[str | None] | None = None,
    show_progress_bar: bool = False,
    packed: bool = False,
) -> NDArray[Any]:
    """Embeddings of documents or of queries, `(len(texts), dimension)`.

    Args:
        encoder: Encoder of the texts.
        texts: The texts; row i belongs to text i.
        side: `documents` or `queries`.
        languages: Language of each text, passed only to an encoder that wants them.
        show_progress_bar: Draw a bar on standard error.
        packed: Whether rows of packed bits (uint8) are accepted.

    Raises:
        EmbeddingError: The encoder returned no array of numbers.

    Example:
        >>> class Lengths:
        ...     record = EncoderRecord(name="lengths", kind="own")
        ...     def encode_queries(self, texts, *, show_progress_bar=False):
        ...         return np.array([[len(text)] for text in texts], dtype=np.float32)
        ...     encode_documents = encode_queries
        >>> encode(Lengths(), ["a", "bcd"], "documents", languages=["en", "de"]).tolist()
        [[1.0], [3.0]]
    """
    call: Any = encoder.encode_documents if side == "documents" else encoder.encode_queries
    labels = {"languages": languages} if wants_languages(encoder) else {}
    rows = call(texts, show_progress_bar=show_progress_bar, **labels)
    return array_of(rows, f"the embeddings of {side}", packed=packed)


def recounted(encoder: Encoder) -> Encoder:
    """The encoder, whose warnings count texts from 0 again; unchanged if it counts none."""
    count_anew = getattr(encoder, "recounted", None)
    return encoder if count_anew is None else count_anew()


def require_embeddings(what: object) -> None:
    """Refuse a scorer without embeddings where embeddings are stored, corrected or learned from.

    Args:
        what: An object, or the name of one.

    Raises:
        UsageError: Not an encoder.
    """
    if not isinstance(what, Encoder):
        name = what if isinstance(what, str) else getattr(getattr(what, "record", None), "name", type(what).__name__)
        raise UsageError(f"{name} yields scores, not embeddings, so it can only be evaluated; use an encoder instead")
