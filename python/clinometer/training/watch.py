"""What a trainer shows while it works: one bar on standard error with the last losses by name."""

from __future__ import annotations

import sys
from typing import Any

__all__ = ["watchers"]

_NO_LOSS = ("eval_", "train_", "learning_rate", "grad_norm", "epoch", "loss_")


def watchers(show_progress_bar: bool, patience: int | None) -> list[Any]:
    """The callbacks of a training: the bar, and the end of it after so many evaluations without a better one."""
    from transformers import EarlyStoppingCallback, TrainerCallback

    class Bar(TrainerCallback):  # type: ignore[misc, unused-ignore]
        """Steps done, and the last logged losses and development value."""

        def __init__(self) -> None:
            self._bar: Any = None
            self._shown: dict[str, str] = {}

        def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
            from tqdm import tqdm

            self._bar = tqdm(
                total=state.max_steps, initial=state.global_step, desc="training", unit="step", file=sys.stderr
            )

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

    found: list[Any] = [Bar()] if show_progress_bar else []
    return found + ([EarlyStoppingCallback(early_stopping_patience=patience)] if patience is not None else [])
