"""Mined pairs against brute force, in blocks and samples, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from support.translated_index import TranslatedIndex, translated_index

from clinometer.correction import Center
from clinometer.errors import LanguageError, UsageError
from clinometer.mining import mine, pairs

INDEX = translated_index({"de": 70, "en": 90, "zh": 50}, 0.5, seed=3)


def center(index: TranslatedIndex) -> Center:
    return Center.fit(index.rows, index.languages)


def brute_force(
    index: TranslatedIndex, label: str, k: int = 4, margin: float = 1.3
) -> dict[tuple[int, int], np.float64]:
    """The definition: mutual nearest neighbours whose cosine is above the margin times the mean of both sides."""
    rows = center(index).apply(index.rows, index.languages).astype(np.float64)
    own, pivot = (np.flatnonzero(np.array(index.languages) == name) for name in (label, "en"))
    cosines = rows[own] @ rows[pivot].T
    mined = {}
    for x, document in enumerate(own):
        y = int(cosines[x].argmax())
        mean = (np.sort(cosines[x])[-k:].mean() + np.sort(cosines[:, y])[-k:].mean()) / 2
        if cosines[:, y].argmax() == x and cosines[x, y] > margin * mean:
            mined[int(document), int(pivot[y])] = cosines[x, y] / mean
    return mined


@pytest.mark.parametrize("label", ["de", "zh"])
@pytest.mark.parametrize("margin", [1.0, 1.3])
def test_pairs_are_those_of_the_definition(label: str, margin: float) -> None:
    mined = mine(INDEX.rows, INDEX.languages, center(INDEX), margin=margin)[label]
    assert mined.documents is not None
    assert mined.pivot_documents is not None
    wanted = brute_force(INDEX, label, margin=margin)
    assert list(zip(mined.documents.tolist(), mined.pivot_documents.tolist(), strict=True)) == list(wanted)
    np.testing.assert_allclose(mined.margins, list(wanted.values()), rtol=1e-5)
    rows = center(INDEX).apply(INDEX.rows, INDEX.languages)
    np.testing.assert_array_equal(mined.own, rows[mined.documents])
    np.testing.assert_array_equal(mined.pivot, rows[mined.pivot_documents])


def test_a_sample_finds_the_pairs_that_all_documents_find(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = mine(INDEX.rows, INDEX.languages, center(INDEX), sample=None)["de"]
    monkeypatch.setattr(pairs, "_BLOCK", 7)
    monkeypatch.setattr(pairs, "_LISTS", 5)
    sampled = mine(INDEX.rows, INDEX.languages, center(INDEX), sample=40, seed=1)["de"]
    assert sampled.tried == 40
    assert whole.documents is not None
    assert sampled.documents is not None
    in_both = np.isin(whole.documents, sampled.documents)
    np.testing.assert_array_equal(whole.documents[in_both], sampled.documents)
    np.testing.assert_array_equal(whole.margins[in_both], sampled.margins)
    assert 10 < len(sampled) < len(whole)


def test_right_pairs_are_counted_where_groups_are_known() -> None:
    mined = mine(INDEX.rows, INDEX.languages, center(INDEX), groups=INDEX.groups)["de"]
    assert mined.documents is not None
    assert mined.pivot_documents is not None
    hits = [
        INDEX.groups[x] == INDEX.groups[y]
        for x, y in zip(mined.documents.tolist(), mined.pivot_documents.tolist(), strict=True)
    ]
    assert mined.right is not None
    assert mined.right == np.mean(hits)
    assert 0.8 < mined.right < 1
    half: list[Any] = [group if int(group) % 2 else None for group in INDEX.groups]
    known = [hit for hit, x in zip(hits, mined.documents.tolist(), strict=True) if half[x] is not None]
    partly = mine(INDEX.rows, INDEX.languages, center(INDEX), groups=half)["de"].right
    assert partly is not None
    assert partly >= np.mean(known)
    assert mine(INDEX.rows, INDEX.languages, center(INDEX), groups=[None] * len(half))["de"].right is None
    assert mine(INDEX.rows, INDEX.languages, center(INDEX))["de"].right is None


@pytest.mark.parametrize("sizes", [{"en": 300, "de": 300}, {"en": 500, "de": 40}, {"en": 60, "de": 600}])
@pytest.mark.parametrize("copies", [1, 3])
@pytest.mark.parametrize("seed", range(3))
def test_documents_without_translations_give_no_more_pairs_than_chance(
    sizes: dict[str, int], copies: int, seed: int
) -> None:
    index = translated_index(sizes, 0.0, seed=seed, copies=copies)
    mined = mine(index.rows, index.languages, center(index), groups=index.groups)["de"]
    assert mined.right in (0.0, None)
    assert len(mined) < 1.25 * mined.chance + 3
    assert 0 < mined.chance < min(sizes.values())


@pytest.mark.parametrize("copies", [2, 3])
def test_near_copies_do_not_hide_translations(copies: int) -> None:
    once = translated_index({"en": 120, "de": 120}, seed=2)
    index = translated_index({"en": 120, "de": 120}, seed=2, copies=copies)
    mined = mine(index.rows, index.languages, center(index), groups=index.groups)["de"]
    assert mined.right == 1
    assert mined.documents is not None
    # One pair of each document, whatever the number of its copies.
    assert len({index.groups[row] for row in mined.documents.tolist()}) == len(mined)
    assert len(mined) > 0.9 * len(mine(once.rows, once.languages, center(once))["de"])


def test_labels_may_be_written_in_several_ways() -> None:
    spelled = [{"en": "eng_Latn", "de": "deu"}.get(name, name) if row % 2 else name
               for row, name in enumerate(INDEX.languages)]  # fmt: skip
    mined, wanted = (
        mine(INDEX.rows, labels, center(INDEX), pivot=pivot)["de"]
        for labels, pivot in ((spelled, "eng"), (INDEX.languages, "en"))
    )
    assert mined.documents is not None
    np.testing.assert_array_equal(mined.documents, wanted.documents)
    np.testing.assert_array_equal(mined.margins, wanted.margins)


def test_a_pivot_of_one_document_is_no_error() -> None:
    index = INDEX.taken([*range(10), 80])
    assert index.languages[-1] == "en"
    mined = mine(index.rows, index.languages, center(index))["de"]
    assert (mined.tried, mined.chance) == (10, 1.0)
    assert len(mined) <= 1


def test_what_is_refused() -> None:
    fitted = center(INDEX)
    with pytest.raises(LanguageError, match=r"no documents in fr, only in de, en, zh; choose another pivot"):
        mine(INDEX.rows, INDEX.languages, fitted, pivot="fr")
    with pytest.raises(LanguageError, match=r"not fitted on documents in fr"):
        mine(INDEX.rows[:2], ["en", "fr"], fitted)
    with pytest.raises(UsageError, match=r"languages of the documents are missing"):
        mine(INDEX.rows, None, fitted)
    with pytest.raises(UsageError, match=r"2 groups for 210 documents"):
        mine(INDEX.rows, INDEX.languages, fitted, groups=["a", "b"])
    with pytest.raises(UsageError, match=r"2 languages for 210 documents"):
        mine(INDEX.rows, ["en", "de"], fitted)
    with pytest.raises(UsageError, match=r"margin is 0.9, but must be 1 or more"):
        mine(INDEX.rows, INDEX.languages, fitted, margin=0.9)
    with pytest.raises(UsageError, match=r"margin is nan"):
        mine(INDEX.rows, INDEX.languages, fitted, margin=float("nan"))
    with pytest.raises(UsageError, match=r"neighbours is 0"):
        mine(INDEX.rows, INDEX.languages, fitted, neighbours=0)
    with pytest.raises(UsageError, match=r"sample is 0"):
        mine(INDEX.rows, INDEX.languages, fitted, sample=0)
