"""Each method on planted cases: what was put in is taken out, and nothing else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from clinometer.correction import Calibration, Center, Lir, Shift, choose
from clinometer.correction.sample import by_language
from clinometer.errors import LanguageError, UsageError
from clinometer.vectors import unit_rows


def unit(rows: NDArray[Any]) -> NDArray[np.float64]:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float64)


def sample(languages: int = 3, texts: int = 40, dimension: int = 12, seed: int = 0) -> tuple[NDArray[Any], list[str]]:
    """Texts with a common part, a part of their language, and a topic."""
    draw = np.random.default_rng(seed)
    shifts = np.repeat(draw.normal(size=(languages, dimension)), texts, axis=0)
    labels = [label for label in ("de", "en", "th", "zh")[:languages] for _ in range(texts)]
    return unit(1.0 + 0.5 * shifts + draw.normal(size=(languages * texts, dimension))), labels


# centering


def test_center_by_hand() -> None:
    # en: mean of (1, 0, 0) and (0.6, 0.8, 0) is (0.8, 0.4, 0); half of it leaves (0.6, -0.2, 0) of the first.
    rows = [[2.0, 0.0, 0.0], [0.6, 0.8, 0.0], [0.0, 0.0, 1.0]]
    center = Center.fit(rows, ["en", "en", "de"], strength=0.5, shrinkage=0.0, directions=0)
    wanted = [[0.0, 0.0, 1.0], [0.8, 0.4, 0.0], [0.4, 0.2, 0.5]]
    np.testing.assert_allclose(center.arrays["document_offsets"], wanted)
    np.testing.assert_allclose(
        center.apply([[5.0, 0.0, 0.0]], ["en"]), np.array([[0.6, -0.2, 0.0]]) / 0.4**0.5, atol=1e-6
    )


def test_means_are_zero_after_full_centering_before_scaling() -> None:
    rows, labels = sample()
    center = Center.fit(rows, labels, strength=1.0, shrinkage=0.0, directions=0)
    codes = np.array([center.languages.index(label) for label in labels])
    changed = center._changed(unit_rows(rows, "documents"), codes, "documents")
    for label, group in by_language(rows, labels, "documents").items():
        mine = changed[codes == center.languages.index(label)]
        assert len(mine) == len(group)
        np.testing.assert_allclose(mine.mean(axis=0), 0, atol=1e-15)


def test_strength_zero_without_directions_only_scales() -> None:
    rows, labels = sample()
    center = Center.fit(rows, labels, strength=0.0, directions=0)
    np.testing.assert_allclose(center.apply(rows * 3, labels), rows, atol=1e-7)


def test_queries_lose_their_own_means_or_those_asked_for() -> None:
    rows, labels = sample()
    asked, asked_labels = sample(seed=1)
    options: dict[str, Any] = {"strength": 1.0, "shrinkage": 0.0, "directions": 0}
    own = Center.fit(rows, labels, asked, asked_labels, **options)
    np.testing.assert_array_equal(
        own.apply_queries(asked, asked_labels), Center.fit(asked, asked_labels, **options).apply(asked, asked_labels)
    )
    shared = Center.fit(rows, labels, **options)
    assert shared.describe()["query_means"] == "documents"
    np.testing.assert_array_equal(shared.apply_queries(asked, asked_labels), shared.apply(asked, asked_labels))
    none = Center.fit(rows, labels, query_means="none", **options)
    np.testing.assert_allclose(none.apply_queries(asked, asked_labels), asked, atol=1e-7)
    other = own.with_strength(0.5, 0.25)
    assert (other.settings["strength"], other.settings["query_strength"]) == (0.5, 0.25)
    options |= {"strength": 0.5, "query_strength": 0.25}
    again = Center.fit(rows, labels, asked, asked_labels, **options)
    np.testing.assert_array_equal(other.apply(rows, labels), again.apply(rows, labels))
    np.testing.assert_array_equal(other.apply_queries(rows, labels), again.apply_queries(rows, labels))


@pytest.mark.parametrize(
    ("options", "strengths"),
    [
        ({}, (1.0, 0.7)),
        ({"query_strength": 0.5}, (1.0, 0.5)),
        ({"strength": 0.8}, (0.8, 0.8)),
        ({"strength": 0.8, "query_strength": 0.5}, (0.8, 0.5)),
        ({"query_means": "none"}, (1.0, 0.0)),
    ],
)
def test_which_strengths_are_taken(options: dict[str, Any], strengths: tuple[float, float]) -> None:
    found = Center.fit(*sample(), **options).settings
    assert (found["strength"], found["query_strength"]) == strengths
    assert found["strength_by"] == ("hand" if "strength" in options else "rule")


def test_queries_of_unknown_language_lose_the_mean_of_the_languages_means() -> None:
    rows = [[1.0, 0.0, 0.0]] * 3 + [[0.0, 1.0, 0.0]]  # three to one, but each language weighs the same
    center = Center.fit(rows, ["en"] * 3 + ["de"], strength=1.0, shrinkage=0.0, directions=0)
    np.testing.assert_allclose(center.apply_queries([[0.0, 0.0, 1.0]]), unit(np.array([[-0.5, -0.5, 1.0]])), atol=1e-6)


def test_shrinkage_by_hand() -> None:
    # Means (1, 0)·cos and so on: two languages, two texts each, in the plane of (common, language, topic).
    rows = np.array([[0.8, 0.0, 0.6], [0.8, 0.0, -0.6], [0.0, 0.8, 0.6], [0.0, 0.8, -0.6]])
    center = Center.fit(rows, ["de", "de", "en", "en"], directions=0)
    # Within: 4 · 0.36 / 2 left = 0.72; chance 0.36. Seen between: 2 · 0.32 / 1 = 0.64; true 0.28; kept 0.28 / 0.64.
    assert center.settings["weights"] == pytest.approx({"de": 0.4375, "en": 0.4375})
    np.testing.assert_allclose(
        center.arrays["document_offsets"], [[0.4 + 0.175, 0.4 - 0.175, 0], [0.225, 0.575, 0], [0.4, 0.4, 0]], atol=1e-12
    )


def test_shrinkage_fades_with_texts_and_moves_languages_with_few_texts_most() -> None:
    kept = [min(Center.fit(*sample(texts=texts)).settings["weights"].values()) for texts in (3, 10, 100)]
    assert kept == sorted(kept)
    assert kept[-1] > 0.95
    rows, labels = sample(texts=50)
    rows, labels = rows[46:], labels[46:]  # four of de
    weights = Center.fit(rows, labels).settings["weights"]
    assert weights["de"] < weights["en"] == weights["th"]
    np.testing.assert_allclose(
        Center.fit(rows, labels, shrinkage=1.0).arrays["document_offsets"][0],
        Center.fit(rows, labels, shrinkage=0.0).arrays["document_offsets"][-1],
    )


def test_shrinkage_comes_nearer_to_the_true_means() -> None:
    draw = np.random.default_rng(3)
    truth = 1.0 + 0.2 * draw.normal(size=(4, 30))
    labels = [label for label in ("de", "en", "th", "zh") for _ in range(4)]
    wins = 0
    for _ in range(20):
        rows = np.repeat(truth, 4, axis=0) + 0.5 * draw.normal(size=(16, 30))
        many = {
            label: unit(truth[k] + 0.5 * draw.normal(size=(2000, 30))).mean(0) for k, label in enumerate(labels[::4])
        }
        target = np.stack(list(many.values()))
        error = [
            np.square(Center.fit(rows, labels, shrinkage=how).arrays["document_offsets"][:-1] - target).sum()
            for how in ("auto", 0.0)
        ]
        wins += error[0] < error[1]
    assert wins == 20


def test_directions_between_languages_are_taken_out_of_documents_and_queries() -> None:
    rows, labels = sample(texts=200)
    center = Center.fit(rows, labels, shrinkage=0.0, directions=2)
    between = center.arrays["document_offsets"][:-1] - center.arrays["document_offsets"][-1]
    probes = np.random.default_rng(5).normal(size=(6, 12))
    for out in (
        center.apply(probes, ["de", "en"] * 3),
        center.apply_queries(probes),
        center.apply_queries(probes, ["th"] * 6),
    ):
        np.testing.assert_allclose(out @ between.T, 0, atol=1e-6)
    # With every direction out, a query's language makes no difference where queries share the documents' means.
    np.testing.assert_allclose(center.apply_queries(probes), center.apply_queries(probes, ["th"] * 6), atol=1e-6)


def test_directions_by_rule_are_those_beyond_chance() -> None:
    draw = np.random.default_rng(0)
    noise = 0.3 * draw.normal(size=(900, 64))
    labels = ["de", "en", "th"] * 300
    assert Center.fit(1.0 + noise, labels).settings["directions_removed"] == 0
    planted = noise.copy()
    planted[0::3, 0] += 3
    assert Center.fit(1.0 + planted, labels).settings["directions_removed"] == 1
    planted[1::3, 1] += 3
    center = Center.fit(1.0 + planted, labels)
    assert center.settings["directions_removed"] == 2
    span = center.arrays["directions"]
    np.testing.assert_allclose(span @ span.T, np.eye(2), atol=1e-12)
    # Never more than an eighth of the dimensions by rule, and at most languages - 1 by hand.
    rows, many = sample(languages=4, texts=100, dimension=8)
    assert Center.fit(rows, many).settings["directions_removed"] == 1
    assert Center.fit(rows, many, directions=3).settings["directions_removed"] == 3


def test_applying_a_projection_twice_changes_nothing() -> None:
    rows, labels = sample()
    for correction in (Lir.fit(rows, labels, components=3), Center.fit(rows, labels, strength=0.0, directions=2)):
        once = correction.apply(rows, labels)
        np.testing.assert_allclose(correction.apply(once, labels), once, atol=2e-7)
        assert not np.allclose(once, rows, atol=1e-2)


def test_one_language_alone() -> None:
    rows, labels = sample(languages=1)
    center = Center.fit(rows, labels, strength=1.0)
    assert (center.settings["directions_removed"], center.settings["weights"]) == (0, {"de": 1.0})
    np.testing.assert_allclose(center.apply_queries(rows), center.apply(rows, labels), atol=1e-7)
    assert Lir.fit(rows, labels).apply(rows, labels).shape == rows.shape
    assert Calibration.fit(rows, labels, rows, labels).output_dimension == 15
    groups = [str(row) for row in range(len(rows))]
    np.testing.assert_allclose(Shift.fit(rows, labels, groups, pivot="de").apply(rows, labels), rows, atol=1e-7)


def test_one_text_in_each_language_tells_nothing_of_chance() -> None:
    center = Center.fit([[1.0, 0.0], [0.6, 0.8]], ["en", "de"])
    assert center.settings["weights"] == {"de": 1.0, "en": 1.0}


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"strength": -0.1}, "strength is -0.1, but must be a number of 0 or more"),
        ({"strength": float("nan")}, "strength is nan"),
        ({"strength": "full"}, "strength is 'full'"),
        ({"query_strength": -1}, "query_strength is -1"),
        ({"shrinkage": 1.5}, "shrinkage is 1.5, but must be 'auto' or lie between 0 and 1"),
        ({"directions": 3}, "directions is 3, but the means of 3 languages in 12 dimensions differ along 2 at most"),
        ({"directions": -1}, "directions is -1, but must be"),
        ({"directions": 1.5}, "directions is 1.5, but must be"),
        ({"query_means": "mine"}, "query_means is 'mine', but must be one of own, documents, none"),
        ({"query_means": "own"}, "query_means is 'own', but there are no queries"),
    ],
)
def test_center_refuses(options: dict[str, Any], text: str) -> None:
    with pytest.raises(UsageError, match=text):
        Center.fit(*sample(), **options)


@pytest.mark.parametrize("languages", [None, 5, {"en": 1}, ["en"], "en", np.array([["en"] * 6])])
@pytest.mark.parametrize("kind", [Center, Lir])
def test_languages_that_are_not_one_for_each_row_are_refused(kind: Any, languages: Any) -> None:
    with pytest.raises(UsageError, match=r"one language for each row"):
        kind.fit(sample()[0], languages)


def test_center_refuses_queries_that_would_not_be_used() -> None:
    with pytest.raises(UsageError, match="the queries would not be used"):
        Center.fit(*sample(), *sample(), query_means="none")


# LIR


def test_lir_removes_a_planted_direction() -> None:
    draw = np.random.default_rng(0)
    basis = np.linalg.qr(draw.normal(size=(20, 20)))[0]
    planted = {"de": basis[0], "en": basis[1]}
    labels = ["de"] * 50 + ["en"] * 50
    half = 0.5 * draw.normal(size=(50, 18)) @ basis[2:]
    # Topics in opposite pairs, so that they do not tilt the mean: each language's first component is the planted one.
    topics = np.stack([half, -half], axis=1).reshape(100, 20)
    rows = topics + np.array([planted[label] for label in labels])
    lir = Lir.fit(rows, labels, components=1)
    out = lir.apply(rows, labels)
    np.testing.assert_allclose(out, unit(topics), atol=1e-6)
    np.testing.assert_allclose(np.einsum("nd,d->n", out[:50], lir.arrays["document_components"][0, 0]), 0, atol=1e-6)


def test_lir_by_hand_and_centred() -> None:
    rows = [[0.8, 0.6, 0.0], [0.8, -0.6, 0.0]]
    plain = Lir.fit(rows, ["en", "en"])
    np.testing.assert_allclose(np.abs(plain.arrays["document_components"][0]), [[1, 0, 0]], atol=1e-12)
    more = [[0.8, 0.6, 0.0], [0.8, -0.6, 0.0], [0.8, 0.6, 0.0]]
    centred = Lir.fit(more, ["en"] * 3, centred=True)
    np.testing.assert_allclose(centred.arrays["document_components"][0], [[0, 1, 0]], atol=1e-12)
    np.testing.assert_allclose(centred.apply(rows, ["en", "en"]), [[1, 0, 0]] * 2, atol=1e-6)


def test_lir_of_unknown_language_weighs_languages_the_same() -> None:
    rows = [[1.0, 0.0, 0.1]] * 30 + [[0.0, 1.0, 0.1]] * 3
    lir = Lir.fit(rows, ["en"] * 30 + ["de"] * 3)
    np.testing.assert_allclose(lir.arrays["document_components"][2, 0, :2], [np.sqrt(0.5)] * 2, atol=0.02)


def test_lir_queries_own_or_shared() -> None:
    rows, labels = sample()
    asked, asked_labels = sample(seed=1)
    shared, own = Lir.fit(rows, labels), Lir.fit(rows, labels, asked, asked_labels)
    assert (shared.settings["queries"], own.settings["queries"]) == ("documents", "own")
    np.testing.assert_array_equal(shared.apply_queries(rows, labels), shared.apply(rows, labels))
    np.testing.assert_array_equal(own.apply_queries(rows, labels), Lir.fit(asked, asked_labels).apply(rows, labels))


@pytest.mark.parametrize(("components", "text"), [(0, "components is 0"), (12, "between 1 and 11"), (5, r"en \(3\)")])
def test_lir_refuses(components: int, text: str) -> None:
    rows, labels = sample(languages=2)
    with pytest.raises(UsageError, match=text):
        Lir.fit(rows[:43], labels[:43], components=components)


# SHIFT


def planted(strength: float = 0.4) -> tuple[NDArray[Any], list[str], list[str]]:
    """Unit rows whose translations differ by exactly one offset: the pivot lies on a sphere around minus half of it."""
    draw = np.random.default_rng(0)
    topics = unit(draw.normal(size=(25, 9)))
    ends = np.full((25, 1), strength)
    flat = np.sqrt(1 - strength**2) * topics
    rows = np.concatenate([np.hstack([flat, -ends]), np.hstack([flat, ends])])
    return rows, ["en"] * 25 + ["de"] * 25, [str(row % 25) for row in range(50)]


def test_shift_recovers_a_planted_offset() -> None:
    rows, labels, groups = planted()
    shift = Shift.fit(rows, labels, groups)
    offset = np.zeros(10)
    offset[-1] = 0.8
    np.testing.assert_allclose(shift.arrays["document_offsets"], [offset, 0 * offset, offset / 2], atol=1e-15)
    out = shift.apply(rows, labels)
    np.testing.assert_allclose(out[25:], rows[:25], atol=1e-7)  # each translation falls on its original
    np.testing.assert_allclose(out[:25], rows[:25], atol=1e-7)
    assert shift.settings["pairs_fitted"] == {"de": 25, "en": 25}


def test_shift_uses_pairs_only_and_any_order() -> None:
    rows, labels, groups = planted()
    extra = np.concatenate([rows, unit(np.random.default_rng(1).normal(size=(5, 10)))])[::-1]
    shift = Shift.fit(extra, (labels + ["de"] * 5)[::-1], (groups + [f"alone {n}" for n in range(5)])[::-1])
    assert shift.settings["pairs_fitted"] == {"de": 25, "en": 25}
    assert shift.arrays["document_offsets"][0, -1] == pytest.approx(0.8)


def test_shift_options() -> None:
    rows, labels, groups = planted()
    half = Shift.fit(rows, labels, groups, strength=0.5)
    assert half.apply(rows, labels)[25:, -1] == pytest.approx(np.zeros(25), abs=1e-7)
    index_only = Shift.fit(rows, labels, groups, correct_queries=False)
    np.testing.assert_allclose(index_only.apply_queries(rows, labels), rows, atol=1e-7)
    queries = Shift.fit(rows, labels, groups, rows[:, ::-1], labels, groups)
    assert queries.arrays["query_offsets"][0, 0] == pytest.approx(0.8)
    centred = Shift.fit(rows, labels, groups, centre=True)
    np.testing.assert_allclose(centred.arrays["document_offsets"][1], rows[:25].mean(axis=0), atol=1e-15)
    np.testing.assert_allclose(centred.arrays["document_offsets"][0], rows[25:].mean(axis=0), atol=1e-15)
    flat = Shift.fit(rows, labels, groups, strength=0.0, directions=1)
    assert flat.apply(rows, labels)[:, -1] == pytest.approx(np.zeros(50), abs=1e-7)


def test_shift_refuses() -> None:
    rows, labels, groups = planted()
    with pytest.raises(LanguageError, match="the documents have no text of the pivot fr"):
        Shift.fit(rows, labels, groups, pivot="fra")
    with pytest.raises(UsageError, match="no text in de is a translation of one in en among the documents"):
        Shift.fit(rows, labels, [f"{label}{group}" for label, group in zip(labels, groups, strict=True)])
    with pytest.raises(UsageError, match="documents, row 1: the group '0' already has a text in en, at row 0"):
        Shift.fit(rows, labels, ["0"] * 50)
    with pytest.raises(UsageError, match="49 groups for 50 documents"):
        Shift.fit(rows, labels, groups[1:])


# calibration


@settings(max_examples=30)
@given(seed=st.integers(0, 2**32 - 1), scale=st.booleans(), strength=st.sampled_from([0.5, 1.0, 2.0]))
def test_cosine_of_folded_vectors_orders_as_the_calibrated_scores(seed: int, scale: bool, strength: float) -> None:
    documents, labels = sample(seed=seed)
    queries, asked = sample(seed=seed + 1, texts=10)
    fitted = Calibration.fit(documents, labels, queries, asked, strength=strength, scale=scale)
    means = np.array(
        [[(unit(queries[k * 10 : k * 10 + 10]) @ unit(documents[m * 40 : m * 40 + 40]).T).mean() for m in range(3)]
         for k in range(3)]
    )  # fmt: skip
    np.testing.assert_allclose(fitted.arrays["score_means"][:3, :3], means, atol=1e-12)
    codes = np.repeat(np.arange(3), 40)
    wanted = (
        fitted.arrays["scales"][codes] * (queries @ documents.T)
        - strength * means[np.repeat(np.arange(3), 10)][:, codes]
    )
    cosines = fitted.apply_queries(queries, asked).astype(np.float64) @ fitted.apply(documents, labels).T
    # For each query one positive factor, so the order is the same.
    factors = wanted / cosines
    np.testing.assert_allclose(cosines * np.median(factors, axis=1, keepdims=True), wanted, atol=1e-6)
    assert (np.median(factors, axis=1) > 0).all()


def test_calibration_evens_out_means_and_spreads() -> None:
    documents, labels = sample(texts=100)
    documents[:100, :4] *= 0.2
    documents = unit(documents)
    queries, asked = sample(seed=7)
    fitted = Calibration.fit(documents, labels, queries, asked, scale=True)
    spread = [np.sqrt(np.mean([(queries[k * 40 : k * 40 + 40] @ documents[m * 100 : m * 100 + 100].T).var()
              for k in range(3)])) for m in range(3)]  # fmt: skip
    np.testing.assert_allclose(fitted.arrays["scales"][:3] * spread, np.mean(spread))
    plain = Calibration.fit(documents, labels, queries, asked)
    scores = plain.apply_queries(queries, asked).astype(np.float64) @ plain.apply(documents, labels).T
    means = scores[:40].reshape(40, 3, 100).mean(axis=(0, 2))
    np.testing.assert_allclose(means, means[0], atol=1e-3)
    before = (queries @ documents.T)[:40].reshape(40, 3, 100).mean(axis=(0, 2))
    assert np.ptp(before) > 0.05


def test_calibration_refuses() -> None:
    rows, labels = sample()
    with pytest.raises(UsageError, match="strength is -1"):
        Calibration.fit(rows, labels, rows, labels, strength=-1)
    with pytest.raises(UsageError, match="3 languages for 120 queries"):
        Calibration.fit(rows, labels, rows, ["en"] * 3)


# samples


def test_choose_takes_the_same_few_of_each_language_each_time() -> None:
    labels = ["en"] * 50 + ["deu_Latn"] * 3 + ["de"] * 30
    rows = choose(labels, 10)
    assert (np.diff(rows) > 0).all()
    assert [int((rows < 50).sum()), int((rows >= 50).sum())] == [10, 10]
    np.testing.assert_array_equal(rows, choose(labels, 10))
    assert not np.array_equal(rows, choose(labels, 10, seed=1))
    np.testing.assert_array_equal(choose(labels, None), np.arange(83))
    assert len(choose(labels, 100)) == 83
    with pytest.raises(UsageError, match="cannot draw 0 texts per language"):
        choose(labels, 0)


@pytest.mark.parametrize("method", [Center, Lir, Shift])
def test_labels_may_be_arrays(method: Any) -> None:
    draw = np.random.default_rng(3)
    rows, labels, groups = draw.normal(size=(40, 6)), ["en", "de"] * 20, [str(row // 2) for row in range(40)]
    texts = [rows, labels, *([groups] if method is Shift else []), rows[:30], labels[:30]]
    texts += [groups[:30]] if method is Shift else []
    lists = method.fit(*texts)
    arrays = method.fit(*(np.array(value) for value in texts))
    np.testing.assert_array_equal(lists.apply(rows, labels), arrays.apply(rows, np.array(labels)))
