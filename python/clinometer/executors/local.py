"""The executor that does everything here, item after item; what an item is done with may use all cores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Self, TypeVar

from clinometer.executors.base import Done

__all__ = ["LocalExecutor"]

T = TypeVar("T")
R = TypeVar("R")


class LocalExecutor:
    """Works in this process and needs nothing."""

    in_process = True
    threads = None

    def map_reduce(
        self, fn: Callable[[T], R], items: Sequence[T], merge: Callable[[R, R], R], *, done: Done[R] | None = None
    ) -> R:
        """See `Executor.map_reduce`."""
        whole: R | None = None
        for number, item in enumerate(items):
            result = fn(item)
            if done is not None:
                done(number, lambda result=result: result)  # type: ignore[misc]
            whole = result if number == 0 else merge(whole, result)  # type: ignore[arg-type]
        return whole  # type: ignore[return-value]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass
