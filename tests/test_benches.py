"""Tests of the machinery of benches/: that it runs, compares before it times, renders the same bytes. No timings."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

BENCHES = Path(__file__).resolve().parents[1] / "benches"


@pytest.fixture
def room(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Imports a module of benches/."""
    monkeypatch.syspath_prepend(str(BENCHES))
    return importlib.import_module


def run(output: Path, *words: str) -> str:
    command = [sys.executable, str(BENCHES / "run.py"), "--output", str(output), *words]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=240).stdout


def results(**changes: Any) -> dict[str, Any]:
    """A set of results by hand: faiss takes 5, 1 and 2 times as long as ours."""
    ours = {"title": "clinometer", "wall": [1.0, 4.0, 3.0], "cpu": [1.0, 4.0, 3.0], "agreement": {"lists": 1.0}}
    ours["first"] = {"wall": 1.0, "cpu": 1.0, "memory": 40e6, "share": 1.0}
    faiss = {**ours, "title": "faiss IndexFlatIP (BLAS), k best only", "wall": [5.0, 4.0, 6.0]}
    absent = {"wall": [], "cpu": [], "skipped": "No module named 'x'"}
    float32 = {**ours, "title": "clinometer, float32"}
    int16 = {**absent, "title": "clinometer, int16-certified"}
    tables = [
        {
            "threads": threads,
            "rounds": 3,
            "work": 8 * 10**9,
            "peaks": [10.0] * 3,
            "beside": "of sgemm",
            "contenders": lines,
        }
        for threads, lines in ((1, [ours, float32, int16, faiss]), (2, [ours, float32, int16, faiss]))
    ]
    memory = [{"threads": 2, "rounds": 0, "work": 0, "peaks": [], "beside": "of sgemm", "contenders": [ours, faiss]}]
    machine = {
        "processor": "a processor", "features": ["avx2"], "cores": 2, "memory_gb": 8, "system": "Linux",
        "kernels": ["avx2"], "libraries": {"numpy": "2"}, "peak": "a stand-in",
    }  # fmt: skip
    experiments = {"search-1m-k100": {"seconds": 1, "tables": tables}, "memory": {"seconds": 1, "tables": memory}}
    return {
        "date": "2026-11-29",
        "machine": machine,
        "load": 0.0,
        "quick": False,
        "avx2": False,
        "experiments": experiments,
        **changes,
    }


def test_smoke_run_measures_and_renders(tmp_path: Path) -> None:
    printed = run(tmp_path, "--quick", "--only", "search-1m-k1000", "--threads", "1", "--rounds", "1")
    found = json.loads((tmp_path / "results.json").read_text())
    assert list(found["experiments"]) == ["search-1m-k1000"]
    (table,) = found["experiments"]["search-1m-k1000"]["tables"]
    ours = table["contenders"][0]
    assert table["threads"] == 1
    assert len(ours["wall"]) == len(ours["cpu"]) == len(table["peaks"]) == 1
    assert ours["wall"][0] > 0
    for line in table["contenders"]:
        assert "skipped" in line or line["agreement"]["lists"] > 0.999
    page = (tmp_path / "README.md").read_text()
    assert "smoke test" in page
    assert "| clinometer |" in page
    assert "| clinometer |" in printed
    run(tmp_path, "--render")
    assert (tmp_path / "README.md").read_text() == page


def test_the_same_results_give_the_same_page(room: Any) -> None:
    render = room("rendering").render
    page = render(results())
    assert page == render(json.loads(json.dumps(results())))
    # Rounds of 3, 2 and 1 times ours: the median of ratios, not the ratio of medians, which would be 2 of 1.
    assert (
        "| faiss IndexFlatIP (BLAS), Q=1000, k=100, N=1M | 1.5x | 2x | 2x (1x to 5x) | 2x (1x to 5x) | aim reached |"
        in page
    )
    # Those of other processors have floors of their own.
    assert page.count("| faiss IndexFlatIP (BLAS), Q=1000, k=100, N=1M |") == 1
    limited = results(avx2=True)
    limited["machine"]["kernels"] = ["avx512", "avx2"]
    assert "| faiss IndexFlatIP (BLAS), Q=1000, k=100, N=1M | 1.5x |" in render(limited)
    assert "not here: No module named 'x'" in page
    assert "All limited to AVX2" in render(results(), results(avx2=True))


def test_goals_are_judged_honestly(room: Any) -> None:
    goals = room("goals")
    verdicts = {(goal.experiment, goal.kind): goals.verdict(goal, results()) for goal in goals.GOALS}
    assert verdicts["search-1m-k100", "share"] == "not judged"
    assert verdicts["memory", "memory"] == "aim reached"
    assert verdicts["evaluator", "ratio"] == "not measured"
    faiss = next(goal for goal in goals.GOALS if goal.experiment == "search-1m-k100" and goal.kernel == "avx2")
    assert goals.verdict(faiss, results()) == "aim reached"
    assert goals.verdict(faiss, results(quick=True)) == "smoke test"
    slow = results()
    slow["experiments"]["search-1m-k100"]["tables"][1]["contenders"][3]["wall"] = [1.0, 1.3, 40.0]
    assert goals.verdict(faiss, slow) == "**not reached**"
    heavy = results()
    heavy["experiments"]["memory"]["tables"][0]["contenders"][0]["first"]["memory"] = 120e6
    memory = next(goal for goal in goals.GOALS if goal.experiment == "memory")
    assert goals.verdict(memory, heavy) == "**not reached**"


def test_a_goal_may_be_for_one_thread(room: Any) -> None:
    goals = room("goals")
    faiss = next(goal for goal in goals.GOALS if goal.experiment == "search-1m-k100" and goal.kernel == "avx2")
    uneven = results()
    uneven["experiments"]["search-1m-k100"]["tables"][0]["contenders"][3] = {
        **uneven["experiments"]["search-1m-k100"]["tables"][0]["contenders"][3], "wall": [1.0, 1.3, 4.0]
    }  # fmt: skip
    assert goals.verdict(faiss, uneven) == "aim reached"
    assert goals.verdict(replace(faiss, threads=1), uneven) == "**not reached**"
    assert goals.verdict(replace(faiss, threads=4), uneven) == "not measured"


def test_every_goal_names_a_contender(room: Any) -> None:
    titles = {one.name: [line.title for line in one.contenders] for one in room("experiments").EXPERIMENTS}
    for goal in room("goals").GOALS:
        assert goal.ours in titles[goal.experiment]
        assert not goal.theirs or sum(title.startswith(goal.theirs) for title in titles[goal.experiment]) == 1


def test_wrong_answers_stop_the_run(room: Any) -> None:
    agreement = room("agreement")
    top, ranks = np.arange(200).reshape(2, 100), np.array([1, 50, 70_000])
    ours = {"top": top, "ranks": ranks, "per_query": np.array([[1.0], [0.5], [0.0]])}
    near = agreement.compare_answers(ours, {"top": top[:, ::-1], "ranks": ranks + np.arange(3)}, True, "near")
    assert near == {"lists": 1.0, "ranks": pytest.approx(1 / 3), "off": 2.0}
    counted = agreement.compare_answers(ours, {"means": np.array([0.75]), "counted": np.array(2)}, True, "part")
    assert counted == {"means": 0.0}
    for wrong in (
        {"top": top + 1},
        {"ranks": ranks + np.array([0, 4, 0])},
        {"means": np.array([0.6]), "counted": np.array(2)},
    ):
        with pytest.raises(agreement.DisagreementError, match=r"^this one: "):
            agreement.compare_answers(ours, wrong, True, "this one")


def test_workloads_repeat_and_plant_answers_in_different_languages(room: Any, tmp_path: Path) -> None:
    make = room("workloads").make
    numbers = {"queries": 20, "documents": 800, "dimension": 16}
    first, second = (make("pool", tmp_path / name, **numbers) for name in "ab")
    for name in ("documents", "queries", "targets", "codes"):
        assert np.array_equal(first[name], second[name])
    targets = np.array(first["targets"]).reshape(20, 4)
    assert len(np.unique(targets)) == 80
    assert all(len(set(codes)) == 4 for codes in np.array(first["codes"])[targets].tolist())
    cosines = (np.repeat(np.array(first["queries"]), 4, axis=0) * first["documents"][targets.reshape(-1)]).sum(axis=1)
    assert np.all(np.diff(cosines.reshape(20, 4).mean(axis=0)) < 0)


def test_made_up_lists_hold_the_relevant_documents_at_their_ranks(room: Any, tmp_path: Path) -> None:
    work = room("workloads").make("lists", tmp_path, queries=50, depth=40, documents=2000)
    ids, targets = np.array(work["ids"]), np.array(work["targets"]).reshape(50, 4)
    ranks = 1 + np.array(work["greater"]).sum(axis=1).reshape(50, 4)
    assert all(len(set(row)) == 40 for row in ids.tolist())
    for listed, golds, places in zip(ids.tolist(), targets.tolist(), ranks.tolist(), strict=True):
        assert [gold in listed for gold in golds] == [place <= 40 for place in places]
        assert all(listed[place - 1] == gold for gold, place in zip(golds, places, strict=True) if place <= 40)
