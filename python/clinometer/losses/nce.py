"""InfoNCE terms over the texts of one batch, in which translations of one group are never each other's negatives.

All similarities are cosines, so the length of an embedding does not matter.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["LEFT_OUT", "cosines", "group_masks", "info_nce", "pooled_nce"]

LEFT_OUT = -1e4  # the score of a candidate that is left out: exp of it is 0 in float32, and unlike -inf it is finite


def cosines(first: Tensor, second: Tensor) -> Tensor:
    """`(n, m)` cosine similarities of the rows."""
    return functional.normalize(first, dim=-1) @ functional.normalize(second, dim=-1).T


def group_masks(groups: Tensor, candidate_groups: Tensor, own: Tensor) -> tuple[Tensor, Tensor]:
    """Masks of the candidates: `allowed` (the own one and those of other groups) and `others` (other groups only).

    Args:
        groups: `(n,)` group of each anchor.
        candidate_groups: `(m,)` group of each candidate.
        own: `(n,)` position of each anchor's own candidate.

    Returns:
        Two `(n, m)` boolean tensors.

    Example:
        >>> import torch
        >>> groups = torch.tensor([7, 7, 8])
        >>> group_masks(groups, groups, torch.arange(3))[0].int().tolist()
        [[1, 0, 1], [0, 1, 1], [1, 1, 1]]
    """
    others = groups[:, None] != candidate_groups[None, :]
    allowed = others.clone()
    allowed[torch.arange(len(own), device=own.device), own] = True
    return allowed, others


def info_nce(
    anchors: Tensor,
    candidates: Tensor,
    *,
    scale: float = 20.0,
    own: Tensor | None = None,
    allowed: Tensor | None = None,
) -> Tensor:
    """InfoNCE: mean over the anchors of `-log(exp(s cos(a_i, c_i)) / sum_j exp(s cos(a_i, c_j)))`.

    With target-language passages as anchors and their English queries as candidates this is L_NCE of arXiv 2604.05684;
    the paper shows no temperature: `scale=1` is its literal form, 20 the usual one.

    Args:
        anchors: `(n, d)`.
        candidates: `(m, d)`.
        scale: s, the inverse of the temperature.
        own: `(n,)` position of each anchor's positive; row i for anchor i by default.
        allowed: `(n, m)`, False where a candidate is excluded from the sum; none is by default.

    Returns:
        A scalar, 0 at best, `log(m)` for equal similarities.

    Example:
        >>> import torch
        >>> passages, queries = torch.eye(2), torch.tensor([[0.8, 0.6], [0.6, 0.8]])
        >>> round(info_nce(passages, queries, scale=1.0).item(), 6), round(info_nce(passages, queries).item(), 5)
        (0.598139, 0.01815)
    """
    scores = scale * cosines(anchors, candidates)
    if allowed is not None:
        scores = scores.masked_fill(~allowed, -torch.inf)
    return functional.cross_entropy(scores, torch.arange(len(anchors), device=anchors.device) if own is None else own)


def pooled_nce(
    anchors: Tensor,
    blocks: Sequence[Tensor],
    *,
    own: Tensor,
    others: Tensor,
    negatives: Sequence[Tensor] = (),
    scale: float = 20.0,
) -> Tensor:
    """InfoNCE of each anchor against the documents of all languages at once (ours).

    Every block holds each item's document in one language, so an anchor has one positive per block. Each positive
    competes with the documents of other groups in all blocks; the anchor's other positives stay out of the sum.

    Args:
        anchors: `(n, d)`, such as queries.
        blocks: `(m, d)` tensors, one for each language.
        own: `(n,)` position of each anchor's item in every block.
        others: `(n, m)`, True where an item is of another group.
        negatives: Additional `(m, d)` tensors: hard negatives of each item. Those of the anchor's own group, which were
            chosen for it, compete as well.
        scale: The inverse of the temperature.

    Returns:
        A scalar: the mean over anchors and positives.
    """
    allowed = others.clone()
    allowed[torch.arange(len(own), device=own.device), own] = True
    candidates = torch.cat([*blocks, *negatives])
    all_allowed = torch.ones_like(others)
    size = others.shape[1]
    terms = [
        info_nce(
            anchors,
            candidates,
            scale=scale,
            own=own + size * positive_block,
            allowed=torch.cat(
                [allowed if block == positive_block else others for block in range(len(blocks))]
                + [all_allowed] * len(negatives),
                dim=1,
            ),
        )
        for positive_block in range(len(blocks))
    ]
    return torch.stack(terms).mean()
