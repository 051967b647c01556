"""What an executor is: it does one thing to each of many items and adds up what comes out.

The adding up is associative and commutative, so an executor may take the items in any order, on any machine, and do one
again whose worker was lost.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, Self, TypeVar, runtime_checkable

__all__ = ["Done", "Executor"]

T = TypeVar("T")
R = TypeVar("R")

Done = Callable[[int, Callable[[], R]], object]
"""Told the number of each item that is done, and how to get its result, which may lie elsewhere."""


@runtime_checkable
class Executor(Protocol):
    """Does work in parts. A context manager: what it starts ends with it, whatever the reason."""

    @property
    def in_process(self) -> bool:
        """Whether the work is done in this process, where it may hold open files and report as it goes."""
        ...

    @property
    def threads(self) -> int | None:
        """How many threads one item is worked on with, unless told otherwise; None for as many as there are cores."""
        ...

    def map_reduce(
        self, fn: Callable[[T], R], items: Sequence[T], merge: Callable[[R, R], R], *, done: Done[R] | None = None
    ) -> R:
        """`fn` of every item, merged.

        Args:
            fn: A function of a module, or a `functools.partial` of one. What the partial carries goes to each worker
                once, not with every item.
            items: At least one; plain data.
            merge: Associative and commutative; it does not change its arguments.
            done: Called in this process as items are done, in any order.

        Raises:
            ClinometerError: What `fn` raises, or workers that were lost again and again.
        """
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...
