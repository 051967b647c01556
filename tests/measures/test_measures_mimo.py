"""PEER and MRC as in MIMO: against SciPy, by hand, and the collections in which PEER counts failures only."""

from __future__ import annotations

from math import inf, nan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import stats

from clinometer.errors import UsageError
from clinometer.measures import mrc_mimo, peer, peer_mimo


@settings(max_examples=150)
@given(
    languages=st.lists(st.integers(0, 3), min_size=2, max_size=9),
    cutoff=st.integers(1, 20),
    seed=st.integers(0, 999),
)
def test_peer_against_scipy(languages: list[int], cutoff: int, seed: int) -> None:
    ranks = 1.0 + np.random.default_rng(seed).permutation(20)[: len(languages)]
    capped = np.minimum(ranks, cutoff + 1)
    groups = [capped[np.array(languages) == label] for label in set(languages)]
    found = peer_mimo(ranks, languages, cutoff=cutoff)
    if len(groups) < 2:
        assert np.isnan(found)
    elif len(set(capped.tolist())) == 1:
        assert found == 1.0
    else:
        assert found == pytest.approx(stats.kruskal(*groups).pvalue, rel=1e-9)


def test_peer_by_hand() -> None:
    # Ranks 1 2 3 5 5 5 of means 2 and 5, around 3.5: H = 5 * 13.5 / 15.5.
    value = peer_mimo([1, 2, 3, 40, 50, inf], ["en"] * 3 + ["de"] * 3, cutoff=20)
    assert value == pytest.approx(stats.chi2.sf(5 * 13.5 / 15.5, 1), rel=1e-12)
    # Ours gives documents past the cutoff the rank (2 * 6 + 3 + 1) / 2 and does not rank anew.
    ours = peer([1, 2, 3, 40, 50, inf], ["en"] * 3 + ["de"] * 3, [1] * 6, cutoff=20, weights={1: 1.0})
    assert ours == pytest.approx(stats.chi2.sf(5 * 54 / 56, 1), rel=1e-12)
    assert np.isnan(peer_mimo([], [], cutoff=20))


@settings(max_examples=60)
@given(languages=st.integers(2, 12), cutoff=st.integers(1, 30), seed=st.integers(0, 999))
def test_with_one_answer_in_each_language_peer_counts_failures_only(languages: int, cutoff: int, seed: int) -> None:
    ranks = 1.0 + np.random.default_rng(seed).permutation(40)[:languages]
    constant = stats.chi2.sf(languages - 1, languages - 1)
    found = peer_mimo(ranks, list(range(languages)), cutoff=cutoff)
    assert found == pytest.approx(constant if (ranks <= cutoff).any() else 1.0)


def test_peer_refuses_what_does_not_fit() -> None:
    with pytest.raises(UsageError, match="1 ranks and 2 languages; give one of each"):
        peer_mimo([1], ["en", "de"], cutoff=1)
    for rank in (0.0, nan):
        with pytest.raises(UsageError, match="ranks start at 1; give infinity"):
            peer_mimo([rank], ["en"], cutoff=1)
    with pytest.raises(UsageError, match="the cutoff is 0"):
        peer_mimo([1], ["en"], cutoff=0)
    with pytest.raises(UsageError, match="ranks have 1 masked values"):
        peer_mimo(np.ma.array([1, 2], mask=[False, True]), ["en", "de"], cutoff=1)


@settings(max_examples=60)
@given(seed=st.integers(0, 999), cutoff=st.integers(1, 6), steps=st.sampled_from([3, 1000]))
def test_mrc_against_scipy(seed: int, cutoff: int, steps: int) -> None:
    rng = np.random.default_rng(seed)
    scores = {label: rng.integers(0, steps, (2, 9)) / steps for label in ("en", "de", "zh")}
    found = mrc_mimo(scores, cutoff)
    tops = {
        label: [set(np.lexsort((np.arange(9), -row))[:cutoff].tolist()) for row in rows]
        for label, rows in scores.items()
    }
    for label, values in found.items():
        for question in range(2):
            kept = []
            for other in set(scores) - {label}:
                union = sorted(tops[label][question] | tops[other][question])
                pair = [scores[side][question, union] for side in (label, other)]
                if len(union) > 1 and all(len(set(side)) > 1 for side in pair):
                    kept.append(stats.spearmanr(*pair).statistic)
            assert values[question] == pytest.approx(100 * np.mean(kept) if kept else nan, nan_ok=True)


def test_mrc_by_hand() -> None:
    # Of the union of the first two, the scores of one rank 1 2 3, those of the other 1 3 2: 1 - 6 * 2 / (3 * 8).
    half = mrc_mimo({"en": [[4, 3, 2, 0]], "de": [[4, 1, 3, 0]]}, 2)
    assert_allclose(half["en"], [50.0])
    # A document outside both lists does not count, and one outside one list counts with its score.
    assert_allclose(mrc_mimo({"en": [[4, 3, 2, 0]], "de": [[4, 1, 3, 9]]}, 1)["de"], [-100.0])
    # One document in all, or equal scores, are no pair; the third language still is.
    scores = {"en": [[2.0, 1.0]], "de": [[1.0, 1.0]], "zh": [[2.0, 1.0]]}
    assert {label: values.tolist() for label, values in mrc_mimo(scores, 2).items() if label != "de"} == {
        "en": [100.0],
        "zh": [100.0],
    }
    assert np.isnan(mrc_mimo(scores, 2)["de"]).all()
    assert np.isnan(mrc_mimo({"en": [[2.0, 1.0]], "de": [[2.0, 1.0]]}, 1)["en"]).all()


def test_a_question_that_a_language_lacks_is_left_out_there() -> None:
    scores = {"en": [[2.0, 1.0], [2.0, 1.0]], "de": [[nan, nan], [1.0, 2.0]], "zh": [[2.0, 1.0], [2.0, 1.0]]}
    found = mrc_mimo(scores, 2)
    assert found["en"].tolist() == [100.0, 0.0]
    assert np.isnan(found["de"][0])
    assert found["de"][1] == -100.0
    assert mrc_mimo({"en": [[3.0, 1.0, -inf]], "de": [[3.0, 1.0, -inf]]}, 3)["en"].tolist() == [100.0]


def test_mrc_refuses_what_does_not_fit() -> None:
    with pytest.raises(UsageError, match="give those of two or more"):
        mrc_mimo({"en": [[1.0]]}, 1)
    for wrong in ([[1.0]], [1.0, 2.0]):
        with pytest.raises(UsageError, match=r"the scores have shapes .* but must be \(questions, documents\)"):
            mrc_mimo({"en": [[1.0, 2.0]], "de": wrong}, 1)
    with pytest.raises(UsageError, match="the cutoff is 0"):
        mrc_mimo({"en": [[1.0]], "de": [[1.0]]}, 0)
    with pytest.raises(UsageError, match="the scores of de have NaN in row 1; give a score for every document, minus"):
        mrc_mimo({"en": [[1.0, 2.0]] * 2, "de": [[1.0, 2.0], [nan, 2.0]]}, 1)
