"""Conditions on results: how they are read, what they hold against what, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinometer.comparison.conditions import Condition, check_results, read_conditions
from clinometer.errors import UsageError
from clinometer.evaluation.results import Evaluation


def row(measure: str, language: str, value: float | None, scenario: str = "multi", **more: Any) -> dict[str, Any]:
    low, high = (None, None) if value is None else (value - 0.1, value + 0.1)
    return {
        "scenario": scenario, "query_language": language, "pool_languages": ["en", "de"], "measure": measure,
        "value": value, "ci_low": low, "ci_high": high, "queries": 9, "documents": 90, "ties": 0, **more,
    }  # fmt: skip


RESULTS = Evaluation(
    collection={"digest": "d"},
    encoder={},
    settings={"pivot": "en", "ties": "index"},
    rows=[
        row("Intrusion", "de", 0.25),
        row("Intrusion", "en", 0.05),
        row("Intrusion", "de", 0.5, "one-sided"),
        row("Complete@10", "macro", 80.0),
        row("RankGap", "de", None),
        row("RR", "de", 0.5, ci_low=None, ci_high=None),
    ],
)


def failing(kind: Any, text: str, **options: Any) -> list[float | None]:
    (verdict,) = check_results(RESULTS, read_conditions(kind, [text]), **options)
    return [failure["compared"] for failure in verdict.failures]


@pytest.mark.parametrize(
    ("kind", "text", "compared"),
    [
        ("max", "Intrusion=0.5", []),
        ("max", "Intrusion=0.25", [0.5]),
        ("max", "Intrusion=0.2", [0.25, 0.5]),
        ("max", "intrusion[multi]=0.2", [0.25]),
        ("max", "Intrusion[multi,en]=0.2", []),
        ("max", " Intrusion[ multi , deu_Latn , de+en ] = 2e-1 ", [0.25]),
        ("min", "Complete@10[multi,macro]=80", []),
        ("min", "Complete@10=80.1", [80.0]),
        ("min", "RankGap=-99", [None]),
        ("max", "RankGap=99", [None]),
    ],
)
def test_values_are_held_against_limits(kind: str, text: str, compared: list[float | None]) -> None:
    assert failing(kind, text) == compared


def test_the_pessimistic_end_of_the_interval() -> None:
    assert failing("max", "Intrusion[multi,de]=0.3") == []
    assert failing("max", "Intrusion[multi,de]=0.3", use_bound=True) == [0.35]
    assert failing("min", "Complete@10=79.95") == []
    assert failing("min", "Complete@10=79.95", use_bound=True) == [79.9]
    with pytest.raises(UsageError, match=r"--min RR=0: RR in multi for de in en\+de has no interval; evaluate with"):
        failing("min", "RR=0", use_bound=True)


@given(st.floats(-1, 1), st.floats(-1, 1), st.floats(0, 1))
def test_drops_and_rises_are_counted_from_the_baseline(before: float, after: float, limit: float) -> None:
    then, now = (replace(RESULTS, rows=[row("RR", "de", value)]) for value in (before, after))
    for kind, change in (("max-drop", before - after), ("max-rise", after - before)):
        condition = Condition(kind, "RR", limit)  # type: ignore[arg-type]
        (verdict,) = check_results(now, [condition], baseline=then)
        assert verdict.holds == (change <= limit)
        if not verdict.holds:
            assert (verdict.failures[0]["baseline"], verdict.failures[0]["compared"]) == (before, change)


@pytest.mark.parametrize(
    ("kind", "texts", "parts"),
    [
        ("max", ["Intrusion", "RR<1"], ["--max Intrusion: expected MEASURE[", "--max RR<1: expected"]),
        ("max", ["nDCX=1"], ["'nDCX'"]),
        ("max", ["RR=high", "RR=nan"], ["the limit is 'high', but must be a number", "the limit is 'nan'"]),
        ("min", ["RR[mutli]=1"], ["unknown scenario 'mutli'; expected one of mono-same"]),
        ("min", ["RR[multi,!]=1"], ["'!' is not a language label"]),
        ("min", ["RR[multi,de,en+de,x]=1"], ["at most a scenario"]),
        ("max-drop", ["RR=-1"], ["--max-drop RR=-1: the limit is -1, but cannot be negative"]),
    ],
)
def test_conditions_that_cannot_be_read_are_all_named(kind: Any, texts: list[str], parts: list[str]) -> None:
    with pytest.raises(UsageError) as caught:
        read_conditions(kind, texts)
    for part in parts:
        assert part in str(caught.value)


def test_conditions_that_fit_no_row_are_all_named_with_what_there_is() -> None:
    conditions = read_conditions("max", ["MaxR=3", "Intrusion[multilingual]=1", "Intrusion[multi,fr]=1", "Intrusion=1"])
    with pytest.raises(UsageError) as caught:
        check_results(RESULTS, conditions)
    said = str(caught.value)
    assert "--max MaxR=3 matches no row; the results have the measures Intrusion, Complete@10, RankGap, RR" in said
    assert "--max Intrusion[multilingual]=1 matches no row; the results have the scenarios multi, one-sided" in said
    assert "--max Intrusion[multi,fr]=1 matches no row; the results have de in en+de, en in en+de" in said
    assert said.count("matches no row") == 3


def test_a_baseline_must_fit() -> None:
    drop = read_conditions("max-drop", ["Intrusion=0.1"])
    with pytest.raises(
        UsageError, match=r"--max-drop Intrusion=0\.1 needs results to compare with; pass them with --bas"
    ):
        check_results(RESULTS, drop)
    with pytest.raises(UsageError, match="--baseline is for --max-drop and --max-rise"):
        check_results(RESULTS, read_conditions("max", ["RR=1"]), baseline=RESULTS)
    with pytest.raises(UsageError, match="the baseline was measured on another collection"):
        check_results(RESULTS, drop, baseline=replace(RESULTS, collection={"digest": "e"}))
    with pytest.raises(UsageError, match="with ties trec, and the results with index"):
        check_results(RESULTS, drop, baseline=replace(RESULTS, settings={"pivot": "en", "ties": "trec"}))
    with pytest.raises(UsageError, match=r"the baseline has no row for Intrusion in one-sided for de in en\+de"):
        check_results(RESULTS, drop, baseline=replace(RESULTS, rows=RESULTS.rows[:2]))
    with pytest.raises(UsageError, match="no conditions given; expected at least one"):
        check_results(RESULTS, [])
    undefined = replace(RESULTS, rows=[row("RR", "de", None)])
    (verdict,) = check_results(
        replace(RESULTS, rows=[row("RR", "de", 0.5)]), read_conditions("max-drop", ["RR=1"]), baseline=undefined
    )
    assert not verdict.holds
