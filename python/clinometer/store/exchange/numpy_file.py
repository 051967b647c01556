"""One `.npy` file with all embeddings; ids and languages of the rows are in a file next to it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy

from clinometer.contents import mapped_npy
from clinometer.errors import FormatError
from clinometer.files import written_whole
from clinometer.store.exchange.row_source import Origin, RowBlock, Source
from clinometer.store.exchange.sidecar import sidecar_origin, sidecar_source, write_sidecar
from clinometer.store.manifest import Dtype
from clinometer.store.reader import EmbeddingStore

__all__ = ["opened", "write"]


def write(path: Path, store: EmbeddingStore, origin: Origin, blocks: Iterator[RowBlock], **_: Any) -> None:
    """Write the rows block by block, the array last."""
    write_sidecar(path, store, origin)
    with written_whole(path) as file:
        header = {"descr": store.dtype.str, "fortran_order": False, "shape": (len(store), store.dimension)}
        npy.write_array_header_1_0(file, header)
        for block in blocks:
            file.write(np.ascontiguousarray(block.vectors).data)


@contextmanager
def opened(path: Path, *, rows_file: Path | None = None, **_: Any) -> Iterator[Source]:
    """The rows of a `.npy` file, which is mapped."""
    array = mapped_npy(path, "not a numeric .npy file; write it with numpy.save")
    if array.ndim != 2 or array.dtype.kind != "f":
        raise FormatError(path, None, "expected one (rows, dimension) array of float32 or float16")
    dtype: Dtype = "float16" if array.dtype == np.float16 else "float32"
    origin, vectors = sidecar_origin(path), np.asarray(array)
    with sidecar_source(path, rows_file, len(array), dtype, origin, lambda start, stop: vectors[start:stop]) as source:
        yield source
