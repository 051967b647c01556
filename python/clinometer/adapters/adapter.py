"""What an adapter is: one small map behind a frozen encoder, learned once and applied to any number of embeddings.

Every row is scaled to length one, mapped, and scaled to length one again. What comes out for a row depends on nothing
but that row: any part of a store, in any order, same bits.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Self, get_args

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

from clinometer.errors import EmbeddingError, FormatError, MissingExtraError, UsageError
from clinometer.files import written_whole
from clinometer.vectors import finished_rows, unit_rows

__all__ = ["KINDS", "Adapter", "Kind", "Side", "load"]

Kind = Literal["low-rank", "linear"]
Side = Literal["documents", "queries"]
KINDS: tuple[Kind, ...] = get_args(Kind)

_PARTS: dict[str, tuple[str, ...]] = {"low-rank": ("u", "v", "bias"), "linear": ("weight", "bias")}
_QUERY = "query_"
_FORMAT = "clinometer-adapter"
_VERSION = 1
_BLOCK = 2048
_EMPTY = "{side}: the adapter maps {{count}} rows to nothing ({{named}}); learn it with a larger hold"


@dataclass(frozen=True, eq=False)
class Adapter:
    """A map that changes embeddings alike for all languages. `fit_adapter` learns one; it never changes.

    With `x` a row of length one and `n` the scaling to length one:

    - `low-rank`: `n(x + U (V^T x) + bias)`: the row itself and what a map of rank r adds to it.
    - `linear`: `n(W x + bias)`.

    No language labels are needed. What is left of a lean after it, a correction can take away: fit it on adapted
    embeddings and apply it to them.

    Args:
        kind: `low-rank` or `linear`.
        arrays: float32. `u` and `v`, both `(d, r)`, or `weight` `(d, d)`; `bias` `(d,)`. The same names with `query_`
            before them if queries have a map of their own.
        settings: How it was learned: encoder, loss, samples, notes. JSON values only.

    Raises:
        UsageError: The kind is unknown, or the arrays do not fit it or each other.

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
            raise UsageError(f"there is no adapter of kind {self.kind!r}; choose one of {', '.join(KINDS)}")
        arrays = {name: np.ascontiguousarray(array, dtype=np.float32) for name, array in sorted(self.arrays.items())}
        parts = _PARTS[self.kind]
        own = tuple(_QUERY + name for name in parts) if any(name.startswith(_QUERY) for name in arrays) else ()
        if sorted(arrays) != sorted(parts + own):
            raise UsageError(
                f"an adapter of kind {self.kind} has the arrays {', '.join(parts)}, and for queries all of them once "
                f"more with {_QUERY!r} before the name; here are {', '.join(arrays) or 'none'}"
            )
        object.__setattr__(self, "arrays", arrays)
        d = self.dimension
        for name, array in arrays.items():
            wanted: tuple[int, ...] = {"bias": (d,), "weight": (d, d)}.get(name.removeprefix(_QUERY), (d, self.rank))
            if array.shape != wanted or 0 in wanted:
                raise UsageError(f"the adapter's array {name} has shape {array.shape}, but must have {wanted}")
            if not np.isfinite(array).all():
                raise UsageError(f"the adapter's array {name} holds NaN or infinite values; learn it again")

    @classmethod
    def identity(cls, dimension: int, kind: Kind = "low-rank", rank: int = 1) -> Self:
        """An adapter that only scales rows to length one.

        Example:
            >>> Adapter.identity(2).apply([[0.0, 2.0]]).tolist()
            [[0.0, 1.0]]
        """
        nothing = np.zeros((dimension, rank), dtype=np.float32)
        residual = {"weight": np.eye(dimension)} if kind == "linear" else {"u": nothing, "v": nothing}
        return cls(kind, {**residual, "bias": np.zeros(dimension)})

    @property
    def dimension(self) -> int:
        """Length of the rows that go in and come out."""
        return int(self.arrays["bias"].size)

    @property
    def rank(self) -> int:
        """Rank of what a low-rank adapter adds; of a linear one, the dimension."""
        return int(self.arrays["v"].shape[-1]) if self.kind == "low-rank" else self.dimension

    @property
    def separate_queries(self) -> bool:
        """Whether queries have a map of their own."""
        return f"{_QUERY}bias" in self.arrays

    @property
    def digest(self) -> str:
        """64 hexadecimal digits, equal for adapters that do the same."""
        found = hashlib.sha256(self.kind.encode())
        for name, array in self.arrays.items():
            found.update(f"|{name}{array.shape}|".encode())
            found.update(np.ascontiguousarray(array, dtype="<f4").tobytes())
        return found.hexdigest()

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
        """Documents, adapted.

        Args:
            vectors: `(n, d)` embeddings, float32 or float16, of any length above zero; only their directions count.

        Returns:
            `(n, d)` float32, rows of length one.

        Raises:
            EmbeddingError: Rows that are zero, NaN or infinite, of another dimension, or that are mapped to nothing.
        """
        return self._applied(vectors, "documents")

    def apply_queries(self, vectors: ArrayLike) -> NDArray[np.float32]:
        """Queries, adapted: as `apply`, with the map of queries where they have their own."""
        return self._applied(vectors, "queries")

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write one safetensors file, whole or not at all; its metadata say all else, as JSON. `load` reads it.

        Raises:
            MissingExtraError: The package safetensors is not installed.
        """
        try:
            from safetensors.numpy import save
        except ImportError:
            raise MissingExtraError("a file of an adapter", "models") from None
        about = {
            "version": _VERSION,
            "kind": self.kind,
            "digest": self.digest,
            "settings": dict(self.settings),
        }
        # One entry only: the order of several is not fixed, and the same adapter should give the same bytes.
        metadata = {_FORMAT: msgspec.json.encode(about).decode()}
        with written_whole(path) as file:
            file.write(save(dict(self.arrays), metadata))

    def _applied(self, vectors: ArrayLike, side: Side) -> NDArray[np.float32]:
        array = np.asanyarray(vectors)
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
        complaint = _EMPTY.format(side=side)
        out = np.empty(array.shape, dtype=np.float32)
        for start in range(0, len(array), _BLOCK):
            rows = unit_rows(array[start : start + _BLOCK], side, first_row=start)
            if self.kind == "linear":
                changed = _times(rows, maps["weight"])
            else:
                changed = rows + _times(_times(rows, maps["v"]), maps["u"])
            out[start : start + _BLOCK] = finished_rows(changed + maps["bias"], complaint, start)
        return out


def load(path: str | os.PathLike[str]) -> Adapter:
    """Read an adapter that `Adapter.save` wrote.

    Raises:
        FileNotFoundError: There is no such file.
        FormatError: The file is no adapter, is damaged, or was written by a later version.
        MissingExtraError: The package safetensors is not installed.
    """
    try:
        from safetensors import SafetensorError, safe_open
    except ImportError:
        raise MissingExtraError("a file of an adapter", "models") from None
    name = os.fspath(path)
    try:
        with safe_open(name, framework="numpy") as file:
            written = (file.metadata() or {}).get(_FORMAT)
            arrays = {key: np.array(file.get_tensor(key)) for key in file.keys()} if written else {}  # noqa: SIM118
        about = msgspec.json.decode(written, type=dict[str, Any]) if written else None
    except (FileNotFoundError, PermissionError):
        raise
    except (SafetensorError, OSError, TypeError, ValueError) as error:
        raise FormatError(name, None, f"this is no adapter, or it is damaged ({error})") from None
    if about is None:
        raise FormatError(name, None, "this safetensors file is no adapter of clinometer; write one with Adapter.save")
    if about.get("version") != _VERSION:
        raise FormatError(
            name,
            None,
            f"version {about.get('version')} of adapters is not known here; this program reads version {_VERSION}",
        )
    try:
        adapter = Adapter(about["kind"], arrays, dict(about["settings"]))
    except (KeyError, TypeError, ValueError) as error:
        raise FormatError(name, None, f"this adapter is damaged ({error})") from None
    if adapter.digest != about.get("digest"):
        raise FormatError(name, None, "this adapter is damaged (its numbers are not those that were written)")
    return adapter


def _times(rows: NDArray[np.float64], matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """`rows @ matrix.T`, each entry summed in one order; no BLAS: its last bits go with the number of rows."""
    found: NDArray[np.float64] = np.einsum("nd,rd->nr", rows, matrix)
    return found
