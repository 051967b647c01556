"""Everything that determines how a model is trained, in one record that is saved with the model.

The same plan, data and software on one machine give the same model; a training never resumes under a different plan.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from clinometer.errors import UsageError
from clinometer.languages import canonical
from clinometer.training.recipes import RELATIONAL, recipe_of
from clinometer.training.teacher import Teacher, check_teacher

__all__ = ["Freeze", "Precision", "TrainingPlan"]

Precision = Literal["auto", "float32", "bfloat16"]
Freeze = Literal["nothing", "embeddings"]
# Unless the caller sets them.
_OF_THE_RECIPE = ("batch_size", "mini_batch_size", "learning_rate", "max_length", "blend")


class TrainingPlan(msgspec.Struct, frozen=True, kw_only=True):
    """How a model is trained.

    Args:
        model: Name or folder of a sentence-transformers model.
        data: Files of parallel JSONL.
        languages: Target languages.
        pivot: The language that the others are aligned with.
        samples: Maximum number of samples per target language; None for all.
        loss: A sum of parts or a recipe; see `clinometer.training.recipes`.
        loss_options: Options of the loss, such as `{"scale": 50.0}`.
        teacher: What a relational loss learns from: `pivot` for the untrained model's similarities in the pivot
            language, `centered` for its similarities between all languages after centering, whose means are fitted on
            the training texts (`clinometer.training.teacher`).
        hold: Weight of the pull towards the untrained model; 0 for none.
        epochs: Passes over the data.
        batch_size: Samples in a step.
        mini_batch_size: Texts in memory at a time (GradCache); None or `batch_size` for the whole batch.
        learning_rate: Highest learning rate; it rises over the first steps and then falls linearly to 0.
        warmup: Share of the steps over which the learning rate rises.
        weight_decay: Weight decay of AdamW.
        max_length: Longest text in tokens.
        freeze: `embeddings` leaves the word embeddings as they are, which saves most of the memory and a third of the
            time of a small multilingual model; `nothing` trains all weights.
        lora_rank: Rank of low-rank differences of the attention layers that are trained instead of the weights and
            added to them at the end (needs peft); None to train the weights.
        blend: Interpolation between the untrained (0) and the trained model (1) that is kept.
        precision: `float32`, `bfloat16`, or `auto` for bfloat16 if the processor supports it in hardware.
        query_prompt: Text put before each query; None for the model's own prompt.
        document_prompt: Text put before each document; None for the model's own prompt.
        dev_share: Share of the pages of the data that is kept for development.
        evaluations: Number of evaluations on the development split during training; 0 for none. The best state is kept.
        dev_questions: Maximum number of questions of the development split.
        patience: Number of evaluations without a better one after which training stops; None for no limit.
        seed: Seed of the choice of samples, their order, and dropout.
    """

    model: str
    data: list[str]
    languages: list[str]
    pivot: str = "en"
    samples: int | None = 2800
    loss: str = "upright"
    loss_options: dict[str, Any] = {}
    teacher: Teacher = "pivot"
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
        """A plan by a loss's recipe, which sets what `options` leave out or give as None.

        Raises:
            UsageError: A value that cannot be used; the message names its option.

        Example:
            >>> plan = TrainingPlan.of("m", ["pairs.jsonl"], ["DE"], loss="jsd+nce", batch_size=32)
            >>> plan.languages, plan.batch_size, plan.learning_rate
            (['de'], 32, 3e-05)
        """
        recipe = recipe_of(options.get("loss", "upright"))
        recipe_values = {name: getattr(recipe, name) for name in _OF_THE_RECIPE if options.get(name) is None}
        return cls(model=model, data=data, languages=languages, **{**options, **recipe_values}).checked()

    def checked(self) -> TrainingPlan:
        """The plan with languages in canonical spelling.

        Raises:
            UsageError: A value that cannot be used; the message names its option.
        """
        recipe_of(self.loss)
        if not self.data:
            raise UsageError("no data was given; give one or more files of parallel JSONL")
        if not self.languages:
            raise UsageError("no languages were given; give the target languages, such as de,zh")
        for name, minimum in (("epochs", 1), ("batch_size", 2), ("max_length", 1), ("evaluations", 0)):
            if getattr(self, name) < minimum:
                raise UsageError(f"{name} is {getattr(self, name)}, but must be {minimum} or more")
        for name in ("samples", "mini_batch_size", "lora_rank", "dev_questions", "patience"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise UsageError(f"{name} is {value}, but must be 1 or more")
        for name in ("warmup", "blend", "weight_decay"):
            if not 0 <= getattr(self, name) <= 1:
                raise UsageError(f"{name} is {getattr(self, name)}, but must lie between 0 and 1")
        if not self.learning_rate > 0:
            raise UsageError(f"learning_rate is {self.learning_rate}, but must be greater than 0")
        if self.hold < 0:
            raise UsageError(f"hold is {self.hold}, but cannot be negative")
        if not 0 <= self.dev_share < 1:
            raise UsageError(f"dev_share is {self.dev_share}, but must be 0 or more and less than 1")
        if self.evaluations and not self.dev_share:
            raise UsageError("evaluations is set, but no data is kept for them; set dev_share, or evaluations to 0")
        if self.patience is not None and not self.evaluations:
            raise UsageError("patience counts evaluations during training, but evaluations is 0; set evaluations")
        if self.precision not in ("auto", "float32", "bfloat16"):
            raise UsageError(f"unknown precision {self.precision!r}; expected auto, float32 or bfloat16")
        check_teacher(self.teacher)
        if self.teacher != "pivot" and self.loss not in RELATIONAL:
            raise UsageError(
                f"the loss {self.loss!r} does not learn from a {self.teacher} teacher; choose {' or '.join(RELATIONAL)}"
            )
        if self.freeze not in ("nothing", "embeddings"):
            raise UsageError(f"unknown value {self.freeze!r} of freeze; expected embeddings or nothing")
        languages = list(dict.fromkeys(canonical(label) for label in self.languages))
        return msgspec.structs.replace(self, languages=languages, pivot=canonical(self.pivot))

    def differences(self, other: TrainingPlan) -> list[str]:
        """The differences to another plan, one phrase for each option.

        Example:
            >>> plan = TrainingPlan.of("m", ["d.jsonl"], ["de"])
            >>> plan.differences(TrainingPlan.of("m", ["d.jsonl"], ["de"], epochs=2))
            ['epochs (1, now 2)']
        """
        own_values, other_values = msgspec.to_builtins(self), msgspec.to_builtins(other)
        return [
            f"{name} ({own_values[name]}, now {other_values[name]})"
            for name in own_values
            if own_values[name] != other_values[name]
        ]
