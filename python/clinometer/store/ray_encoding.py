"""Encoding on a Ray cluster: actors hold one model each, and this process writes the store in order.

Each actor encodes the texts of whole shards, as a single process would, so that an encoder whose last bits depend on
the other texts of a call gives the same bits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from clinometer.adapters.adapter import Adapter
from clinometer.encoders.base import Encoder, encode
from clinometer.errors import ClinometerError, UsageError, first_line
from clinometer.executors.ray import RayExecutor
from clinometer.store.encoding import EncodeAll
from clinometer.store.manifest import Stage

__all__ = ["RayEncoders", "made_of"]

_RETRIES = 5


def made_of(what: str, options: dict[str, Any], adapter: Adapter | None = None) -> Encoder:
    """An encoder, followed by an adapter if there is one; for `functools.partial`, so that a worker can create it."""
    from clinometer.adapters.encoder import AdaptedEncoder
    from clinometer.encoders import encoder

    base_encoder = encoder(what, **options)
    return base_encoder if adapter is None else AdaptedEncoder(base_encoder, adapter)


class RayEncoders:
    """One model per worker. A context manager: leaving it ends the actors.

    Args:
        make: Function that creates the encoder in each worker.
        workers: Number of workers; by default one per core, or per GPU.
        device: Device of the model; with `cuda` each actor has its own GPU.

    Raises:
        MissingExtraError: The extra `ray` is not installed.
        UsageError: The device names one GPU, or the number of workers is below 1.
    """

    def __init__(self, make: Callable[[], Encoder], *, workers: int | None = None, device: str | None = None) -> None:
        if device is not None and ":" in device:
            raise UsageError(
                f"device is {device!r}, but Ray gives each worker its own; write {device.partition(':')[0]}"
            )
        if workers is not None and workers < 1:
            raise UsageError(f"workers is {workers}, but must be 1 or more")
        self._executor = RayExecutor()
        self._make, self._gpus = make, int(device == "cuda")
        self._workers = workers
        self._actors: list[Any] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        import ray

        for actor in self._actors:
            ray.kill(actor)
        self._executor.close()

    def encode_all(self, stage: Stage) -> EncodeAll:
        """Function for `clinometer.store.fill` that maps lists of texts to embeddings, in order."""
        return partial(self._mapped, stage)

    def warnings(self) -> list[str]:
        """Warnings of the workers' models; some are known only after all texts."""
        import ray

        messages = []
        for number, actor in enumerate(self._actors):
            with suppress(ray.exceptions.RayError):
                messages += [f"worker {number}: {text}" for text in ray.get(actor.warnings.remote())]
        return messages

    def _mapped(self, stage: Stage, lists: Iterator[list[str]]) -> Iterator[NDArray[np.float32]]:
        import ray
        from ray.util import ActorPool

        pool: Any = None
        try:
            for texts in lists:
                # Actors are created when there is something to do.
                pool = pool or ActorPool(self._started())
                pool.submit(lambda actor, batch: actor.encode.remote(stage, batch), texts)
                # Submit one list per actor at a time, not all of a large collection.
                while pool.has_next() and not pool.has_free():
                    yield _value(pool.get_next())
            while pool is not None and pool.has_next():
                yield _value(pool.get_next())
        except ray.exceptions.RayTaskError as error:
            raise error.as_instanceof_cause() from None
        except ray.exceptions.RayError as error:
            raise ClinometerError(
                f"Ray gave up encoding after {_RETRIES} retries ({first_line(error)}); check the memory of the cluster"
            ) from None

    def _started(self) -> list[Any]:
        import ray

        if not self._actors:
            resources = ray.cluster_resources()
            count = self._workers or max(1, int(resources.get("GPU" if self._gpus else "CPU", 1)))
            if count > resources.get("CPU", 1):
                raise UsageError(
                    f"{count} workers need as many cores, but the cluster has {resources.get('CPU', 1):.0f}"
                )
            retries = {"max_restarts": _RETRIES, "max_task_retries": _RETRIES}
            holder: Any = ray.remote(num_cpus=1, num_gpus=self._gpus, **retries)(_Holder)
            self._actors = [holder.remote(self._make) for _ in range(count)]
        return self._actors


class _Holder:
    """One worker's model."""

    def __init__(self, make: Callable[[], Encoder]) -> None:
        self._encoder = make()

    def encode(self, stage: Stage, texts: list[str]) -> NDArray[np.float32] | ClinometerError:
        try:
            return encode(self._encoder, texts, stage)
        except ClinometerError as error:
            return error

    def warnings(self) -> list[str]:
        return list(self._encoder.record.warnings)


def _value(result: NDArray[np.float32] | ClinometerError) -> NDArray[np.float32]:
    if isinstance(result, ClinometerError):
        raise result
    return result
