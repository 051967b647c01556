"""Texts that are the same or nearly."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinometer.analysis.categories import normalised, overlap, trigrams

TEXT = st.text(max_size=40)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Straße", "STRASSE"),
        ("ﬁn", "fin"),
        ("１２３", "123"),
        ("no-break\u00a0space", "no break space"),
        ("«Ja», sagte er.", "Ja sagte er"),
        ("हिन्दी।", "हिन्दी"),
    ],
)
def test_the_same_after_normalisation(one: str, other: str) -> None:
    assert normalised(one) == normalised(other)


def test_marks_that_make_words_are_kept() -> None:
    assert normalised("कि") != normalised("का")
    assert " " not in normalised("ที่")


@given(TEXT, TEXT)
def test_overlap_is_symmetric_between_0_and_1_and_1_for_the_same(one: str, other: str) -> None:
    first, second = trigrams(one), trigrams(other)
    assert 0 <= overlap(first, second) <= 1
    assert overlap(first, second) == overlap(second, first)
    assert overlap(first, first) == 1
    if normalised(one) == normalised(other):
        assert overlap(first, second) == 1


def test_nothing_in_common() -> None:
    assert overlap(trigrams("abcdef"), trigrams("uvwxyz")) == 0
