"""The plan of a large scan: arithmetic that a hand can follow, and rates that are measured."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.command_line import Run

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
    for wrong in (["--documents", "many"], ["--documents", "0.5"], ["--dtype", "int8"], ["--memory-budget", "1kB"]):
        done = run(*given, *wrong)
        assert (done.code, done.out) == (2, "")
