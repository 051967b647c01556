"""Embeddings that a server has given already, in a folder, so that nothing is asked or paid for twice.

One `.npy` file for each batch, whole or not there; a text is found again whatever batch it comes in. No pickle.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from clinometer.errors import FormatError, UsageError
from clinometer.files import json_bytes, written_whole

__all__ = ["Finished", "Origin"]

_ORIGIN = "origin.json"


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Where the embeddings of a folder come from: what, besides a text, decides an embedding.

    Args:
        endpoint: The server's address.
        model: The name that is asked for.
        encoding_format: `float` or `base64`, which may round differently.
        served: What the server calls the model.
        dimension: Length of an embedding.
    """

    endpoint: str
    model: str
    encoding_format: str
    served: str = ""
    dimension: int = 0


class Finished:
    """A cache folder; each server, model and encoding format has a folder of its own in it.

    Args:
        folder: The cache. It is made when there is something to keep.
        origin: What the embeddings come from; `served` and `dimension` are taken from the folder where it has them.

    Raises:
        UsageError: The folder is a file.
        FormatError: A file in it is damaged.
    """

    def __init__(self, folder: str | Path, origin: Origin) -> None:
        root = Path(folder)
        if root.exists() and not root.is_dir():
            raise UsageError(f"{root} is a file; give a folder for the cache")
        key = hashlib.sha256("\0".join((origin.endpoint, origin.model, origin.encoding_format)).encode()).hexdigest()
        self._folder = root / key[:16]
        self.origin = _read(self._folder / _ORIGIN) or origin
        self._batches: list[Path] = []
        self._place: dict[str, tuple[int, int]] = {}
        for path in sorted(self._folder.glob("*.npy")):
            self._remember(path)

    def meet(self, origin: Origin) -> None:
        """Keep what a first answer told of the server's name of the model and the dimension."""
        self.origin = origin
        self._folder.mkdir(parents=True, exist_ok=True)
        with written_whole(self._folder / _ORIGIN) as file:
            file.write(json_bytes(origin))

    def fill(self, into: NDArray[np.float32], digests: Sequence[str]) -> list[int]:
        """Put the embeddings that are here into the rows of their texts.

        Args:
            into: `(len(digests), dimension)`.
            digests: Of the texts.

        Returns:
            The rows of the texts that are not here.
        """
        wanted: dict[int, list[tuple[int, int]]] = {}
        for at, digest in enumerate(digests):
            if digest in self._place:
                batch, row = self._place[digest]
                wanted.setdefault(batch, []).append((at, row))
        for batch, pairs in wanted.items():
            places, rows = np.array(pairs).T
            into[places] = _table(self._batches[batch], self.origin.dimension)["row"][rows]
        return [at for at, digest in enumerate(digests) if digest not in self._place]

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
            self._place[digest.decode()] = (len(self._batches), row)
        self._batches.append(path)


def _table(path: Path, dimension: int) -> NDArray[np.void]:
    try:
        table: NDArray[np.void] = np.load(path, mmap_mode="r", allow_pickle=False)
        fits = table.ndim == 1 and table.dtype == _columns(dimension)
    except (ValueError, EOFError):
        fits = False
    if not fits:
        raise FormatError(path, None, "this is no batch of embeddings; remove it, and its texts are encoded again")
    return table


def _columns(dimension: int) -> np.dtype[np.void]:
    return np.dtype([("text", "S64"), ("row", "<f4", (dimension,))])


def _read(path: Path) -> Origin | None:
    if not path.exists():
        return None
    try:
        return msgspec.json.decode(path.read_bytes(), type=Origin)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise FormatError(path, None, f"this is no origin of embeddings ({error}); remove its folder") from None
