"""Training samples as embeddings: each distinct text encoded once, and the row of each text of each sample.

Identical texts are never each other's negatives: items that share a text get one group.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinometer.encoders import Encoder, encode
from clinometer.encoders.base import Side
from clinometer.errors import EncoderError, UsageError
from clinometer.training.checks import merged_groups
from clinometer.training.data import ParallelSamples
from clinometer.vectors import unit_rows

__all__ = ["EmbeddedSamples", "column_language", "embed_samples", "is_query"]


@dataclass(frozen=True, eq=False)
class EmbeddedSamples:
    """The result of `embed_samples`: encode once, learn as often as you like.

    Args:
        columns: Names of the columns in the order that a loss takes them; `query_...` or `passage_...`.
        queries: `(q, d)` float32, a row of length one for each distinct query.
        passages: `(p, d)` float32, likewise.
        places: `(n, columns)` integers: the row of `queries` or `passages` for each text of each sample.
        groups: `(n,)` integers: samples with equal numbers are never each other's negatives.
        about: Description of encoder and samples, for the adapter's settings. JSON values only.

    Raises:
        UsageError: The shapes of the arrays do not match, or there are no samples.
    """

    columns: tuple[str, ...]
    queries: NDArray[np.float32]
    passages: NDArray[np.float32]
    places: NDArray[np.int64]
    groups: NDArray[np.int64]
    about: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        shapes = {name: getattr(self, name).shape for name in ("queries", "passages", "places", "groups")}
        rows = len(self.groups)
        matching = (
            self.queries.ndim == self.passages.ndim == 2
            and self.queries.shape[1] == self.passages.shape[1]
            and self.places.shape == (rows, len(self.columns))
            and self.groups.ndim == 1
        )
        if not matching or not rows:
            raise UsageError(
                f"the embedded samples are empty or their shapes do not match: {shapes} for the columns "
                f"{', '.join(self.columns)}"
            )

    def __len__(self) -> int:
        return len(self.groups)

    @property
    def dimension(self) -> int:
        """Length of an embedding."""
        return int(self.queries.shape[1])


def embed_samples(samples: ParallelSamples, encoder: Encoder, *, show_progress_bar: bool = False) -> EmbeddedSamples:
    """Encode samples, each distinct text once: queries with `encode_queries`, passages with `encode_documents`.

    Args:
        samples: Samples of `clinometer.training.data`, in any layout of queries and passages.
        encoder: Any encoder; it gets the languages if it wants them.
        show_progress_bar: Draw bars on standard error.

    Raises:
        EncoderError: The encoder does not return one row for each text.
        EmbeddingError: Rows that are zero, NaN or infinite.
    """
    vectors: dict[bool, NDArray[np.float32]] = {}
    row_of_text = np.empty((len(samples), len(samples.columns)), dtype=np.int64)
    for queries in (True, False):
        # The key has the language: an encoder may treat one text differently in two languages.
        row_of_key: dict[tuple[str, str], int] = {}
        for column, name in enumerate(samples.columns):
            if is_query(name) == queries:
                for row, (texts, target) in enumerate(zip(samples.rows, samples.languages, strict=True)):
                    key = (texts[column], column_language(name, target))
                    row_of_text[row, column] = row_of_key.setdefault(key, len(row_of_key))
        vectors[queries] = _encoded(encoder, list(row_of_key), queries, show_progress_bar)
    record = encoder.record
    about = {
        "encoder": {"name": record.name, "revision": record.revision},
        "samples": dict(sorted(Counter(samples.languages).items())),
        "columns": list(samples.columns),
        "texts_encoded": len(vectors[True]) + len(vectors[False]),
    }
    text_keys = [
        [(is_query(name), row) for row in row_of_text[:, column].tolist()]
        for column, name in enumerate(samples.columns)
    ]
    groups = np.array(merged_groups(samples.groups, text_keys), dtype=np.int64)
    return EmbeddedSamples(samples.columns, vectors[True], vectors[False], row_of_text, groups, about)


def is_query(column: str) -> bool:
    """Whether a column of this name holds queries rather than passages."""
    return column.startswith(("query", "neg_query"))


def column_language(column: str, target: str) -> str:
    """Language of a column's texts: the pivot's, which is in the name, or the sample's."""
    suffix = column.partition("_")[2]
    return suffix if suffix and suffix != "tgt" else target


def _encoded(
    encoder: Encoder, texts: Sequence[tuple[str, str]], queries: bool, show_progress_bar: bool
) -> NDArray[np.float32]:
    if not texts:
        raise UsageError("the samples have no queries, or no passages; an adapter is learned from both")
    plain_texts, languages = map(list, zip(*texts, strict=True))
    stage: Side = "queries" if queries else "documents"
    rows = encode(encoder, plain_texts, stage, languages=languages, show_progress_bar=show_progress_bar)
    side = "queries" if queries else "passages"
    if len(rows) != len(texts):
        raise EncoderError(f"{encoder.record.name} gave {len(rows)} embeddings for {len(texts)} {side}")
    return unit_rows(rows, side).astype(np.float32)
