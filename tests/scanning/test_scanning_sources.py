"""Where rows lie: a memory map is named by its place in a file, and the file must be what it was."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import faults

from clinometer.errors import EmbeddingError, FormatError, MissingExtraError
from clinometer.executors import LocalExecutor
from clinometer.scanning.pool import Pool
from clinometer.scanning.sources import Held, Mapped, Source, spread

ROWS = np.arange(60, dtype=np.float32).reshape(12, 5)


@pytest.fixture
def mapped(tmp_path: Path) -> np.memmap[Any, Any]:
    np.save(tmp_path / "rows.npy", ROWS)
    found: np.memmap[Any, Any] = np.load(tmp_path / "rows.npy", mmap_mode="r")
    return found


def test_a_part_of_a_map_is_found_in_its_file(mapped: np.memmap[Any, Any]) -> None:
    for part in (mapped, mapped[3:], mapped[2:9][1:4], np.asarray(mapped)[5:6]):
        found = spread(Held(part))
        assert isinstance(found, Mapped)
        assert np.array_equal(found.open(), part)
        assert (len(found), found.dimension) == part.shape


def test_what_is_no_whole_part_of_a_map_is_held(mapped: np.memmap[Any, Any]) -> None:
    for part in (ROWS, mapped[:, :2], mapped[::2], mapped[:0], np.array(mapped)):
        found = spread(Held(part))
        assert isinstance(found, Held)
        assert np.array_equal(found.open(), part)


def test_a_file_that_is_not_what_it_was(mapped: np.memmap[Any, Any], tmp_path: Path) -> None:
    found = spread(Held(mapped))
    path = tmp_path / "rows.npy"
    assert isinstance(found, Mapped)
    whole = path.read_bytes()
    wrong = "0" * 64
    with pytest.raises(FormatError, match="its checksum differs from the manifest's"):
        Mapped(found.path, found.offset, found.shape, found.dtype, len(whole), wrong).open(checked=True)
    longer = Mapped(found.path, found.offset, found.shape, found.dtype, len(whole) + 1)
    with pytest.raises(FormatError, match=f"{len(whole)} bytes, but expected {len(whole) + 1};"):
        longer.open()
    path.unlink()
    path.write_bytes(whole[:-4])
    with pytest.raises(FormatError, match=f"{len(whole) - 4} bytes, but expected at least {len(whole)};"):
        found.open()
    path.unlink()
    with pytest.raises(FormatError, match="every worker must reach the store under the same path"):
        found.open()


def scan_transformed(source: Source, target: int) -> None:
    """A scan for one relevant document whose rows are transformed."""
    codes = np.zeros(len(source), np.uint16)
    pool = Pool.of([source], codes, ("",), ROWS[1:2], transform=faults.Unchanged(), threads=1)
    pool.scan(ROWS[1:2], np.array([0, 1]), np.array([target]), LocalExecutor())


def test_relevant_rows_that_were_read_alone_are_named_by_their_number() -> None:
    rows = ROWS + 1
    rows[7] = 0
    with pytest.raises(EmbeddingError, match=r"^row 7 of the documents is all zeros"):
        scan_transformed(Held(rows), 7)


def test_relevant_rows_of_a_file_that_does_not_exist(mapped: np.memmap[Any, Any], tmp_path: Path) -> None:
    source = spread(Held(mapped))
    (tmp_path / "rows.npy").unlink()
    with pytest.raises(FormatError, match="every worker must reach the store under the same path"):
        scan_transformed(source, 7)


def test_errors_survive_the_way_between_processes() -> None:
    error = pickle.loads(pickle.dumps(FormatError("a.npy", 3, "broken")))
    assert (str(error), error.path, error.line, error.problem) == ("a.npy:3: broken", "a.npy", 3, "broken")
    extra = pickle.loads(pickle.dumps(MissingExtraError("the executor ray", "ray")))
    assert str(extra) == "the executor ray needs an optional package: pip install 'clinometer[ray]'"
