"""Jensen-Shannon divergence between embeddings read as distributions over their dimensions.

Everything is computed in float32 or float64 from differences of log-probabilities, so that equal inputs give exactly
zero and nearly equal ones keep their precision.
"""

from __future__ import annotations

import math
from typing import Literal, get_args

import torch
from torch import Tensor
from torch.nn import functional

from clinometer.errors import UsageError
from clinometer.suggestions import one_of

__all__ = [
    "EpsilonPlace",
    "JsdInput",
    "LogBase",
    "check_jsd_options",
    "distribution_jsd",
    "embedding_jsd",
    "jsd_distance",
]

JsdInput = Literal["raw", "normalized", "scaled"]
EpsilonPlace = Literal["inside", "outside"]
LogBase = Literal["e", "2"]


def distribution_jsd(first: Tensor, second: Tensor, *, log_base: LogBase = "e") -> Tensor:
    """JSD between softmax(first) and softmax(second), row by row.

    `JSD(P, Q) = KL(P, M) / 2 + KL(Q, M) / 2` with `M = (P + Q) / 2`.

    Args:
        first: `(..., d)` logits.
        second: The same shape.
        log_base: `e` (0 to 0.6931) or `2` (0 to 1).

    Returns:
        `(...)`, never negative, 0 for equal distributions. float64 for float64 logits, else float32.

    Example:
        >>> import torch
        >>> round(distribution_jsd(torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])).item(), 6)
        0.110944
    """
    first, second = (logits if logits.dtype == torch.float64 else logits.float() for logits in (first, second))
    log_p, log_q = functional.log_softmax(first, dim=-1), functional.log_softmax(second, dim=-1)
    p, q = log_p.exp(), log_q.exp()
    d = log_q - log_p
    # With m = p (1 + e^d) / 2 the sum below equals the definition; its terms are of second order in d, where those of
    # the definition are of first order and cancel.
    small = d.abs() < 1
    near = torch.where(small, d, torch.zeros_like(d))  # the branch not taken must stay finite in the gradient too
    difference = torch.where(small, p * torch.expm1(near), q - p)
    half = d.abs() / 2
    log_cosh = torch.where(
        small, torch.log1p(2 * torch.sinh(near / 4) ** 2), half + torch.log1p(torch.exp(-2 * half)) - math.log(2)
    )
    divergence = (difference * d / 4 - (p + q) * log_cosh / 2).sum(dim=-1).clamp_min(0)
    return divergence / math.log(2) if log_base == "2" else divergence


def jsd_distance(divergence: Tensor, *, epsilon: float = 1e-8, place: EpsilonPlace = "inside") -> Tensor:
    """The root of the JSD, a metric on distributions.

    `inside`: `sqrt(JSD + epsilon)`, finite slope everywhere (our reading of the paper's formula). `outside`:
    `sqrt(JSD) + epsilon`, as printed; the slope at JSD = 0, which is infinite, is taken as 0.

    Example:
        >>> import torch
        >>> jsd_distance(torch.tensor([0.25, 0.0]), epsilon=0.0).tolist()
        [0.5, 0.0]
    """
    inner = divergence + (epsilon if place == "inside" else 0.0)
    positive = inner > 0
    root = torch.where(positive, torch.where(positive, inner, torch.ones_like(inner)).sqrt(), torch.zeros_like(inner))
    return root if place == "inside" else root + epsilon


def embedding_jsd(
    first: Tensor,
    second: Tensor,
    *,
    read: JsdInput = "raw",
    temperature: float = 1.0,
    epsilon: float = 1e-8,
    place: EpsilonPlace = "inside",
    log_base: LogBase = "e",
) -> Tensor:
    """L_JSD: mean over the rows of the root of the JSD between the embeddings of a text and of its translation.

    Embeddings, not similarities, become distributions: `P(z)_k = exp(z_k / t) / sum_j exp(z_j / t)`. Source: equation 6
    of arXiv 2604.05684, which does not say whether z is raw or normalised, where epsilon is, or the base of the
    logarithm. For nearly uniform distributions the value is about `|z1 - z2| / sqrt(8 d)`: with unit vectors roughly a
    thousandth of an InfoNCE term, so `raw` is the default.

    Args:
        first: `(n, d)` embeddings before the model's `Normalize`.
        second: `(n, d)`, row i the translation of row i.
        read: `raw`: as they are. `normalized`: scaled to length 1. `scaled`: scaled to length sqrt(d), the same for
            every model.
        temperature: t above.
        epsilon: Small constant that keeps the slope of the root finite.
        place: Position of epsilon; see `jsd_distance`.
        log_base: Base of the logarithm in the divergence; `2` multiplies the value by 1.2011.

    Returns:
        A scalar, lower is better.

    Example:
        >>> import torch
        >>> text, translation = torch.tensor([[1.0, 2.0, 3.0, 4.0]]), torch.tensor([[4.0, 3.0, 2.0, 1.0]])
        >>> round(embedding_jsd(text, translation, epsilon=0.0).item(), 6)
        0.612763
    """
    check_jsd_options(read, temperature, epsilon, place, log_base)
    logits = [_logits(vectors, read) / temperature for vectors in (first, second)]
    return jsd_distance(distribution_jsd(*logits, log_base=log_base), epsilon=epsilon, place=place).mean()


def check_jsd_options(read: str, temperature: float, epsilon: float, place: str, log_base: str) -> None:
    """Refuses values that `embedding_jsd` cannot use.

    Raises:
        UsageError: An option is unknown or out of range.
    """
    for name, value, choices in (
        ("input of the JSD", read, get_args(JsdInput)),
        ("place of epsilon", place, get_args(EpsilonPlace)),
        ("base of the logarithm", log_base, get_args(LogBase)),
    ):
        if value not in choices:
            raise UsageError(f"unknown {name} {value!r}; expected {one_of(value, choices)}")
    if not temperature > 0:
        raise UsageError(f"the temperature of the JSD is {temperature}, but must be greater than 0")
    if not epsilon >= 0:
        raise UsageError(f"the epsilon of the JSD is {epsilon}, but cannot be negative")


def _logits(vectors: Tensor, read: JsdInput) -> Tensor:
    vectors = vectors if vectors.dtype == torch.float64 else vectors.float()
    if read == "raw":
        return vectors
    return functional.normalize(vectors, dim=-1) * (math.sqrt(vectors.shape[-1]) if read == "scaled" else 1.0)
