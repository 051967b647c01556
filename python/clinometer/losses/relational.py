"""Relational distillation (ours): every language ranks the batch as the frozen encoder ranks it in the pivot language.

It does not learn which passage answers a query, so the topic of the texts matters little; it only brings the languages
together.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from clinometer.losses.columns import Batch, positive_number, triplet_names
from clinometer.losses.nce import LEFT_OUT, cosines
from clinometer.losses.teacher import TaughtLoss

__all__ = ["RelationalDistillationLoss"]


class RelationalDistillationLoss(TaughtLoss):
    """Pulls the similarity rows of both languages to the rows of a frozen encoder in the pivot language (ours).

    The teacher's row of an English text x is `t = softmax_c(scale cos(x, c))` over the English passages c of the batch.
    The student's row of x, or of its translation, is `p = softmax_d(scale cos(x, d))` over the passages of both
    languages. The target of each of a passage's two versions is half of the passage's share, and the loss is the
    divergence `KL(target || p)`, 0 where every text is as similar to a passage as to its translation, and ranks
    passages as the teacher ranks them in English. Rows of queries are over all passages, rows of passages over those of
    other groups. The two kinds are averaged.

    An InfoNCE loss teaches which passage answers which query, from texts that may be far from those that are searched;
    this one only requires that languages agree.

    Args:
        model: SentenceTransformer model, the student.
        teacher: Another SentenceTransformer with the same tokenizer, which is frozen in place; None copies the model as
            it is now. To resume an interrupted run, create the loss before the checkpoint is loaded.
        scale: Factor of the cosines of teacher and student before the softmax.
        weight: Factor of the loss.

    Requirements:
        1. Columns in this order: English query, English passage, target passage, and optionally the target query.
        2. An integer `label` column with the item's number where an item has several rows.
        3. Memory for a second model.

    Inputs:
        +---------------------------------------------------------------+------------------------------+
        | Texts                                                         | Labels                       |
        +===============================================================+==============================+
        | (query_en, passage_en, passage_tgt) triplets                  | none, or the item's number   |
        +---------------------------------------------------------------+------------------------------+
        | (query_en, passage_en, passage_tgt, query_tgt) quadruplets    | none, or the item's number   |
        +---------------------------------------------------------------+------------------------------+

    Relations:
        - `DistillationLoss` compares embeddings with those of the teacher, not similarities.
        - `SimilarityAlignmentLoss` compares the rows of the two languages with each other, without a teacher.
        - `DistillKLDivLoss` of sentence-transformers takes a teacher's scores of fixed candidates as labels.

    Example:
        ::

            from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer
            from clinometer.losses import RelationalDistillationLoss
            from clinometer.training.data import parallel_dataset

            model = SentenceTransformer("intfloat/multilingual-e5-small")
            train_dataset = parallel_dataset(["libreoffice-help.jsonl.gz"], ["de"], layout="alignment+query")
            loss = RelationalDistillationLoss(model)
            SentenceTransformerTrainer(model=model, train_dataset=train_dataset, loss=loss).train()
    """

    def __init__(self, model: Any, teacher: Any = None, *, scale: float = 50.0, weight: float = 1.0) -> None:
        super().__init__(model, teacher)
        self.scale, self.weight = positive_number("scale", scale), positive_number("weight", weight)

    def column_names(self, count: int) -> tuple[str, ...]:  # noqa: D102 - described in the base class
        return triplet_names("RelationalDistillationLoss", count)

    def taught_columns(self, names: Sequence[str]) -> tuple[str, ...]:  # noqa: ARG002, D102
        return ("query_en", "passage_en")

    def compute_loss_from_embeddings(
        self,
        embeddings: Sequence[Tensor | None],
        labels: Tensor | None = None,
        *,
        targets: Sequence[Tensor] | None = None,
    ) -> dict[str, Tensor]:
        """The loss from the student's raw embeddings, and the teacher's of English queries and English passages."""
        columns = self._named(embeddings)
        query, passage = self.checked(targets, 2)
        with torch.autocast(query.device.type, enabled=False):
            batch = self._batch(columns, labels)
            queries = self._divergence(batch, query, passage, ("query_en", "query_tgt"), among=None)
            passages = self._divergence(batch, passage, passage, ("passage_en", "passage_tgt"), among=batch.others)
            return {"queries": self.weight * queries / 2, "passages": self.weight * passages / 2}

    def get_config_dict(self) -> dict[str, Any]:  # noqa: D102
        return {"scale": self.scale, "weight": self.weight, **super().get_config_dict()}

    @property
    def citation(self) -> str:
        """Source of relational distillation; the loss itself is ours."""
        return """
@inproceedings{park2019relational,
    title = {Relational Knowledge Distillation},
    author = {Park, Wonpyo and Kim, Dongju and Lu, Yan and Cho, Minsu},
    booktitle = {Proceedings of the IEEE/CVF Conference on Computer Vision and Pattern Recognition},
    year = {2019},
    url = {https://arxiv.org/abs/1904.05068},
}
"""

    def _divergence(
        self, batch: Batch, taught_texts: Tensor, passages: Tensor, names: tuple[str, str], among: Tensor | None
    ) -> Tensor:
        """Mean `KL(target || row)` of the named columns; `among` is the mask of passages that a row is over."""
        own = self._row(taught_texts, [passages], among).to(batch.columns["passage_en"].dtype)
        target = torch.cat([own, own], dim=1) - math.log(2)
        blocks = [batch.candidates["passage_en"], batch.candidates["passage_tgt"]]
        terms = [
            functional.kl_div(
                self._row(batch.columns[name], blocks, among), target, reduction="batchmean", log_target=True
            )
            for name in names
            if name in batch.columns
        ]
        return torch.stack(terms).mean()

    def _row(self, texts: Tensor, blocks: Sequence[Tensor], among: Tensor | None) -> Tensor:
        scores = self.scale * cosines(texts, torch.cat(list(blocks)))
        if among is not None:
            scores = scores.masked_fill(~torch.cat([among] * len(blocks), dim=1), LEFT_OUT)
        return scores.log_softmax(dim=-1)
