"""Texts of a collection into a store, shard by shard, from wherever it stopped.

The cut into shards is fixed when a store begins and each shard is one call of the encoder, so that stopping and going
on gives the bytes of one run.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from clinometer.collection import Texts
from clinometer.encoders.base import Encoder, encode
from clinometer.encoders.texts import check_texts
from clinometer.errors import EncoderError
from clinometer.store.manifest import MANIFEST, Dtype, Stage
from clinometer.store.rowfiles import digest_of
from clinometer.store.writer import StoreWriter

__all__ = ["EncodeAll", "default_shard_rows", "fill", "open_writer"]

_LEAST, _STEP, _SHARDS = 2048, 1024, 512


def default_shard_rows(rows: int) -> int:
    """Rows of a shard: few, as an unfinished one is lost with a kill, but no more than 512 shards, as each is a file
    that a scan holds open.

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
    """A writer for these texts: of a new store, or of one that holds the first of them.

    Args:
        path: The store's folder.
        texts: All that the store is to hold.
        encoder: What will encode them.
        stage: `documents` or `queries`.
        dtype: Stored data type.
        shard_rows: Texts that are encoded at once and make one shard; `default_shard_rows` of a new store, or what the
            store has.

    Raises:
        ClinometerError: As `StoreWriter` and `StoreWriter.plan`, and what `check_texts` refuses.
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
"""Embeddings of each of some lists of texts, in their order; as `map` over an encoder's method, but anywhere."""


def fill(
    writer: StoreWriter,
    texts: Texts,
    encoder: Encoder,
    *,
    encode_all: EncodeAll | None = None,
    show_progress_bar: bool = False,
) -> None:
    """Encode and append what is not there yet.

    A text that was there before, in whatever shard, is not encoded again: its row is copied, so that equal texts have
    equal rows and tie.

    Args:
        writer: From `open_writer` with the same texts and encoder.
        texts: All that the store is to hold.
        encoder: What encodes them.
        encode_all: Does it instead, with the same encoder on other machines, say; here by default.
        show_progress_bar: Draw a bar on standard error.

    Raises:
        EncoderError: The encoder fails, or returns something else than one row per text.
        EmbeddingError: It returns rows that are zero, NaN or infinite.
    """
    stage = writer.manifest.stage
    first: dict[str, int] = {}
    for row, text in enumerate(texts.texts):
        first.setdefault(text, row)
    step = writer.manifest.shard_rows or default_shard_rows(len(texts))
    starts = range(len(writer), len(texts), step)
    # What a shard has to have encoded does not depend on the shards before it being done.
    fresh = (new for start in starts if (new := _new(texts.texts[start : start + step], first, start)))
    encoded = (encode(encoder, new, stage) for new in fresh) if encode_all is None else encode_all(fresh)
    with tqdm(
        total=len(texts), initial=len(writer), desc=stage, unit="text", file=sys.stderr, disable=not show_progress_bar
    ) as bar:
        for start in starts:
            part = texts.take(range(start, min(start + step, len(texts))))
            rows = _rows(writer, encoded, part.texts, [first[text] for text in part.texts])
            writer.append(rows, part.ids, part.languages, part.groups, texts_digest=digest_of(part.texts))
            bar.update(len(part))


def _new(texts: Sequence[str], first: dict[str, int], start: int) -> list[str]:
    """The texts that are in no shard before, each once."""
    return list(dict.fromkeys(text for text in texts if first[text] >= start))


def _rows(
    writer: StoreWriter, encoded_parts: Iterator[NDArray[np.float32]], texts: tuple[str, ...], first: list[int]
) -> NDArray[Any]:
    stored = [at for at, row in enumerate(first) if row < len(writer)]
    place: dict[str, int] = {}
    for text, row in zip(texts, first, strict=True):
        if row >= len(writer):
            place.setdefault(text, len(place))
    if not place:
        return writer.take(first)
    encoded = np.asarray(next(encoded_parts))
    dimension = writer.manifest.dimension or encoded.shape[-1]
    if encoded.shape != (len(place), dimension):
        raise EncoderError(
            f"{writer.manifest.encoder.name} gave embeddings of shape {encoded.shape} for {len(place)} texts, but must "
            f"give {(len(place), dimension)}: one row for each text, always of one dimension"
        )
    rows = encoded[[place.get(text, 0) for text in texts]]
    if stored:
        # The encoder's array may be read-only; indexing has made a copy.
        rows[stored] = writer.take([first[at] for at in stored])
    return rows
