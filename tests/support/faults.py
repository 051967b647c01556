"""Changes of documents that go wrong in a worker, and functions that tell where they ran."""

from __future__ import annotations

import hashlib
import os
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinometer.encoders import EncoderRecord
from clinometer.errors import EncoderError, FormatError


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


class DeadlyEncoder:
    """Its last bits depend on the other texts of a call; kills the worker that gets here first."""

    def __init__(self, marker: str) -> None:
        self.record = EncoderRecord(name="deadly", kind="http", revision="1", dimension=4, warnings=["said"])
        self._marker = Path(marker)

    def encode_documents(self, texts: Sequence[str], *, show_progress_bar: bool = False) -> NDArray[np.float32]:
        if not self._marker.exists():
            self._marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if "bad" in texts:
            raise EncoderError("the text 'bad' is bad")
        rows = [list(hashlib.sha256(text.encode()).digest()[:4]) for text in texts]
        return np.array(rows, dtype=np.float32) + np.float32(1 + len(texts) / 1024)

    encode_queries = encode_documents


def process(_: int) -> set[int]:
    return {os.getpid()}


def refused(number: int) -> int:
    if number == 3:
        raise FormatError("some.npy", 7, "this is the fourth")
    return number


def defect(number: int) -> int:
    return 1 // (number - 3)
