"""CLEAR (arXiv 2604.05821), a baseline: InfoNCE from the English query, InfoNCE back to target queries, and a KL term.

Both score matrices have the same shape, row i for item i: passages against the English query, target-language queries
against the English passage.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from clinometer.errors import UsageError
from clinometer.losses.columns import Batch, ColumnLoss, positive_number
from clinometer.losses.nce import LEFT_OUT, cosines

__all__ = ["ClearLoss"]


class ClearLoss(ColumnLoss):
    """Retrieval in English and "reverse" retrieval of target queries by the English passage, kept consistent.

    With `S_f = scale cos(query_en, [passage_en; negatives])` and `S_r = scale cos(passage_en, [query_tgt;
    neg_queries])`, all candidates of the batch in the columns:

    - `forward`: cross entropy of S_f with the own passage as the correct class, weighted `1 - alpha - beta`;
    - `reverse`: cross entropy of S_r with the own target-language query as the correct class, weighted `alpha`;
    - `kl`: `KL(softmax(S_r) || softmax(S_f))`, mean over the rows, gradient through both, weighted `beta`.

    `beta=0` is the variant without KL, `(1 - alpha) forward + alpha reverse`. Source: the published code of the paper.

    Args:
        model: SentenceTransformer model.
        alpha: Weight of the reverse term.
        beta: Weight of the KL term.
        scale: Factor of the cosines.
        gather_across_devices: Take candidates from all devices.

    Requirements:
        1. Columns in this order: English query, English passage, n English hard negatives, target-language query, n
           target-language negative queries. n may be 0, and is the same for both, as the two matrices are compared.
        2. An integer `label` column with the item's number where an item has several rows.

    Inputs:
        +------------------------------------------------------------------+------------------------------+
        | Texts                                                            | Labels                       |
        +==================================================================+==============================+
        | (query_en, passage_en, query_tgt)                                | none, or the item's number   |
        +------------------------------------------------------------------+------------------------------+
        | (query_en, passage_en, negative_1, ..., negative_n,              | none, or the item's number   |
        | query_tgt, neg_query_1, ..., neg_query_n)                        |                              |
        +------------------------------------------------------------------+------------------------------+

    Recommendations:
        - `clinometer.training.mining.with_hard_negatives` adds the negatives in this order; the paper uses 5, from
          ranks 50 to 100.

    Relations:
        - `CrossLingualAlignmentLoss` anchors on the target-language passage instead, with English queries.

    Example:
        ::

            from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer
            from clinometer.losses import ClearLoss
            from clinometer.training.data import parallel_dataset

            model = SentenceTransformer("intfloat/multilingual-e5-small")
            train_dataset = parallel_dataset(["libreoffice-help.jsonl.gz"], ["de"], layout="clear")
            SentenceTransformerTrainer(model=model, train_dataset=train_dataset, loss=ClearLoss(model)).train()
    """

    def __init__(
        self,
        model: Any,
        *,
        alpha: float = 0.4,
        beta: float = 0.2,
        scale: float = 20.0,
        gather_across_devices: bool = False,
    ) -> None:
        super().__init__(model, gather_across_devices=gather_across_devices)
        if alpha < 0 or beta < 0 or alpha + beta > 1:
            raise UsageError(f"alpha is {alpha} and beta {beta}, but neither can be negative, nor their sum above 1")
        self.alpha, self.beta, self.scale = alpha, beta, positive_number("scale", scale)

    def column_names(self, count: int) -> tuple[str, ...]:  # noqa: D102 - described in the base class
        if count < 3 or count % 2 == 0:
            raise UsageError(
                f"ClearLoss got {count} columns besides label; it takes query_en, passage_en, negative_1 to "
                "negative_n, query_tgt, neg_query_1 to neg_query_n, in this order, with equally many negatives of each "
                "kind: 3 columns, or 5, 7, ..."
            )
        numbers = range(1, (count - 3) // 2 + 1)
        return (
            "query_en",
            "passage_en",
            *(f"negative_{number}" for number in numbers),
            "query_tgt",
            *(f"neg_query_{number}" for number in numbers),
        )

    def parts_of(self, batch: Batch) -> dict[str, Tensor]:  # noqa: D102
        forward = self._scores(batch, "query_en", "passage_en", "negative_")
        reverse = self._scores(batch, "passage_en", "query_tgt", "neg_query_")
        parts = {
            "forward": (1 - self.alpha - self.beta) * functional.cross_entropy(forward, batch.own),
            "reverse": self.alpha * functional.cross_entropy(reverse, batch.own),
        }
        if self.beta:
            logs_f, logs_r = functional.log_softmax(forward, dim=1), functional.log_softmax(reverse, dim=1)
            parts["kl"] = self.beta * functional.kl_div(logs_f, logs_r, reduction="batchmean", log_target=True)
        return parts

    def get_config_dict(self) -> dict[str, Any]:  # noqa: D102
        return {"alpha": self.alpha, "beta": self.beta, "scale": self.scale, **super().get_config_dict()}

    @property
    def citation(self) -> str:
        """The paper, in BibTeX."""
        return """
@misc{clear2026,
    title = {CLEAR},
    year = {2026},
    eprint = {2604.05821},
    archivePrefix = {arXiv},
    url = {https://arxiv.org/abs/2604.05821},
}
"""

    def _scores(self, batch: Batch, anchor: str, positive: str, negative: str) -> Tensor:
        negatives = [vectors for name, vectors in batch.candidates.items() if name.startswith(negative)]
        scores = self.scale * cosines(batch.columns[anchor], torch.cat([batch.candidates[positive], *negatives]))
        allowed = torch.cat([batch.allowed] + [torch.ones_like(batch.allowed)] * len(negatives), dim=1)
        return scores.masked_fill(~allowed, LEFT_OUT)
