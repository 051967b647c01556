"""The mismatch of embeddings of translations: what the alignment loss reduces, measured on held-out texts."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from clinometer.geometry.pairs import Read, paired
from clinometer.parameters import checked
from clinometer.vectors import Rows

__all__ = ["Mismatch", "embedding_mismatch"]


class Mismatch(NamedTuple):
    """Two means over the pairs; 0 for embeddings that are the same, lower is better.

    Args:
        l1: Mean of `sum_k |z_k - z'_k|`.
        jsd: Mean of the root of the Jensen-Shannon divergence between softmax(z) and softmax(z'), natural logarithm.
    """

    l1: float
    jsd: float


@checked
def embedding_mismatch(pivot: ArrayLike, target: ArrayLike, *, read: Read = "raw") -> Mismatch:
    """Distance between the embedding of a text and that of its translation, component by component.

    `l1` is 0 or more, for unit vectors at most 2 sqrt(d). `jsd` reads an embedding as a distribution over its
    dimensions, `P(z)_k = exp(z_k) / sum_j exp(z_j)`, and is 0 to 0.8326, the root of log 2. Both grow with the length
    of the vectors: compare raw values of one model before and after training, not those of two models. `jsd` is the
    loss of arXiv 2604.05684 (`clinometer.losses.embedding_jsd` with epsilon 0); that figure 1 of the paper shows `l1`
    is our inference.

    Args:
        pivot: `(n, d)` embeddings; in the paper, of English texts.
        target: `(n, d)`, row i the translation of row i.
        read: `raw`: unchanged, which in the paper means before the model's `Normalize`. `normalized`: scaled to length
            1. `scaled`: scaled to length sqrt(d).

    Raises:
        UsageError: Numbers of rows that differ, none, or an unknown `read`.
        EmbeddingError: Dimensions that differ, or rows that are zero, NaN or infinite.

    Example:
        >>> mismatch = embedding_mismatch([[1.0, 2.0, 3.0, 4.0]], [[4.0, 3.0, 2.0, 1.0]])
        >>> mismatch.l1, round(mismatch.jsd, 6)
        (8.0, 0.612763)
    """
    first, second = paired(pivot, target, read)
    distances = np.abs(first - second).sum(axis=1)
    return Mismatch(float(distances.mean()), float(np.sqrt(_divergence(first, second)).mean()))


def _divergence(first: Rows, second: Rows) -> Rows:
    """`(n,)`: JSD of the softmax of the rows, never negative.

    With p = g e^-h and q = g e^h the mean of the two is g cosh h, and the divergence a sum of
    g (h sinh h - cosh h log cosh h), whose terms are all 0 or more: equal rows give 0, and nearly equal ones keep their
    precision.
    """
    log_p, log_q = _log_softmax(first), _log_softmax(second)
    h = np.abs(log_q - log_p) / 2
    greater = np.exp(np.maximum(log_p, log_q))
    shrunk = np.exp(-2 * h)
    small = h < 1
    log_cosh = np.where(small, np.log1p(2 * np.sinh(np.minimum(h, 1) / 2) ** 2), h + np.log1p(shrunk) - np.log(2))
    terms = greater * (-h * np.expm1(-2 * h) - (1 + shrunk) * log_cosh) / 2
    divergence: Rows = np.maximum(terms, 0.0).sum(axis=1)
    return divergence


def _log_softmax(rows: Rows) -> Rows:
    rows = rows - rows.max(axis=1, keepdims=True)
    logs: Rows = rows - np.log(np.exp(rows).sum(axis=1, keepdims=True))
    return logs
