"""An export is there with all of its files, or not at all; what exists is never overwritten."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.command_line import Run, assert_complaint
from support.full_disk import full_after, killed, tree

from clinometer.encoders import EncoderRecord
from clinometer.errors import UsageError
from clinometer.store import StoreWriter
from clinometer.store.exchange import export_store
from clinometer.store.exchange.row_source import RowBlock

PACKAGES = {"npy": "numpy", "safetensors": "safetensors", "faiss": "faiss", "parquet": "pyarrow"}
COMPANIONS = {"npy": [".json", ".jsonl"], "safetensors": [".jsonl"], "faiss": [".json", ".jsonl"], "parquet": []}
ROWS, DIMENSION = 100, 50


@pytest.fixture
def stores(tmp_path: Path) -> Path:
    """A folder with documents and queries."""
    rows = np.random.default_rng(0).normal(size=(ROWS, DIMENSION))
    for stage in ("documents", "queries"):
        with StoreWriter(tmp_path / "stores" / stage, EncoderRecord(name="m", kind="http"), stage) as writer:
            writer.append(rows[:60], [f"{row}" for row in range(60)], ["en"] * 60)
            writer.append(rows[60:], [f"{row}" for row in range(60, ROWS)], ["de"] * (ROWS - 60))
    return tmp_path / "stores"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("form", list(PACKAGES))
def test_a_full_disk_leaves_nothing(stores: Path, out: Path, form: str) -> None:
    pytest.importorskip(PACKAGES[form])
    target = out / f"v.{form}"
    for size in (100, 10_000):
        with pytest.raises(OSError, match=r"v\."), full_after(size):
            export_store(stores / "documents", target, format=form)  # type: ignore[arg-type]
        assert tree(out) == {}
    assert export_store(stores / "documents", target, format=form) == ROWS  # type: ignore[arg-type]
    assert sorted(tree(out)) == sorted([target.name, *(target.name + ending for ending in COMPANIONS[form])])


@pytest.mark.parametrize("form", ["npy", "safetensors", "faiss"])
def test_companions_of_other_rows_are_not_overwritten(stores: Path, out: Path, form: str) -> None:
    pytest.importorskip(PACKAGES[form])
    for ending in COMPANIONS[form]:
        mine = out / f"v.{form}{ending}"
        mine.write_text("mine")
        with pytest.raises(UsageError, match=f"v.{form}{ending} already exists; choose another name for the export"):
            export_store(stores / "documents", out / f"v.{form}", format=form)  # type: ignore[arg-type]
        assert tree(out) == {mine.name: b"mine"}
        mine.unlink()


def test_companions_that_a_kill_left_are_not_in_the_way(stores: Path, out: Path) -> None:
    export_store(stores / "documents", out / "v.npy")
    before = tree(out)
    (out / "v.npy").unlink()
    export_store(stores / "documents", out / "v.npy")
    assert tree(out) == before


KILLED = """
from pathlib import Path
from clinometer.store import EmbeddingStore
from clinometer.store.exchange import export_store
arrays = EmbeddingStore.arrays
def some(self):
    yield next(iter(arrays(self)))
    die()
EmbeddingStore.arrays = some
EmbeddingStore.verify = lambda self: None
export_store(sys.argv[1], sys.argv[2])
"""


def test_the_next_export_removes_what_a_killed_one_left(stores: Path, out: Path) -> None:
    killed(KILLED, stores / "documents", out / "v.npy")
    assert "v.npy" not in tree(out)
    assert tree(out)
    export_store(stores / "documents", out / "v.npy")
    assert sorted(tree(out)) == ["v.npy", "v.npy.json", "v.npy.jsonl"]


def test_both_stages_are_exported_or_neither(
    run: Run, stores: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from clinometer.store.exchange import exporting

    blocks = exporting._blocks

    def failing(store: Any, bar: Any) -> Iterator[RowBlock]:
        for number, block in enumerate(blocks(store, bar)):
            if store.stage == "queries" and number == 1:
                raise OSError(28, "No space left on device")
            yield block

    with monkeypatch.context() as patched:
        patched.setattr(exporting, "_blocks", failing)
        done = run("store", "export", stores, "-o", out, "--format", "npy")
    assert_complaint(done, 1, "queries.npy: No space left on device; free some space and run the same command again")
    assert tree(out) == {}
    done = run("store", "export", stores, "-o", out, "--format", "npy")
    assert done.code == 0, done.err
    assert len(tree(out)) == 6
