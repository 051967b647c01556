"""The order of remedies: truncation, an adapter, the correction, behind an encoder or over stored rows.

The result for a row depends only on that row and its language, so that any part of a store, in any process, gives the
same bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from clinometer.adapters.adapter import Adapter
from clinometer.adapters.encoder import AdaptedEncoder, adapted_record
from clinometer.correction.base import Correction
from clinometer.correction.encoder import CorrectedEncoder, Identify
from clinometer.correction.expansion import without_expansion
from clinometer.correction.records import corrected_record, remedies_of
from clinometer.encoders.base import Encoder, EncoderRecord
from clinometer.encoders.changed import ChangedEncoder, cut, cut_record
from clinometer.errors import UsageError

__all__ = ["Remedies", "mixed_encoders"]


@dataclass(frozen=True)
class Remedies:
    """A truncation, an adapter, a correction, or several of them.

    Args:
        adapter: Adapter, applied first; None for none.
        correction: Correction, applied after the adapter; None for none.
        query_languages: `given`: queries are corrected by their own language; `unknown`: by one mean for all; or a
            function that identifies them, as for `CorrectedEncoder`, but not for stored rows, since it needs texts.
        block: Number of rows processed at a time.
        truncate_dim: Number of first components that are used, before all else; None for all.

    Raises:
        UsageError: The dimensions differ.

    Example:
        >>> turn = Adapter("linear", {"weight": np.array([[0.0, -1.0], [1.0, 0.0]]), "bias": np.zeros(2)})
        >>> Remedies(turn, None).documents(np.array([[3.0, 4.0]], dtype=np.float32), ["en"]).round(3).tolist()
        [[-0.800000011920929, 0.6000000238418579]]
    """

    adapter: Adapter | None = None
    correction: Correction | None = None
    query_languages: Literal["given", "unknown"] | Identify = "given"
    block: int = 8192
    truncate_dim: int | None = None

    def __post_init__(self) -> None:
        if self.truncate_dim is not None and self.adapter is not None and self.adapter.dimension != self.truncate_dim:
            raise UsageError(
                f"truncate_dim is {self.truncate_dim}, but the adapter maps {self.adapter.dimension} dimensions; learn "
                "it on truncated embeddings"
            )
        if self.truncate_dim is not None and self.adapter is None and self.correction is not None:
            _refuse(self.truncate_dim, "truncate_dim", self.correction)
        if self.adapter is not None and self.correction is not None:
            _refuse(self.adapter.dimension, "the adapter", self.correction)

    def __bool__(self) -> bool:
        return (self.adapter, self.correction, self.truncate_dim) != (None, None, None)

    def behind(self, encoder: Encoder) -> Encoder:
        """The encoder with the remedies behind it.

        Raises:
            UsageError: The dimensions differ.
        """
        if self.truncate_dim is not None:
            encoder = ChangedEncoder(encoder, truncate_dim=self.truncate_dim)
        if self.adapter is not None:
            encoder = AdaptedEncoder(encoder, self.adapter)
        if self.correction is not None:
            encoder = CorrectedEncoder(encoder, self.correction, query_languages=self.query_languages)
        return encoder

    @property
    def digests(self) -> list[str]:
        """Digests of the remedies, in their order; equal for equal remedies."""
        return [remedy.digest for remedy in (self.adapter, self.correction) if remedy is not None]

    def documents(self, rows: NDArray[Any], languages: Sequence[str]) -> NDArray[np.float32]:
        """Truncated, adapted and corrected documents; see `Adapter.apply` and `Correction.apply`."""
        if self.truncate_dim is not None:
            rows = cut(rows, self.truncate_dim)
        if self.adapter is not None:
            rows = self.adapter.apply(rows)
        return rows if self.correction is None else self.correction.apply(rows, languages)

    def queries(self, rows: NDArray[Any], languages: Sequence[str]) -> NDArray[np.float32]:
        """Truncated, adapted and corrected queries; see `Adapter.apply_queries` and `Correction.apply_queries`."""
        if self.truncate_dim is not None:
            rows = cut(rows, self.truncate_dim)
        if self.adapter is not None:
            rows = self.adapter.apply_queries(rows)
        if self.correction is None:
            return rows
        return self.correction.apply_queries(rows, None if self.query_languages == "unknown" else languages)

    def record(self, record: EncoderRecord) -> EncoderRecord:
        """Record of stored embeddings after the remedies.

        Raises:
            UsageError: The dimensions differ, or one of the remedies was already applied to the embeddings.
        """
        applied = [str(entry.get("digest")) for entry in record.remedies]
        corrections = [] if self.correction is None else remedies_of(self.correction)
        for digest in [*self.digests, *(entry["digest"] for entry in corrections)]:
            if any(digest.startswith(applied_digest) for applied_digest in applied if applied_digest):
                raise UsageError(
                    f"the remedy {digest[:12]} was already applied to the embeddings of {record.name}; leave it out"
                )
        if self.truncate_dim is not None:
            record = cut_record(record, self.truncate_dim)
        if self.adapter is not None:
            record = adapted_record(record, self.adapter)
        if self.correction is not None:
            _refuse(record.dimension, record.name, self.correction)
            record = corrected_record(record, self.correction, str(self.query_languages))
        return record


def _refuse(dimension: int, what: str, correction: Correction) -> None:
    if dimension and dimension != correction.dimension:
        raise UsageError(
            f"{what} gives {dimension} dimensions, but the correction was fitted on {correction.dimension}; fit it on "
            "embeddings of this encoder, with this adapter"
        )


def mixed_encoders(documents: EncoderRecord, queries: EncoderRecord) -> list[str]:
    """A warning if documents and queries were encoded differently, apart from prompts and an expansion.

    Example:
        >>> documents, queries = (EncoderRecord(name=name, kind="http") for name in ("a", "b"))
        >>> mixed_encoders(documents, documents), mixed_encoders(documents, queries)
        ([], ["documents and queries were encoded differently (name: 'a' and 'b'); scores mean little unless ..."])
    """
    fields = ("name", "kind", "revision", "similarity", "remedies")
    documents = without_expansion(documents)
    values = [(name, getattr(documents, name), getattr(queries, name)) for name in fields]
    differing = [
        f"{name}: {of_documents!r} and {of_queries!r}"
        for name, of_documents, of_queries in values
        if of_documents != of_queries
    ]
    if not differing:
        return []
    return [
        f"documents and queries were encoded differently ({'; '.join(differing)}); scores mean little unless the "
        "encoders belong together"
    ]
