"""LaKDA (arXiv 2509.06195), a baseline: InfoNCE, and a KL term between the languages of one query.

Row i of both score matrices is item i: its query in either language against the passages of the batch.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor
from torch.nn import functional

from clinometer.errors import UsageError
from clinometer.losses.columns import Batch, ColumnLoss, positive_number
from clinometer.losses.nce import LEFT_OUT, cosines, info_nce

__all__ = ["LakdaLoss"]


class LakdaLoss(ColumnLoss):
    """Retrieval by a query in one language, and the same distribution of scores for its translation.

    With `p_a` and `p_b` the softmax over the passages of the batch of `cos(query_a, passage)` and `cos(query_b,
    passage)`, without a scale:

    - `nce`: InfoNCE of query_a and its passage, cosines times `scale`, weighted `1 - alpha`;
    - `kl`: `KL(p_b || p_a)`, mean over the rows, gradient through both, weighted `alpha`.

    Cosines without a scale differ by at most 2, so that both distributions are nearly uniform and the second term is
    small. Source: the code published with MIMO (arXiv 2605.31171, repository yjoonjang/MIMO), which trains it as a
    baseline, "following the original formulation". There every row is an item of its own; here rows of one item, in a
    `label` column, are left out of each other's sums.

    Args:
        model: SentenceTransformer model.
        alpha: Weight of the KL term, from 0 to 1.
        scale: Factor of the cosines in InfoNCE.
        gather_across_devices: Take candidates from all devices.

    Requirements:
        1. Columns in this order: query in one language, passage, query in another language. There the passage is in a
           random language; the layout `clear` has the first query and the passage in English.
        2. An integer `label` column with the item's number where an item has several rows.

    Inputs:
        +------------------------------------------------------------------+------------------------------+
        | Texts                                                            | Labels                       |
        +==================================================================+==============================+
        | (query_a, passage, query_b)                                      | none, or the item's number   |
        +------------------------------------------------------------------+------------------------------+

    Relations:
        - `ClearLoss` takes the same columns, compares passages with target-language queries, and scales its KL term.
        - `SimilarityAlignmentLoss` compares the rows of similarities by a symmetric divergence, with a scale.

    Example:
        ::

            from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer
            from clinometer.losses import LakdaLoss
            from clinometer.training.data import parallel_dataset

            model = SentenceTransformer("intfloat/multilingual-e5-small")
            train_dataset = parallel_dataset(["libreoffice-help.jsonl.gz"], ["de"], layout="clear")
            SentenceTransformerTrainer(model=model, train_dataset=train_dataset, loss=LakdaLoss(model)).train()
    """

    def __init__(
        self, model: Any, *, alpha: float = 0.5, scale: float = 20.0, gather_across_devices: bool = False
    ) -> None:
        super().__init__(model, gather_across_devices=gather_across_devices)
        if not 0 <= alpha <= 1:
            raise UsageError(f"alpha is {alpha}, but must lie between 0 and 1")
        self.alpha, self.scale = alpha, positive_number("scale", scale)

    def column_names(self, count: int) -> tuple[str, ...]:  # noqa: D102 - described in the base class
        if count != 3:
            raise UsageError(
                f"LakdaLoss got {count} columns besides label; it takes query_en, passage_en, query_tgt, in this "
                "order: a query, its passage, and the query in another language"
            )
        return ("query_en", "passage_en", "query_tgt")

    def parts_of(self, batch: Batch) -> dict[str, Tensor]:  # noqa: D102
        passages = batch.candidates["passage_en"]
        retrieval = info_nce(
            batch.columns["query_en"], passages, scale=self.scale, own=batch.own, allowed=batch.allowed
        )
        logs_a, logs_b = (
            functional.log_softmax(cosines(batch.columns[name], passages).masked_fill(~batch.allowed, LEFT_OUT), dim=1)
            for name in ("query_en", "query_tgt")
        )
        divergence = functional.kl_div(logs_a, logs_b, reduction="batchmean", log_target=True)
        return {"nce": (1 - self.alpha) * retrieval, "kl": self.alpha * divergence}

    def get_config_dict(self) -> dict[str, Any]:  # noqa: D102
        return {"alpha": self.alpha, "scale": self.scale, **super().get_config_dict()}

    @property
    def citation(self) -> str:
        """The paper, in BibTeX."""
        return """
@misc{yang2025languagebias,
    title = {Language Bias in Information Retrieval: The Nature of the Beast and Mitigation Methods},
    author = {Yang, Jinrui and Jiang, Fan and Baldwin, Timothy},
    year = {2025},
    eprint = {2509.06195},
    archivePrefix = {arXiv},
    url = {https://arxiv.org/abs/2509.06195},
}
"""
