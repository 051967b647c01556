"""A memory budget cuts the queries into passes; it never shows in the result."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from support.interpreter import python
from support.languages import LANGUAGES

import clinometer as cm
from clinometer import _core
from clinometer.errors import UsageError
from clinometer.scanning.arguments import bytes_of
from clinometer.scanning.batches import result_bytes

RNG = np.random.default_rng(3)
DOCUMENTS = RNG.standard_normal((300, 24), dtype=np.float32)
QUERIES = RNG.standard_normal((40, 24), dtype=np.float32)
RELEVANT = [RNG.choice(300, RNG.integers(0, 4), replace=False) for _ in QUERIES]
LABELS = RNG.choice(LANGUAGES, 300).tolist()


def with_result(work: int, per_language: bool = False) -> int:
    """A budget for the result of all queries and some bytes of work."""
    relevant = sum(map(len, RELEVANT))
    return work + result_bytes(len(QUERIES), relevant, len(set(LABELS)), 7 * (len(set(LABELS)) if per_language else 1))


def found(**options: Any) -> cm.Scan:
    return cm.scan(QUERIES, DOCUMENTS, RELEVANT, LABELS, 7, threads=1, block=16, **options)


@pytest.mark.parametrize("per_language", [False, True])
@pytest.mark.parametrize("work", [20_000, 50_000, 100_000, 10**9])
def test_the_budget_never_shows(work: int, per_language: bool) -> None:
    whole = found(per_language=per_language)
    cut = found(per_language=per_language, memory_budget=with_result(work, per_language))
    assert whole.ranks is not None
    assert cut.ranks is not None
    assert whole.top is not None
    assert cut.top is not None
    for name in ("indptr", "documents", "codes", "scores", "greater", "equal", "before"):
        assert np.array_equal(getattr(whole.ranks, name), getattr(cut.ranks, name))
    for name in ("ids", "scores", "places"):
        assert np.array_equal(getattr(whole.top, name), getattr(cut.top, name), equal_nan=True)


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Queries of each pass of the core."""
    queries_of_passes: list[int] = []
    scan = _core.scan

    def counted(queries: Any, *arguments: Any, **options: Any) -> Any:
        queries_of_passes.append(len(queries))
        return scan(queries, *arguments, **options)

    monkeypatch.setattr(_core, "scan", counted)
    return queries_of_passes


def test_a_small_budget_makes_several_passes(passes: list[int]) -> None:
    found(memory_budget=with_result(12_000))
    assert len(passes) > 3
    assert sum(passes) == len(QUERIES)


def test_excluded_documents_go_with_passes() -> None:
    excluded = [[row % 300] for row in range(40)]
    relevant = [[(row + 1) % 300] for row in range(40)]
    whole, cut = (
        cm.scan(QUERIES, DOCUMENTS, relevant, LABELS, 3, exclude=excluded, threads=1, block=16, memory_budget=budget)
        for budget in (None, "25kB")
    )
    assert whole.ranks is not None
    assert cut.ranks is not None
    assert whole.ranks.ranks().tolist() == cut.ranks.ranks().tolist()
    assert whole.top is not None
    assert cut.top is not None
    assert whole.top.ids.tolist() == cut.top.ids.tolist()


def test_bad_budgets_are_refused() -> None:
    with pytest.raises(UsageError, match="one query needs about"):
        found(memory_budget=10)
    with pytest.raises(UsageError, match="write it like 4GB"):
        found(memory_budget="much")
    assert [bytes_of(text) for text in ("4GB", "1.5k", "7")] == [4_000_000_000, 1500, 7]


def test_a_budget_that_the_result_exceeds_is_refused_with_one_that_does() -> None:
    sentence = r"memory_budget is 50MB, but .* the result of 40 queries needs 800\.0 MB"
    with pytest.raises(UsageError, match=sentence) as no:
        cm.search(QUERIES, DOCUMENTS, k=1_000_000, memory_budget="50MB", threads=1)
    enough = re.search(r"give ([\d.]+ MB)", str(no.value))
    assert enough is not None
    assert cm.search(QUERIES, DOCUMENTS, k=1_000_000, memory_budget=enough[1], threads=1).ids.shape == (40, 1_000_000)


def test_a_result_beyond_the_memory_of_the_machine_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clinometer.scanning.pool.available_bytes", lambda: 100_000_000)
    monkeypatch.setattr("clinometer.memory.available_bytes", lambda: 100_000_000)
    with pytest.raises(UsageError, match=r"the result of 40 queries needs 800\.0 MB, but 100\.0 MB of memory are free"):
        cm.search(QUERIES, DOCUMENTS, k=1_000_000)
    with pytest.raises(UsageError, match=r"the results need 800\.0 MB, but 100\.0 MB of memory are free"):
        cm.scan_scores(QUERIES @ DOCUMENTS.T, k=1_000_000)


def test_queries_are_cut_into_passes_where_memory_is_short(monkeypatch: pytest.MonkeyPatch, passes: list[int]) -> None:
    whole = found()
    passes.clear()
    monkeypatch.setattr("clinometer.scanning.pool.available_bytes", lambda: with_result(20_000))
    monkeypatch.setattr("clinometer.scanning.pool._SMALL", 0)
    cut = found()
    assert len(passes) > 1
    assert sum(passes) == len(QUERIES)
    assert whole.top is not None
    assert cut.top is not None
    assert np.array_equal(whole.top.scores, cut.top.scores)


@pytest.mark.parametrize("per_language", [False, True])
@pytest.mark.parametrize("k", [300, 301, 1000, 70_000])
def test_lists_longer_than_the_pool_are_filled_up(k: int, per_language: bool) -> None:
    whole, longer = (cm.search(QUERIES[:3], DOCUMENTS, n, LABELS, per_language, exclude=[[1]] * 3) for n in (299, k))
    assert longer.ids.shape[-1] == k
    for name, fill in (("ids", -1), ("scores", np.nan), ("places", -1)):
        array = getattr(longer, name)
        assert np.array_equal(array[..., :299], getattr(whole, name), equal_nan=True)
        assert np.array_equal(array[..., 299:], np.full_like(array[..., 299:], fill), equal_nan=True)
    scores = QUERIES[:3] @ DOCUMENTS.T
    assert cm.scan_scores(scores, k=k).top.ids.shape == (3, k)  # type: ignore[union-attr]
    assert cm.scan(QUERIES, DOCUMENTS, pool_k=k).pooled.k == k  # type: ignore[union-attr]


PEAK = """
import resource, sys
import numpy as np
import clinometer as cm

path, budget = sys.argv[1:]
documents = np.load(path, mmap_mode="r")
queries = np.random.default_rng(0).standard_normal((4000, 32), dtype=np.float32)
cm.search(queries[:1], documents[:64], k=50, per_language=True, languages=np.arange(64) % 8, threads=2)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
cm.scan(queries, documents, [[q] for q in range(4000)], np.arange(len(documents)) % 8, 0, threads=2,
        memory_budget=budget)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1000)
"""


RESULT = """
import resource, sys
import numpy as np
import clinometer as cm

documents = np.random.default_rng(0).standard_normal((3000, 8), dtype=np.float32)
queries = np.random.default_rng(1).standard_normal((2500, 8), dtype=np.float32)
cm.search(queries[:1], [documents[:64], documents[64:]], k=50, threads=2)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
top = cm.search(queries, [documents[:1500], documents[1500:]], k=1000, threads=2, memory_budget=sys.argv[1])
assert top.ids.shape == (2500, 1000)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1000)
"""


def test_results_count_towards_the_budget() -> None:
    # The lists alone need 50 MB; two shards are merged.
    assert float(python(RESULT, "70MB")) < 70 * 1.05
    with pytest.raises(AssertionError, match=r"the result of 2,500 queries needs 50\.0 MB"):
        python(RESULT, "50MB")


def test_a_scan_of_a_memory_map_stays_near_its_budget(tmp_path: Any) -> None:
    path = tmp_path / "pool.npy"
    np.save(path, RNG.standard_normal((20_000, 32)).astype(np.float16))  # 1.3 MB of pool
    # The estimate does not know the interpreter's own arrays: codes, indptr and the results themselves.
    assert float(python(PEAK, str(path), "8MB")) < 24
