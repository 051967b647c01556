"""A flat faiss index with all embeddings; ids and languages of the rows are in a file next to it.

faiss keeps the whole index in memory, for writing and for reading.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import numpy as np

from clinometer.errors import ClinometerError, FormatError, optional_package
from clinometer.files import regular, written_whole
from clinometer.store.exchange.row_source import Origin, RowBlock, Source
from clinometer.store.exchange.sidecar import sidecar_origin, sidecar_source, write_sidecar
from clinometer.store.reader import EmbeddingStore

__all__ = ["Metric", "opened", "write"]

Metric = Literal["ip", "l2"]


def write(
    path: Path, store: EmbeddingStore, origin: Origin, blocks: Iterator[RowBlock], *, metric: Metric = "ip", **_: Any
) -> None:
    """Write an `IndexFlatIP` or an `IndexFlatL2` of the unchanged rows: float32, not scaled to length one."""
    faiss = optional_package("faiss", "a faiss index", "faiss")
    index = (faiss.IndexFlatIP if metric == "ip" else faiss.IndexFlatL2)(store.dimension)
    for block in blocks:
        index.add(np.ascontiguousarray(block.vectors, dtype=np.float32))
    write_sidecar(path, store, origin)
    problems: list[OSError] = []
    with written_whole(path) as file:

        def write_part(part: bytes) -> int:
            try:
                return file.write(part)
            except OSError as error:
                problems.append(error)
                raise

        try:
            faiss.write_index(index, faiss.PyCallbackIOWriter(write_part))
        except (RuntimeError, OSError):
            # faiss tells of a full disk in words of its own.
            raise problems[0] if problems else ClinometerError(f"{path}: faiss could not write the index") from None


@contextmanager
def opened(path: Path, *, rows_file: Path | None = None, **_: Any) -> Iterator[Source]:
    """The rows of a flat index; another one does not keep vectors in the order of adding."""
    faiss = optional_package("faiss", "a faiss index", "faiss")
    try:
        index = faiss.read_index(str(regular(path)))
    except RuntimeError:
        if not path.is_file():
            raise FileNotFoundError(2, "No such file", str(path)) from None
        raise FormatError(path, None, "not a faiss index; write it with faiss.write_index") from None
    if not isinstance(index, faiss.IndexFlat):
        problem = f"the index is {type(index).__name__}, which does not keep the vectors in the order of their lines"
        raise FormatError(path, None, f"{problem} of ids; write an IndexFlatIP or IndexFlatL2")

    def read(start: int, stop: int) -> Any:
        return index.reconstruct_n(start, stop - start)

    with sidecar_source(path, rows_file, index.ntotal, "float32", sidecar_origin(path), read) as source:
        yield source
