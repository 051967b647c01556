"""A folder of embeddings that a server has already returned, so that nothing is requested or paid for twice.

One `.npy` file for each batch, written atomically; a text is found whatever its batch. No pickle.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from clinometer.contents import mapped_npy, read_json
from clinometer.errors import FormatError
from clinometer.files import check_folder, json_bytes, written_whole
from clinometer.vectors import unusable_rows

__all__ = ["Finished", "Origin"]

_ORIGIN = "origin.json"


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Source of the embeddings of a folder: everything but the text that determines an embedding.

    Args:
        endpoint: URL of the server.
        model: Name of the model in requests.
        encoding_format: `float` or `base64`, which may round differently.
        served: The server's name of the model.
        dimension: Length of an embedding.
    """

    endpoint: str
    model: str
    encoding_format: str
    served: str = ""
    dimension: int = 0


class Finished:
    """A cache folder; each server, model and encoding format has its own folder in it.

    Args:
        folder: Folder of the cache, created when first needed.
        origin: Source of the embeddings; `served` and `dimension` are read from the folder if it has them.

    Raises:
        UsageError: The folder is a file.
        FormatError: A file in it is damaged.
    """

    def __init__(self, folder: str | Path, origin: Origin) -> None:
        root = Path(folder)
        check_folder(root, "the cache")
        key = hashlib.sha256("\0".join((origin.endpoint, origin.model, origin.encoding_format)).encode()).hexdigest()
        self._folder = root / key[:16]
        self.origin = _read(self._folder / _ORIGIN) or origin
        self._batches: list[Path] = []
        self._position_of: dict[str, tuple[int, int]] = {}
        for path in sorted(self._folder.glob("*.npy")):
            self._remember(path)

    def meet(self, origin: Origin) -> None:
        """Store the server's name of the model and the dimension, from a first response."""
        self.origin = origin
        self._folder.mkdir(parents=True, exist_ok=True)
        with written_whole(self._folder / _ORIGIN) as file:
            file.write(json_bytes(origin))

    def fill(self, into: NDArray[np.float32], digests: Sequence[str]) -> list[int]:
        """Copy cached embeddings into the rows of their texts; returns the rows of the texts that are not cached."""
        rows_of_batch: dict[int, list[tuple[int, int]]] = {}
        for target_row, digest in enumerate(digests):
            if digest in self._position_of:
                batch, row = self._position_of[digest]
                rows_of_batch.setdefault(batch, []).append((target_row, row))
        for batch, pairs in rows_of_batch.items():
            target_rows, rows = np.array(pairs).T
            cached = _table(self._batches[batch], self.origin.dimension)["row"][rows]
            if unusable_rows(cached).size:
                problem = "holds an embedding that is zero, NaN or infinite; remove it, and its texts are encoded again"
                raise FormatError(self._batches[batch], None, problem)
            into[target_rows] = cached
        return [target_row for target_row, digest in enumerate(digests) if digest not in self._position_of]

    def keep(self, digests: Sequence[str], rows: NDArray[np.float32]) -> None:
        """Write the embeddings of one batch."""
        table = np.empty(len(digests), dtype=_columns(rows.shape[1]))
        table["text"], table["row"] = [digest.encode() for digest in digests], rows
        name = hashlib.sha256("".join(digests).encode()).hexdigest()[:32]
        path = self._folder / f"{name}.npy"
        with written_whole(path) as file:
            np.save(file, table, allow_pickle=False)
        self._remember(path)

    def _remember(self, path: Path) -> None:
        for row, digest in enumerate(_table(path, self.origin.dimension)["text"].tolist()):
            self._position_of[digest.decode()] = (len(self._batches), row)
        self._batches.append(path)


def _table(path: Path, dimension: int) -> NDArray[np.void]:
    problem = "not a batch of embeddings; remove it, and its texts will be encoded again"
    table = mapped_npy(path, problem)
    if table.ndim != 1 or table.dtype != _columns(dimension) or not all(map(bytes.isascii, table["text"].tolist())):
        raise FormatError(path, None, problem)
    return table


def _columns(dimension: int) -> np.dtype[np.void]:
    return np.dtype([("text", "S64"), ("row", "<f4", (dimension,))])


def _read(path: Path) -> Origin | None:
    return read_json(path, Origin, "expected an origin of embeddings; remove its folder") if path.exists() else None
