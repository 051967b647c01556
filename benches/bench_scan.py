"""The search stage on small shapes: `pytest benches/bench_scan.py --benchmark-only`.

The contenders are those of `make bench`, which has the shapes that count. Each gives our answer before it is timed.
"""

from __future__ import annotations

from typing import Any

import pytest
from agreement import compare_answers
from contenders import (
    Ready,
    UnavailableError,
    clinometer_search,
    faiss_flat,
    numpy_argpartition,
    numpy_argsort,
    numpy_single,
    torch_topk,
)
from workloads import Workload, make

pytest.importorskip("pytest_benchmark")
# Third-party modules warn while they are imported.
pytestmark = pytest.mark.filterwarnings("ignore")

BATCH = {
    "clinometer": (clinometer_search, {}),
    "clinometer-float32": (clinometer_search, {"precision": "float32"}),
    "clinometer-int16": (clinometer_search, {"precision": "int16-certified"}),
    "faiss": (faiss_flat, {}),
    "numpy-argpartition": (numpy_argpartition, {}),
    "numpy-argsort-40-queries": (numpy_argsort, {}),
    "torch": (torch_topk, {}),
}
SINGLE = {
    "clinometer": (clinometer_search, {"queries": 1}),
    "faiss": (faiss_flat, {"queries": 1, "blas": False}),
    "numpy": (numpy_single, {}),
}


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Workload:
    return make("pool", tmp_path_factory.mktemp("pool"), queries=200, documents=20_000, dimension=384)


def prepared(make_ready: Any, work: Workload, options: dict[str, Any]) -> Ready:
    try:
        return make_ready(work, 1, **options)
    except (ImportError, UnavailableError) as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("name", BATCH)
def test_batch(benchmark: Any, pool: Workload, name: str) -> None:
    benchmark.group = "200 queries, 20,000 documents, d=384, k=100, 1 thread"
    ready = prepared(BATCH[name][0], pool, BATCH[name][1])
    compare_answers(clinometer_search(pool, 1).run(), ready.run(), exact=True, title=name)
    benchmark(ready.run)


@pytest.mark.parametrize("name", SINGLE)
def test_single(benchmark: Any, pool: Workload, name: str) -> None:
    benchmark.group = "1 query, 20,000 documents, d=384, k=100, 1 thread"
    ready = prepared(SINGLE[name][0], pool, SINGLE[name][1])
    compare_answers(clinometer_search(pool, 1, queries=1).run(), ready.run(), exact=True, title=name)
    benchmark(ready.run)
