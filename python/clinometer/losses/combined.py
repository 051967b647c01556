"""Several losses on the same columns, each text embedded once.

The parts keep their names, led by the name of their loss; the total is their sum.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from clinometer.errors import UsageError
from clinometer.losses.columns import ColumnLoss
from clinometer.losses.raw import embed_raw
from clinometer.losses.teacher import TaughtLoss

__all__ = ["CombinedLoss"]


class CombinedLoss(nn.Module):  # type: ignore[misc, unused-ignore]
    """The sum of several losses of this package on one dataset, for the price of one forward pass.

    Weights belong to the single losses. Different datasets with different losses need no `CombinedLoss`: give the
    trainer a dictionary of datasets and one of losses.

    Args:
        model: The SentenceTransformer model that all of them train.
        losses: Losses by name; the names lead the parts in the trainer's log.

    Requirements:
        1. All losses take the columns of the dataset, in the same order.

    Inputs:
        +-------------------------------------+------------------------------+
        | Texts                               | Labels                       |
        +=====================================+==============================+
        | what every one of the losses takes  | none, or the item's number   |
        +-------------------------------------+------------------------------+

    Example:
        ::

            from clinometer.losses import CombinedLoss, CrossLingualAlignmentLoss, DistillationLoss

            loss = CombinedLoss(model, {
                "alignment": CrossLingualAlignmentLoss(model, parts="jsd+nce"),
                "hold": DistillationLoss(model, weight=10.0, over_dimensions="sum"),
            })
    """

    def __init__(self, model: Any, losses: Mapping[str, ColumnLoss]) -> None:
        super().__init__()
        if not losses:
            raise UsageError("CombinedLoss was given no loss; give one or more by name")
        for name, loss in losses.items():
            if not isinstance(loss, ColumnLoss):
                raise UsageError(
                    f"{name} is a {type(loss).__name__}; only losses of clinometer can share an embedding pass"
                )
            if loss.model is not model:
                raise UsageError(f"{name} trains another model than CombinedLoss; give all of them the same model")
        self.model = model
        self.losses = nn.ModuleDict(losses)

    def forward(self, sentence_features: Iterable[dict[str, Any]], labels: Tensor | None = None) -> dict[str, Tensor]:
        """The parts of all losses for a batch as the trainer passes it."""
        features = list(sentence_features)
        embeddings = self.embed(features)
        parts: dict[str, Tensor] = {}
        for name, loss in self._named():
            if isinstance(loss, TaughtLoss):
                values = loss.compute_loss_from_embeddings(embeddings, labels, targets=loss.teach(features))
            else:
                values = loss.compute_loss_from_embeddings(embeddings, labels)
            parts |= {f"{name}_{part}": value for part, value in values.items()}
        return parts

    def embed(self, features: Sequence[Mapping[str, Any]]) -> list[Tensor | None]:
        """Raw embeddings of the columns that any of the losses uses."""
        used: set[int] = set()
        for _, loss in self._named():
            names = loss.column_names(len(features))
            used |= {place for place, name in enumerate(names) if name in loss.columns_used(names)}
        return [embed_raw(self.model, column) if place in used else None for place, column in enumerate(features)]

    def get_config_dict(self) -> dict[str, Any]:
        """The configuration of each loss, by name."""
        return {name: {"loss": type(loss).__name__, **loss.get_config_dict()} for name, loss in self._named()}

    @property
    def citation(self) -> str:
        """The citations of all losses, each once."""
        return "".join(dict.fromkeys(loss.citation for _, loss in self._named()))

    def _named(self) -> list[tuple[str, ColumnLoss]]:
        return [(name, loss) for name, loss in self.losses.items() if isinstance(loss, ColumnLoss)]
