"""The executor that runs items one after another in this process; each may use all cores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Self, TypeVar

from clinometer.executors.base import Done

__all__ = ["LocalExecutor"]

T = TypeVar("T")
R = TypeVar("R")


class LocalExecutor:
    """Runs in this process, without dependencies."""

    in_process = True
    threads = None

    def map_reduce(
        self, fn: Callable[[T], R], items: Sequence[T], merge: Callable[[R, R], R], *, done: Done[R] | None = None
    ) -> R:
        """See `Executor.map_reduce`."""
        total: R | None = None
        for number, item in enumerate(items):
            result = fn(item)
            if done is not None:
                done(number, lambda result=result: result)  # type: ignore[misc]
            total = result if number == 0 else merge(total, result)  # type: ignore[arg-type]
        return total  # type: ignore[return-value]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass
