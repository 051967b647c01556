"""What the losses share: columns in a fixed order, each embedded once, checked, and passed to the terms by name.

A loss sees the vectors before the model's `Normalize`, in float32, outside autocast. The only way to say which rows are
translations of one item is an integer `label` column with the number of their group.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from sentence_transformers.sentence_transformer.modules import Normalize, Router
from sentence_transformers.util import all_gather, all_gather_with_grad
from torch import Tensor, nn
from torch.nn import functional

from clinometer.encoders.sentence_transformer import own_dimension
from clinometer.errors import UsageError
from clinometer.losses.nce import group_masks
from clinometer.losses.parts import LossParts

__all__ = [
    "Batch",
    "ColumnLoss",
    "embed_raw",
    "own_width",
    "pick_raw",
    "positive_number",
    "raw_recorded",
    "triplet_names",
]

_RAW = "raw_embedding"  # in the output of the model, beside `sentence_embedding`
_ROUNDING = 2e-2  # of unit vectors in bfloat16


@dataclass(frozen=True)
class Batch:
    """The embeddings of one batch.

    Args:
        columns: `(n, d)` float32 (or float64) for each column that the loss uses, raw.
        candidates: The same columns over all devices, `(m, d)`; equal to `columns` on one device.
        own: `(n,)` positions of this device's rows among the candidates.
        allowed: `(n, m)`, True for the own row and for rows of other groups.
        others: `(n, m)`, True for rows of other groups.
    """

    columns: Mapping[str, Tensor]
    candidates: Mapping[str, Tensor]
    own: Tensor
    allowed: Tensor
    others: Tensor


class ColumnLoss(nn.Module):  # type: ignore[misc, unused-ignore]
    """Base of the losses: names its columns, embeds the ones it uses, and returns its parts by name.

    A subclass defines which columns it takes (`column_names`), which of them it uses (`columns_used`), and computes its
    parts (`parts_of`), weights included. A trainer adds up the parts and logs each.

    Args:
        model: SentenceTransformer model.
        gather_across_devices: Take the rows of all devices as candidates, not only this device's.
    """

    def __init__(self, model: Any, *, gather_across_devices: bool = False) -> None:
        super().__init__()
        self.model = model
        self.gather_across_devices = gather_across_devices

    def column_names(self, count: int) -> tuple[str, ...]:
        """Names of the columns in their order, for a dataset with `count` columns besides `label`.

        Raises:
            UsageError: The loss does not take this number of columns; the message names the order.
        """
        raise NotImplementedError

    def columns_used(self, names: Sequence[str]) -> set[str]:
        """The columns that are embedded; all by default."""
        return set(names)

    def parts_of(self, batch: Batch) -> dict[str, Tensor]:
        """The named terms, each a scalar with its weight applied."""
        raise NotImplementedError

    @property
    def citation(self) -> str:
        """Source to cite for this loss, in BibTeX."""
        raise NotImplementedError

    def get_config_dict(self) -> dict[str, Any]:
        """Every option that changes the value, for the model card."""
        return {"gather_across_devices": self.gather_across_devices}

    def forward(self, sentence_features: Iterable[dict[str, Any]], labels: Tensor | None = None) -> LossParts:
        """The parts for a batch as the trainer passes it.

        Args:
            sentence_features: One dictionary of model inputs for each column, in order.
            labels: `(n,)` integers: rows with equal numbers are translations of one item. None: each row is an item.
                `(n, 2)` if the rows' languages are counted as well.
        """
        features = list(sentence_features)
        return LossParts(self.parts_from(self.embed(features), labels, self.teach(features)))

    def embed(self, features: Sequence[Mapping[str, Any]]) -> list[Tensor | None]:
        """Raw embeddings of each column, None for unused ones."""
        used = self.places_used(len(features))
        return [embed_raw(self.model, column) if use else None for use, column in zip(used, features, strict=True)]

    def places_used(self, count: int) -> list[bool]:
        """Whether each of `count` columns is embedded."""
        names = self.column_names(count)
        used = self.columns_used(names)
        return [name in used for name in names]

    def taught_columns(self, names: Sequence[str]) -> tuple[str, ...]:  # noqa: ARG002
        """The columns that a teacher reads, one for each target; none without a teacher."""
        return ()

    def teach(self, features: Sequence[Mapping[str, Any]]) -> list[Tensor]:  # noqa: ARG002
        """The teacher's targets for the batch, row by row; none without a teacher."""
        return []

    def parts_from(
        self,
        embeddings: Sequence[Tensor | None],
        labels: Tensor | None,
        taught: Sequence[Tensor],  # noqa: ARG002
    ) -> dict[str, Tensor]:
        """The parts, from embeddings before `Normalize` and the targets of `teach`."""
        return self.compute_loss_from_embeddings(embeddings, labels)

    def compute_loss_from_embeddings(
        self, embeddings: Sequence[Tensor | None], labels: Tensor | None = None
    ) -> dict[str, Tensor]:
        """The parts, from embeddings before `Normalize`.

        Args:
            embeddings: `(n, d)` for each column in order; None is allowed for columns that the loss does not use.
            labels: `(n,)` integer groups, or None.

        Raises:
            UsageError: Too few or too many columns, or shapes that do not match; the message names the columns.
        """
        columns = self._named(embeddings)
        with torch.autocast(next(iter(columns.values())).device.type, enabled=False):
            return self.parts_of(self._batch(columns, labels))

    def _named(self, embeddings: Sequence[Tensor | None]) -> dict[str, Tensor]:
        names = self.column_names(len(embeddings))
        used = self.columns_used(names)
        order = f"the columns are {', '.join(names)}, in this order"
        columns: dict[str, Tensor] = {}
        for number, (name, vectors) in enumerate(zip(names, embeddings, strict=True), start=1):
            if name not in used:
                continue
            if vectors is None:
                raise UsageError(f"{type(self).__name__} needs embeddings of {name} (column {number}); {order}")
            if vectors.ndim != 2:
                raise UsageError(
                    f"{name} (column {number}) has shape {tuple(vectors.shape)}, but should be (rows, dimension); "
                    f"{order}"
                )
            first = next(iter(columns), None)
            if first is not None and vectors.shape != columns[first].shape:
                raise UsageError(
                    f"{name} (column {number}) has shape {tuple(vectors.shape)}, but {first} "
                    f"{tuple(columns[first].shape)}; row i of every column belongs to item i; {order}"
                )
            columns[name] = vectors if vectors.dtype == torch.float64 else vectors.float()
        return columns

    def _batch(self, columns: dict[str, Tensor], labels: Tensor | None) -> Batch:
        first = next(iter(columns.values()))
        groups = self._groups(labels, len(first), first.device)
        own = torch.arange(len(first), device=first.device)
        candidates, candidate_groups = columns, groups
        if self.gather_across_devices:
            candidates = {name: all_gather_with_grad(vectors) for name, vectors in columns.items()}
            candidate_groups = all_gather(groups)
            own = own + _rank() * len(first)
        return Batch(columns, candidates, own, *group_masks(groups, candidate_groups, own))

    def _groups(self, labels: Tensor | None, rows: int, device: torch.device) -> Tensor:
        if labels is None:
            offset = _rank() * rows if self.gather_across_devices else 0
            return torch.arange(rows, device=device) + offset
        if labels.ndim == 2 and labels.shape[1] == 2:  # the second is the row's language
            labels = labels[:, 0]
        if labels.shape != (rows,) or labels.is_floating_point() or labels.is_complex():
            raise UsageError(
                f"the label column gave {labels.dtype} of shape {tuple(labels.shape)} for {rows} rows, but it should "
                "hold one whole number for each row, the number of its parallel group; fix or remove the column"
            )
        return labels.to(device)


def triplet_names(loss: str, count: int) -> tuple[str, ...]:
    """The names of the columns of triplets, or of quadruplets, which also have the query in the target language.

    Raises:
        UsageError: It is another number; the message names the loss and the order.
    """
    if count not in (3, 4):
        raise UsageError(
            f"{loss} got {count} columns besides label; it takes query_en, passage_en, passage_tgt and optionally "
            "query_tgt, in this order"
        )
    return ("query_en", "passage_en", "passage_tgt", "query_tgt")[:count]


def _rank() -> int:
    distributed = torch.distributed.is_available() and torch.distributed.is_initialized()
    return torch.distributed.get_rank() if distributed else 0


def positive_number(name: str, value: float) -> float:
    """The value, if it is greater than 0.

    Raises:
        UsageError: It is not.
    """
    if not value > 0:
        raise UsageError(f"{name} is {value}, but must be greater than 0")
    return value


def embed_raw(model: Any, features: Mapping[str, Any]) -> Tensor:
    """The pooled vectors of one column, `(rows, d)`, before a trailing `Normalize` module.

    The output of a model that does not end in `Normalize` already is the raw vector. Inside `MatryoshkaLoss`, d is the
    dimension of the moment, and the vectors are the first d numbers of the raw ones.

    Args:
        model: A SentenceTransformer, wrapped or not.
        features: Inputs of one column as the trainer passes them; left unchanged.

    Raises:
        UsageError: The model runs as `DataParallel`, or is patched to shorten its output in another way.
    """
    with raw_recorded(model) as seen:
        output = model(dict(features))
    # A wrapper that shortens keeps the model's output and returns it again, without a call of the model.
    recorded = [output[_RAW]] if _RAW in output else seen
    return pick_raw(recorded, output["sentence_embedding"])


@contextmanager
def raw_recorded(model: Any) -> Iterator[list[Tensor]]:
    """A list that receives the raw vectors of each call of the model inside the block; its output has them as well."""
    if isinstance(model, nn.DataParallel) and len(model.device_ids) > 1:
        raise UsageError(
            "the model runs on several devices at once (DataParallel), where raw embeddings cannot be read; "
            "start one process per device with torchrun or accelerate"
        )
    seen: list[Tensor] = []

    def record(features: Any) -> None:
        if (vectors := features.get("sentence_embedding")) is not None:
            features[_RAW] = vectors
            seen.append(vectors)

    handles = [
        module.register_forward_pre_hook(lambda _, arguments: record(arguments[0]))
        if isinstance(module, Normalize)
        else module.register_forward_hook(lambda _module, _arguments, output: record(output))
        for module in _ends(list(_unwrapped(model).children()))
    ]
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()


def pick_raw(seen: Sequence[Tensor], output: Tensor) -> Tensor:
    """The last recorded raw vectors, as long as the output is; the output itself if none were recorded.

    Raises:
        UsageError: The output is neither the raw vectors nor their first numbers, up to its length.
    """
    if not seen:
        return output
    raw, width = seen[-1], output.shape[-1]
    if raw.shape == output.shape:
        return raw
    if raw.shape[:-1] == output.shape[:-1] and width < raw.shape[-1]:
        prefix = raw[..., :width]
        lengths = [functional.normalize(vectors.detach().float(), dim=-1) for vectors in (prefix, output)]
        if torch.allclose(*lengths, atol=_ROUNDING):
            return prefix
    raise UsageError(
        f"the model's output has shape {tuple(output.shape)}, the raw vectors {tuple(raw.shape)}, and one is not the "
        "beginning of the other; use this loss without a wrapper that changes embeddings in another way than "
        "MatryoshkaLoss"
    )


def own_width(model: Any) -> int:
    """The length of the embeddings of a model, wrapped or not; 0 if it does not say."""
    return own_dimension(_unwrapped(model))


def _unwrapped(model: Any) -> Any:
    for name in ("_orig_mod", "module"):  # torch.compile, distributed wrappers
        if isinstance(inner := getattr(model, name, None), nn.Module):
            return _unwrapped(inner)
    return model


def _ends(modules: list[nn.Module]) -> list[nn.Module]:
    """What the model, or each route of its router, ends in: the first of its trailing `Normalize`, else the last."""
    if not modules:
        return []
    last = modules[-1]
    if isinstance(last, Router):
        return [end for route in last.sub_modules.values() for end in _ends([*route.children()])]
    while len(modules) > 1 and isinstance(last, Normalize) and isinstance(modules[-2], Normalize):
        modules = modules[:-1]
        last = modules[-1]
    return [last]
