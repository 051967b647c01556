"""Scenarios: which settings there are, and that the placements in each are those of its own pool."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from support.brute_force import Pool, embeddings, ordered, pools_of, random_collection, scores_of

from clinometer import Collection
from clinometer.encoders import PrecomputedEncoder
from clinometer.errors import LanguageError, UsageError
from clinometer.measures import parse
from clinometer.measures.placements import Placements
from clinometer.scanning.counts import Counts
from clinometer.scenarios import SCENARIOS, Setting, settings_of
from clinometer.scenarios.scanned import scan_plan
from clinometer.scorers import EmbeddedScorer


def shown(found: list[Setting]) -> list[str]:
    return [
        f"{one.query_language} in {'+'.join(one.pool)}" + (f" without {one.removed}" if one.removed else "")
        for one in found
    ]


@pytest.mark.parametrize(
    ("scenario", "pairs", "expected"),
    [
        ("mono-same", "pivot", ["de in de", "en in en", "zh in zh"]),
        ("mono-cross", "pivot", ["en in de", "de in en", "en in zh", "zh in en"]),
        ("mono-cross", "all", ["en in de", "de in en", "en in zh", "zh in en", "de in zh", "zh in de"]),
        ("multi", "pivot", ["en in en+de", "de in en+de", "en in en+zh", "zh in en+zh"]),
        ("multi", "all", ["en in en+de", "de in en+de", "en in en+zh", "zh in en+zh", "de in de+zh", "zh in de+zh"]),
        (
            "one-sided",
            "pivot",
            ["en in en+de without de", "de in en+de without en", "en in en+zh without zh", "zh in en+zh without en"],
        ),
        ("multilingual", "pivot", ["de in en+de+zh", "en in en+de+zh", "zh in en+de+zh"]),
    ],
)
def test_settings_of_each_scenario(scenario: str, pairs: str, expected: list[str]) -> None:
    assert shown(settings_of([scenario], ["de", "en", "zh"], "en", pairs)) == expected


def test_a_pair_knows_its_other_language() -> None:
    others = {(s.scenario, s.query_language): s.other for s in settings_of(SCENARIOS, ["en", "de"])}
    assert {other for (scenario, _), other in others.items() if scenario in ("mono-same", "multilingual")} == {None}
    for scenario in ("mono-cross", "multi", "one-sided"):
        assert (others[scenario, "en"], others[scenario, "de"]) == ("de", "en")


def test_scenarios_come_in_the_order_asked_for_and_once() -> None:
    found = settings_of(["multi", "mono-same", "multi"], ["en", "de"])
    assert list(dict.fromkeys(setting.scenario for setting in found)) == ["multi", "mono-same"]
    assert len(found) == 4


def test_the_mirror_of_a_one_sided_setting() -> None:
    german = settings_of(["one-sided"], ["en", "de"])[1]
    assert (german.query_language, german.removed, german.mirrored().removed) == ("de", "en", "de")


def test_settings_without_pairs_need_no_pivot() -> None:
    assert shown(settings_of(["mono-same", "multilingual"], ["de", "zh"])) == [
        "de in de", "zh in zh", "de in de+zh", "zh in de+zh",
    ]  # fmt: skip
    assert shown(settings_of(["multi"], ["de", "zh"], "en", "all")) == ["de in de+zh", "zh in de+zh"]
    assert shown(settings_of(["mono-same"], ["de"])) == ["de in de"]


@pytest.mark.parametrize(
    ("arguments", "kind", "sentence"),
    [
        (
            (["multi", "a", "b"], ["en", "de"]),
            UsageError,
            "unknown scenario 'a', 'b'; expected one of mono-same, mono-",
        ),
        (([], ["en", "de"]), UsageError, "no scenario was chosen; expected one of mono-same"),
        ((["multi"], ["en", "de"], "en", "most"), UsageError, "pairs is 'most', but must be pivot or all"),
        (
            (["one-sided", "multi"], ["en"]),
            UsageError,
            "multi, one-sided need two languages, but there is only en; add another language, or choose the scenario m",
        ),
        ((["multi"], ["de", "zh"]), LanguageError, "the pivot 'en' is not among the languages de, zh; choose another"),
    ],
)
def test_what_makes_no_setting_is_refused(arguments: tuple[Any, ...], kind: type[Exception], sentence: str) -> None:
    with pytest.raises(kind, match=sentence):
        settings_of(*arguments)


def counted(
    collection: Collection, pool: Pool, languages: tuple[str, ...], scores: NDArray[Any], ties: str, members: set[int]
) -> Counts:
    """Counts of the pool's relevant documents, one pair of documents at a time, among some members of the pool."""
    names = [collection.documents.ids[row] for row in pool.documents]
    order = [pool.documents[at] for at in ordered(scores[pool.documents], ties, names)]
    table = np.zeros((3, len(pool.grades), len(languages)), dtype=np.int64)
    for place, row in enumerate(sorted(pool.grades)):
        for other in members - {row}:
            code = languages.index(collection.documents.languages[other])
            equal = scores[other] == scores[row]
            earlier = equal and order.index(other) < order.index(row)
            table[:, place, code] += [scores[other] > scores[row], equal, earlier]
    return Counts(*table)


def assert_counts(found: Counts, wanted: Counts, rows: slice, order: list[int]) -> None:
    for name in ("greater", "equal", "before"):
        assert getattr(found, name)[rows][order].tolist() == getattr(wanted, name).tolist(), name


@settings(max_examples=40)
@given(seed=st.integers(0, 1 << 20), tied=st.booleans(), ties=st.sampled_from(["index", "trec"]))
def test_placements_count_the_documents_of_each_own_pool(seed: int, tied: bool, ties: Any) -> None:
    collection = random_collection(seed)
    queries = embeddings(seed + 1, len(collection.queries), 2, tied)
    documents = embeddings(seed + 2, len(collection.documents), 2, tied)
    scores = scores_of(queries, documents)
    everything = settings_of(SCENARIOS, collection.languages, "en", "all")
    scored = EmbeddedScorer(PrecomputedEncoder(queries, documents)).score(collection)
    scanned = scan_plan(collection, parse(["MaxR"]), everything, ties).scanned(scored.scan)
    assert scanned.top is None
    for setting in [*everything, *(one.mirrored() for one in everything if one.removed)]:
        asked, placed = scanned.placements(setting)
        pools = pools_of(collection, setting)
        assert asked.tolist() == [pool.query for pool in pools]
        assert placed.sizes.tolist() == [len(pool.documents) for pool in pools]
        assert placed.languages == setting.pool
        for number, pool in enumerate(pools):
            check_query(collection, placed, number, pool, scores[pool.query], ties)


def check_query(
    collection: Collection, placed: Placements, number: int, pool: Pool, scores: NDArray[Any], ties: str
) -> None:
    rows = slice(int(placed.indptr[number]), int(placed.indptr[number + 1]))
    relevant = sorted(pool.grades)
    # A query's relevant documents come in the order in which they were judged, which is that of their rows.
    assert placed.grades[rows].tolist() == [pool.grades[row] for row in relevant]
    labels = [placed.languages[code] for code in placed.language[rows]]
    assert labels == [collection.documents.languages[row] for row in relevant]
    everyone = counted(collection, pool, placed.languages, scores, ties, set(pool.documents))
    family = counted(collection, pool, placed.languages, scores, ties, pool.related)
    order = list(range(len(relevant)))
    assert_counts(placed.counts, everyone, rows, order)
    assert_counts(placed.related, family, rows, order)


def test_queries_of_a_language_are_counted() -> None:
    collection = random_collection(1)
    rows = embeddings(1, len(collection.queries), 2, False), embeddings(2, len(collection.documents), 2, False)
    scored = EmbeddedScorer(PrecomputedEncoder(*rows)).score(collection)
    scanned = scan_plan(collection, parse(["MaxR"]), [], "index").scanned(scored.scan)
    for label in collection.languages:
        assert scanned.queries_in(label) == collection.queries.languages.count(label)
