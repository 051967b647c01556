"""Centering: each language's mean is subtracted, so that no language as a whole is closer to any text than another.

It only uses the languages of the texts, not translations or judgements: any sample of texts will do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal, Self, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clinometer.correction.offsets import Offsets, leading
from clinometer.correction.sample import by_language
from clinometer.errors import UsageError
from clinometer.suggestions import one_of
from clinometer.vectors import Rows

__all__ = ["Center", "QueryMeans"]

QueryMeans = Literal["own", "documents", "none"]
# Chosen on tico19 by the rule in the documentation of `Center`.
_QUERY_STRENGTH = 0.7


class Center(Offsets):
    """`P (x - strength * mean_l)`, between two scalings to length one.

    Per-language centering with a strength is the plain form (`directions=0, shrinkage=0.0`); the following two parts
    are ours.

    **Few texts** (`shrinkage`). The mean of `n` texts has sampling error, mostly due to topic: means of few texts
    differ by what these happen to be about. So each mean is moved towards the mean `g` of all languages to minimise the
    expected squared error (empirical Bayes, after James and Stein): `g + w_l (mean_l - g)` with
    `w_l = t / (t + s / n_l)`. Here `s` is the variance within languages (trace, pooled), and `t` the variance of the
    true means between languages: the observed variance minus the part that chance explains. With many texts, or
    languages far apart, `w_l` is near 1 and nothing changes.

    **Directions** (`directions`). A text has more or less of the language component than the mean of its language, and
    the difference still moves its scores with a whole language at once. So `P` removes the directions in which the
    documents' means differ, for documents and queries. This needs no language, so it also applies to queries of unknown
    language.

    **Strength** (`auto`: documents 1, queries 0.7). Documents lose their whole mean: the part that `shrinkage` keeps is
    more than chance, and any remainder would move a whole language for every query. A query's own mean moves its scores
    with all languages in the same way and tells which kind of text is relevant, so that less may be better. The number
    is the smallest whose Complete@10 lies within one standard error of the best, on development data (tico19,
    multilingual-e5-small, means of 60 and of 240 texts); with the Universal Sentence Encoder everything from 0.3 to 1.1
    does.
    """

    method: ClassVar[str] = "center"

    @classmethod
    def fit(
        cls,
        documents: ArrayLike,
        languages: Sequence[str],
        queries: ArrayLike | None = None,
        query_languages: Sequence[str] | None = None,
        *,
        strength: float | Literal["auto"] = "auto",
        query_strength: float | None = None,
        query_means: QueryMeans | None = None,
        shrinkage: float | Literal["auto"] = "auto",
        directions: int | Literal["auto"] = "auto",
    ) -> Self:
        """Fit on texts of each language; neither judgements nor translations are needed.

        Args:
            documents: `(n, d)` embeddings of sample documents. The documents of the index itself are the best sample.
            languages: Language of each document.
            queries: `(m, d)` embeddings of sample queries, None if there are none.
            query_languages: Language of each query.
            strength: Share of the mean that is subtracted, 0 or more; 1 subtracts all of it; `auto` as above.
            query_strength: The same for queries. None: as for documents, or, with `strength="auto"`, as above.
            query_means: Means subtracted from queries: their `own`, those of the `documents`, or `none`. By default
                `own` if there are queries, else `documents`.
            shrinkage: Degree to which means are moved together, `1 - w_l`, from 0 (not at all) to 1 (completely);
                `auto` as above.
            directions: Number of directions removed: `auto`, or 0 to the number of languages minus one.

        Returns:
            The correction. Rows of unknown language lose the mean of the languages' means.

        Raises:
            UsageError: An option cannot be used, or there are no texts.
            EmbeddingError: Rows that cannot be used.

        Example:
            >>> sample = [[0.8, 0.6, 0.0], [0.8, -0.6, 0.0], [0.0, 0.6, 0.8], [0.0, -0.6, 0.8]]
            >>> center = Center.fit(sample, ["en", "en", "de", "de"], strength=1.0, shrinkage=0.0, directions=0)
            >>> center.apply([[0.8, 0.6, 0.0], [0.0, 0.6, 0.8]], ["en", "de"]).tolist()
            [[0.0, 1.0, 0.0], [0.0, 1.0, 0.0]]
        """
        kind = query_means or ("documents" if queries is None else "own")
        if kind not in get_args(QueryMeans):
            raise UsageError(f"query_means is {query_means!r}, but must be {one_of(query_means, get_args(QueryMeans))}")
        if kind == "own" and queries is None:
            raise UsageError("query_means is 'own', but there are no queries; give queries")
        if kind != "own" and queries is not None:
            raise UsageError(f"query_means is {kind!r}, so the queries would not be used; remove one of the two")
        if shrinkage != "auto" and not 0 <= shrinkage <= 1:
            raise UsageError(f"shrinkage is {shrinkage!r}, but must be 'auto' or lie between 0 and 1")
        sample = by_language(documents, languages, "documents")
        labels = [] if query_languages is None else query_languages  # an array of labels has no truth value
        query_sample = sample if queries is None else by_language(queries, labels, "queries")
        means, weights, chance = _means(sample, shrinkage)
        query_offsets, query_weights = (means, weights) if queries is None else _means(query_sample, shrinkage)[:2]
        document_default, query_default = (1.0, _QUERY_STRENGTH) if strength == "auto" else (strength, strength)
        settings = {
            "strength": document_default,
            "query_strength": 0.0 if kind == "none" else query_default if query_strength is None else query_strength,
            "strength_by": "rule" if strength == "auto" else "hand",
            "query_means": kind,
            "shrinkage": shrinkage,
            "weights": weights,
            "query_weights": query_weights if kind == "own" else {},
            "documents_fitted": {label: len(rows) for label, rows in sample.items()},
            "queries_fitted": {label: len(rows) for label, rows in query_sample.items()} if kind == "own" else {},
        }
        return cls._from_means(means, query_offsets, leading(means, directions, chance), settings)


def _means(
    sample: dict[str, Rows], shrinkage: float | Literal["auto"]
) -> tuple[dict[str, NDArray[np.float64]], dict[str, float], float]:
    """The means, moved together; their weights `w_l`; and the squared length expected by chance in one direction."""
    sample_means = {label: rows.mean(axis=0) for label, rows in sample.items()}
    common = np.mean(list(sample_means.values()), axis=0)
    degrees = sum(len(rows) - 1 for rows in sample.values())
    squares = sum(float(np.square(rows - sample_means[label]).sum()) for label, rows in sample.items())
    # One text in each language has no spread: chance cannot be estimated, and nothing is moved.
    within = squares / degrees if degrees else 0.0
    chance = {label: within / len(rows) for label, rows in sample.items()}
    expected = float(np.mean(list(chance.values())))
    if shrinkage != "auto":
        weights = dict.fromkeys(sample, 1.0 - shrinkage)
    elif len(sample) < 2:
        weights = dict.fromkeys(sample, 1.0)
    else:
        observed = sum(float(np.square(mean - common).sum()) for mean in sample_means.values()) / (len(sample) - 1)
        between = max(observed - expected, 0.0)
        weights = {label: between / (between + noise) if noise else 1.0 for label, noise in chance.items()}
    moved = {label: common + weights[label] * (mean - common) for label, mean in sample_means.items()}
    return moved, weights, expected
