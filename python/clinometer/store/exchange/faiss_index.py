"""A flat faiss index with all embeddings; ids and languages of the rows are in a file next to it.

faiss keeps the whole index in memory, for writing and for reading.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from clinometer.errors import ClinometerError, FormatError, first_few, optional_package
from clinometer.files import regular, written_whole
from clinometer.store.exchange.row_source import Origin, RowBlock, Source
from clinometer.store.exchange.sidecar import line_ids, sidecar_of, sidecar_origin, sidecar_source, write_sidecar
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
    """The rows of a flat index, also with ids of its own (`IndexIDMap`).

    An index without ids needs a line for each vector, in order. With ids, the lines may come in any order, each with an
    `id` of the index; without lines, the numbers of the index are the ids.

    Raises:
        FormatError: Not an index of these kinds, or its ids are not those of the lines.
        MissingExtraError: The package faiss is not installed.
    """
    faiss = optional_package("faiss", "a faiss index", "faiss")
    try:
        whole = index = faiss.read_index(str(regular(path)))
    except RuntimeError:
        if not path.is_file():
            raise FileNotFoundError(2, "No such file", str(path)) from None
        raise FormatError(path, None, "not a faiss index; write it with faiss.write_index") from None
    numbers: NDArray[np.int64] | None = None
    if isinstance(whole, faiss.IndexIDMap):
        # `whole` owns the index inside and must outlive it.
        numbers, index = faiss.vector_to_array(whole.id_map), faiss.downcast_index(whole.index)
    if not isinstance(index, faiss.IndexFlat):
        problem = f"the index is {type(index).__name__}, which does not keep the vectors in the order of their lines"
        raise FormatError(path, None, f"{problem} of ids; write an IndexFlatIP or IndexFlatL2")
    lines = rows_file or sidecar_of(path)
    if numbers is not None and rows_file is None and not lines.is_file():
        yield Source(path.name, len(numbers), "float32", None, lambda step: _numbered(index, numbers, step))
        return
    order = None if numbers is None else _order(lines, numbers, path)

    def read(start: int, stop: int) -> Any:
        if order is None:
            return index.reconstruct_n(start, stop - start)
        return index.reconstruct_batch(order[start:stop])

    with sidecar_source(path, rows_file, index.ntotal, "float32", sidecar_origin(path), read) as source:
        yield source


def _numbered(index: Any, numbers: NDArray[np.int64], step: int) -> Iterator[RowBlock]:
    """All rows, with the numbers of the index as ids."""
    for start in range(0, len(numbers), step):
        names = [str(number) for number in numbers[start : start + step].tolist()]
        unknown: list[str | None] = [None] * len(names)
        yield RowBlock(index.reconstruct_n(start, len(names)), names, unknown, unknown)


def _order(lines: Path, numbers: NDArray[np.int64], path: Path) -> NDArray[np.int64]:
    """Place in the index of each line's vector."""
    place_of = {str(number): place for place, number in enumerate(numbers.tolist())}
    if len(place_of) < len(numbers):
        raise FormatError(
            path, None, f"{len(numbers) - len(place_of):,} of its ids occur twice; each row needs its own"
        )
    ids = line_ids(lines)
    if unknown := [name for name in ids if name not in place_of]:
        raise FormatError(
            lines,
            None,
            f"{len(unknown):,} ids are not among those of {path.name} ({first_few(unknown)}), which are numbers such "
            f"as {next(iter(place_of), 0)}; write the index's own number as the id of each line",
        )
    return np.array([place_of[name] for name in ids], dtype=np.int64)
