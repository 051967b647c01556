"""Measures straight from counts: the same numbers as a full sort, for whole pools and parts of them."""

from __future__ import annotations

import numpy as np
import pytest
from support.languages import LANGUAGES

import clinometer as cm
from clinometer.errors import MeasureError, UsageError

RNG = np.random.default_rng(5)
DOCUMENTS = RNG.standard_normal((60, 8)).astype(np.float32)
QUERIES = RNG.standard_normal((20, 8)).astype(np.float32)
RELEVANT = [RNG.choice(60, RNG.integers(0, 5), replace=False) for _ in QUERIES]
LABELS = RNG.choice(LANGUAGES, 60)
RANKS = cm.rank_relevant(QUERIES, DOCUMENTS, RELEVANT, LABELS.tolist())


@pytest.mark.parametrize("languages", [None, ["de"], ["zh", "en"]])
def test_equal_to_what_ranks_say(languages: list[str] | None) -> None:
    found = cm.measure(RANKS, ["RR", "R@10", "MaxR", "Complete@10", "MaxRnorm", "nDCG"], languages=languages)
    pool = np.count_nonzero(np.isin(LABELS, languages or ["en", "de", "zh"]))
    ranks = RANKS.ranks(languages)
    for query in range(20):
        own = np.sort(ranks[RANKS.indptr[query] : RANKS.indptr[query + 1]])
        own = own[own > 0]
        if not len(own):
            assert all(np.isnan(values[query]) for values in found.values())
            continue
        gains, ideal = (1 / np.log2(1 + places) for places in (own, np.arange(1, len(own) + 1)))
        wanted = {
            "RR": 1 / own[0],
            "R@10": np.mean(own <= 10),
            "MaxR": own[-1],
            "Complete@10": 100.0 * (own[-1] <= 10),
            "MaxRnorm": 100 * (np.log2(pool) - np.log2(own[-1])) / (np.log2(pool) - np.log2(len(own))),
            "nDCG": gains.sum() / ideal.sum(),
        }
        assert {name: values[query] for name, values in found.items()} == pytest.approx(wanted)


def test_grades_are_gains() -> None:
    grades = RNG.integers(1, 4, len(RANKS.codes))
    assert (cm.measure(RANKS, ["nDCG@5"], grades=grades)["nDCG@5"] != cm.measure(RANKS, ["nDCG@5"])["nDCG@5"]).any()
    with pytest.raises(UsageError, match="whole numbers from 1 on"):
        cm.measure(RANKS, ["nDCG"], grades=grades * 0)


@pytest.mark.parametrize("name", ["RankGap", "Intrusion", "LangShare@10", "LanguageGap(RR)"])
def test_measures_of_languages_are_refused(name: str) -> None:
    with pytest.raises(MeasureError, match="use evaluate"):
        cm.measure(RANKS, [name])


def test_norms_need_the_size_of_the_pool() -> None:
    left = cm.rank_relevant(QUERIES, DOCUMENTS, [[0]] * 20, exclude=[[1]] * 20)
    with pytest.raises(UsageError, match="size of the pool"):
        cm.measure(left, ["MaxRnorm"])


def test_saved_counts_measure_the_same(tmp_path: object) -> None:
    path = f"{tmp_path}/ranks.npz"
    RANKS.save(path)
    for name, values in cm.measure(cm.RankCounts.load(path), ["MaxRnorm", "AP"]).items():
        assert np.array_equal(values, cm.measure(RANKS, [name])[name], equal_nan=True)
