"""Widths of counts: narrow wherever they are made, and nothing that is computed from them shows it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, cast, get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

import clinometer as cm
from clinometer.measures import four_way
from clinometer.measures.from_counts import _placements
from clinometer.measures.preference import Part
from clinometer.scanning.counts import TIE_MODES, RankCounts, TieMode
from clinometer.scanning.widths import Stacked, narrow, narrow_sum

EDGES = st.sampled_from([0, 1, 254, 255, 256, 65_535, 65_536, (1 << 32) - 1])
COUNTS = ("greater", "equal", "before")


def width_for(most: int) -> int:
    """Bytes of the narrowest unsigned integer that holds a count."""
    return next(width for width in (1, 2, 4, 8) if most < 1 << 8 * width)


@given(st.lists(EDGES, max_size=6))
def test_narrow_counts_are_the_same_in_no_more_bytes_than_needed(values: list[int]) -> None:
    counts = narrow(np.array(values, dtype=np.int64))
    assert counts.tolist() == values
    assert counts.dtype.kind == "u"
    assert counts.itemsize == width_for(max(values, default=0))
    assert narrow(counts) is counts or counts.itemsize == narrow(counts).itemsize


@given(st.lists(st.tuples(EDGES, EDGES), max_size=5))
def test_sums_of_narrow_counts_do_not_overflow(pairs: list[tuple[int, int]]) -> None:
    left, right = (narrow(np.array(column, dtype=np.int64)) for column in zip(*pairs, strict=True)) if pairs else (
        narrow(np.zeros(0, np.int64)),
        narrow(np.zeros(0, np.int64)),
    )  # fmt: skip
    assert narrow_sum(left, right).tolist() == [one + other for one, other in pairs]


@given(st.lists(st.lists(EDGES, max_size=3), min_size=1, max_size=4))
def test_stacked_columns_are_as_wide_as_their_widest_part(parts: list[list[int]]) -> None:
    stacked, start, size = Stacked(), 0, sum(map(len, parts))
    for part in parts:
        stacked.put("counts", narrow(np.array(part, dtype=np.int64)), start, size)
        start += len(part)
    assert stacked.columns["counts"].tolist() == [value for part in parts for value in part]


def pool(above: int) -> NDArray[np.float32]:
    """A document, this many that score higher for the query (1, 0), and as many that tie with it."""
    better, same = np.array([[1, 0.1]]), np.array([[0.6, 0.8]])
    return np.concatenate([same, np.repeat(better, above, 0), np.repeat(same, above, 0)]).astype(np.float32)


QUERY = np.array([[1, 0]], dtype=np.float32)


@pytest.mark.parametrize(("above", "width"), [(255, 1), (256, 2), (65_536, 4)])
def test_scans_give_counts_as_narrow_as_they_fit(above: int, width: int) -> None:
    ranks = cm.rank_relevant(QUERY, pool(above), [[0]])
    assert [getattr(ranks, name).itemsize for name in COUNTS] == [width, width, 1]
    assert (ranks.ranks().tolist(), ranks.ranks(ties="pessimistic").tolist()) == ([above + 1], [2 * above + 1])
    assert ranks.ranks(ties="trec").tolist() == [2 * above + 1]


def test_shards_and_batches_widen_what_the_first_had_no_need_for() -> None:
    documents = pool(200)
    ranks = cm.rank_relevant(QUERY, [documents, documents[1:], documents[1:]], [[0]])
    assert (ranks.greater.tolist(), ranks.equal.tolist(), ranks.ranks().tolist()) == ([[600]], [[600]], [601])
    # One query at a time: the first has nothing above it.
    queries = np.concatenate([documents[:1], QUERY])
    documents = pool(300)
    scores = queries @ documents.T
    at_once, in_batches = cm.scan_scores(scores, [[0], [0]]), cm.scan_scores(iter(scores[:, None]), [[0], [0]])
    budget = cm.scan(queries, documents, [[0], [0]], memory_budget=100_000, threads=1)
    assert budget.ranks is not None
    for result in (at_once, in_batches):
        assert result.ranks is not None
        for name in COUNTS:
            assert_array_equal(getattr(result.ranks, name), getattr(budget.ranks, name))
    assert budget.ranks.greater.tolist() == [[0], [300]]


def test_many_relevant_documents_of_one_query_are_taken_off_in_full() -> None:
    documents = np.repeat(QUERY, 601, 0)
    everything = list(range(300))
    without = cm.scan(QUERY, documents, [[600]], exclude=[everything]).ranks
    assert without is not None
    assert (without.equal.tolist(), without.ranks(ties="pessimistic").tolist()) == ([[300]], [301])


def at_the_edge(kind: type[np.integer[Any]]) -> RankCounts:
    """Counts that a byte just holds; of the first two queries nothing, of the third one 255 documents score higher."""
    greater = np.array([[0, 0], [0, 0], [255, 255]])
    equal = np.array([[255, 255], [255, 0], [255, 255]])
    return RankCounts(
        indptr=np.arange(4),
        documents=np.array([0, 400, 1]),
        codes=np.array([0, 1, 0]),
        scores=np.full(3, 0.5, dtype=np.float32),
        languages=("en", "de"),
        pool_sizes=np.array([600, 600]),
        **{
            name: cast("Any", column.astype(kind))
            for name, column in zip(COUNTS, (greater, equal, equal - (equal > 7)), strict=True)
        },
    )


@pytest.mark.parametrize("ties", TIE_MODES)
def test_measures_of_narrow_counts_are_those_of_wide_ones(ties: TieMode) -> None:
    names = ["nDCG@10", "RR", "AP", "MaxR", "MaxRnorm", "R@100", "Complete@10"]
    slim, wide = (replace(at_the_edge(kind), ties=ties) for kind in (np.uint8, np.int64))
    for languages in (None, ["en"]):
        expected = cm.measure(wide, names, languages=languages)
        for name, values in cm.measure(slim, names, languages=languages).items():
            assert_array_equal(values, expected[name])
    leading = np.full(3, 0.25)
    narrow_placements, placements = (_placements(ranks, [0, 1], np.ones(3, np.int64))[1] for ranks in (slim, wide))
    for part in get_args(Part):
        assert_array_equal(four_way(narrow_placements, part, "en", leading), four_way(placements, part, "en", leading))


@pytest.mark.parametrize("kind", [np.uint32, np.int64])
def test_files_of_earlier_versions_load(kind: type[np.integer[Any]], tmp_path: Path) -> None:
    at_the_edge(kind).save(tmp_path / "counts.npz")
    loaded = RankCounts.load(tmp_path / "counts.npz")
    assert loaded.ranks().tolist() == at_the_edge(np.uint8).ranks().tolist()
    assert loaded.merge(at_the_edge(np.uint8)).greater.tolist() == [[0, 0], [0, 0], [510, 510]]
