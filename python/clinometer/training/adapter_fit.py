"""Learning an adapter: the losses that train models, on embeddings that were computed once.

An adapter starts as the identity; the result is its best state on held-out samples, the start included. One seed gives
one result on one machine. Torch is imported when learning starts.
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
from clinometer.parameters import refuse_unknown_options
from clinometer.progress import tracked
from clinometer.suggestions import one_of
from clinometer.training.adapter_centering import centering_adapter
from clinometer.training.adapter_samples import EmbeddedSamples, embed_samples, is_query
from clinometer.training.data import ParallelSamples, read_items, samples_from_items
from clinometer.training.recipes import RELATIONAL
from clinometer.training.teacher import Teacher, check_teacher, embedded_texts

if TYPE_CHECKING:
    from torch import Tensor

    from clinometer.losses import ColumnLoss
    from clinometer.training.adapter_map import AdapterMap

__all__ = ["History", "fit_adapter", "train_adapter"]

History = list[dict[str, float]]

_RANK = 32
_BASELINES = {"clear": "ClearLoss", "lakda": "LakdaLoss"}
"""Losses of the layout `clear`."""


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

    A small map that learns which passage answers which query learns the subject of its samples before it learns
    languages: gains on held-out samples of the same kind mostly disappear on other texts. The relational loss avoids
    that: both languages adopt the similarities that the encoder itself gives the texts in the pivot language. Loss,
    rank, hold and rate were chosen with two encoders, to gain on texts about health (tico19) and on the demo without
    any cost in plain retrieval there. Unlike `clinometer.correction`, an adapter does not need the language of a query,
    and does less; both may be applied. Evaluate before and after on your own texts.

    Args:
        samples: Training samples in the layout of the loss (`alignment`, `alignment+query`; `clear` for the losses
            `clear` and `lakda`), or the result of `embed_samples`.
        encoder: Encoder of texts that are not embedded yet; None if all are.
        dev: Held-out samples in the same layout. Learning stops when the loss on them has not fallen for `patience`
            epochs, and the best state is kept. None: all epochs are run and the last state is kept.
        kind: `low-rank` or `linear`; see `Adapter`.
        rank: Rank of a low-rank adapter, from 1 to the dimension; None for 32, or the dimension if that is less.
        separate_queries: Queries get a map of their own.
        loss: Parts of `clinometer.losses.CrossLingualAlignmentLoss` joined by `+`, `clear`
            (`clinometer.losses.ClearLoss`), `lakda` (`clinometer.losses.LakdaLoss`), or `relational`
            (`clinometer.losses.RelationalDistillationLoss`), also by the name of its recipe, `upright`.
        loss_options: Options of that class, such as `scale` or `weights`. By default the relational loss has scale 20,
            and `jsd_input` is `scaled`: an adapter only sees vectors of length one, never raw embeddings.
        hold: Weight of a term that keeps embeddings where they were: the mean of 2 - 2 cos between each embedding and
            its initial state (`clinometer.losses.DistillationLoss`); 0 leaves it out. None: 0 with the relational loss,
            and 5 with others, which do harm without it.
        epochs: Maximum number of passes over the samples.
        batch_size: Samples in a step; more samples mean more negatives. Batches of an epoch differ in size by at most
            one.
        learning_rate: Learning rate of AdamW; falls to zero over all epochs along a cosine.
        weight_decay: Weight decay of AdamW; pulls the map to the identity.
        patience: Epochs to wait for a better loss on `dev`.
        seed: Seed of the initial weights and of the order of samples.
        show_progress_bar: Draw bars on standard error.

    Returns:
        The adapter, and for each epoch, from 0 (before learning), its `epoch`, mean `train` loss while learning (not
        for 0) and `dev` loss (only with `dev`). Both include the hold. `adapter.settings` has a summary.

    Raises:
        UsageError: An option cannot be used, the columns do not match the loss, or an encoder is missing.
        MissingExtraError: The extra `train` is not installed.
    """
    hold = (0.0 if loss in RELATIONAL else 5.0) if hold is None else hold
    if kind not in KINDS:
        raise UsageError(f"unknown adapter kind {kind!r}; expected {one_of(kind, KINDS)}")
    for name, value, minimum in (
        ("rank", 1 if rank is None else rank, 1),
        ("epochs", epochs, 1),
        ("batch_size", batch_size, 2),
        ("patience", patience, 1),
        ("hold", hold, 0),
        ("weight_decay", weight_decay, 0),
    ):
        if not (math.isfinite(value) and value >= minimum):
            raise UsageError(f"{name} is {value}, but must be {minimum} or more")
    if not (math.isfinite(learning_rate) and learning_rate > 0):
        raise UsageError(f"learning_rate is {learning_rate}, but must be greater than 0")
    training_samples = _embedded(samples, encoder, show_progress_bar)
    dev_samples = None if dev is None else _embedded(dev, encoder, show_progress_bar)
    columns, dimension = training_samples.columns, training_samples.dimension
    rank = min(_RANK, dimension) if rank is None else rank
    if kind == "low-rank" and rank > dimension:
        raise UsageError(f"rank is {rank}, but the embeddings have {dimension} dimensions; lower it")
    if dev_samples is not None and (dev_samples.columns, dev_samples.dimension) != (columns, dimension):
        raise UsageError(
            f"the dev samples have {dev_samples.dimension} dimensions and the columns "
            f"{', '.join(dev_samples.columns)}, the training samples {dimension} and {', '.join(columns)}; use one "
            "layout and encoder for both"
        )
    try:
        import torch

        from clinometer.losses import DistillationLoss
        from clinometer.training.adapter_map import AdapterMap
    except ImportError:
        raise MissingExtraError("learning an adapter", "train") from None
    model = AdapterMap(dimension, kind, rank, separate_queries, seed)
    main_loss = _loss(model, loss, dict(loss_options or {}))
    _check_columns(main_loss, columns, loss)
    losses = [main_loss, DistillationLoss(model, weight=hold, over_dimensions="sum")] if hold else [main_loss]
    optimizer = torch.optim.AdamW(model.parameters(), lr=learning_rate, weight_decay=weight_decay)
    steps = math.ceil(len(training_samples) / batch_size)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs * steps)
    order = torch.Generator().manual_seed(seed)
    training_columns, dev_columns = _Columns(training_samples), None if dev_samples is None else _Columns(dev_samples)

    def on_dev() -> dict[str, float]:
        if dev_columns is None:
            return {}
        with torch.no_grad():
            # The same batches each time, in an order that mixes the languages.
            shuffled = torch.randperm(dev_columns.rows, generator=torch.Generator().manual_seed(seed))
            batches = shuffled.tensor_split(math.ceil(dev_columns.rows / batch_size))
            total = sum(_value(dev_columns, model, losses, batch).item() * len(batch) for batch in batches)
            return {"dev": total / dev_columns.rows}

    history: History = [{"epoch": 0.0, **on_dev()}]
    best_arrays, best_epoch = model.arrays(), 0
    first_value = None
    for epoch in tracked(range(1, epochs + 1), "training", "epochs", shown=show_progress_bar):
        total = 0.0
        for batch in torch.randperm(training_columns.rows, generator=order).tensor_split(steps):
            optimizer.zero_grad()
            loss_value = _value(training_columns, model, losses, batch)
            loss_value.backward()  # type: ignore[no-untyped-call, unused-ignore]
            optimizer.step()
            schedule.step()
            first_value = loss_value.item() if first_value is None else first_value
            total += loss_value.item() * len(batch)
        history.append({"epoch": float(epoch), "train": total / training_columns.rows, **on_dev()})
        if dev_columns is None or history[-1]["dev"] < history[best_epoch]["dev"]:
            best_arrays, best_epoch = model.arrays(), epoch
        elif epoch - best_epoch >= patience:
            break
    settings = {
        **training_samples.about,
        "dev_samples": 0 if dev_samples is None else len(dev_samples),
        "loss": {"name": loss, **main_loss.get_config_dict(), "hold": hold},
        "epochs": epochs,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "weight_decay": weight_decay,
        "patience": patience,
        "seed": seed,
        "history": {
            "loss_first": first_value,
            "loss_last": history[-1]["train"],
            "dev": [row["dev"] for row in history if "dev" in row],
            "epochs_learned": len(history) - 1,
            "best_epoch": best_epoch,
        },
    }
    return Adapter(kind, best_arrays, settings), history


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
    teacher: Teacher = "pivot",
    show_progress_bar: bool = False,
    **options: Any,
) -> tuple[Adapter, History]:
    """Learn an adapter from parallel JSONL: read, split, encode, learn.

    Samples have the layout `alignment+query` (`clear` for `clear` and `lakda`). Those of the pages kept for `dev`
    decide when learning stops. With the teacher `centered` nothing is learned step by step: `centering_adapter` fits
    the adapter on the texts of the samples, and the history is empty.

    Args:
        files: One file or several; see `clinometer.training.data.parallel_samples`.
        languages: Target languages.
        encoder: Encoder that the adapter is for.
        samples: Maximum number of samples per language; None for all.
        pivot: Language of the pivot columns.
        dev_share: Share of the pages kept for `dev`; 0 for none.
        seed: Seed of sampling and learning.
        loss: As for `fit_adapter`.
        teacher: `pivot`, or `centered` for the map nearest to per-language centering, in closed form.
        show_progress_bar: Draw bars on standard error.
        **options: Other options of `fit_adapter`; with the teacher `centered` only `ridge`, as for `centering_adapter`.

    Returns:
        As `fit_adapter`.

    Raises:
        FileNotFoundError: A file does not exist.
        ClinometerError: As for `parallel_samples` and `fit_adapter`.
    """
    check_teacher(teacher)
    if teacher == "centered":
        options = _closed_form_options(loss, options)
    items = read_items(files)
    layout: Any = "clear" if loss in _BASELINES else "alignment+query"
    sample_options: dict[str, Any] = {"layout": layout, "pivot": pivot}
    training_samples = samples_from_items(items, languages, samples, seed, "train", dev_share, **sample_options)
    if teacher == "centered":
        adapter = _centering_adapter(training_samples, encoder, show_progress_bar, **options)
        return _with_data(adapter, training_samples, None), []
    dev_samples = (
        samples_from_items(items, languages, None, seed, "dev", dev_share, **sample_options) if dev_share else None
    )
    adapter, history = fit_adapter(
        training_samples, encoder, dev=dev_samples, loss=loss, seed=seed, show_progress_bar=show_progress_bar, **options
    )
    return _with_data(adapter, training_samples, dev_samples), history


def _with_data(adapter: Adapter, training: ParallelSamples, dev: ParallelSamples | None) -> Adapter:
    statistics = {"training": training.statistics, "dev": None if dev is None else dev.statistics}
    return Adapter(adapter.kind, adapter.arrays, {**adapter.settings, "data": statistics})


def _closed_form_options(loss: str, options: dict[str, Any]) -> dict[str, Any]:
    """The options of `centering_adapter`.

    Raises:
        UsageError: There are others.
    """
    unusable = [name for name in options if name not in ("kind", "ridge")]
    unusable += [] if loss == "relational" else ["loss"]
    unusable += [] if options.get("kind", "low-rank") == "low-rank" else ["kind"]
    if unusable:
        raise UsageError(f"a centered teacher gives a low-rank adapter in closed form; leave out {', '.join(unusable)}")
    return {name: value for name, value in options.items() if name == "ridge"}


def _centering_adapter(samples: ParallelSamples, encoder: Encoder, show_progress_bar: bool, **options: Any) -> Adapter:
    adapter = centering_adapter(*embedded_texts(samples, encoder, show_progress_bar=show_progress_bar), **options)
    encoder_record = {"name": encoder.record.name, "revision": encoder.record.revision}
    return Adapter(adapter.kind, adapter.arrays, {"encoder": encoder_record, **adapter.settings})


class _Columns:
    """Embedded samples as tensors."""

    def __init__(self, samples: EmbeddedSamples) -> None:
        import torch

        self.rows = len(samples)
        self.is_query = [is_query(name) for name in samples.columns]
        self._vectors = {True: torch.from_numpy(samples.queries), False: torch.from_numpy(samples.passages)}
        self._row_of_text = torch.from_numpy(samples.places)
        self._groups = torch.from_numpy(samples.groups)

    def of(self, batch: Tensor) -> tuple[list[Tensor], Tensor]:
        """Embeddings of each column, and the groups."""
        rows = self._row_of_text[batch]
        embeddings = [self._vectors[query][rows[:, column]] for column, query in enumerate(self.is_query)]
        return embeddings, self._groups[batch]


def _value(columns: _Columns, model: AdapterMap, losses: Sequence[ColumnLoss], batch: Tensor) -> Tensor:
    unmapped, groups = columns.of(batch)
    mapped = [model(vectors, is_query) for vectors, is_query in zip(unmapped, columns.is_query, strict=True)]
    parts: list[Tensor] = []
    for loss in losses:
        # The teacher is the initial map, the identity.
        names = loss.column_names(len(unmapped))
        targets = [unmapped[names.index(name)] for name in loss.taught_columns(names)]
        parts += loss.parts_from(mapped, groups, targets).values()
    total: Tensor = sum(parts[1:], start=parts[0])
    return total


def _loss(model: AdapterMap, name: str, options: dict[str, Any]) -> ColumnLoss:
    from clinometer import losses

    loss_class: Any
    if name in RELATIONAL:
        loss_class, options = losses.RelationalDistillationLoss, {"scale": 20.0, **options}
    elif name in _BASELINES:
        loss_class = getattr(losses, _BASELINES[name])
    else:
        loss_class, options = losses.CrossLingualAlignmentLoss, {"parts": name, "jsd_input": "scaled", **options}
    reserved = ("self", "model", "teacher", "gather_across_devices", "negatives", "correction", "languages")
    option_names = [option for option in inspect.signature(loss_class).parameters if option not in reserved]
    refuse_unknown_options(options, option_names, f"the loss {name}")
    return loss_class(model, **options)  # type: ignore[no-any-return]


def _check_columns(loss: ColumnLoss, columns: tuple[str, ...], name: str) -> None:
    """Refuse columns that are not in the order of the loss; the pivot need not be English."""

    def kinds(names: Sequence[str]) -> list[tuple[bool, bool]]:
        return [(is_query(column), column.endswith("_tgt")) for column in names]

    loss_columns = loss.column_names(len(columns))
    if kinds(loss_columns) != kinds(columns):
        raise UsageError(
            f"the loss {name} takes the columns {', '.join(loss_columns)}, but the samples have {', '.join(columns)}; "
            f"choose the layout {'clear' if name in _BASELINES else 'alignment or alignment+query'}"
        )


def _embedded(
    samples: ParallelSamples | EmbeddedSamples, encoder: Encoder | None, show_progress_bar: bool
) -> EmbeddedSamples:
    if isinstance(samples, EmbeddedSamples):
        return samples
    if encoder is None:
        raise UsageError("the samples are texts, but no encoder was given; give one, or the result of embed_samples")
    return embed_samples(samples, encoder, show_progress_bar=show_progress_bar)
