"""Against other means to the same end: full sorts, trec_eval, brute force, chance, and figures made elsewhere."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product
from typing import Any

import ir_measures
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from numpy.typing import NDArray
from support.brute_force import (
    Pool,
    collection_of,
    columns,
    embeddings,
    fused,
    fused_exactly,
    ordered,
    pools_of,
    random_collection,
    rank_of,
    scores_of,
    unit_rows,
)

import clinometer as cm
from clinometer import Collection, Evaluation, _core
from clinometer.encoders import PrecomputedEncoder
from clinometer.scanning.counts import TIE_MODES, TieMode
from clinometer.scenarios import SCENARIOS, Setting, settings_of

STANDARD = ("nDCG", "nDCG@1", "nDCG@3", "RR", "AP", "AP@3", "R@2", "R@5", "P@1", "P@5", "Success@1", "Success@4")
seeds = st.integers(0, 1 << 20)


# The canonical score.


@given(st.lists(st.floats(width=32, min_value=-4, max_value=4), min_size=3, max_size=3))
def test_the_reference_rounds_a_fused_step_once(triple: list[float]) -> None:
    a, b, c = (np.array([x], dtype=np.float32) for x in triple)
    assert float(fused(a, b, c)[0]) == fused_exactly(*triple)


def test_the_reference_is_not_fooled_by_rounding_twice() -> None:
    # In float64 the sum is rounded to half-way between two float32, and from there to the wrong one.
    a, b, c = 2.0**-30 + 2.0**-50, 2.0**-30, 1.0 + 2.0**-23
    half = 2.0**-24
    for one, two, three in ((a, b, c), (half, 1 + 2.0**-23, 1.0), (-half, 1 - 2.0**-24, 1.0)):
        found = fused(*(np.array([x], dtype=np.float32) for x in (one, two, three)))
        assert float(found[0]) == fused_exactly(*(float(np.float32(x)) for x in (one, two, three)))
    twice = np.float32(np.float64(np.float32(half)) * np.float64(np.float32(1 + 2.0**-23)) + 1.0)
    assert twice == fused_exactly(half, float(np.float32(1 + 2.0**-23)), 1.0) == 1 + 2.0**-23


@settings(max_examples=40)
@given(seed=seeds, dimension=st.integers(1, 40), similarity=st.sampled_from(["cosine", "dot"]))
def test_scores_are_the_canonical_chain(seed: int, dimension: int, similarity: Any) -> None:
    queries, documents = embeddings(seed, 3, dimension, False), embeddings(seed + 1, 20, dimension, False)
    wanted = scores_of(queries, documents, similarity)
    for kernel in _core.instruction_sets():
        top = cm.search(queries, documents, k=20, similarity=similarity, kernel=kernel)
        found = np.empty_like(wanted)
        np.put_along_axis(found, top.ids, top.scores, axis=1)
        assert found.tobytes() == wanted.tobytes()


def test_rows_are_scaled_by_the_fixed_rule() -> None:
    rows = embeddings(1, 50, 33, False)
    unit = np.zeros((1, 33), dtype=np.float32)
    for component in range(33):
        unit[:] = 0
        unit[0, component] = 1
        top = cm.search(unit, rows, k=50)
        assert_array_equal(top.scores[0][np.argsort(top.ids[0])], unit_rows(rows)[:, component])


@settings(max_examples=60)
@given(seed=seeds, dimension=st.integers(1, 9), tied=st.booleans(), similarity=st.sampled_from(["cosine", "dot"]))
def test_ranks_are_those_of_a_full_sort(seed: int, dimension: int, tied: bool, similarity: Any) -> None:
    rng = np.random.default_rng(seed)
    queries, documents = embeddings(seed + 1, 3, dimension, tied), embeddings(seed + 2, 30, dimension, tied)
    languages = np.array(["en", "de", "zh"])[rng.integers(0, 3, 30)]
    ids = [f"d{number}" for number in rng.permutation(30)]
    relevant = [rng.choice(30, 4, replace=False) for _ in range(3)]
    scores = scores_of(queries, documents, similarity)
    ties: Any
    for ties in TIE_MODES:
        counts = cm.rank_relevant(
            queries, documents, relevant, languages, ties=ties, document_ids=ids, similarity=similarity
        )
        for pool in (["en"], ["de", "zh"], ["en", "de", "zh"]):
            rows = np.flatnonzero(np.isin(languages, pool)).tolist()
            names = [ids[row] for row in rows]
            known = [label for label in pool if label in counts.languages]
            for query, target, rank in zip(
                np.repeat(range(3), 4), np.concatenate(relevant), counts.ranks(known), strict=True
            ):
                wanted = rank_of(scores[query][rows], rows.index(target), ties, names) if target in rows else 0
                assert rank == wanted


@settings(max_examples=40)
@given(seed=seeds, tied=st.booleans(), ties=st.sampled_from(["index", "trec"]), k=st.integers(1, 40))
def test_lists_are_the_head_of_a_full_sort(seed: int, tied: bool, ties: TieMode, k: int) -> None:
    rng = np.random.default_rng(seed)
    queries, documents = embeddings(seed + 1, 3, 3, tied), embeddings(seed + 2, 30, 3, tied)
    languages = np.array(["en", "de", "zh"])[rng.integers(0, 3, 30)]
    ids = [f"d{number}" for number in rng.permutation(30)] if rng.random() < 0.5 else None
    scores = scores_of(queries, documents)
    options: dict[str, Any] = {"k": k, "ties": ties, "document_ids": ids}
    whole = cm.search(queries, documents, **options)
    split = cm.search(queries, documents, languages=languages, per_language=True, **options)
    assert split.languages is not None
    for query in range(3):
        order = ordered(scores[query], ties, ids)
        assert_array_equal(whole.ids[query], padded(order, k))
        for label in split.languages:
            kept = order[languages[order] == label]
            assert_array_equal(split.pool([label]).ids[query], padded(kept, k))
            others = order[languages[order] != label]
            rest = [other for other in split.languages if other != label]
            assert_array_equal(split.pool(rest).ids[query], padded(others, k))


def padded(order: NDArray[np.int64], k: int) -> list[int]:
    return [*order[:k].tolist(), *[-1] * (k - len(order))]


# Whole evaluations.


def evaluated(
    collection: Collection, seed: int, tied: bool, measures: Iterable[str], ties: TieMode, **options: Any
) -> tuple[Evaluation, NDArray[np.float32]]:
    dimension = 2 if tied else 5
    queries = embeddings(seed + 1, len(collection.queries), dimension, tied)
    documents = embeddings(seed + 2, len(collection.documents), dimension, tied)
    encoder = PrecomputedEncoder(queries, documents)
    found = cm.evaluate(collection, encoder, measures=measures, ties=ties, resamples=0, **options)
    return found, scores_of(queries, documents)


def all_settings(collection: Collection, pairs: str = "all") -> list[Setting]:
    return settings_of(SCENARIOS, collection.languages, "en", pairs)


@settings(max_examples=25)
@given(seed=seeds, tied=st.booleans())
def test_standard_measures_equal_trec_eval_in_every_scenario(seed: int, tied: bool) -> None:
    collection = random_collection(seed)
    found, scores = evaluated(collection, seed, tied, STANDARD, "trec", pairs="all")
    wanted = {str(measure): measure for measure in map(ir_measures.parse_measure, STANDARD)}
    names = collection.documents.ids
    for setting in all_settings(collection):
        pools = pools_of(collection, setting)
        run = {str(p.query): {names[row]: float(scores[p.query, row]) for row in p.documents} for p in pools}
        qrels = {str(p.query): {names[row]: grade for row, grade in p.grades.items()} for p in pools}
        trec: dict[str, dict[str, float]] = {name: {} for name in wanted}
        for one in ir_measures.pytrec_eval.iter_calc(wanted.values(), qrels, run) if pools else ():
            trec[str(one.measure)][collection.queries.ids[int(one.query_id)]] = one.value
        for name in wanted:
            assert columns(found, setting, name) == pytest.approx(trec[name], abs=1e-9), (setting, name)


def test_the_oracle_sees_the_tie_order() -> None:
    """trec_eval puts the greater id first: with `index` the same evaluation must differ."""
    collection = random_collection(4)
    options: dict[str, Any] = {"scenarios": ["multilingual"], "languages": None}
    by_trec, _ = evaluated(collection, 4, True, ["RR"], "trec", **options)
    by_index, _ = evaluated(collection, 4, True, ["RR"], "index", **options)
    assert by_trec.per_query["RR"].tolist() != by_index.per_query["RR"].tolist()


@settings(max_examples=30)
@given(seed=seeds, tied=st.booleans(), ties=st.sampled_from(TIE_MODES))
def test_every_sub_pool_ranks_as_if_scanned_alone(seed: int, tied: bool, ties: TieMode) -> None:
    """MaxR of one scan over all languages equals the greatest rank of a scan of each query's own pool."""
    collection = random_collection(seed)
    measures = ["MaxR", "RR"] if ties != "expected" else ["MaxR"]
    found, _ = evaluated(collection, seed, tied, measures, ties, pairs="all")
    dimension = 2 if tied else 5
    queries = embeddings(seed + 1, len(collection.queries), dimension, tied)
    documents = embeddings(seed + 2, len(collection.documents), dimension, tied)
    for setting in all_settings(collection):
        values = {name: columns(found, setting, name) for name in measures}
        pools = pools_of(collection, setting)
        assert values["MaxR"].keys() == {collection.queries.ids[pool.query] for pool in pools}
        for pool in pools:
            alone = scanned_alone(collection, pool, queries, documents, ties)
            query = collection.queries.ids[pool.query]
            if ties == "expected":
                if len(pool.grades) == 1:
                    assert values["MaxR"][query] == alone.ranks()[0]
            elif ties in ("index", "trec") or len(pool.grades) == 1:
                assert values["MaxR"][query] == alone.ranks().max()
                assert values["RR"][query] == pytest.approx(1 / alone.ranks().min())


def scanned_alone(
    collection: Collection, pool: Pool, queries: NDArray[Any], documents: NDArray[Any], ties: TieMode
) -> cm.RankCounts:
    return cm.rank_relevant(
        queries[pool.query : pool.query + 1],
        documents[pool.documents],
        [[pool.documents.index(row) for row in pool.grades]],
        ties=ties,
        document_ids=[collection.documents.ids[row] for row in pool.documents],
    )


@settings(max_examples=25)
@given(seed=seeds, tied=st.booleans(), ties=st.sampled_from(["index", "trec"]))
def test_language_measures_equal_a_walk_down_the_sorted_pool(seed: int, tied: bool, ties: TieMode) -> None:
    collection = random_collection(seed)
    measures = [
        "MaxR", "MaxRnorm", "Complete@3", "RankGap", "PivotFirst", "Intrusion", "IntrusionCount", "Intrusion(by=own)",
        "IntrusionCount(by=own)", "LangShare@4", "LangShare(lang=de)@4",
    ]  # fmt: skip
    found, scores = evaluated(collection, seed, tied, measures, ties)
    for setting in all_settings(collection, "pivot"):
        values = {name: columns(found, setting, name) for name in measures}
        mirrored = {pool.query: pool for pool in pools_of(collection, setting.mirrored())} if setting.removed else {}
        for pool in pools_of(collection, setting):
            query = collection.queries.ids[pool.query]
            wanted = walk(collection, setting, pool, scores[pool.query], ties)
            own = mirrored.get(pool.query) if setting.removed else pool
            if own is not None:
                walked = walk(collection, setting, own, scores[pool.query], ties)
                wanted |= {name: value for name, value in walked.items() if "by=own" in name}
            else:
                wanted |= {"Intrusion(by=own)": np.nan, "IntrusionCount(by=own)": np.nan}
            for name in measures:
                assert values[name][query] == pytest.approx(wanted[name], nan_ok=True), (setting, query, name)


def walk(collection: Collection, setting: Setting, pool: Pool, scores: NDArray[Any], ties: str) -> dict[str, float]:
    """All language measures of one query, read off the sorted list of its pool; NaN where one is not defined."""
    rows = np.array(pool.documents)
    order = rows[ordered(scores[rows], ties, [collection.documents.ids[row] for row in rows])].tolist()
    language = collection.documents.languages
    rank = {row: place for place, row in enumerate(order, 1)}
    worst, m = max(rank[row] for row in pool.grades), len(pool.grades)
    best = {
        label: min((rank[row] for row in pool.grades if language[row] == label), default=np.nan)
        for label in setting.pool
    }
    size = len(order)
    norm = 100.0 if m == size else 100 * (np.log2(size) - np.log2(worst)) / (np.log2(size) - np.log2(m))
    found = {"MaxR": worst, "MaxRnorm": norm, "Complete@3": 100.0 * (worst <= 3)}
    asked = setting.query_language
    other = setting.other or ("en" if len(setting.pool) > 1 and asked != "en" else None)

    def intruders(answer: str, intruder: str) -> float:
        if answer not in best or intruder not in setting.pool or np.isnan(best[answer]):
            return float("nan")
        above = order[: int(best[answer]) - 1]
        return float(len([row for row in above if language[row] == intruder and row not in pool.related]))

    gap = first = count = own = np.nan
    if other is not None and {asked, other} <= set(setting.pool):
        target = other if asked == "en" else asked
        gap = float(np.log2(best[target]) - np.log2(best["en"]))
        first = np.nan if np.isnan(gap) else float(best["en"] < best[target])
        count, own = intruders(asked, other), intruders(other, asked)
    found |= {"RankGap": gap, "PivotFirst": first, "IntrusionCount": count, "IntrusionCount(by=own)": own}
    found |= {"Intrusion": np.sign(count), "Intrusion(by=own)": np.sign(own)}
    unrelated = [language[row] for row in order[:4] if row not in pool.related]
    for name, label in (("LangShare@4", "en"), ("LangShare(lang=de)@4", "de")):
        defined = len(setting.pool) > 1 and label in setting.pool and unrelated
        found[name] = unrelated.count(label) / len(unrelated) if defined else np.nan
    return found


@settings(max_examples=20)
@given(seed=seeds, tied=st.booleans(), ties=st.sampled_from(["index", "trec", "optimistic", "pessimistic"]))
def test_complete_is_whether_max_rank_is_within(seed: int, tied: bool, ties: TieMode) -> None:
    collection = random_collection(seed)
    found, _ = evaluated(collection, seed, tied, ["MaxR", "Complete@1", "Complete@3", "Complete@10"], ties)
    for cutoff in (1, 3, 10):
        assert_array_equal(found.per_query[f"Complete@{cutoff}"], 100.0 * (found.per_query["MaxR"] <= cutoff))
    for row in found.rows:
        if row["measure"] == "Complete@3" and row["value"] is not None and row["query_language"] in ("en", "de", "zh"):
            here = (found.per_query["scenario"] == row["scenario"]) & (
                found.per_query["pool_languages"] == "+".join(row["pool_languages"])
            )
            here &= found.per_query["query_language"] == row["query_language"]
            assert row["value"] == pytest.approx(100 * np.mean(found.per_query["MaxR"][here] <= 3))


# Chance.


def parallel_collection(topics: int, languages: tuple[str, ...] = ("en", "de")) -> Collection:
    pairs = list(product(range(topics), languages))
    documents = [(f"{label}{topic:03d}", f"text {topic} {label}", label) for topic, label in pairs]
    queries = [(f"q{label}{topic:03d}", label) for topic, label in pairs]
    judged = {
        (f"q{asked}{t:03d}", f"{label}{t:03d}"): 1 for t in range(topics) for asked in languages for label in languages
    }
    return collection_of(documents, queries, judged)


@pytest.mark.parametrize("topics", [1, 2, 24])
def test_a_constant_encoder_scores_at_chance_under_expected_ties(topics: int) -> None:
    collection = parallel_collection(topics)
    size = 2 * topics
    constant = PrecomputedEncoder(np.ones((size, 3), np.float32), np.ones((size, 3), np.float32))
    measures = ["MaxR", "Complete@10", "PivotFirst", "RankGap", "RR", "R@1", "nDCG@1", "Intrusion", "IntrusionCount"]
    found = cm.evaluate(
        collection, constant, scenarios=["multi", "one-sided"], measures=measures, ties="expected", resamples=0
    )
    for label in ("en", "de"):

        def value(name: str, scenario: str = "multi", label: str = label) -> float | None:
            return found.value(name, scenario, label)

        assert value("MaxR") == pytest.approx(2 * (size + 1) / 3)
        within = min(10, size)
        assert value("Complete@10") == pytest.approx(100 * within * (within - 1) / (size * (size - 1)))
        assert value("PivotFirst") == pytest.approx(0.5)
        assert value("RankGap") == pytest.approx(0, abs=1e-12)
        assert value("R@1") == pytest.approx(1 / size)
        assert value("nDCG@1") == pytest.approx(2 / size)
        # One-sided: the answer and topics - 1 unrelated documents of the other language in random order.
        assert value("Intrusion", "one-sided") == pytest.approx((topics - 1) / topics)
        assert value("IntrusionCount", "one-sided") == pytest.approx((topics - 1) / 2)
        assert value("MaxR", "one-sided") == pytest.approx((2 * topics - 1 + 1) / 2)
    assert {
        row["ties"] for row in found.rows if row["query_language"] in ("en", "de") and row["scenario"] == "multi"
    } == {2 * topics}


def test_a_constant_encoder_is_ordered_as_the_tie_mode_says() -> None:
    collection = parallel_collection(3)
    constant = PrecomputedEncoder(np.ones((6, 3), np.float32), np.ones((6, 3), np.float32))
    best_ranks = {}
    for ties in ("index", "trec", "optimistic", "pessimistic"):
        found = cm.evaluate(collection, constant, scenarios=["multi"], measures=["MaxR", "RR"], ties=ties, resamples=0)
        best_ranks[ties] = (
            [round(1 / x) for x in found.per_query["RR"][:3]], found.per_query["MaxR"][:3].tolist()
        )  # fmt: skip
    assert collection.documents.ids == ("en000", "de000", "en001", "de001", "en002", "de002")
    assert best_ranks == {
        "index": ([1, 3, 5], [2, 4, 6]),
        # en002, en001, en000, de002, de001, de000
        "trec": ([3, 2, 1], [6, 5, 4]),
        "optimistic": ([1, 1, 1], [2, 2, 2]),
        "pessimistic": ([5, 5, 5], [6, 6, 6]),
    }


# Figures that were made elsewhere.


@pytest.fixture(scope="session")
def xquad(shared: Any) -> tuple[Collection, PrecomputedEncoder]:
    collection = cm.load(f"xquad:{shared / 'data' / 'xquad'}", languages=["en", "ar", "de", "th", "hi"])
    offline = cm.encoder("offline")
    queries, documents = (
        offline.encode_queries(collection.queries.texts),
        offline.encode_documents(collection.documents.texts),
    )
    return collection, PrecomputedEncoder(queries, documents, name="offline")


@pytest.mark.shared
@pytest.mark.timeout(900)  # encodes thousands of texts, however busy the machine is
def test_xquad_gives_the_independent_figures(xquad: tuple[Collection, PrecomputedEncoder]) -> None:
    collection, encoder = xquad
    found = cm.evaluate(
        collection, encoder, scenarios=["multi"], measures=["MaxR", "Complete@10", "nDCG@1"], resamples=0
    )
    figures = {
        "ar": (13.2, 80.2, 0.651),
        "de": (6.9, 91.3, 0.771),
        "th": (10.4, 86.5, 0.707),
        "hi": (338.5, 0.3, 0.049),
    }
    for label, (max_rank, complete, ndcg) in figures.items():
        assert found.value("MaxR", "multi", label) == pytest.approx(max_rank, abs=0.05)
        assert found.value("Complete@10", "multi", label) == pytest.approx(complete, abs=0.05)
        assert found.value("nDCG@1", "multi", label) == pytest.approx(ndcg, abs=0.0005)
    sizes = {(row["queries"], row["documents"]) for row in found.rows if row["query_language"] in figures}
    assert sizes == {(1190, 480)}
    assert found.notices == []


@pytest.mark.shared
@pytest.mark.timeout(900)  # encodes thousands of texts, however busy the machine is
def test_xquad_has_the_same_ranks_in_its_bilingual_pool_alone(xquad: tuple[Collection, PrecomputedEncoder]) -> None:
    collection, encoder = xquad
    pair = collection.restrict(["en", "th"])
    queries, documents = (
        np.flatnonzero(np.isin(texts.languages, ["en", "th"])) for texts in (collection.queries, collection.documents)
    )
    alone = PrecomputedEncoder(
        encoder.encode_queries(collection.queries.texts)[queries],
        encoder.encode_documents(collection.documents.texts)[documents],
    )
    measures = ["MaxR", "nDCG@10", "Intrusion", "Intrusion(by=own)", "LangShare@10"]
    scenarios = ["multi", "one-sided", "mono-cross"]
    whole = cm.evaluate(collection, encoder, scenarios=scenarios, measures=measures, resamples=0)
    small = cm.evaluate(pair, alone, scenarios=scenarios, measures=measures, resamples=0)
    for setting in settings_of(scenarios, ["en", "th"]):
        for measure in measures:
            if setting.scenario == "mono-cross" and measure not in ("MaxR", "nDCG@10"):
                continue
            assert columns(whole, setting, measure) == pytest.approx(
                columns(small, setting, measure), nan_ok=True, abs=0
            )
