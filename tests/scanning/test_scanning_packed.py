"""Packed bits: a scan orders by the Hamming distance, exactly, however the documents lie in memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import clinometer as cm
from clinometer.scanning.packed import UnpackedBits, unpacked


@settings(max_examples=40)
@given(
    seed=st.integers(0, 1 << 20),
    width=st.integers(1, 24),
    shards=st.integers(1, 4),
    kinds=st.tuples(st.booleans(), st.booleans()),
)
def test_ranks_are_those_of_the_distances(seed: int, width: int, shards: int, kinds: tuple[bool, bool]) -> None:
    draw = np.random.default_rng(seed)
    queries, documents = (draw.integers(0, 256, size=(rows, width), dtype=np.uint8) for rows in (3, 30))
    distances = np.unpackbits(queries[:, None] ^ documents, axis=2).sum(axis=2, dtype=np.int64)
    languages = draw.integers(0, 2, size=30)
    relevant = [draw.permutation(30)[:2] for _ in queries]
    # int8 is what sentence-transformers writes as `binary`: the bytes minus 128.
    sides: list[Any] = [
        (side.astype(np.int16) - 128).astype(np.int8) if signed else side
        for side, signed in zip((queries, documents), kinds, strict=True)
    ]
    split = np.array_split(sides[1], shards) if shards > 1 else sides[1]
    result = cm.scan(sides[0], split, relevant, languages, k=5, similarity="hamming")
    assert result.top is not None
    assert result.ranks is not None
    order = np.argsort(distances, axis=1, kind="stable")
    assert result.top.ids.tolist() == order[:, :5].tolist()
    assert result.top.scores.tolist() == (8 * width - 2 * np.take_along_axis(distances, order, 1)[:, :5]).tolist()
    expected = [int(np.flatnonzero(order[query] == row)[0]) + 1 for query in range(3) for row in relevant[query]]
    assert result.ranks.ranks().tolist() == expected


def test_documents_stay_packed_in_their_file_and_are_unpacked_in_blocks(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    documents = draw.integers(0, 256, size=(5000, 4), dtype=np.uint8)
    np.save(tmp_path / "documents.npy", documents)
    mapped = np.load(tmp_path / "documents.npy", mmap_mode="r")
    assert UnpackedBits().block < len(documents)
    queries = documents[[7, 4321]]
    options: dict[str, Any] = {"k": 20, "similarity": "hamming"}
    result = cm.search(queries, mapped, memory_budget="100MB", **options)
    distances = np.unpackbits(queries[:, None] ^ documents, axis=2).sum(axis=2, dtype=np.int64)
    assert result.ids.tolist() == np.argsort(distances, axis=1, kind="stable")[:, :20].tolist()


def test_bits_in_the_order_of_numpy() -> None:
    flags = np.random.default_rng(2).random((4, 24)) < 0.5
    assert unpacked(np.packbits(flags, axis=1)).tolist() == np.where(flags, 1.0, -1.0).tolist()
