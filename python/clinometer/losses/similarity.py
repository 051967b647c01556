"""Similarity-distribution alignment (ours): a text and its translation should be similar to the same texts.

Where L_JSD compares embeddings, this compares rows of in-batch similarities, so a language may lie elsewhere in the
space as long as its texts rank the pool alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from clinometer.losses.columns import Batch, ColumnLoss, positive_number, triplet_names
from clinometer.losses.jsd import distribution_jsd, jsd_distance
from clinometer.losses.nce import LEFT_OUT, cosines

__all__ = ["SimilarityAlignmentLoss", "similarity_jsd"]


def similarity_jsd(
    batch: Batch, *, scale: float = 20.0, root: bool = False, epsilon: float = 1e-8, fixed_pivot: bool = False
) -> Tensor:
    """Mean JSD between the similarity rows of English texts and those of their translations.

    The row of a text x is `softmax_c(scale cos(x, c))` over the passages of the batch in both languages. A passage's
    row leaves out the passages of its own group, as its similarity to itself is always 1. Queries, if both languages
    have one, are compared over all passages.

    Args:
        batch: Embeddings of the columns `passage_en`, `passage_tgt` and optionally `query_en`, `query_tgt`.
        scale: The inverse of the temperature.
        root: Take the root of each row's JSD, as L_JSD does.
        epsilon: Constant under the root.
        fixed_pivot: The English rows are targets that get no gradient.

    Returns:
        A scalar between 0 and 0.6931 (its root if `root`), lower is better.
    """
    passages = torch.cat([batch.candidates["passage_en"], batch.candidates["passage_tgt"]])
    other_groups = torch.cat([batch.others, batch.others], dim=1)
    terms = []
    for english, target, allowed in (("passage_en", "passage_tgt", other_groups), ("query_en", "query_tgt", None)):
        if target not in batch.columns:
            continue
        rows = [scale * cosines(batch.columns[name], passages) for name in (english, target)]
        if fixed_pivot:
            rows[0] = rows[0].detach()
        if allowed is not None:
            rows = [row.masked_fill(~allowed, LEFT_OUT) for row in rows]
        divergence = distribution_jsd(rows[0], rows[1])
        terms.append((jsd_distance(divergence, epsilon=epsilon) if root else divergence).mean())
    return torch.stack(terms).mean()


class SimilarityAlignmentLoss(ColumnLoss):
    """Makes a text and its translation equally similar to the other texts of the batch (ours).

    For each item the cosines of the English passage to the other passages of the batch, in both languages, become a
    distribution by softmax; so do those of its translation; the loss is their Jensen-Shannon divergence. With target
    queries the rows of the two queries over all passages are compared as well, and the mean is taken.

    It does not learn which passage answers a query: combine it with an InfoNCE term
    (`CrossLingualAlignmentLoss(parts="pool+sim")` is both on one embedding pass).

    Args:
        model: SentenceTransformer model.
        scale: Factor of the cosines before the softmax.
        root: Take the root of each row's divergence.
        epsilon: Constant under the root.
        fixed_pivot: The English rows are targets that get no gradient, so that only the other language moves.
        weight: Factor of the loss.
        gather_across_devices: Compare over the passages of all devices.

    Requirements:
        1. Columns in this order: English query, English passage, target passage, and optionally the target query.
        2. An integer `label` column with the item's number where an item has several rows.
        3. Batches of three items or more; with one item there is nothing to compare and the loss is 0.

    Inputs:
        +---------------------------------------------------------------+------------------------------+
        | Texts                                                         | Labels                       |
        +===============================================================+==============================+
        | (query_en, passage_en, passage_tgt) triplets                  | none, or the item's number   |
        +---------------------------------------------------------------+------------------------------+
        | (query_en, passage_en, passage_tgt, query_tgt) quadruplets    | none, or the item's number   |
        +---------------------------------------------------------------+------------------------------+

    Relations:
        - `CrossLingualAlignmentLoss` has this term as its part `sim`.
        - `DistillKLDivLoss` of sentence-transformers pulls similarity rows towards those of a teacher model.

    Example:
        ::

            from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer
            from clinometer.losses import CombinedLoss, CrossLingualAlignmentLoss, SimilarityAlignmentLoss

            model = SentenceTransformer("intfloat/multilingual-e5-small")
            loss = CombinedLoss(model, {
                "alignment": CrossLingualAlignmentLoss(model, parts="nce"),
                "rows": SimilarityAlignmentLoss(model, fixed_pivot=True),
            })
            SentenceTransformerTrainer(model=model, train_dataset=train_dataset, loss=loss).train()
    """

    def __init__(
        self,
        model: Any,
        *,
        scale: float = 20.0,
        root: bool = False,
        epsilon: float = 1e-8,
        fixed_pivot: bool = False,
        weight: float = 1.0,
        gather_across_devices: bool = False,
    ) -> None:
        super().__init__(model, gather_across_devices=gather_across_devices)
        self.scale, self.weight = positive_number("scale", scale), positive_number("weight", weight)
        self.epsilon = positive_number("epsilon", epsilon)
        self.root, self.fixed_pivot = root, fixed_pivot

    def column_names(self, count: int) -> tuple[str, ...]:  # noqa: D102 - described in the base class
        return triplet_names("SimilarityAlignmentLoss", count)

    def columns_used(self, names: Sequence[str]) -> set[str]:  # noqa: D102
        return set(names) if "query_tgt" in names else {"passage_en", "passage_tgt"}

    def parts_of(self, batch: Batch) -> dict[str, Tensor]:  # noqa: D102
        value = similarity_jsd(
            batch, scale=self.scale, root=self.root, epsilon=self.epsilon, fixed_pivot=self.fixed_pivot
        )
        return {"sim": self.weight * value}

    def get_config_dict(self) -> dict[str, Any]:  # noqa: D102
        return {
            "scale": self.scale,
            "root": self.root,
            "epsilon": self.epsilon,
            "fixed_pivot": self.fixed_pivot,
            "weight": self.weight,
            **super().get_config_dict(),
        }

    @property
    def citation(self) -> str:
        """Source of the divergence and its metric root; the loss itself is ours."""
        return """
@article{endres2003metric,
    title = {A new metric for probability distributions},
    author = {Endres, Dominik M. and Schindelin, Johannes E.},
    journal = {IEEE Transactions on Information Theory},
    volume = {49},
    number = {7},
    pages = {1858--1860},
    year = {2003},
}
"""
