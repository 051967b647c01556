"""A tiny encoder whose last bits depend on the other texts of a call, as a model's do, and texts for it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from clinometer.collection import Texts
from clinometer.encoders import EncoderRecord
from clinometer.store import fill, open_writer

DIMENSION = 4


class TinyEncoder:
    """Rows from a digest of the text; `calls` holds the texts of each call."""

    def __init__(self, **record: Any) -> None:
        known = {"name": "tiny", "kind": "http", "revision": "1", "dimension": DIMENSION, **record}
        self.record = EncoderRecord(**known)
        self.calls: list[list[str]] = []

    def encode_documents(self, texts: Sequence[str], *, show_progress_bar: bool = False) -> NDArray[np.float32]:
        self.calls.append(list(texts))
        digests = [hashlib.sha256(text.encode()).digest()[:DIMENSION] for text in texts]
        rows = np.array([list(digest) for digest in digests], dtype=np.float32) + 1
        rows += np.float32(len(texts) / 1024)
        rows.flags.writeable = False
        return rows

    encode_queries = encode_documents


@pytest.fixture
def tiny() -> Callable[..., TinyEncoder]:
    return TinyEncoder


@pytest.fixture
def texts() -> Texts:
    """Ten texts; number 8 says the same as number 1, number 9 as number 7."""
    words = [f"text {number}" for number in range(8)] + ["text 1", "text 7"]
    return Texts(
        tuple(f"d{number}" for number in range(10)),
        tuple(words),
        ("en", "de") * 5,
        tuple(None if number == 3 else f"g{number // 2}" for number in range(10)),
    )


@pytest.fixture
def store(tmp_path: Path, texts: Texts) -> Path:
    """The ten texts as documents in shards of 4, 4 and 2."""
    encode(tmp_path / "store", texts)
    return tmp_path / "store"


def encode(path: Path, texts: Texts, encoder: TinyEncoder | None = None, **options: Any) -> TinyEncoder:
    encoder = encoder or TinyEncoder()
    with open_writer(path, texts, encoder, "documents", **{"shard_rows": 4, **options}) as writer:
        fill(writer, texts, encoder)
    return encoder


@pytest.fixture(name="encode")
def _encode() -> Callable[..., TinyEncoder]:
    return encode


@pytest.fixture
def contents() -> Callable[[Path], dict[str, bytes]]:
    """Every file below a folder, byte for byte."""
    return lambda folder: {
        str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()
    }


@pytest.fixture
def change() -> Callable[..., None]:
    """Write fields of a manifest anew."""

    def write(folder: Path, **fields: Any) -> None:
        path = folder / "manifest.json"
        path.write_bytes(msgspec.json.encode({**msgspec.json.decode(path.read_bytes()), **fields}))

    return write
