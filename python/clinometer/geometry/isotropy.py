"""Isotropy: whether embeddings use all directions, or lie in a narrow cone."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from clinometer.errors import UsageError
from clinometer.geometry.pairs import Read, rows_as
from clinometer.parameters import checked
from clinometer.vectors import Rows, unit

__all__ = ["Isotropy", "isotropy"]


class Isotropy(NamedTuple):
    """Two measures of isotropy.

    Args:
        average_cosine: Mean cosine of two different texts; near 0 if all directions are used, 1 if only one is.
        partition_ratio: `min_c Z(c) / max_c Z(c)`; 0 to 1, 1 if all directions are used alike.
    """

    average_cosine: float
    partition_ratio: float


@checked
def isotropy(vectors: ArrayLike, *, read: Read = "raw") -> Isotropy:
    """How evenly embeddings are spread over the directions.

    The average cosine is over all pairs i < j (Ethayarajh 2019); for n texts it is -1/(n - 1) or more. The ratio is
    that of Mu and Viswanath (2018): `Z(c) = sum_i exp(c'z_i)`, with c the eigenvectors of `Z'Z`, length 1. The sign of
    an eigenvector has no meaning, so both count [our rule]. With vectors of length 1 the ratio is 0.13 or more.

    Args:
        vectors: `(n, d)` embeddings, n of 2 or more.
        read: Form in which the ratio reads them: `raw`, `normalized` (to length 1) or `scaled` (to length sqrt(d)).

    Raises:
        UsageError: Fewer than two rows, or an unknown `read`.
        EmbeddingError: Rows that are zero, NaN or infinite.

    Example:
        >>> isotropy([[1, 0], [-1, 0], [0, 1], [0, -1]])
        Isotropy(average_cosine=-0.3333333333333333, partition_ratio=1.0)
    """
    rows = rows_as(vectors, read, "texts")
    n = len(rows)
    if n < 2:
        raise UsageError("isotropy needs 2 or more texts, but got 1")
    total = unit(rows).sum(axis=0)
    _, directions = np.linalg.eigh(rows.T @ rows)
    along = rows @ directions
    logs = np.concatenate([_log_sum_exp(along), _log_sum_exp(-along)])
    return Isotropy(float((total @ total - n) / (n * (n - 1))), float(np.exp(logs.min() - logs.max())))


def _log_sum_exp(values: Rows) -> Rows:
    """Log-sum-exp of each column, without overflow."""
    largest = values.max(axis=0)
    sums: Rows = largest + np.log(np.exp(values - largest).sum(axis=0))
    return sums
