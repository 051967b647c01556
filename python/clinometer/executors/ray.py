"""The executor on a Ray cluster. Ray places the tasks, moves their data, and repeats lost ones.

Nothing is scheduled here: tasks are submitted, and their results are merged in pairs, on the cluster, as they arrive.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Self, TypeVar

from clinometer.errors import ClinometerError, UsageError, first_line, optional_package
from clinometer.executors.base import Done

__all__ = ["RayExecutor"]

T = TypeVar("T")
R = TypeVar("R")

_RETRIES = 5
# Tasks submitted per core of the cluster: one running and one waiting.
_AHEAD = 2


class RayExecutor:
    """Runs on the cluster at an address, or on a local one that ends with the executor.

    Args:
        address: Address of a running cluster; `RAY_ADDRESS` of the environment by default. Without either, a local
            cluster is started. If this process is already connected to a cluster, that one is used and left running.
        cpus: Number of cores of a cluster started here; by default those of the machine.
        cpus_per_task: Number of cores per task; use the same number of threads.
        object_store: Bytes of shared memory of a cluster started here; Ray's choice by default.
        workers: Largest number of tasks at a time; by default as many as the cores of the cluster can hold.

    Raises:
        MissingExtraError: The extra `ray` is not installed.
        ClinometerError: No cluster answers at the address.
        UsageError: An address was passed, but this process is already connected.
    """

    in_process = False

    def __init__(
        self,
        address: str | None = None,
        *,
        cpus: int | None = None,
        cpus_per_task: int = 1,
        object_store: int | None = None,
        workers: int | None = None,
    ) -> None:
        if cpus_per_task < 1:
            raise UsageError(f"cpus_per_task is {cpus_per_task}, but must be 1 or more")
        self._ray = optional_package("ray", "the executor ray", "ray")
        self._cpus_per_task, self._workers = cpus_per_task, workers
        self._ours = not self._ray.is_initialized()
        if not self._ours:
            if address is not None:
                raise UsageError("this process is already connected to a Ray cluster; leave the address out")
            return
        address = address or os.environ.get("RAY_ADDRESS")
        if address:
            problem = (
                f"no Ray cluster at {address}, or it needs another token than RAY_AUTH_TOKEN; start one with "
                "'ray start --head', or unset RAY_ADDRESS"
            )
            options: dict[str, Any] = {"address": address}
        else:
            problem = "a local Ray cluster could not be started"
            options = {"address": "local", "num_cpus": cpus, "object_store_memory": object_store}
            options["include_dashboard"] = False
        try:
            self._ray.init(**options, log_to_driver=False, logging_level="ERROR")
        except (ConnectionError, RuntimeError, OSError, ValueError) as error:
            raise ClinometerError(f"{problem} ({error})") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Disconnect from the cluster, and stop it if it was started here."""
        if self._ours and self._ray.is_initialized():
            self._ray.shutdown()

    @property
    def threads(self) -> int:
        """Number of threads per task: its number of cores."""
        return self._cpus_per_task

    @property
    def cores(self) -> int:
        """Current number of cores of the cluster."""
        return max(1, int(self._ray.cluster_resources().get("CPU", 1)))

    def map_reduce(
        self, fn: Callable[[T], R], items: Sequence[T], merge: Callable[[R, R], R], *, done: Done[R] | None = None
    ) -> R:
        """See `Executor.map_reduce`. Bound arguments of `fn` are held once per machine, shared by its workers.

        Raises:
            ClinometerError: `fn` raised it, or a worker was lost repeatedly.
            UsageError: No machine has enough cores for a task.
        """
        ray = self._ray
        self._refuse_waiting()
        # Each task returns two values: the result, which stays on its machine, and a small signal, which is fetched.
        call = ray.remote(max_retries=_RETRIES, num_returns=2)(_call)
        # Merging must not wait for a core.
        task, merging = call.options(num_cpus=self._cpus_per_task), call.options(num_cpus=0)
        shared_fn, shared_merge = ray.put(fn), ray.put(merge)
        window = self._workers or _AHEAD * max(1, self.cores // self._cpus_per_task)
        numbers = iter(range(len(items)))
        running: dict[Any, tuple[Any, int | None]] = {}
        unmerged: list[Any] = []
        try:
            while True:
                while len(running) < window and (number := next(numbers, None)) is not None:
                    result, signal = task.remote(shared_fn, items[number])
                    running[signal] = result, number
                while len(unmerged) > 1:
                    result, signal = merging.remote(shared_merge, unmerged.pop(), unmerged.pop())
                    running[signal] = result, None
                if not running:
                    return ray.get(unmerged[0])  # type: ignore[no-any-return]
                finished, _ = ray.wait(list(running), num_returns=1)
                for signal in finished:
                    result, number = running.pop(signal)
                    if (error := self._fetched(signal, result)) is not None:
                        raise error
                    if number is not None and done is not None:
                        done(number, lambda result=result: ray.get(result))  # type: ignore[misc]
                    unmerged.append(result)
        except ray.exceptions.RayTaskError as error:
            if isinstance(error.cause, ImportError):
                raise ClinometerError(
                    f"a worker lacks a package ({error.cause}); install this version of clinometer on every machine"
                ) from None
            raise error.as_instanceof_cause() from None
        except ray.exceptions.RayError as error:
            raise ClinometerError(
                f"Ray gave up a part of the work after {_RETRIES} retries ({first_line(error)}); check the memory and "
                "the disks of the cluster"
            ) from None
        finally:
            for signal in running:
                ray.cancel(signal, force=True)

    def _refuse_waiting(self) -> None:
        """Refuse tasks for which Ray would wait forever, because no machine has enough cores."""
        most = max((node["Resources"].get("CPU", 0) for node in self._ray.nodes() if node["Alive"]), default=0)
        if self._cpus_per_task > most:
            raise UsageError(
                f"a task needs {self._cpus_per_task} cores, but no machine of the cluster has more "
                f"than {most:.0f}; use fewer threads"
            )

    def _fetched(self, signal: Any, result: Any) -> Exception | None:
        """The error that the task returned; if the task was lost, Ray's error is raised."""
        ray = self._ray
        try:
            return ray.get(signal)  # type: ignore[no-any-return]
        except ray.exceptions.RayError:
            with suppress(ray.exceptions.RayError):
                # The result is lost as well; Ray would warn that nobody fetched it.
                ray.get(result)
            raise


def _call(fn: Callable[..., R], *arguments: Any) -> tuple[R | None, Exception | None]:
    """The result, or an error that a user can fix; Ray reports any other."""
    try:
        return fn(*arguments), None
    except (ClinometerError, OSError) as error:
        return None, error
