"""Several losses on the same columns, each text embedded once.

The parts keep their names, prefixed with the name of their loss; the total is their sum.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from clinometer.errors import UsageError
from clinometer.losses.columns import ColumnLoss, embed_raw
from clinometer.losses.parts import LossParts

__all__ = ["CombinedLoss"]


class CombinedLoss(nn.Module):  # type: ignore[misc, unused-ignore]
    """The sum of several losses of this package on one dataset, at the cost of one forward pass.

    Weights belong to the individual losses. Different datasets with different losses need no `CombinedLoss`: give the
    trainer a dictionary of datasets and one of losses.

    Args:
        model: The SentenceTransformer model that all of them train.
        losses: Losses by name; the names are the prefixes of the parts in the trainer's log.

    Requirements:
        1. All losses take the columns of the dataset, in the same order.

    Inputs:
        +-------------------------------------+------------------------------+
        | Texts                               | Labels                       |
        +=====================================+==============================+
        | columns that every loss takes       | none, or the item's number   |
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
            raise UsageError("CombinedLoss got no losses; give one or more by name")
        for name, loss in losses.items():
            if not isinstance(loss, ColumnLoss):
                raise UsageError(
                    f"{name} is a {type(loss).__name__}; only losses of clinometer can share an embedding pass"
                )
            if loss.model is not model:
                raise UsageError(f"{name} trains a different model than CombinedLoss; give all of them the same model")
        self.model = model
        self.losses = nn.ModuleDict(losses)

    def forward(self, sentence_features: Iterable[dict[str, Any]], labels: Tensor | None = None) -> LossParts:
        """The parts of all losses for a batch as the trainer passes it."""
        features = list(sentence_features)
        return LossParts(self.parts_from(self.embed(features), labels, self.teach(features)))

    def embed(self, features: Sequence[Mapping[str, Any]]) -> list[Tensor | None]:
        """Raw embeddings of the columns that any of the losses uses."""
        used = self.places_used(len(features))
        return [embed_raw(self.model, column) if use else None for use, column in zip(used, features, strict=True)]

    def places_used(self, count: int) -> list[bool]:
        """Whether any of the losses uses each of `count` columns."""
        return [any(uses) for uses in zip(*(loss.places_used(count) for _, loss in self._named()), strict=True)]

    def teach(self, features: Sequence[Mapping[str, Any]]) -> list[Tensor]:
        """The targets of the teachers of all losses, in the order of the losses."""
        return [target for _, loss in self._named() for target in loss.teach(features)]

    def parts_from(
        self, embeddings: Sequence[Tensor | None], labels: Tensor | None, taught: Sequence[Tensor]
    ) -> dict[str, Tensor]:
        """The parts of all losses, from embeddings before `Normalize` and the targets of `teach`."""
        parts: dict[str, Tensor] = {}
        remaining = list(taught)
        for name, loss in self._named():
            count = len(loss.taught_columns(loss.column_names(len(embeddings))))
            own_targets, remaining = remaining[:count], remaining[count:]
            values = loss.parts_from(embeddings, labels, own_targets)
            parts |= {f"{name}_{part}": value for part, value in values.items()}
        return parts

    def get_config_dict(self) -> dict[str, Any]:
        """The configuration of each loss, by name."""
        return {name: {"loss": type(loss).__name__, **loss.get_config_dict()} for name, loss in self._named()}

    @property
    def citation(self) -> str:
        """The citations of all losses, each once."""
        return "".join(dict.fromkeys(loss.citation for _, loss in self._named()))

    def _named(self) -> list[tuple[str, ColumnLoss]]:
        return [(name, loss) for name, loss in self.losses.items() if isinstance(loss, ColumnLoss)]
