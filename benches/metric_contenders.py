"""Contenders after the search: measures of result lists, a whole evaluator, and the many pools of one collection.

As in `contenders`: what users prepare once is prepared untimed; what is returned is one complete answer.
"""

from __future__ import annotations

import os
from itertools import combinations
from typing import Any

import numpy as np
from contenders import KERNEL_VARIABLE, Answer, Ready
from numpy.typing import NDArray
from workloads import Workload

import clinometer as cm
from clinometer.scanning.counts import RankCounts

__all__ = [
    "clinometer_evaluator",
    "clinometer_measures",
    "evaluator_per_pool",
    "ir_measures_aggregate",
    "numpy_per_pool",
    "one_scan",
    "pytrec_eval_measures",
    "ranx_evaluate",
    "scan_per_pool",
    "sentence_transformers_evaluator",
]

KERNEL = os.environ.get(KERNEL_VARIABLE)

# Measures of 10,000 result lists: nDCG@10, R@100, and RR and AP at the depth of the lists.


def clinometer_measures(work: Workload, _threads: int) -> Ready:
    """Ours: the measures from the counts of a scan."""
    greater = np.asfortranarray(work["greater"])  # as the scan lays them out
    codes = np.array(work["codes"])
    counts = RankCounts(
        indptr=np.array(work["indptr"]),
        documents=np.array(work["targets"]),
        codes=codes,
        scores=np.zeros(len(codes), dtype=np.float32),
        greater=greater,
        equal=np.zeros_like(greater),
        before=np.zeros_like(greater),
        languages=tuple(str(code) for code in range(greater.shape[1])),
    )
    depth = work["ids"].shape[1]

    def run() -> Answer:
        found = cm.measure(counts, ["nDCG@10", "R@100", f"RR@{depth}", f"AP@{depth}"])
        return {"per_query": np.stack(list(found.values()), axis=1)}

    return Ready(run)


def _means(values: list[Any], queries: int) -> Answer:
    return {"means": np.array(values, dtype=np.float64), "counted": np.array(queries)}


def _dictionaries(work: Workload, part: int | None) -> tuple[dict[str, dict[str, int]], Any, float]:
    """Judgements, a function that makes the run's dictionary (the quickest way we know), and the share of queries."""
    ids, scores, targets = work["ids"][:part], work["scores"][:part], np.array(work["targets"])
    names = np.array([f"d{row}" for row in range(int(max(work["ids"].max(), targets.max())) + 1)], dtype=object)
    spans = np.array(work["indptr"])
    judged = {
        f"q{query}": {names[row]: 1 for row in targets[spans[query] : spans[query + 1]]} for query in range(len(ids))
    }

    def listed() -> dict[str, dict[str, float]]:
        columns = zip(names[ids].tolist(), scores.tolist(), strict=True)
        return {f"q{query}": dict(zip(*pair, strict=True)) for query, pair in enumerate(columns)}

    return judged, listed, len(ids) / len(work["ids"])


def pytrec_eval_measures(work: Workload, _threads: int, part: int | None = None) -> Ready:
    """A dictionary of dictionaries, and pytrec_eval."""
    import pytrec_eval

    judged, listed, share = _dictionaries(work, part)
    wanted = {"ndcg_cut_10": "ndcg_cut.10", "recall_100": "recall.100", "recip_rank": "recip_rank", "map": "map"}
    evaluator = pytrec_eval.RelevanceEvaluator(judged, set(wanted.values()))

    def run() -> Answer:
        found = evaluator.evaluate(listed()).values()
        return _means([np.mean([values[name] for values in found]) for name in wanted], len(judged))

    return Ready(run, share)


def ir_measures_aggregate(work: Workload, _threads: int, part: int | None = None) -> Ready:
    """A dictionary of dictionaries, and ir_measures (which asks pytrec_eval)."""
    import ir_measures

    judged, listed, share = _dictionaries(work, part)
    wanted = [ir_measures.parse_measure(name) for name in ("nDCG@10", "R@100", "RR", "AP")]
    evaluator = ir_measures.evaluator(wanted, judged)

    def run() -> Answer:
        found = evaluator.calc_aggregate(listed())
        return _means([found[measure] for measure in wanted], len(judged))

    return Ready(run, share)


def ranx_evaluate(work: Workload, _threads: int, part: int | None = None) -> Ready:
    """A dictionary of dictionaries, ranx's Run from it, and its evaluate; compiled beforehand, untimed."""
    from ranx import Qrels, Run, evaluate

    judged, listed, share = _dictionaries(work, part)
    qrels = Qrels(judged)
    wanted = ["ndcg@10", "recall@100", "mrr", "map"]
    some = {query: {"d0": 1.0, "d1": 0.5} for query in judged}
    evaluate(qrels, Run(some), wanted)

    def run() -> Answer:
        found = evaluate(qrels, Run(listed()), wanted)
        return _means([found[name] for name in wanted], len(judged))

    return Ready(run, share)


# A whole evaluator on embeddings that are there already.

CUTOFFS = (1, 3, 5, 10)


def clinometer_evaluator(work: Workload, threads: int) -> Ready:
    """Ours: a scan, and the 15 measures that the evaluator of sentence-transformers reports by default."""
    asked, indptr, targets = work.first(None)
    pool, codes = work["documents"], work["codes"]
    names = [f"{name}@{cutoff}" for name in ("Success", "P", "R") for cutoff in CUTOFFS]
    names += ["RR@10", "nDCG@10", "AP@100"]

    def run() -> Answer:
        ranks = cm.rank_relevant(asked, pool, (indptr, targets), codes, threads=threads, kernel=KERNEL)
        return {"per_query": np.stack(list(cm.measure(ranks, names).values()), axis=1)}

    return Ready(run)


def sentence_transformers_evaluator(work: Workload, threads: int) -> Ready:
    """InformationRetrievalEvaluator with its defaults, on a model that returns given embeddings."""
    asked, indptr, targets = work.first(None)
    evaluate = _evaluator(threads, asked, work["documents"], np.split(targets, indptr[1:-1]))

    def run() -> Answer:
        found = evaluate()
        names = [f"{name}@{cutoff}" for name in ("accuracy", "precision", "recall") for cutoff in CUTOFFS]
        names += ["mrr@10", "ndcg@10", "map@100"]
        return _means([found[f"cosine_{name}"] for name in names], len(asked))

    return Ready(run)


def _evaluator(threads: int, queries: NDArray[Any], documents: NDArray[Any], relevant: list[NDArray[Any]]) -> Any:
    import torch
    from sentence_transformers.evaluation import InformationRetrievalEvaluator
    from sentence_transformers.util import cos_sim

    torch.set_num_threads(threads)

    class Given:
        """A model that has encoded everything already: a text is the number of its row."""

        similarity_fn_name = "cosine"
        similarity = staticmethod(cos_sim)
        rows_of_queries = torch.from_numpy(np.array(queries))
        rows_of_documents = torch.from_numpy(np.array(documents))

        def encode_query(self, texts: list[str], **_: Any) -> torch.Tensor:
            return self.rows_of_queries[: len(texts)]

        def encode_document(self, texts: list[str], **_: Any) -> torch.Tensor:
            return self.rows_of_documents[: len(texts)]

        @property
        def model_card_data(self) -> Given:
            return self

        def set_evaluation_metrics(self, *_: Any) -> None:
            """The evaluator reports here; there is no card."""

    evaluator = InformationRetrievalEvaluator(
        {str(row): "" for row in range(len(queries))},
        {str(row): "" for row in range(len(documents))},
        {str(row): {str(gold) for gold in golds} for row, golds in enumerate(relevant)},
        write_csv=False,
    )
    model = Given()
    return lambda: evaluator(model)


# All pools of one collection: each language, each pair, all together. Every query searches every pool.


def _pools(languages: int) -> list[tuple[int, ...]]:
    alone = [(code,) for code in range(languages)]
    return [*combinations(range(languages), 2), *alone, tuple(range(languages))]


def _cut(work: Workload, pool: tuple[int, ...], queries: int | None = None) -> tuple[Any, Any, Any, Any]:
    """Documents and languages of a pool, and the relevant documents in it (CSR)."""
    codes = np.array(work["codes"])
    rows = np.flatnonzero(np.isin(codes, pool))
    place = np.full(len(codes), -1)
    place[rows] = np.arange(len(rows))
    _, indptr, targets = work.first(queries)
    kept = place[targets]
    ends = np.concatenate([[0], np.cumsum(kept >= 0)])
    return np.array(work["documents"][rows]), codes[rows], ends[indptr], kept[kept >= 0]


def one_scan(work: Workload, threads: int) -> Ready:
    """Ours: one scan of all languages, and the ranks in every pool from its counts."""
    asked, indptr, targets = work.first(None)
    pool, codes = work["documents"], work["codes"]
    pools = [tuple(str(code) for code in languages) for languages in _pools(int(codes.max()) + 1)]

    def run() -> Answer:
        counts = cm.rank_relevant(asked, pool, (indptr, targets), codes, threads=threads, kernel=KERNEL)
        found = [counts.ranks(languages) for languages in pools]
        return {"ranks": np.concatenate([ranks[ranks > 0] for ranks in found])}

    return Ready(run)


def scan_per_pool(work: Workload, threads: int) -> Ready:
    """Ours, without the idea: a scan of every pool. The pools are cut out beforehand, untimed."""
    asked = work["queries"]
    cuts = [_cut(work, pool) for pool in _pools(int(work["codes"].max()) + 1)]

    def run() -> Answer:
        found = [
            cm.rank_relevant(asked, rows, (indptr, targets), codes, threads=threads, kernel=KERNEL).ranks()
            for rows, codes, indptr, targets in cuts
        ]
        return {"ranks": np.concatenate(found)}

    return Ready(run)


def numpy_per_pool(work: Workload, _threads: int, part: int = 1190) -> Ready:
    """NumPy: a matrix product, argsort and inverse for every pool. On the first `part` queries, scaled."""
    asked = work["queries"][:part]
    cuts = [_cut(work, pool, part) for pool in _pools(int(work["codes"].max()) + 1)]

    def run() -> Answer:
        ranks = []
        for rows, _, indptr, targets in cuts:
            scores = asked @ rows.T
            order = np.argsort(-scores, axis=1)
            places = np.empty_like(order)
            np.put_along_axis(places, order, np.arange(len(rows))[None], axis=1)
            ranks.append(1 + places[np.repeat(np.arange(len(asked)), np.diff(indptr)), targets])
        return {"parts": np.concatenate(ranks)}

    return Ready(run, share=len(asked) / len(work["queries"]))


def evaluator_per_pool(work: Workload, threads: int, part: int = 1190) -> Ready:
    """InformationRetrievalEvaluator for every pool. On 11 pairs, 2 single languages and `part` queries, scaled.

    That is the mixture of 66 pairs and 12 languages; the pool of all, the dearest, is left out in its favour.
    """
    asked = work["queries"][:part]
    pools = _pools(int(work["codes"].max()) + 1)
    pairs, alone = ([pool for pool in pools if len(pool) == size] for size in (2, 1))
    some = [*pairs[: max(1, len(pairs) // 6)], *alone[: max(1, len(alone) // 6)]]
    calls = []
    for pool in some:
        rows, _, indptr, targets = _cut(work, pool, part)
        calls.append(_evaluator(threads, asked, rows, np.split(targets, indptr[1:-1])))

    def run() -> Answer:
        for call in calls:
            call()
        return {}

    return Ready(run, share=len(some) / (len(pairs) + len(alone)) * len(asked) / len(work["queries"]))
