"""An encoder with a correction behind it, for evaluation: the same texts, the same model, corrected embeddings.

The encoder is not changed, and every text is encoded exactly as without a correction.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from clinometer.correction.base import UNKNOWN, Correction, Unknown
from clinometer.correction.records import corrected_record
from clinometer.encoders import Encoder, EncoderRecord, encode, require_embeddings
from clinometer.encoders.base import Side
from clinometer.errors import EncoderError, UsageError
from clinometer.languages import canonical
from clinometer.suggestions import one_of

__all__ = ["CorrectedEncoder", "Identify"]

Identify = Callable[[Sequence[str]], Sequence[str | None]]


class CorrectedEncoder:
    """Encodes with any encoder, then corrects. It takes texts with their languages.

    `clinometer.evaluate` passes languages to encoders whose `wants_languages` is true.

    Args:
        encoder: Encoder of the texts.
        correction: Correction that was fitted on embeddings of this encoder.
        query_languages: `given`: each query's label in the collection; `unknown`: one mean for all, as if their
            languages were unknown; or a function from texts to labels, such as `clinometer.correction.identify(...)`,
            for queries without labels. If it returns None, the query is corrected by the mean over all languages.
        unknown: Treatment of texts in languages that were not fitted, as in `Correction.apply`; `record.warnings` gives
            their number.

    Raises:
        UsageError: An option cannot be used, or the dimensions differ.

    Example:
        >>> from clinometer.correction import Center
        >>> from clinometer.encoders import PrecomputedEncoder
        >>> rows = np.array([[1, 1, 0], [1, -1, 0], [0, 1, 1], [0, -1, 1]], dtype=np.float32)
        >>> center = Center.fit(rows, ["en", "en", "de", "de"], shrinkage=0.0)
        >>> encoder = CorrectedEncoder(PrecomputedEncoder(rows, rows), center)
        >>> encoder.encode_documents(["a", "b", "c", "d"], languages=["en", "en", "de", "de"])[:, 1].tolist()
        [1.0, -1.0, 1.0, -1.0]
        >>> encoder.record.name
        'precomputed + center'
    """

    wants_languages = True

    def __init__(
        self,
        encoder: Encoder,
        correction: Correction,
        *,
        query_languages: Literal["given", "unknown"] | Identify = "given",
        unknown: Unknown = "refuse",
    ) -> None:
        require_embeddings(encoder)
        if not callable(query_languages) and query_languages not in ("given", "unknown"):
            raise UsageError(
                f"query_languages is {query_languages!r}, but must be given, unknown or a function from texts to labels"
            )
        if unknown not in UNKNOWN:
            raise UsageError(f"unknown is {unknown!r}, but must be {one_of(unknown, UNKNOWN)}")
        if encoder.record.dimension and encoder.record.dimension != correction.dimension:
            raise UsageError(
                f"{encoder.record.name} gives {encoder.record.dimension} dimensions, but the correction was fitted on "
                f"{correction.dimension}; fit it on embeddings of this encoder"
            )
        self._encoder, self._correction = encoder, correction
        self._query_languages, self._unknown = query_languages, unknown
        self._unknown_counts: dict[Side, dict[str, int]] = {"documents": {}, "queries": {}}
        self._unlabelled = self._unidentified = self._misidentified = self._identified = 0

    @property
    def record(self) -> EncoderRecord:
        """The encoder's record with the correction's method in its name, its digest in its revision, and its remedy.

        Warnings are added for texts whose language was not fitted, or was not identified.
        """
        rule = "corrected by the mean over all languages" if self._unknown == "mean" else "left uncorrected"
        warnings = [
            f"{sum(counts.values())} {side} were {rule}: {', '.join(f'{name} ({n})' for name, n in counts.items())}"
            for side, counts in self._unknown_counts.items()
            if counts
        ]
        if self._unlabelled:
            warnings.append(f"{self._unlabelled} queries were corrected by one mean for all languages")
        if self._unidentified:
            warnings.append(
                f"the language of {self._unidentified} of {self._identified} queries could not be identified; they "
                "were corrected by the mean over all languages"
            )
        if self._misidentified:
            warnings.append(
                f"{self._misidentified} of {self._identified} queries were identified as another language than "
                "their label"
            )
        mode = "identify" if callable(self._query_languages) else self._query_languages
        record = corrected_record(self._encoder.record, self._correction, mode)
        return msgspec.structs.replace(record, warnings=[*record.warnings, *warnings])

    def encode_queries(
        self, texts: Sequence[str], *, languages: Sequence[str | None] | None = None, show_progress_bar: bool = False
    ) -> NDArray[np.float32]:
        """`(len(texts), output_dimension)` float32, row i for text i.

        Args:
            texts: The queries.
            languages: Label of each query; None if no query's language is known.
            show_progress_bar: Draw a bar on standard error.

        Raises:
            LanguageError: A language was not fitted, and `unknown` is `refuse`.
            EncoderError: The function that identifies languages does not return one label for each text.
        """
        labels = self._query_labels(texts, languages)
        if labels is not None and not callable(self._query_languages):
            self._refuse_unknown(labels, "queries")
        rows = encode(self._encoder, texts, "queries", languages=languages, show_progress_bar=show_progress_bar)
        if labels is None:
            self._unlabelled += len(texts)
            return self._correction.apply_queries(rows)
        if not callable(self._query_languages):
            return self._corrected(rows, labels, "queries")
        # The correction of a row depends only on that row, so the parts can be corrected separately.
        identified = np.array([label is not None for label in labels], dtype=bool)
        corrected = np.empty((len(rows), self._correction.output_dimension), dtype=np.float32)
        corrected[~identified] = self._correction.apply_queries(rows[~identified])
        corrected[identified] = self._corrected(
            rows[identified], [label for label in labels if label is not None], "queries"
        )
        self._count_identified(labels, languages)
        return corrected

    def encode_documents(
        self, texts: Sequence[str], *, languages: Sequence[str | None] | None = None, show_progress_bar: bool = False
    ) -> NDArray[np.float32]:
        """`(len(texts), output_dimension)` float32, row i for text i.

        Args:
            texts: The documents.
            languages: Label of each document.
            show_progress_bar: Draw a bar on standard error.

        Raises:
            UsageError: The languages are missing.
            LanguageError: A language was not fitted, and `unknown` is `refuse`.
        """
        if languages is None:
            raise UsageError("a corrected encoder needs the language of each document; give languages=[...]")
        self._refuse_unknown(languages, "documents")
        rows = encode(self._encoder, texts, "documents", languages=languages, show_progress_bar=show_progress_bar)
        return self._corrected(rows, languages, "documents")

    def _query_labels(
        self, texts: Sequence[str], languages: Sequence[str | None] | None
    ) -> Sequence[str | None] | None:
        """The labels for the correction of queries; None for one mean for all."""
        if not callable(self._query_languages):
            return languages if self._query_languages == "given" else None
        labels = list(self._query_languages(texts))
        if len(labels) != len(texts):
            raise EncoderError(
                f"the function that identifies languages returned {len(labels)} labels for {len(texts)} queries, but "
                "must return one for each, None if unknown"
            )
        return labels

    def _count_identified(self, identified: Sequence[str | None], labels: Sequence[str | None] | None) -> None:
        self._identified += len(identified)
        self._unidentified += sum(label is None for label in identified)
        if labels is not None:
            pairs = zip(identified, labels, strict=True)
            self._misidentified += sum(
                a is not None and b is not None and canonical(a) != canonical(b) for a, b in pairs
            )

    def _refuse_unknown(self, languages: Sequence[str | None], side: Side) -> None:
        # This is checked before the texts are encoded, which may take hours.
        if self._unknown == "refuse":
            self._correction.refuse_unknown(languages, side)

    def _corrected(self, rows: NDArray[np.float32], languages: Sequence[str | None], side: Side) -> NDArray[np.float32]:
        apply = self._correction.apply if side == "documents" else self._correction.apply_queries
        corrected = apply(rows, languages, unknown=self._unknown)
        for label, count in self._correction.unknown_rows(languages, side).items():
            self._unknown_counts[side][label] = self._unknown_counts[side].get(label, 0) + count
        return corrected
