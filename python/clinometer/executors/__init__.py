"""Executors: where the parts of a large job run. `local` is this process; `ray` is a cluster (the extra `ray`).

The result has the same bits with any executor, because parts merge in any order.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from clinometer.errors import UsageError
from clinometer.executors.base import Done, Executor
from clinometer.executors.local import LocalExecutor
from clinometer.suggestions import one_of

__all__ = [
    "EXECUTORS",
    "Done",
    "Executor",
    "LocalExecutor",
    "check_executor",
    "executor_of",
    "opened",
    "require_executor",
]

EXECUTORS = ("local", "ray")


def executor_of(what: str | Executor, *, threads: int | None = None, workers: int | None = None) -> Executor:
    """An executor from its name; an existing one is returned as it is.

    Args:
        what: `local` or `ray`, or an executor.
        threads: Number of threads per task; one by default where tasks run in parallel.
        workers: Largest number of tasks at a time on ray; by default as many as its cores can hold.

    Raises:
        UsageError: The name is unknown.
        MissingExtraError: The extra `ray` is not installed.

    Example:
        >>> executor_of("local").map_reduce(len, ["a", "bcd"], max)
        3
    """
    require_executor(what)
    if not isinstance(what, str):
        return what
    if what == "local":
        return LocalExecutor()
    from clinometer.executors.ray import RayExecutor

    return RayExecutor(cpus_per_task=threads or 1, workers=workers)


@contextmanager
def opened(what: str | Executor, *, threads: int | None = None) -> Iterator[Executor]:
    """As `executor_of`, for one scan: closed afterwards if it was created from its name, else the caller's."""
    executor = executor_of(what, threads=threads)
    with executor if isinstance(what, str) else nullcontext():
        yield executor


def require_executor(what: object) -> None:
    """Refuse what is neither an executor nor the name of one.

    Raises:
        UsageError: The message gives the names.
    """
    if isinstance(what, str):
        check_executor(what)
    elif not isinstance(what, Executor):
        raise UsageError(f"{type(what).__name__} is not an executor; expected {' or '.join(EXECUTORS)}, or an Executor")


def check_executor(name: str) -> None:
    """Refuse an unknown name of an executor; the message lists the known ones."""
    if name not in EXECUTORS:
        raise UsageError(f"unknown executor {name!r}; expected {one_of(name, EXECUTORS)}")
