"""Ray gives the bits of the local executor, does lost work again, and tells errors as they were."""

from __future__ import annotations

import operator
import os
import signal
import threading
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from support import faults
from support.brute_force import embeddings
from support.languages import LANGUAGES

import clinometer as cm
from clinometer.adapters import Adapter
from clinometer.correction import Center
from clinometer.correction.remedies import Remedies
from clinometer.encoders import EncoderRecord
from clinometer.errors import ClinometerError, EmbeddingError, FormatError, UsageError
from clinometer.executors import Executor, LocalExecutor, executor_of
from clinometer.scanning.pool import Pool
from clinometer.scanning.sources import Held
from clinometer.store import EmbeddingStore, StoreWriter

pytestmark = pytest.mark.ray

RNG = np.random.default_rng(5)
DOCUMENTS = RNG.standard_normal((500, 16), dtype=np.float32)
QUERIES = RNG.standard_normal((9, 16), dtype=np.float32)
RELEVANT = [[int(row) for row in RNG.choice(500, count, replace=False)] for count in (1, 2, 0, 3, 1, 1, 4, 2, 1)]
LABELS = RNG.choice(LANGUAGES, 500).tolist()


def assert_same(one: cm.Scan, other: cm.Scan) -> None:
    assert one.ranks is not None
    assert other.ranks is not None
    assert one.ranks.languages == other.ranks.languages
    for name in ("indptr", "documents", "codes", "scores", "greater", "equal", "before", "pool_sizes"):
        assert_array_equal(getattr(one.ranks, name), getattr(other.ranks, name))
    assert (one.top is None) == (other.top is None)
    if one.top is not None and other.top is not None:
        for name in ("ids", "scores", "places"):
            assert_array_equal(getattr(one.top, name), getattr(other.top, name))


@pytest.fixture
def store(tmp_path: Path) -> EmbeddingStore:
    with StoreWriter(tmp_path / "store", EncoderRecord(name="m", kind="http"), "documents", "float16") as writer:
        for start in range(0, 500, 90):
            span = slice(start, start + 90)
            names = [f"d{row}" for row in range(500)][span]
            writer.append(DOCUMENTS[span], names, LABELS[span])
    return EmbeddingStore.open(tmp_path / "store")


@settings(max_examples=12)
@given(
    seed=st.integers(0, 1 << 16),
    cuts=st.lists(st.integers(0, 120), max_size=4),
    k=st.integers(0, 6),
    per_language=st.booleans(),
    ties=st.sampled_from(["index", "trec"]),
    budget=st.sampled_from([None, "120kB"]),
)
def test_the_bits_of_the_local_executor(
    cluster: Executor, seed: int, cuts: list[int], k: int, per_language: bool, ties: Any, budget: str | None
) -> None:
    rng = np.random.default_rng(seed)
    documents, queries = embeddings(seed, 120, 8, tied=True), embeddings(seed + 1, 7, 8, tied=True)
    parts = [part for part in np.split(documents, sorted(cuts)) if len(part)]
    relevant = [rng.choice(120, rng.integers(0, 4), replace=False) for _ in queries]
    how: dict[str, Any] = {"k": k, "per_language": per_language, "ties": ties, "memory_budget": budget, "block": 16}
    how |= {"relevant": relevant, "languages": rng.choice(["en", "de"], 120).tolist()}
    assert_same(cm.scan(queries, parts, executor=cluster, **how), cm.scan(queries, documents, threads=1, **how))


def test_a_store_is_read_by_the_workers(cluster: Executor, store: EmbeddingStore) -> None:
    wanted = cm.scan(QUERIES, store, RELEVANT, k=4)
    assert_same(cm.scan(QUERIES, store, RELEVANT, k=4, executor=cluster), wanted)
    # A part of a memory map is named by its place in the file.
    rows = store.shards()[1][10:50]
    few = [[0], [5], [], [], [], [], [], [], [39]]
    assert_same(cm.scan(QUERIES, rows, few, executor=cluster), cm.scan(QUERIES, np.array(rows), few))


def test_work_is_done_elsewhere_and_merged(cluster: Executor) -> None:
    found: list[int] = []
    pids = cluster.map_reduce(faults.process, range(8), operator.or_, done=lambda number, _: found.append(number))
    assert os.getpid() not in pids
    assert sorted(found) == list(range(8))
    assert LocalExecutor().map_reduce(faults.process, [0], operator.or_) == {os.getpid()}


def test_errors_arrive_as_they_were(cluster: Executor) -> None:
    for executor in (cluster, LocalExecutor()):
        with pytest.raises(FormatError, match=r"^some.npy:7: this is the fourth$") as caught:
            executor.map_reduce(faults.refused, range(8), operator.add)
        assert caught.value.line == 7
        with pytest.raises(ZeroDivisionError):
            executor.map_reduce(faults.defect, range(8), operator.add)


def pool(change: Any, parts: int = 4, labels: tuple[str, ...] = ("",)) -> Pool:
    sources = [Held(part) for part in np.array_split(DOCUMENTS, parts)]
    codes = (
        np.array([labels.index(label) for label in LABELS], np.uint16) if len(labels) > 1 else np.zeros(500, np.uint16)
    )
    return Pool.of(sources, codes, labels, QUERIES, transform=change, k=3, threads=1, block=64)


def asked(pool: Pool, executor: Executor) -> cm.Scan:
    indptr = np.cumsum([0, *map(len, RELEVANT)])
    return pool.scan(QUERIES, indptr, np.concatenate(RELEVANT).astype(np.int64), executor)


def test_a_killed_worker_is_replaced(cluster: Executor, tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    found = asked(pool(faults.Deadly(marker=str(marker))), cluster)
    assert marker.read_text() == "killed\n"
    assert_same(found, asked(pool(None), LocalExecutor()))


def test_work_that_always_kills_ends(cluster: Executor, tmp_path: Path) -> None:
    deadly = faults.Deadly(marker=str(tmp_path / "marker"), always=True)
    with pytest.raises(ClinometerError, match=r"gave up a part of the work after \d retries"):
        asked(pool(deadly, parts=1), cluster)


def test_an_interrupted_scan_frees_its_workers(cluster: Executor, tmp_path: Path) -> None:
    import _thread

    marker = tmp_path / "marker"

    def interrupt() -> None:
        while not marker.exists():
            time.sleep(0.05)
        _thread.interrupt_main()

    watcher = threading.Thread(target=interrupt)
    watcher.start()
    # A program that was started in the background of a shell ignores the signal.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            asked(pool(faults.Slow(marker=str(marker)), parts=2), cluster)
    finally:
        signal.signal(signal.SIGINT, before)
    watcher.join()
    # Both cores are free again: what was running was ended.
    start = time.monotonic()
    cluster.map_reduce(faults.process, range(4), operator.or_)
    assert time.monotonic() - start < 50


def test_remedies_go_to_the_workers(cluster: Executor) -> None:
    draw = np.random.default_rng(3)
    adapter = Adapter(
        "low-rank", {"u": draw.normal(size=(16, 2)), "v": draw.normal(size=(16, 2)), "bias": np.zeros(16)}
    )
    both = Remedies(adapter, Center.fit(adapter.apply(DOCUMENTS), LABELS), block=50)
    changed = pool(both, labels=("en", "de", "zh"))
    assert_same(asked(changed, cluster), asked(changed, LocalExecutor()))


def test_a_second_cluster_is_refused(cluster: Executor) -> None:
    from clinometer.executors.ray import RayExecutor

    with pytest.raises(UsageError, match="already connected to a Ray cluster"):
        RayExecutor("127.0.0.1:6379")


def test_more_cores_than_there_are(cluster: Executor) -> None:
    from clinometer.executors.ray import RayExecutor

    with RayExecutor(cpus_per_task=3) as wide, pytest.raises(UsageError, match="no machine of the cluster has more"):
        cm.scan(QUERIES, DOCUMENTS, RELEVANT, executor=wide)


def test_bad_rows_are_named_by_their_number(cluster: Executor) -> None:
    rows = DOCUMENTS.copy()
    rows[300, 4] = np.nan
    with pytest.raises(EmbeddingError, match="row 300 of the documents has NaN"):
        cm.scan(QUERIES, np.array_split(rows, 3), RELEVANT, executor=cluster)


def test_a_truncated_shard_is_refused(cluster: Executor, store: EmbeddingStore) -> None:
    path = Path(str(store.path)) / "00002.npy"
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.truncate(size - 10)
    for executor in (cluster, LocalExecutor()):
        with pytest.raises(FormatError, match=r"00002.npy: not a complete .npy file; copy this shard again"):
            cm.scan(QUERIES, store, RELEVANT, executor=executor)


def test_names_of_executors() -> None:
    for name in ("spark", ""):
        with pytest.raises(UsageError, match="unknown executor"):
            executor_of(name)
    not_one: Any = 3
    with pytest.raises(UsageError, match="int is not an executor"):
        executor_of(not_one)
    local = LocalExecutor()
    assert executor_of(local) is local
    assert LocalExecutor().map_reduce(partial(operator.add, 1), [1, 2], operator.mul) == 6
