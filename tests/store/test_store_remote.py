"""Stores in object storage give what a folder gives, and what goes wrong there is one sentence without a key."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import faults
from support.brute_force import embeddings
from support.command_line import Run
from support.same_scan import assert_same

import clinometer as cm
from clinometer.encoders import EncoderRecord
from clinometer.errors import ClinometerError, FormatError, MissingExtraError, MissingFileError, UsageError
from clinometer.executors import LocalExecutor
from clinometer.files import RemotePath, location, remote
from clinometer.scanning import sources
from clinometer.scanning.pool import Pool
from clinometer.store import EmbeddingStore, StoreWriter, merge, stores_in
from clinometer.store import shards as shard_files

fsspec = pytest.importorskip("fsspec", reason="fsspec is not installed")

ROWS = embeddings(3, 230, 8, tied=True)
QUERIES = embeddings(4, 7, 8, tied=True)
RELEVANT = [[5], [0, 229], [], [90, 91], [17], [100], [228]]
SECRET = "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY"


class Storage(fsspec.get_filesystem_class("memory")):  # type: ignore[misc]
    """A storage of this process that fails as often as `failures` says, in the way of `fault`."""

    protocol = "tests"
    store: dict[str, Any] = {}  # noqa: RUF012 - as in its base
    pseudo_dirs: list[str] = [""]  # noqa: RUF012
    failures, calls = 0, 0
    fault: Callable[[bytes], bytes] = staticmethod(lambda content: content)

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return str(super()._strip_protocol(path.replace("tests://", "memory://", 1)))

    def cat_file(self, path: str, start: int | None = None, end: int | None = None, **options: Any) -> bytes:
        content: bytes = super().cat_file(path, start, end, **options)
        Storage.calls += 1
        if Storage.failures:
            Storage.failures -= 1
            return Storage.fault(content)
        return content


def put(folder: Path, url: str) -> None:
    system = fsspec.filesystem(url.partition("://")[0])
    for file in folder.rglob("*"):
        if file.is_file() and file.name != ".lock":
            system.pipe_file(f"{url}/{file.relative_to(folder)}", file.read_bytes())


@pytest.fixture(autouse=True)
def _storage(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    fsspec.register_implementation("tests", Storage, clobber=True)
    monkeypatch.setattr(remote, "_PAUSE", 0.0)
    # Blocks, requests and gaps of a few rows.
    monkeypatch.setattr(remote, "_BLOCK", 500)
    monkeypatch.setattr(remote, "_RANGE", 70)
    monkeypatch.setattr(sources, "_BLOCK", 640)
    for name, size in (("_REQUEST", 200), ("_GAP", 100), ("_REQUESTS", 3)):
        monkeypatch.setattr(shard_files, name, size)
    Storage.failures = Storage.calls = 0
    yield
    Storage.store.clear()


def write(folder: Path, dtype: Any = "float32", rows: Any = ROWS, stage: Any = "documents") -> EmbeddingStore:
    with StoreWriter(folder, EncoderRecord(name="m", kind="http"), stage, dtype) as writer:
        for start in range(0, len(rows), 90):
            part = rows[start : start + 90]
            names = [f"{stage[0]}{row}" for row in range(start, start + len(part))]
            writer.append(part, names, [("en", "de", "zh")[row % 3] for row in range(len(part))])
    return EmbeddingStore.open(folder)


@pytest.fixture(params=["float32", "float16", "int16"])
def both(tmp_path: Path, request: pytest.FixtureRequest) -> tuple[EmbeddingStore, EmbeddingStore]:
    local = write(tmp_path / "store", request.param)
    put(tmp_path / "store", "tests://bucket/store")
    return local, EmbeddingStore.open("tests://bucket/store/")


@pytest.fixture
def store(tmp_path: Path) -> EmbeddingStore:
    write(tmp_path / "store")
    put(tmp_path / "store", "tests://bucket/store")
    return EmbeddingStore.open("tests://bucket/store")


def change(name: str, content: bytes) -> None:
    fsspec.filesystem("tests").pipe_file(f"/bucket/store/{name}", content)


def content_of(name: str) -> bytes:
    return bytes(fsspec.filesystem("tests").cat_file(f"/bucket/store/{name}"))


def test_what_a_folder_gives(both: tuple[EmbeddingStore, EmbeddingStore]) -> None:
    local, there = both
    assert (there.ids, there.languages, there.groups) == (local.ids, local.languages, local.groups)
    assert there.describe() == local.describe() | {"path": "tests://bucket/store"}
    for start, stop in ((0, 230), (80, 200), (91, 92), (7, 7)):
        np.testing.assert_array_equal(there.rows(start, stop), local.rows(start, stop))
    for mine, other in zip(there.shards(), local.shards(), strict=True):
        assert (mine.shape, mine.dtype, mine.nbytes, len(mine)) == (other.shape, other.dtype, other.nbytes, len(other))
        np.testing.assert_array_equal(np.asarray(mine), np.asarray(other))
        for rows in (slice(3, 9), slice(None, None, 7), 4, -1, [2, 2, 0]):
            np.testing.assert_array_equal(mine[rows], np.asarray(other)[rows])
    np.testing.assert_array_equal(np.concatenate(list(there.arrays())), local.rows(0, 230))
    there.verify()
    assert stores_in("tests://bucket/store") == {"documents": there.path}


@pytest.mark.parametrize("options", [{}, {"ties": "trec"}, {"per_language": True, "pool_k": 3}], ids=str)
def test_a_scan_has_the_same_bits(both: tuple[EmbeddingStore, EmbeddingStore], options: dict[str, Any]) -> None:
    local, there = both
    assert_same(cm.scan(QUERIES, there, RELEVANT, k=4, **options), cm.scan(QUERIES, local, RELEVANT, k=4, **options))
    np.testing.assert_array_equal(
        cm.search(there, local, k=3).ids, cm.search(local.rows(0, 230), local, k=3).ids
    )  # queries are read from there as well


@pytest.mark.parametrize("transform", [None, faults.Unchanged(block=7)], ids=["as stored", "transformed"])
def test_checksums_are_compared_while_rows_are_read(store: EmbeddingStore, transform: Any) -> None:
    pieces = sources.sources_of_store(store)
    pool = Pool.of(pieces, np.zeros(230, np.uint16), ("",), QUERIES, transform=transform, checked=True, k=3, threads=1)
    indptr, targets = np.arange(8), np.arange(7) * 30
    found = pool.scan(QUERIES, indptr, targets, LocalExecutor())
    assert_same(found, cm.scan(QUERIES, ROWS, (indptr, targets), k=3))
    flipped = bytearray(content_of("00001.npy"))
    flipped[-2] ^= 1
    change("00001.npy", bytes(flipped))
    with pytest.raises(FormatError, match=r"^tests://bucket/store/00001.npy: its checksum differs from the manifest's"):
        pool.scan(QUERIES, indptr, targets, LocalExecutor())


@given(rows=st.lists(st.integers(0, 229), max_size=60))
def test_rows_by_number(rows: list[int]) -> None:
    fsspec.register_implementation("tests", Storage, clobber=True)
    fsspec.filesystem("tests").pipe_file("/b/rows", b"head" + ROWS.tobytes())
    taken = shard_files.take_rows(RemotePath("tests://b/rows"), 4, "float32", 8, np.array(rows, dtype=np.int64))
    np.testing.assert_array_equal(taken, ROWS[np.array(rows, dtype=np.int64)])


def test_neighbours_come_with_one_request(store: EmbeddingStore) -> None:
    Storage.calls = 0
    store.take([10, 11, 12])
    assert Storage.calls == 1
    Storage.calls = 0
    store.take([10, 50, 80])
    assert Storage.calls == 3


def test_memory_is_bounded_by_blocks(store: EmbeddingStore, monkeypatch: pytest.MonkeyPatch) -> None:
    source = sources.sources_of_store(store)[0]
    assert isinstance(source, sources.Remote)
    assert [len(part) for part in source.parts(None, checked=False)] == [20, 20, 20, 20, 10]
    assert [len(part) for part in source.parts(15, checked=False)] == [15, 5, 15, 5, 15, 5, 15, 5, 10]
    # Two blocks and the ranges of one count as memory of a scan.
    monkeypatch.setattr(sources, "_BLOCK", 10 << 20)
    with pytest.raises(UsageError, match="memory_budget is 8kB, but one query needs about"):
        cm.scan(QUERIES, store, RELEVANT, memory_budget="8kB", threads=1, block=1)


def broken(error: Exception) -> Callable[[bytes], bytes]:
    def fault(content: bytes) -> bytes:
        raise error

    return fault


FAULTS: list[tuple[str, Callable[[bytes], bytes], str]] = [
    ("reset", broken(ConnectionResetError(104, f"reset by peer, key {SECRET}")), "Connection reset by peer"),
    ("foreign", broken(RuntimeError(f"bad key {SECRET}")), "RuntimeError"),
    ("cut", lambda content: content[:-1], "ends before byte"),
]


@pytest.mark.parametrize(("fault", "reason"), [item[1:] for item in FAULTS], ids=[item[0] for item in FAULTS])
def test_a_connection_that_breaks(store: EmbeddingStore, fault: Any, reason: str) -> None:
    Storage.fault = staticmethod(fault)
    Storage.failures = 3
    np.testing.assert_array_equal(store.rows(0, 2), ROWS[:2])
    Storage.failures, Storage.calls = 10**6, 0
    with pytest.raises(ClinometerError, match=f"tests://bucket/store/00000.npy.*{reason}") as caught:
        store.rows(0, 2)
    assert SECRET not in str(caught.value)
    assert Storage.calls == 4  # and no more


@pytest.mark.parametrize(
    ("error", "kind", "sentence"),
    [
        (FileNotFoundError(SECRET), MissingFileError, r"00000.npy does not exist \(not found\); check the bucket"),
        (PermissionError(SECRET), ClinometerError, r"00000.npy: no rights to read it \(permission denied\); set cred"),
        (type("NoCredentialsError", (Exception,), {})(SECRET), ClinometerError, "no rights to read it"),
    ],
)
def test_an_answer_that_stays_is_not_asked_again(
    store: EmbeddingStore, error: Exception, kind: type[Exception], sentence: str
) -> None:
    Storage.fault = staticmethod(broken(error))
    Storage.failures, Storage.calls = 10**6, 0
    with pytest.raises(kind, match=sentence) as caught:
        store.rows(0, 1)
    assert SECRET not in str(caught.value)
    assert Storage.calls == 1


def test_what_is_not_a_store(store: EmbeddingStore) -> None:
    with pytest.raises(MissingFileError, match=r"^tests://bucket/nothing/manifest.json does not exist"):
        EmbeddingStore.open("tests://bucket/nothing")
    with pytest.raises(FormatError, match=r"^tests://bucket: this folder is not a store of embeddings: it has no man"):
        EmbeddingStore.open("tests://bucket")
    change("00001.npy", content_of("00001.npy")[:-1])
    with pytest.raises(FormatError, match=r"^tests://bucket/store: 1 of 6 files are bad: 00001.npy: 3,007 bytes, but"):
        EmbeddingStore.open("tests://bucket/store")
    with pytest.raises(FormatError, match=r"00001.npy: 3,007 bytes, but expected 3,008"):
        cm.scan(QUERIES, store, RELEVANT)
    fsspec.filesystem("tests").rm("/bucket/store/00002.jsonl")
    with pytest.raises(FormatError, match=r"00001.npy: 3,007 bytes, but expected 3,008; 00002.jsonl: missing"):
        EmbeddingStore.open("tests://bucket/store")


def test_a_shard_that_changes_during_a_scan(store: EmbeddingStore) -> None:
    source = sources.sources_of_store(store)[2]
    change("00002.npy", content_of("00002.npy") + b"x")
    with pytest.raises(FormatError, match=r"store/00002.npy: 1,729 bytes, but expected 1,728; copy it again"):
        source.open()


def test_keys_are_never_shown(store: EmbeddingStore, tmp_path: Path) -> None:
    for url in (f"s3://AKIA:{SECRET}@bucket/store", f"https://host/store?sig={SECRET}", f"s3://{SECRET}@bucket"):
        with pytest.raises(UsageError, match="has a user, a key or a query, which results would show") as caught:
            EmbeddingStore.open(url)
        assert SECRET not in str(caught.value)
        with pytest.raises(UsageError) as caught:
            location(Path(url))
        assert SECRET not in str(caught.value)
    keyed = EmbeddingStore.open("tests://bucket/store", storage_options={"secret": SECRET})
    assert SECRET not in f"{keyed} {keyed!r} {keyed.path!r} {keyed.describe()} {sources.sources_of_store(keyed)}"
    # Workers need it.
    assert pickle.loads(pickle.dumps(keyed.path)) == keyed.path != store.path


def test_addresses(tmp_path: Path) -> None:
    write(tmp_path / "store")
    for url in (f"file://{tmp_path}/store", f"local://{tmp_path}/store"):
        found = EmbeddingStore.open(url)
        assert found.path == tmp_path / "store"
        assert isinstance(found.rows(0, 3), np.memmap)
    with pytest.raises(UsageError, match="unknown storage nowhere://; give a folder, or a URL of a storage"):
        EmbeddingStore.open("nowhere://bucket/store")
    with pytest.raises(UsageError, match=r"^s3://bucket/store is not a local path; pass a URL as text"):
        EmbeddingStore.open(Path("s3://bucket/store"))
    with pytest.raises(UsageError, match="storage_options are for URLs of object storage"):
        EmbeddingStore.open(tmp_path / "store", storage_options={"anon": True})


@pytest.mark.parametrize(("url", "extra"), [("s3://b/s", "s3"), ("memory://b/s", "fsspec")])
def test_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, url: str, extra: str) -> None:
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(MissingExtraError, match=rf"pip install 'clinometer\[{extra}\]'"):
        EmbeddingStore.open(url)


def test_a_protocol_without_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("gcsfs", "s3fs"):
        monkeypatch.setitem(sys.modules, module, None)
    for protocol in ("gs", "s3"):
        monkeypatch.delitem(sys.modules["fsspec.registry"]._registry, protocol, raising=False)
    with pytest.raises(UsageError, match=r"a path with gs:// needs a further package: .*gcsfs"):
        EmbeddingStore.open("gs://bucket/store")
    with pytest.raises(MissingExtraError, match=r"pip install 'clinometer\[s3\]'"):
        EmbeddingStore.open("s3://bucket/store")


def test_stores_are_merged_from_there(store: EmbeddingStore, tmp_path: Path) -> None:
    write(tmp_path / "queries", rows=QUERIES, stage="queries")
    assert len(merge(["tests://bucket/store"], tmp_path / "merged")) == 230
    with pytest.raises(UsageError, match="cannot be merged"):
        merge([store.path, tmp_path / "queries"], tmp_path / "both")


def test_commands(run: Run, tmp_path: Path) -> None:
    write(tmp_path / "stores" / "documents")
    write(tmp_path / "stores" / "queries", rows=QUERIES, stage="queries")
    put(tmp_path / "stores", "tests://bucket/stores")
    (tmp_path / "qrels").write_text("q0 0 d5 1\nq3 0 d90 1\n")
    said = run("scan", "tests://bucket/stores", "--relevant", tmp_path / "qrels", "--verify", "-o", tmp_path / "out")
    assert said.code == 0, said.err
    here = run("scan", tmp_path / "stores", "--relevant", tmp_path / "qrels")
    assert said.out == here.out
    assert run("store", "verify", "tests://bucket/stores").code == 0
    info = run("store", "info", "tests://bucket/stores/queries")
    assert "tests://bucket/stores/queries" in info.out
    exported = run("store", "export", "tests://bucket/stores/queries", "-o", tmp_path / "queries.npy")
    assert exported.code == 0, exported.err
    straight = run("correct", "tests://bucket/stores", "--method", "center", "-o", tmp_path / "straight")
    assert straight.code == 0, straight.err
    for arguments in (
        ("encode", "demo", "-o", "s3://bucket/store"),
        ("scan", tmp_path / "stores", "--relevant", "s3://bucket/qrels"),
    ):
        refused = run(*arguments)
        assert refused.code == 2
        assert "is not a local path; only stores of embeddings are read from object storage" in refused.err
        assert not Path("s3:").exists()
