"""LIR: the leading components of each language's own embeddings are taken out of them.

What is taken out is a projection: applied before the last scaling, it does nothing more when it is applied twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clinometer.correction.base import Correction
from clinometer.correction.sample import by_language
from clinometer.encoders.base import Side
from clinometer.errors import UsageError
from clinometer.vectors import Rows

__all__ = ["Lir"]


class Lir(Correction):
    """Language information removal: `x - V_r V_r^T x`, with the `r` leading right singular vectors of the language.

    The idea is that of Yang et al. (arXiv 2109.04727): per language, a singular value decomposition of the matrix of
    its embeddings, not centred, whose leading directions hold what all texts of that language share. Scaling to length
    one before and after is ours. The first component of uncentred rows is nearly the direction of their mean, so that
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
        """Fit on texts of each language; no labels and no translations are needed.

        Args:
            documents: `(n, d)` embeddings of sample documents.
            languages: Label of each.
            queries: `(m, d)` embeddings of sample queries. None: queries lose the components of the documents.
            query_languages: Label of each query.
            components: How many components are taken out, `r`; 1 or more.
            centred: Subtract the language's mean before the decomposition (ours). The mean itself then stays in.

        Returns:
            The correction. For rows whose language is not known it holds the components of all languages together,
            each language with the same weight.

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
        asked = sample if queries is None else by_language(queries, query_languages or [], "queries")
        return cls(
            tuple(sample),
            tuple(asked),
            {
                "document_components": _components(sample, components, centred, "documents"),
                "query_components": _components(asked, components, centred, "queries"),
            },
            {
                "components": components,
                "centred": centred,
                "queries": "documents" if queries is None else "own",
                "documents_fitted": {label: len(rows) for label, rows in sample.items()},
                "queries_fitted": {} if queries is None else {label: len(rows) for label, rows in asked.items()},
            },
        )

    @property
    def dimension(self) -> int:
        """Length of the rows that go in."""
        return int(self.arrays["document_components"].shape[2])

    def _changed(self, rows: NDArray[np.float64], codes: NDArray[np.int64], side: Side) -> NDArray[np.float64]:
        fitted = self.arrays["document_components" if side == "documents" else "query_components"]
        changed = rows.copy()
        for code in np.unique(codes[codes >= 0]):
            place = np.flatnonzero(codes == code)
            for direction in fitted[code].astype(np.float64):
                # Directions are orthogonal, so one after the other is the projection.
                share = np.einsum("nd,d->n", rows[place], direction)
                changed[place] -= share[:, None] * direction
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
    few = {label: len(rows) for label, rows in sample.items() if len(rows) < components + 1 + centred}
    if few:
        named = ", ".join(f"{label} ({count})" for label, count in few.items())
        raise UsageError(
            f"too few {what} to take {components} components out: {named}; give {components + 1 + centred} or more of "
            "each language, or fewer components"
        )
    # Every language weighs the same in what stands for a language that is not known.
    pooled = np.concatenate([_moved(rows, centred) / np.sqrt(len(rows)) for rows in sample.values()])
    blocks = [_leading(_moved(rows, centred), components) for rows in sample.values()]
    return np.stack([*blocks, _leading(pooled, components)])


def _moved(rows: Rows, centred: bool) -> Rows:
    return rows - rows.mean(axis=0) if centred else rows


def _leading(rows: Rows, components: int) -> NDArray[np.float64]:
    found: NDArray[Any] = np.linalg.svd(rows, full_matrices=False)[2][:components]
    # The sign of a singular vector is arbitrary; fix it, so that a saved file does not depend on the LAPACK in use.
    largest = np.abs(found).argmax(axis=1)
    return np.asarray(found * np.where(found[np.arange(components), largest] < 0, -1.0, 1.0)[:, None], dtype=np.float64)
