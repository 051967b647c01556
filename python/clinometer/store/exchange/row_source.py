"""What import and export pass on: blocks of rows, and the record of their origin."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from clinometer.contents import decode_json
from clinometer.encoders.base import EncoderRecord
from clinometer.errors import CollectionError, EmbeddingError, FormatError, first_few
from clinometer.store.manifest import Dtype, Stage

__all__ = ["USUAL", "Columns", "Origin", "RowBlock", "Source", "of_one_dimension", "present", "regrouped"]


class RowBlock(NamedTuple):
    """Consecutive rows.

    Args:
        vectors: `(n, d)` float32, float16 or float64.
        ids: Id of each row.
        languages: Language of each row, or None.
        groups: Parallel group of each row, or None.
    """

    vectors: NDArray[Any]
    ids: Sequence[str]
    languages: Sequence[str | None]
    groups: Sequence[str | None]


class Columns(NamedTuple):
    """Names of the columns of a table; for a safetensors file, `embedding` is the name of the tensor.

    Args:
        id: Column of ids; numbers are read as text.
        embedding: Column of embeddings.
        language: Column of languages; None for `language` if it exists.
        group: Column of parallel groups; None for `group` if it exists.
        order: Column by which rows are read, ascending; None for `position` if it exists, else the ids. Only for
            tables of a database.
    """

    id: str = "id"
    embedding: str = "embedding"
    language: str | None = None
    group: str | None = None
    order: str | None = None


USUAL = Columns()


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Record that clinometer exports with rows, so that they can be imported unchanged.

    Args:
        stage: Whether the rows are documents or queries.
        dtype: Data type of the store.
        encoder: Record of the encoder.
    """

    stage: Stage
    dtype: Dtype
    encoder: EncoderRecord

    @classmethod
    def read(cls, text: bytes | str | None) -> Origin | None:
        """From JSON; None if it is not clinometer's, because other tools write such texts too."""
        try:
            raw = text.encode() if isinstance(text, str) else text
            return decode_json(raw, cls, "", "") if raw else None
        except FormatError:
            return None

    def to_json(self) -> bytes:
        """As one line of JSON."""
        return msgspec.json.encode(self)


@dataclass(frozen=True)
class Source:
    """Rows to import, in order.

    Args:
        name: Name of the file or table, for messages and records; never a URL with a password.
        rows: Number of rows.
        dtype: `float16` if the numbers are float16, else `float32`.
        origin: Record that clinometer exported with them; None without one.
        blocks: Function that yields all rows in blocks of about a number of rows.
        notes: Losses of reading, to be shown.
    """

    name: str
    rows: int
    dtype: Dtype
    origin: Origin | None
    blocks: Callable[[int], Iterator[RowBlock]]
    notes: list[str] = field(default_factory=list)


def regrouped(blocks: Iterator[RowBlock], rows: int) -> Iterator[RowBlock]:
    """The same rows in blocks of exactly this size, except the last."""
    waiting: list[RowBlock] = []
    waiting_rows = 0
    for block in blocks:
        start = 0
        while start < len(block.ids):
            stop = min(start + rows - waiting_rows, len(block.ids))
            part = slice(start, stop)
            waiting.append(RowBlock(block.vectors[part], block.ids[part], block.languages[part], block.groups[part]))
            waiting_rows, start = waiting_rows + stop - start, stop
            if waiting_rows == rows:
                yield _joined(waiting)
                waiting, waiting_rows = [], 0
    if waiting:
        yield _joined(waiting)


def _joined(blocks: list[RowBlock]) -> RowBlock:
    of_one_dimension([block.vectors.shape[1] for block in blocks], [block.ids[0] for block in blocks])
    return RowBlock(
        np.concatenate([block.vectors for block in blocks]),
        [name for block in blocks for name in block.ids],
        [label for block in blocks for label in block.languages],
        [group for block in blocks for group in block.groups],
    )


def of_one_dimension(lengths: Sequence[int] | NDArray[Any], ids: Sequence[str]) -> int:
    """The common length of all rows; an error names those of another length."""
    sizes = np.asarray(lengths)
    odd = np.flatnonzero(sizes != sizes[0])
    if odd.size:
        raise EmbeddingError(
            f"the embedding of {ids[0]!r} has {sizes[0]} dimensions, and {odd.size} others have other dimensions "
            f"({first_few(odd.tolist(), show=lambda row: f'{ids[row]!r}: {sizes[row]}')}); one encoder gives one"
        )
    return int(sizes[0])


def present(values: Sequence[str | None], what: str, ids: Sequence[str | None], first_row: int = 0) -> list[str]:
    """The values; an error names the rows without one."""
    present_values = [value for value in values if value is not None]
    if len(present_values) < len(values):
        rows = [row for row, value in enumerate(values) if value is None]
        where = first_few(rows, show=lambda row: f"row {first_row + row}" if ids[row] is None else repr(ids[row]))
        raise CollectionError(f"{len(rows)} rows have no {what} ({where}); give each row one")
    return present_values
