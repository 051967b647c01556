"""What is measured: every table of the benches, as data.

The first contender of an experiment is ours as users call it; every other contender's time is divided by its time in
the same round.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from inspect import signature
from typing import Any

import contenders as search
import folder_contenders as folders
import metric_contenders as after
from contenders import Ready

__all__ = ["EXPERIMENTS", "Contender", "Experiment"]

Numbers = Mapping[str, int]


@dataclass(frozen=True)
class Contender:
    """A contender of one experiment.

    Args:
        title: Its name in the tables.
        make: Makes the work from the workload, the number of threads and `options`.
        options: Keyword arguments of `make`.
        rounds: Takes part in no more rounds than this; for the slow ones.
        exact: Whether its lists have to be ours; else only nearly so (it reads rounded documents).
    """

    title: str
    make: Callable[..., Ready]
    options: Mapping[str, Any] = field(default_factory=dict)
    rounds: int = 99
    exact: bool = True


@dataclass(frozen=True)
class Experiment:
    """One table.

    Args:
        name: For `--only`.
        title: Heading of the table.
        about: What is done, in sentences.
        kind: Kind of workload, with its numbers, and those of the smoke test.
        contenders: Ours first.
        rounds: Number of rounds in which all take turns.
        threads: Numbers of threads to measure with.
        share_of_peak: Whether arithmetic limits it, so that its share of the peak is meaningful.
        quick_options: Options of contenders that the smoke test changes.
    """

    name: str
    title: str
    about: str
    kind: str
    numbers: Numbers
    quick: Numbers
    contenders: tuple[Contender, ...]
    rounds: int = 5
    threads: tuple[int, ...] = (1, 2)
    share_of_peak: bool = False
    quick_options: Mapping[str, Any] = field(default_factory=dict)

    def options(self, number: int, quick: bool) -> dict[str, Any]:
        """Options of a contender; the smoke test makes those smaller that the contender has."""
        contender = self.contenders[number]
        options = dict(contender.options)
        if quick:
            known = signature(contender.make).parameters
            # A search over all queries stays one.
            kept = {key for key in self.quick_options if key in known and (key != "queries" or key in options)}
            options |= {key: self.quick_options[key] for key in kept}
        return options

    def rounds_with(self, threads: int, quick: bool) -> int:
        """All rounds with the most threads, on which goals are judged; half of them with fewer."""
        rounds = self.rounds if threads >= max(self.threads) else (self.rounds + 1) // 2
        return min(rounds, 2) if quick else rounds

    def operations(self, quick: bool) -> int:
        """Floating-point operations of the whole work in a search; 0 in other experiments."""
        if self.kind != "pool":
            return 0
        numbers = self.quick if quick else self.numbers
        queries = min(self.options(0, quick).get("queries", numbers["queries"]), numbers["queries"])
        return 2 * queries * numbers["documents"] * numbers["dimension"]


def _ours(**options: Any) -> tuple[Contender, ...]:
    """Ours with defaults, and in each precision."""
    make = search.clinometer_search
    return (
        Contender("clinometer", make, options),
        Contender("clinometer, float32", make, {**options, "precision": "float32"}),
        Contender("clinometer, int16-certified", make, {**options, "precision": "int16-certified"}),
    )


def _search(
    name: str, queries: int, documents: int, k: int, *others: Contender, rounds: int, dimension: int = 384
) -> Experiment:
    size = f"{documents // 1_000_000}M" if documents >= 1_000_000 else f"{documents // 1000}k"
    return Experiment(
        name=name,
        title=f"Search: 1,000 queries, N={size}, d={dimension}, k={k}",
        about=(
            f"Ours gives the best {k} in one fixed order, and for 4 relevant documents of each query the exact rank "
            "and the counts in 8 languages."
        ),
        kind="pool",
        numbers={"queries": queries, "documents": documents, "dimension": dimension},
        quick=_SMALL,
        contenders=(*_ours(k=k, queries=1000), *others),
        rounds=rounds,
        share_of_peak=True,
        quick_options={"k": min(k, 100), "part": 8},
    )


_LARGE = {"queries": 10_000, "documents": 1_000_000, "dimension": 384}
_SMALL = {"queries": 64, "documents": 8000, "dimension": 32}
_FAISS, _FAISS_1000 = (
    Contender("faiss IndexFlatIP (BLAS), k best only", search.faiss_flat, {"k": k, "queries": 1000})
    for k in (100, 1000)
)
_ON_GPU = {
    precision: {"queries": 1000, "precision": precision}
    for precision in ("float32", "tf32-certified", "bf16-certified")
}
_BFLOAT16 = Contender(
    "torch, product in bfloat16 + topk, k best only, inexact", search.torch_bfloat16, {"queries": 1000}
)
_NUMPY = Contender("NumPy product + argpartition + gold counts", search.numpy_argpartition)

EXPERIMENTS: tuple[Experiment, ...] = (
    _search(
        "search-200k-k100",
        1000,
        200_000,
        100,
        _FAISS,
        _NUMPY,
        Contender("torch.mm + topk + gold counts", search.torch_topk, rounds=3),
        Contender("NumPy product + argsort, ranks only (40 queries, scaled)", search.numpy_argsort, rounds=3),
        rounds=5,
    ),
    _search("search-200k-k1000", 1000, 200_000, 1000, _FAISS_1000, rounds=5),
    _search("search-1m-k100", 10_000, 1_000_000, 100, _FAISS, _BFLOAT16, rounds=3),
    _search("search-200k-d1024", 1000, 200_000, 100, _FAISS, _BFLOAT16, rounds=5, dimension=1024),
    _search("search-1m-d1024", 1000, 1_000_000, 100, _FAISS, rounds=3, dimension=1024),
    _search("search-1m-k1000", 10_000, 1_000_000, 1000, _FAISS_1000, rounds=3),
    Experiment(
        name="few-queries",
        title="A default of faiss: 256 queries, N=1M, d=384, k=100",
        about=(
            "faiss uses no matrix products when queries x dimension < 128,000, unless distance_compute_blas_threshold "
            "is lowered. The ratio to its default is due to that default, not to our speed: the line with BLAS is the "
            "fair one."
        ),
        kind="pool",
        numbers=_LARGE,
        quick=_SMALL,
        contenders=(
            Contender("clinometer", search.clinometer_search, {"queries": 256}),
            Contender(
                "faiss IndexFlatIP (default), k best only", search.faiss_flat, {"queries": 256, "blas": False}, 2
            ),
            Contender("faiss IndexFlatIP (BLAS), k best only", search.faiss_flat, {"queries": 256}),
        ),
        rounds=3,
        share_of_peak=True,
        quick_options={"queries": 20},
    ),
    Experiment(
        name="single",
        title="One query, N=1M, d=384, k=100",
        about=(
            "An interactive user. All are bound by memory. Ours gives the ranks of 4 relevant documents and their "
            "counts per language, too."
        ),
        kind="pool",
        numbers=_LARGE,
        quick=_SMALL,
        contenders=(
            Contender("clinometer", search.clinometer_search, {"queries": 1}),
            Contender(
                "clinometer, documents in float16",
                search.clinometer_search,
                {"queries": 1, "documents": "halves"},
                exact=False,
            ),
            Contender("faiss IndexFlatIP (default), k best only", search.faiss_flat, {"queries": 1, "blas": False}),
            Contender("faiss IndexFlatIP (BLAS), k best only", search.faiss_flat, {"queries": 1}),
            Contender("NumPy product + argpartition + gold counts", search.numpy_single),
        ),
        rounds=9,
    ),
    Experiment(
        name="gpu",
        title="On a GPU: 1,000 queries, N=1M, d=384, k=100",
        about=(
            "The pool is in the memory of the GPU. Ours gives the bits of the processor, in any arithmetic; the first "
            "line is the processor itself."
        ),
        kind="pool",
        numbers=_LARGE,
        quick=_SMALL,
        contenders=(
            Contender("clinometer", search.clinometer_search, {"queries": 1000}),
            Contender("clinometer on the GPU", search.clinometer_on_gpu, {"queries": 1000}),
            Contender("clinometer on the GPU, float32", search.clinometer_on_gpu, _ON_GPU["float32"]),
            Contender("clinometer on the GPU, tf32-certified", search.clinometer_on_gpu, _ON_GPU["tf32-certified"]),
            Contender("clinometer on the GPU, bf16-certified", search.clinometer_on_gpu, _ON_GPU["bf16-certified"]),
            Contender("torch.mm + topk in chunks on the GPU + gold counts", search.torch_on_gpu, {"queries": 1000}),
            Contender("faiss GpuIndexFlatIP, k best only", search.faiss_on_gpu, {"queries": 1000}),
        ),
        rounds=3,
        threads=(2,),
    ),
    Experiment(
        name="memory",
        title="Memory: 10,000 queries, N=1M, d=384, k=100",
        about="One call of each; the figure is the peak of memory on top of the pool (for faiss: of its index).",
        kind="pool",
        numbers=_LARGE,
        quick=_SMALL,
        contenders=(
            Contender("clinometer", search.clinometer_search),
            Contender("faiss IndexFlatIP (BLAS), k best only", search.faiss_flat),
        ),
        rounds=0,
        threads=(2,),
    ),
    Experiment(
        name="evaluator",
        title="Evaluator: 1,190 queries, 480 documents in 2 languages, d=384",
        about="Embeddings are given; from there to the 15 measures that sentence-transformers reports by default.",
        kind="translations",
        numbers={"languages": 2, "passages": 240, "questions": 1190, "dimension": 384, "asked_in": 1},
        quick={"languages": 2, "passages": 60, "questions": 100, "dimension": 16, "asked_in": 1},
        contenders=(
            Contender("clinometer: scan + measures", after.clinometer_evaluator),
            Contender(
                "sentence-transformers InformationRetrievalEvaluator", after.sentence_transformers_evaluator, rounds=7
            ),
        ),
        rounds=7,
    ),
    Experiment(
        name="pools",
        title="All 79 pools of XQuAD's shape: 66 pairs, 12 single languages, all 12 together",
        about=(
            "12 languages x 240 documents and 12 x 1,190 queries, d=512, synthetic vectors; every query's ranks in "
            "every pool. A document is in 13 pools, so a scan of every pool scores 13 times as many pairs: the rest is "
            "overhead."
        ),
        kind="translations",
        numbers={"languages": 12, "passages": 240, "questions": 1190, "dimension": 512, "asked_in": 12},
        quick={"languages": 3, "passages": 20, "questions": 30, "dimension": 16, "asked_in": 3},
        contenders=(
            Contender("clinometer, one scan", after.one_scan),
            Contender("clinometer, one scan per pool", after.scan_per_pool),
            Contender("NumPy product + argsort per pool (1,190 queries, scaled)", after.numpy_per_pool, rounds=3),
            Contender(
                "sentence-transformers evaluator per pool (13 pools, 1,190 queries, scaled)",
                after.evaluator_per_pool,
                rounds=1,
            ),
        ),
        rounds=5,
        quick_options={"part": 10},
    ),
    Experiment(
        name="folder",
        title="A folder of 1M documents in BEIR's layout, embeddings given: 490 MB of text, 1,000 queries, d=384",
        about=(
            "Ours evaluates from the files to the rows of the results, with examples and intervals. The other lines "
            "only read the folder, as ours does in the second, and BEIR's own loader does: one dictionary for each "
            "document."
        ),
        kind="folder",
        numbers={"queries": 1000, "documents": 1_000_000, "dimension": 384},
        quick={"queries": 64, "documents": 8000, "dimension": 32},
        contenders=(
            Contender("clinometer, files to results", folders.clinometer_evaluation),
            Contender("clinometer, reading alone", folders.clinometer_reading),
            Contender("json.loads into dictionaries, reading alone", folders.json_reading),
        ),
        rounds=0,
        threads=(1, 2),
    ),
    Experiment(
        name="metrics",
        title="Metric stage: 10,000 queries x depth 1,000",
        about=(
            "nDCG@10, R@100, RR and AP. Ours starts from the counts of the scan, the others from arrays of ids and "
            "scores, from which they build dictionaries."
        ),
        kind="lists",
        numbers={"queries": 10_000, "depth": 1000, "documents": 1_000_000},
        quick={"queries": 200, "depth": 100, "documents": 10_000},
        contenders=(
            Contender("clinometer, from counts", after.clinometer_measures),
            Contender("dict + pytrec_eval", after.pytrec_eval_measures, rounds=2),
            Contender("dict + ir_measures (2,000 queries, scaled)", after.ir_measures_aggregate, {"part": 2000}, 2),
            Contender("dict + ranx (2,000 queries, scaled)", after.ranx_evaluate, {"part": 2000}, 2),
        ),
        rounds=5,
        threads=(1,),
        quick_options={"part": 100},
    ),
)
