"""Embeddings as a scorer: the texts of a collection are encoded, and scanned once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from clinometer.collection import Collection
from clinometer.encoders import Encoder, EncoderRecord, encode, require_embeddings
from clinometer.encoders.base import Side
from clinometer.encoders.precomputed import PrecomputedEncoder
from clinometer.encoders.similarity import similarity_of
from clinometer.errors import EmbeddingError, first_few
from clinometer.scorers.base import ScanOptions, Scored
from clinometer.scorers.in_memory import EmbeddedTexts
from clinometer.vectors import array_of, unusable_rows

__all__ = ["EmbeddedScorer"]


class EmbeddedScorer:
    """An encoder as a scorer: the score is the similarity of the embeddings of a query and a document.

    The similarity is the one of the scan's options, else the one that the encoder is made for, else the cosine.

    Args:
        encoder: Encoder of both.
        further: Embeddings of documents after those of the collection, each `(n, dimension)`; the languages and ids
            of a scan are then those of all.

    Raises:
        UsageError: Not an encoder.

    Example:
        >>> import numpy as np, clinometer as cm
        >>> from clinometer.encoders import PrecomputedEncoder
        >>> demo = cm.load("demo", languages=["en", "de"])
        >>> draw = np.random.default_rng(0)
        >>> rows = {side: draw.normal(size=(len(texts), 8)).astype(np.float32)
        ...         for side, texts in (("queries", demo.queries), ("documents", demo.documents))}
        >>> EmbeddedScorer(PrecomputedEncoder(**rows)).score(demo).similarity
        'cosine'
    """

    def __init__(self, encoder: Encoder, *, further: Sequence[NDArray[Any]] = ()) -> None:
        require_embeddings(encoder)
        self._encoder, self._further = encoder, further

    @property
    def record(self) -> EncoderRecord:
        """Record of the encoder."""
        return self._encoder.record

    def followed_by(self, *further: NDArray[Any]) -> EmbeddedScorer:
        """The same scorer with more documents after those of the collection."""
        return EmbeddedScorer(self._encoder, further=(*self._further, *further))

    def score(self, collection: Collection, options: ScanOptions = ScanOptions()) -> Scored:
        """Encode the texts.

        Raises:
            EmbeddingError: Embeddings cannot be scored; their texts are named by id.
            UsageError: Embeddings of this encoder cannot be scored by the similarity.
            CollectionError: The collection has no texts, and the embeddings are not precomputed.
        """
        if self.record.kind != "precomputed":
            collection.require_texts("an encoder")
        similarity = similarity_of([self.record], options.similarity)
        packed = similarity == "hamming"
        queries = self._embeddings(collection, "queries", options, packed)
        documents = self._embeddings(collection, "documents", options, packed)
        # The record is read last, since encoding the texts may add warnings.
        return EmbeddedTexts(
            queries, documents, collection.documents, self.record, similarity, options, further=self._further
        ).scored()

    def _embeddings(self, collection: Collection, side: Side, options: ScanOptions, packed: bool) -> NDArray[Any]:
        texts = collection.queries if side == "queries" else collection.documents
        if isinstance(self._encoder, PrecomputedEncoder) and side == "documents":
            # A scan takes float16 as it is, to the same bits; a copy as float32 may not fit in memory.
            rows = array_of(self._encoder.stored_documents(texts.texts), f"the embeddings of {side}", packed=packed)
        else:
            rows = encode(
                self._encoder,
                texts.texts,
                side,
                languages=texts.languages,
                show_progress_bar=options.show_progress_bar,
                packed=packed,
            )
        if len(rows) != len(texts):
            raise EmbeddingError(
                f"the encoder returned {len(rows)} rows for {len(texts)} {side}, but must return one for each"
            )
        if packed:
            return rows  # any bits are an embedding
        bad_rows = unusable_rows(rows)
        if bad_rows.size:
            ids = first_few([texts.ids[row] for row in bad_rows])
            raise EmbeddingError(
                f"the embeddings of {bad_rows.size} {side} are zero, NaN or infinite ({ids}); encode these texts again"
            )
        return rows
