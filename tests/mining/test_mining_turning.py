"""A turn on indexes with many and few translations, near copies and uneven languages, and its file and record."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from support.translated_index import DIMENSION, TranslatedIndex, translated_index

from clinometer.correction import Center, MinedPairs, Turn, fit, load
from clinometer.correction.records import corrected_record
from clinometer.correction.remedies import Remedies
from clinometer.encoders import EncoderRecord
from clinometer.errors import FormatError, UsageError
from clinometer.mining import turned

SIZES = {"en": 300, "de": 300, "zh": 300}


def center(index: TranslatedIndex) -> Center:
    return Center.fit(index.rows, index.languages)


def nearness(rows: NDArray[Any], index: TranslatedIndex, label: str = "de") -> NDArray[np.float64]:
    """How much nearer each document's translation in the pivot is than its nearest neighbour of its own language."""
    labels, groups = np.array(index.languages), np.array(index.groups)
    pivot = {group: row for row, group in enumerate(groups.tolist()) if labels[row] == "en"}
    own = np.flatnonzero(labels == label)
    cosines = rows[own] @ rows[own].T
    cosines[groups[own][:, None] == groups[own][None]] = -1
    return np.array([
        rows[document] @ rows[pivot[groups[document]]] - cosines[place].max()
        for place, document in enumerate(own) if groups[document] in pivot
    ])  # fmt: skip


@pytest.mark.parametrize("share", [1.0, 0.5, 0.2])
@pytest.mark.parametrize("copies", [1, 3])
@pytest.mark.parametrize("seed", range(2))
def test_a_turn_brings_translations_together(share: float, copies: int, seed: int) -> None:
    index = translated_index(SIZES, share, seed=seed, copies=copies)
    centered = center(index)
    turn = turned(centered, index.rows, index.languages)
    assert turn.turned == ("de", "zh")
    before, after = (nearness(c.apply(index.rows, index.languages), index) for c in (centered, turn))
    assert after.mean() > before.mean() + 0.05
    assert np.mean(after > 0) >= np.mean(before > 0)


@pytest.mark.parametrize("sizes", [SIZES, {"en": 500, "de": 40}, {"en": 60, "de": 600}])
@pytest.mark.parametrize("copies", [1, 3])
@pytest.mark.parametrize("seed", range(2))
def test_an_index_without_translations_is_not_turned(sizes: dict[str, int], copies: int, seed: int) -> None:
    index = translated_index(sizes, 0.0, seed=seed, copies=copies)
    with pytest.raises(
        UsageError, match=r"no language has enough probable translations in en for a turn \(de: \d+ pai"
    ):
        turned(center(index), index.rows, index.languages)


@pytest.mark.parametrize("seed", range(3))
def test_few_translations_do_no_harm(seed: int) -> None:
    index = translated_index(SIZES, 0.05, seed=seed)
    centered = center(index)
    try:
        turn = turned(centered, index.rows, index.languages)
    except UsageError:
        return
    before, after = (nearness(c.apply(index.rows, index.languages), index) for c in (centered, turn))
    assert after.mean() >= before.mean()


@pytest.mark.parametrize("sizes", [{"en": 500, "de": 40}, {"en": 60, "de": 600}])
def test_uneven_languages_are_turned_where_they_are_translated(sizes: dict[str, int]) -> None:
    index = translated_index(sizes, seed=1)
    centered = center(index)
    turn = turned(centered, index.rows, index.languages, groups=index.groups)
    before, after = (nearness(c.apply(index.rows, index.languages), index) for c in (centered, turn))
    assert after.mean() > before.mean() + 0.03
    assert turn.settings["turn"]["pairs_right"]["de"] > 0.9


def test_a_language_without_enough_pairs_is_left_out_and_named() -> None:
    index = translated_index({"en": 300, "de": 300}, seed=5)
    other = translated_index({"en": 300, "de": 200}, 0.0, seed=6)
    rows = [row for row, label in enumerate(other.languages) if label == "de"]
    joined = TranslatedIndex(
        np.concatenate([index.rows, other.rows[rows]]), [*index.languages, *["zh"] * 200], [*index.groups, *["x"] * 200]
    )
    centered = center(joined)
    turn = turned(centered, joined.rows, joined.languages)
    assert turn.turned == ("de",)
    assert turn.settings["turn"]["left_out"] == ["zh"]
    assert turn.notices()[0].startswith("zh is centered, but not turned: ")
    assert "among 200 documents, of which chance explains" in turn.notices()[0]
    zh = [row for row, label in enumerate(joined.languages) if label != "de"]
    labels = [joined.languages[row] for row in zh]
    np.testing.assert_array_equal(turn.apply(joined.rows[zh], labels), centered.apply(joined.rows[zh], labels))


INDEX = translated_index({"de": 80, "en": 90, "zh": 70}, seed=9)
CENTER = Center.fit(INDEX.rows, INDEX.languages, INDEX.rows[::2] + 0.1, INDEX.languages[::2])
TURN = turned(CENTER, INDEX.rows, INDEX.languages, groups=INDEX.groups)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(["de", "en", "zh"]))
def test_scores_within_a_language_stay(seed: int, label: str) -> None:
    draw = np.random.default_rng(seed)
    documents, queries = (draw.normal(size=(size, DIMENSION)).astype(np.float32) for size in (6, 3))
    scores = [
        correction.apply_queries(queries, [label] * 3) @ correction.apply(documents, [label] * 6).T
        for correction in (CENTER, TURN)
    ]
    np.testing.assert_allclose(scores[0], scores[1], atol=2e-6)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, len(INDEX.languages) - 1), min_size=1, max_size=30))
def test_a_row_depends_on_itself_alone(rows: list[int]) -> None:
    whole = TURN.apply(INDEX.rows, INDEX.languages)
    np.testing.assert_array_equal(TURN.apply(INDEX.rows[rows], [INDEX.languages[row] for row in rows]), whole[rows])


def test_rotations_are_those_of_the_formula() -> None:
    draw = np.random.default_rng(0)
    own, pivot = (unit(draw.normal(size=(30, DIMENSION))) for _ in range(2))
    turn = Turn.fit(CENTER, {"de": MinedPairs(own, pivot, np.full(30, 1.5), 30)}, ridge=0.5)
    rotation = turn.arrays["rotations"][0].astype(np.float64)
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(DIMENSION), atol=1e-6)
    np.testing.assert_allclose(rotation.T @ rotation, np.eye(DIMENSION), atol=1e-6)
    # Of all orthogonal maps the polar factor has the largest trace with the matrix, which it makes symmetric.
    symmetric = rotation.T @ (own.T.astype(np.float64) @ pivot + 0.5 * np.eye(DIMENSION))
    np.testing.assert_allclose(symmetric, symmetric.T, atol=1e-6)
    assert np.linalg.eigvalsh((symmetric + symmetric.T) / 2).min() > -1e-6
    # A large ridge turns less.
    held = Turn.fit(CENTER, {"de": MinedPairs(own, pivot, np.full(30, 1.5), 30)}, ridge=1e6)
    np.testing.assert_allclose(held.arrays["rotations"][0], np.eye(DIMENSION), atol=1e-4)


def unit(rows: NDArray[Any]) -> NDArray[np.float32]:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


def test_rows_of_unknown_language_are_turned_by_the_mean_rotation() -> None:
    queries = INDEX.rows[:9]
    centered = CENTER.apply_queries(queries).astype(np.float64)
    total = TURN.arrays["rotations"].astype(np.float64).sum(axis=0) + np.eye(DIMENSION)  # en stays
    left, _, right = np.linalg.svd(total)
    np.testing.assert_allclose(TURN.apply_queries(queries), centered @ left @ right, atol=1e-6)
    with pytest.warns(UserWarning, match="left uncorrected"):
        left_as_is = TURN.apply(queries, [None] * 9, unknown="leave")
    np.testing.assert_allclose(left_as_is, unit(queries), atol=1e-6)


def test_the_file_gives_the_same_turn(tmp_path: Path) -> None:
    TURN.save(tmp_path / "turn.npz")
    read = load(tmp_path / "turn.npz")
    assert isinstance(read, Turn)
    assert (read.digest, read.describe()) == (TURN.digest, TURN.describe())
    assert read.center.digest == CENTER.digest
    np.testing.assert_array_equal(
        read.apply(INDEX.rows, INDEX.languages), TURN.apply(INDEX.rows, INDEX.languages)
    )  # fmt: skip


@pytest.mark.parametrize("damage", ["none", "scaled", "shape", "languages", "record", "margins"])
def test_a_damaged_file_is_refused(tmp_path: Path, damage: str) -> None:
    arrays, record = dict(TURN.arrays), dict(TURN.settings["turn"])
    rotations = arrays["rotations"]
    if damage == "none":
        del arrays["rotations"]
    elif damage == "scaled":
        arrays["rotations"] = 1.1 * rotations
    elif damage == "shape":
        arrays["rotations"] = rotations[:1]
    elif damage == "languages":
        record["turned"] = ["de", "fr"]
    elif damage == "record":
        record["pairs"] = {}
    else:
        record["margins"] = {"de": "wide"}
    Turn(TURN.languages, TURN.query_languages, arrays, {**TURN.settings, "turn": record}).save(tmp_path / "turn.npz")
    with pytest.raises(FormatError, match="damaged correction"):
        load(tmp_path / "turn.npz")


def test_the_record_names_the_centering_first_and_the_pairs() -> None:
    record = corrected_record(EncoderRecord(name="model", kind="http", dimension=DIMENSION), TURN)
    assert record.name == "model + center + turn"
    first, second = record.remedies
    assert (first["method"], first["digest"]) == ("center", CENTER.digest)
    assert (second["method"], second["digest"]) == ("turn", TURN.digest)
    assert second["settings"]["pairs"] == TURN.settings["turn"]["pairs"]
    assert second["settings"]["pairs_right"] == {"de": 1.0, "zh": 1.0}
    assert second["settings"]["median_margins"]["de"] > 1.3
    for again in (CENTER, TURN):
        with pytest.raises(UsageError, match="was already applied"):
            Remedies(correction=again).record(record)


@pytest.mark.parametrize(
    ("pairs", "chance", "turns"), [(30, 24.0, True), (30, 24.1, False), (20, 0, True), (19, 0, False)]
)
def test_a_language_is_turned_by_more_pairs_than_chance_explains(pairs: int, chance: float, turns: bool) -> None:
    rows = unit(np.random.default_rng(1).normal(size=(pairs, DIMENSION)))
    twice = np.concatenate([rows, rows])
    certain = MinedPairs(twice, twice, np.full(2 * pairs, 1.5), tried=99)
    doubtful = MinedPairs(rows, rows, np.full(pairs, 1.5), tried=99, chance=chance)
    turn = Turn.fit(CENTER, {"de": certain, "zh": doubtful})
    assert turn.turned == (("de", "zh") if turns else ("de",))


def test_what_a_turn_cannot_follow() -> None:
    lir = fit("lir", INDEX.rows, INDEX.languages)
    with pytest.raises(UsageError, match=r"center is Lir.* but must be Center"):
        turned(lir, INDEX.rows, INDEX.languages)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="a turn follows a centering, but got Turn"):
        Turn.fit(TURN, {})  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="ridge is 0, but must be a number above 0"):
        turned(CENTER, INDEX.rows, INDEX.languages, ridge=0)
    with pytest.raises(UsageError, match=r"fitted after centering at strength 1.0, so cannot follow strength 0.5"):
        TURN.with_strength(0.5)
    with pytest.raises(UsageError, match=r"no language has enough .* \(no other language\)"):
        Turn.fit(CENTER, {})
    with pytest.raises(UsageError, match="the pairs have 3 and 3 dimensions, but the centering has 48"):
        Turn.fit(CENTER, {"de": MinedPairs(np.eye(3), np.eye(3), np.full(3, 2.0), 3)}, least=1)
