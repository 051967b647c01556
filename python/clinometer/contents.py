"""Contents of files, decoded within bounds: lines, JSON, `.npy` and `.npz`.

Decoders of other libraries raise whatever comes to them, and allocate what a header declares. Here everything that is
wrong with a file is a `FormatError`, and nothing is allocated that the file cannot hold.
"""

from __future__ import annotations

import errno
import re
import zipfile
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import IO, Any, NamedTuple, TypeVar

import msgspec
import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from clinometer.errors import ClinometerError, FormatError
from clinometer.files import regular
from clinometer.files.packed import BrokenPackingError, is_packed, unpacked_parts

__all__ = [
    "BYTE_ORDER_MARK",
    "LineBlock",
    "decode_json",
    "decode_text",
    "line_blocks",
    "mapped_npy",
    "not_utf8",
    "npy_header",
    "npz_arrays",
    "numbered_lines",
    "read_bytes",
    "read_json",
    "too_deep",
]

T = TypeVar("T")

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_LINE_FEED = 10
_BRACKET = re.compile(rb'"(?:[^"\\]|\\.)*"|([\[{])|[\]}]', re.DOTALL)
_DEEPEST = 64
# Packing makes a megabyte of a gigabyte; no line or JSON file of a collection is near this.
_LONGEST_LINE = 1 << 28
# No more than the processor's cache holds, with what is made of it.
_BLOCK = 1 << 17
_LARGEST_UNPACKED = 1 << 32
_MOST_COMPRESSED = 64
_LONGEST_AXIS = 1 << 48


class LineBlock(NamedTuple):
    """Successive lines of a file, with the empty ones.

    Args:
        number: Number of the first line, from 1.
        start: Position of the first line in the file; None if the file is packed.
        raw: The lines, with a line feed between them.
    """

    number: int
    start: int | None
    raw: bytes

    @property
    def lines(self) -> list[bytes]:
        """The lines without the line feed at their ends."""
        return self.raw.split(b"\n")

    def after(self, size: int, lines: int) -> LineBlock:
        """An empty block that many bytes and lines later."""
        return LineBlock(self.number + lines, None if self.start is None else self.start + size, b"")

    def numbered(self) -> Iterator[tuple[int, bytes]]:
        """Each line that is not empty with its number, without the line end."""
        for number, line in enumerate(self.lines, self.number):
            if stripped := line.rstrip(b"\r\n"):
                yield number, stripped

    def spans(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Position of each line, in the block, and its length.

        Example:
            >>> [column.tolist() for column in LineBlock(1, 0, b"one\\n\\nthree").spans()]
            [[0, 4, 5], [3, 0, 5]]
        """
        feeds = np.flatnonzero(np.frombuffer(self.raw, np.uint8) == _LINE_FEED)
        starts = np.concatenate([[0], feeds + 1])
        return starts, np.append(feeds, len(self.raw)) - starts


def numbered_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Each line that is not empty with its number from 1, without the line end; packed if it ends in `.gz` or `.zst`.

    A byte-order mark before the first line, which some editors write, is not part of it.

    Raises:
        FormatError: The packed data are broken, or a line is longer than 256 MiB; it is the first that cannot be read.
    """
    for block in line_blocks(path):
        yield from block.numbered()


def line_blocks(path: Path) -> Iterator[LineBlock]:
    """The lines of a file in blocks; see `numbered_lines`."""
    block = LineBlock(1, None if is_packed(regular(path)) else 0, b"")
    begun: list[bytes] = []
    size = 0
    try:
        for part in unpacked_parts(path, _BLOCK):
            if block.number == 1 and not begun and part.startswith(BYTE_ORDER_MARK):
                part = part[len(BYTE_ORDER_MARK) :]
                block = block.after(len(BYTE_ORDER_MARK), 0)
            if (end := part.rfind(b"\n")) >= 0:
                raw = b"".join([*begun, memoryview(part)[:end]])
                part = part[end + 1 :]
                yield from _block(path, block._replace(raw=raw))
                block = block.after(len(raw) + 1, raw.count(b"\n") + 1)
                begun, size = [], 0
            begun.append(part)
            size += len(part)
            if size >= _LONGEST_LINE:
                raise _too_long(path, block.number)
    except BrokenPackingError as error:
        raise FormatError(path, block.number, f"{error}; download or write the file again") from error
    if last := b"".join(begun):
        yield from _block(path, block._replace(raw=last))


def _block(path: Path, block: LineBlock) -> Iterator[LineBlock]:
    """The block; a line that is too long is an error after those before it."""
    if len(block.raw) >= _LONGEST_LINE - 1:
        starts, lengths = block.spans()
        if too_long := np.flatnonzero(lengths >= _LONGEST_LINE - 1).tolist():
            if at := too_long[0]:
                yield block._replace(raw=block.raw[: starts[at] - 1])
            raise _too_long(path, block.number + at)
    yield block


def _too_long(path: Path, number: int) -> FormatError:
    return FormatError(path, number, "longer than 256 MiB; give one object on each line")


def read_bytes(path: Path) -> bytes:
    """The whole file, unpacked if its name ends in `.gz` or `.zst`."""
    if not is_packed(regular(path)):
        return path.read_bytes()
    parts: list[bytes] = []
    size = 0
    try:
        for part in unpacked_parts(path, _BLOCK):
            parts.append(part)
            size += len(part)
            if size >= _LARGEST_UNPACKED:
                raise FormatError(path, None, "more than 4 GiB when unpacked; check that this is the right file")
    except BrokenPackingError as error:
        raise FormatError(path, None, f"{error}; download or write the file again") from error
    return b"".join(parts)


def read_json(path: str | Path, kind: type[T], expected: str) -> T:
    """A JSON file decoded to a type, as `decode_json` does; unpacked if its name ends in `.gz` or `.zst`."""
    return decode_json(read_bytes(Path(path)), kind, path, expected)


def decode_json(raw: bytes, kind: type[T], path: str | Path, expected: str, line: int | None = None) -> T:
    """JSON decoded to a type.

    Args:
        raw: Bytes of the file, or of one line of it.
        kind: Type to decode to.
        path: File, for the message.
        expected: Description of valid content, for the message, after the problem or with `{problem}` in its place.
        line: Number of the line, if the bytes are one.

    Raises:
        FormatError: It is not UTF-8, not JSON (the line is named, of several), nested more than 64 levels deep,
            or not of that type (the position is named).
    """
    body = raw.removeprefix(BYTE_ORDER_MARK)
    try:
        if too_deep(body):
            raise FormatError(path, line, _sentence(f"nested more than {_DEEPEST} levels deep", expected))
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        raise FormatError(path, line, _sentence(error, expected)) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        if problem := _utf8_problem(body):
            raise FormatError(path, line, _sentence(problem, expected)) from error
        byte = re.search(r"\(byte (\d+)\)", str(error))
        if line is None and b"\n" in body.strip():
            line = body.count(b"\n", 0, int(byte[1]) if byte else len(body)) + 1
        raise FormatError(path, line, _sentence(error, expected)) from error


def _sentence(problem: object, expected: str) -> str:
    return expected.replace("{problem}", str(problem)) if "{problem}" in expected else f"{problem}; {expected}"


def too_deep(raw: bytes) -> bool:
    """Whether JSON is nested more than 64 levels deep, of which decoders and `repr` make a `RecursionError`."""
    if raw.count(b"[") + raw.count(b"{") <= _DEEPEST:
        return False
    depth = 0
    for match in _BRACKET.finditer(raw):
        if match[1]:
            depth += 1
            if depth > _DEEPEST:
                return True
        elif match[0] in b"]}":
            depth -= 1
    return False


def decode_text(raw: bytes, path: str | Path, line: int) -> str:
    """A line of a file as text.

    Raises:
        FormatError: It is not UTF-8.
    """
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise FormatError(path, line, not_utf8(error)) from error


def _utf8_problem(raw: bytes) -> str | None:
    """A sentence for bytes that are not UTF-8, else None; decoders of JSON differ in how they say it."""
    try:
        raw.decode()
    except UnicodeDecodeError as error:
        return not_utf8(error)
    return None


def not_utf8(error: UnicodeDecodeError) -> str:
    """A sentence for bytes that are not UTF-8, and the fix."""
    return f"not UTF-8 ({error.reason}); save the file as UTF-8"


def mapped_npy(path: str | Path, problem: str) -> np.memmap[Any, Any]:
    """The array of a `.npy` file as a read-only memory map.

    Args:
        path: The file.
        problem: What is wrong if it is no such file, and the fix.

    Raises:
        FormatError: It is not such a file, holds Python objects, or is shorter than its header says.
        ClinometerError: This process may not open more files.
        FileNotFoundError: The file does not exist.
    """
    path = regular(path)
    try:
        with path.open("rb") as file:
            shape, fortran, dtype = npy_header(file, path, problem)
            start, size = file.tell(), path.stat().st_size
        needed = prod(shape) * dtype.itemsize
        if size < start + needed:
            raise FormatError(path, None, f"{problem} ({size:,} bytes, but its header declares {start + needed:,})")
        if needed == 0:
            # Nothing cannot be mapped.
            empty: np.memmap[Any, Any] = np.empty(shape, dtype).view(np.memmap)
            return empty
        return np.memmap(path, dtype, "r", start, shape, "F" if fortran else "C")
    except OSError as error:
        if error.errno != errno.EMFILE:
            raise
        raise ClinometerError(
            f"{path}: this process may not open one file per shard; raise the limit with 'ulimit -n'"
        ) from None


def npy_header(file: IO[bytes], path: str | Path, problem: str) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, Fortran order and data type of a `.npy` file, of which the header is read.

    Raises:
        FormatError: It is not such a header, or declares Python objects or an impossible size.
    """
    readers: dict[tuple[int, int], Any] = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
    try:
        version = npy.read_magic(file)
        # Version 3 differs from 2 in the names of fields only, which no array of ours has.
        shape, fortran, dtype = readers[version](file)
        sizes = tuple(int(length) for length in shape)
    except OSError:
        raise
    except Exception as error:  # numpy's parser of Python literals raises whatever Python's tokenizer does
        raise FormatError(path, None, problem) from error
    if dtype.hasobject or dtype.itemsize == 0 or not all(0 <= length <= _LONGEST_AXIS for length in sizes):
        raise FormatError(path, None, f"{problem}: its header declares {dtype} of shape {sizes}")
    return sizes, fortran, dtype


def npz_arrays(path: str | Path, problem: str) -> dict[str, NDArray[Any]]:
    """The arrays of a `.npz` file by name, read into memory.

    Args:
        path: The file.
        problem: What is wrong if it is no such file, and the fix.

    Raises:
        FormatError: It is not such a file, is damaged, holds Python objects, or is shorter than its headers say.
        FileNotFoundError: The file does not exist.
    """
    path = regular(path)
    arrays: dict[str, NDArray[Any]] = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for entry in archive.infolist():
                with archive.open(entry) as file:
                    arrays[entry.filename.removesuffix(".npy")] = _array(file, path, problem)
    except (FormatError, FileNotFoundError, PermissionError):
        raise
    # Of zipfile: encrypted (RuntimeError), a compression that it does not know (NotImplementedError), and whatever
    # damaged numbers lead to (ValueError, OverflowError, struct.error, OSError).
    except Exception as error:
        raise FormatError(path, None, problem) from error
    return arrays


def _array(file: IO[bytes], path: Path, problem: str) -> NDArray[Any]:
    shape, fortran, dtype = npy_header(file, path, problem)
    length = prod(shape)
    # What is written here is not compressed; what other tools compress becomes a few times smaller.
    if length * dtype.itemsize > _MOST_COMPRESSED * path.stat().st_size:
        raise FormatError(path, None, f"its header declares {dtype} of shape {shape}, which it cannot hold; {problem}")
    array = np.empty(length, dtype)
    left = array.view(np.uint8)
    while len(left) and (count := file.readinto(left.data)):  # type: ignore[attr-defined]
        left = left[count:]
    # The end of a part is where its checksum is compared.
    if len(left) or file.read(1):
        raise FormatError(path, None, problem)
    return array.reshape(shape, order="F" if fortran else "C")
