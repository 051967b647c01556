"""Mean squared error to a frozen teacher, by default to the model as it was before training.

The teacher is frozen, without dropout, and reads the same inputs as the student.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional

from clinometer.errors import UsageError
from clinometer.losses.columns import own_width, positive_number, triplet_names
from clinometer.losses.teacher import TaughtLoss

__all__ = ["DistillationLoss"]


class DistillationLoss(TaughtLoss):
    """Keeps embeddings near those of a frozen teacher: a baseline, and a guard against what alignment breaks.

    - `target="self"`: every text is pulled to the teacher's embedding of that text. With the model's own initial state
      as teacher this preserves retrieval.
    - `target="pivot"`: a translation is pulled to the teacher's embedding of the English text, the English text to its
      own: multilingual distillation.

    Args:
        model: SentenceTransformer model, the student.
        teacher: Another SentenceTransformer with the same tokenizer, which is frozen in place; None copies the model as
            it is now. To resume an interrupted run, create the loss before the checkpoint is loaded.
        target: `self` or `pivot`.
        embedding: `normalized` compares unit vectors, `raw` those before the model's `Normalize`.
        over_dimensions: `mean` divides by the dimension, as mean squared error does; `sum` does not: between unit
            vectors it is 2 - 2 cos.
        weight: Factor of the loss.

    Requirements:
        1. Teacher and student have the same tokenizer and dimension.
        2. For `pivot`, columns in this order: English query, English passage, target passage, and optionally the target
           query. For `self`, any columns.
        3. Memory for a second model. The teacher is not saved with the student.
        4. Inside `MatryoshkaLoss`, the beginning of an embedding is pulled to the beginning of the teacher's.

    Inputs:
        +---------------------------------------------------------------+----------------------+
        | Texts                                                         | Labels               |
        +===============================================================+======================+
        | `self`: any number of columns                                 | none (not used)      |
        +---------------------------------------------------------------+----------------------+
        | `pivot`: (query_en, passage_en, passage_tgt[, query_tgt])     | none (not used)      |
        +---------------------------------------------------------------+----------------------+

    Relations:
        - `MSELoss` of sentence-transformers takes the teacher's embeddings as labels, computed beforehand: use it where
          the tokenizers differ.
        - `CombinedLoss` adds this loss to an alignment loss on the same columns.

    Example:
        ::

            from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer
            from clinometer.losses import DistillationLoss

            model = SentenceTransformer("intfloat/multilingual-e5-small")
            loss = DistillationLoss(model, target="pivot")
            SentenceTransformerTrainer(model=model, train_dataset=train_dataset, loss=loss).train()
    """

    def __init__(
        self,
        model: Any,
        teacher: Any = None,
        *,
        target: Literal["self", "pivot"] = "self",
        embedding: Literal["normalized", "raw"] = "normalized",
        over_dimensions: Literal["mean", "sum"] = "mean",
        weight: float = 1.0,
    ) -> None:
        super().__init__(model, teacher)
        for name, value, choices in (
            ("target", target, ("self", "pivot")),
            ("embedding", embedding, ("normalized", "raw")),
            ("over_dimensions", over_dimensions, ("mean", "sum")),
        ):
            if value not in choices:
                raise UsageError(f"{name} is {value!r}, but must be {' or '.join(choices)}")
        self.target, self.embedding, self.over_dimensions = target, embedding, over_dimensions
        self.weight = positive_number("weight", weight)

    def column_names(self, count: int) -> tuple[str, ...]:  # noqa: D102 - described in the base class
        if self.target == "pivot":
            return triplet_names("DistillationLoss(target='pivot')", count)
        if count < 1:
            raise UsageError(f"DistillationLoss(target='self') got {count} columns besides label; it takes one or more")
        return tuple(f"column_{number}" for number in range(1, count + 1))

    def taught_columns(self, names: Sequence[str]) -> tuple[str, ...]:  # noqa: D102 - described in the base class
        return tuple(names) if self.target == "self" else tuple(f"{name.partition('_')[0]}_en" for name in names)

    def compute_loss_from_embeddings(
        self,
        embeddings: Sequence[Tensor | None],
        labels: Tensor | None = None,
        *,
        targets: Sequence[Tensor] | None = None,
    ) -> dict[str, Tensor]:
        """The loss from raw embeddings of the student and, for each column, the raw target of the teacher."""
        del labels  # there are no negatives here
        columns = self._named(embeddings)
        terms = []
        for (name, vectors), target_vectors in zip(columns.items(), self.checked(targets, len(columns)), strict=True):
            if vectors.shape[-1] < target_vectors.shape[-1] == own_width(self.model):
                target_vectors = target_vectors[..., : vectors.shape[-1]]  # inside MatryoshkaLoss
            if vectors.shape != target_vectors.shape:
                raise UsageError(
                    f"{name} has embeddings of shape {tuple(vectors.shape)}, the teacher's "
                    f"{tuple(target_vectors.shape)}; teacher and student need the same dimension"
                )
            terms.append(self._distance(vectors, target_vectors.to(vectors.dtype)))
        return {"distillation": self.weight * torch.stack(terms).mean()}

    def get_config_dict(self) -> dict[str, Any]:  # noqa: D102
        return {
            "target": self.target,
            "embedding": self.embedding,
            "over_dimensions": self.over_dimensions,
            "weight": self.weight,
            **super().get_config_dict(),
        }

    @property
    def citation(self) -> str:
        """The paper on multilingual distillation, in BibTeX."""
        return """
@inproceedings{reimers2020multilingual,
    title = {Making Monolingual Sentence Embeddings Multilingual using Knowledge Distillation},
    author = {Reimers, Nils and Gurevych, Iryna},
    booktitle = {Proceedings of the 2020 Conference on Empirical Methods in Natural Language Processing},
    year = {2020},
    url = {https://arxiv.org/abs/2004.09813},
}
"""

    def _distance(self, vectors: Tensor, target_vectors: Tensor) -> Tensor:
        if self.embedding == "normalized":
            vectors = functional.normalize(vectors, dim=-1)
            target_vectors = functional.normalize(target_vectors, dim=-1)
        squares = (vectors - target_vectors) ** 2
        return squares.mean() if self.over_dimensions == "mean" else squares.sum(dim=-1).mean()
