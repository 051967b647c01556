"""Measures of parallel answers and inclination: published vectors, hand-worked pools, identities, undefined queries."""

from __future__ import annotations

from math import log2

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from support.ranking_reference import Pool, placements_of

from clinometer.errors import MeasureError, UsageError
from clinometer.measures import (
    complete,
    evaluate_measure,
    intrusion,
    intrusion_count,
    lang_share,
    max_rank,
    max_rank_norm,
    parse,
    pivot_first,
    rank_gap,
    reachable,
)
from clinometer.measures.placements import Placements
from clinometer.scanning.counts import TieMode

EN, DE, ZH = 0, 1, 2


def ranked(size: int, relevant: list[int], languages: list[int] | None = None) -> Pool:
    """A pool without ties whose relevant documents have the given ranks; all other documents are English."""
    grades, spoken = [0] * size, [EN] * size
    for rank, language in zip(relevant, languages or [EN] * len(relevant), strict=True):
        grades[rank - 1], spoken[rank - 1] = 1, language
    return Pool([float(-rank) for rank in range(size)], grades, spoken)


def test_the_vectors_of_four_documents() -> None:
    placements = placements_of([ranked(4, [1, 3]), ranked(4, [1, 2]), ranked(4, [2, 4]), ranked(2, [1, 2])])
    assert max_rank(placements).tolist() == [3, 2, 4, 2]
    assert max_rank_norm(placements).tolist() == pytest.approx([41.5037499, 100, 0, 100], abs=1e-7)
    assert complete(placements, 2).tolist() == [0, 100, 0, 100]
    assert complete(placements, 3).tolist() == [100, 100, 0, 100]


def test_the_vectors_of_a_large_pool() -> None:
    placements = placements_of([ranked(2376, [1, 10]), ranked(2376, [5, 651])])
    assert max_rank_norm(placements).tolist() == pytest.approx([77.27, 18.29], abs=0.005)


@settings(max_examples=100)
@given(
    scores=st.lists(st.integers(0, 6), min_size=1, max_size=12),
    ties=st.sampled_from(["index", "trec", "optimistic", "pessimistic"]),
    chosen=st.sets(st.integers(0, 11), min_size=1),
)
def test_complete_says_whether_max_rank_is_within(scores: list[int], ties: TieMode, chosen: set[int]) -> None:
    grades = [int(d in chosen) for d in range(len(scores))]
    grades[0] = 1
    placements = placements_of([Pool([float(score) for score in scores], grades)], ties)
    for cutoff in range(1, len(scores) + 2):
        assert_array_equal(complete(placements, cutoff), 100.0 * (max_rank(placements) <= cutoff))


def test_reachable_is_what_merging_the_languages_anew_could_do() -> None:
    # German answers on ranks 9 and 10 of the pool, but 1 and 2 of the German documents; the English one is its fourth.
    placements = placements_of([ranked(12, [4, 9, 10], [EN, DE, DE])])
    assert [reachable(placements, cutoff)[0] for cutoff in (5, 6, 10)] == [0, 100, 100]
    assert [complete(placements, cutoff)[0] for cutoff in (6, 9, 10)] == [0, 0, 100]
    with pytest.raises(UsageError, match="the cutoff is 0"):
        reachable(placements, 0)


@settings(max_examples=100)
@given(
    scores=st.lists(st.integers(0, 4), min_size=2, max_size=12),
    ties=st.sampled_from(["index", "trec", "optimistic", "pessimistic", "expected"]),
    chosen=st.sets(st.integers(0, 11), min_size=1),
    spoken=st.lists(st.integers(0, 2), min_size=12, max_size=12),
)
def test_nothing_is_more_complete_than_reachable(
    scores: list[int], ties: TieMode, chosen: set[int], spoken: list[int]
) -> None:
    grades = [int(d in chosen) for d in range(len(scores))]
    grades[0] = 1
    pool = Pool([float(score) for score in scores], grades, spoken[: len(scores)])
    placements = placements_of([pool], ties)
    for cutoff in range(1, len(scores) + 1):
        assert complete(placements, cutoff)[0] <= reachable(placements, cutoff)[0] + 1e-9
    assert reachable(placements, len(scores))[0] == pytest.approx(100)


@settings(max_examples=50)
@given(scores=st.lists(st.integers(0, 2), min_size=1, max_size=9), chosen=st.sets(st.integers(0, 8), min_size=1))
def test_expected_max_rank_is_the_sum_of_incompleteness(scores: list[int], chosen: set[int]) -> None:
    grades = [int(d in chosen) for d in range(len(scores))]
    grades[0] = 1
    placements = placements_of([Pool([float(score) for score in scores], grades)], "expected")
    beyond = sum(1 - complete(placements, cutoff)[0] / 100 for cutoff in range(1, len(scores) + 1))
    assert max_rank(placements)[0] == pytest.approx(1 + beyond)


def test_the_gap_is_positive_when_the_pivot_stands_higher() -> None:
    placements = placements_of([ranked(9, [2, 8], [EN, DE]), ranked(9, [8, 2], [EN, DE]), ranked(9, [1, 5], [EN, ZH])])
    assert rank_gap(placements, "en", "de")[:2].tolist() == [2.0, -2.0]
    assert pivot_first(placements, "en", "de")[:2].tolist() == [1.0, 0.0]
    assert rank_gap(placements, pivot="de", target="en")[:2].tolist() == [-2.0, 2.0]
    assert np.isnan(rank_gap(placements, "en", "de")[2])
    assert np.isnan(pivot_first(placements, "en", "de")[2])


def test_only_the_best_document_of_a_language_counts_for_the_gap() -> None:
    placements = placements_of([ranked(9, [2, 3, 4, 9], [EN, EN, DE, DE])])
    assert rank_gap(placements, "en", "de").tolist() == [1.0]


def test_a_tie_of_both_languages_goes_by_their_numbers() -> None:
    # Tied on ranks 2 to 5: two English answers, one German one, one unrelated document.
    pool = Pool([9, 5, 5, 5, 5], [0, 1, 1, 1, 0], [DE, EN, EN, DE, DE])
    placements = placements_of([pool], "expected")
    assert pivot_first(placements, "en", "de")[0] == pytest.approx(2 / 3)
    english = (log2(2) * 3 + log2(3) * 2 + log2(4) * 1) / 6
    german = (log2(2) + log2(3) + log2(4) + log2(5)) / 4
    assert rank_gap(placements, "en", "de")[0] == pytest.approx(german - english)


def test_unrelated_documents_intrude_and_duplicates_do_not() -> None:
    # From the top: duplicate of the answer, unrelated English, unrelated Chinese, German answer, unrelated English.
    languages = [EN, EN, ZH, DE, EN]
    with_unrelated = Pool([5, 4, 3, 2, 1], [0, 0, 0, 1, 0], languages, duplicates=[0])
    without = Pool([5, 4, 3, 2, 1], [0, 0, 0, 1, 0], languages, duplicates=[0, 1])
    english_answer = Pool([5, 4, 3, 2, 1], [1, 0, 0, 0, 0], languages)
    placements = placements_of([with_unrelated, without, english_answer])
    assert intrusion(placements, "de", "en")[:2].tolist() == [1.0, 0.0]
    assert intrusion_count(placements, "de", "en")[:2].tolist() == [1.0, 0.0]
    assert intrusion_count(placements, "de", "zh")[:2].tolist() == [1.0, 1.0]
    assert np.isnan(intrusion(placements, "de", "en")[2])
    assert intrusion(placements, "en", "de")[2] == 0.0


def test_tied_intruders_in_each_order() -> None:
    # English intruders stand on both sides of the German answer, all with one score.
    pool = Pool([1, 1, 1, 1], [0, 1, 0, 0], [EN, DE, EN, EN])
    found = {
        ties: (
            intrusion(placements_of([pool], ties), "de", "en")[0],
            intrusion_count(placements_of([pool], ties), "de", "en")[0],
        )
        for ties in ("index", "trec", "optimistic", "pessimistic", "expected")
    }
    assert found == {
        "index": (1, 1),
        "trec": (1, 2),
        "optimistic": (0, 0),
        "pessimistic": (1, 3),
        "expected": (0.75, 1.5),
    }


def test_a_language_that_the_pool_lacks_gives_nan_not_zero() -> None:
    placements = placements_of([ranked(4, [1, 3], [EN, DE])])
    for found in (
        intrusion(placements, "de", "fr"),
        intrusion_count(placements, "fr", "de"),
        rank_gap(placements, "en", "fr"),
        pivot_first(placements, "fr", "en"),
    ):
        assert np.isnan(found).tolist() == [True]


def test_a_pair_has_two_languages() -> None:
    placements = placements_of([ranked(4, [1, 3], [EN, DE])])
    for measured in (rank_gap, pivot_first):
        with pytest.raises(UsageError, match="pivot and target are both 'en', but must be different languages"):
            measured(placements, "en", "en")


def test_language_share_counts_unrelated_documents_only() -> None:
    top = np.array([[0, 0, 1, 1], [0, 1, -1, -1], [0, -1, -1, -1], [1, 1, 1, 0]])
    related = np.array([[1, 0, 0, 0], [1, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]], dtype=bool)
    assert_array_equal(lang_share(top, related, 0), [1 / 3, np.nan, 1.0, 0.25])
    assert_array_equal(lang_share(top, related, 1), [2 / 3, np.nan, 0.0, 0.75])
    assert lang_share(np.empty((0, 5), np.int64), np.empty((0, 5), bool), 0).shape == (0,)


def evaluated(
    name: str, placements: Placements, query: str, other: str | None, pivot: str = "en"
) -> list[float] | None:
    found = evaluate_measure(parse([name])[0], placements, pivot=pivot, query_language=query, other_language=other)
    return None if found is None else found.tolist()


def test_intrusion_looks_at_the_answer_in_the_query_language() -> None:
    # From the top: unrelated German, English answer, unrelated English twice, German answer.
    pool = Pool([5, 4, 3, 2, 1], [0, 1, 0, 0, 1], [DE, EN, EN, EN, DE])
    placements = placements_of([pool])
    assert evaluated("IntrusionCount", placements, "de", "en") == [2.0]
    assert evaluated("IntrusionCount(by=own)", placements, "de", "en") == [1.0]
    assert evaluated("IntrusionCount", placements, "en", "de") == [1.0]
    assert evaluated("IntrusionCount(by=own)", placements, "en", "de") == [2.0]
    assert evaluated("Intrusion(by=own)", placements, "en", "de") == [1.0]


def test_the_pivot_stays_the_pivot_whoever_asks() -> None:
    placements = placements_of([ranked(9, [2, 8], [EN, DE])])
    for query, other in (("de", "en"), ("en", "de")):
        assert evaluated("RankGap", placements, query, other) == [2.0]
        assert evaluated("PivotFirst", placements, query, other) == [1.0]
        assert evaluated("RankGap", placements, query, other, pivot="de") == [-2.0]


def test_measures_of_a_pair_are_not_defined_without_one() -> None:
    placements = placements_of([ranked(9, [2, 8], [EN, DE])])
    for name in ("RankGap", "PivotFirst", "Intrusion", "IntrusionCount(by=own)"):
        assert evaluated(name, placements, "en", None) is None
        assert evaluated(name, placements, "en", "en") is None
        assert evaluated(name, placements, "en", "fr") is None
        assert evaluated(name, placements, "fr", "en") is None
    assert evaluated("RankGap", placements, "de", "en", pivot="zh") is None
    assert evaluated("Intrusion", placements, "de", "en", pivot="zh") == [1.0]
    assert evaluated("MaxR", placements, "en", None) == [8.0]
    assert evaluated("Complete@8", placements, "en", None) == [100.0]


def test_measures_that_need_more_than_placements_are_refused() -> None:
    placements = placements_of([ranked(9, [2, 8], [EN, DE])])
    for name in ("LangShare@10", "LanguageGap"):
        with pytest.raises(MeasureError, match="cannot be computed from placements"):
            evaluated(name, placements, "en", "de")
