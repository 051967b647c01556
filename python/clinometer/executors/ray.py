"""The executor that works on a Ray cluster. Ray places the tasks, moves what they need, and does lost ones again.

Nothing here schedules: tasks are handed over, and what they return is merged pair by pair, on the cluster, as it comes.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Self, TypeVar

from clinometer.errors import ClinometerError, MissingExtraError, UsageError
from clinometer.executors.base import Done

__all__ = ["RayExecutor"]

T = TypeVar("T")
R = TypeVar("R")

_RETRIES = 5
# Tasks handed over for each core of the cluster: one that runs, and one that is ready to.
_AHEAD = 2


class RayExecutor:
    """Works on the cluster at an address, or on one of this machine that ends with the executor.

    Args:
        address: Of a running cluster; the environment's `RAY_ADDRESS` by default. Without either, a cluster of this
            machine is started. Where this process is connected to a cluster already, that one is used and left alone.
        cpus: Cores of a cluster that is started; by default those of the machine.
        cpus_per_task: Cores that one task takes; give `threads` as many.
        object_store: Bytes of shared memory for a cluster that is started; Ray's choice by default.

    Raises:
        MissingExtraError: The extra `ray` is not installed.
        ClinometerError: There is no cluster at the address.
        UsageError: An address, where this process is connected already.
    """

    in_process = False

    def __init__(
        self,
        address: str | None = None,
        *,
        cpus: int | None = None,
        cpus_per_task: int = 1,
        object_store: int | None = None,
    ) -> None:
        if cpus_per_task < 1:
            raise UsageError(f"cpus_per_task is {cpus_per_task}, but must be 1 or more")
        self._ray = _imported()
        self._cpus_per_task = cpus_per_task
        self._ours = not self._ray.is_initialized()
        if not self._ours:
            if address is not None:
                raise UsageError("this process is connected to a Ray cluster already; leave the address out")
            return
        address = address or os.environ.get("RAY_ADDRESS")
        quiet = {"include_dashboard": False, "log_to_driver": False, "logging_level": "ERROR"}
        if address:
            quiet.pop("include_dashboard")
            mend = (
                f"there is no Ray cluster at {address}, or it wants another token than RAY_AUTH_TOKEN; start one with "
                "'ray start --head', or unset RAY_ADDRESS"
            )
            start: dict[str, Any] = {"address": address}
        else:
            mend = "a local Ray cluster could not be started"
            start = {"address": "local", "num_cpus": cpus, "object_store_memory": object_store}
        try:
            self._ray.init(**quiet, **start)
        except (ConnectionError, RuntimeError, OSError, ValueError) as error:
            raise ClinometerError(f"{mend} ({error})") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Leave the cluster, and end it if it was started here."""
        if self._ours and self._ray.is_initialized():
            self._ray.shutdown()

    @property
    def threads(self) -> int:
        """As many as a task has cores."""
        return self._cpus_per_task

    @property
    def cores(self) -> int:
        """Of the cluster, as it is now."""
        return max(1, int(self._ray.cluster_resources().get("CPU", 1)))

    def map_reduce(
        self, fn: Callable[[T], R], items: Sequence[T], merge: Callable[[R, R], R], *, done: Done[R] | None = None
    ) -> R:
        """See `Executor.map_reduce`. What `fn` carries lies once in the memory of each machine, shared by its workers.

        Raises:
            ClinometerError: What `fn` raises, or a worker that was lost again and again.
            UsageError: No machine has as many cores as a task is to have.
        """
        ray = self._ray
        self._refuse_waiting()
        # Two values each: the result, which stays where it is, and a sign that it is there, which is fetched.
        call = ray.remote(max_retries=_RETRIES, num_returns=2)(_call)
        # Merging must not wait for a core that others hold.
        task, joining = call.options(num_cpus=self._cpus_per_task), call.options(num_cpus=0)
        shared, pairing = ray.put(fn), ray.put(merge)
        window = _AHEAD * max(1, self.cores // self._cpus_per_task)
        numbers = iter(range(len(items)))
        running: dict[Any, tuple[Any, int | None]] = {}
        loose: list[Any] = []
        try:
            while True:
                while len(running) < window and (number := next(numbers, None)) is not None:
                    result, sign = task.remote(shared, items[number])
                    running[sign] = result, number
                while len(loose) > 1:
                    result, sign = joining.remote(pairing, loose.pop(), loose.pop())
                    running[sign] = result, None
                if not running:
                    return ray.get(loose[0])  # type: ignore[no-any-return]
                finished, _ = ray.wait(list(running), num_returns=1)
                for sign in finished:
                    result, number = running.pop(sign)
                    if (error := self._fetched(sign, result)) is not None:
                        raise error
                    if number is not None and done is not None:
                        done(number, lambda result=result: ray.get(result))  # type: ignore[misc]
                    loose.append(result)
        except ray.exceptions.RayTaskError as error:
            if isinstance(error.cause, ImportError):
                raise ClinometerError(
                    f"a worker lacks a package ({error.cause}); install this version of clinometer on every machine"
                ) from None
            raise error.as_instanceof_cause() from None
        except ray.exceptions.RayError as error:
            raise ClinometerError(f"{_lost(error)}; look at the memory and the disks of the cluster") from None
        finally:
            for sign in running:
                ray.cancel(sign, force=True)

    def _refuse_waiting(self) -> None:
        """Ray would wait for ever for a machine that can hold a task."""
        most = max((node["Resources"].get("CPU", 0) for node in self._ray.nodes() if node["Alive"]), default=0)
        if self._cpus_per_task > most:
            raise UsageError(
                f"a task is to have {self._cpus_per_task} cores, but no machine of the cluster has more "
                f"than {most:.0f}; give fewer threads"
            )

    def _fetched(self, sign: Any, result: Any) -> Exception | None:
        """What went wrong, as the task says; if it was lost, Ray's error is raised."""
        ray = self._ray
        try:
            return ray.get(sign)  # type: ignore[no-any-return]
        except ray.exceptions.RayError:
            with suppress(ray.exceptions.RayError):
                # The result is lost as well; Ray would complain that nobody looked.
                ray.get(result)
            raise


def _call(fn: Callable[..., R], *arguments: Any) -> tuple[R | None, Exception | None]:
    """The result, or what a user can mend; whatever else goes wrong is Ray's to report."""
    try:
        return fn(*arguments), None
    except (ClinometerError, OSError) as error:
        return None, error


def _lost(error: Exception) -> str:
    first = str(error).strip().splitlines()
    return f"Ray gave up a part of the work after {_RETRIES} retries ({first[0] if first else type(error).__name__})"


def _imported() -> Any:
    try:
        import ray
    except ImportError:
        raise MissingExtraError("the executor ray", "ray") from None
    return ray
