"""Errors that name choices say which of them is like what was written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import clinometer as cm
from clinometer.comparison.conditions import read_conditions
from clinometer.correction import check_method
from clinometer.errors import ClinometerError, UsageError
from clinometer.evaluation.lookup import single_row
from clinometer.executors import check_executor
from clinometer.measures import parse
from clinometer.pools import parse as parse_steps
from clinometer.scenarios import SCENARIOS, settings_of
from clinometer.store.exchange.formats import format_of
from clinometer.suggestions import close_names, did_you_mean, likeness, one_of, sibling
from clinometer.training.recipes import recipe_of


@given(st.text(max_size=20), st.lists(st.text(max_size=12), max_size=6))
def test_close_names_are_choices_and_never_the_name_itself(name: str, choices: list[str]) -> None:
    near = close_names(name, choices)
    assert set(near) <= set(choices) - {name}
    assert len(near) == len(set(near)) <= 2
    assert all(likeness(name, one) >= 0.6 for one in near)
    if name in choices:
        assert near == []
    elif choices and (best := max(choices, key=lambda one: likeness(name, one))) and likeness(name, best) >= 0.6:
        assert likeness(name, near[0]) == likeness(name, best)


def test_the_words_of_a_suggestion() -> None:
    assert did_you_mean("mult", SCENARIOS) == "; did you mean multi?"
    assert did_you_mean(["mult", "xyz", "one_sidd"], SCENARIOS) == "; did you mean multi, one-sided?"
    assert did_you_mean("q" * 500, SCENARIOS) == did_you_mean(7, SCENARIOS) == did_you_mean([], SCENARIOS) == ""
    assert one_of("x", ["a", "b"]) == "one of a, b"


def collection_of(source: str) -> Callable[[], Any]:
    return lambda: cm.load(source)


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        (collection_of("dmeo"), "demo"),
        (collection_of("xqaud:folder"), "xquad:folder"),
        (collection_of("beri:a/b"), "beir:a/b"),
        (lambda: cm.load("demo", languages=["en", "dee"]), "de"),
        (lambda: cm.load("demo", languages=["en", "german"]), "de"),
        (lambda: cm.load("beir:x", splt="dev"), "split"),
        (lambda: settings_of(["one_sided"], ["en", "de"], "en"), "one-sided"),
        (lambda: parse(["nDGC@10"]), "nDCG@10"),
        (lambda: check_method("centre"), "center"),
        (lambda: check_executor("locl"), "local"),
        (lambda: recipe_of("uprigth"), "upright"),
        (lambda: recipe_of("jsd+nec"), "nce"),
        (lambda: parse_steps(["skwe(en=0.9)"]), "skew"),
        (lambda: format_of("x", "parqet"), "parquet"),
        (lambda: read_conditions("max", ["Intrusion[onesided]=0.1"]), "one-sided"),
    ],
)
def test_errors_that_name_choices_suggest_one(wrong: Callable[[], Any], meant: str) -> None:
    with pytest.raises(ClinometerError) as caught:
        wrong()
    assert f"did you mean {meant}?" in str(caught.value)


def test_a_path_that_does_not_exist_may_have_a_sibling(tmp_path: Path) -> None:
    (tmp_path / "data" / "xquad").mkdir(parents=True)
    data = tmp_path / "data"
    for wrong in (tmp_path / "dta" / "xquad", data / "xqad"):
        with pytest.raises(FileNotFoundError, match=f"check the path of the folder; did you mean {data / 'xquad'}"):
            cm.load(f"xquad:{wrong}")
    assert sibling(tmp_path / "dta" / "absent") == sibling(tmp_path / "zzz") == ""


def test_a_folder_without_its_form_gets_one(tmp_path: Path) -> None:
    (tmp_path / "corpus.jsonl.gz").touch()
    with pytest.raises(UsageError, match=f"did you mean beir:{tmp_path}"):
        cm.load(str(tmp_path))


ROWS: list[dict[str, Any]] = [
    {"scenario": scenario, "measure": measure, "query_language": query, "pool_languages": ["en", other], "value": 1}
    for scenario, measure, query, other in (
        ("multi", "MaxR", "en", "de"), ("multi", "MaxR", "en", "zh"), ("multi", "MaxR", "de", "de"),
        ("one-sided", "Intrusion", "de", "de"),
    )
]  # fmt: skip


def test_a_single_row_or_the_choices() -> None:
    assert single_row(ROWS, "MaxR", "multi", "de") is ROWS[2]
    assert single_row(ROWS, "MaxR", "multi", "en", ["en", "zh"]) is ROWS[1]
    for arguments, sentence in (
        (("MaxR", "mult", "de"), "no scenario 'mult'; expected one of multi, one-sided; did you mean multi?"),
        (("MaxRR", "multi", "de"), "no measure 'MaxRR' in multi; expected one of MaxR; did you mean MaxR?"),
        (("MaxR", "multi", "fr"), "no query language 'fr' for MaxR in multi; expected one of en, de"),
        (("MaxR", "multi", "en"), "queries in en have 2 rows for MaxR in multi; give pool_languages, one of en+de, en"),
        (("MaxR", "multi", "en", ["en"]), "no pool 'en' for MaxR in multi; expected one of en+de, en+zh"),
    ):
        with pytest.raises(UsageError) as caught:
            single_row(ROWS, *arguments)
        assert sentence in str(caught.value)
