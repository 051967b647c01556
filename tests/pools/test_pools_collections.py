"""Realistic pools: the same for the same seed, fewer a part of more, judgements that still hold, and true counts."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.parallel_texts import judgements, parallel_collection

from clinometer import Collection, CollectionBuilder, pools
from clinometer.errors import CollectionError, LanguageError, UsageError
from clinometer.pools.draws import sentences
from clinometer.pools.duplicates import edited
from clinometer.pools.switched import tokens

SEEDS = st.integers(0, 50)
SHARES = st.floats(0, 1)
STEPS: dict[str, Callable[[Collection, float, int], Collection]] = {
    "translate_partly": lambda c, share, seed: pools.translate_partly(c, share, seed=seed),
    "translate_partly random": lambda c, share, seed: pools.translate_partly(c, share, rest="random", seed=seed),
    "near_duplicates": lambda c, share, seed: pools.near_duplicates(c, share, seed=seed),
    "near_duplicates unjudged": lambda c, share, seed: pools.near_duplicates(c, share, judged=False, seed=seed),
    "untranslated": lambda c, share, seed: pools.untranslated(c, share, seed=seed),
    "untranslated half": lambda c, share, seed: pools.untranslated(c, share, how="half", seed=seed),
    "code_switch": lambda c, share, seed: pools.code_switch(c, share, seed=seed),
    "skew": lambda c, share, seed: pools.skew(c, {"en": 0.4 + 0.5 * share}, seed=seed, queries="any"),
}


def same(one: Collection, other: Collection) -> bool:
    return one.digest() == other.digest() and one.notes == other.notes and one.documents == other.documents


def pool_of(name: str) -> Collection:
    return STEPS[name](parallel_collection(gaps=0.3, seed=1), 0.5, 0)


@pytest.mark.parametrize("name", STEPS)
@settings(max_examples=15)
@given(seed=SEEDS, share=SHARES, gaps=st.sampled_from([0.0, 0.4]))
def test_the_same_for_the_same_seed_and_nothing_made_up(name: str, seed: int, share: float, gaps: float) -> None:
    collection = parallel_collection(seed=seed, gaps=gaps)
    before = collection.digest()
    pool = STEPS[name](collection, share, seed)
    assert same(pool, STEPS[name](collection, share, seed))
    assert collection.digest() == before
    assert "pool_1" not in collection.notes
    assert name.split()[0] in pool.notes["pool_1"]["made by"]
    assert name.split()[0] in pool.summary()
    assert pool.describe()["notes"] == pool.notes
    # Rows ascend within a query, every judgement names texts that are there, and none is new but those of duplicates.
    for query in range(len(pool.queries)):
        rows = pool.judged[pool.indptr[query] : pool.indptr[query + 1]]
        assert np.all(np.diff(rows) > 0)
    new = {item for item in judgements(pool) if not item[1].startswith("near-duplicate:")}
    assert new <= judgements(collection)
    assert set(pool.queries.ids) <= set(collection.queries.ids)


@pytest.mark.parametrize("name", [name for name in STEPS if not name.startswith(("skew", "untranslated", "code"))])
@settings(max_examples=15)
@given(seed=SEEDS, one=SHARES, other=SHARES)
def test_fewer_documents_are_a_part_of_more(name: str, seed: int, one: float, other: float) -> None:
    collection = parallel_collection(seed=seed, gaps=0.2)
    less, more = (STEPS[name](collection, share, seed) for share in sorted((one, other)))
    assert set(less.documents.ids) <= set(more.documents.ids)
    text_of = dict(zip(more.documents.ids, more.documents.texts, strict=True))
    assert all(text_of[name] == text for name, text in zip(less.documents.ids, less.documents.texts, strict=True))


@settings(max_examples=40)
@given(seed=SEEDS, english=st.floats(0.05, 0.9), german=st.floats(0, 0.09))
def test_shares_are_reached_within_one_document(seed: int, english: float, german: float) -> None:
    collection = parallel_collection(40, seed=seed, gaps=0.2)
    pool = pools.skew(collection, {"en": english, "de": german}, queries="any", seed=seed)
    size, counts = len(pool.documents), Counter(pool.documents.languages)
    for label, share in (("en", english), ("de", german), ("zh", 1 - english - german)):
        assert abs(counts[label] - share * size) < 1
    # No larger pool has these shares.
    available = Counter(collection.documents.languages)
    shares = {"en": english, "de": german, "zh": 1 - english - german}
    assert any(shares[label] * (size + 1) > available[label] for label in shares)


@settings(max_examples=20)
@given(seed=SEEDS, one=st.floats(0.4, 0.95), other=st.floats(0.4, 0.95))
def test_a_language_with_fewer_documents_keeps_a_part_of_what_it_would_keep(
    seed: int, one: float, other: float
) -> None:
    collection = parallel_collection(30, seed=seed)
    pools_made = [pools.skew(collection, {"en": share}, queries="any", seed=seed) for share in (one, other)]
    for label in ("en", "de", "zh"):
        kept = sorted(
            (
                {name for name, at in zip(pool.documents.ids, pool.documents.languages, strict=True) if at == label}
                for pool in pools_made
            ),
            key=len,
        )
        assert kept[0] <= kept[1]
    # What a small language has, a large one has too.
    groups: dict[str, set[str | None]] = {}
    for group, label in zip(pools_made[0].documents.groups, pools_made[0].documents.languages, strict=True):
        groups.setdefault(label, set()).add(group)
    smaller, larger = sorted((groups["en"], groups["de"]), key=len)
    assert smaller <= larger


def test_draws_do_not_depend_on_the_order_of_the_collection() -> None:
    collection = parallel_collection(20)
    order = np.random.default_rng(0).permutation(len(collection.documents))
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    spans = [
        np.sort(place[collection.judged[collection.indptr[q] : collection.indptr[q + 1]]])
        for q in range(len(collection.queries))
    ]
    shuffled = replace(collection, documents=collection.documents.take(order), judged=np.concatenate(spans))
    steps: list[Callable[[Collection], Collection]] = [
        lambda c: pools.skew(c, {"en": 0.7}),
        lambda c: pools.near_duplicates(c, 0.3),
        lambda c: pools.translate_partly(c, 0.3, rest="random"),
    ]
    for make in steps:
        assert set(make(collection).documents.ids) == set(make(shuffled).documents.ids)


@pytest.mark.parametrize("queries", ["complete", "own", "any"])
def test_queries_stay_as_was_asked_and_those_that_go_are_counted(queries: str) -> None:
    collection = parallel_collection(20, gaps=0.3, seed=3)
    pool = pools.skew(collection, {"de": 0.8}, queries=queries)  # type: ignore[arg-type]
    kept = set(pool.documents.ids)
    expected = []
    for query in range(len(collection.queries)):
        rows = collection.judged[collection.indptr[query] : collection.indptr[query + 1]]
        answers = [collection.documents.ids[row] for row in rows]
        own = [answer for answer in answers if answer.startswith(collection.queries.languages[query])]
        left = {
            "complete": all(answer in kept for answer in answers),
            "own": any(answer in kept for answer in own),
            "any": any(answer in kept for answer in answers),
        }
        if left[queries]:
            expected.append(collection.queries.ids[query])
    assert list(pool.queries.ids) == expected
    assert 0 < len(expected) < len(collection.queries)
    assert pool.notes["pool_1"]["queries left out"] == len(collection.queries) - len(expected)
    assert {item for item in judgements(collection) if item[0] in expected and item[1] in kept} == judgements(pool)


def test_shares_that_are_none_are_refused() -> None:
    collection = parallel_collection()
    for shares, said in (
        ({"en": 0.9, "de": 0.2}, "add up to 1.1"),
        ({"en": 0.9, "de": 0.1}, "leave nothing for zh"),
        ({"en": -0.1}, "en=-0.1"),
        ({}, "no share"),
        ({"en": 0.3, "de": 0.3, "zh": 0.3}, "add up to 0.9"),
    ):
        with pytest.raises(UsageError, match=re.escape(said)):
            pools.skew(collection, shares)
    with pytest.raises(LanguageError, match="the shares name fr"):
        pools.skew(collection, {"fr": 0.5})
    with pytest.raises(CollectionError, match="leaves no queries"):
        pools.skew(collection, {"en": 1, "de": 0, "zh": 0})
    with pytest.raises(UsageError, match="queries is 'none'"):
        pools.skew(collection, {"en": 0.5}, queries="none")  # type: ignore[arg-type]


def test_a_share_of_the_groups_is_translated() -> None:
    collection = parallel_collection(20)
    pool = pools.translate_partly(collection, 0.25)
    languages: dict[str | None, set[str]] = {}
    for group, label in zip(pool.documents.groups, pool.documents.languages, strict=True):
        languages.setdefault(group, set()).add(label)
    assert Counter(map(frozenset, languages.values())) == {frozenset({"en", "de", "zh"}): 5, frozenset({"en"}): 15}
    random = pools.translate_partly(collection, 0.0, rest="random")
    assert len(random.documents) == 20
    assert len(set(random.documents.languages)) == 3
    assert len(pools.translate_partly(collection, 0.0, queries="own").queries) == 20


def test_near_duplicates_keep_numbers_and_are_judged_or_not() -> None:
    collection = parallel_collection(20)
    judged, unjudged = (pools.near_duplicates(collection, 0.5, judged=flag) for flag in (True, False))
    assert judged.documents == unjudged.documents
    assert judgements(unjudged) == judgements(collection)
    text_of = dict(zip(judged.documents.ids, judged.documents.texts, strict=True))
    added = [name for name in judged.documents.ids if name.startswith("near-duplicate:")]
    assert Counter(judged.documents.languages) == {"en": 30, "de": 30, "zh": 30}
    for name in added:
        text, original = text_of[name], text_of[name.removeprefix("near-duplicate:")]
        assert text != original
        assert sorted(re.findall(r"\d+", text)) == sorted(re.findall(r"\d+", original))
    here = judgements(collection)
    copies = {(q, f"near-duplicate:{d}", g) for q, d, g in here if f"near-duplicate:{d}" in added}
    assert judgements(judged) == here | copies
    assert judged.notes["pool_1"]["judgements added"] == len(copies) == 90


@given(text=st.text(min_size=1, max_size=60).filter(str.strip), number=st.integers(0, 1000))
def test_every_edit_keeps_the_digits(text: str, number: int) -> None:
    for language in ("en", "th"):
        assert "".join(sentences(text, language)).strip() == text.strip()
        kind, new = edited(text, language, number)
        assert Counter(filter(str.isdigit, new)) == Counter(filter(str.isdigit, text))
        assert kind in ("dropped", "moved", "mark")


@pytest.mark.parametrize("how", ["labelled", "relabelled", "half"])
def test_untranslated_documents_have_the_text_of_the_pivot(how: str) -> None:
    collection = parallel_collection(20)
    pool = pools.untranslated(collection, 0.25, how=how)  # type: ignore[arg-type]
    changed = [row for row in range(60) if pool.documents.texts[row] != collection.documents.texts[row]]
    assert Counter(collection.documents.languages[row] for row in changed) == {"de": 5, "zh": 5}
    english = {group: text for group, text, label in zip(*_columns(collection), strict=True) if label == "en"}
    for row in changed:
        source, label = english[collection.documents.groups[row]], collection.documents.languages[row]
        if how == "half":
            assert f"Page {row % 20} in {label}." in pool.documents.texts[row]
            assert pool.documents.texts[row].endswith("The end of en.")
        else:
            assert pool.documents.texts[row] == source
        assert pool.documents.languages[row] == ("en" if how == "relabelled" else label)
    assert judgements(pool) == judgements(collection)


def _columns(collection: Collection) -> tuple[Sequence[str | None], Sequence[str], Sequence[str]]:
    return collection.documents.groups, collection.documents.texts, collection.documents.languages


@given(share=SHARES, more=SHARES)
@settings(max_examples=25)
def test_switched_tokens_are_those_of_the_pivot_and_more_replace_more(share: float, more: float) -> None:
    collection = parallel_collection(5)
    less, most = (pools.code_switch(collection, amount) for amount in sorted((share, more)))
    for row, label in enumerate(collection.queries.languages):
        text, own = less.queries.texts[row], collection.queries.texts[row].split()
        if label == "en":
            assert text == collection.queries.texts[row]
            continue
        english = collection.queries.texts[
            collection.queries.ids.index(f"en:{collection.queries.ids[row][3:]}")
        ].split()
        assert set(text.split()) <= set(own) | set(english)
        assert less.queries.texts[row].split().count(label + "?") >= most.queries.texts[row].split().count(label + "?")
    assert pools.code_switch(collection, 0.0).queries == collection.queries


def test_a_wholly_switched_query_is_the_pivots() -> None:
    collection = parallel_collection(5, ("en", "de"))
    pool = pools.code_switch(collection, 1.0)
    assert pool.queries.texts[:5] == pool.queries.texts[5:]
    halves = pools.code_switch(collection, 0.5, how="halves")
    # Seven tokens: four of the pivot's, three of its own.
    assert halves.queries.texts[5] == "what does page 0 say in en?"


def test_languages_without_spaces_are_switched_by_spans() -> None:
    assert tokens("ใครกินข้าวที่นี่", "th")[0] == "ใค"
    for language, text in (("th", "ที่นี่ กินข้าว 2019 แล้ว"), ("zh", "谁在 2019 年 吃饭？"), ("ja", "誰がNHKを見た？")):
        parts = tokens(text, language)
        assert "".join(parts) == text
        assert all(len(part) < 9 for part in parts)
    builder = CollectionBuilder("tiny")
    builder.add_document("d", "Text.", "en")
    builder.add_query("zh", "谁住在德国首都？", "zh", group="who")
    builder.add_query("en", "Who lives in Berlin?", "en", group="who")
    builder.add_query("zh2", "没有翻译？", "zh", group="none")
    pool = pools.code_switch(builder.build(), 0.5, how="halves")
    assert pool.queries.texts == ("谁住在德 in Berlin?", "Who lives in Berlin?", "没有翻译？")
    assert pool.notes["pool_1"]["queries without a translation in the pivot"] == 1


@settings(max_examples=20)
@given(seed=SEEDS, one=st.integers(36, 90), other=st.integers(36, 90))
def test_distractors_fill_a_pool_of_the_size_and_larger_pools_hold_smaller_ones(
    seed: int, one: int, other: int
) -> None:
    collection = parallel_collection(12)
    more = parallel_collection(40)
    found = [pools.distract(collection, {"more": more}, size=size, seed=seed) for size in sorted((one, other))]
    for pool, size in zip(found, sorted((one, other)), strict=True):
        assert len(pool.documents) == size
        counts = Counter(pool.documents.languages)
        assert max(counts.values()) - min(counts.values()) <= 1
        assert pool.documents.ids[:36] == collection.documents.ids
        assert all(name.startswith("more:") for name in pool.documents.ids[36:])
        assert len(set(zip(pool.documents.languages, pool.documents.texts, strict=True))) == size
        assert judgements(pool) == judgements(collection)
        assert pool.queries == collection.queries
    assert set(found[0].documents.ids) <= set(found[1].documents.ids)


def test_duplicates_and_other_languages_are_left_out_and_counted() -> None:
    collection, more = parallel_collection(12, ("en", "de")), parallel_collection(20)
    pool = pools.distract(collection, more)
    assert Counter(pool.documents.languages) == {"en": 20, "de": 20}
    notes = pool.notes["pool_1"]
    assert notes["verbatim duplicates left out"] == "en 12, de 12"
    assert notes["left out in other languages"] == 20
    assert set(pool.documents.groups[24:]) == {f"parallel:g{number}" for number in range(12, 20)}


def test_distractors_that_cannot_be_are_refused() -> None:
    collection, more = parallel_collection(12, ("en", "de")), parallel_collection(20, ("en",))
    with pytest.raises(UsageError, match="de has 0 of 1"):
        pools.distract(collection, more, size=26)
    with pytest.raises(UsageError, match="below the 24 documents"):
        pools.distract(collection, more, size=23)
    with pytest.raises(CollectionError, match="two collections have the name"):
        pools.distract(collection, [more, more])
    larger = pools.distract(collection, more)
    rewritten = replace(more, documents=replace(more.documents, texts=tuple(f"New {t}" for t in more.documents.texts)))
    with pytest.raises(CollectionError, match="already"):
        pools.distract(larger, rewritten)


def test_other_options_are_refused() -> None:
    collection = parallel_collection(4)
    calls: list[tuple[Callable[[], Collection], str]] = [
        (lambda: pools.translate_partly(collection, 1.5), "from 0 to 1"),
        (lambda: pools.near_duplicates(collection, -1), "from 0 to 1"),
        (lambda: pools.translate_partly(collection, 0.5, rest="none"), "rest is 'none'"),  # type: ignore[arg-type]
        (lambda: pools.near_duplicates(collection, 0.5, of="none"), "of is 'none'"),  # type: ignore[arg-type]
        (lambda: pools.untranslated(collection, 0.5, how="none"), "how is 'none'"),  # type: ignore[arg-type]
        (lambda: pools.untranslated(collection, 0.5, pivot="fr"), "pivot 'fr'"),
        (lambda: pools.code_switch(collection, 0.5, how="none"), "how is 'none'"),  # type: ignore[arg-type]
        (lambda: pools.code_switch(collection, 0.5, pivot="fr"), "pivot 'fr'"),
    ]
    for call, said in calls:
        with pytest.raises(UsageError, match=said):
            call()


def test_steps_are_noted_one_after_another() -> None:
    pool = pools.apply(parallel_collection(20), ["skew(en=0.6)", "untranslated(0.5)", "code-switch(0.4, how=halves)"])
    assert [pool.notes[f"pool_{number}"]["made by"].split("(")[0] for number in (1, 2, 3)] == [
        "skew",
        "untranslated",
        "code_switch",
    ]
