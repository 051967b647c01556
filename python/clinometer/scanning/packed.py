"""Packed bits, eight to a byte, scored by their Hamming distance.

A set bit counts as 1 and an unset one as -1, so that the dot product of two rows of b bits is b minus twice their
Hamming distance: exact in float32 up to 2 ** 24 bits, and the order is that of the distance. Documents stay packed; a
block of them at a time is unpacked, 32 bytes for each packed one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinometer.errors import EmbeddingError
from clinometer.scanning.sources import Held, arrays_in
from clinometer.vectors import array_of

__all__ = ["UnpackedBits", "packed_rows", "packed_sources", "unpacked"]


@dataclass(frozen=True)
class UnpackedBits:
    """Packed documents as rows of 1 and -1; see `clinometer.scanning.passes.RowTransform`."""

    block: int = 2048

    def documents(self, rows: NDArray[Any], languages: Sequence[str]) -> NDArray[np.float32]:  # noqa: ARG002
        """`(n, 8 * bytes)`: the unpacked rows."""
        return unpacked(rows)


def unpacked(rows: NDArray[Any]) -> NDArray[np.float32]:
    """Bits as 1 and -1, the highest bit of a byte first.

    Args:
        rows: `(n, bytes)` uint8, as from `numpy.packbits`; or int8, which are these minus 128, as sentence-transformers
            writes the precision `binary`.

    Example:
        >>> unpacked(np.array([[0b10100000]], dtype=np.uint8)).tolist()
        [[1.0, -1.0, 1.0, -1.0, -1.0, -1.0, -1.0, -1.0]]
    """
    codes = rows.view(np.uint8) ^ np.uint8(0x80) if rows.dtype == np.int8 else rows
    return np.unpackbits(codes, axis=1).astype(np.float32) * np.float32(2) - np.float32(1)


def packed_rows(rows: Any, what: str) -> NDArray[Any]:
    """Rows of packed bits, C-contiguous.

    Raises:
        EmbeddingError: Not a `(rows, bytes)` array of uint8 or int8.
    """
    array = array_of(rows, what, packed=True)
    if array.ndim != 2 or array.shape[1] == 0:
        raise EmbeddingError(f"{what} have shape {array.shape}, but packed bits must be (rows, bytes)")
    if array.dtype not in (np.uint8, np.int8):
        raise EmbeddingError(
            f"{what} are {array.dtype}, but the similarity hamming is for packed bits: uint8, as from numpy.packbits, "
            "or int8, as sentence-transformers writes binary embeddings"
        )
    return np.ascontiguousarray(array)


def packed_sources(documents: Any, queries: NDArray[Any]) -> list[Held]:
    """Packed documents as consecutive shards; `queries` are packed as well.

    Raises:
        EmbeddingError: Not packed bits, or rows of another length than those of the queries.
    """
    arrays = [packed_rows(rows, "documents") for rows in arrays_in(documents)]
    for array in arrays:
        if array.shape[1] != queries.shape[1]:
            raise EmbeddingError(
                f"queries have {8 * queries.shape[1]} bits, documents {8 * array.shape[1]}; pack both from embeddings "
                "of one encoder"
            )
    return [Held(array) for array in arrays]
