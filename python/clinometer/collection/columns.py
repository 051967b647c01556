"""Columns of a collection that hold their values in another form than a tuple, and behave like one.

Labels and groups are codes into a table of the distinct ones, so that millions of them are numbers and not objects.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from operator import index
from typing import Any, Generic, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

__all__ = ["CodedColumn", "Column", "Twins", "coded", "distinct", "equal_rows", "first_rows", "taken"]

V = TypeVar("V", bound=str | None, covariant=True)

_AT_ONCE = 4096
_SHOWN = 20


class Column(Sequence[V], Generic[V]):
    """A sequence that equals a tuple or list of the same values, and is written like a tuple."""

    @abstractmethod
    def take(self, rows: Any) -> Sequence[V]:
        """The values of some rows, an integer array or a slice, in this order."""

    @abstractmethod
    def _at(self, row: int) -> V:
        """The value of a row, counted from 0."""

    @overload
    def __getitem__(self, row: int) -> V: ...
    @overload
    def __getitem__(self, row: slice) -> Sequence[V]: ...
    def __getitem__(self, row: int | slice) -> V | Sequence[V]:
        if isinstance(row, slice):
            return self.take(row)
        number = index(row)
        size = len(self)
        if not -size <= number < size:
            raise IndexError(f"row {number} of {size}")
        return self._at(number % size)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, (tuple, list, Column)):
            return NotImplemented
        return len(self) == len(other) and all(one == two for one, two in zip(self, other, strict=True))

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __add__(self, other: Iterable[Any]) -> tuple[Any, ...]:
        return (*self, *other)

    def __radd__(self, other: Iterable[Any]) -> tuple[Any, ...]:
        return (*other, *self)

    def __repr__(self) -> str:
        if len(self) <= _SHOWN:
            return repr(tuple(self))
        return f"({', '.join(map(repr, self[:_SHOWN]))}, ... {len(self):,} in all)"


class CodedColumn(Column[V]):
    """Values as codes into a table.

    Args:
        codes: `(n,)` integers: index of each row's value in `labels`.
        labels: The distinct values; not every one need be in use.

    Example:
        >>> column = CodedColumn(np.array([0, 1, 0]), ("en", "de"))
        >>> column, column == ("en", "de", "en"), column[1:].count("de")
        (('en', 'de', 'en'), True, 1)
    """

    def __init__(self, codes: NDArray[Any], labels: Sequence[V]) -> None:
        self.codes = codes
        self.labels: tuple[V, ...] = tuple(labels)

    def __len__(self) -> int:
        return len(self.codes)

    def _at(self, row: int) -> V:
        return self.labels[int(self.codes[row])]

    def __iter__(self) -> Iterator[V]:
        for start in range(0, len(self.codes), _AT_ONCE):
            yield from map(self.labels.__getitem__, self.codes[start : start + _AT_ONCE].tolist())

    def take(self, rows: Any) -> CodedColumn[V]:
        """The values of some rows."""
        return CodedColumn(self.codes[rows], self.labels)

    def __contains__(self, value: object) -> bool:
        return value in self.labels and bool((self.codes == self.labels.index(value)).any())

    def count(self, value: object) -> int:
        """Number of rows with a value."""
        return int((self.codes == self.labels.index(value)).sum()) if value in self.labels else 0

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        labels = np.array(self.labels, dtype=dtype) if self.labels else np.empty(0, dtype or np.str_)
        values: NDArray[Any] = labels[self.codes]
        return values

    def counts(self) -> dict[V, int]:
        """Number of rows of each value in use, in the order of first appearance."""
        numbers = np.bincount(self.codes, minlength=len(self.labels)) if len(self.codes) else np.zeros(0, np.int64)
        return {self.labels[code]: int(numbers[code]) for code in self._order()}

    def compact(self) -> CodedColumn[V]:
        """The same values with a table of those in use, in the order of first appearance."""
        order = self._order()
        new_code = np.zeros(len(self.labels), dtype=self.codes.dtype)
        new_code[order] = np.arange(len(order))
        return CodedColumn(new_code[self.codes], [self.labels[code] for code in order])

    def _order(self) -> list[int]:
        """The codes in use, in the order of first appearance."""
        first = np.full(len(self.labels), len(self.codes), dtype=np.int64)
        # Assigned from the end, so that the first row of each code stays.
        first[self.codes[::-1]] = np.arange(len(self.codes) - 1, -1, -1)
        used = np.flatnonzero(first < len(self.codes))
        return used[np.argsort(first[used])].tolist()  # type: ignore[no-any-return]


def coded(values: Sequence[V]) -> CodedColumn[V]:
    """Any column as codes.

    Example:
        >>> coded(("en", "de", "en")).codes.tolist()
        [0, 1, 0]
    """
    if isinstance(values, CodedColumn):
        return values
    code_of: dict[V, int] = {}
    codes = np.fromiter((code_of.setdefault(value, len(code_of)) for value in values), np.int32, len(values))
    return CodedColumn(codes, tuple(code_of))


def distinct(numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """The numbers, each once, ascending; `np.unique` hashes them, which takes longer where many are distinct.

    Example:
        >>> distinct(np.array([5, 2, 5])).tolist()
        [2, 5]
    """
    ordered = np.sort(numbers)
    is_first: NDArray[np.bool_] = np.concatenate([[True], ordered[1:] != ordered[:-1]])[: len(ordered)]
    return ordered[is_first]


def first_rows(texts: Sequence[str]) -> NDArray[np.int64]:
    """`(n,)`: the first row with the text of each row; no text is held.

    Example:
        >>> first_rows(("a", "b", "a")).tolist()
        [0, 1, 0]
    """
    first = np.arange(len(texts), dtype=np.int64)
    rows, firsts = equal_rows(texts)
    first[rows] = firsts
    return first


def equal_rows(texts: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The rows whose text another row has too, ascending, and the first row with the text of each.

    Texts with the same hash are told apart by a cryptographic one of 128 bits, in one reading in the order of the rows.
    """
    digests = getattr(texts, "digests", None)
    if digests is None:
        digests = np.fromiter(map(hash, texts), np.int64, len(texts))
    order, starts, sizes = _runs(digests)
    rows = np.sort(order[np.repeat(sizes > 1, sizes)])
    if not len(rows):
        return rows, rows
    keys = b"".join(
        blake2b(text.encode(errors="surrogatepass"), digest_size=16).digest() for text in taken(texts, rows)
    )
    order, starts, sizes = _runs(np.frombuffer(keys, np.int64).reshape(-1, 2))
    firsts = np.empty(len(rows), dtype=np.int64)
    firsts[order] = np.repeat(rows[order[starts]], sizes)
    several = np.empty(len(rows), dtype=np.bool_)
    several[order] = np.repeat(sizes > 1, sizes)
    return rows[several], firsts[several]


def _runs(keys: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Positions sorted by key, a number or several, with the start and the size of each run of equal keys.

    Those of equal keys are in their order.
    """
    order = np.argsort(keys, kind="stable") if keys.ndim == 1 else np.lexsort(keys.T)
    ordered = keys[order]
    differs = ordered[1:] != ordered[:-1]
    is_start = np.concatenate([[True], differs if keys.ndim == 1 else differs.any(axis=1)])[: len(keys)]
    starts = np.flatnonzero(is_start)
    return order, starts, np.diff(starts, append=len(ordered))


def taken(column: Sequence[Any], rows: NDArray[np.int64]) -> Sequence[Any]:
    """The values of some rows of any column."""
    return column.take(rows) if isinstance(column, Column) else tuple(map(column.__getitem__, rows.tolist()))


class Twins(Sequence[NDArray[np.int64]]):
    """For each row the other rows that are equal to it; an empty array for most.

    However many rows are equal, each is held once.

    Args:
        size: Number of rows.
        rows: `(m,)`: rows that may have equals, ascending.
        keys: `(m,)`: equal for those that are equal.

    Example:
        >>> twins = Twins(4, np.array([0, 2, 3]), np.array([5, 5, 5]))
        >>> [rows.tolist() for rows in twins], twins.group(2)
        ([[2, 3], [], [0, 3], [0, 2]], 0)
    """

    def __init__(self, size: int, rows: NDArray[np.int64], keys: NDArray[np.int64]) -> None:
        order, starts, sizes = _runs(keys)
        several = sizes > 1
        self._rows = rows[order]
        self._starts, self._ends = starts[several], (starts + sizes)[several]
        self._group_of = np.full(size, -1, dtype=np.int32)
        numbers = np.repeat(np.where(several, np.cumsum(several) - 1, -1), sizes)
        self._group_of[self._rows] = numbers

    def __len__(self) -> int:
        return len(self._group_of)

    def group(self, row: int) -> int:
        """Number of the group of a row, -1 if no other row is equal to it."""
        return int(self._group_of[row])

    @overload
    def __getitem__(self, row: int) -> NDArray[np.int64]: ...
    @overload
    def __getitem__(self, row: slice) -> list[NDArray[np.int64]]: ...
    def __getitem__(self, row: int | slice) -> NDArray[np.int64] | list[NDArray[np.int64]]:
        if isinstance(row, slice):
            return [self[number] for number in range(*row.indices(len(self)))]
        number = self.group(row)
        if number < 0:
            return np.empty(0, dtype=np.int64)
        rows = self._rows[self._starts[number] : self._ends[number]]
        others: NDArray[np.int64] = rows[rows != row % len(self)]
        return others
