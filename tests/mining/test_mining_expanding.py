"""An expansion by hand, by its properties, on indexes with many and few translations, and in the record."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from support.translated_index import TranslatedIndex, translated_index

from clinometer.correction import Center, Expansion, MinedPairs, expansion
from clinometer.correction.expansion import known_before, with_weight, without_expansion
from clinometer.correction.remedies import mixed_encoders
from clinometer.encoders import EncoderRecord
from clinometer.errors import EmbeddingError, LanguageError, UsageError
from clinometer.mining import expanded, mine, turned
from clinometer.store import EmbeddingStore, StoreWriter

SIZES = {"en": 300, "de": 300, "zh": 300}
INDEX = translated_index({"de": 80, "en": 90, "zh": 70}, 0.6, seed=9)
CENTER = Center.fit(INDEX.rows, INDEX.languages)
ROWS = CENTER.apply(INDEX.rows, INDEX.languages)


def unit(rows: Any) -> NDArray[np.float64]:
    return np.asarray(rows / np.linalg.norm(rows, axis=-1, keepdims=True), dtype=np.float64)


def pairs_of(*pairs: tuple[int, int], dimension: int = 3, **options: Any) -> MinedPairs:
    own, other = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    rows = np.zeros((0, dimension), dtype=np.float32)
    return MinedPairs(rows, rows, np.full(len(own), 2.0), 5, documents=own, pivot_documents=other, **options)


# the arithmetic


def test_documents_by_hand() -> None:
    x, y, z = np.eye(3, dtype=np.float32)
    rows = np.stack([2 * x, y, z, 3 * y, x + y])
    # Document 0 is English; 1 and 2, in two languages, are its translations; 3 and 4 have none.
    pairs = {"de": pairs_of((1, 0)), "zh": pairs_of((2, 0)), "fr": pairs_of(chance=1.0)}
    half = Expansion.of(pairs, 5, weight=0.5, least=1)
    by_hand = [x + 0.5 * (y + z) / 2, y + 0.5 * x, z + 0.5 * x]
    np.testing.assert_allclose(half.apply(rows)[:3], unit(np.stack(by_hand)), atol=1e-6)
    np.testing.assert_array_equal(half.apply(rows)[3:], rows[3:])
    assert half.expanded == ("de", "zh")
    assert half.settings["left_out"] == ["fr"]
    assert half.settings["documents_expanded"] == 3
    assert half.notices() == [
        "fr is not expanded: 0 pairs among 5 documents, of which chance explains 1; an expansion needs 1 pairs, and a "
        "quarter more than chance explains"
    ]
    # A copy of the first is blended like it, and adds nothing to its partners.
    copied = Expansion.of(pairs, 6, weight=0.5, least=1, copies={0: [5], 3: [4]})
    with_copy = copied.apply(np.concatenate([rows, rows[:1]]))
    np.testing.assert_array_equal(with_copy[:5], half.apply(rows))
    np.testing.assert_array_equal(with_copy[5], with_copy[0])


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0, 1), st.sampled_from([np.float32, np.float16]))
def test_partners_come_closer_and_all_else_stays(seed: int, weight: float, kind: Any) -> None:
    draw = np.random.default_rng(seed)
    rows = draw.normal(size=(12, 6)).astype(kind)
    pairs = {"de": pairs_of((0, 6), (1, 7), (2, 8)), "zh": pairs_of((9, 6))}
    by_pairs = Expansion.of(pairs, 12, weight=weight, least=1)
    after = by_pairs.apply(rows)
    assert after.dtype == np.float32
    alone = [3, 4, 5, 10, 11]
    np.testing.assert_array_equal(after[alone], rows[alone].astype(np.float32))
    before, now = unit(rows.astype(np.float64)), unit(after.astype(np.float64))
    for own, other in ((1, 7), (2, 8)):  # partners of each other alone
        assert now[own] @ now[other] >= before[own] @ before[other] - 1e-6
        if weight > 0.05 and before[own] @ before[other] < 0.9:
            assert now[own] @ now[other] > before[own] @ before[other]
    # Parts of any size, in any order, give the same bits.
    cuts = np.sort(draw.integers(0, 13, size=3)).tolist()
    parts = [
        by_pairs.blended(start, rows[start:stop], lambda numbers: rows[numbers])
        for start, stop in zip([0, *cuts], [*cuts, 12], strict=True)
    ]
    np.testing.assert_array_equal(np.concatenate(parts), after)
    np.testing.assert_array_equal(Expansion.of(pairs, 12, weight=0, least=1).apply(rows), rows.astype(np.float32))


def test_a_weight_of_one_makes_partners_one() -> None:
    after = Expansion.of({"de": pairs_of((0, 1))}, 2, weight=1.0, least=1).apply(ROWS[[0, 100]])
    np.testing.assert_array_equal(after[0], after[1])


# the pairs


def by_definition(index: TranslatedIndex, rows: NDArray[Any], weight: float = 0.5) -> NDArray[np.float64]:
    """Expanded rows from the pairs of `mine`, one document after the other."""
    partners: dict[int, list[int]] = {}
    for mined in mine(rows, index.languages, None, sample=None).values():
        assert mined.documents is not None
        assert mined.pivot_documents is not None
        for own, other in zip(mined.documents.tolist(), mined.pivot_documents.tolist(), strict=True):
            partners.setdefault(own, []).append(other)
            partners.setdefault(other, []).append(own)
    blended = unit(rows.astype(np.float64))
    before = blended.copy()
    for row, others in partners.items():
        blended[row] = unit(before[row] + weight * before[others].mean(axis=0))
    return blended


def test_pairs_are_those_of_all_documents_after_the_correction(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    in_memory = expanded(ROWS, INDEX.languages, groups=INDEX.groups)
    assert in_memory.expanded == ("de", "zh")
    assert min(in_memory.settings["pairs_right"].values()) > 0.9
    np.testing.assert_allclose(in_memory.apply(ROWS), by_definition(INDEX, ROWS), atol=1e-6)
    corrected_by = expanded(INDEX.rows, INDEX.languages, correction=CENTER)
    assert corrected_by.digest == in_memory.digest
    with StoreWriter(tmp_path / "store", EncoderRecord(name="m", kind="http"), "documents") as writer:
        writer.append(INDEX.rows, [str(row) for row in range(240)], INDEX.languages, INDEX.groups)
    monkeypatch.setattr("clinometer.mining.pairs._BLOCK", 50)
    monkeypatch.setattr(expansion, "_BLOCK", 50)
    stored = expanded(EmbeddingStore.open(tmp_path / "store"), correction=CENTER)
    assert stored.digest == in_memory.digest
    assert stored.settings["pairs_right"] == in_memory.settings["pairs_right"]
    np.testing.assert_array_equal(stored.apply(ROWS), in_memory.apply(ROWS))


@pytest.mark.parametrize("share", [1.0, 0.5, 0.2])
@pytest.mark.parametrize("after_turn", [False, True])
def test_translations_come_together(share: float, after_turn: bool) -> None:
    index = translated_index(SIZES, share, seed=1)
    correction: Any = Center.fit(index.rows, index.languages)
    if after_turn:
        correction = turned(correction, index.rows, index.languages)
    rows = correction.apply(index.rows, index.languages)
    by_pairs = expanded(rows, index.languages, groups=index.groups)
    assert by_pairs.expanded == ("de", "zh")
    assert min(by_pairs.settings["pairs_right"].values()) > 0.7
    place = {(label, group): row for row, (label, group) in enumerate(zip(index.languages, index.groups, strict=True))}
    pairs = [
        (row, place["de", group]) for (label, group), row in place.items() if label == "en" and ("de", group) in place
    ]
    own, other = np.array(pairs).T
    after = by_pairs.apply(rows)
    change = (after[own] * after[other]).sum(axis=1) - (rows[own] * rows[other]).sum(axis=1)
    assert change.mean() > 0.05
    assert np.mean(change < -0.05) < 0.1


@pytest.mark.parametrize("sizes", [SIZES, {"en": 500, "de": 40}, {"en": 60, "de": 600}])
@pytest.mark.parametrize("seed", range(2))
def test_an_index_without_translations_is_refused(sizes: dict[str, int], seed: int) -> None:
    index = translated_index(sizes, 0.0, seed=seed)
    rows = Center.fit(index.rows, index.languages).apply(index.rows, index.languages)
    with pytest.raises(
        UsageError, match=r"for an expansion \(de: \d+ pairs?, .* more than chance .*; leave the expansi"
    ):
        expanded(rows, index.languages)


def test_a_language_without_enough_pairs_stays() -> None:
    few = [row for row, label in enumerate(INDEX.languages) if label != "zh"] + [
        row for row, label in enumerate(INDEX.languages) if label == "zh"
    ][:15]
    index = INDEX.taken(few)
    rows = CENTER.apply(index.rows, index.languages)
    by_pairs = expanded(rows, index.languages)
    assert by_pairs.expanded == ("de",)
    assert by_pairs.notices()[0].startswith("zh is not expanded: ")
    np.testing.assert_array_equal(by_pairs.apply(rows)[-15:], rows[-15:])


def test_equal_documents_stay_equal() -> None:
    labels = np.array(INDEX.languages)
    again = [int(np.flatnonzero(labels == label)[row]) for label in ("de", "en") for row in range(30)]
    index = INDEX.taken([*range(len(labels)), *again])
    rows = CENTER.apply(index.rows, index.languages)
    by_pairs = expanded(rows, index.languages)
    after = by_pairs.apply(rows)
    np.testing.assert_array_equal(after[len(labels) :], after[again])
    blended = set(by_pairs.documents.tolist())
    assert any(row in blended for row in again)
    assert by_pairs.settings["documents_expanded"] == len(blended)


# what is refused, and what is recorded


@pytest.mark.parametrize("weight", [-0.1, 1.5, float("nan"), float("inf"), True, "0.5", None])
def test_weights_that_cannot_be_used(weight: Any) -> None:
    with pytest.raises(UsageError, match=r"weight"):
        Expansion.of({"de": pairs_of((0, 1))}, 2, weight=weight, least=1)
    with pytest.raises(UsageError, match=r"weight"):
        expanded(ROWS, INDEX.languages, weight=weight)


def test_what_is_refused() -> None:
    with pytest.raises(LanguageError, match=r"no documents in fr, only in de, en, zh; choose another pivot"):
        expanded(ROWS, INDEX.languages, pivot="fr")
    with pytest.raises(UsageError, match=r"languages of the documents are missing"):
        expanded(ROWS)
    with pytest.raises(UsageError, match=r"no language has enough .* for an expansion \(no other language\)"):
        expanded(ROWS, ["en"] * len(ROWS))
    with pytest.raises(UsageError, match=r"margin is 0.5"):
        expanded(ROWS, INDEX.languages, margin=0.5)
    with pytest.raises(UsageError, match=r"2 groups for 240 documents"):
        expanded(ROWS, INDEX.languages, groups=["a", "b"])
    with pytest.raises(EmbeddingError, match=r"1 rows are zero, NaN or infinite"):
        expanded(np.where(np.arange(240)[:, None] == 7, np.nan, ROWS), INDEX.languages)
    by_pairs = expanded(ROWS, INDEX.languages)
    with pytest.raises(EmbeddingError, match=r"shape \(239, 48\), but the expansion is of an index of 240 documents"):
        by_pairs.apply(ROWS[1:])
    opposite = Expansion.of({"de": pairs_of((0, 1))}, 2, weight=1.0, least=1)
    with pytest.raises(EmbeddingError, match=r"nothing is left of 2 rows after the expansion .*; lower its weight"):
        opposite.apply(np.array([[1.0, 0.0, 0.0], [-1.0, 0.0, 0.0]]))
    with pytest.raises(UsageError, match=r"do not say which documents"):
        Expansion.of({"de": MinedPairs(ROWS[:1], ROWS[:1], np.ones(1), 1)}, 2, least=1)
    with pytest.raises(UsageError, match=r"of documents that an index of 2 does not have"):
        Expansion.of({"de": pairs_of((0, 2))}, 2, least=1)


def test_the_record_of_documents_names_it_and_queries_need_not() -> None:
    by_pairs = expanded(ROWS, INDEX.languages, groups=INDEX.groups)
    record = EncoderRecord(
        name="model + center", kind="http", revision="7", remedies=[{"method": "center", "digest": "a"}]
    )
    after = by_pairs.recorded(record)
    assert (after.name, after.revision) == ("model + center + expansion", f"7; expansion {by_pairs.digest}")
    entry = after.remedies[1]
    assert (entry["method"], entry["digest"], entry["settings"]["weight"]) == ("expansion", by_pairs.digest, 0.5)
    assert entry["settings"]["pairs"] == {label: by_pairs.settings["pairs"][label] for label in ("de", "zh")}
    assert entry["settings"]["median_margins"]["de"] > 1.3
    assert without_expansion(after) == record
    assert without_expansion(by_pairs.recorded(EncoderRecord(name="m", kind="http"))).revision == ""
    assert mixed_encoders(after, record) == []
    assert len(mixed_encoders(after, EncoderRecord(name="model", kind="http"))) == 1
    with pytest.raises(UsageError, match=r"the documents of model \+ center \+ expansion are expanded already"):
        by_pairs.recorded(after)
    plain: dict[str, Any] = {"name": record.name, "revision": record.revision, "remedies": record.remedies}
    known = {"name": after.name, "revision": after.revision, "remedies": after.remedies}
    assert known_before(known) == with_weight(plain, 0.5)


def test_the_digest_depends_on_pairs_and_weight() -> None:
    one = Expansion.of({"de": pairs_of((0, 1))}, 3, least=1)
    assert one.digest == Expansion.of({"zh": pairs_of((0, 1))}, 3, least=1).digest
    others = [
        Expansion.of({"de": pairs_of((0, 2))}, 3, least=1),
        Expansion.of({"de": pairs_of((0, 1))}, 3, weight=0.4, least=1),
        Expansion.of({"de": pairs_of((0, 1))}, 4, least=1),
    ]
    assert len({each.digest for each in [one, *others]}) == 4
