"""An encoder with an adapter behind it: the same texts, the same model, mapped embeddings.

The encoder is not changed, and every text is encoded exactly as without an adapter.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from clinometer.adapters.adapter import Adapter
from clinometer.encoders import Encoder, EncoderRecord, require_embeddings
from clinometer.errors import UsageError

__all__ = ["AdaptedEncoder"]

# What a record says of an adapter; its file has all.
_SAID = ("kind", "rank", "separate_queries", "encoder", "samples", "loss", "seed")


class AdaptedEncoder:
    """Encodes with any encoder, then maps. Works wherever an encoder does; a `CorrectedEncoder` may go around it.

    Args:
        encoder: What encodes.
        adapter: What was learned on embeddings of that encoder.

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
        if encoder.record.dimension and encoder.record.dimension != adapter.dimension:
            raise UsageError(
                f"{encoder.record.name} gives {encoder.record.dimension} dimensions, but the adapter maps "
                f"{adapter.dimension}; learn it on embeddings of this encoder"
            )
        self._encoder, self._adapter = encoder, adapter

    @property
    def wants_languages(self) -> bool:
        """Whether the encoder inside takes the languages of the texts; the adapter does not need them."""
        return bool(getattr(self._encoder, "wants_languages", False))

    @property
    def record(self) -> EncoderRecord:
        """The encoder's record, with the adapter in its name, its revision and its remedies."""
        base, adapter = self._encoder.record, self._adapter
        digest = adapter.digest[:12]
        said = {name: value for name, value in adapter.describe().items() if name in _SAID}
        return msgspec.structs.replace(
            base,
            name=f"{base.name} + adapter",
            revision=f"{base.revision}; adapter {digest}".removeprefix("; "),
            dimension=adapter.dimension,
            normalized=True,
            warnings=[*base.warnings, *self._strange(base)],
            remedies=[*base.remedies, {"method": "adapter", "digest": digest, "settings": said}],
        )

    def encode_queries(
        self, texts: Sequence[str], *, languages: Sequence[str | None] | None = None, show_progress_bar: bool = False
    ) -> NDArray[np.float32]:
        """`(len(texts), dimension)` float32 unit vectors, row i for text i.

        Args:
            texts: The queries.
            languages: Label of each, for an encoder that wants them; others never see them.
            show_progress_bar: Draw a bar on standard error.
        """
        return self._adapter.apply_queries(
            self._encoder.encode_queries(texts, **self._options(languages, show_progress_bar))
        )

    def encode_documents(
        self, texts: Sequence[str], *, languages: Sequence[str | None] | None = None, show_progress_bar: bool = False
    ) -> NDArray[np.float32]:
        """`(len(texts), dimension)` float32 unit vectors, row i for text i.

        Args:
            texts: The documents.
            languages: Label of each, for an encoder that wants them; others never see them.
            show_progress_bar: Draw a bar on standard error.
        """
        return self._adapter.apply(self._encoder.encode_documents(texts, **self._options(languages, show_progress_bar)))

    def _options(self, languages: Sequence[str | None] | None, show_progress_bar: bool) -> dict[str, Any]:
        options: dict[str, Any] = {"show_progress_bar": show_progress_bar}
        if self.wants_languages:
            options["languages"] = languages
        return options

    def _strange(self, base: EncoderRecord) -> list[str]:
        """A warning if the adapter was learned on embeddings of something else, as far as that is known."""
        learned = self._adapter.settings.get("encoder") or {}
        told = "revision" if base.revision and learned.get("revision") else "name"
        there, here = learned.get(told), getattr(base, told)
        if not there or there == here:
            return []
        return [f"the adapter was learned on embeddings of {told} {there}, not of {here}"]
