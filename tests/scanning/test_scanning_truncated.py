"""Mapped files that shrink while they are read: a sentence, where the system would end the process."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.interpreter import python

import clinometer as cm
from clinometer.encoders import EncoderRecord
from clinometer.errors import FormatError
from clinometer.store import EmbeddingStore, StoreWriter

RNG = np.random.default_rng(8)

SHRINKING = """
import faulthandler, os, sys
import numpy as np
import clinometer as cm
from clinometer import _core
from clinometer.errors import FormatError

faulthandler.enable()  # another handler of the same signal
path, queries = sys.argv[1], int(sys.argv[2])
options = eval(sys.argv[3])
rows = np.load(path, mmap_mode="r")
picks = np.ones((queries, rows.shape[1]), dtype=np.float32)
scan, pairs = _core.scan, _core.score_pairs

def shrunk(function):
    def run(*arguments, **named):
        os.truncate(path, 50_000)  # after every check
        return function(*arguments, **named)
    return run

_core.scan, _core.score_pairs = shrunk(scan), shrunk(pairs)
for _ in range(2):
    try:
        cm.scan(picks, rows, **options)
    except FormatError as error:
        print(error)
"""


@pytest.mark.parametrize("options", ["dict(k=3, threads=3, block=16)", "dict(relevant=[[19_000]] * queries)"])
@pytest.mark.parametrize(("queries", "dtype"), [(1, "float32"), (70, "float16")])
def test_a_map_that_shrinks_is_a_sentence(tmp_path: Path, queries: int, options: str, dtype: str) -> None:
    path = tmp_path / "pool.npy"
    np.save(path, RNG.standard_normal((20_000, 16)).astype(dtype))
    first, second = python(SHRINKING, str(path), str(queries), options).splitlines()
    problem = "part of the file could not be read: it was truncated, or its disk fails"
    assert first == f"{path}: {problem}; copy it again and open it anew"
    assert second.startswith(f"{path}: 50,000 bytes, but expected at least ")


def store(folder: Path, dtype: Any) -> EmbeddingStore:
    rows = RNG.standard_normal((600, 8)).astype(np.float32)
    with StoreWriter(folder, EncoderRecord(name="m", kind="http"), "documents", dtype, shard_rows=200) as writer:
        for start in range(0, 600, 200):
            ids = [str(row) for row in range(start, start + 200)]
            writer.append(rows[start : start + 200], ids, ["en"] * 200)
    return EmbeddingStore.open(folder)


@pytest.mark.parametrize("dtype", ["float32", "float16", "int16"])
def test_rows_of_a_store_are_read_with_bounds(tmp_path: Path, dtype: Any) -> None:
    whole = store(tmp_path / "store", dtype)
    shards = [np.asarray(rows) for rows in whole.shards()]
    assert all(np.array_equal(left, right) for left, right in zip(whole.arrays(), shards, strict=True))
    numbers = RNG.permutation(600)[:50]
    assert np.array_equal(whole.take(numbers), np.concatenate(shards)[numbers])
    name = whole.manifest.shards[1].name
    path = tmp_path / "store" / f"{name}.npy"
    size = path.stat().st_size
    os.truncate(path, size - 8)
    for read in (lambda: whole.take([0, 399]), lambda: list(whole.arrays()), lambda: cm.search(shards[0], whole, k=1)):
        with pytest.raises(FormatError, match=name):
            read()


def test_a_read_beyond_the_end_names_the_row(tmp_path: Path) -> None:
    from clinometer.store.shards import read_rows, take_rows

    path = tmp_path / "rows"
    path.write_bytes(b"12345" + np.arange(12, dtype=np.float32).tobytes())
    assert read_rows(path, 5, "float32", 3, 1, 3).tolist() == [[3, 4, 5], [6, 7, 8]]
    assert take_rows(path, 5, "float32", 3, np.array([3, 0, 3, 1])).tolist() == [
        [9, 10, 11], [0, 1, 2], [9, 10, 11], [3, 4, 5],
    ]  # fmt: skip
    assert take_rows(path, 5, "float32", 3, np.array([], dtype=np.int64)).shape == (0, 3)
    with pytest.raises(FormatError, match="ends before row 5"):
        read_rows(path, 5, "float32", 3, 1, 5)
