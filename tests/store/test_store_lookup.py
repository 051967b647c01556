"""Ids and languages of stored rows, looked up shard by shard."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from clinometer.errors import FormatError
from clinometer.store import EmbeddingStore
from clinometer.store.lookup import ids_at, language_codes, rows_of_ids
from clinometer.store.rowfiles import read_column


def test_columns_are_those_of_the_store(store: Path) -> None:
    found = EmbeddingStore.open(store)
    labels, codes = language_codes([found, found])
    assert tuple(labels[code] for code in codes.tolist()) == found.languages * 2
    assert labels == ("en", "de")
    assert rows_of_ids(found, ["d9", "d0", "nowhere", "d4"]) == {"d0": 0, "d4": 4, "d9": 9}
    assert rows_of_ids(found, []) == {}
    assert ids_at(found, [9, 0, 4, 4]) == {0: "d0", 4: "d4", 9: "d9"}


def test_only_the_shards_that_are_needed_are_read(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found, read = EmbeddingStore.open(store), []

    def counted(folder: Path, shard: Any, name: Any) -> Any:
        read.append(shard.name)
        return read_column(folder, shard, name)

    monkeypatch.setattr("clinometer.store.lookup.read_column", counted)
    assert rows_of_ids(found, {"d1"}) == {"d1": 1}
    assert ids_at(found, [5, 6]) == {5: "d5", 6: "d6"}
    assert read == ["00000", "00001"]


def test_a_changed_file_is_refused(store: Path) -> None:
    found = EmbeddingStore.open(store)
    path = store / "00001.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"en"', b'"de"'))
    for look in (lambda: language_codes([found]), lambda: rows_of_ids(found, {"d9"}), lambda: ids_at(found, [4])):
        with pytest.raises(FormatError, match=r"00001.jsonl: its checksum differs from the manifest's"):
            look()
