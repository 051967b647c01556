"""What crosses between a store and another form: blocks of rows, and what is known of where they come from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from clinometer.encoders.base import EncoderRecord
from clinometer.errors import CollectionError, EmbeddingError
from clinometer.store.manifest import Dtype, Stage

__all__ = ["USUAL", "Block", "Columns", "Origin", "Source", "named", "of_one_dimension", "present", "regrouped"]

_NAMED = 5


class Block(NamedTuple):
    """Rows that follow one another.

    Args:
        vectors: `(n, d)` float32, float16 or float64.
        ids: One for each row.
        languages: One for each row, None where it is not said.
        groups: Parallel group of each row or None.
    """

    vectors: NDArray[Any]
    ids: Sequence[str]
    languages: Sequence[str | None]
    groups: Sequence[str | None]


class Columns(NamedTuple):
    """What the columns of a table are called; of a safetensors file, `embedding` is the name of the tensor.

    Args:
        id: Ids; numbers are read as text.
        embedding: Embeddings.
        language: Languages; None for `language` where there is such a column.
        group: Parallel groups; None for `group` where there is such a column.
        order: The rows are read in ascending order of this column; None for `position` where there is such a column,
            else the ids. Only tables of a database need it.
    """

    id: str = "id"
    embedding: str = "embedding"
    language: str | None = None
    group: str | None = None
    order: str | None = None


USUAL = Columns()


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """What clinometer writes beside rows that it exports, so that they come back as they were.

    Args:
        stage: Whether the rows are documents or queries.
        dtype: Data type of the store.
        encoder: What made them.
    """

    stage: Stage
    dtype: Dtype
    encoder: EncoderRecord

    @classmethod
    def read(cls, text: bytes | str | None) -> Origin | None:
        """From JSON; None where it is not clinometer's, for others write such texts too."""
        try:
            return None if not text else msgspec.json.decode(text, type=cls)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None

    def to_json(self) -> bytes:
        """As one line."""
        return msgspec.json.encode(self)


@dataclass(frozen=True)
class Source:
    """Rows that can be read, in order.

    Args:
        name: Of the file or table, for messages and records; never an address with a password.
        rows: How many there are.
        dtype: `float16` if the numbers are so, else `float32`.
        origin: What clinometer said when it wrote them; None if it did not.
        blocks: Yields all rows in blocks of about this many.
        notes: What is lost in reading, to be shown.
    """

    name: str
    rows: int
    dtype: Dtype
    origin: Origin | None
    blocks: Callable[[int], Iterator[Block]]
    notes: list[str] = field(default_factory=list)


def regrouped(blocks: Iterator[Block], rows: int) -> Iterator[Block]:
    """The same rows in blocks of exactly this many, the last excepted."""
    waiting: list[Block] = []
    held = 0
    for block in blocks:
        start = 0
        while start < len(block.ids):
            stop = min(start + rows - held, len(block.ids))
            part = slice(start, stop)
            waiting.append(Block(block.vectors[part], block.ids[part], block.languages[part], block.groups[part]))
            held, start = held + stop - start, stop
            if held == rows:
                yield _joined(waiting)
                waiting, held = [], 0
    if waiting:
        yield _joined(waiting)


def _joined(blocks: list[Block]) -> Block:
    of_one_dimension([block.vectors.shape[1] for block in blocks], [block.ids[0] for block in blocks])
    return Block(
        np.concatenate([block.vectors for block in blocks]),
        [name for block in blocks for name in block.ids],
        [label for block in blocks for label in block.languages],
        [group for block in blocks for group in block.groups],
    )


def of_one_dimension(lengths: Sequence[int] | NDArray[Any], ids: Sequence[str]) -> int:
    """The length that all rows have, which is that of the first.

    Raises:
        EmbeddingError: Naming rows of another length.
    """
    found = np.asarray(lengths)
    other = np.flatnonzero(found != found[0])
    if other.size:
        raise EmbeddingError(
            f"the embedding of {ids[0]!r} has {found[0]} dimensions, and {other.size} others have other dimensions "
            f"({named([f'{ids[row]!r}: {found[row]}' for row in other[:_NAMED]], other.size)}); one encoder gives one"
        )
    return int(found[0])


def present(values: Sequence[str | None], what: str, ids: Sequence[str | None], first_row: int = 0) -> list[str]:
    """The values, none of which may be absent.

    Raises:
        CollectionError: Naming the rows that have none.
    """
    kept = [value for value in values if value is not None]
    if len(kept) < len(values):
        rows = [row for row, value in enumerate(values) if value is None]
        where = [f"row {first_row + row}" if ids[row] is None else repr(ids[row]) for row in rows[:_NAMED]]
        raise CollectionError(f"{len(rows)} rows have no {what} ({named(where, len(rows))}); give each row one")
    return kept


def named(shown: Sequence[str], count: int) -> str:
    """The first few of so many things."""
    return ", ".join(shown[:_NAMED]) + (", ..." if count > _NAMED else "")
