"""Changes of documents that go wrong in a worker, and functions that tell where they ran."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinometer.errors import FormatError


@dataclass(frozen=True)
class Unchanged:
    """Documents as they are, as float32."""

    block: int = 64

    def documents(self, rows: NDArray[Any], languages: Sequence[str]) -> NDArray[np.float32]:
        return np.asarray(rows, dtype=np.float32)


@dataclass(frozen=True)
class Deadly(Unchanged):
    """Kills the worker that gets here first; `always`: every one."""

    marker: str = ""
    always: bool = False

    def documents(self, rows: NDArray[Any], languages: Sequence[str]) -> NDArray[np.float32]:
        marker = Path(self.marker)
        if self.always or not marker.exists():
            with marker.open("a") as file:
                file.write("killed\n")
            os.kill(os.getpid(), signal.SIGKILL)
        return super().documents(rows, languages)


@dataclass(frozen=True)
class Slow(Unchanged):
    """Takes its time, and says that it has begun."""

    marker: str = ""

    def documents(self, rows: NDArray[Any], languages: Sequence[str]) -> NDArray[np.float32]:
        Path(self.marker).touch()
        time.sleep(60)
        return super().documents(rows, languages)


def process(_: int) -> set[int]:
    return {os.getpid()}


def refused(number: int) -> int:
    if number == 3:
        raise FormatError("some.npy", 7, "this is the fourth")
    return number


def defect(number: int) -> int:
    return 1 // (number - 3)
