"""Rows as 16-bit integers, each row scaled by a power of two: half the bytes of float32, and one fixed decoding rule.

The scale of a row depends only on that row, so the split into shards does not matter. A power of two makes decoding
exact, and coding decoded rows again gives the same codes: copies and merges lose nothing further.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

__all__ = ["CodedRows", "coded", "decoded"]

_LARGEST = 32767
# 2 ** -149 is the smallest float32, so a smaller scale gains nothing.
_LEAST = -149


def coded(rows: NDArray[np.float32]) -> NDArray[np.int16]:
    """Rows as codes.

    With m the largest absolute component of a row, its scale is the smallest power of two (at least 2 ** -149) for
    which the code of m is at most 32767; every component becomes the nearest multiple of the scale, halves to even. So
    each component is off by at most half the scale, which is at most m / 32767 (between m / 65534 and that, depending
    on where m lies between two powers of two). The definition is ours.

    Args:
        rows: `(n, d)` float32, finite.

    Returns:
        `(n, d + 1)`: d codes, and last the exponent of the scale.

    Example:
        >>> coded(np.array([[1.0, -0.5, 0.00001]], dtype=np.float32)).tolist()
        [[16384, -8192, 0, -14]]
    """
    values = rows.astype(np.float64)
    largest = np.abs(values).max(axis=1, initial=0.0)
    exponents = np.frexp(largest)[1] - 15
    exponents += np.ldexp(largest, -exponents) > _LARGEST
    exponents[(largest == 0) | (exponents < _LEAST)] = _LEAST
    values = np.ldexp(values, -exponents[:, None])
    codes = np.empty((len(rows), rows.shape[1] + 1), dtype=np.int16)
    codes[:, :-1] = np.rint(values)
    codes[:, -1] = exponents
    return codes


def decoded(codes: NDArray[np.int16]) -> NDArray[np.float32]:
    """Codes decoded to `(n, d)` float32: code times two to the exponent, which is exact.

    The only exception is a row whose largest component is within 2 ** -15 of the largest float32: it decodes to
    infinity, and a store refuses it.

    Args:
        codes: `(n, d + 1)`, as from `coded`.

    Example:
        >>> decoded(np.array([[16384, -8192, 0, -14]], dtype=np.int16)).tolist()
        [[1.0, -0.5, 0.0]]
    """
    with np.errstate(over="ignore"):
        scales = np.ldexp(np.float32(1), codes[:, -1:])
        rows: NDArray[np.float32] = np.multiply(codes[:, :-1], scales, dtype=np.float32)
    return rows


class CodedRows:
    """A shard of codes that is decoded when it is indexed or converted to an array.

    It keeps no decoded rows: each access decodes again, so that memory holds float32 rows only as long as the caller
    does.

    Args:
        codes: `(n, d + 1)`, such as a memory map.

    Example:
        >>> rows = CodedRows(coded(np.array([[3.0, 4.0], [0.0, 1.0]], dtype=np.float32)))
        >>> rows.shape, rows[1].tolist(), np.asarray(rows).tolist()
        ((2, 2), [0.0, 1.0], [[3.0, 4.0], [0.0, 1.0]])
    """

    ndim = 2
    dtype = np.dtype(np.float32)

    def __init__(self, codes: NDArray[np.int16]) -> None:
        self._codes = codes

    def __len__(self) -> int:
        return len(self._codes)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and dimension."""
        return len(self._codes), self._codes.shape[1] - 1

    @property
    def nbytes(self) -> int:
        """Bytes of the decoded rows."""
        return len(self) * self.shape[1] * self.dtype.itemsize

    def __getitem__(self, rows: Any) -> NDArray[np.float32]:
        """Rows by number, slice, or list of numbers, decoded."""
        decoded_rows = decoded(np.atleast_2d(self._codes[rows]))
        return decoded_rows[0] if isinstance(rows, (int, np.integer)) else decoded_rows

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        if copy is False:
            raise ValueError("coded rows are decoded into new memory and have no array to share")
        return decoded(self._codes).astype(self.dtype if dtype is None else dtype, copy=False)
