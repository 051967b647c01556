"""One safetensors file with all embeddings as one tensor; ids and languages of the rows are in a file next to it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from clinometer.errors import FormatError, UsageError, optional_package
from clinometer.files import regular, written_whole
from clinometer.store.exchange.row_source import USUAL, Columns, Origin, RowBlock, Source
from clinometer.store.exchange.sidecar import sidecar_source, write_sidecar
from clinometer.store.manifest import Dtype
from clinometer.store.reader import EmbeddingStore

__all__ = ["opened", "write"]

_TENSOR = "embedding"
_METADATA = "clinometer"
_CODES = {"float32": "F32", "float16": "F16"}


def write(path: Path, store: EmbeddingStore, origin: Origin, blocks: Iterator[RowBlock], **_: Any) -> None:
    """Write the rows block by block.

    The file is assembled here because the library's own writer takes only whole tensors in memory: the length of the
    header in eight bytes, the header as JSON, and the numbers, little-endian.
    """
    write_sidecar(path, store, None)
    tensor = {
        "dtype": _CODES[store.dtype.name],
        "shape": [len(store), store.dimension],
        "data_offsets": [0, len(store) * store.dimension * store.dtype.itemsize],
    }
    header = msgspec.json.encode({"__metadata__": {_METADATA: origin.to_json().decode()}, _TENSOR: tensor})
    # Pad with spaces to a multiple of eight, so that the numbers are aligned.
    header += b" " * (-len(header) % 8)
    with written_whole(path) as file:
        file.write(len(header).to_bytes(8, "little") + header)
        for block in blocks:
            rows = np.ascontiguousarray(block.vectors)
            file.write((rows if sys.byteorder == "little" else rows.byteswap()).data)


@contextmanager
def opened(path: Path, *, columns: Columns = USUAL, rows_file: Path | None = None, **_: Any) -> Iterator[Source]:
    """The rows of the tensor that `columns.embedding` names, or of the only one.

    Raises:
        FormatError: It is not a safetensors file, or the tensor is not a `(rows, dimension)` array of floats.
        UsageError: The file has several tensors, but none of the name.
        MissingExtraError: The package safetensors is not installed.
    """
    safetensors = optional_package("safetensors", "reading safetensors files", "safetensors")
    regular(path)
    try:
        file = safetensors.safe_open(str(path), framework="numpy")
    except (safetensors.SafetensorError, ValueError) as error:
        raise FormatError(path, None, f"not a safetensors file ({error})") from None
    with file:
        names = sorted(file.keys())
        if columns.embedding not in names and len(names) != 1:
            raise UsageError(
                f"{path} has no tensor {columns.embedding!r}; name one of {', '.join(names)} with --embedding-column"
            )
        name = columns.embedding if columns.embedding in names else names[0]
        tensor = file.get_slice(name)
        shape, code = tensor.get_shape(), tensor.get_dtype()
        if len(shape) != 2 or code not in ("F16", "BF16", "F32", "F64"):
            problem = f"the tensor is {code} of shape {tuple(shape)}, but should be F32, F16 or BF16, (rows, dimension)"
            raise FormatError(path, None, problem)
        dtype: Dtype = "float16" if code == "F16" else "float32"
        origin = Origin.read((file.metadata() or {}).get(_METADATA))
        read = _bfloat16(path, name, tuple(shape)) if code == "BF16" else lambda start, stop: tensor[start:stop]
        with sidecar_source(path, rows_file, shape[0], dtype, origin, read) as source:
            yield source


def _bfloat16(path: Path, name: str, shape: tuple[int, int]) -> Callable[[int, int], Any]:
    """Reader of the rows of a tensor whose numbers are the upper halves of float32, a type that NumPy lacks."""
    with regular(path).open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        offsets = msgspec.json.decode(file.read(length))[name]["data_offsets"]
    halves = np.memmap(path, dtype="<u2", mode="r", offset=8 + length + offsets[0], shape=shape)

    def read(start: int, stop: int) -> Any:
        return (halves[start:stop].astype(np.uint32) << 16).view(np.float32)

    return read
