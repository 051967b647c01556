"""Losses by name, as in `clinometer train --loss` and a training plan.

A name is a sum of parts (`jsd+nce`, `pool+mono+sim`) or one of `RECIPES`. Each defines which columns it reads.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from clinometer.errors import UsageError
from clinometer.suggestions import did_you_mean
from clinometer.training.data import Layout

__all__ = ["RECIPES", "RELATIONAL", "Recipe", "make_loss", "recipe_of"]

_PARTS = ("jsd", "nce", "psg", "pool", "mono", "sim")


@dataclass(frozen=True)
class Recipe:
    """A loss and the training options that suit it; the options of a plan override these.

    Args:
        name: Name of the loss.
        layout: Columns that it reads; see `clinometer.training.data.LAYOUTS`.
        parts: Parts of `CrossLingualAlignmentLoss`; empty for losses of another kind.
        blend: Interpolation between the untrained (0) and the trained model (1) that is kept.
        batch_size: Samples in a step.
        learning_rate: Highest learning rate.
        max_length: Longest text in tokens.
        mini_batch_size: Texts in memory at a time; None for the whole batch.
        options: Options of the loss.
    """

    name: str
    layout: Layout
    parts: str = ""
    blend: float = 1.0
    batch_size: int = 16
    learning_rate: float = 3e-5
    max_length: int = 128
    mini_batch_size: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


# `upright` is what docs/reproduction.md recommends; its numbers were chosen in docs/recipe.md, on development texts.
RECIPES: dict[str, Recipe] = {
    "upright": Recipe(
        "upright",
        "alignment+query",
        blend=0.75,
        batch_size=64,
        learning_rate=4e-5,
        max_length=256,
        mini_batch_size=16,  # the whole batch needs more than 24 GB even with a small encoder
    ),
    "clear": Recipe("clear", "clear"),
    "lakda": Recipe("lakda", "clear"),
    "distill": Recipe("distill", "alignment+query"),
    "relational": Recipe("relational", "alignment+query"),
}


RELATIONAL = ("upright", "relational")
"""Names of recipes whose loss is `RelationalDistillationLoss`."""


def recipe_of(name: str) -> Recipe:
    """The recipe with a name.

    Raises:
        UsageError: It is neither a known name nor a sum of known parts.

    Example:
        >>> recipe_of("jsd+nce").layout
        'alignment'
        >>> recipe_of("jsd+nec")
        Traceback (most recent call last):
        clinometer.errors.UsageError: unknown loss 'jsd+nec'; join jsd, nce, psg, pool, mono, sim by '+', ...
    """
    if name in RECIPES:
        return RECIPES[name]
    parts = [part.strip() for part in name.split("+")]
    if not set(parts) <= set(_PARTS) or len(set(parts)) < len(parts):
        raise UsageError(
            f"unknown loss {name!r}; join {', '.join(_PARTS)} by '+', each once, or choose {', '.join(RECIPES)}"
            + did_you_mean(parts, (*RECIPES, *_PARTS))
        )
    # The paper's parts read three columns; our own also read the query in the target language.
    own_parts = set(parts) & {"pool", "mono", "sim"}
    return Recipe(name, "alignment+query" if own_parts else "alignment", "+".join(parts))


def make_loss(
    model: Any,
    name: str,
    *,
    hold: float = 0.0,
    options: Mapping[str, Any] | None = None,
    mini_batch_size: int | None = None,
) -> Any:
    """The loss of a recipe for a model.

    Args:
        model: SentenceTransformer model before training: the pull of `hold` is towards this state.
        name: As for `recipe_of`.
        hold: Weight of the pull towards the untrained model (`DistillationLoss` on each text itself); 0 for none.
        options: Options of the loss, which override those of the recipe: for parts those of `CrossLingualAlignmentLoss`
            (`scale`, `jsd_input`, `weights`), for `clear` those of `ClearLoss`, for `lakda` those of
            `LakdaLoss`, for `distill` those of `DistillationLoss`.
        mini_batch_size: Texts embedded at a time (GradCache); the result is that of the whole batch.

    Raises:
        UsageError: The loss does not have an option, or cannot be cached.
        MissingExtraError: The extra `train` is not installed.
    """
    from clinometer import losses

    recipe = recipe_of(name)
    loss_options = {**recipe.options, **(options or {})}
    try:
        if recipe.parts:
            loss: Any = losses.CrossLingualAlignmentLoss(model, recipe.parts, **loss_options)
        elif name == "clear":
            loss = losses.ClearLoss(model, **loss_options)
        elif name == "lakda":
            loss = losses.LakdaLoss(model, **loss_options)
        elif name in RELATIONAL:
            loss = losses.RelationalDistillationLoss(model, **loss_options)
        else:
            loss = losses.DistillationLoss(model, **{"target": "pivot", "over_dimensions": "sum", **loss_options})
    except TypeError as error:
        if "keyword argument" not in str(error):
            raise
        raise UsageError(
            f"the loss {name!r} does not have all of the options {', '.join(loss_options)}: {error}"
        ) from None
    if hold:
        hold_loss = losses.DistillationLoss(model, over_dimensions="sum", weight=hold)
        loss = losses.CombinedLoss(model, {"loss": loss, "hold": hold_loss})
    if mini_batch_size is not None:
        loss = losses.GradCachedLoss(loss, mini_batch_size=mini_batch_size)
    return loss
