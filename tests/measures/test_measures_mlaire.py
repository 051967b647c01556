"""LPR, Lang-nDCG, the four-way split, rank distance and strong alignment: orders written out, identities, chance."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from math import inf, log2, nan
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from support.languages import LANGUAGES
from support.mlaire_readings import (
    NAMED,
    PARTS,
    distance,
    first_of_answers,
    found_in_others,
    gain_ratio,
    pairs_won,
    part_of_top,
    top_if_relevant,
    top_in,
    violated,
)
from support.ranking_reference import Pool, Reading, placements_of

import clinometer as cm
from clinometer import measures
from clinometer.errors import MeasureError, UsageError
from clinometer.measures import evaluate_measure, parse
from clinometer.measures.placements import Placements
from clinometer.scanning.counts import TieMode

MODES: tuple[TieMode, ...] = get_args(TieMode)
EN, DE, ZH = 0, 1, 2


def mean_where_defined(pool: Pool, ties: TieMode, reading: Reading) -> float:
    values = [value for order in pool.orders(ties) if not np.isnan(value := reading(pool, order))]
    return sum(values) / len(values) if values else nan


def leading_in(pool: Pool, ties: TieMode, own: int) -> float:
    """What `leading` says: over all orders, how often the first of the documents that are not relevant is of `own`."""
    firsts = [next((pool.languages[d] for d in order if not pool.grades[d]), -1) for order in pool.orders(ties)]
    return sum(language == own for language in firsts) / len(firsts)


def every_measure(own: int, gain: float, cutoff: int, leading: Any) -> dict[str, tuple[Any, Reading]]:
    label = LANGUAGES[own]
    table: dict[str, tuple[Any, Reading]] = {
        "LPR": (partial(measures.lpr, language=label), first_of_answers(own)),
        "pair": (partial(measures.lpr_pair, language=label), pairs_won(own)),
        "top1": (partial(measures.lpr_top1, language=label), top_if_relevant(own)),
        "any": (partial(measures.lpr_any, language=label, leading=leading), top_in(own)),
        "LangNDCG": (
            partial(measures.lang_ndcg, language=label, cutoff=cutoff, gain=gain),
            gain_ratio(own, gain, cutoff),
        ),
        "RankDistance": (measures.rank_distance, distance),
        "StrongViolation": (partial(measures.strong_violation, language=label), violated(own)),
        "TLR": (partial(measures.tlr, language=label, cutoff=cutoff), found_in_others(own, cutoff)),
    }
    for part in PARTS:
        table[part] = (
            partial(measures.four_way, part=part, language=label, leading=leading),
            part_of_top(part, own),
        )
    return table


@st.composite
def pools(draw: st.DrawFn, largest: int = 6, grades: tuple[int, ...] = (0, 0, 1, 2), cut: bool = False) -> Pool:
    """Up to `largest` documents in three languages with few distinct scores; at least one is relevant.

    If `cut`, some of them are not retrieved.
    """
    size = draw(st.integers(1, largest))

    def column(values: st.SearchStrategy[int]) -> list[int]:
        return draw(st.lists(values, min_size=size, max_size=size))

    scores, judged = column(st.integers(0, draw(st.integers(0, 3)))), column(st.sampled_from(grades))
    judged[draw(st.integers(0, size - 1))] = 1
    twins = [d for d, twin in enumerate(column(st.integers(0, 4))) if twin == 0 and judged[d] == 0]
    listed = column(st.sampled_from([True, True, False])) if cut else [True] * size
    values = [float(score) if kept else -inf for score, kept in zip(scores, listed, strict=True)]
    return Pool(values, judged, column(st.integers(0, 2)), twins)


@settings(max_examples=250)
@given(
    found=st.booleans().flatmap(lambda cut: st.lists(pools(cut=cut), min_size=1, max_size=3)),
    ties=st.sampled_from(MODES),
    own=st.integers(0, 2),
    gain=st.sampled_from([0.0, 0.25, 0.5, 1.0]),
    cutoff=st.integers(1, 7),
)
def test_every_measure_is_read_from_the_top(
    found: list[Pool], ties: TieMode, own: int, gain: float, cutoff: int
) -> None:
    placements = placements_of(found, ties)
    leading = np.array([leading_in(pool, ties, own) for pool in found])
    for name, (measured, reading) in every_measure(own, gain, cutoff, leading).items():
        slow = [mean_where_defined(pool, ties, reading) for pool in found]
        assert_allclose(measured(placements), slow, rtol=1e-12, atol=1e-10, err_msg=f"{name}, {ties}, {found}")


@settings(max_examples=100)
@given(found=st.lists(pools(grades=(0, 1)), min_size=1, max_size=4), ties=st.sampled_from(MODES), own=st.integers(0, 2))
def test_identities(found: list[Pool], ties: TieMode, own: int) -> None:
    placements, label = placements_of(found, ties), LANGUAGES[own]
    leading = np.array([leading_in(pool, ties, own) for pool in found])
    parts = {part: measures.four_way(placements, part, label, leading) for part in PARTS}
    close = partial(assert_allclose, rtol=1e-12, atol=1e-10)
    close(sum(parts.values()), 100.0)
    close(parts["SR-QL"] + parts["SR-NQL"], 100 * measures.ndcg(placements, 1))
    close(parts["SR-QL"] + parts["NSR-QL"], measures.lpr_any(placements, label, leading))
    strict = measures.lang_ndcg(placements, label, 1, gain=0.0)
    close(parts["SR-QL"], 100 * np.nan_to_num(strict))
    with_own = ~np.isnan(strict)
    for cutoff in (1, 2, 10, None):
        full = measures.lang_ndcg(placements, label, cutoff, gain=1.0)
        close(full[with_own], measures.ndcg(placements, cutoff)[with_own])
        assert np.isnan(full[~with_own]).all()
    choice = ~np.isnan(measures.lpr(placements, label))
    top1 = measures.lpr_top1(placements, label)
    right, wrong = (parts[part][choice].sum() for part in ("SR-QL", "SR-NQL"))
    if ties != "expected" and right + wrong:
        close(np.nanmean(top1), 100 * right / (right + wrong))
    worst, best = measures.max_rank(placements), measures.rank_distance(placements)
    assert (best[~np.isnan(best)] <= worst[~np.isnan(best)] - 1).all()


@settings(max_examples=60)
@given(found=st.lists(pools(), min_size=1, max_size=3), ties=st.sampled_from(MODES), data=st.data())
def test_other_names_for_the_languages_change_nothing(found: list[Pool], ties: TieMode, data: st.DataObject) -> None:
    renamed = data.draw(st.permutations([EN, DE, ZH]))
    moved = [Pool(p.scores, p.grades, [renamed[code] for code in p.languages], p.duplicates) for p in found]
    before, after = placements_of(found, ties), placements_of(moved, ties)
    for own in (EN, DE, ZH):
        leading = np.array([leading_in(pool, ties, own) for pool in found])
        old, new = every_measure(own, 0.5, 3, leading), every_measure(renamed[own], 0.5, 3, leading)
        for name in old:
            assert_allclose(old[name][0](before), new[name][0](after), err_msg=name)


# By hand.


def ranking(text: str, **options: Any) -> Pool:
    """`de*` is a relevant German document, `de` an unrelated one; best first, without ties."""
    words = text.split()
    codes = [LANGUAGES.index(word.rstrip("*")) for word in words]
    return Pool([-float(i) for i in range(len(words))], [int("*" in word) for word in words], codes, **options)


def test_the_first_of_the_versions_counts_wherever_it_stands() -> None:
    found = placements_of([ranking("en zh de* en* zh*"), ranking("en* de* zh*"), ranking("zh en* de* zh*")])
    assert measures.lpr(found, "de").tolist() == [100.0, 0.0, 0.0]
    assert measures.lpr_pair(found, "de").tolist() == [100.0, 50.0, 50.0]
    assert_allclose(measures.lpr_top1(found, "de"), [nan, 0.0, nan])
    assert measures.lpr_any(found, "zh", np.array([0.0, 0.0, 1.0])).tolist() == [0.0, 0.0, 100.0]


def test_the_four_parts() -> None:
    pools = [ranking("de* en* de"), ranking("en* de* de"), ranking("de de* en*"), ranking("en de* en*")]
    leading = np.array([0.0, 1.0, 1.0, 0.0])
    split = [measures.four_way(placements_of(pools), part, "de", leading).tolist() for part in PARTS]
    assert split == (100 * np.eye(4)).tolist()


def test_lang_ndcg_of_two_versions() -> None:
    found = placements_of([ranking("de* en* de en"), ranking("en* de* de en"), ranking("en en* de de*")])
    ideal, swapped = 1 + 0.5 / log2(3), 0.5 + 1 / log2(3)
    deep = 0.5 / log2(3) + 1 / log2(5)
    assert_allclose(measures.lang_ndcg(found, "de", 10), [1.0, swapped / ideal, deep / ideal], rtol=1e-14)
    assert_allclose(measures.lang_ndcg(found, "de", 10, gain=0.0), [1.0, 1 / log2(3), 1 / log2(5)], rtol=1e-14)
    assert_allclose(measures.lang_ndcg(found, "de", 1), [1.0, 0.5, 0.0])


def test_grades_weigh_in_lang_ndcg() -> None:
    # English grade 3 at half gain outweighs German grade 1.
    pool = Pool([2.0, 1.0], [1, 3], [DE, EN])
    wanted = (1 + 1.5 / log2(3)) / (1.5 + 1 / log2(3))
    assert measures.lang_ndcg(placements_of([pool]), "de")[0] == pytest.approx(wanted)


def test_distance_and_strong_alignment_by_hand() -> None:
    texts = ["de* en* de en", "en* en en de*", "de en* de*", "en* de de*", "en* de* de*", "de* de* de"]
    found = placements_of([ranking(text) for text in texts])
    assert_allclose(measures.rank_distance(found), [1, 3, 1, 2, 2, 1])
    assert_allclose(measures.strong_violation(found, "de"), [0, 0, 1, 1, 0, nan])
    assert np.isnan(measures.rank_distance(placements_of([ranking("en de*")]))).all()
    assert np.isnan(measures.strong_violation(placements_of([ranking("en* de*")]), "fr")).all()


def test_target_languages_recall_by_hand() -> None:
    pools = [ranking(text) for text in ("de* en* zh en zh*", "en* zh* de*", "zh de* en zh*", "de* en zh")]
    found = placements_of(pools)
    assert_allclose(measures.tlr(found, "de", 2), [0.5, 1.0, 0.0, nan])
    assert_allclose(measures.tlr(found, "de", 20), [1.0, 1.0, 1.0, nan])
    # Without the query's language in the pool it is recall.
    assert_allclose(measures.tlr(found, "fr", 2), measures.recall(found, 2))
    # Of four tied documents two are relevant, one of them German: each is among the first two with probability 1/2.
    tied = placements_of([Pool([1.0] * 4, [1, 1, 0, 0], [DE, EN, DE, EN])], "expected")
    assert_allclose(measures.tlr(tied, "de", 2), [0.5])
    with pytest.raises(UsageError, match="the cutoff is 0"):
        measures.tlr(found, "de", 0)


def test_duplicates_of_an_answer_do_not_violate() -> None:
    assert measures.strong_violation(placements_of([ranking("de de* en*", duplicates=[0])]), "de").tolist() == [0.0]


def test_tied_violations_by_hand() -> None:
    # The German document is in random order with one answer; two of them with two answers, and a Chinese one.
    pools = [Pool([1.0, 1.0], [1, 0], [EN, DE]), Pool([1.0] * 5, [1, 1, 0, 0, 0], [EN, DE, DE, DE, ZH])]
    for ties, wanted in (("index", [0, 0]), ("pessimistic", [1, 1]), ("trec", [1, 1]), ("expected", [1 / 2, 5 / 6])):
        found = measures.strong_violation(placements_of(pools, ties), "de")  # type: ignore[arg-type]
        assert found.tolist() == pytest.approx(wanted), ties


@pytest.mark.parametrize("languages", [1, 2, 3])
def test_a_constant_scorer_is_at_chance(languages: int) -> None:
    """One answer in each language and as many unrelated documents in each, all tied."""
    codes = list(range(languages)) * 2
    pool = Pool([0.0] * len(codes), [1] * languages + [0] * languages, codes)
    found = placements_of([pool], "expected")
    if languages == 1:
        assert np.isnan(
            [measures.lpr(found, "en"), measures.lpr_pair(found, "en"), measures.lpr_top1(found, "en")]
        ).all()
        return
    for label in LANGUAGES[:languages]:
        assert measures.lpr(found, label)[0] == pytest.approx(100 / languages)
        assert measures.lpr_top1(found, label)[0] == pytest.approx(100 / languages)
        assert measures.lpr_any(found, label, np.array([nan]))[0] == pytest.approx(100 / languages)
        assert measures.lpr_pair(found, label)[0] == pytest.approx(50)
        for part, share in zip(PARTS, (1, languages - 1, 1, languages - 1), strict=True):
            value = measures.four_way(found, part, label, np.array([nan]))[0]
            assert value == pytest.approx(50 * share / languages)


def test_a_random_ranker_is_near_chance() -> None:
    rng = np.random.default_rng(7)
    pools = [
        Pool(rng.permutation(12).astype(float).tolist(), [1, 1, 1] + [0] * 9, [EN, DE, ZH] * 4) for _ in range(1500)
    ]
    found = placements_of(pools)
    # Three standard errors of a share of 1500.
    assert np.mean(measures.lpr(found, "zh")) == pytest.approx(100 / 3, abs=3.7)
    assert np.mean(measures.lpr_pair(found, "zh")) == pytest.approx(50, abs=3.7)
    assert np.mean(measures.four_way(found, "SR-QL", "zh")) == pytest.approx(100 / 12, abs=2.2)
    assert np.mean(measures.rank_distance(found)) == pytest.approx(13 / 2, abs=0.25)


def test_what_cannot_be_computed_is_refused() -> None:
    found = placements_of([ranking("de* en*")])
    with pytest.raises(UsageError, match="NSR-QL needs to know which language leads"):
        measures.four_way(found, "NSR-QL", "de")
    with pytest.raises(UsageError, match="unknown part 'QL'; expected one of SR-QL"):
        measures.four_way(found, "QL", "de")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"the gain is 1\.5, but must lie between 0 and 1"):
        measures.lang_ndcg(found, "de", gain=1.5)
    with pytest.raises(UsageError, match="the cutoff is 0"):
        measures.lang_ndcg(found, "de", 0)


# By name.


def named(name: str, placements: Placements, query: str, **options: Any) -> Any:
    return evaluate_measure(
        parse([name])[0], placements, pivot="en", query_language=query, other_language=None, **options
    )


def test_names_need_the_language_of_the_query_and_another() -> None:
    found = placements_of([ranking("zh* de* en*")])
    own = [name for name in NAMED if name not in ("RankDistance", "TLR@2", "nDCG@1")]
    leading = np.zeros(1)
    assert all(named(name, found, "fr", leading=leading) is None for name in own)
    assert all(named(name, found, "zh", leading=leading) is not None for name in own)
    assert named("LangNDCG(gain=0)@1", found, "de").tolist() == [0.0]
    assert [named("TLR@2", found, label).tolist() for label in ("fr", "zh", "en")] == [[2 / 3], [0.5], [1.0]]
    assert named("TLR@2", replace(found, languages=("en",)), "en") is None
    assert named("LangNDCG@1", found, "de").tolist() == [0.5]
    assert named("LPR(variant=pair)", found, "de").tolist() == [50.0]
    assert named("LPR(variant=any)", found, "zh", leading=leading).tolist() == [100.0]
    for name in ("LPR(variant=any)", "FourWay(NSR-QL)", "FourWay(NSR-NQL)"):
        with pytest.raises(MeasureError, match="cannot be computed from placements: it needs result lists"):
            named(name, found, "de")


def test_counts_alone_give_what_needs_no_language_of_queries() -> None:
    documents = np.array([[1, 0], [0.8, 0.6], [0, 1]], dtype=np.float32)
    ranks = cm.rank_relevant(documents[:1], documents, [[0, 2]], languages=["en", "de", "de"])
    assert cm.measure(ranks, ["RankDistance"])["RankDistance"].tolist() == [2.0]
    for name in NAMED:
        if name not in ("RankDistance", "nDCG@1"):
            with pytest.raises(MeasureError, match="needs the languages of queries"):
                cm.measure(ranks, [name])


def test_explanations_say_whose_the_definition_is() -> None:
    for measure in parse(NAMED):
        assert ("[our definition]" in measure.summary) == (measure.name not in ("nDCG", "RankDistance", "TLR"))
        assert ("arXiv 2605.07249" in measure.summary) == (measure.name in ("LPR", "LangNDCG", "FourWay"))
