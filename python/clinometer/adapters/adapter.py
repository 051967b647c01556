"""An adapter: one small map behind a frozen encoder, learned once and applied to any number of embeddings.

Every row is scaled to length one, mapped, and scaled to length one again. The result for a row depends on that row
only: any part of a store, in any order, gives the same bits.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Self, get_args

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

from clinometer.contents import decode_json
from clinometer.errors import EmbeddingError, FormatError, MissingExtraError, MissingFileError, UsageError
from clinometer.files import expanded, regular, written_whole
from clinometer.suggestions import one_of
from clinometer.vectors import array_of, finished_rows, unit_rows

__all__ = ["FILE", "KINDS", "Adapter", "Kind", "Side", "load"]

Kind = Literal["low-rank", "linear"]
Side = Literal["documents", "queries"]
KINDS: tuple[Kind, ...] = get_args(Kind)

FILE = "adapter.safetensors"
"""Name of an adapter in a folder."""

_PARTS: dict[str, tuple[str, ...]] = {"low-rank": ("u", "v", "bias"), "linear": ("weight", "bias")}
_QUERY = "query_"
_FORMAT = "clinometer-adapter"
_VERSION = 1
_BLOCK = 2048
_EMPTY = "{side}: the adapter maps {{count}} rows to nothing ({{named}}); learn it with a larger hold"


@dataclass(frozen=True, eq=False)
class Adapter:
    """A map that changes embeddings in the same way for all languages. `fit_adapter` learns one; it is immutable.

    With `x` a row of length one and `n` the scaling to length one:

    - `low-rank`: `n(x + U (V^T x) + bias)`: the row plus the output of a map of rank r.
    - `linear`: `n(W x + bias)`.

    It needs no language labels. A correction can remove the remaining bias: fit it on adapted embeddings and apply it
    to them.

    Args:
        kind: `low-rank` or `linear`.
        arrays: float32 arrays: `u` and `v`, both `(d, r)`, or `weight` `(d, d)`; `bias` `(d,)`. The same names with the
            prefix `query_` if queries have a map of their own.
        settings: Record of how it was learned: encoder, loss, samples, notes. JSON values only.

    Raises:
        UsageError: The kind is unknown, or the arrays do not match it or each other.

    Example:
        >>> swap = Adapter("linear", {"weight": np.array([[0.0, 1.0], [1.0, 0.0]]), "bias": np.zeros(2)})
        >>> swap.apply([[3.0, 4.0]]).round(6).tolist()
        [[0.800000011920929, 0.6000000238418579]]
    """

    kind: Kind
    arrays: Mapping[str, NDArray[Any]]
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise UsageError(f"unknown adapter kind {self.kind!r}; expected {one_of(self.kind, KINDS)}")
        arrays = {name: np.ascontiguousarray(array, dtype=np.float32) for name, array in sorted(self.arrays.items())}
        parts = _PARTS[self.kind]
        query_parts = tuple(_QUERY + name for name in parts) if any(name.startswith(_QUERY) for name in arrays) else ()
        if sorted(arrays) != sorted(parts + query_parts):
            raise UsageError(
                f"an adapter of kind {self.kind} has the arrays {', '.join(parts)}, and for queries the same ones with "
                f"the prefix {_QUERY!r}, but got {', '.join(arrays) or 'none'}"
            )
        object.__setattr__(self, "arrays", arrays)
        d = self.dimension
        for name, array in arrays.items():
            shape: tuple[int, ...] = {"bias": (d,), "weight": (d, d)}.get(name.removeprefix(_QUERY), (d, self.rank))
            if array.shape != shape or 0 in shape:
                raise UsageError(f"the adapter's array {name} has shape {array.shape}, but must have {shape}")
            if not np.isfinite(array).all():
                raise UsageError(f"the adapter's array {name} has NaN or infinite values; learn it again")

    @classmethod
    def identity(cls, dimension: int, kind: Kind = "low-rank", rank: int = 1) -> Self:
        """An adapter that only scales rows to length one.

        Example:
            >>> Adapter.identity(2).apply([[0.0, 2.0]]).tolist()
            [[0.0, 1.0]]
        """
        zeros = np.zeros((dimension, rank), dtype=np.float32)
        weights = {"weight": np.eye(dimension)} if kind == "linear" else {"u": zeros, "v": zeros}
        return cls(kind, {**weights, "bias": np.zeros(dimension)})

    @property
    def dimension(self) -> int:
        """Length of the rows, before and after."""
        return int(self.arrays["bias"].size)

    @property
    def rank(self) -> int:
        """Rank of the map of a low-rank adapter; of a linear one, the dimension."""
        return int(self.arrays["v"].shape[-1]) if self.kind == "low-rank" else self.dimension

    @property
    def separate_queries(self) -> bool:
        """Whether queries have a map of their own."""
        return f"{_QUERY}bias" in self.arrays

    @property
    def digest(self) -> str:
        """64 hexadecimal digits, equal for equal adapters."""
        sha = hashlib.sha256(self.kind.encode())
        for name, array in self.arrays.items():
            sha.update(f"|{name}{array.shape}|".encode())
            sha.update(np.ascontiguousarray(array, dtype="<f4").tobytes())
        return sha.hexdigest()

    def describe(self) -> dict[str, Any]:
        """Kind, sizes and settings, as JSON values.

        Example:
            >>> Adapter.identity(3, rank=2).describe()
            {'kind': 'low-rank', 'dimension': 3, 'rank': 2, 'separate_queries': False}
        """
        return {
            "kind": self.kind,
            "dimension": self.dimension,
            "rank": self.rank,
            "separate_queries": self.separate_queries,
            **self.settings,
        }

    def apply(self, vectors: ArrayLike) -> NDArray[np.float32]:
        """Adapted documents.

        Args:
            vectors: `(n, d)` embeddings, float32 or float16, of any length above zero; only their directions count.

        Returns:
            `(n, d)` float32, rows of length one.

        Raises:
            EmbeddingError: Rows that are zero, NaN or infinite, of another dimension, or that are mapped to zero.
        """
        return self._applied(vectors, "documents")

    def apply_queries(self, vectors: ArrayLike) -> NDArray[np.float32]:
        """Adapted queries: as `apply`, with the map of queries if they have their own."""
        return self._applied(vectors, "queries")

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write one safetensors file atomically; its metadata hold the rest as JSON. `load` reads it.

        Raises:
            MissingExtraError: The package safetensors is not installed.
        """
        try:
            from safetensors.numpy import save
        except ImportError:
            raise MissingExtraError("a file of an adapter", "safetensors") from None
        about = {
            "version": _VERSION,
            "kind": self.kind,
            "digest": self.digest,
            "settings": dict(self.settings),
        }
        # A single entry, since the order of several is not fixed and the same adapter should give the same bytes.
        metadata = {_FORMAT: msgspec.json.encode(about).decode()}
        with written_whole(path) as file:
            file.write(save(dict(self.arrays), metadata))

    def _applied(self, vectors: ArrayLike, side: Side) -> NDArray[np.float32]:
        array = array_of(vectors, f"the {side}")
        if array.ndim != 2 or array.shape[1] != self.dimension:
            raise EmbeddingError(
                f"the {side} have shape {array.shape}, but the adapter maps embeddings of {self.dimension} dimensions; "
                "give embeddings of the encoder that it was learned for"
            )
        prefix = _QUERY if side == "queries" and self.separate_queries else ""
        # Rows of each matrix are contiguous: sums then run along them in one order, whatever the number of rows.
        maps = {
            name: np.ascontiguousarray(
                self.arrays[prefix + name].astype(np.float64).T
                if name == "v"
                else self.arrays[prefix + name].astype(np.float64)
            )
            for name in _PARTS[self.kind]
        }
        message = _EMPTY.format(side=side)
        out = np.empty(array.shape, dtype=np.float32)
        for start in range(0, len(array), _BLOCK):
            rows = unit_rows(array[start : start + _BLOCK], side, first_row=start)
            if self.kind == "linear":
                mapped = _times(rows, maps["weight"])
            else:
                mapped = rows + _times(_times(rows, maps["v"]), maps["u"])
            out[start : start + _BLOCK] = finished_rows(mapped + maps["bias"], message, start)
        return out


def _file(path: str | os.PathLike[str]) -> Path:
    """The file of an adapter, which may be in a folder."""
    if not (folder := expanded(path)).is_dir():
        return folder
    if not (file := folder / FILE).exists():
        raise MissingFileError(f"{folder} has no {FILE}; give a file or folder from clinometer train --adapter")
    return file


def load(path: str | os.PathLike[str]) -> Adapter:
    """Read an adapter that `Adapter.save` wrote.

    Args:
        path: Its file, or a folder with `adapter.safetensors`, as `clinometer train --adapter` writes it.

    Raises:
        FileNotFoundError: The file does not exist, or the folder has none.
        FormatError: The file is not an adapter, is damaged, or was written by a later version.
        MissingExtraError: The package safetensors is not installed.
    """
    try:
        from safetensors import SafetensorError, safe_open
    except ImportError:
        raise MissingExtraError("a file of an adapter", "safetensors") from None
    name = os.fspath(regular(_file(path)))
    try:
        with safe_open(name, framework="numpy") as file:
            metadata = (file.metadata() or {}).get(_FORMAT)
            arrays = {key: np.array(file.get_tensor(key)) for key in file.keys()} if metadata else {}  # noqa: SIM118
    except (FileNotFoundError, PermissionError):
        raise
    except (SafetensorError, OSError, TypeError, ValueError) as error:
        raise FormatError(name, None, f"not an adapter, or damaged ({error})") from None
    if not metadata:
        raise FormatError(name, None, "not an adapter of clinometer; write one with Adapter.save")
    about = decode_json(metadata.encode(), dict[str, Any], name, "not an adapter, or damaged ({problem})")
    if about.get("version") != _VERSION:
        raise FormatError(
            name,
            None,
            f"adapter of unknown version {about.get('version')}; this program reads version {_VERSION}",
        )
    try:
        adapter = Adapter(about["kind"], arrays, dict(about["settings"]))
    except (KeyError, TypeError, ValueError) as error:
        raise FormatError(name, None, f"damaged adapter ({error})") from None
    if adapter.digest != about.get("digest"):
        raise FormatError(name, None, "damaged adapter (its numbers are not those that were written)")
    return adapter


def _times(rows: NDArray[np.float64], matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """`rows @ matrix.T`, each entry summed in one order; not by BLAS, whose last bits depend on the number of rows."""
    product: NDArray[np.float64] = np.einsum("nd,rd->nr", rows, matrix)
    return product
