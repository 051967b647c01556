"""Files that stay open and are read by position: parts of them are read when they are needed, and again if need be.

Nothing is mapped, so that a file which is cut short is a sentence and not the end of the process.
"""

from __future__ import annotations

import os
import tempfile
import threading
import weakref
from pathlib import Path

from clinometer.errors import ClinometerError, FormatError
from clinometer.files.paths import regular

__all__ = ["HeldFile", "Spool"]

_BUFFERED = 1 << 20


class _Open:
    """An open file that any thread reads by position; it is closed with the last object that holds it."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self._turn = threading.Lock()
        self.close = weakref.finalize(self, os.close, descriptor)

    def read(self, start: int, length: int) -> bytes:
        """The bytes there; fewer than `length` where the file ends."""
        if hasattr(os, "pread"):
            return os.pread(self.descriptor, length, start)
        with self._turn:  # Windows
            os.lseek(self.descriptor, start, os.SEEK_SET)
            return os.read(self.descriptor, length)


class HeldFile:
    """A file that is not to change while it is held; one that is deleted or replaced can still be read.

    Args:
        path: The file.

    Raises:
        OSError: It cannot be opened.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = regular(path)
        self._open = _Open(os.open(self.path, os.O_RDONLY | getattr(os, "O_BINARY", 0)))
        self._state = self._current()

    def _current(self) -> tuple[int, int]:
        status = os.fstat(self._open.descriptor)
        return status.st_size, status.st_mtime_ns

    def read(self, start: int, length: int) -> bytes:
        """Bytes by position.

        Raises:
            FormatError: The file has changed since it was opened.
        """
        if self._current() != self._state:
            raise self.changed()
        part = self._open.read(start, length)
        if len(part) != length:
            raise self.changed()
        return part

    def changed(self) -> FormatError:
        """The error for a file that is not what it was, to be raised."""
        return FormatError(self.path, None, "the file has changed since its texts were read; load the collection again")


class Spool:
    """A temporary file without a name, written at its end and read by position; it goes with the object."""

    def __init__(self) -> None:
        # Python's own file would close the descriptor with a warning; this one is only written through.
        with tempfile.TemporaryFile(prefix="clinometer-") as file:
            self._open = _Open(os.dup(file.fileno()))
        self._pending = bytearray()
        self._written = 0

    def write(self, part: bytes) -> None:
        """Append bytes.

        Raises:
            ClinometerError: The disk is full.
        """
        self._pending += part
        if len(self._pending) >= _BUFFERED:
            self.flush()

    def flush(self) -> None:
        """Write what is left in memory."""
        left = memoryview(bytes(self._pending))
        self._pending.clear()
        try:
            os.lseek(self._open.descriptor, self._written, os.SEEK_SET)
            while left:
                count = os.write(self._open.descriptor, left)
                left = left[count:]
                self._written += count
        except OSError as error:
            raise ClinometerError(
                f"{Path(tempfile.gettempdir())}: the texts do not fit there while they are read ({error.strerror}); "
                "make room, or set TMPDIR to a folder of a larger disk"
            ) from None

    def read(self, start: int, length: int) -> bytes:
        """Bytes by position, of those written."""
        if start + length > self._written:
            self.flush()
        return self._open.read(start, length)
