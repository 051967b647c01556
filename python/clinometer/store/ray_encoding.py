"""Encoding on a Ray cluster: actors that hold one model each, and a store that is written here, in order.

Each actor encodes the texts of whole shards, as one process would, so that an encoder whose last bits depend on the
other texts of a call gives the same bits.
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
from clinometer.errors import ClinometerError, UsageError
from clinometer.executors.ray import RayExecutor
from clinometer.store.encoding import EncodeAll
from clinometer.store.manifest import Stage

__all__ = ["RayEncoders", "made_of"]

_RETRIES = 5


def made_of(what: str, options: dict[str, Any], adapter: Adapter | None = None) -> Encoder:
    """An encoder, with an adapter behind it if there is one; for `functools.partial`, so that a worker can make it."""
    from clinometer.adapters.encoder import AdaptedEncoder
    from clinometer.encoders import encoder

    made = encoder(what, **options)
    return made if adapter is None else AdaptedEncoder(made, adapter)


class RayEncoders:
    """As many models as there are workers. A context manager: leaving it ends the actors.

    Args:
        make: Makes the encoder, in each worker.
        workers: How many; by default one for each core, or for each GPU.
        device: Where the model computes; with `cuda` each actor has a GPU of its own.

    Raises:
        MissingExtraError: The extra `ray` is not installed.
        UsageError: The device names one GPU, or there are no workers.
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
        """What `clinometer.store.fill` takes: lists of texts to embeddings, in the order of the lists."""
        return partial(self._mapped, stage)

    def warnings(self) -> list[str]:
        """What the models of the workers have to say; some of it is known only when all texts have been seen."""
        import ray

        found = []
        for number, actor in enumerate(self._actors):
            with suppress(ray.exceptions.RayError):
                found += [f"worker {number}: {text}" for text in ray.get(actor.warnings.remote())]
        return found

    def _mapped(self, stage: Stage, lists: Iterator[list[str]]) -> Iterator[NDArray[np.float32]]:
        import ray
        from ray.util import ActorPool

        pool: Any = None
        try:
            for texts in lists:
                # The actors are made when there is something to do.
                pool = pool or ActorPool(self._started())
                pool.submit(lambda actor, given: actor.encode.remote(stage, given), texts)
                # As many lists are under way as there are actors, not all of a large collection.
                while pool.has_next() and not pool.has_free():
                    yield _value(pool.get_next())
            while pool is not None and pool.has_next():
                yield _value(pool.get_next())
        except ray.exceptions.RayTaskError as error:
            raise error.as_instanceof_cause() from None
        except ray.exceptions.RayError as error:
            first = str(error).strip().splitlines()
            raise ClinometerError(
                f"Ray gave up encoding after {_RETRIES} retries ({first[0] if first else type(error).__name__}); look "
                "at the memory of the cluster"
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
            holder: Any = ray.remote(num_cpus=1, num_gpus=self._gpus, max_restarts=_RETRIES, max_task_retries=_RETRIES)(
                _Holder
            )
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


def _value(found: NDArray[np.float32] | ClinometerError) -> NDArray[np.float32]:
    if isinstance(found, ClinometerError):
        raise found
    return found
