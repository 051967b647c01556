"""GradCache around a loss of this package: large batches on small memory, for about twice the computation.

The value and the gradients are those of the loss on the whole batch; a frozen teacher reads each mini-batch once. Needs
sentence-transformers 6, whose `CachedLossMixin` does the work.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import sentence_transformers
import torch
from torch import Tensor, nn

from clinometer.errors import UsageError
from clinometer.losses.columns import ColumnLoss, pick_raw, raw_recorded
from clinometer.losses.combined import CombinedLoss
from clinometer.losses.parts import LossParts

__all__ = ["GradCachedLoss"]

try:
    from sentence_transformers.base import losses as _host
except ImportError:  # before 6.0
    _host = None  # type: ignore[assignment, unused-ignore]

_Mixin: Any = type("_Absent", (), {}) if _host is None else _host.CachedLossMixin


@dataclass(frozen=True)
class _Prefixes:
    """The lengths to which embeddings are shortened, each with a weight; None is their whole length.

    Args:
        weights: Lengths and weights.
        at_a_time: Number of lengths that are drawn for each step; all if it is not positive.
    """

    weights: tuple[tuple[int | None, float], ...] = ((None, 1.0),)
    at_a_time: int = -1

    def of_a_step(self) -> Sequence[tuple[int | None, float]]:
        """The lengths of one step and their weights."""
        if 0 < self.at_a_time < len(self.weights):
            return random.sample(self.weights, self.at_a_time)
        return self.weights


class GradCachedLoss(_Mixin, nn.Module):  # type: ignore[misc, unused-ignore]
    """Computes another loss over the whole batch while only a mini-batch of activations is in memory.

    The batch is embedded without gradients in mini-batches, the loss is computed and differentiated up to the
    embeddings, and the mini-batches are embedded again to carry the gradients into the model.

    Args:
        loss: A loss of this package, or several as a `CombinedLoss`.
        mini_batch_size: Texts in memory at a time; changes speed and memory, not the result (up to rounding).
        mini_batch_num_tokens: Maximum number of tokens in a mini-batch, in place of a number of texts.
        show_progress_bar: Draw a bar for the mini-batches of each step.

    Raises:
        UsageError: sentence-transformers is older than 6, or the loss is not one of this package.

    Requirements:
        1. sentence-transformers 6 or newer.

    Inputs:
        Those of the wrapped loss.

    Relations:
        - `CachedMultipleNegativesRankingLoss` of sentence-transformers does the same for its InfoNCE.
        - `MatryoshkaLoss(model, GradCachedLoss(loss), dims)` of sentence-transformers trains several lengths at once.

    Example:
        ::

            from clinometer.losses import CrossLingualAlignmentLoss, GradCachedLoss

            loss = GradCachedLoss(CrossLingualAlignmentLoss(model, parts="jsd+nce"), mini_batch_size=16)
            args = SentenceTransformerTrainingArguments(per_device_train_batch_size=256, output_dir="out")
    """

    def __init__(
        self,
        loss: ColumnLoss | CombinedLoss,
        *,
        mini_batch_size: int = 32,
        mini_batch_num_tokens: int | None = None,
        show_progress_bar: bool = False,
    ) -> None:
        if _host is None:
            raise UsageError(
                f"GradCache needs sentence-transformers 6 or newer, but {sentence_transformers.__version__} is "
                "installed; upgrade it, or embed whole batches: mini_batch_size as large as the batch"
            )
        super().__init__()
        if not isinstance(loss, ColumnLoss | CombinedLoss):
            raise UsageError(f"GradCachedLoss cannot cache a {type(loss).__name__}; give it a loss of clinometer")
        for name, value in (("mini_batch_size", mini_batch_size), ("mini_batch_num_tokens", mini_batch_num_tokens)):
            if value is not None and value < 1:
                raise UsageError(f"{name} is {value}, but must be 1 or more")
        self.model = loss.model
        self.loss: ColumnLoss | CombinedLoss = loss
        self.mini_batch_size, self.mini_batch_num_tokens = mini_batch_size, mini_batch_num_tokens
        self.show_progress_bar = show_progress_bar
        self._prefixes = _Prefixes()
        self._used: list[bool] = []
        self._parts: dict[str, Tensor] = {}
        self._taught: list[Tensor] = []

    def __setattr__(self, name: str, value: Any) -> None:
        # MatryoshkaLoss decorates `calculate_loss` so that it gets shortened unit vectors; its dimensions are taken
        # instead, as these losses shorten raw vectors themselves.
        if name == "calculate_loss" and hasattr(value, "matryoshka_dims"):
            self._prefixes = _Prefixes(
                tuple(zip(value.matryoshka_dims, value.matryoshka_weights, strict=True)), value.n_dims_per_step
            )
            return
        super().__setattr__(name, value)

    def forward(self, sentence_features: Iterable[dict[str, Any]], labels: Tensor | None = None) -> LossParts:
        """The parts for a batch as the trainer passes it; only their sum carries a gradient."""
        features = list(sentence_features)
        self._used = self.loss.places_used(len(features))
        self._taught = self._teach(features)
        total: Tensor = _Mixin.forward_cached(
            self, [dict(column) for column, used in zip(features, self._used, strict=True) if used], labels
        )
        # The gradient enters through the total, so one part is written as the total less the others.
        *others, last = self._parts
        rest = total - sum(self._parts[name] for name in others)
        return LossParts({name: self._parts[name] for name in others} | {last: rest})

    def embed_minibatch(self, *arguments: Any, **options: Any) -> tuple[Tensor, Any]:
        """As in sentence-transformers, but the embeddings are those before `Normalize`."""
        with raw_recorded(self.model) as seen:
            output, state = super().embed_minibatch(*arguments, **options)
        return pick_raw(seen, output), state

    def calculate_loss(
        self, reps: list[list[Tensor]], labels: Tensor | None = None, *, with_backward: bool = False
    ) -> Tensor:
        """The loss over the whole batch, from the embeddings of the mini-batches."""
        columns = iter(reps)
        embeddings = [torch.cat(next(columns)) if used else None for used in self._used]
        parts = LossParts()
        for width, weight in self._prefixes.of_a_step():
            prefixes = [None if vectors is None else vectors[..., :width] for vectors in embeddings]
            parts += weight * LossParts(self.loss.parts_from(prefixes, labels, self._taught))
        self._parts = {name: value.detach() for name, value in parts.items()}
        total = torch.stack(list(parts.values())).sum()
        if with_backward:
            torch.autograd.backward(total)
            return total.detach()
        return total

    def _teach(self, features: list[dict[str, Any]]) -> list[Tensor]:
        """The teachers' embeddings of the whole batch, one mini-batch at a time."""
        row_count = len(next(iter(features[0].values())))
        pieces = []
        for start in range(0, row_count, self.mini_batch_size):
            window = slice(start, start + self.mini_batch_size)
            pieces.append(self.loss.teach([
                {name: value[window] if isinstance(value, Tensor) else value for name, value in column.items()}
                for column in features
            ]))  # fmt: skip
        return [torch.cat(parts) for parts in zip(*pieces, strict=True)]

    def get_config_dict(self) -> dict[str, Any]:
        """Configuration of the loss, and the size of the mini-batches."""
        return {
            "loss": self.loss,
            "mini_batch_size": self.mini_batch_size,
            "mini_batch_num_tokens": self.mini_batch_num_tokens,
        }

    @property
    def citation(self) -> str:
        """Citation of the wrapped loss."""
        return str(getattr(self.loss, "citation", ""))
