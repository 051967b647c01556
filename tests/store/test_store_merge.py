"""Stores joined into one, and stores as the documents of a scan."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import clinometer as cm
from clinometer.collection import Texts
from clinometer.errors import CollectionError, EmbeddingError, FormatError, UsageError
from clinometer.store import EmbeddingStore, StoreWriter, merge

Make = Callable[..., Any]


@pytest.fixture
def parts(tmp_path: Path, texts: Texts, encode: Make) -> list[Path]:
    """Rows 0 to 4 and 5 to 9 as stores of their own, in shards of 4 and 1."""
    for name, rows in (("one", range(5)), ("two", range(5, 10))):
        encode(tmp_path / name, texts.take(rows))
    return [tmp_path / "one", tmp_path / "two"]


def test_shards_follow_one_another(parts: list[Path], texts: Texts, tmp_path: Path, tiny: Make) -> None:
    made = merge([parts[1], parts[0]], tmp_path / "both")
    one, two = (EmbeddingStore.open(part) for part in parts)
    assert made.ids == two.ids + one.ids
    assert (made.languages, made.groups) == (two.languages + one.languages, two.groups + one.groups)
    np.testing.assert_array_equal(made.rows(0, 10), np.concatenate([two.rows(0, 5), one.rows(0, 5)]))
    assert [len(shard) for shard in made.shards()] == [4, 1, 4, 1]
    assert (made.record, made.complete) == (tiny().record, True)
    made.verify()
    # The digests of the texts went along, so that an encode of the joined source finds all of it.
    assert [shard.texts_sha256 for shard in made.manifest.shards] == [
        shard.texts_sha256 for store in (two, one) for shard in store.manifest.shards
    ]


def test_stores_that_do_not_fit(parts: list[Path], texts: Texts, tmp_path: Path, tiny: Make, encode: Make) -> None:
    encode(tmp_path / "half", texts, dtype="float16")
    encode(tmp_path / "other", texts, tiny(name="other", document_prompt="passage: "))
    out = tmp_path / "out"
    wrong = [
        ([parts[0], tmp_path / "half"], "dtype: float32, in the other float16"),
        ([parts[0], tmp_path / "other"], "name: 'tiny', in the other 'other'; document_prompt: '', in the other 'pass"),
    ]
    for sources, sentence in wrong:
        with pytest.raises(UsageError, match=rf"cannot be merged \({sentence}"):
            merge(sources, out)
    with pytest.raises(CollectionError, match=f"the id 'd0' is in {parts[0]} and in {parts[0]}"):
        merge([parts[0], parts[0]], out)
    with pytest.raises(UsageError, match="is already a store; choose another folder"):
        merge(parts, parts[0])
    with pytest.raises(UsageError, match="no stores to merge"):
        merge([], out)
    assert not out.exists()


def test_damage_is_not_given_a_new_checksum(parts: list[Path], tmp_path: Path) -> None:
    flipped = bytearray((parts[1] / "00001.npy").read_bytes())
    flipped[-1] ^= 1
    (parts[1] / "00001.npy").write_bytes(flipped)
    with pytest.raises(
        FormatError, match=r"two: 1 of 4 files are bad: 00001.npy: its checksum differs from the manifest's"
    ):
        merge(parts, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_merge_that_was_stopped_leaves_nothing(
    parts: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    append, left = StoreWriter.append, 2

    def failing(self: StoreWriter, *arguments: Any, **options: Any) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise KeyboardInterrupt
        append(self, *arguments, **options)

    before = sorted(tmp_path.iterdir())
    with monkeypatch.context() as patched:
        patched.setattr(StoreWriter, "append", failing)
        with pytest.raises(KeyboardInterrupt):
            merge(parts, tmp_path / "out")
    assert left < 0
    assert sorted(tmp_path.iterdir()) == before
    assert len(merge(parts, tmp_path / "out")) == 10


# scans


def test_a_store_is_scanned_as_its_rows_are(parts: list[Path], texts: Texts, store: Path) -> None:
    found = EmbeddingStore.open(store)
    rows = np.asarray(found.rows(0, 10))
    queries, relevant = rows[[2, 6]] + 1, [[2, 3], [0]]
    wanted = cm.scan(queries, rows, relevant, texts.languages, k=3, ties="trec", document_ids=texts.ids)
    halves = [EmbeddingStore.open(part) for part in parts]
    assert wanted.ranks is not None
    assert wanted.top is not None
    for documents in (found, [found]):
        scan = cm.scan(queries, documents, relevant, k=3, ties="trec")
        assert scan.ranks is not None
        assert scan.top is not None
        assert scan.ranks.languages == ("en", "de")
        for languages in (["en"], ["de"], None):
            np.testing.assert_array_equal(scan.ranks.ranks(languages), wanted.ranks.ranks(languages))
        np.testing.assert_array_equal(scan.top.ids, wanted.top.ids)
    ranks = cm.rank_relevant(queries, halves, relevant)
    assert ranks.pool_sizes is not None
    assert (ranks.languages, ranks.pool_sizes.tolist()) == (("en", "de"), [5, 5])
    # Queries may be a store too, and languages that are given count.
    own = cm.search(found, found, k=1, per_language=True, languages=["xx"] * 10)
    assert own.scores.shape == (10, 1, 1)
    with pytest.raises(EmbeddingError, match="queries have dimension 3, documents 4"):
        cm.search(rows[:, :3], found)


def test_ties_of_a_store_go_by_its_ids(tmp_path: Path, tiny: Make) -> None:
    with StoreWriter(tmp_path, tiny().record, "documents") as writer:
        writer.append(np.ones((3, 4)), ["b", "c", "a"], ["en"] * 3)
    found = EmbeddingStore.open(tmp_path)
    assert cm.search(np.ones((1, 4)), found, k=3).ids.tolist() == [[0, 1, 2]]
    assert cm.search(np.ones((1, 4)), found, k=3, ties="trec").ids.tolist() == [[1, 0, 2]]


def test_an_empty_store_is_nothing_to_scan(tmp_path: Path, tiny: Make) -> None:
    StoreWriter(tmp_path, tiny().record, "documents").close()
    with pytest.raises(UsageError, match="nothing to scan: 1 queries, 0 documents"):
        cm.search(np.ones((1, 4)), EmbeddingStore.open(tmp_path))
