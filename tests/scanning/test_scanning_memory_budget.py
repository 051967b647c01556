"""A memory budget cuts the queries into passes; it never shows in the result."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from support.interpreter import python
from support.languages import LANGUAGES

import clinometer as cm
from clinometer.errors import UsageError
from clinometer.scanning.arguments import bytes_of

RNG = np.random.default_rng(3)
DOCUMENTS = RNG.standard_normal((300, 24), dtype=np.float32)
QUERIES = RNG.standard_normal((40, 24), dtype=np.float32)
RELEVANT = [RNG.choice(300, RNG.integers(0, 4), replace=False) for _ in QUERIES]
LABELS = RNG.choice(LANGUAGES, 300).tolist()


def found(**options: Any) -> cm.Scan:
    return cm.scan(QUERIES, DOCUMENTS, RELEVANT, LABELS, 7, threads=1, block=16, **options)


@pytest.mark.parametrize("per_language", [False, True])
@pytest.mark.parametrize("budget", ["9kB", "20 KB", 100_000, "1GB"])
def test_the_budget_never_shows(budget: int | str, per_language: bool) -> None:
    whole = found(per_language=per_language)
    cut = found(per_language=per_language, memory_budget=budget)
    assert whole.ranks is not None
    assert cut.ranks is not None
    assert whole.top is not None
    assert cut.top is not None
    for name in ("indptr", "documents", "codes", "scores", "greater", "equal", "before"):
        assert np.array_equal(getattr(whole.ranks, name), getattr(cut.ranks, name))
    for name in ("ids", "scores", "places"):
        assert np.array_equal(getattr(whole.top, name), getattr(cut.top, name), equal_nan=True)


def test_a_small_budget_makes_several_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    from clinometer import _core

    passes = []
    scan = _core.scan

    def counted(queries: Any, *arguments: Any, **options: Any) -> Any:
        passes.append(len(queries))
        return scan(queries, *arguments, **options)

    monkeypatch.setattr(_core, "scan", counted)
    found(memory_budget="9kB")
    assert len(passes) > 3
    assert sum(passes) == len(QUERIES)


def test_excluded_documents_go_with_passes() -> None:
    excluded = [[row % 300] for row in range(40)]
    relevant = [[(row + 1) % 300] for row in range(40)]
    whole, cut = (
        cm.scan(QUERIES, DOCUMENTS, relevant, LABELS, 3, exclude=excluded, threads=1, block=16, memory_budget=budget)
        for budget in (None, "9kB")
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


def test_a_scan_of_a_memory_map_stays_near_its_budget(tmp_path: Any) -> None:
    path = tmp_path / "pool.npy"
    np.save(path, RNG.standard_normal((20_000, 32)).astype(np.float16))  # 1.3 MB of pool
    # The estimate does not know the interpreter's own arrays: codes, indptr and the results themselves.
    assert float(python(PEAK, str(path), "8MB")) < 24
