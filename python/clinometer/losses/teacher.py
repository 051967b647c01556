"""What losses with a teacher share: the frozen teacher, and its embeddings of a batch.

The teacher is frozen, without dropout, reads the same inputs as the student, and is not saved.
"""

from __future__ import annotations

import copy
import operator
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from clinometer.errors import UsageError
from clinometer.losses.columns import Batch, ColumnLoss, embed_raw

__all__ = ["TaughtLoss"]


class TaughtLoss(ColumnLoss):
    """Base of the losses that compare a model with a frozen one, by default its own initial state.

    A subclass defines which columns the teacher reads (`taught_columns`) and takes the teacher's embeddings of them as
    `targets` of `compute_loss_from_embeddings`.

    Args:
        model: SentenceTransformer model, the student.
        teacher: Another SentenceTransformer with the same tokenizer, which is frozen in place; None copies the model as
            it is now.

    Raises:
        UsageError: The tokenizers differ.
    """

    def __init__(self, model: Any, teacher: Any = None) -> None:
        super().__init__(model)
        if teacher is not None:
            _check_tokenizers(model, teacher)
        self.own_first_state = teacher is None
        self.teacher: nn.Module = copy.deepcopy(model) if teacher is None else teacher
        self.teacher.requires_grad_(False).eval()
        self._last_inputs: list[Tensor] = []
        self._last_taught: list[Tensor] = []

    def train(self, mode: bool = True) -> TaughtLoss:
        """Set the mode as for any module, but keep the teacher in evaluation mode."""
        super().train(mode)
        self.teacher.eval()
        return self

    def taught_columns(self, names: Sequence[str]) -> tuple[str, ...]:
        """The columns that the teacher reads, one for each target."""
        raise NotImplementedError

    def parts_from(  # noqa: D102
        self, embeddings: Sequence[Tensor | None], labels: Tensor | None, taught: Sequence[Tensor]
    ) -> dict[str, Tensor]:
        return self.compute_loss_from_embeddings(embeddings, labels, targets=taught)

    def teach(self, features: Sequence[Mapping[str, Any]]) -> list[Tensor]:
        """The teacher's raw embeddings of the columns that it reads."""
        inputs = [value for column in features for value in column.values() if isinstance(value, Tensor)]
        # MatryoshkaLoss asks once for each length, and the teacher is the same for all of them.
        if len(inputs) == len(self._last_inputs) and all(map(operator.is_, inputs, self._last_inputs)):
            return self._last_taught
        self._last_inputs, self._last_taught = inputs, self._taught(features)
        return self._last_taught

    def _taught(self, features: Sequence[Mapping[str, Any]]) -> list[Tensor]:
        names = self.column_names(len(features))
        self.teacher.eval()  # a trainer may have called train() on a module around this one
        sources = self.taught_columns(names)
        with torch.no_grad():
            taught = {name: embed_raw(self.teacher, features[names.index(name)]) for name in dict.fromkeys(sources)}
        return [taught[name] for name in sources]

    def compute_loss_from_embeddings(
        self,
        embeddings: Sequence[Tensor | None],
        labels: Tensor | None = None,
        *,
        targets: Sequence[Tensor] | None = None,
    ) -> dict[str, Tensor]:
        """The loss from the student's raw embeddings and the teacher's (`teach`)."""
        raise NotImplementedError

    def checked(self, targets: Sequence[Tensor] | None, count: int) -> Sequence[Tensor]:
        """The targets, if there are `count` of them.

        Raises:
            UsageError: The number of targets is not `count`.
        """
        if targets is None or len(targets) != count:
            raise UsageError(
                f"{type(self).__name__} needs {count} targets but got {len(targets or [])}; give those that its method "
                "`teach` returns for the same texts"
            )
        return targets

    def parts_of(self, batch: Batch) -> dict[str, Tensor]:
        """Not used: these losses need targets in addition to their columns."""
        raise NotImplementedError

    def get_config_dict(self) -> dict[str, Any]:  # noqa: D102
        return {"teacher": "first state of the model" if self.own_first_state else type(self.teacher).__name__}


def _check_tokenizers(model: Any, teacher: Any) -> None:
    tokenizers = [getattr(model, "tokenizer", None) for model in (model, teacher)]
    vocabularies = [
        tokenizer.get_vocab() if tokenizer is not None and hasattr(tokenizer, "get_vocab") else None
        for tokenizer in tokenizers
    ]
    if vocabularies[0] != vocabularies[1]:
        raise UsageError(
            "teacher and student have different tokenizers, but they read the same inputs; compute the teacher's "
            "embeddings beforehand and use MSELoss of sentence-transformers"
        )
