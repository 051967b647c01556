"""Files that survive a kill and a power cut whole or not at all, and the lock that keeps a second writer out."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from clinometer.errors import ClinometerError

__all__ = ["PARTIAL", "Hashing", "durable", "lock"]

PARTIAL = ".partial"
_LOCK = ".lock"


class Hashing:
    """A file to write to that knows size and SHA-256 of what was written."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._sha, self.bytes = file, hashlib.sha256(), 0

    def write(self, data: bytes) -> int:
        """Write all of it."""
        self._sha.update(data)
        self.bytes += len(data)
        return self._file.write(data)

    @property
    def sha256(self) -> str:
        """Of everything so far, in hexadecimal digits."""
        return self._sha.hexdigest()


@contextmanager
def durable(path: Path) -> Iterator[Hashing]:
    """A file that stands under its name only when all of it is on the disk."""
    partial = path.with_name(path.name + PARTIAL)
    try:
        with partial.open("wb") as file:
            yield Hashing(file)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        # Of a disk that is full, the system does not say which file was too much for it.
        if error.errno is not None and error.filename is None:
            error.filename = str(path)
        raise
    finally:
        partial.unlink(missing_ok=True)
    if sys.platform != "win32":
        # A new name is on the disk only when its folder is.
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def lock(folder: Path) -> IO[bytes]:
    """A file that is locked until it is closed, or its process ends in any way.

    Raises:
        ClinometerError: Somebody else holds the lock.
    """
    file = (folder / _LOCK).open("ab")
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        file.close()
        raise ClinometerError(
            f"{folder} is being written by another run; wait until that has ended, or give another folder"
        ) from None
    except BaseException:
        file.close()
        raise
    return file
