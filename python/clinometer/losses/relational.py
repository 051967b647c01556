"""Relational distillation (ours): every language ranks the batch as a frozen encoder ranks it.

The teacher ranks in the pivot language, or in all languages after a correction such as centering. Neither learns which
passage answers a query, so the topic of the texts matters little; they only bring the languages together.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from clinometer.errors import UsageError
from clinometer.losses.columns import Batch, positive_number, triplet_names
from clinometer.losses.nce import LEFT_OUT, cosines
from clinometer.losses.teacher import TaughtLoss

__all__ = ["Corrected", "RelationalDistillationLoss"]


class Corrected(Protocol):
    """What a teacher's embeddings are corrected by: any `clinometer.correction.Correction`."""

    def apply(self, vectors: Any, languages: Sequence[str | None]) -> Any:
        """Corrected passages."""

    def apply_queries(self, vectors: Any, languages: Sequence[str | None]) -> Any:
        """Corrected queries."""

    def describe(self) -> dict[str, Any]:
        """A record, as JSON values."""


class RelationalDistillationLoss(TaughtLoss):
    """Pulls the similarity rows of all languages to the rows of a frozen encoder (ours).

    **Pivot** (the default). The teacher's row of an English text x is `t = softmax_c(scale cos(x, c))` over the English
    passages c of the batch. The student's row of x, or of its translation, is `p = softmax_d(scale cos(x, d))` over the
    passages of both languages. The target of each of a passage's two versions is half of the passage's share, and the
    loss is the divergence `KL(target || p)`, 0 where every text is as similar to a passage as to its translation, and
    ranks passages as the teacher ranks them in English. Rows of queries are over all passages, rows of passages over
    those of other groups. The two kinds are averaged.

    **Corrected** (`correction`). The target row of a text in any language is the teacher's own, over the passages of
    all languages in the batch, with the teacher's embeddings corrected: `softmax_d(scale cos(C x, C d))`. With
    centering as C the student learns to do without knowing languages what centering does if it knows them, and to rank
    within a language as the encoder does. Translations are not required: pairs of texts in one language each will do.

    An InfoNCE loss teaches which passage answers which query, from texts that may be far from those that are searched;
    this one only requires that languages agree.

    Args:
        model: SentenceTransformer model, the student.
        teacher: Another SentenceTransformer with the same tokenizer, which is frozen in place; None copies the model as
            it is now. To resume an interrupted run, create the loss before the checkpoint is loaded.
        scale: Factor of the cosines of teacher and student before the softmax.
        weight: Factor of the loss.
        correction: Correction of the teacher's embeddings, such as a fitted `clinometer.correction.Center`.
        languages: With a correction, the languages that the label column counts, the pivot first.

    Requirements:
        1. Columns in this order: English query, English passage, target passage, and optionally the target query.
        2. An integer `label` column with the item's number where an item has several rows. With a correction it has
           two numbers for each row: that of the item, and the position in `languages` of the row's language.
        3. Memory for a second model.

    Inputs:
        +---------------------------------------------------------------+------------------------------+
        | Texts                                                         | Labels                       |
        +===============================================================+==============================+
        | (query_en, passage_en, passage_tgt) triplets                  | none, or the item's number   |
        +---------------------------------------------------------------+------------------------------+
        | (query_en, passage_en, passage_tgt, query_tgt) quadruplets    | none, or the item's number   |
        +---------------------------------------------------------------+------------------------------+
        | with a correction also (query, passage) pairs, and the above  | item's and language's number |
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

    def __init__(
        self,
        model: Any,
        teacher: Any = None,
        *,
        scale: float = 50.0,
        weight: float = 1.0,
        correction: Corrected | None = None,
        languages: Sequence[str] = (),
    ) -> None:
        super().__init__(model, teacher)
        self.scale, self.weight = positive_number("scale", scale), positive_number("weight", weight)
        if correction is not None and not languages:
            raise UsageError("a correction needs the languages that the label column counts; give languages")
        self.correction, self.languages = correction, tuple(languages)

    def column_names(self, count: int) -> tuple[str, ...]:  # noqa: D102 - described in the base class
        if self.correction is not None and count == 2:
            return ("query", "passage")
        return triplet_names("RelationalDistillationLoss", count)

    def taught_columns(self, names: Sequence[str]) -> tuple[str, ...]:  # noqa: D102
        return ("query_en", "passage_en") if self.correction is None else tuple(names)

    def compute_loss_from_embeddings(
        self,
        embeddings: Sequence[Tensor | None],
        labels: Tensor | None = None,
        *,
        targets: Sequence[Tensor] | None = None,
    ) -> dict[str, Tensor]:
        """The loss from the student's raw embeddings, and the teacher's of the columns in `taught_columns`."""
        columns = self._named(embeddings)
        if self.correction is not None:
            return self._corrected_parts(self.correction, columns, labels, self.checked(targets, len(columns)))
        query, passage = self.checked(targets, 2)
        with torch.autocast(query.device.type, enabled=False):
            batch = self._batch(columns, labels)
            queries = self._divergence(batch, query, passage, ("query_en", "query_tgt"), among=None)
            passages = self._divergence(batch, passage, passage, ("passage_en", "passage_tgt"), among=batch.others)
            return {"queries": self.weight * queries / 2, "passages": self.weight * passages / 2}

    def get_config_dict(self) -> dict[str, Any]:  # noqa: D102
        record = {"scale": self.scale, "weight": self.weight, **super().get_config_dict()}
        if self.correction is not None:
            record |= {"correction": self.correction.describe(), "languages": list(self.languages)}
        return record

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

    def _corrected_parts(
        self,
        correction: Corrected,
        columns: dict[str, Tensor],
        labels: Tensor | None,
        targets: Sequence[Tensor],
    ) -> dict[str, Tensor]:
        groups, codes = self._groups_and_codes(labels, next(iter(columns.values())))
        with torch.autocast(groups.device.type, enabled=False):
            batch = self._batch(columns, groups)
            taught = {
                name: self._correct(correction, target, name, codes).to(columns[name].dtype)
                for name, target in zip(columns, targets, strict=True)
            }
            passages = [name for name in columns if name.startswith("passage")]
            terms: dict[str, list[Tensor]] = {"queries": [], "passages": []}
            for name, texts in columns.items():
                kind, among = ("passages", batch.others) if name in passages else ("queries", None)
                target_row = self._row(taught[name], [taught[passage] for passage in passages], among)
                row = self._row(texts, [batch.candidates[passage] for passage in passages], among)
                terms[kind].append(functional.kl_div(row, target_row, reduction="batchmean", log_target=True))
            return {kind: self.weight * torch.stack(values).mean() / 2 for kind, values in terms.items()}

    def _groups_and_codes(self, labels: Tensor | None, texts: Tensor) -> tuple[Tensor, Tensor]:
        """The item and the position of the language of each row."""
        if labels is None or labels.shape != (len(texts), 2) or labels.is_floating_point():
            shape = "none" if labels is None else f"{labels.dtype} of shape {tuple(labels.shape)}"
            raise UsageError(
                f"with a correction the label column should hold two whole numbers for each of the {len(texts)} rows, "
                f"the item's and its language's, but gave {shape}"
            )
        groups, codes = labels.to(texts.device).T
        if codes.min() < 0 or codes.max() >= len(self.languages):
            raise UsageError(
                f"the label column counts languages from {codes.min()} to {codes.max()}, but there are "
                f"{len(self.languages)}: {', '.join(self.languages)}"
            )
        return groups, codes

    def _correct(self, correction: Corrected, vectors: Tensor, name: str, codes: Tensor) -> Tensor:
        """The teacher's embeddings of a column after the correction."""
        places = [0] * len(codes) if name.endswith("_en") else codes.tolist()
        languages = [self.languages[place] for place in places]
        apply = correction.apply if name.startswith("passage") else correction.apply_queries
        rows = apply(np.asarray(vectors.detach().float().cpu()), languages)
        return torch.from_numpy(np.array(rows)).to(vectors.device)

    def _row(self, texts: Tensor, blocks: Sequence[Tensor], among: Tensor | None) -> Tensor:
        scores = self.scale * cosines(texts, torch.cat(list(blocks)))
        if among is not None:
            scores = scores.masked_fill(~torch.cat([among] * len(blocks), dim=1), LEFT_OUT)
        return scores.log_softmax(dim=-1)
