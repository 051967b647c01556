"""LIR: the leading components of each language's own embeddings are removed.

The removal is a projection: before the last scaling, applying it twice equals applying it once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clinometer.correction.base import Correction
from clinometer.correction.offsets import signed
from clinometer.correction.sample import by_language
from clinometer.encoders.base import Side
from clinometer.errors import UsageError
from clinometer.vectors import Rows

__all__ = ["Lir"]


class Lir(Correction):
    """Language information removal: `x - V_r V_r^T x`, with the `r` leading right singular vectors of the language.

    The idea is that of Yang et al. (arXiv 2109.04727): per language, a singular value decomposition of the matrix of
    its embeddings, not centred, whose leading directions are what all texts of that language share. Scaling to length
    one before and after is ours. The first component of uncentred rows is nearly the direction of their mean, so
    `r = 1` is close to centering at full strength, without its length.
    """

    method: ClassVar[str] = "lir"

    @classmethod
    def fit(
        cls,
        documents: ArrayLike,
        languages: Sequence[str],
        queries: ArrayLike | None = None,
        query_languages: Sequence[str] | None = None,
        *,
        components: int = 1,
        centred: bool = False,
    ) -> Self:
        """Fit on texts of each language; neither judgements nor translations are needed.

        Args:
            documents: `(n, d)` embeddings of sample documents.
            languages: Language of each document.
            queries: `(m, d)` embeddings of sample queries. None: queries lose the components of the documents.
            query_languages: Language of each query.
            components: Number of components removed, `r`; 1 or more.
            centred: Subtract the language's mean before the decomposition (ours). The mean itself is then kept.

        Returns:
            The correction. Rows of unknown language lose the components of all languages together, each language with
            the same weight.

        Raises:
            UsageError: A language has no more texts than `components` (one more if centred), or `components` is not
                between 1 and `d - 1`.
            EmbeddingError: Rows that cannot be used.

        Example:
            >>> sample = [[0.8, 0.6, 0.0], [0.8, -0.6, 0.0], [0.0, 0.6, 0.8], [0.0, -0.6, 0.8]]
            >>> lir = Lir.fit(sample, ["en", "en", "de", "de"])
            >>> lir.apply([[0.8, 0.6, 0.0], [0.0, 0.6, 0.8]], ["en", "de"]).round(6).tolist()
            [[0.0, 1.0, 0.0], [0.0, 1.0, 0.0]]
        """
        sample = by_language(documents, languages, "documents")
        labels = [] if query_languages is None else query_languages  # an array of labels has no truth value
        query_sample = sample if queries is None else by_language(queries, labels, "queries")
        return cls(
            tuple(sample),
            tuple(query_sample),
            {
                "document_components": _components(sample, components, centred, "documents"),
                "query_components": _components(query_sample, components, centred, "queries"),
            },
            {
                "components": components,
                "centred": centred,
                "queries": "documents" if queries is None else "own",
                "documents_fitted": {label: len(rows) for label, rows in sample.items()},
                "queries_fitted": {} if queries is None else {label: len(rows) for label, rows in query_sample.items()},
            },
        )

    @property
    def dimension(self) -> int:
        """Length of the rows before the correction."""
        return int(self.arrays["document_components"].shape[2])

    def _changed(self, rows: NDArray[np.float64], codes: NDArray[np.int64], side: Side) -> NDArray[np.float64]:
        fitted = self.arrays["document_components" if side == "documents" else "query_components"]
        changed = rows.copy()
        for code in np.unique(codes[codes >= 0]):
            positions = np.flatnonzero(codes == code)
            for direction in fitted[code].astype(np.float64):
                # Directions are orthogonal, so one after the other is the projection.
                share = np.einsum("nd,d->n", rows[positions], direction)
                changed[positions] -= share[:, None] * direction
        return changed

    def _shapes(self) -> dict[str, tuple[int | None, ...]]:
        return {
            "document_components": (len(self.languages) + 1, None, self.dimension),
            "query_components": (len(self.query_languages) + 1, None, self.dimension),
        }


def _components(sample: dict[str, Rows], components: int, centred: bool, what: str) -> NDArray[np.float64]:
    dimension = next(iter(sample.values())).shape[1]
    if not 1 <= components < dimension:
        raise UsageError(
            f"components is {components}, but must lie between 1 and {dimension - 1} for embeddings of {dimension} "
            "dimensions"
        )
    if few := {label: len(rows) for label, rows in sample.items() if len(rows) < components + 1 + centred}:
        named = ", ".join(f"{label} ({count})" for label, count in few.items())
        raise UsageError(
            f"too few {what} to remove {components} components: {named}; give {components + 1 + centred} or more of "
            "each language, or fewer components"
        )
    # Every language has the same weight in the components for unknown languages.
    pooled = np.concatenate([_moved(rows, centred) / np.sqrt(len(rows)) for rows in sample.values()])
    blocks = [_leading(_moved(rows, centred), components) for rows in sample.values()]
    return np.stack([*blocks, _leading(pooled, components)])


def _moved(rows: Rows, centred: bool) -> Rows:
    return rows - rows.mean(axis=0) if centred else rows


def _leading(rows: Rows, components: int) -> NDArray[np.float64]:
    return signed(np.linalg.svd(rows, full_matrices=False)[2][:components])
