"""PEER and MRC: against scipy, by hand, and the pools in which PEER says nothing."""

from __future__ import annotations

from math import inf, nan
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from clinometer.errors import UsageError
from clinometer.measures.fairness import _chi_squared_above, mrc, peer


@pytest.mark.parametrize("freedom", range(1, 12))
def test_the_tail_of_chi_squared(freedom: int) -> None:
    for value in (0.0, 1e-6, 0.3, 1.0, 4.0, 20.0, 200.0):
        assert _chi_squared_above(value, freedom) == pytest.approx(stats.chi2.sf(value, freedom), rel=1e-10, abs=1e-300)


def by_definition(ranks: list[float], languages: list[int], cutoff: int) -> float:
    """Kruskal-Wallis of one grade of relevant documents, group by group."""
    found = [rank if rank <= cutoff else None for rank in ranks]
    missing = found.count(None)
    filled = [(2 * len(ranks) + missing + 1) / 2 if rank is None else rank for rank in found]
    groups = [[rank for rank, label in zip(filled, languages, strict=True) if label == one] for one in set(languages)]
    if missing == len(ranks) or len(groups) < 2:
        return 1.0
    if len(set(filled)) == 1:
        return 1.0
    mean = sum(filled) / len(filled)
    between = sum(len(group) * (sum(group) / len(group) - mean) ** 2 for group in groups)
    h = (len(filled) - 1) * between / sum((rank - mean) ** 2 for rank in filled)
    return float(stats.chi2.sf(h, len(groups) - 1))


@settings(max_examples=100)
@given(
    languages=st.lists(st.integers(0, 3), min_size=2, max_size=9),
    cutoff=st.integers(1, 20),
    seed=st.integers(0, 999),
)
def test_peer_against_the_definition(languages: list[int], cutoff: int, seed: int) -> None:
    ranks = (1.0 + np.random.default_rng(seed).permutation(20)[: len(languages)]).tolist()
    options: dict[str, Any] = {"cutoff": cutoff, "weights": {1: 1.0}, "guard": False}
    found = peer(ranks, languages, [1] * len(ranks), **options)
    assert found == pytest.approx(by_definition(ranks, languages, cutoff), rel=1e-9)


def test_complete_ranks_give_the_test_of_scipy() -> None:
    ranks, languages = [1, 4, 2, 7, 3, 5, 6, 8], [0, 0, 0, 0, 1, 1, 1, 1]
    wanted = stats.kruskal(ranks[:4], ranks[4:]).pvalue
    assert peer(ranks, languages, [1] * 8, cutoff=8, weights={1: 1.0}) == pytest.approx(wanted)


def test_grades_are_weighed_and_unrelated_documents_count_only_when_found() -> None:
    ranks = [1, 2, 3, 4, 5, 8, inf, inf]
    languages = ["en", "de", "en", "de", "en", "en", "de", "de"]
    grades = [1, 1, 1, 1, 0, 0, 0, 0]
    one = peer(ranks, languages, grades, cutoff=10, weights={1: 1.0})
    # Of the unrelated ones only English was found.
    assert peer(ranks, languages, grades, cutoff=10, weights={0: 1.0}) == 1.0
    assert peer(ranks, languages, grades, cutoff=10, weights={0: 0.25, 1: 0.75}) == pytest.approx(0.25 + 0.75 * one)
    assert peer([inf] * 4, ["en", "en", "de", "de"], [1] * 4, cutoff=10, weights={1: 1.0}) == 1.0


@pytest.mark.parametrize("ranks", [[1, 2], [1, 900], [50, 3], [1, inf]])
def test_one_answer_in_each_language_says_nothing(ranks: list[float]) -> None:
    options: dict[str, Any] = {"cutoff": 100, "weights": {1: 1.0}}
    assert np.isnan(peer(ranks, ["en", "de"], [1, 1], **options))
    assert peer(ranks, ["en", "de"], [1, 1], guard=False, **options) == pytest.approx(0.3173, abs=5e-5)


def test_peer_refuses_what_does_not_fit() -> None:
    with pytest.raises(UsageError, match="1 ranks, 2 languages and 1 grades"):
        peer([1], ["en", "de"], [1], cutoff=1, weights={1: 1.0})
    with pytest.raises(UsageError, match="ranks start at 1; give infinity"):
        peer([0], ["en"], [1], cutoff=1, weights={1: 1.0})
    with pytest.raises(UsageError, match="ranks start at 1; give infinity"):
        peer([nan], ["en"], [1], cutoff=1, weights={1: 1.0})
    with pytest.raises(UsageError, match="the cutoff is 0"):
        peer([1], ["en"], [1], cutoff=0, weights={1: 1.0})
    for weights in ({}, {1: 0.5}, {0: -1.0, 1: 2.0}):
        with pytest.raises(UsageError, match="but must be 0 or more and add up to 1"):
            peer([1], ["en"], [1], cutoff=1, weights=weights)


@settings(max_examples=60)
@given(seed=st.integers(0, 999), cutoff=st.integers(2, 6))
def test_mrc_against_scipy(seed: int, cutoff: int) -> None:
    rng = np.random.default_rng(seed)
    lists = {label: np.array([rng.permutation(9)[:7] for _ in range(2)]) for label in ("en", "de", "zh")}
    found = mrc(lists, cutoff)
    for label, values in found.items():
        for question in range(2):
            one, correlations = lists[label][question, :cutoff].tolist(), []
            for other in set(lists) - {label}:
                two = lists[other][question, :cutoff].tolist()
                union = sorted({*one, *two})
                ranks = [[rows.index(d) + 1 if d in rows else cutoff + 1 for d in union] for rows in (one, two)]
                correlations.append(stats.spearmanr(*ranks).statistic)
            assert values[question] == pytest.approx(np.mean(correlations))


def test_mrc_by_hand() -> None:
    assert mrc({"en": [[3]], "de": [[3]]}, 1)["en"].tolist() == [1.0]
    assert mrc({"en": [[3]], "de": [[4]]}, 1)["en"].tolist() == pytest.approx([-1.0])
    assert np.isnan(mrc({"en": [[-1, -1]], "de": [[4, 5]]}, 2)["de"]).all()
    # Ranks 1, 2, 3 and 1, 3, 2.
    assert mrc({"en": [[5, 6, -1]], "de": [[5, 7, -1]]}, 2)["en"].tolist() == pytest.approx([0.5])


def test_mrc_refuses_what_does_not_fit() -> None:
    with pytest.raises(UsageError, match="give the lists of two or more"):
        mrc({"en": [[1]]}, 1)
    with pytest.raises(
        UsageError, match=r"the lists have shapes .* but must be \(questions, 2 or more\) in every language"
    ):
        mrc({"en": [[1]], "de": [[1]]}, 2)
    with pytest.raises(UsageError, match="the lists have shapes"):
        mrc({"en": [[1]], "de": [[1], [2]]}, 1)
    with pytest.raises(UsageError, match="the cutoff is 0"):
        mrc({"en": [[1]], "de": [[1]]}, 0)
