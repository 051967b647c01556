"""The plan of a large scan: arithmetic that a hand can follow, and rates that are measured."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from support.command_line import Run

import clinometer as cm
from clinometer.errors import UsageError
from clinometer.scanning.planning import Rates, Workload, measure_rates, predict
from clinometer.scanning.pool import bytes_needed

RATES = Rates(pairs=2e8, start=1e-5, read=1e8, probe_documents=1, probe_queries=1, cores=2, load=None)


def test_arithmetic_by_hand() -> None:
    work = Workload(
        documents=1_000_000_000, queries=100_000, dimension=384, workers=200, languages=12, relevant=2, shards=500
    )
    found = predict(work, RATES, price_per_hour=0.6)
    # Two million documents a shard, and three shards for some workers.
    assert (found.shards, found.rounds, found.passes) == (500, 3, 1)
    assert found.compute_seconds == pytest.approx(3 * (2e6 * 1e5 / 2e8 + 1e5 * 1e-5))
    assert found.read_seconds == pytest.approx(3 * 2e6 * 768 / 1e8)
    assert found.seconds == found.compute_seconds
    assert found.worker_hours == pytest.approx(200 * found.seconds / 3600)
    assert found.cost == pytest.approx(200 * (found.cost_per_worker or 0))
    assert found.cost_per_worker == pytest.approx(0.6 * found.seconds / 3600)
    assert found.store_bytes == 1_000_000_000 * (768 + 56)
    # Three counts of four bytes for each language, and what is known of each relevant document.
    assert found.part_bytes == 500 * 100_000 * (12 * 2 * 12 + 28 * 2)


def test_a_billion_documents_by_their_parts() -> None:
    """Each part worked by hand: 512 shards of 1,953,792 rows, the last one shorter; 100,000 queries in one pass."""
    work = Workload(
        documents=10**9,
        queries=10**5,
        dimension=384,
        workers=64,
        languages=12,
        relevant=2,
        k=100,
        threads=2,
        remote=True,
    )
    found = predict(work, RATES)
    rows = 1_953_792
    assert rows == -(-(10**9) // (512 * 1024)) * 1024
    assert (found.shards, found.rounds, found.passes) == (-(-(10**9) // rows), 8, 1)
    # Time: the busiest worker has 8 of 512 shards.
    documents = 8 * 10**9 / 512
    assert found.compute_seconds == pytest.approx(documents * 1e5 / 2e8 + 8 * 1e5 * 1e-5)
    assert found.read_seconds == pytest.approx(documents * 768 / 1e8)
    # Disk: 384 halves and a line of ids for each document; a result for each shard.
    assert found.store_bytes == 10**9 * (768 + 56)
    result = 10**5 * (100 * 20 + 2 * (12 * 12 + 28))
    assert found.result_bytes == result == 234_400_000
    assert found.part_bytes == 512 * result
    # A worker: Python, blocks of documents of two threads, three blocks of 64 MiB from the storage, what it keeps of
    # each query, two results to merge, two bytes a document of its shard.
    fetched = 3 * ((64 << 20) // 768) * 768
    counts, candidates = (4 * 2 + 32) * 2 * 12, 8 * (100 + 25 + 16) + 16
    query = counts + candidates + 100 * 72 + 12 * 384
    shard = -(-(10**9) // 512)
    assert found.worker_bytes == 90_000_000 + 2 * 16 * 512 * 384 + fetched + 10**5 * query + 2 * result + 2 * shard
    # The driver: Python, the result and two to merge, queries, two bytes a document, the ids of one shard.
    driver = 90_000_000 + 3 * result + 4 * 10**5 * 384 + 2 * 10**9 + 150 * 10**9 // 512
    assert found.driver_bytes == driver
    # A worker alone is both.
    alone = predict(msgspec.structs.replace(work, workers=1, remote=False), RATES)
    assert alone.driver_bytes == alone.worker_bytes == driver + 2 * 16 * 512 * 384 + 10**5 * query


def test_the_budget_of_one_worker_holds_the_result() -> None:
    work = Workload(documents=10**6, queries=1000, dimension=64, languages=5, k=100)
    fixed, each = bytes_needed(64, 5, 1, threads=1, k=100)
    result = predict(work, RATES).result_bytes
    assert predict(work, RATES, memory_budget=result + fixed + 250 * each).passes == 4
    assert predict(msgspec.structs.replace(work, workers=2), RATES, memory_budget=fixed + 250 * each).passes == 4
    with pytest.raises(UsageError, match=r"one query needs 0.. MB, and the result of all 2.1 MB"):
        predict(work, RATES, memory_budget=result)


@pytest.mark.parametrize("per_language", [False, True])
def test_the_result_is_no_larger_than_planned(per_language: bool) -> None:
    draw = np.random.default_rng(0)
    rows, queries = draw.standard_normal((3000, 8), dtype=np.float32), draw.standard_normal((40, 8), dtype=np.float32)
    relevant = np.arange(41) * 2, draw.integers(0, 1500, 80) * 2 + np.tile([0, 1], 40)
    found = cm.scan(queries, rows, relevant, np.arange(3000) % 7, k=20, per_language=per_language)
    assert found.ranks is not None
    assert found.top is not None
    columns: list[Any] = [
        found.ranks.documents,
        found.ranks.codes,
        found.ranks.scores,
        found.ranks.greater,
        found.ranks.equal,
    ]
    columns += [found.ranks.before, found.top.ids, found.top.scores, found.top.places]
    work = Workload(documents=3000, queries=40, dimension=8, languages=7, relevant=2, k=20, per_language=per_language)
    assert sum(column.nbytes for column in columns) <= predict(work, RATES).result_bytes


def test_a_slow_disk_decides_and_a_budget_reads_again() -> None:
    work = Workload(documents=1_000_000, queries=1000, dimension=384, shards=4)
    slow = Rates(pairs=2e8, read=1e7, probe_documents=1, probe_queries=1, cores=2, load=None)
    assert predict(work, slow).seconds == pytest.approx(1e6 * 768 / 1e7)
    block, each = bytes_needed(384, 1, 1, threads=1)
    found = predict(work, slow, memory_budget=block + 300 * each)
    assert found.passes == 4
    assert found.seconds == pytest.approx(4 * 1e6 * 768 / 1e7)
    assert found.worker_bytes < predict(work, slow).worker_bytes
    with pytest.raises(UsageError, match="the memory budget is too small"):
        predict(work, slow, memory_budget=block)


def test_shards_are_those_of_encode() -> None:
    assert Workload(documents=10_000, queries=1, dimension=2).shard_count == 5
    assert Workload(documents=1_000_000_000, queries=1, dimension=2).shard_count == 512


@pytest.mark.parametrize("wrong", [{"documents": 0}, {"workers": 0}, {"k": -1}, {"shards": 0}, {"dtype": "int16"}])
def test_what_cannot_be(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        Workload(**{"documents": 1, "queries": 1, "dimension": 1, **wrong})


def test_rates_are_measured(tmp_path: Path) -> None:
    rates = measure_rates(Workload(documents=10_000, queries=30, dimension=16, languages=3, k=2, relevant=2), tmp_path)
    assert rates.pairs > 0
    assert rates.read > 0
    assert rates.start >= 0
    assert not [*tmp_path.iterdir()]


def test_the_command(run: Run) -> None:
    given = [
        "plan",
        "--documents",
        "1e6",
        "--queries",
        "100",
        "--dimension",
        "16",
        "--workers",
        "9",
        "--read-rate",
        "1GB",
    ]
    done = run(*given, "--shards", "5", "--price-per-hour", "2", "--json")
    assert done.code == 0, done.err
    said = json.loads(done.out)
    assert (said["workload"]["documents"], said["measured"]["read"], said["forecast"]["rounds"]) == (1_000_000, 1e9, 1)
    assert said["assumptions"][-1] == "there are 5 shards, so 4 workers have nothing to do"
    table = run(*given).out
    assert table.startswith("time  ")
    assert "Assumed:\n- each worker scores" in table
    far = run(*given, "--object-storage", "--json")
    assert json.loads(far.out)["workload"]["remote"] is True
    for wrong in (["--documents", "many"], ["--documents", "0.5"], ["--dtype", "int8"], ["--memory-budget", "1kB"]):
        done = run(*given, *wrong)
        assert (done.code, done.out) == (2, "")
