"""Score calibration: the mean score of each pair of query and document language is subtracted from the scores.

The offsets are folded into the vectors, so that a plain cosine search gives exactly the calibrated order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clinometer.correction.base import Correction
from clinometer.correction.offsets import checked_strength
from clinometer.correction.sample import by_language
from clinometer.encoders.base import Side

__all__ = ["Calibration"]


class Calibration(Correction):
    """`a[l_d] * cos(q, d) - strength * b[l_q, l_d]` in place of `cos(q, d)`; the definition is ours.

    `b` is the mean score of sample queries of one language and sample documents of another. With `scale`, `a` equalises
    the spread of scores between document languages; without it `a` is 1.

    **How it is folded.** A document becomes `[a d, e, c]`: `e` has a one in the column of its language, and `c` gives
    all documents equal length. A query becomes `[q, -strength * b[l_q], 0]`. The dot product of the two is the
    calibrated score. A query's length, and the common length of all documents, only scale that query's scores: under
    cosine the order is exactly the calibrated one, and under the dot product as well. The scores of different queries
    must not be compared.

    A scale for each *pair* of languages cannot be folded in this way, so `a` depends on the document language only.
    The rows get longer, by the number of document languages and two.
    """

    method: ClassVar[str] = "calibrate"

    @classmethod
    def fit(
        cls,
        documents: ArrayLike,
        languages: Sequence[str],
        queries: ArrayLike,
        query_languages: Sequence[str],
        *,
        strength: float = 1.0,
        scale: bool = False,
    ) -> Self:
        """Fit on texts of each language; neither judgements nor translations are needed.

        Args:
            documents: `(n, d)` embeddings of sample documents.
            languages: Language of each document.
            queries: `(m, d)` embeddings of sample queries. They need not match the documents.
            query_languages: Language of each query.
            strength: Share of the mean score that is subtracted, 0 or more.
            scale: Also equalise the spread of scores, `a`.

        Returns:
            The correction. A query of unknown language takes the mean offsets over the query languages; a document
            those over the document languages.

        Raises:
            UsageError: There are no texts, or not one language for each.
            EmbeddingError: Rows that cannot be used.

        Example:
            >>> fitted = Calibration.fit([[1.0, 0.0], [0.6, 0.8]], ["en", "de"], [[1.0, 0.0]], ["en"])
            >>> fitted.arrays["score_means"][0].round(6).tolist()  # de, en, not known
            [0.6, 1.0, 0.8]
            >>> fitted.output_dimension
            6
        """
        checked_strength("strength", strength)
        sample = by_language(documents, languages, "documents")
        query_sample = by_language(queries, query_languages, "queries")
        document_means = [rows.mean(axis=0) for rows in sample.values()]
        means = np.stack([[rows.mean(axis=0) @ mean for mean in document_means] for rows in query_sample.values()])
        variances = [[(left @ right.T).var() for right in sample.values()] for left in query_sample.values()]
        spread = np.sqrt(np.mean(variances, axis=0))
        scales = np.ones(len(sample) + 1)
        if scale and (spread > 0).all():
            scales[:-1] = spread.mean() / spread
        return cls(
            tuple(sample),
            tuple(query_sample),
            {"score_means": _with_means(means), "scales": scales},
            {
                "rows_of": int(next(iter(sample.values())).shape[1]),
                "strength": strength,
                "scale": scale,
                "documents_fitted": {label: len(rows) for label, rows in sample.items()},
                "queries_fitted": {label: len(rows) for label, rows in query_sample.items()},
            },
        )

    @property
    def dimension(self) -> int:
        """Length of the rows before the correction."""
        return int(self.settings["rows_of"])

    @property
    def output_dimension(self) -> int:
        """Length of the rows after the correction: `dimension`, a column for each document language, and two more."""
        return self.dimension + len(self.languages) + 2

    def _changed(self, rows: NDArray[np.float64], codes: NDArray[np.int64], side: Side) -> NDArray[np.float64]:
        dimension = self.dimension
        changed = np.zeros((len(rows), self.output_dimension))
        changed[:, :dimension] = rows
        known = codes >= 0
        if side == "queries":
            offsets = -self.settings["strength"] * self.arrays["score_means"]
            changed[known, dimension:-1] = offsets[codes[known]]
            return changed
        scales = np.ones(len(rows))
        scales[known] = self.arrays["scales"][codes[known]]
        changed[:, :dimension] *= scales[:, None]
        changed[known, dimension + codes[known]] = 1.0
        longest = max(1.0, float(np.square(self.arrays["scales"]).max())) + 1.0
        changed[:, -1] = np.sqrt(np.maximum(longest - np.square(scales) - known, 0.0))
        return changed

    def _shapes(self) -> dict[str, tuple[int | None, ...]]:
        columns = len(self.languages) + 1
        return {"score_means": (len(self.query_languages) + 1, columns), "scales": (columns,)}


def _with_means(table: NDArray[np.float64]) -> NDArray[np.float64]:
    """The table with its column means as a last row, and its row means as a last column."""
    wider = np.concatenate([table, table.mean(axis=1, keepdims=True)], axis=1)
    return np.concatenate([wider, wider.mean(axis=0, keepdims=True)])
