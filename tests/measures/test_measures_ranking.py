"""Standard measures: values worked by hand, and equality with trec_eval (through ir_measures), awkward cases too."""

from __future__ import annotations

from math import log2

import ir_measures
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from support.ranking_reference import Pool, placements_of

from clinometer.errors import UsageError
from clinometer.measures import evaluate_measure, ndcg, parse, precision, reciprocal_rank

NAMES = [
    "nDCG",
    "nDCG@1",
    "nDCG@3",
    "nDCG@10",
    "RR",
    "AP",
    "AP@3",
    "R@1",
    "R@5",
    "P@1",
    "P@5",
    "P@20",
    "Success@1",
    "Success@3",
]


def trec_eval(pools: list[Pool], names: list[str]) -> dict[str, list[float]]:
    """The values of trec_eval's own code, query by query; document ids sort as the documents do."""
    qrels = [
        ir_measures.Qrel(f"q{number}", f"d{d:04}", pool.grades[d])
        for number, pool in enumerate(pools)
        for d in pool.documents
    ]
    run = [
        ir_measures.ScoredDoc(f"q{number}", f"d{d:04}", pool.scores[d])
        for number, pool in enumerate(pools)
        for d in pool.documents
    ]
    parsed = {ir_measures.parse_measure(name): name for name in names}
    values = {name: [np.nan] * len(pools) for name in names}
    for metric in ir_measures.pytrec_eval.iter_calc(list(parsed), qrels, run):
        values[parsed[metric.measure]][int(metric.query_id[1:])] = metric.value
    return values


def check(pools: list[Pool]) -> None:
    placements = placements_of(pools, "trec")
    theirs = trec_eval(pools, NAMES)
    for measure in parse(NAMES):
        ours = evaluate_measure(measure, placements, pivot="en", query_language="en", other_language=None)
        assert ours is not None
        assert_allclose(ours, theirs[str(measure)], rtol=1e-12, atol=1e-14, err_msg=f"{measure} of {pools}")


@st.composite
def graded_pools(draw: st.DrawFn) -> Pool:
    size = draw(st.integers(1, 25))
    distinct = draw(st.integers(1, 30))
    scores = draw(st.lists(st.integers(-distinct, distinct), min_size=size, max_size=size))
    grades = draw(st.lists(st.sampled_from([0, 0, 0, 1, 2, 5]), min_size=size, max_size=size))
    grades[draw(st.integers(0, size - 1))] = 1
    return Pool([score / 4 for score in scores], grades)


@settings(max_examples=200)
@given(st.lists(graded_pools(), min_size=1, max_size=4))
def test_equal_to_trec_eval(pools: list[Pool]) -> None:
    check(pools)


@pytest.mark.parametrize(
    "pool",
    [
        pytest.param(Pool([0.5] * 6, [0, 1, 0, 3, 0, 1]), id="all tied"),
        pytest.param(Pool([-3, -1, -1, -2], [1, 2, 0, 0]), id="negative scores"),
        pytest.param(Pool([3, 2, 1], [1, 3, 2]), id="only relevant documents"),
        pytest.param(Pool([1, 1], [2, 1]), id="only relevant documents, tied"),
        pytest.param(Pool([7], [1]), id="one document"),
        pytest.param(Pool([0.0, -0.0, 0.0], [0, 1, 0]), id="zero of both signs"),
        pytest.param(Pool(list(range(30)), [1] + 28 * [0] + [4]), id="first and last"),
    ],
)
def test_equal_to_trec_eval_in_awkward_cases(pool: Pool) -> None:
    check([pool])
    check([pool, Pool([2, 1], [0, 1]), pool])


def test_a_ranking_worked_by_hand() -> None:
    # Ranks of the relevant documents: 2 (grade 1), 4 (grade 3).
    placements = placements_of([Pool([9, 8, 7, 6, 5], [0, 1, 0, 3, 0])])
    expected = {
        "nDCG": (1 / log2(3) + 3 / log2(5)) / (3 + 1 / log2(3)),
        "nDCG@2": (1 / log2(3)) / (3 + 1 / log2(3)),
        "nDCG@1": 0.0,
        "RR": 0.5,
        "RR@1": 0.0,
        "RR@2": 0.5,
        "AP": (1 / 2 + 2 / 4) / 2,
        "AP@3": (1 / 2) / 2,
        "R@3": 0.5,
        "P@3": 1 / 3,
        "P@10": 0.2,
        "Success@1": 0.0,
        "Success@2": 1.0,
    }
    for measure in parse(expected):
        found = evaluate_measure(measure, placements, pivot="en", query_language="en", other_language=None)
        assert found is not None
        assert found.tolist() == pytest.approx([expected[str(measure)]], rel=1e-14), str(measure)


def test_expected_ties_worked_by_hand() -> None:
    # One relevant document among the three tied ones on ranks 2, 3 and 4.
    placements = placements_of([Pool([9, 5, 5, 5], [0, 0, 1, 0])], "expected")
    assert reciprocal_rank(placements)[0] == pytest.approx((1 / 2 + 1 / 3 + 1 / 4) / 3)
    assert reciprocal_rank(placements, 3)[0] == pytest.approx((1 / 2 + 1 / 3) / 3)
    assert ndcg(placements, 3)[0] == pytest.approx((1 / log2(3) + 1 / log2(4)) / 3)
    assert precision(placements, 3)[0] == pytest.approx(2 / 9)


def test_queries_without_relevant_documents_are_nan_and_do_not_move_the_others() -> None:
    lone, empty = Pool([2, 1], [0, 1]), Pool([2, 1], [0, 0])
    for ties in ("index", "expected"):
        placements = placements_of([empty, lone, empty, lone, empty], ties)
        for measure in parse([*NAMES, "RR@1", "MaxR", "MaxRnorm", "Complete@1"]):
            found = evaluate_measure(measure, placements, pivot="en", query_language="en", other_language=None)
            assert found is not None
            assert np.isnan(found).tolist() == [True, False, True, False, True], str(measure)
            assert found[1] == found[3]


def test_cutoffs_below_one_are_refused() -> None:
    placements = placements_of([Pool([1], [1])])
    for measured in (ndcg, reciprocal_rank, precision):
        with pytest.raises(UsageError, match="the cutoff is 0, but must be 1 or more"):
            measured(placements, 0)
