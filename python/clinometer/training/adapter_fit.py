"""Learning an adapter: the losses that train models, on embeddings that were computed once.

It begins as the identity, and what is kept is its best state on held-out samples, the beginning included. One seed
gives one result on one machine. Torch is imported when learning begins.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clinometer.adapters.adapter import KINDS, Adapter, Kind
from clinometer.encoders import Encoder
from clinometer.errors import MissingExtraError, UsageError
from clinometer.training.adapter_samples import EmbeddedSamples, embed_samples, is_query
from clinometer.training.data import ParallelSamples, read_items, samples_from_items
from clinometer.training.recipes import RELATIONAL

if TYPE_CHECKING:
    from torch import Tensor

    from clinometer.losses import ColumnLoss
    from clinometer.training.adapter_map import AdapterMap

__all__ = ["History", "fit_adapter", "train_adapter"]

History = list[dict[str, float]]

_RANK = 32


def fit_adapter(
    samples: ParallelSamples | EmbeddedSamples,
    encoder: Encoder | None = None,
    *,
    dev: ParallelSamples | EmbeddedSamples | None = None,
    kind: Kind = "low-rank",
    rank: int | None = None,
    separate_queries: bool = False,
    loss: str = "relational",
    loss_options: Mapping[str, Any] | None = None,
    hold: float | None = None,
    epochs: int = 20,
    batch_size: int = 256,
    learning_rate: float = 1e-3,
    weight_decay: float = 0.01,
    patience: int = 3,
    seed: int = 42,
    show_progress_bar: bool = False,
) -> tuple[Adapter, History]:
    """Learn an adapter from parallel texts, on the CPU.

    A small map that learns what answers what learns the subject of its samples before it learns languages: what is
    gained on held-out samples of the same kind is mostly gone on other texts. The relational loss does not learn that:
    both languages take over the similarities that the encoder itself gives the texts in the pivot language. Loss, rank,
    hold and rate were chosen with two encoders, as what gains on texts about health (tico19) and on the demo and costs
    no plain retrieval there. An adapter needs no language of a query, as `clinometer.correction` does, and does less;
    both may be applied. Evaluate before and after on texts of your own.

    Args:
        samples: Training samples in the layout of the loss (`alignment`, `alignment+query`; `clear` for that loss), or
            what `embed_samples` made of them.
        encoder: Encodes what is not embedded yet; None if all is.
        dev: Held-out samples in the same layout. Learning stops when the loss on them has not fallen for `patience`
            epochs, and the best state is kept. None: all epochs are learned and the last state is kept.
        kind: `low-rank` or `linear`; see `Adapter`.
        rank: Of a low-rank adapter, 1 to the dimension; None for 32, or the dimension if that is less.
        separate_queries: Queries get a map of their own.
        loss: Parts of `clinometer.losses.CrossLingualAlignmentLoss` joined by `+`, `clear`
            (`clinometer.losses.ClearLoss`), or `relational`
            (`clinometer.losses.RelationalDistillationLoss`), also by the name of its recipe, `upright`.
        loss_options: Options of that class, such as `scale` or `weights`. If not given, the relational loss has scale
            20, and `jsd_input` is `scaled`: what an adapter sees has length one, so nothing is known of raw embeddings.
        hold: Weight of a term that keeps embeddings where they were: the mean of 2 - 2 cos between each embedding and
            its first state (`clinometer.losses.DistillationLoss`); 0 leaves it out. None: 0 with the relational loss,
            and 5 with others, which do harm without.
        epochs: At most so many passes over the samples.
        batch_size: Samples of one step: the more, the more negatives. Batches of an epoch differ by one at most.
        learning_rate: Of AdamW; falls to zero over all epochs as a cosine does.
        weight_decay: Of AdamW; pulls the map to the identity.
        patience: Epochs to wait for a better loss on `dev`.
        seed: Of the beginning and of the order of samples.
        show_progress_bar: Draw bars on standard error.

    Returns:
        The adapter, and for each epoch, from 0 (before learning), its `epoch`, mean `train` loss while learning (not
        for 0) and `dev` loss (only with `dev`). Both include the hold. `adapter.settings` sums this up.

    Raises:
        UsageError: An option cannot be used, the columns do not fit the loss, or an encoder is missing.
        MissingExtraError: The extra `train` is not installed.
    """
    hold = (0.0 if loss in RELATIONAL else 5.0) if hold is None else hold
    _check(kind, 1 if rank is None else rank, hold, epochs, batch_size, learning_rate, weight_decay, patience)
    learnt = _embedded(samples, encoder, show_progress_bar)
    held_out = None if dev is None else _embedded(dev, encoder, show_progress_bar)
    rank = min(_RANK, learnt.dimension) if rank is None else rank
    if kind == "low-rank" and rank > learnt.dimension:
        raise UsageError(f"rank is {rank}, but the embeddings have {learnt.dimension} dimensions; choose fewer")
    if held_out is not None and (held_out.columns, held_out.dimension) != (learnt.columns, learnt.dimension):
        raise UsageError(
            f"the dev samples have {held_out.dimension} dimensions and the columns {', '.join(held_out.columns)}, the "
            f"training samples {learnt.dimension} and {', '.join(learnt.columns)}; make both alike"
        )
    try:
        import torch

        from clinometer.losses import DistillationLoss
        from clinometer.training.adapter_map import AdapterMap
    except ImportError:
        raise MissingExtraError("learning an adapter", "train") from None
    model = AdapterMap(learnt.dimension, kind, rank, separate_queries, seed)
    terms = _loss(model, loss, dict(loss_options or {}))
    _check_columns(terms, learnt.columns, loss)
    losses = [terms, DistillationLoss(model, weight=hold, over_dimensions="sum")] if hold else [terms]
    optimizer = torch.optim.AdamW(model.parameters(), lr=learning_rate, weight_decay=weight_decay)
    steps = math.ceil(len(learnt) / batch_size)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs * steps)
    order = torch.Generator().manual_seed(seed)
    training, testing = _Columns(learnt), None if held_out is None else _Columns(held_out)

    def on_dev() -> dict[str, float]:
        if testing is None:
            return {}
        with torch.no_grad():
            # The same batches each time, in an order that mixes the languages.
            shuffled = torch.randperm(testing.rows, generator=torch.Generator().manual_seed(seed))
            batches = shuffled.tensor_split(math.ceil(testing.rows / batch_size))
            return {"dev": sum(_value(testing, model, losses, b).item() * len(b) for b in batches) / testing.rows}

    history: History = [{"epoch": 0.0, **on_dev()}]
    best, best_epoch = model.arrays(), 0
    first = None
    from tqdm.auto import tqdm

    for epoch in tqdm(range(1, epochs + 1), desc="epochs", unit="epoch", disable=not show_progress_bar):
        total = 0.0
        for batch in torch.randperm(training.rows, generator=order).tensor_split(steps):
            optimizer.zero_grad()
            value = _value(training, model, losses, batch)
            value.backward()  # type: ignore[no-untyped-call, unused-ignore]
            optimizer.step()
            schedule.step()
            first = value.item() if first is None else first
            total += value.item() * len(batch)
        history.append({"epoch": float(epoch), "train": total / training.rows, **on_dev()})
        if testing is None or history[-1]["dev"] < history[best_epoch]["dev"]:
            best, best_epoch = model.arrays(), epoch
        elif epoch - best_epoch >= patience:
            break
    settings = {
        **learnt.about,
        "dev_samples": 0 if held_out is None else len(held_out),
        "loss": {"name": loss, **terms.get_config_dict(), "hold": hold},
        "epochs": epochs,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "weight_decay": weight_decay,
        "patience": patience,
        "seed": seed,
        "history": {
            "loss_first": first,
            "loss_last": history[-1]["train"],
            "dev": [row["dev"] for row in history if "dev" in row],
            "epochs_learned": len(history) - 1,
            "best_epoch": best_epoch,
        },
    }
    return Adapter(kind, best, settings), history


def train_adapter(
    files: str | Path | Sequence[str | Path],
    languages: Sequence[str],
    encoder: Encoder,
    *,
    samples: int | None = 2800,
    pivot: str = "en",
    dev_share: float = 0.1,
    seed: int = 42,
    loss: str = "relational",
    show_progress_bar: bool = False,
    **options: Any,
) -> tuple[Adapter, History]:
    """Learn an adapter from parallel JSONL: read, split, encode, learn.

    Samples have the layout `alignment+query` (`clear` for that loss). Those of the pages kept for `dev` stop the
    learning.

    Args:
        files: One file or several; see `clinometer.training.data.parallel_samples`.
        languages: Target languages.
        encoder: What the adapter is for.
        samples: At most so many for each language; None for all.
        pivot: Language of the pivot columns.
        dev_share: Share of the pages kept for `dev`; 0 for none.
        seed: Of samples and learning.
        loss: As for `fit_adapter`.
        show_progress_bar: Draw bars on standard error.
        **options: More of `fit_adapter`.

    Returns:
        As `fit_adapter`.

    Raises:
        FileNotFoundError: A file is not there.
        ClinometerError: As for `parallel_samples` and `fit_adapter`.
    """
    items = read_items(files)
    layout: Any = "clear" if loss == "clear" else "alignment+query"
    made: dict[str, Any] = {"layout": layout, "pivot": pivot}
    learnt = samples_from_items(items, languages, samples, seed, "train", dev_share, **made)
    dev = samples_from_items(items, languages, None, seed, "dev", dev_share, **made) if dev_share else None
    adapter, history = fit_adapter(
        learnt, encoder, dev=dev, loss=loss, seed=seed, show_progress_bar=show_progress_bar, **options
    )
    statistics = {"training": learnt.statistics, "dev": None if dev is None else dev.statistics}
    return Adapter(adapter.kind, adapter.arrays, {**adapter.settings, "data": statistics}), history


class _Columns:
    """Embedded samples as tensors."""

    def __init__(self, samples: EmbeddedSamples) -> None:
        import torch

        self.rows = len(samples)
        self.asked = [is_query(name) for name in samples.columns]
        self._vectors = {True: torch.from_numpy(samples.queries), False: torch.from_numpy(samples.passages)}
        self._places = torch.from_numpy(samples.places)
        self._groups = torch.from_numpy(samples.groups)

    def of(self, batch: Tensor) -> tuple[list[Tensor], Tensor]:
        """The embeddings of each column, and the groups."""
        places = self._places[batch]
        return [self._vectors[asked][places[:, c]] for c, asked in enumerate(self.asked)], self._groups[batch]


def _value(columns: _Columns, model: AdapterMap, losses: Sequence[ColumnLoss], batch: Tensor) -> Tensor:
    first, groups = columns.of(batch)
    mapped = [model(vectors, asked) for vectors, asked in zip(first, columns.asked, strict=True)]
    parts: list[Tensor] = []
    for loss in losses:
        # The teacher is the map as it began, the identity.
        names = loss.column_names(len(first))
        taught = [first[names.index(name)] for name in loss.taught_columns(names)]
        parts += loss.parts_from(mapped, groups, taught).values()
    total: Tensor = sum(parts[1:], start=parts[0])
    return total


def _loss(model: AdapterMap, name: str, options: dict[str, Any]) -> ColumnLoss:
    from clinometer import losses

    made: Any
    if name in RELATIONAL:
        made, options = losses.RelationalDistillationLoss, {"scale": 20.0, **options}
    elif name == "clear":
        made = losses.ClearLoss
    else:
        made, options = losses.CrossLingualAlignmentLoss, {"parts": name, "jsd_input": "scaled", **options}
    closed = ("self", "model", "teacher", "gather_across_devices", "negatives")
    known = [option for option in inspect.signature(made).parameters if option not in closed]
    if unknown := [option for option in options if option not in known]:
        raise UsageError(f"the loss {name} has no option {', '.join(unknown)}; it has {', '.join(known)}")
    return made(model, **options)  # type: ignore[no-any-return]


def _check_columns(loss: ColumnLoss, columns: tuple[str, ...], name: str) -> None:
    """Refuse columns in another order than that of the loss; the pivot may be another language than English."""

    def kinds(names: Sequence[str]) -> list[tuple[bool, bool]]:
        return [(is_query(column), column.endswith("_tgt")) for column in names]

    wanted = loss.column_names(len(columns))
    if kinds(wanted) != kinds(columns):
        raise UsageError(
            f"the loss {name} takes the columns {', '.join(wanted)}, but the samples have {', '.join(columns)}; choose "
            f"the layout {'clear' if name == 'clear' else 'alignment or alignment+query'}"
        )


def _embedded(
    samples: ParallelSamples | EmbeddedSamples, encoder: Encoder | None, show_progress_bar: bool
) -> EmbeddedSamples:
    if isinstance(samples, EmbeddedSamples):
        return samples
    if encoder is None:
        raise UsageError("the samples are texts, but there is no encoder; give one, or what embed_samples makes")
    return embed_samples(samples, encoder, show_progress_bar=show_progress_bar)


def _check(
    kind: str,
    rank: int,
    hold: float,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    weight_decay: float,
    patience: int,
) -> None:
    if kind not in KINDS:
        raise UsageError(f"there is no adapter of kind {kind!r}; choose one of {', '.join(KINDS)}")
    for name, value, least in (
        ("rank", rank, 1),
        ("epochs", epochs, 1),
        ("batch_size", batch_size, 2),
        ("patience", patience, 1),
        ("hold", hold, 0),
        ("weight_decay", weight_decay, 0),
    ):
        if not (math.isfinite(value) and value >= least):
            raise UsageError(f"{name} is {value}, but must be {least} or more")
    if not (math.isfinite(learning_rate) and learning_rate > 0):
        raise UsageError(f"learning_rate is {learning_rate}, but must be greater than 0")
