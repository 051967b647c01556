"""Every number of an evaluation, from a collection small enough to work them out by hand."""

from __future__ import annotations

from math import log2
from typing import Any

import numpy as np
import pytest
from support.brute_force import collection_of
from support.hand_worked import RANKINGS, Told, approximately, encoder_of, evaluated, values

from clinometer import Collection
from clinometer.encoders import PrecomputedEncoder
from clinometer.errors import CollectionError


def test_max_rank_in_every_setting(collection: Collection, encoder: Told) -> None:
    assert values(evaluated(collection, encoder, "MaxR"), "MaxR") == approximately(
        {
            "mono-same en en": (1, 2),
            "mono-same de de": (1, 2),
            "mono-same zh zh": (2, 1),
            "mono-same macro *": (4 / 3, 5),
            "mono-same macro-target *": (1.5, 3),
            "mono-cross en de": (1, 2),
            "mono-cross de en": (2, 2),
            "mono-cross en zh": (1, 2),
            "mono-cross zh en": (1.5, 2),
            "mono-cross macro *": (5.5 / 4, 8),
            "mono-cross macro-target *": (1.75, 4),
            "mono-cross macro-pivot *": (1, 4),
            "multi en en+de": (2.5, 2),
            "multi de en+de": (3.5, 2),
            "multi en en+zh": (3, 2),
            "multi zh en+zh": (2.5, 2),
            "multi macro *": (11.5 / 4, 8),
            "multi macro-target *": (3, 4),
            "multi macro-pivot *": (2.75, 4),
            "one-sided en en+de": (1, 2),
            "one-sided de en+de": (2, 2),
            "one-sided en en+zh": (1, 2),
            "one-sided zh en+zh": (2, 1),
            "one-sided macro *": (1.5, 7),
            "one-sided macro-target *": (2, 3),
            "one-sided macro-pivot *": (1, 4),
            "multilingual en en+de+zh": (4, 2),
            "multilingual de en+de+zh": (6, 2),
            "multilingual zh en+de+zh": (4, 2),
            "multilingual macro *": (14 / 3, 6),
            "multilingual macro-target *": (5, 4),
        }
    )


def test_the_lean_between_two_languages(collection: Collection, encoder: Told) -> None:
    found = evaluated(
        collection, encoder, "RankGap", "PivotFirst", "Intrusion", "IntrusionCount", "Intrusion(by=own)",
        "IntrusionCount(by=own)", "LangShare@3", "LangShare(lang=zh)@3", scenarios=["multi", "one-sided"],
    )  # fmt: skip

    def plain(measure: str) -> dict[str, tuple[Any, int]]:
        return {place: value for place, value in values(found, measure).items() if "macro" not in place}

    assert plain("RankGap") == approximately(
        {
            "multi en en+de": ((log2(3) - 1) / 2, 2),
            "multi de en+de": ((log2(4 / 3) - log2(3)) / 2, 2),
            "multi en en+zh": ((log2(3) + log2(3)) / 2, 2),
            "multi zh en+zh": (log2(3), 1),  # q-zh2 has no answer in Chinese
        }
    )
    assert plain("PivotFirst") == {
        "multi en en+de": (0.5, 2),
        "multi de en+de": (0.5, 2),
        "multi en en+zh": (1, 2),
        "multi zh en+zh": (1, 1),
    }
    assert plain("IntrusionCount") == {
        "multi en en+de": (0, 2),
        "multi de en+de": (1, 2),  # en1 and en2 above de0; nothing above de1
        "multi en en+zh": (0, 2),
        "multi zh en+zh": (0, 1),
        "one-sided en en+de": (0, 2),
        "one-sided de en+de": (1, 2),
        "one-sided en en+zh": (0, 2),
        "one-sided zh en+zh": (0, 1),
    }
    assert {place: value[0] for place, value in plain("Intrusion").items() if value[0]} == {
        "multi de en+de": 0.5,
        "one-sided de en+de": 0.5,
    }
    assert plain("IntrusionCount(by=own)") == {
        "multi en en+de": (0.5, 2),  # en1 above de0
        "multi de en+de": (0.5, 2),  # de0 above en1
        "multi en en+zh": (1, 2),  # en1 above zh0, en0 above zh1
        "multi zh en+zh": (0, 2),
        "one-sided en en+de": (0.5, 2),
        "one-sided de en+de": (0.5, 2),
        "one-sided en en+zh": (1, 2),
        "one-sided zh en+zh": (0, 1),
    }
    assert plain("Intrusion(by=own)") == plain("IntrusionCount(by=own)")
    assert plain("LangShare@3") == approximately(
        {
            "multi en en+de": (1, 2),  # en1; en0
            "multi de en+de": (0.5, 2),  # en1 en2; de0
            "multi en en+zh": (1, 2),  # en1; en0
            "multi zh en+zh": (0.25, 2),  # zh1; en1 zh1
            "one-sided en en+de": (0.5, 2),  # en1 de1; en0 de0
            "one-sided de en+de": (0.75, 2),  # en1 en2; de0 en0
            "one-sided en en+zh": (1, 2),  # en1 en2; en0 en2
            "one-sided zh en+zh": (0.5, 1),  # zh1 en1
        }
    )
    assert plain("LangShare(lang=zh)@3") == approximately(
        {"multi en en+zh": (0, 2), "multi zh en+zh": (0.75, 2), "one-sided en en+zh": (0, 2)}
        | {"one-sided zh en+zh": (0.5, 1)}
    )


def test_standard_measures_and_the_language_gap(collection: Collection, encoder: Told) -> None:
    found = evaluated(
        collection, encoder, "RR", "AP", "R@2", "P@2", "Success@2", "nDCG@1", "MaxRnorm", "Complete@3",
        "LanguageGap(MaxRnorm)", languages=["en", "de"], scenarios=["multi"],
    )  # fmt: skip
    half = 100 / log2(3)  # norm of Max@R 3 among 6 documents: log2(6/3) / log2(6/2)
    wanted = {  # q-en0 ranks 1 3; q-en1 ranks 1 2; q-de0 ranks 3 4; q-de1 ranks 1 3
        "RR": (1, (1 / 3 + 1) / 2),
        "AP": ((5 / 6 + 1) / 2, ((1 / 3 + 1 / 2) / 2 + 5 / 6) / 2),
        "R@2": (0.75, 0.25),
        "P@2": (0.75, 0.25),
        "Success@2": (1, 0.5),
        "nDCG@1": (1, 0.5),
        "MaxRnorm": ((half + 100) / 2, 50),
        "Complete@3": (100, 50),
    }
    for measure, (english, german) in wanted.items():
        assert values(found, measure) == approximately(
            {
                "multi en en+de": (english, 2),
                "multi de en+de": (german, 2),
                "multi macro *": ((english + german) / 2, 4),
            }
        )
    assert values(found, "LanguageGap(MaxRnorm)") == approximately({"multi de en+de": (half / 2, 2)})
    assert "LanguageGap(MaxRnorm)" not in found.per_query


def test_the_measure_of_a_gap_is_not_shown_unless_asked_for(collection: Collection, encoder: Told) -> None:
    # Only one Chinese query has a rank gap, and a gap is stated for as many queries as the smaller side has.
    found = evaluated(collection, encoder, "LanguageGap(PivotFirst)", scenarios=["multi"])
    wanted = {"multi de en+de": (0, 2), "multi zh en+zh": (0, 1), "multi macro-target *": (0, 3)}
    assert values(found, "LanguageGap(PivotFirst)") == wanted
    found = evaluated(collection, encoder, "LanguageGap(MaxR)", scenarios=["multi"])
    assert [row["measure"] for row in found.rows] == ["LanguageGap(MaxR)"] * 3
    assert values(found, "LanguageGap(MaxR)") == approximately(
        {"multi de en+de": (1, 2), "multi zh en+zh": (0.5, 2), "multi macro-target *": (0.75, 4)}
    )


def test_pool_sizes_and_left_out_queries_are_stated(collection: Collection, encoder: Told) -> None:
    found = evaluated(collection, encoder, "MaxR")
    sizes = {(row["scenario"], row["query_language"], *row["pool_languages"]): row["documents"] for row in found.rows}
    assert sizes["mono-same", "zh", "zh"] == 2
    assert sizes["mono-cross", "zh", "en"] == 3
    assert sizes["multi", "de", "en", "de"] == 6
    assert sizes["multi", "zh", "en", "zh"] == 5
    assert sizes["one-sided", "de", "en", "de"] == 5
    assert sizes["one-sided", "en", "en", "zh"] == 4
    assert sizes["multilingual", "en", "en", "de", "zh"] == 8
    assert {row["ties"] for row in found.rows} == {0}
    assert found.notices == [
        "mono-same, pool zh: 1 of the zh queries have no answer in the pool and are left out",
        "one-sided, pool en+zh: 1 of the zh queries have no answer in the pool and are left out",
    ]
    assert found.collection["parallel_groups"] == 3
    assert found.collection["complete_groups"] == 2


def test_the_other_pivot_turns_the_lean_around(collection: Collection, encoder: Told) -> None:
    found = evaluated(collection, encoder, "RankGap", pivot="deu_Latn", languages=["en", "de"], scenarios=["multi"])
    assert found.settings["pivot"] == "de"
    assert values(found, "RankGap") == approximately(
        {
            "multi de de+en": ((log2(3) - log2(4 / 3)) / 2, 2),
            "multi en de+en": ((1 - log2(3)) / 2, 2),
            "multi macro *": (-(log2(4 / 3) - 1) / 4, 4),
        }
    )


def test_all_pairs(collection: Collection, encoder: Told) -> None:
    found = evaluated(collection, encoder, "MaxR", "RankGap", pairs="all", scenarios=["multi"])
    assert values(found, "MaxR")["multi zh de+zh"] == (pytest.approx((3 + 1) / 2), 2)
    assert values(found, "MaxR")["multi de de+zh"] == (pytest.approx((3 + 4) / 2), 2)
    # Neither language is the pivot: there is nothing to lean to.
    assert "multi zh de+zh" not in values(found, "RankGap")


@pytest.mark.parametrize(
    ("ties", "rank"), [("index", 1), ("trec", 2), ("optimistic", 1), ("pessimistic", 2), ("expected", 1.5)]
)
def test_ties_are_counted_and_ordered(collection: Collection, ties: Any, rank: float) -> None:
    encoder = encoder_of(RANKINGS, same=[("zh1", "zh0")])
    found = evaluated(collection, encoder, "MaxR", "LanguageGap(RR)", scenarios=["mono-same", "multi"], ties=ties)
    assert values(found, "MaxR")["mono-same zh zh"] == (rank, 1)
    counted = {
        (row["query_language"], *row["pool_languages"]): row["ties"]
        for row in found.rows
        if row["measure"] == "MaxR" and "*" not in row["pool_languages"]
    }
    # Relevant documents that share their score: zh0 or zh1, where they are in the pool at all.
    assert counted["zh", "zh"] == 1
    assert counted["en", "en", "zh"] == 2
    assert counted["zh", "en", "zh"] == 1
    assert counted["en", "en", "de"] == 0
    # A gap has those of both query languages, a macro average those of all its settings.
    gaps = {row["pool_languages"][-1]: row["ties"] for row in found.rows if row["measure"] == "LanguageGap(RR)"}
    assert gaps == {"de": 0, "zh": 3, "*": 3}
    assert [row["ties"] for row in found.rows if (row["scenario"], row["query_language"]) == ("multi", "macro")] == [3]


def test_verbatim_copies_leave_a_one_sided_pool_with_the_answer() -> None:
    documents = [("a", "the same", "en"), ("b", "the same", "en"), ("c", "dasselbe", "de"), ("d", "other", "en")]
    collection = collection_of(documents, [("q", "de")], {("q", "a"): 1, ("q", "c"): 1})
    rows = np.array([[4, 0], [4, 1], [4, 3], [4, 2]], dtype=np.float32)
    encoder = PrecomputedEncoder(np.array([[1, 0]], dtype=np.float32), rows)
    found = evaluated(collection, encoder, "MaxR", "IntrusionCount", "LangShare@2", scenarios=["one-sided", "multi"])
    # a b d c; without a and its copy b: d c.
    assert values(found, "MaxR")["one-sided de en+de"] == (2, 1)
    assert values(found, "IntrusionCount")["one-sided de en+de"] == (1, 1)
    assert values(found, "LangShare@2")["one-sided de en+de"] == (1, 1)
    assert [row["documents"] for row in found.rows if row["scenario"] == "one-sided"] == [2, 2, 2]
    # The copy is no intruder in the two-language pool either, but it takes a place there.
    assert values(found, "MaxR")["multi de en+de"] == (4, 1)
    assert values(found, "IntrusionCount")["multi de en+de"] == (1, 1)


def test_grades_are_gains_and_grade_0_is_not_relevant() -> None:
    documents = [("a", "A", "en"), ("b", "B", "en"), ("c", "C", "en")]
    judged = {("q", "a"): 0, ("q", "b"): 1, ("q", "c"): 3}
    collection = collection_of(documents, [("q", "en")], judged)
    rows = np.array([[4, 0], [4, 1], [4, 2]], dtype=np.float32)
    encoder = PrecomputedEncoder(np.array([[1, 0]], dtype=np.float32), rows)
    found = evaluated(collection, encoder, "nDCG@3", "RR", scenarios=["mono-same"])
    ideal = 3 + 1 / log2(3)
    assert values(found, "nDCG@3") == approximately({"mono-same en en": ((1 / log2(3) + 3 / 2) / ideal, 1)})
    assert values(found, "RR") == {"mono-same en en": (0.5, 1)}


def test_values_per_query_stand_in_columns(collection: Collection, encoder: Told) -> None:
    table = evaluated(collection, encoder, "MaxR", "RankGap", scenarios=["mono-same", "multi"]).per_query
    keys = ["query_id", "query_language", "scenario", "pool_languages", "question", "cluster"]
    assert list(table) == [*keys, "MaxR", "RankGap"]
    assert {len(column) for column in table.values()} == {5 + 8}
    here = (table["query_id"] == "q-zh2") & (table["scenario"] == "multi")
    assert table["pool_languages"][here].tolist() == ["en+zh"]
    assert table["MaxR"][here].tolist() == [2]
    assert np.isnan(table["RankGap"][here]).all()
    assert np.isnan(table["RankGap"][table["scenario"] == "mono-same"]).all()


def test_intervals(collection: Collection, encoder: Told) -> None:
    options: dict[str, Any] = {"languages": ["en", "de"], "scenarios": ["multi"], "resamples": 200}
    rows = evaluated(collection, encoder, "MaxR", **options).rows
    low_high = {row["query_language"]: (row["ci_low"], row["ci_high"]) for row in rows}
    # Ranks 3 and 2 in English, 4 and 3 in German: Student's t of one degree of freedom is 12.71,
    # the standard error 1/2, and no rank is below 1.
    reach = pytest.approx(12.7062 / 2, rel=1e-5)
    assert {name: low for name, (low, _) in low_high.items()} == {"en": 1, "de": 1, "macro": 1}
    assert [low_high[name][1] - mean for name, mean in (("en", 2.5), ("de", 3.5), ("macro", 3))] == [reach] * 3
    assert evaluated(collection, encoder, "MaxR", **options, threads=2).rows == rows
    wide, narrow = (
        evaluated(collection, encoder, "nDCG", scenarios=["multilingual"], confidence=level, resamples=500).rows[0]
        for level in (0.99, 0.2)
    )
    assert wide["ci_low"] < narrow["ci_low"] <= narrow["ci_high"] < wide["ci_high"]
    for row in evaluated(collection, encoder, "MaxR", "LanguageGap(MaxR)").rows:
        assert (row["ci_low"], row["ci_high"]) == (None, None)
        assert row["value"] is not None


def test_queries_in_a_language_without_documents_are_evaluated_where_they_have_answers() -> None:
    documents = [(f"d{number}", f"text {number}", "en") for number in range(3)]
    queries = [(f"q{number}", "de") for number in range(3)]
    collection = collection_of(documents, queries, {(f"q{number}", f"d{number}"): 1 for number in range(3)})
    encoder = PrecomputedEncoder(np.eye(3, dtype=np.float32), np.eye(3, dtype=np.float32)[[0, 2, 1]])
    found = evaluated(collection, encoder, "Success@1", "LangShare@2", "Intrusion")
    assert values(found, "Success@1") == approximately(
        {"mono-cross de en": (1 / 3, 3), "multi de en+de": (1 / 3, 3), "multilingual de en+de": (1 / 3, 3)}
    )
    assert values(found, "LangShare@2")["multi de en+de"] == (1, 3)
    assert values(found, "Intrusion") == {}
    assert "mono-same, pool de: 3 of the de queries have no answer in the pool and are left out" in found.notices
    with pytest.raises(CollectionError, match=r"a query without an answer in the pool.*choose other scenarios"):
        evaluated(collection, encoder, "Success@1", scenarios=["mono-same"])
