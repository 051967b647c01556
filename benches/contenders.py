"""Contenders of the search stage: each takes a workload and gives back the work that is to be timed.

A contender prepares untimed whatever its users prepare once (an index, a tensor); what it then returns is one complete
answer: the best documents, the ranks of the relevant ones, or both. Where a contender is measured on a part of the
queries, `Ready.share` says which part, and its time is scaled by it.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from workloads import Workload

import clinometer as cm

__all__ = [
    "KERNEL_VARIABLE",
    "Answer",
    "Ready",
    "UnavailableError",
    "clinometer_on_gpu",
    "clinometer_search",
    "faiss_flat",
    "faiss_on_gpu",
    "numpy_argpartition",
    "numpy_argsort",
    "numpy_single",
    "torch_bfloat16",
    "torch_on_gpu",
    "torch_topk",
]

Answer = dict[str, NDArray[Any]]
KERNEL_VARIABLE = "CLINOMETER_BENCH_KERNEL"  # ours has no such variable; the benches hand it on as an argument
SCORES_AT_ONCE = 1 << 26  # float32 scores that a contender with a score matrix holds at a time: 256 MB


class UnavailableError(Exception):
    """This contender cannot run here; the message says why."""


@dataclass(frozen=True)
class Ready:
    """The work to be timed, and which share of the whole work it is.

    An answer has `top`, `(queries, k)`, `ranks`, `(relevant documents,)`, or measures: `per_query`,
    `(queries, measures)`, or their `means` over the first `counted` queries.
    """

    run: Callable[[], Answer]
    share: float = 1.0


def clinometer_search(
    work: Workload,
    threads: int,
    k: int = 100,
    queries: int | None = None,
    precision: str | None = None,
    documents: str = "documents",
) -> Ready:
    """Ours: the best k, and every relevant document's rank with its counts per language, in one scan."""
    options: dict[str, Any] = {"kernel": os.environ.get(KERNEL_VARIABLE)}
    if "precision" in inspect.signature(cm.scan).parameters:
        options["precision"] = precision
    elif precision not in (None, "float32"):
        raise UnavailableError(f"clinometer.scan has no precision={precision!r}")
    asked, indptr, targets = work.first(queries)
    pool, codes = work[documents], work["codes"]

    def run() -> Answer:
        found = cm.scan(asked, pool, (indptr, targets), codes, k, threads=threads, **options)
        assert found.ranks is not None
        assert found.top is not None
        return {"top": found.top.ids, "ranks": found.ranks.ranks()}

    return Ready(run)


def faiss_flat(work: Workload, threads: int, k: int = 100, queries: int | None = None, blas: bool = True) -> Ready:
    """faiss IndexFlatIP: the best k, no ranks.

    With `blas` its threshold is lowered so that it uses matrix products from 20 query components on; by default it
    leaves them when queries x dimension < 128,000.
    """
    import faiss

    faiss.omp_set_num_threads(threads)
    if blas:
        faiss.cvar.distance_compute_blas_threshold = 20
    asked = np.array(work.first(queries)[0])
    pool = work["documents"]
    index = faiss.IndexFlatIP(pool.shape[1])
    index.add(pool)
    return Ready(lambda: {"top": index.search(asked, k)[1]})


def numpy_argpartition(work: Workload, _threads: int, k: int = 100, queries: int | None = None) -> Ready:
    """The best that we could write by hand in NumPy: matrix product into one buffer, argpartition, gold counts.

    The relevant documents' scores come from the same product as their competitors' (another product gives other bits,
    and wrong ranks); no counts per language; the k best are not sorted.
    """
    asked, indptr, targets = work.first(queries)
    pool = work["documents"]
    size = len(pool)
    step = max(1, min(len(asked), SCORES_AT_ONCE // size))
    buffer = np.empty((step, size), dtype=np.float32)

    def run() -> Answer:
        top = np.empty((len(asked), k), dtype=np.int64)
        ranks = np.empty(len(targets), dtype=np.int64)
        for start in range(0, len(asked), step):
            part = asked[start : start + step]
            scores = np.matmul(part, pool.T, out=buffer[: len(part)])
            top[start : start + step] = np.argpartition(scores, size - k, axis=1)[:, size - k :]
            for row, query in zip(scores, range(start, start + step), strict=False):
                for gold in range(indptr[query], indptr[query + 1]):
                    ranks[gold] = 1 + np.count_nonzero(row > row[targets[gold]])
        return {"top": top, "ranks": ranks}

    return Ready(run)


def numpy_argsort(work: Workload, _threads: int, part: int = 40) -> Ready:
    """The usual way to ranks: sort all scores, invert the order. On the first `part` queries, scaled."""
    asked, indptr, targets = work.first(part)
    pool = work["documents"]
    step = max(1, min(len(asked), SCORES_AT_ONCE // len(pool)))

    def run() -> Answer:
        ranks = []
        for start in range(0, len(asked), step):
            scores = asked[start : start + step] @ pool.T
            order = np.argsort(-scores, axis=1)
            places = np.empty_like(order)
            np.put_along_axis(places, order, np.arange(len(pool))[None], axis=1)
            for row, query in zip(places, range(start, start + step), strict=False):
                ranks.append(1 + row[targets[indptr[query] : indptr[query + 1]]])
        return {"ranks": np.concatenate(ranks)}

    return Ready(run, share=len(asked) / len(work["queries"]))


def numpy_single(work: Workload, _threads: int, k: int = 100) -> Ready:
    """One query: a matrix-vector product, argpartition, and a sort of the k best."""
    asked, _, targets = work.first(1)
    pool = work["documents"]

    def run() -> Answer:
        scores = pool @ asked[0]
        best = np.argpartition(scores, len(scores) - k)[len(scores) - k :]
        ranks = [1 + np.count_nonzero(scores > scores[gold]) for gold in targets]
        return {"top": best[np.argsort(-scores[best])][None], "ranks": np.array(ranks)}

    return Ready(run)


def torch_topk(work: Workload, threads: int, k: int = 100, queries: int | None = None) -> Ready:
    """torch.mm, topk, and gold counts (summed as int32: of the ways we tried the fastest that is never slow)."""
    import torch

    torch.set_num_threads(threads)
    asked, indptr, targets = work.first(queries)
    pool = torch.from_numpy(work["documents"])
    rows = torch.from_numpy(np.array(asked))
    relevant = torch.from_numpy(targets.reshape(len(asked), -1))  # every query has equally many
    assert len(targets) == indptr[1] * len(asked)
    return Ready(lambda: _lists_and_ranks(torch, rows, pool, relevant, k, SCORES_AT_ONCE))


def _lists_and_ranks(torch: Any, rows: Any, pool: Any, relevant: Any, k: int, at_once: int) -> Answer:
    """mm and topk of tensors in chunks of queries, and gold counts."""
    top, ranks = [], []
    step = max(1, min(len(rows), at_once // len(pool)))
    for start in range(0, len(rows), step):
        scores = torch.mm(rows[start : start + step], pool.T)
        top.append(torch.topk(scores, k, dim=1).indices)
        golds = torch.gather(scores, 1, relevant[start : start + step])
        counts = [(scores > gold[:, None]).sum(dim=1, dtype=torch.int32) for gold in golds.T]
        ranks.append(1 + torch.stack(counts, dim=1))
    return {"top": torch.cat(top).cpu().numpy(), "ranks": torch.cat(ranks).reshape(-1).cpu().numpy()}


def torch_bfloat16(work: Workload, threads: int, k: int = 100, queries: int | None = None) -> Ready:
    """torch.mm of rows rounded to bfloat16, and topk: lists alone, and not exact."""
    import torch

    torch.set_num_threads(threads)
    rows = torch.from_numpy(np.array(work.first(queries)[0])).bfloat16()
    pool = torch.from_numpy(work["documents"]).bfloat16()
    step = max(1, min(len(rows), SCORES_AT_ONCE // len(pool)))

    def run() -> Answer:
        products = (torch.mm(rows[start : start + step], pool.T) for start in range(0, len(rows), step))
        return {"rough": torch.cat([torch.topk(scores, k, dim=1).indices for scores in products]).numpy()}

    return Ready(run)


def clinometer_on_gpu(
    work: Workload, _threads: int, k: int = 100, queries: int | None = None, precision: str | None = None
) -> Ready:
    """Ours on a GPU, with the pool in its memory: the same answer in every bit."""
    torch = _gpu()
    asked, indptr, targets = work.first(queries)
    pool = torch.from_numpy(work["documents"]).cuda()

    def run() -> Answer:
        found = cm.scan(asked, pool, (indptr, targets), work["codes"], k, device="cuda", precision=precision)
        assert found.ranks is not None
        assert found.top is not None
        return {"top": found.top.ids, "ranks": found.ranks.ranks()}

    return Ready(run)


def torch_on_gpu(work: Workload, _threads: int, k: int = 100, queries: int | None = None) -> Ready:
    """torch on a GPU, with the pool in its memory: mm and topk in chunks of queries, and gold counts; float32."""
    torch = _gpu()
    asked, _, targets = work.first(queries)
    pool, rows = torch.from_numpy(work["documents"]).cuda(), torch.from_numpy(np.array(asked)).cuda()
    relevant = torch.from_numpy(targets.reshape(len(asked), -1)).cuda()
    return Ready(lambda: _lists_and_ranks(torch, rows, pool, relevant, k, 16 * SCORES_AT_ONCE))


def faiss_on_gpu(work: Workload, _threads: int, k: int = 100, queries: int | None = None) -> Ready:
    """faiss on a GPU, with the pool in its memory: the best k, no ranks."""
    import faiss

    _gpu()
    if not hasattr(faiss, "StandardGpuResources"):
        raise UnavailableError("this faiss is built without GPU")
    asked = np.array(work.first(queries)[0])
    pool = work["documents"]
    index = faiss.GpuIndexFlatIP(faiss.StandardGpuResources(), pool.shape[1])
    index.add(pool)
    return Ready(lambda: {"top": index.search(asked, k)[1]})


def _gpu() -> Any:
    """torch, where it reaches a GPU."""
    import torch

    if not torch.cuda.is_available():
        raise UnavailableError("no GPU, not measured")
    return torch
