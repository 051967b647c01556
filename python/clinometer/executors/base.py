"""The protocol of executors: apply a function to each of many items and merge the results.

Merging is associative and commutative, so an executor may process items in any order, on any machine, and repeat those
of a lost worker.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, Self, TypeVar, runtime_checkable

__all__ = ["Done", "Executor"]

T = TypeVar("T")
R = TypeVar("R")

Done = Callable[[int, Callable[[], R]], object]
"""Function called with the number of each finished item and a function that fetches its result."""


@runtime_checkable
class Executor(Protocol):
    """Runs a job in parts. A context manager: what it starts ends with it, also after an error."""

    @property
    def in_process(self) -> bool:
        """Whether the work runs in this process, where it may use open files and report progress."""
        ...

    @property
    def threads(self) -> int | None:
        """Default number of threads per item; None for one per core."""
        ...

    def map_reduce(
        self, fn: Callable[[T], R], items: Sequence[T], merge: Callable[[R, R], R], *, done: Done[R] | None = None
    ) -> R:
        """The merged results of `fn` for every item.

        Args:
            fn: A function of a module, or a `functools.partial` of one, whose bound arguments go to each worker once,
                not with every item.
            items: Plain data, at least one item.
            merge: Associative and commutative function that does not change its arguments.
            done: Function called in this process as items finish, in any order.

        Raises:
            ClinometerError: `fn` raised it, or workers were lost repeatedly.
        """
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...
