"""What theory says of rankers that are known: the perfect one, the random one, the constant one, the monolingual one.

All go through the whole way, from a score matrix to the rows, in the scenario `multilingual`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from support.parallel_texts import all_translated

import clinometer as cm
from clinometer import Collection
from clinometer.scorers import MatrixScorer

LANGUAGES = ("en", "de", "zh", "ar", "th")
GROUPS = 12
PARTS = ("SR-QL", "SR-NQL", "NSR-QL", "NSR-NQL")
MEASURES = [
    "nDCG@1", "nDCG@10", "LPR", "LPR(variant=top1)", "LPR(variant=any)", "LPR(variant=pair)", "LangNDCG@10",
    "LangNDCG(gain=0)@10", "LangNDCG(gain=0)@1", *(f"FourWay({part})" for part in PARTS), "RankDistance", "MaxR",
    "MaxRnorm", "P@1",
]  # fmt: skip


def parallel(languages: tuple[str, ...] = LANGUAGES, groups: int = GROUPS) -> Collection:
    """A document and a query for each group and language."""
    return all_translated(groups, languages)


def evaluated(collection: Collection, scores: NDArray[Any], **options: Any) -> cm.Evaluation:
    chosen: dict[str, Any] = {"scenarios": ["multilingual"], "measures": MEASURES, "resamples": 0} | options
    return cm.evaluate(collection, MatrixScorer(scores), **chosen)


def values(evaluation: cm.Evaluation, query_language: str = "macro") -> dict[str, float]:
    return {row["measure"]: row["value"] for row in evaluation.rows if row["query_language"] == query_language}


def meets(collection: Collection) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which documents are of the query's group, and which are in its language; `(queries, documents)` each."""
    asked, there = collection.queries, collection.documents
    group = np.array(asked.groups)[:, None] == np.array(there.groups)[None]
    language = np.array(asked.languages)[:, None] == np.array(there.languages)[None]
    return group, language


def test_a_perfect_ranker_that_prefers_the_language_of_the_query() -> None:
    collection = parallel()
    group, language = meets(collection)
    found = values(evaluated(collection, 2.0 * group + language))
    for name in ("nDCG@1", "nDCG@10", "LangNDCG@10", "LangNDCG(gain=0)@10"):
        assert found[name] == 1
    for name in ("LPR", "LPR(variant=top1)", "LPR(variant=any)", "LPR(variant=pair)", "FourWay(SR-QL)", "MaxRnorm"):
        assert found[name] == 100
    assert [found[f"FourWay({part})"] for part in PARTS] == [100, 0, 0, 0]
    assert (found["RankDistance"], found["MaxR"]) == (4, 5)


def test_a_perfect_ranker_that_is_blind_to_language() -> None:
    """Relevant documents first, in random order among themselves: nDCG is perfect and preference at chance."""
    collection = parallel()
    group, _ = meets(collection)
    found = values(evaluated(collection, group.astype(np.float32), ties="expected"))
    assert found["nDCG@10"] == pytest.approx(1)
    assert found["LPR"] == found["LPR(variant=top1)"] == found["LPR(variant=any)"] == pytest.approx(100 / 5)
    assert found["LPR(variant=pair)"] == pytest.approx(50)
    assert [found[f"FourWay({part})"] for part in PARTS] == pytest.approx([20, 80, 0, 0])
    # The gain at the first five places is 1 with chance 1/5, else 1/2; the best order has it first.
    discounts = 1 / np.log2(np.arange(2, 7))
    assert found["LangNDCG@10"] == pytest.approx(0.6 * discounts.sum() / (0.5 + 0.5 * discounts.sum()))
    assert found["LangNDCG(gain=0)@10"] == pytest.approx(discounts.mean())


def test_a_constant_scorer_is_at_chance() -> None:
    collection = parallel(groups=4)
    found = values(evaluated(collection, np.zeros((20, 20)), ties="expected"))
    assert found["LPR"] == found["LPR(variant=top1)"] == found["LPR(variant=any)"] == pytest.approx(20)
    assert found["LPR(variant=pair)"] == pytest.approx(50)
    assert found["nDCG@1"] == pytest.approx(5 / 20)
    assert [found[f"FourWay({part})"] for part in PARTS] == pytest.approx([5, 20, 15, 60])
    # The last of m places drawn from n is m (n + 1) / (m + 1) on average, the first (n + 1) / (m + 1).
    assert found["MaxR"] == pytest.approx(5 * 21 / 6)
    assert found["RankDistance"] == pytest.approx(4 * 21 / 6)


def test_a_random_ranker_is_near_chance() -> None:
    collection = parallel(("en", "de"), 60)
    rng = np.random.default_rng(5)
    size, queries = len(collection.documents), len(collection.queries)
    drawn = [values(evaluated(collection, rng.random((queries, size)), measures=["LPR", "MaxR", "MaxRnorm", "nDCG@1",
                                                                                 "RankDistance"]))
             for _ in range(12)]  # fmt: skip
    n = 12 * queries
    mean = {name: np.mean([found[name] for found in drawn]) for name in drawn[0]}
    assert mean["LPR"] == pytest.approx(50, abs=4 * 50 / np.sqrt(n))
    assert mean["nDCG@1"] == pytest.approx(2 / size, abs=4 * np.sqrt(2 / size / n))
    # Chances of each worst rank r of two: (r - 1) / (n choose 2).
    ranks = np.arange(2, size + 1)
    chance = (ranks - 1) / (size * (size - 1) / 2)
    for name, by_rank in (("MaxR", ranks), ("MaxRnorm", 100 * (np.log2(size) - np.log2(ranks)) / (np.log2(size) - 1))):
        expected = by_rank @ chance
        spread = float(np.sqrt((by_rank - expected) ** 2 @ chance / n))
        assert mean[name] == pytest.approx(expected, abs=4 * spread)
    assert ranks @ chance == pytest.approx(2 * (size + 1) / 3)
    assert mean["RankDistance"] == pytest.approx((size + 1) / 3, abs=4 * size * 0.24 / np.sqrt(n))


@pytest.mark.parametrize(("size", "wanted"), [(976, 8.05), (480, 9.07), (2376, 7.05)])
def test_expected_norms_of_a_random_ranker(size: int, wanted: float) -> None:
    """With ties=expected a constant scorer is a random ranker, exactly."""
    builder = cm.CollectionBuilder("two of many")
    for number in range(size):
        builder.add_document(f"d{number}", f"text {number}", "en" if number % 2 else "de")
    builder.add_query("q", "what?", "en")
    for document in ("d0", "d1"):
        builder.judge("q", document)
    found = evaluated(builder.build(), np.zeros((1, size)), measures=["MaxR", "MaxRnorm"], ties="expected")
    assert values(found, "en")["MaxRnorm"] == pytest.approx(wanted, abs=0.005)
    assert values(found, "en")["MaxR"] == pytest.approx(2 * (size + 1) / 3)


def test_a_ranker_that_knows_only_its_own_language() -> None:
    """Like BM25: the right answer first, the others nowhere. nDCG falls far short while preference is complete."""
    collection = parallel()
    group, language = meets(collection)
    found = values(evaluated(collection, (group & language).astype(float), ties="expected"))
    assert found["LPR"] == found["FourWay(SR-QL)"] == 100
    assert found["LangNDCG(gain=0)@10"] == 1
    assert found["nDCG@1"] == 1
    ideal = (1 / np.log2(np.arange(2, 7))).sum()
    others = 4 / 59 * (1 / np.log2(np.arange(3, 12))).sum()
    assert found["nDCG@10"] == pytest.approx((1 + others) / ideal)


@pytest.mark.parametrize("count", [2, 3, 5])
def test_chance_follows_the_number_of_languages(count: int) -> None:
    chosen = LANGUAGES[:count]
    capped = parallel().restrict(chosen)
    found = evaluated(capped, np.zeros((count * GROUPS, count * GROUPS)), ties="expected")
    assert values(found)["LPR"] == pytest.approx(100 / count)
    assert {len(row["pool_languages"]) for row in found.rows if row["query_language"] != "macro"} >= {count}


def renamed(collection: Collection, names: dict[str, str]) -> Collection:
    """The same texts, in other languages."""
    from dataclasses import replace

    sides = {}
    for side in ("documents", "queries"):
        texts = getattr(collection, side)
        sides[side] = replace(texts, languages=tuple(names[label] for label in texts.languages))
    return replace(collection, **sides)


@settings(max_examples=20)
@given(seed=st.integers(0, 1 << 20), tied=st.booleans(), ties=st.sampled_from(["index", "trec", "expected"]))
def test_renaming_the_languages_changes_no_symmetric_measure(seed: int, tied: bool, ties: Any) -> None:
    rng = np.random.default_rng(seed)
    collection = parallel(LANGUAGES[:3], 5)
    scores = rng.integers(0, 4, (15, 15)) if tied else rng.random((15, 15))
    shuffled = rng.permutation(3)
    names = {LANGUAGES[number]: LANGUAGES[other] for number, other in enumerate(shuffled)}
    before = evaluated(collection, scores, ties=ties)
    after = evaluated(renamed(collection, names), scores, ties=ties)
    assert values(after) == pytest.approx(values(before), nan_ok=True)
    for label in LANGUAGES[:3]:
        assert values(after, names[label]) == pytest.approx(values(before, label), nan_ok=True)


@settings(max_examples=30)
@given(seed=st.integers(0, 1 << 20), tied=st.booleans(), ties=st.sampled_from(["index", "trec", "expected"]))
def test_identities_of_the_rows(seed: int, tied: bool, ties: Any) -> None:
    rng = np.random.default_rng(seed)
    collection = parallel(LANGUAGES[:3], 6)
    group, language = meets(collection)
    noise = rng.integers(0, 3, group.shape) if tied else rng.random(group.shape)
    found = evaluated(collection, noise + group + 0.5 * language, ties=ties)
    for label in (*LANGUAGES[:3], "macro"):
        value = values(found, label)
        split = {part: value[f"FourWay({part})"] for part in PARTS}
        assert sum(split.values()) == pytest.approx(100)
        assert split["SR-QL"] + split["SR-NQL"] == pytest.approx(100 * value["nDCG@1"])
        assert value["nDCG@1"] == pytest.approx(value["P@1"])
        assert split["SR-QL"] + split["NSR-QL"] == pytest.approx(value["LPR(variant=any)"])
        assert split["SR-QL"] == pytest.approx(100 * value["LangNDCG(gain=0)@1"])
        relevant = split["SR-QL"] + split["SR-NQL"]
        if label != "macro" and ties != "expected" and relevant:
            assert split["SR-QL"] / relevant == pytest.approx(value["LPR(variant=top1)"] / 100)
