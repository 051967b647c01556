"""Texts that stay on the disk: where each one begins is in memory, and it is read when it is asked for.

A plain JSONL file is read in place; what comes packed, or from elsewhere, goes into a temporary file once it is more
than a few megabytes.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from clinometer.collection.columns import Column
from clinometer.files.held import HeldFile, Spool

__all__ = ["HELD", "FileTexts", "Span", "Spans", "SpooledTexts", "StoredTexts", "TextSink", "fits_in_memory"]

HELD = 32 << 20
"""Bytes of text up to which texts are held in memory."""

_AT_ONCE = 2048
_WINDOW = 4 << 20

Span = tuple[int, int]
"""Position and length of a text's line in the file that holds it."""


class Spans(NamedTuple):
    """Positions and lengths of the lines of several texts.

    Example:
        >>> spans = Spans(np.array([0, 12, 30]), np.array([11, 17, 5])).only([True, False, True])
        >>> spans.at(1)
        (30, 5)
    """

    starts: NDArray[np.int64]
    lengths: NDArray[np.int64]

    def at(self, row: int) -> Span:
        """Those of one text."""
        return int(self.starts[row]), int(self.lengths[row])

    def only(self, mask: Sequence[bool]) -> Spans:
        """Those of the texts for which the mask is true."""
        rows = np.flatnonzero(mask)
        return Spans(self.starts[rows], self.lengths[rows])


class _Bytes(Protocol):
    """What texts are read from."""

    def read(self, start: int, length: int) -> bytes: ...


def fits_in_memory(size: int) -> bool:
    """Whether texts of that many bytes are held in memory."""
    return size <= HELD


class StoredTexts(Column[str]):
    """Texts of a file as a sequence; slices and `take` are views of the same file.

    Args:
        source: File that holds them.
        starts: `(n,)`: position of each text's bytes.
        lengths: `(n,)`: their number.
        decode: Makes a text of its bytes.
        digests: `(n,)`: `hash` of each text in this process.
    """

    def __init__(
        self,
        source: _Bytes,
        starts: NDArray[np.int64],
        lengths: NDArray[np.int32],
        decode: Callable[[bytes], str],
        digests: NDArray[np.int64],
    ) -> None:
        self._source, self._starts, self._lengths, self._decode = source, starts, lengths, decode
        self.digests = digests

    def __len__(self) -> int:
        return len(self._starts)

    def _at(self, row: int) -> str:
        return self._decode(self._source.read(int(self._starts[row]), int(self._lengths[row])))

    def take(self, rows: Any) -> StoredTexts:
        """The texts of some rows, which are not read yet."""
        return StoredTexts(self._source, self._starts[rows], self._lengths[rows], self._decode, self.digests[rows])

    def __iter__(self) -> Iterator[str]:
        decode = self._decode
        for first in range(0, len(self._starts), _AT_ONCE):
            starts, lengths = self._starts[first : first + _AT_ONCE], self._lengths[first : first + _AT_ONCE]
            begin, end = int(starts[0]), int(starts[-1]) + int(lengths[-1])
            if end - begin > _WINDOW or np.any(starts[1:] < starts[:-1] + lengths[:-1]):
                yield from map(self._at, range(first, first + len(starts)))
                continue
            window = self._source.read(begin, end - begin)
            for start, length in zip((starts - begin).tolist(), lengths.tolist(), strict=True):
                yield decode(window[start : start + length])

    def __reduce__(self) -> tuple[Any, ...]:
        # Another process may not have the file.
        return tuple, (list(self),)


class TextSink(Protocol):
    """Takes texts one after the other, and gives them back as a column."""

    def __getitem__(self, row: int) -> str: ...

    def extend(self, texts: Sequence[str], spans: Spans | None) -> None:
        """Add texts; `spans` are the positions and lengths of their lines, for those that are read in place."""

    def column(self) -> Sequence[str]:
        """The texts so far."""


class SpooledTexts:
    """Texts in memory, and in a temporary file from `HELD` bytes on."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._characters = 0
        self._spool: Spool | None = None
        self._ends = array("q", [0])
        self._digests = array("q")

    def __getitem__(self, row: int) -> str:
        if self._spool is None:
            return self._texts[row]
        start, end = self._ends[row : row + 2]
        return _decoded(self._spool.read(start, end - start))

    def extend(self, texts: Sequence[str], spans: Spans | None = None) -> None:  # noqa: ARG002
        """Add texts."""
        if self._spool is None:
            self._texts += texts
            self._characters += sum(map(len, texts))
            if fits_in_memory(self._characters):
                return
            self._spool, texts, self._texts = Spool(), self._texts, []
        end = self._ends[-1]
        for text in texts:
            part = text.encode(errors="surrogatepass")
            self._spool.write(part)
            end += len(part)
            self._ends.append(end)
        self._digests.extend(map(hash, texts))

    def column(self) -> Sequence[str]:
        """The texts so far."""
        if self._spool is None:
            return tuple(self._texts)
        self._spool.flush()
        ends = np.array(self._ends, dtype=np.int64)
        digests = np.array(self._digests, dtype=np.int64)
        return StoredTexts(self._spool, ends[:-1], np.diff(ends).astype(np.int32), _decoded, digests)


def _decoded(part: bytes) -> str:
    return part.decode(errors="surrogatepass")


class FileTexts:
    """Texts that are lines of a file, decoded again whenever they are read.

    Args:
        file: The file.
        decode: Makes the text of a line; what it raises on a line means that the file has changed.
    """

    def __init__(self, file: HeldFile, decode: Callable[[bytes], str]) -> None:
        self._file = file
        self._line_text = decode
        self._starts, self._lengths, self._digests = array("q"), array("i"), array("q")

    def __getitem__(self, row: int) -> str:
        return self._decode(self._file.read(self._starts[row], self._lengths[row]))

    def _decode(self, line: bytes) -> str:
        try:
            return self._line_text(line)
        except ValueError:
            raise self._file.changed() from None

    def extend(self, texts: Sequence[str], spans: Spans | None) -> None:
        """Add texts by the positions and lengths of their lines."""
        assert spans is not None  # noqa: S101 - a reader that holds lines has their spans
        self._starts.frombytes(spans.starts.astype(np.int64).tobytes())
        self._lengths.frombytes(spans.lengths.astype(np.int32).tobytes())
        self._digests.extend(map(hash, texts))

    def column(self) -> Sequence[str]:
        """The texts so far."""
        starts, lengths = np.array(self._starts, dtype=np.int64), np.array(self._lengths, dtype=np.int32)
        return StoredTexts(self._file, starts, lengths, self._decode, np.array(self._digests, dtype=np.int64))
