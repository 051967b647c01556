"""Every measure in every tie mode against orders written out one by one, and the exact expectations in large groups."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import partial
from math import comb, inf, log2
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from numpy.typing import NDArray
from support import ranking_reference as reference
from support.languages import LANGUAGES
from support.ranking_reference import Pool, placements_of

from clinometer import measures
from clinometer.errors import UsageError
from clinometer.measures.placements import Placements
from clinometer.measures.ties import at_best, at_each, at_worst, none_within, tie_groups
from clinometer.scanning.counts import Counts, TieMode

MODES: tuple[TieMode, ...] = get_args(TieMode)

Measured = Callable[[Placements], NDArray[np.float64]]


def every_measure(cutoff: int, one: int, other: int) -> dict[str, tuple[Measured, reference.Reading]]:
    """Our function and the slow reading of each measure, with one cutoff and one pair of languages."""
    first, second = LANGUAGES[one], LANGUAGES[other]
    table: dict[str, tuple[Measured, reference.Reading]] = {
        "nDCG": (measures.ndcg, reference.ndcg(1000)),
        "nDCG@k": (partial(measures.ndcg, cutoff=cutoff), reference.ndcg(cutoff)),
        "RR": (measures.reciprocal_rank, reference.reciprocal_rank(1000)),
        "RR@k": (partial(measures.reciprocal_rank, cutoff=cutoff), reference.reciprocal_rank(cutoff)),
        "AP": (measures.average_precision, reference.average_precision(1000)),
        "AP@k": (partial(measures.average_precision, cutoff=cutoff), reference.average_precision(cutoff)),
        "R@k": (partial(measures.recall, cutoff=cutoff), reference.recall(cutoff)),
        "P@k": (partial(measures.precision, cutoff=cutoff), reference.precision(cutoff)),
        "Success@k": (partial(measures.success, cutoff=cutoff), reference.success(cutoff)),
        "Rprec": (measures.r_precision, reference.r_precision),
        "Bpref": (measures.bpref, reference.bpref),
        "RBP": (measures.rank_biased_precision, reference.rank_biased_precision(1000, 0.8)),
        "RBP@k": (
            partial(measures.rank_biased_precision, cutoff=cutoff, persistence=0.5),
            reference.rank_biased_precision(cutoff, 0.5),
        ),
        "ERR": (measures.expected_reciprocal_rank, reference.expected_reciprocal_rank(1000)),
        "ERR@k": (
            partial(measures.expected_reciprocal_rank, cutoff=cutoff),
            reference.expected_reciprocal_rank(cutoff),
        ),
        "MaxR": (measures.max_rank, reference.max_rank),
        "MaxRnorm": (measures.max_rank_norm, reference.max_rank_norm),
        "Complete@k": (partial(measures.complete, cutoff=cutoff), reference.complete(cutoff)),
        "Reachable@k": (partial(measures.reachable, cutoff=cutoff), reference.reachable(cutoff)),
        "Intrusion": (
            partial(measures.intrusion, answer=first, intruder=second),
            reference.intrusion(one, other),
        ),
        "IntrusionCount": (
            partial(measures.intrusion_count, answer=first, intruder=second),
            reference.intrusion_count(one, other),
        ),
    }
    if one != other:
        table["RankGap"] = (
            partial(measures.rank_gap, pivot=first, target=second),
            reference.rank_gap(one, other),
        )
        table["PivotFirst"] = (
            partial(measures.pivot_first, pivot=first, target=second),
            reference.pivot_first(one, other),
        )
    return table


@st.composite
def pools(draw: st.DrawFn, largest: int = 7) -> Pool:
    """Up to `largest` documents with few distinct scores, so that most tie; at least one is relevant.

    In every second pool some are not retrieved.
    """
    size = draw(st.integers(1, largest))

    def column(values: st.SearchStrategy[int]) -> list[int]:
        return draw(st.lists(values, min_size=size, max_size=size))

    scores = column(st.integers(-2, draw(st.integers(-2, 2))))
    grades = column(st.sampled_from([0, 0, 1, 2, 3]))
    grades[draw(st.integers(0, size - 1))] = draw(st.integers(1, 3))
    twins = [d for d, twin in enumerate(column(st.integers(0, 3))) if twin == 0 and grades[d] == 0]
    cut = draw(st.booleans())
    values = [-inf if cut and draw(st.integers(0, 2)) == 0 else score / 2 for score in scores]
    return Pool(values, grades, column(st.integers(0, draw(st.integers(1, 2)))), twins)


def check(found: list[Pool], ties: TieMode, cutoff: int, one: int, other: int) -> None:
    placements = placements_of(found, ties)
    for name, (measured, reading) in every_measure(cutoff, one, other).items():
        slow = [reference.mean_over_orders(pool, ties, reading) for pool in found]
        assert_allclose(measured(placements), slow, rtol=1e-12, atol=1e-12, err_msg=f"{name}, ties={ties}, {found}")


@settings(max_examples=60)
@given(found=st.lists(pools(), min_size=1, max_size=2), cutoff=st.integers(1, 9), pair=st.permutations([0, 1, 2]))
def test_expected_ties_are_the_mean_over_all_orders(found: list[Pool], cutoff: int, pair: list[int]) -> None:
    check(found, "expected", cutoff, pair[0], pair[1])


@settings(max_examples=150)
@given(
    found=st.lists(pools(largest=12), min_size=0, max_size=4),
    ties=st.sampled_from([mode for mode in MODES if mode != "expected"]),
    cutoff=st.integers(1, 14),
    one=st.integers(0, 2),
    other=st.integers(0, 2),
)
def test_fixed_orders_are_read_from_the_top(
    found: list[Pool], ties: TieMode, cutoff: int, one: int, other: int
) -> None:
    check(found, ties, cutoff, one, other)


def test_all_tied_in_three_languages() -> None:
    pool = Pool([1.0] * 7, [2, 0, 1, 3, 0, 0, 1], [0, 1, 1, 0, 0, 2, 2], duplicates=[4])
    for one, other in ((0, 1), (1, 0), (2, 0), (1, 1)):
        check([pool], "expected", 3, one, other)


def test_expected_lies_between_the_extremes_and_equals_them_without_ties() -> None:
    pool = Pool([3, 2, 2, 2, 1], [0, 1, 0, 1, 0], [0, 0, 1, 1, 0])
    low, middle, high = (
        measures.max_rank(placements_of([pool], ties))[0] for ties in ("optimistic", "expected", "pessimistic")
    )
    assert (low, high) == (3.0, 4.0)
    assert middle == pytest.approx(1 + 2 * 4 / 3)
    distinct = Pool([5, 4, 3, 2, 1], [0, 1, 0, 1, 0], [0, 0, 1, 1, 0])
    for measured, _ in every_measure(2, 0, 1).values():
        values = [measured(placements_of([distinct], ties))[0] for ties in MODES]
        assert len(set(values)) == 1


def constant_scorer(pool_size: int, relevant: int) -> Placements:
    """One query whose scorer gives every document the same score; the relevant ones have one language each."""
    equal = np.zeros((relevant, relevant + 1), dtype=np.int64)
    equal[:, :relevant] = 1 - np.eye(relevant, dtype=np.int64)
    equal[:, relevant] = pool_size - relevant
    nothing = np.zeros_like(equal)
    related = equal.copy()
    related[:, relevant] = 0
    return Placements(
        indptr=np.array([0, relevant]),
        grades=np.ones(relevant, dtype=np.int64),
        language=np.arange(relevant),
        counts=Counts(nothing, equal, nothing),
        related=Counts(nothing, related, nothing),
        sizes=np.array([pool_size]),
        languages=tuple(f"l{number}" for number in range(relevant + 1)),
        ties="expected",
    )


@pytest.mark.parametrize(("size", "norm"), [(976, 8.05), (480, 9.07), (2376, 7.05)])
def test_a_constant_scorer_is_at_chance(size: int, norm: float) -> None:
    placements = constant_scorer(size, 2)
    assert measures.max_rank(placements)[0] == pytest.approx(2 * (size + 1) / 3, rel=1e-12)
    assert measures.max_rank_norm(placements)[0] == pytest.approx(norm, abs=0.005)
    assert measures.pivot_first(placements, "l0", "l1")[0] == 0.5
    assert measures.rank_gap(placements, "l0", "l1")[0] == 0.0
    assert measures.precision(placements, 10)[0] == pytest.approx(2 / size, rel=1e-12)
    assert measures.reciprocal_rank(placements, 1)[0] == pytest.approx(2 / size, rel=1e-12)


@pytest.mark.parametrize("relevant", [1, 2, 5, 40])
def test_large_groups_against_exact_fractions(relevant: int) -> None:
    size, cutoff = 3000, 700
    placements = constant_scorer(size, relevant)
    first = [Fraction(comb(size - j, relevant - 1), comb(size, relevant)) for j in range(1, size - relevant + 2)]
    assert sum(first) == 1
    reciprocal = sum(p / j for j, p in enumerate(first, 1))
    assert measures.reciprocal_rank(placements)[0] == pytest.approx(float(reciprocal), rel=1e-12)
    assert measures.success(placements, cutoff)[0] == pytest.approx(float(sum(first[:cutoff])), rel=1e-12)
    all_above = Fraction(comb(cutoff, relevant), comb(size, relevant))
    assert measures.complete(placements, cutoff)[0] == pytest.approx(100 * float(all_above), rel=1e-11)
    worst = sum(float(p) * log2(size + 1 - j) for j, p in enumerate(first, 1))
    norm = 100 * (log2(size) - worst) / (log2(size) - log2(relevant))
    assert measures.max_rank_norm(placements)[0] == pytest.approx(norm, rel=1e-10)


@pytest.mark.parametrize("relevant", [1, 2, 12, 100_000, 999_999])
def test_a_million_tied_documents(relevant: int) -> None:
    size = 1_000_000
    groups = tie_groups(constant_scorer(size, 1))
    groups = type(groups)(**{**vars(groups), "relevant": np.array([relevant])})
    assert at_best(groups, np.ones_like)[0] == pytest.approx(1.0, rel=1e-9)
    assert at_best(groups, lambda ranks: ranks)[0] == pytest.approx((size + 1) / (relevant + 1), rel=1e-9)
    assert at_worst(groups, lambda ranks: ranks)[0] == pytest.approx(relevant * (size + 1) / (relevant + 1), rel=1e-9)
    assert at_each(groups, lambda ranks: ranks)[0] == pytest.approx((size + 1) / 2, rel=1e-12)
    assert none_within(groups, np.array([1.0]))[0] == pytest.approx(1 - relevant / size, rel=1e-12)
    half = none_within(groups, np.array([size / 2]))[0]
    assert 0 <= half < inf
    if relevant == 2:
        assert half == pytest.approx(0.5 * (size / 2 - 1) / (size - 1), rel=1e-12)


def test_expected_ties_have_no_position() -> None:
    with pytest.raises(ValueError, match="no single position"):
        _ = placements_of([Pool([1, 1], [1, 0])], "expected").positions


def test_an_unknown_tie_order_is_refused() -> None:
    with pytest.raises(UsageError, match=r"unknown tie mode 'random'; expected one of index, trec, optimistic"):
        placements_of([Pool([1], [1])], "random")  # type: ignore[arg-type]
