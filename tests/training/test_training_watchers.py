"""When a training has checkpoints."""

from __future__ import annotations

import pytest

from clinometer.errors import UsageError
from clinometer.training.watchers import CheckpointSchedule


@pytest.mark.parametrize(
    ("steps", "all_steps", "expected"),
    [
        (None, 44, [5, 10, 15, 20, 25, 30, 35, 40, 44]),
        (None, 3, [1, 2, 3]),
        (None, 1000, list(range(50, 1001, 50))),
        (20, 44, [20, 40, 44]),
        (100, 44, [44]),
    ],
)
def test_by_steps(steps: int | None, all_steps: int, expected: list[int]) -> None:
    schedule = CheckpointSchedule(steps, None)
    assert [step for step in range(1, all_steps + 1) if schedule.is_due(step, all_steps, 1e9)] == expected


def test_by_minutes() -> None:
    schedule = CheckpointSchedule(1000, 0.5)
    assert [schedule.is_due(7, 100, seconds) for seconds in (0.0, 29.9, 30.0)] == [False, False, True]


@pytest.mark.parametrize(
    ("steps", "minutes", "sentence"),
    [
        (0, None, "checkpoint_steps is 0, but must be 1 or more"),
        (None, 0.0, "checkpoint_minutes is 0.0, but must be greater than 0"),
        (None, float("nan"), "checkpoint_minutes is nan, but must be greater than 0"),
    ],
)
def test_a_schedule_that_cannot_be_followed(steps: int | None, minutes: float | None, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        CheckpointSchedule(steps, minutes).checked()
