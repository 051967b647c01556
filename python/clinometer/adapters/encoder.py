"""An encoder with an adapter behind it: the same texts, the same model, mapped embeddings.

The encoder is not changed, and every text is encoded exactly as without an adapter.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from clinometer.adapters.adapter import Adapter
from clinometer.encoders import Encoder, EncoderRecord, encode, require_embeddings, wants_languages
from clinometer.encoders.similarity import scaled_record
from clinometer.errors import UsageError

__all__ = ["AdaptedEncoder", "adapted_record"]

# Settings of an adapter in a record; its file has all.
_RECORDED = ("kind", "rank", "separate_queries", "encoder", "samples", "loss", "seed")


class AdaptedEncoder:
    """Encodes with any encoder, then maps. Works wherever an encoder does; a `CorrectedEncoder` can wrap it.

    Args:
        encoder: Encoder of the texts.
        adapter: Adapter that was learned on embeddings of this encoder.

    Raises:
        UsageError: The dimensions differ.

    Example:
        >>> from clinometer.encoders import PrecomputedEncoder
        >>> rows = np.array([[3.0, 4.0]], dtype=np.float32)
        >>> turn = Adapter("linear", {"weight": np.array([[0.0, -1.0], [1.0, 0.0]]), "bias": np.zeros(2)})
        >>> encoder = AdaptedEncoder(PrecomputedEncoder(rows, rows), turn)
        >>> encoder.encode_documents(["a"]).round(6).tolist(), encoder.record.name
        ([[-0.800000011920929, 0.6000000238418579]], 'precomputed + adapter')
    """

    def __init__(self, encoder: Encoder, adapter: Adapter) -> None:
        require_embeddings(encoder)
        adapted_record(encoder.record, adapter)  # refuses an adapter of another dimension
        self._encoder, self._adapter = encoder, adapter

    @property
    def wants_languages(self) -> bool:
        """Whether the encoder inside takes the languages of the texts; the adapter does not need them."""
        return wants_languages(self._encoder)

    @property
    def record(self) -> EncoderRecord:
        """The encoder's record, with the adapter in its name, its revision and its remedies."""
        return adapted_record(self._encoder.record, self._adapter)

    def encode_queries(
        self, texts: Sequence[str], *, languages: Sequence[str | None] | None = None, show_progress_bar: bool = False
    ) -> NDArray[np.float32]:
        """`(len(texts), dimension)` float32 unit vectors, row i for text i.

        Args:
            texts: The queries.
            languages: Label of each text, passed only to an encoder that wants them.
            show_progress_bar: Draw a bar on standard error.
        """
        rows = encode(self._encoder, texts, "queries", languages=languages, show_progress_bar=show_progress_bar)
        return self._adapter.apply_queries(rows)

    def encode_documents(
        self, texts: Sequence[str], *, languages: Sequence[str | None] | None = None, show_progress_bar: bool = False
    ) -> NDArray[np.float32]:
        """Embeddings of documents; see `encode_queries`."""
        rows = encode(self._encoder, texts, "documents", languages=languages, show_progress_bar=show_progress_bar)
        return self._adapter.apply(rows)


def adapted_record(record: EncoderRecord, adapter: Adapter) -> EncoderRecord:
    """The record of embeddings after an adapter, which is added to the name, the revision and the remedies.

    A warning is added if the adapter is known to be learned on embeddings of another encoder.

    Args:
        record: Record before the adapter.
        adapter: Adapter of the embeddings.

    Raises:
        UsageError: The dimensions differ.
    """
    if record.dimension and record.dimension != adapter.dimension:
        raise UsageError(
            f"{record.name} gives {record.dimension} dimensions, but the adapter maps {adapter.dimension}; learn it on "
            "embeddings of this encoder"
        )
    record = scaled_record(record, "an adapter")
    origin = adapter.settings.get("encoder") or {}
    field = "revision" if record.revision and origin.get("revision") else "name"
    learned_on, actual = origin.get(field), getattr(record, field)
    warnings = list(record.warnings)
    if learned_on and learned_on != actual:
        warnings.append(f"the adapter was learned on embeddings of {field} {learned_on}, not of {actual}")
    digest = adapter.digest[:12]
    settings = {name: value for name, value in adapter.describe().items() if name in _RECORDED}
    return msgspec.structs.replace(
        record,
        name=f"{record.name} + adapter",
        revision=f"{record.revision}; adapter {digest}".removeprefix("; "),
        dimension=adapter.dimension,
        normalized=True,
        warnings=warnings,
        remedies=[*record.remedies, {"method": "adapter", "digest": digest, "settings": settings}],
    )
