"""Callbacks of a training: when there is a checkpoint, the bar, and early stopping."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from clinometer.errors import UsageError
from clinometer.progress import progress

__all__ = ["CHECKPOINT_MINUTES", "CheckpointSchedule", "watchers"]

CHECKPOINT_MINUTES = 10.0
_MOST_STEPS = 50
_NO_LOSS = ("eval_", "train_", "learning_rate", "grad_norm", "epoch", "loss_")


@dataclass(frozen=True)
class CheckpointSchedule:
    """When a training writes a checkpoint: after some steps, after some minutes, and at the end.

    Args:
        steps: Steps between checkpoints; None for a tenth of the training, but not more than 50.
        minutes: Minutes since the last checkpoint; None for steps only.

    Example:
        >>> schedule = CheckpointSchedule(None, None)
        >>> [step for step in range(1, 45) if schedule.is_due(step, 44, seconds=0.0)]
        [5, 10, 15, 20, 25, 30, 35, 40, 44]
        >>> CheckpointSchedule(20, 10.0).is_due(7, 44, seconds=601.0)
        True
    """

    steps: int | None = None
    minutes: float | None = CHECKPOINT_MINUTES

    def checked(self) -> CheckpointSchedule:
        """The schedule, if it can be followed.

        Raises:
            UsageError: A number that is not positive.
        """
        if self.steps is not None and self.steps < 1:
            raise UsageError(f"checkpoint_steps is {self.steps}, but must be 1 or more")
        if self.minutes is not None and not self.minutes > 0:
            raise UsageError(f"checkpoint_minutes is {self.minutes}, but must be greater than 0")
        return self

    def is_due(self, step: int, all_steps: int, seconds: float) -> bool:
        """Whether a checkpoint is written after a step.

        Args:
            step: Number of the step, from 1.
            all_steps: Number of steps of the training.
            seconds: Time since the last checkpoint.
        """
        steps = self.steps or min(_MOST_STEPS, -(-all_steps // 10))
        late = self.minutes is not None and seconds >= 60 * self.minutes
        return late or step % steps == 0 or step >= all_steps


def watchers(
    schedule: CheckpointSchedule,
    patience: int | None = None,
    show_progress_bar: bool = False,
    *,
    clock: Callable[[], float] = time.monotonic,
) -> list[Any]:
    """Callbacks for a trainer of transformers.

    Args:
        schedule: When there is a checkpoint.
        patience: Number of evaluations without a better one after which training stops; None for no limit.
        show_progress_bar: Draw a bar on standard error.
        clock: Seconds since any fixed moment.
    """
    from transformers import EarlyStoppingCallback, TrainerCallback

    class Checkpoints(TrainerCallback):  # type: ignore[misc, unused-ignore]
        """Asks for a checkpoint when the schedule says so."""

        def __init__(self) -> None:
            self._last = clock()

        def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
            self._last = clock()

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
            if schedule.is_due(state.global_step, state.max_steps, clock() - self._last):
                control.should_save = True

        def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
            self._last = clock()

    class Bar(TrainerCallback):  # type: ignore[misc, unused-ignore]
        """The number of steps, and the last logged losses and development value."""

        def __init__(self) -> None:
            self._bar: Any = None
            self._shown: dict[str, str] = {}

        def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
            self._bar = progress(state.max_steps, "training", "steps", initial=state.global_step, shown=True)

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
            self._bar.update(state.global_step - self._bar.n)

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:  # noqa: ARG002
            for name, value in (logs or {}).items():
                if name == args.metric_for_best_model:
                    self._shown["dev"] = f"{value:.4g}"
                elif isinstance(value, float) and not name.startswith(_NO_LOSS):
                    self._shown[name] = f"{value:.4g}"
            if self._bar is not None:
                self._bar.set_postfix(self._shown)

        def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
            self._bar.close()

    callbacks: list[Any] = [Checkpoints()]
    if show_progress_bar:
        callbacks.append(Bar())
    if patience is not None:
        callbacks.append(EarlyStoppingCallback(early_stopping_patience=patience))
    return callbacks
