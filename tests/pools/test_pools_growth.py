"""Many pools from one scan: each is, bit for bit, what it would be by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.parallel_texts import TextEncoder, parallel_collection

import clinometer as cm
from clinometer import Collection, pools
from clinometer.errors import CollectionError, UsageError
from clinometer.pools import growth
from clinometer.scanning.scan import Scan
from clinometer.scorers import EmbeddedScorer, ScanOptions, Scored

MEASURES = ["MaxR", "MaxRnorm", "Complete@3", "nDCG@10", "RankGap", "Intrusion", "Intrusion(by=own)", "LangShare@3",
            "LPR(variant=any)", "FourWay(NSR-QL)", "LanguageGap(RR)"]  # fmt: skip
TIES = ["index", "trec", "optimistic", "pessimistic"]


class Counted(EmbeddedScorer):
    """A scorer that notes each scan of its collection."""

    def __init__(self, scans: list[int], tied: bool) -> None:
        super().__init__(TextEncoder(tied=tied))
        self._scans = scans

    def score(self, collection: Collection, options: ScanOptions = ScanOptions()) -> Scored:
        scored = super().score(collection, options)

        def noting(**request: Any) -> Scan:
            self._scans.append(len(collection.documents))
            return scored.scan(**request)

        return Scored(noting, scored.record)


@pytest.mark.parametrize("ties", TIES)
@settings(max_examples=5)
@given(seed=st.integers(0, 100), tied=st.booleans(), gaps=st.sampled_from([0.0, 0.4]))
def test_pools_of_one_collection_from_one_scan(ties: Any, seed: int, tied: bool, gaps: float) -> None:
    whole = parallel_collection(10, seed=seed, gaps=gaps)
    made = {
        "whole": whole,
        "skewed": pools.skew(whole, {"en": 0.6}, queries="any", seed=seed),
        "other way": pools.skew(whole, {"de": 0.5, "en": 0.2}, queries="any", seed=seed),
        "partly": pools.translate_partly(whole, 0.4, rest="random", seed=seed),
        "two languages": whole.restrict(["en", "zh"]),
    }
    scans: list[int] = []
    options: Any = {"measures": MEASURES, "ties": ties, "resamples": 50}
    found = pools.evaluate_pools(whole, made, Counted(scans, tied), **options)
    assert scans == [len(whole.documents)]
    for name, pool in made.items():
        alone = cm.evaluate(pool, TextEncoder(tied=tied), **options)
        assert found[name].rows == alone.rows
        assert found[name].collection == alone.collection
        assert found[name].notices == alone.notices
        for column, values in alone.per_query.items():
            np.testing.assert_array_equal(found[name].per_query[column], values)


def test_languages_of_nested_pools_can_be_chosen() -> None:
    whole = parallel_collection(10)
    made = {"skewed": pools.skew(whole, {"en": 0.6})}
    found = pools.evaluate_pools(whole, made, TextEncoder(), languages=["en", "de"], measures=["MaxR"])
    alone = cm.evaluate(made["skewed"], TextEncoder(), languages=["en", "de"], measures=["MaxR"])
    assert found["skewed"].rows == alone.rows


def test_pools_that_are_no_parts_are_refused() -> None:
    whole = parallel_collection(6)
    for part, said in (
        (pools.near_duplicates(whole, 0.5), "'near-duplicate:en:"),
        (pools.untranslated(whole, 0.5), "or has another text"),
        (parallel_collection(7), "'en:6' is missing"),
    ):
        with pytest.raises(CollectionError, match=said):
            pools.evaluate_pools(whole, {"part": part}, TextEncoder())
    # The same documents, of which less is judged, hold the pool; the other way round they do not.
    less, more = (pools.near_duplicates(whole, 0.5, judged=flag) for flag in (False, True))
    assert pools.evaluate_pools(more, {"less": less}, TextEncoder(), measures=["MaxR"])["less"].rows
    with pytest.raises(CollectionError, match="a judgement that the whole lacks"):
        pools.evaluate_pools(less, {"more": more}, TextEncoder())


@pytest.mark.parametrize("ties", TIES)
@settings(max_examples=5)
@given(seed=st.integers(0, 100), tied=st.booleans())
def test_growing_pools_from_one_scan(ties: Any, seed: int, tied: bool) -> None:
    collection, more = parallel_collection(6, seed=seed), parallel_collection(60, ("zh", "en", "de"), seed=seed + 1)
    sizes = [18, 24, 60, 99]
    scans: list[int] = []
    options: Any = {"measures": MEASURES, "ties": ties, "resamples": 50, "seed": seed}
    rows = cm.pool_growth(collection, Counted(scans, tied), {"more": more}, sizes, scenario="multilingual", **options)
    assert scans == [99]
    for size in sizes:
        pool = pools.distract(collection, {"more": more}, size=size, seed=seed)
        alone = cm.evaluate(pool, TextEncoder(tied=tied), scenarios=["multilingual"], **options).rows
        assert [row for row in rows if row["size"] == size] == [{"size": size, **row} for row in alone]
        assert {row["documents"] for row in alone} == {size}


@pytest.mark.parametrize("scenario", ["multi", "one-sided", "mono-cross", "multilingual"])
@settings(max_examples=6)
@given(seed=st.integers(0, 100), gaps=st.sampled_from([0.0, 0.5]))
def test_each_scenario_and_uneven_collections(scenario: str, seed: int, gaps: float) -> None:
    collection, more = parallel_collection(8, ("en", "de"), seed=seed, gaps=gaps), parallel_collection(60, ("de", "en"))
    sizes = [len(collection.documents) + extra for extra in (0, 7, 50)]
    if scenario == "mono-cross":
        sizes = [8, 20]
        collection = parallel_collection(8, ("en", "de"), seed=seed)
    options: Any = {"measures": MEASURES, "resamples": 20}
    rows = cm.pool_growth(collection, TextEncoder(), {"more": more}, sizes, scenario=scenario, **options)
    for size in sizes:
        whole = size if scenario != "mono-cross" else 2 * size
        pool = pools.distract(collection, {"more": more}, size=whole)
        alone = cm.evaluate(pool, TextEncoder(), scenarios=[scenario], **options).rows
        assert [row for row in rows if row["size"] == size] == [{"size": size, **row} for row in alone]


def test_embeddings_are_distractors_too(tmp_path: Path) -> None:
    collection, encoder = parallel_collection(6), TextEncoder()
    draw = np.random.default_rng(0)
    noise = {label: draw.normal(size=(40, 4)).astype(np.float16) for label in ("en", "de", "zh", "fr")}
    np.save(tmp_path / "de.npy", noise["de"])
    given: dict[str, Any] = {
        **noise,
        "de": np.load(tmp_path / "de.npy", mmap_mode="r"),
        "zh": [noise["zh"][:9], noise["zh"][9:]],
    }
    rows = cm.pool_growth(collection, encoder, given, [18, 30, 90], scenario="multilingual", measures=MEASURES)
    documents = encoder.encode_documents(collection.documents.texts)
    for size in (18, 30, 90):
        each = size // 3 - 6
        builder = cm.CollectionBuilder("larger")
        texts = collection.documents
        for row in range(len(texts)):
            builder.add_document(texts.ids[row], texts.texts[row], texts.languages[row], texts.groups[row])
        for label in ("en", "de", "zh"):
            for number in range(each):
                builder.add_document(f"{label}-noise-{number}", f"{label} {number}", label)
        queries = collection.queries
        for row in range(len(queries)):
            builder.add_query(queries.ids[row], queries.texts[row], queries.languages[row], queries.groups[row])
            for at in range(collection.indptr[row], collection.indptr[row + 1]):
                builder.judge(queries.ids[row], texts.ids[collection.judged[at]], int(collection.grades[at]))
        vectors = np.concatenate([documents, *(noise[label][:each].astype(np.float32) for label in ("en", "de", "zh"))])
        precomputed = cm.encoders.PrecomputedEncoder(encoder.encode_queries(queries.texts), vectors)
        alone = cm.evaluate(builder.build(), precomputed, scenarios=["multilingual"], measures=MEASURES)
        assert [row for row in rows if row["size"] == size] == [{"size": size, **row} for row in alone.rows]


def test_texts_come_before_embeddings_and_only_what_is_needed_is_encoded() -> None:
    collection, more = parallel_collection(4, ("en", "de")), parallel_collection(10, ("en", "de"))
    seen: list[int] = []

    class Counting(TextEncoder):
        def encode_documents(self, texts: Any, *, show_progress_bar: bool = False) -> Any:
            seen.append(len(texts))
            return super().encode_documents(texts)

    noise = {"en": np.ones((5, 4), np.float32), "de": np.ones((5, 4), np.float32)}
    cm.pool_growth(collection, Counting(), [more, noise], [12, 14], measures=["MaxR"])
    assert 14 in seen
    seen.clear()
    rows = cm.pool_growth(collection, Counting(), [noise, more], [12, 26], measures=["MaxR"])
    assert 20 in seen
    assert {row["documents"] for row in rows if row["size"] == 26} == {26}


def test_what_cannot_grow_is_refused() -> None:
    collection, encoder = parallel_collection(6, ("en", "de")), TextEncoder()
    noise = {"en": np.ones((5, 4), np.float32), "de": np.ones((3, 4), np.float32)}
    calls: list[tuple[Any, str]] = [
        (lambda: cm.pool_growth(collection, encoder, noise, [11]), "below the 12 documents"),
        (lambda: cm.pool_growth(collection, encoder, noise, [20]), "de has 3 of 4"),
        (lambda: cm.pool_growth(collection, encoder, noise, []), "sizes is empty"),
        (lambda: cm.pool_growth(collection, encoder, noise, [14], ties="trec"), "trec"),
        (lambda: cm.pool_growth(collection, encoder, 3, [14]), "distractors cannot be a int"),
        (lambda: cm.pool_growth(collection, encoder, noise, [14], scenario="none"), "unknown scenario 'none'"),
        (lambda: cm.pool_growth(collection, "bm25", noise, [14]), "this scorer needs texts"),
    ]
    for call, said in calls:
        with pytest.raises(UsageError, match=said):
            call()


def test_growth_measures_have_values() -> None:
    collection, more = parallel_collection(6), parallel_collection(30)
    rows = cm.pool_growth(collection, TextEncoder(), more, [12, 40])
    assert {row["measure"] for row in rows} == set(growth.GROWTH_MEASURES)
