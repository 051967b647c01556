"""Measures, a whole evaluator, and many pools on small shapes: `pytest benches/bench_metrics.py --benchmark-only`.

The contenders are those of `make bench`, which has the shapes that count. Each gives our answer before it is timed.
"""

from __future__ import annotations

from typing import Any

import metric_contenders as after
import pytest
from agreement import compare_answers
from workloads import Workload, make

pytest.importorskip("pytest_benchmark")
# Third-party modules warn while they are imported.
pytestmark = pytest.mark.filterwarnings("ignore")

STAGES = {
    "metrics": (
        "1,000 queries x depth 100",
        ("lists", {"queries": 1000, "depth": 100, "documents": 100_000}),
        (
            after.clinometer_measures,
            after.pytrec_eval_measures,
            after.ir_measures_aggregate,
            after.ranx_evaluate,
        ),
    ),
    "evaluator": (
        "1,190 queries, 480 documents, 15 measures",
        ("translations", {"languages": 2, "passages": 240, "questions": 1190, "dimension": 384, "asked_in": 1}),
        (after.clinometer_evaluator, after.sentence_transformers_evaluator),
    ),
    "pools": (
        "16 pools of 5 languages x 100 documents",
        ("translations", {"languages": 5, "passages": 100, "questions": 200, "dimension": 256, "asked_in": 5}),
        (after.one_scan, after.scan_per_pool),
    ),
}


@pytest.fixture(scope="module")
def workloads(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Workload]:
    folder = tmp_path_factory.mktemp("workloads")
    return {stage: make(kind, folder, **numbers) for stage, (_, (kind, numbers), _) in STAGES.items()}


@pytest.mark.parametrize(
    ("stage", "contender"),
    [pytest.param(stage, one, id=f"{stage}-{one.__name__}") for stage, (*_, many) in STAGES.items() for one in many],
)
def test_stage(benchmark: Any, workloads: dict[str, Workload], stage: str, contender: Any) -> None:
    title, _, contenders = STAGES[stage]
    benchmark.group = f"{title}, 1 thread"
    try:
        ready = contender(workloads[stage], 1)
    except ImportError as error:
        pytest.skip(str(error))
    ours = contenders[0](workloads[stage], 1)
    compare_answers(ours.run(), ready.run(), exact=True, title=contender.__name__)
    benchmark(ready.run)
