"""The same input gives the same bits: threads, blocks, kernels, shards, merges, batches, data types and memory maps."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from numpy.typing import NDArray
from support.brute_force import embeddings
from support.languages import LANGUAGES
from support.same_scan import assert_same, assert_same_counts, assert_same_lists

import clinometer as cm
from clinometer import RankCounts, TopK, _core
from clinometer.scanning.arguments import tie_places
from clinometer.scanning.counts import TIE_MODES

KERNELS = _core.instruction_sets()


class Case:
    """One set of inputs; `scan` runs it in any shape of work."""

    def __init__(self, seed: int, queries: int, documents: int, dimension: int, tied: bool, ids: bool, k: int) -> None:
        rng = np.random.default_rng(seed)
        self.queries = embeddings(seed + 1, queries, dimension, tied)
        self.documents = embeddings(seed + 2, documents, dimension, tied)
        self.languages = np.array(LANGUAGES)[rng.integers(0, 3, size=documents)]
        self.relevant = [
            rng.choice(documents, size=rng.integers(0, min(4, documents) + 1), replace=False) for _ in range(queries)
        ]
        self.ids = [f"d{number}" for number in rng.permutation(documents)] if ids else None
        self.k = k

    def scan(self, documents: Any = None, **options: Any) -> cm.Scan:
        chosen: dict[str, Any] = {
            "per_language": True,
            "document_ids": self.ids,
            "ties": "trec" if self.ids else "index",
        }
        return cm.scan(
            self.queries,
            self.documents if documents is None else documents,
            self.relevant,
            self.languages,
            self.k,
            **(chosen | options),
        )


cases = st.builds(
    Case,
    seed=st.integers(0, 1 << 20),
    queries=st.integers(1, 7),
    documents=st.integers(1, 70),
    dimension=st.sampled_from([1, 2, 3, 8, 17]),
    tied=st.booleans(),
    ids=st.booleans(),
    k=st.sampled_from([1, 3, 100]),
)


@settings(max_examples=80)
@given(case=cases, threads=st.integers(1, 3), block=st.integers(1, 64), kernel=st.sampled_from(KERNELS))
def test_threads_blocks_and_kernels_never_show(case: Case, threads: int, block: int, kernel: str) -> None:
    assert_same(case.scan(threads=threads, block=block, kernel=kernel), case.scan(threads=1))


@pytest.mark.parametrize("similarity", ["cosine", "dot"])
def test_kernels_and_threads_agree_on_a_larger_pool(similarity: str) -> None:
    case = Case(3, queries=40, documents=3000, dimension=100, tied=False, ids=False, k=50)
    wanted = case.scan(similarity=similarity, threads=1, kernel="portable")
    for kernel in KERNELS:
        for threads, block in ((1, 512), (2, 33), (3, 1000)):
            assert_same(case.scan(similarity=similarity, threads=threads, block=block, kernel=kernel), wanted)


@settings(max_examples=60)
@given(case=cases, data=st.data())
def test_shards_cut_anywhere_never_show(case: Case, data: st.DataObject) -> None:
    size = len(case.documents)
    cuts = sorted(data.draw(st.lists(st.integers(0, size), max_size=4), label="cuts"))
    shards = [case.documents[start:end] for start, end in zip([0, *cuts], [*cuts, size], strict=True)]
    assert_same(case.scan(shards), case.scan())


def parts_of(case: Case, bounds: list[int]) -> list[tuple[RankCounts, TopK]]:
    """Counts and lists of each stretch of documents, scanned alone by the core."""
    whole = case.scan().ranks
    assert whole is not None
    size, labels = len(case.documents), whole.languages
    places = tie_places("trec" if case.ids else "index", case.ids, size)
    at = np.arange(size, dtype=np.uint32) if places is None else places
    document_at = np.empty(size, dtype=np.int64)
    document_at[at] = np.arange(size)
    codes = np.array([labels.index(label) for label in case.languages], dtype=np.uint16)
    parts = []
    for start, end in pairwise(bounds):
        part = _core.scan(
            case.queries,
            _core.Documents(case.documents[start:end], codes[start:end], len(labels), at[start:end], start, False),
            _core.Targets(whole.indptr, whole.scores, at[whole.documents]),
            _core.PassOptions("cosine", case.k, True, None, 1, 16, None),
        )
        assert part.top_scores is not None
        assert part.top_places is not None
        counts = replace(whole, greater=part.greater.T, equal=part.equal.T, before=part.before.T)
        scores = part.top_scores.reshape(len(case.queries), len(labels), -1)
        found = part.top_places.reshape(scores.shape).astype(np.int64)
        absent = np.isnan(scores)
        ids = np.where(absent, -1, document_at[np.where(absent, 0, found)])
        parts.append((counts, TopK(ids, scores, np.where(absent, -1, found), labels)))
    return parts


@settings(max_examples=60)
@given(case=cases, data=st.data())
def test_partial_results_merge_in_any_order_and_grouping(case: Case, data: st.DataObject) -> None:
    size = len(case.documents)
    cuts = sorted(data.draw(st.sets(st.integers(0, size), max_size=4), label="cuts") | {0, size})
    parts = parts_of(case, cuts)
    while len(parts) > 1:
        (counts, lists), (other_counts, other_lists) = (
            parts.pop(data.draw(st.integers(0, len(parts) - 1), label="next")) for _ in range(2)
        )
        parts.append((counts.merge(other_counts), lists.merge(other_lists)))
    wanted = case.scan()
    assert_same_counts(parts[0][0], wanted.ranks)
    assert_same_lists(parts[0][1], wanted.top)


def ranks_of(result: cm.Scan, ties: Any) -> NDArray[Any]:
    assert result.ranks is not None
    return result.ranks.ranks(ties=ties)


@settings(max_examples=60)
@given(case=cases, seed=st.integers(0, 1 << 20))
def test_the_order_of_documents_shows_only_in_the_order_of_ties(case: Case, seed: int) -> None:
    order = np.random.default_rng(seed).permutation(len(case.documents))
    new_place = np.argsort(order)
    wanted = case.scan()
    moved = cm.scan(
        case.queries,
        case.documents[order],
        [new_place[rows] for rows in case.relevant],
        case.languages[order],
        ties="trec" if case.ids else "index",
        document_ids=[case.ids[row] for row in order] if case.ids else None,
    )
    free = [mode for mode in TIE_MODES if mode in ("optimistic", "pessimistic", "expected")]
    assert wanted.ranks is not None
    for mode in [*free, "trec"] if case.ids else free if wanted.ranks.equal.any() else TIE_MODES:
        assert_array_equal(ranks_of(moved, mode), ranks_of(wanted, mode), err_msg=mode)


@settings(max_examples=40)
@given(case=cases)
def test_float16_documents_score_as_their_float32_widening(case: Case) -> None:
    half = case.documents.astype(np.float16)
    half[~half.any(axis=1), 0] = 1
    assert_same(case.scan(half), case.scan(half.astype(np.float32)))


@settings(max_examples=40)
@given(case=cases)
def test_a_single_query_scores_as_in_the_batch(case: Case) -> None:
    batch = case.scan()
    assert batch.ranks is not None
    assert batch.top is not None
    for query, relevant in enumerate(case.relevant):
        alone = cm.scan(
            case.queries[query : query + 1], case.documents, [relevant], case.languages, case.k, per_language=True,
            ties="trec" if case.ids else "index", document_ids=case.ids,
        )  # fmt: skip
        assert alone.ranks is not None
        assert alone.top is not None
        rows = slice(batch.ranks.indptr[query], batch.ranks.indptr[query + 1])
        for name in ("greater", "equal", "before"):
            assert_array_equal(getattr(alone.ranks, name), getattr(batch.ranks, name)[rows])
        assert alone.ranks.scores.tobytes() == batch.ranks.scores[rows].tobytes()
        assert_array_equal(alone.top.ids[0], batch.top.ids[query])


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_a_read_only_memory_map_is_scanned_in_place(tmp_path: Path, dtype: Any) -> None:
    case = Case(9, queries=3, documents=20000, dimension=64, tied=False, ids=False, k=5)
    documents = case.documents.astype(dtype)
    np.save(tmp_path / "documents.npy", documents)
    (tmp_path / "documents.npy").chmod(0o444)
    mapped = np.load(tmp_path / "documents.npy", mmap_mode="r")
    wanted = case.scan(documents)
    tracemalloc.start()
    found = case.scan(mapped)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert_same(found, wanted)
    # NumPy's own memory is traced, the core's is not: a copy of the pool would be seen.
    assert peak < documents.nbytes / 2
    assert_same(case.scan([mapped[:7000], mapped[7000:]]), wanted)


def test_rows_that_are_not_contiguous_are_read_in_their_order() -> None:
    case = Case(5, queries=4, documents=30, dimension=6, tied=False, ids=False, k=3)
    wanted = case.scan()
    assert_same(case.scan(np.asfortranarray(case.documents)), wanted)
    assert_same(case.scan(np.repeat(case.documents, 2, axis=0)[::2]), wanted)
    assert_same(case.scan(case.documents.astype(">f4")), wanted)
