"""Everything that decides how a model is trained, in one record that is written beside the model.

The same plan, data and software on one machine give the same model; a plan that differs is never resumed.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from clinometer.errors import UsageError
from clinometer.languages import canonical
from clinometer.training.recipes import recipe_of

__all__ = ["Freeze", "Precision", "TrainingPlan"]

Precision = Literal["auto", "float32", "bfloat16"]
Freeze = Literal["nothing", "embeddings"]


_OF_THE_RECIPE = ("batch_size", "mini_batch_size", "learning_rate", "max_length", "blend")  # where a caller names none


class TrainingPlan(msgspec.Struct, frozen=True, kw_only=True):
    """How a model is trained.

    Args:
        model: Name or folder of a sentence-transformers model.
        data: Files of parallel JSONL.
        languages: Target languages.
        pivot: The language that the others are aligned with.
        samples: At most so many for each target language; None for all.
        loss: A sum of parts or a recipe; see `clinometer.training.recipes`.
        loss_options: Options of the loss, such as `{"scale": 50.0}`.
        hold: Weight of the pull to the untrained model; 0 for none.
        epochs: Times that the data is read.
        batch_size: Samples in a step.
        mini_batch_size: Texts in memory at a time (GradCache); None, or as many as the batch, for the whole batch.
        learning_rate: Highest; it rises over the first steps and falls to 0 in a straight line.
        warmup: Share of the steps over which it rises.
        weight_decay: Of AdamW.
        max_length: Longest text in tokens.
        freeze: `embeddings` leaves the word embeddings as they are, which saves most of the memory and a third of the
            time of a small multilingual model; `nothing` trains all weights.
        lora_rank: Train low-rank differences of the attention layers instead of the weights, and add them up at the
            end (needs peft); None for no such thing.
        blend: The model that is kept lies so far from the untrained one (0) to the trained one (1).
        precision: `auto` computes in bfloat16 where the processor does so in hardware.
        query_prompt: Put before each query; None for the model's own.
        document_prompt: Put before each document; None for the model's own.
        dev_share: Share of the pages of the data that is kept for development.
        evaluations: How often the development split is evaluated during training; 0 for never. The best state is kept.
        dev_questions: At most so many questions of the development split.
        patience: Stop after so many evaluations without a better one; None for never.
        seed: Which samples, their order, and dropout.
    """

    model: str
    data: list[str]
    languages: list[str]
    pivot: str = "en"
    samples: int | None = 2800
    loss: str = "upright"
    loss_options: dict[str, Any] = {}
    hold: float = 0.0
    epochs: int = 1
    batch_size: int
    mini_batch_size: int | None = None
    learning_rate: float
    warmup: float = 0.1
    weight_decay: float = 0.01
    max_length: int
    freeze: Freeze = "embeddings"
    lora_rank: int | None = None
    blend: float
    precision: Precision = "auto"
    query_prompt: str | None = None
    document_prompt: str | None = None
    dev_share: float = 0.1
    evaluations: int = 0
    dev_questions: int | None = 200
    patience: int | None = None
    seed: int = 42

    @classmethod
    def of(cls, model: str, data: list[str], languages: list[str], **options: Any) -> TrainingPlan:
        """A plan by a loss's recipe: what `options` leave out, or give as None, is the recipe's own.

        Raises:
            UsageError: A value that cannot be used, by the name of its option.

        Example:
            >>> plan = TrainingPlan.of("m", ["pairs.jsonl"], ["DE"], loss="jsd+nce", batch_size=32)
            >>> plan.languages, plan.batch_size, plan.learning_rate
            (['de'], 32, 3e-05)
        """
        recipe = recipe_of(options.get("loss", "upright"))
        own = {name: getattr(recipe, name) for name in _OF_THE_RECIPE if options.get(name) is None}
        return cls(model=model, data=data, languages=languages, **{**options, **own}).checked()

    def checked(self) -> TrainingPlan:
        """The plan with languages in canonical spelling.

        Raises:
            UsageError: A value that cannot be used, by the name of its option.
        """
        recipe_of(self.loss)
        if not self.data:
            raise UsageError("no data was given; name one or more files of parallel JSONL")
        if not self.languages:
            raise UsageError("no language was given; name the target languages, such as de,zh")
        for name, least in (("epochs", 1), ("batch_size", 2), ("max_length", 1), ("evaluations", 0)):
            if getattr(self, name) < least:
                raise UsageError(f"{name} is {getattr(self, name)}, but must be {least} or more")
        for name in ("samples", "mini_batch_size", "lora_rank", "dev_questions", "patience"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise UsageError(f"{name} is {value}, but must be 1 or more")
        for name, low, high in (("warmup", 0, 1), ("blend", 0, 1), ("weight_decay", 0, 1)):
            value = getattr(self, name)
            if not low <= value <= high:
                raise UsageError(f"{name} is {value}, but must lie between {low} and {high}")
        if not self.learning_rate > 0:
            raise UsageError(f"learning_rate is {self.learning_rate}, but must be greater than 0")
        if self.hold < 0:
            raise UsageError(f"hold is {self.hold}, but cannot be negative")
        if not 0 <= self.dev_share < 1:
            raise UsageError(f"dev_share is {self.dev_share}, but must be 0 or more and less than 1")
        if self.evaluations and not self.dev_share:
            raise UsageError("there is nothing to evaluate during training; give dev_share, or set evaluations to 0")
        if self.patience is not None and not self.evaluations:
            raise UsageError("patience counts evaluations during training, but there are none; set evaluations")
        if self.precision not in ("auto", "float32", "bfloat16"):
            raise UsageError(f"there is no precision {self.precision!r}; choose auto, float32 or bfloat16")
        if self.freeze not in ("nothing", "embeddings"):
            raise UsageError(f"there is nothing to freeze called {self.freeze!r}; choose embeddings or nothing")
        languages = list(dict.fromkeys(canonical(label) for label in self.languages))
        return msgspec.structs.replace(self, languages=languages, pivot=canonical(self.pivot))

    def differences(self, other: TrainingPlan) -> list[str]:
        """What differs, one sentence part for each option.

        Example:
            >>> one = TrainingPlan.of("m", ["d.jsonl"], ["de"])
            >>> one.differences(TrainingPlan.of("m", ["d.jsonl"], ["de"], epochs=2))
            ['epochs (1, now 2)']
        """
        mine, theirs = msgspec.to_builtins(self), msgspec.to_builtins(other)
        return [f"{name} ({mine[name]}, now {theirs[name]})" for name in mine if mine[name] != theirs[name]]
