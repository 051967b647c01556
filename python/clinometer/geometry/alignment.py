"""Alignment of two languages: whether translations are nearest to each other, and how far the languages lie apart."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from clinometer.geometry.pairs import Read, cosines, paired
from clinometer.parameters import checked
from clinometer.vectors import Rows

__all__ = ["bitext_accuracy", "language_gap_norm", "linear_cka", "margin", "mexa"]


def mexa(pivot: ArrayLike, target: ArrayLike) -> float:
    """MEXA: share of pairs that are closer than any other pairing of either text; 0 to 1, higher is better.

    `mean_i [C_ii > max_(j != i) C_ij and C_ii > max_(j != i) C_ji]`, with C the cosines of pivot and target texts. A
    tie does not count. The value falls with the number of texts: compare equal numbers. Source: the published code of
    MEXA (Kargaran et al. 2024) for one layer, which uses 100 sentences of FLORES.

    Args:
        pivot: `(n, d)` embeddings, n of 2 or more.
        target: `(n, d)`, row i the translation of row i.

    Raises:
        UsageError: Numbers of rows that differ, or fewer than two pairs.
        EmbeddingError: Dimensions that differ, or rows that are zero, NaN or infinite.

    Example:
        >>> mexa([[1, 0], [0, 1]], [[1, 0], [2, 1]])
        0.5
    """
    scores = cosines(pivot, target)
    return float((scores.above + scores.equal == 0).all(axis=0).mean())


def bitext_accuracy(pivot: ArrayLike, target: ArrayLike) -> float:
    """Share of texts whose nearest text of the other language is their translation; 0 to 1, higher is better.

    `mean_i [argmax_j C_ij = i]` and the same with C transposed, averaged; C as for `mexa`. Chance is 1/n. Where t
    others tie with the translation it counts 1/(t + 1), the expectation over their random order [our rule for ties].
    Source: standard (Tatoeba, BUCC without a threshold).

    Raises:
        UsageError: As for `mexa`.
        EmbeddingError: As for `mexa`.

    Example:
        >>> bitext_accuracy([[1, 0], [0, 1]], [[1, 0], [2, 1]])
        0.75
    """
    scores = cosines(pivot, target)
    return float(np.where(scores.above == 0, 1.0 / (1.0 + scores.equal), 0.0).mean())


def margin(pivot: ArrayLike, target: ArrayLike) -> float:
    """Mean cosine of translations minus mean cosine of all other pairs; -2 to 2, higher is better.

    `mean_i C_ii - mean_(i != j) C_ij`, C as for `mexa`. It depends on how much the cosines of a model vary overall.
    Source: standard.

    Raises:
        UsageError: As for `mexa`.
        EmbeddingError: As for `mexa`.

    Example:
        >>> margin([[1, 0], [0, 1]], [[2, 0], [0, 3]])
        1.0
    """
    scores = cosines(pivot, target)
    n, own_sum = len(scores.own), float(scores.own.sum())
    return own_sum / n - (scores.total - own_sum) / (n * (n - 1))


@checked
def language_gap_norm(pivot: ArrayLike, target: ArrayLike, *, read: Read = "normalized") -> float:
    """Distance between the means of the two languages, `|mean_i z_i - mean_i z'_i|`; 0 or more, lower is more alike.

    With vectors of length 1 (`normalized`) it is at most 2. Source: standard.

    Raises:
        UsageError: Numbers of rows that differ, none, or an unknown `read`.
        EmbeddingError: As for `mexa`.

    Example:
        >>> language_gap_norm([[1, 0], [0, 1]], [[1, 0], [0, -1]])
        1.0
    """
    first, second = paired(pivot, target, read)
    return float(np.linalg.norm(first.mean(axis=0) - second.mean(axis=0)))


def linear_cka(pivot: ArrayLike, target: ArrayLike) -> float:
    """Linear CKA of the raw embeddings; 0 to 1, higher is more alike.

    `|Y'X|_F^2 / (|X'X|_F |Y'Y|_F)` for X and Y with their means subtracted. It does not change if one side is rotated,
    shifted or scaled, so it says whether the two languages have the same shape, not whether they lie in the same place.
    With fewer pairs than dimensions it is also high for unrelated texts. NaN if all rows of a side are the same.
    Source: Kornblith et al. 2019.

    Raises:
        UsageError: As for `mexa`.
        EmbeddingError: As for `mexa`.

    Example:
        >>> round(linear_cka([[1, 0], [0, 1], [2, 2]], [[0, 5], [-5, 0], [-10, 10]]), 12)
        1.0
    """
    first, second = (_centred(rows) for rows in paired(pivot, target, "raw", least=2))
    if not first.any() or not second.any():
        return float("nan")
    if len(first) < first.shape[1]:
        # The same three numbers from the smaller matrices.
        first_products, second_products = first @ first.T, second @ second.T
        joint = float((first_products * second_products).sum())
    else:
        first_products, second_products = first.T @ first, second.T @ second
        joint = float(np.square(second.T @ first).sum())
    return joint / float(np.linalg.norm(first_products) * np.linalg.norm(second_products))


def _centred(rows: Rows) -> Rows:
    """Rows minus their mean, scaled so that no square overflows; exactly 0 if all rows are the same."""
    if (rows == rows[0]).all():
        return np.zeros_like(rows)
    rows = rows - rows.mean(axis=0)
    scaled: Rows = rows / np.abs(rows).max()
    return scaled
