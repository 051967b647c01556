"""Encoding texts of a collection into a store, shard by shard, resuming where it stopped.

The split into shards is fixed when a store is created, and each shard is one call of the encoder, so that a resumed run
gives the bytes of an uninterrupted one.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from itertools import compress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinometer.collection import Texts
from clinometer.collection.columns import first_rows
from clinometer.encoders.base import Encoder, encode
from clinometer.encoders.texts import check_texts
from clinometer.errors import EncoderError
from clinometer.parameters import checked
from clinometer.progress import progress
from clinometer.store.manifest import MANIFEST, Dtype, Stage
from clinometer.store.rowfiles import digest_of
from clinometer.store.writer import StoreWriter
from clinometer.vectors import array_of

__all__ = ["EncodeAll", "default_shard_rows", "fill", "open_writer"]

_LEAST, _STEP, _SHARDS = 2048, 1024, 512


@checked
def default_shard_rows(rows: int) -> int:
    """Rows of a shard: few, because a kill loses an unfinished one, but at most 512 shards, because a scan keeps each
    file open.

    Example:
        >>> default_shard_rows(10_000), default_shard_rows(10_000_000)
        (2048, 20480)
    """
    return max(_LEAST, -(-rows // (_SHARDS * _STEP)) * _STEP)


def open_writer(
    path: str | os.PathLike[str],
    texts: Texts,
    encoder: Encoder,
    stage: Stage,
    *,
    dtype: Dtype = "float32",
    shard_rows: int | None = None,
) -> StoreWriter:
    """A writer for these texts: of a new store, or of one that already holds the first of them.

    Args:
        path: Folder of the store.
        texts: All texts of the finished store.
        encoder: Encoder of the texts.
        stage: `documents` or `queries`.
        dtype: Stored data type.
        shard_rows: Number of texts that are encoded at once as one shard; by default that of the store, or
            `default_shard_rows` for a new one.

    Raises:
        ClinometerError: As for `StoreWriter`, `StoreWriter.plan` and `check_texts`.
    """
    check_texts(texts.texts, stage)
    if shard_rows is None and not (Path(path) / MANIFEST).exists():
        shard_rows = default_shard_rows(len(texts))
    writer = StoreWriter(path, encoder.record, stage, dtype, shard_rows=shard_rows)
    try:
        writer.plan(texts)
    except BaseException:
        writer.close()
        raise
    return writer


EncodeAll = Callable[[Iterator[list[str]]], Iterator[NDArray[np.float32]]]
"""Maps lists of texts to embeddings, in order, like `map` over an encoder's method, on any machine."""


def fill(
    writer: StoreWriter,
    texts: Texts,
    encoder: Encoder,
    *,
    encode_all: EncodeAll | None = None,
    show_progress_bar: bool = False,
) -> None:
    """Encode and append the texts that are not stored yet.

    A text that is already in any shard is not encoded again: its row is copied, so that equal texts have equal rows and
    tie.

    Args:
        writer: Writer from `open_writer` with the same texts and encoder.
        texts: All texts of the finished store.
        encoder: Encoder of the texts.
        encode_all: Replacement for calls of the encoder, such as the same encoder on other machines.
        show_progress_bar: Whether to draw a bar on standard error.

    Raises:
        EncoderError: The encoder fails, or does not return one row per text.
        EmbeddingError: It returns rows that are zero, NaN or infinite.
    """
    stage = writer.manifest.stage
    first_row = first_rows(texts.texts)
    step = writer.manifest.shard_rows or default_shard_rows(len(texts))
    starts = range(len(writer), len(texts), step)
    # The texts to encode for a shard are known before earlier shards are finished.
    new_texts = (new for start in starts if (new := _new(texts.texts, first_row, start, start + step)))
    encoded = (encode(encoder, new, stage) for new in new_texts) if encode_all is None else encode_all(new_texts)
    with progress(len(texts), stage, "texts", initial=len(writer), shown=show_progress_bar) as bar:
        for start in starts:
            part = texts.take(np.arange(start, min(start + step, len(texts))))
            rows = _rows(writer, encoded, first_row[start : start + step].tolist())
            writer.append(rows, part.ids, part.languages, part.groups, texts_digest=digest_of(part.texts))
            bar.update(len(part))


def _new(texts: Sequence[str], first_row: NDArray[np.int64], start: int, stop: int) -> list[str]:
    """The texts of a shard that are not in an earlier one, each once."""
    is_first = first_row[start:stop] == np.arange(start, min(stop, len(texts)))
    return list(compress(texts[start:stop], is_first.tolist()))


def _rows(writer: StoreWriter, encoded_parts: Iterator[NDArray[np.float32]], firsts: list[int]) -> NDArray[Any]:
    stored = [number for number, row in enumerate(firsts) if row < len(writer)]
    row_of: dict[int, int] = {}
    for row in firsts:
        if row >= len(writer):
            row_of.setdefault(row, len(row_of))
    if not row_of:
        return writer.take(firsts)
    encoded = array_of(next(encoded_parts), "the embeddings")
    dimension = writer.manifest.dimension or encoded.shape[-1]
    if encoded.shape != (len(row_of), dimension):
        raise EncoderError(
            f"{writer.manifest.encoder.name} gave embeddings of shape {encoded.shape} for {len(row_of)} texts, but "
            f"must give {(len(row_of), dimension)}: one row per text, always of one dimension"
        )
    rows = encoded[[row_of.get(row, 0) for row in firsts]]
    if stored:
        # The encoder's array may be read-only; indexing has made a copy.
        rows[stored] = writer.take([firsts[number] for number in stored])
    return rows
