"""Samples of translations, and what moves the queries by default."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clinometer.correction.fitting import query_fit
from clinometer.correction.sample import choose_parallel
from clinometer.errors import UsageError


def test_translations_by_hand() -> None:
    languages = ["en", "de", "en", "de", "en", "zh", "zh", "de"]
    groups = ["a", "a", "b", "b", "c", "c", None, "z"]
    # zh shares c alone with the pivot; z and None have no text in it.
    assert choose_parallel(languages, groups, None).tolist() == [0, 1, 2, 3, 4, 5]
    chosen = choose_parallel(languages, groups, 1).tolist()
    assert len([row for row in chosen if languages[row] == "de"]) == 1
    assert 5 in chosen
    assert 4 in chosen
    with pytest.raises(UsageError, match="no text shares a parallel group with one in fr"):
        choose_parallel(languages, groups, 1, pivot="fr")
    with pytest.raises(UsageError, match="cannot draw 0 texts per language"):
        choose_parallel(languages, groups, 0)


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.sampled_from(["en", "de", "zh"]), st.integers(0, 9)), unique=True, min_size=1),
    st.integers(1, 5),
    st.integers(0, 3),
)
def test_every_chosen_text_has_its_translation(pairs: list[tuple[str, int]], texts: int, seed: int) -> None:
    languages, groups = [label for label, _ in pairs], [str(group) for _, group in pairs]
    own = {group for label, group in zip(languages, groups, strict=True) if label == "en"}
    shared = {
        other: {group for label, group in zip(languages, groups, strict=True) if label == other} & own
        for other in ("de", "zh")
    }
    if not any(shared.values()):
        with pytest.raises(UsageError):
            choose_parallel(languages, groups, texts, seed=seed)
        return
    rows = choose_parallel(languages, groups, texts, seed=seed).tolist()
    assert rows == sorted(set(rows))
    chosen = {other: {groups[row] for row in rows if languages[row] == other} for other in ("en", "de", "zh")}
    for other in ("de", "zh"):
        assert chosen[other] <= chosen["en"] & shared[other]
        assert len(chosen[other]) == min(texts, len(shared[other]))
    assert chosen["en"] == chosen["de"] | chosen["zh"]


def test_what_moves_queries() -> None:
    some: list[str | None] = ["a", None]
    none: list[str | None] = [None, None]
    for method in ("center", "lir", "shift", "calibrate"):
        assert query_fit(method, None, 2, some) == "own"
        assert query_fit(method, "own", 2, some) == "own"
    assert query_fit("shift", None, 2, none) == "documents"
    assert query_fit("center", None, 2, none) == "own"
    assert query_fit("center", None, 0, []) == "documents"
    assert query_fit("shift", "none", 2, some) == "none"
    assert query_fit("query-shift", None, 2, some) == query_fit("query-shift", "none", 0, none) == "none"
    for method, asked, queries, part in (
        ("center", "own", 0, "there are no queries to fit on"),
        ("center", "some", 2, "but must be one of own, documents, none"),
        ("calibrate", None, 0, "needs its own queries"),
        ("calibrate", "none", 2, "needs its own queries"),
        ("lir", "none", 2, "choose own or documents"),
        ("query-shift", "own", 2, "query-shift never moves queries, so queries_by cannot be own; leave it out"),
    ):
        with pytest.raises(UsageError, match=part):
            query_fit(method, asked, queries, some)


def test_without_a_pivot_groups_in_more_languages_come_first() -> None:
    languages = ["de", "zh", "de", "zh", "th", "de", "th", "zh"]
    groups = ["a", "a", "b", "b", "b", "c", "d", None]
    assert choose_parallel(languages, groups, 1, pivot=None).tolist() == [2, 3, 4]
    assert choose_parallel(languages, groups, None, pivot=None).tolist() == [0, 1, 2, 3, 4]
    with pytest.raises(UsageError, match="no text shares a parallel group with another; give translated texts, or use"):
        choose_parallel(["de", "zh"], ["a", "b"], 1, pivot=None)
