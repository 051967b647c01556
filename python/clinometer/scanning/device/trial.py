"""The fastest arithmetic for this device and these data, measured on the first blocks of a scan."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch

from clinometer.scanning.device.options import PRECISIONS

__all__ = ["Trial", "precisions_of"]

# Compute capability from which a GPU of NVIDIA has matrix units for TF32 and bfloat16.
_MATRIX_UNITS = (8, 0)


def precisions_of(device: torch.device) -> Sequence[str]:
    """Arithmetic that may be fastest on a device: all of it where there are matrix units, else float32."""
    if device.type == "cuda" and torch.cuda.get_device_capability(device) >= _MATRIX_UNITS:
        return PRECISIONS
    return PRECISIONS[:1]


class Trial:
    """Chooses the arithmetic of each block: each in turn at first, then the one that took least time for a document.

    The first block warms the device up and does not count.

    Args:
        precisions: Arithmetic to choose from.
        device: Device to wait for.

    Example:
        >>> trial = Trial(["float32", "tf32-certified"], torch.device("cpu"))
        >>> for _ in range(3):
        ...     with trial.block(1000) as precision:
        ...         print(precision, end=" ")
        float32 float32 tf32-certified
    """

    def __init__(self, precisions: Sequence[str], device: torch.device) -> None:
        self._left = [precisions[0], *precisions] if len(precisions) > 1 else []
        self._seconds: dict[str, float] = dict.fromkeys(precisions[:1], 0.0)
        self._device = device

    @contextmanager
    def block(self, documents: int) -> Iterator[str]:
        """The arithmetic for a block of some documents, which is measured as long as there is a choice."""
        if not self._left:
            yield min(self._seconds, key=self._seconds.__getitem__)
            return
        precision = self._left.pop(0)
        self._wait()
        start = time.perf_counter()
        yield precision
        self._wait()
        self._seconds[precision] = (time.perf_counter() - start) / documents

    def _wait(self) -> None:
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
