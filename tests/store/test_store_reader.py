"""What a store hands out, and what it refuses to open."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clinometer.collection import Texts
from clinometer.errors import FormatError, UsageError
from clinometer.store import EmbeddingStore, find_store, stores_in

Make = Callable[..., Any]


def test_columns_and_rows_of_a_store(store: Path, texts: Texts, tiny: Make) -> None:
    found = EmbeddingStore.open(store)
    assert (len(found), found.dimension, found.dtype, found.stage) == (10, 4, np.dtype("float32"), "documents")
    assert (found.ids, found.languages, found.groups) == (texts.ids, texts.languages, texts.groups)
    assert found.record == tiny().record
    assert found.complete
    shards = found.shards()
    assert [shard.shape for shard in shards] == [(4, 4), (4, 4), (2, 4)]
    assert all(isinstance(shard, np.memmap) and not shard.flags.writeable for shard in shards)
    whole = np.concatenate(shards)
    for start in range(11):
        for stop in range(start, 11):
            np.testing.assert_array_equal(found.rows(start, stop), whole[start:stop])
    assert isinstance(found.rows(4, 8), np.memmap)
    np.testing.assert_array_equal(found.take([9, 0, 4, 0]), whole[[9, 0, 4, 0]])
    assert found.take([]).shape == found.rows(3, 3).shape == (0, 4)
    assert repr(found).endswith("10 documents, 4 x float32)")
    found.verify()


@pytest.mark.parametrize(("start", "stop"), [(-1, 2), (3, 2), (0, 11)])
def test_rows_that_are_not_there(store: Path, start: int, stop: int) -> None:
    with pytest.raises(UsageError, match=f"has rows 0 to 10, not {start} to {stop}"):
        EmbeddingStore.open(store).rows(start, stop)


@pytest.mark.parametrize("rows", [[-1], [10], [[1]]])
def test_numbers_of_rows_that_are_not_there(store: Path, rows: list[Any]) -> None:
    with pytest.raises(UsageError, match="has rows 0 to 9; give a list"):
        EmbeddingStore.open(store).take(rows)


def test_description(store: Path) -> None:
    found = EmbeddingStore.open(store).describe()
    lines = sum(file.stat().st_size for file in store.glob("*.jsonl"))
    assert found.pop("encoder")["name"] == "tiny"
    assert found == {
        "path": str(store), "stage": "documents", "rows": 10, "planned_rows": 10, "complete": True, "dimension": 4,
        "dtype": "float32", "shards": 3, "shard_rows": 4, "bytes": 10 * 4 * 4 + lines, "languages": {"en": 5, "de": 5},
    }  # fmt: skip


def test_what_stands_in_the_files(store: Path) -> None:
    assert {path.name for path in store.iterdir()} == {
        ".lock", "manifest.json", *(f"0000{number}.{kind}" for number in range(3) for kind in ("npy", "jsonl")),
    }  # fmt: skip
    lines = (store / "00000.jsonl").read_text().splitlines()
    assert lines[0] == '{"id":"d0","language":"en","group":"g0"}'
    assert lines[3] == '{"id":"d3","language":"de","group":null}'
    # Ids stay out of the manifest.
    assert '"d3"' not in (store / "manifest.json").read_text()


BREAKS: list[tuple[str, Callable[[Path], Any], str]] = [
    ("cut", lambda f: f.write_bytes(f.read_bytes()[:-1]), "00001.npy: 191 bytes, but expected 192"),
    ("longer", lambda f: f.write_bytes(f.read_bytes() + b"x"), "00001.npy: 193 bytes, but expected 192"),
    ("no header", lambda f: f.write_bytes(b"\0" * 192), "00001.npy: not a .npy file"),
    ("empty", lambda f: f.write_bytes(b""), "00001.npy: not a .npy file"),
    ("absent", lambda f: f.unlink(), "00001.npy: missing"),
    ("shape", lambda f: np.save(f, np.ones((8, 2), np.float32)), "00001.npy: float32 of shape (8, 2), but the"),
    ("type", lambda f: np.save(f, np.ones((4, 4), ">f4")), "00001.npy: >f4 of shape (4, 4), but the"),
    ("order", lambda f: np.save(f, np.ones((4, 4), np.float32, order="F")), "00001.npy: float32 of shape (4, 4), but"),
    ("objects", lambda f: np.save(f, np.array([{}]), allow_pickle=True), "00001.npy: not a .npy file: its"),
]  # fmt: skip


@pytest.mark.parametrize(("spoil", "sentence"), [item[1:] for item in BREAKS], ids=[item[0] for item in BREAKS])
def test_shards_that_are_not_as_they_were_written(store: Path, spoil: Callable[[Path], Any], sentence: str) -> None:
    spoil(store / "00001.npy")
    with pytest.raises(FormatError) as caught:
        EmbeddingStore.open(store)
    assert f"1 of 6 files are bad: {sentence}" in str(caught.value)
    assert "Copy them again, or delete the store and encode again" in str(caught.value)


def test_every_bad_file_is_named(store: Path) -> None:
    found = EmbeddingStore.open(store)
    (store / "00002.jsonl").write_bytes(b"")
    for name, at in (("00000.npy", -3), ("00001.jsonl", 8)):
        flipped = bytearray((store / name).read_bytes())
        flipped[at] ^= 1
        (store / name).write_bytes(flipped)
    with pytest.raises(FormatError) as caught:
        found.verify()
    for part in (
        "3 of 6 files",
        "00000.npy: its checksum differs from the manifest's",
        "00001.jsonl: its checksum differs",
        "00002.jsonl: 0 bytes, but expected",
    ):
        assert part in str(caught.value)
    assert "00001.npy" not in str(caught.value)
    # A look at the sizes sees one of them; ids whose file was changed are not handed out.
    with pytest.raises(FormatError, match="1 of 6 files"):
        EmbeddingStore.open(store)
    with pytest.raises(FormatError, match=r"00001.jsonl: its checksum differs from the manifest's"):
        assert found.ids


def test_many_bad_files_are_counted(tmp_path: Path, encode: Make, texts: Texts) -> None:
    encode(tmp_path / "s", texts, shard_rows=1)
    for number in range(10):
        for kind in ("npy", "jsonl"):
            (tmp_path / "s" / f"{number:05d}.{kind}").unlink()
    (tmp_path / "s" / "00010.npy").touch()
    with pytest.raises(FormatError, match="20 of 20 files"):
        EmbeddingStore.open(tmp_path / "s")


MANIFESTS: list[tuple[dict[str, Any], str]] = [
    ({"format": "other"}, "its format is 'other', but expected 'clinometer-embeddings'"),
    ({"version": 2}, "it has version 2 and data type 'float32', and this clinometer reads up to version 1"),
    ({"dtype": "int8"}, "it has version 1 and data type 'int8', and this clinometer reads up to version 1 of"),
    ({"stage": "texts"}, "not a manifest of a store: Invalid enum value 'texts'"),
    ({"rows": 9}, "its row count 9 does not match its shards"),
    ({"dimension": 0}, "its dimension is 0, but must be 1 or more"),
    ({"dimension": 5}, "6 files are bad: 00000.npy: float32 of shape (4, 4), but the manifest says float32 of "),
    ({"shards": []}, "its row count 10"),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "sentence"), MANIFESTS, ids=[str(item[0]) for item in MANIFESTS])
def test_manifests_that_cannot_be_used(store: Path, change: Make, fields: dict[str, Any], sentence: str) -> None:
    change(store, **fields)
    with pytest.raises(FormatError) as caught:
        EmbeddingStore.open(store)
    assert sentence in str(caught.value)


@pytest.mark.parametrize("name", ["../00000", "/tmp/00000", "00001", "0", ""])
def test_shards_lie_in_the_folder(store: Path, change: Make, name: str) -> None:
    shards = EmbeddingStore.open(store).manifest.shards
    named = [{**{field: getattr(shard, field) for field in shard.__struct_fields__}} for shard in shards]
    change(store, shards=[{**named[0], "name": name}, *named[1:]])
    with pytest.raises(FormatError, match="each shard needs a name of its own, five digits or more"):
        EmbeddingStore.open(store)


@pytest.mark.parametrize("text", [b"{", b"[]", b"\xff", b"{}"])
def test_a_manifest_that_is_none(store: Path, text: bytes) -> None:
    (store / "manifest.json").write_bytes(text)
    with pytest.raises(FormatError, match=r"manifest.json: (not a manifest|its format is '')"):
        EmbeddingStore.open(store)


def test_a_store_that_is_not_complete(store: Path, change: Make) -> None:
    change(store, planned_rows=12)
    with pytest.raises(FormatError, match="not complete: 10 of 12 documents are stored; run the same command again"):
        EmbeddingStore.open(store)
    found = EmbeddingStore.open(store, partial=True)
    assert (found.complete, len(found)) == (False, 10)


def test_a_store_is_found_in_its_parent(store: Path, tmp_path: Path) -> None:
    parent = tmp_path / "parent"
    parent.mkdir()
    store.rename(parent / "documents")
    assert find_store(parent, "documents") == find_store(str(parent / "documents"), "documents") == parent / "documents"
    assert stores_in(parent) == {"documents": parent / "documents"}
    for path in (parent, parent / "documents"):
        with pytest.raises(UsageError, match="holds documents, but queries are needed; give their store"):
            find_store(path, "queries")
    with pytest.raises(FormatError, match=f"it has no manifest.json; open {parent}/documents"):
        EmbeddingStore.open(parent)
    with pytest.raises(FormatError, match=r"it has no manifest.json; write one with clinometer encode"):
        find_store(tmp_path, "documents")
    with pytest.raises(FileNotFoundError):
        find_store(tmp_path / "nowhere", "documents")


def test_too_many_files(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(24, "Too many open files")

    found = EmbeddingStore.open(store)
    monkeypatch.setattr(np, "memmap", full)
    with pytest.raises(Exception, match="raise the limit with 'ulimit -n'"):
        found.shards()
