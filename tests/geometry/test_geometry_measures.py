"""Geometry of parallel embeddings: exact small examples, what must not change a value, and the whole matrix at once."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from math import exp, isnan, log, sqrt
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from support.interpreter import python

from clinometer.errors import EmbeddingError, UsageError
from clinometer.geometry import (
    bitext_accuracy,
    embedding_mismatch,
    isotropy,
    language_gap_norm,
    linear_cka,
    margin,
    mexa,
    pairs,
)

Rows = NDArray[np.float64]
PAIRED: dict[str, Callable[..., float]] = {
    "mexa": mexa,
    "bitext_accuracy": bitext_accuracy,
    "margin": margin,
    "language_gap_norm": language_gap_norm,
    "linear_cka": linear_cka,
    "l1": lambda one, two: embedding_mismatch(one, two).l1,
    "jsd": lambda one, two: embedding_mismatch(one, two).jsd,
}


def drawn(seed: int, rows: int, dimension: int) -> tuple[Rows, Rows]:
    rng = np.random.default_rng(seed)
    first = rng.normal(size=(rows, dimension))
    return first, 0.6 * first + rng.normal(size=(rows, dimension)) + 0.5


sizes = {"seed": st.integers(0, 1 << 16), "rows": st.integers(2, 9), "dimension": st.integers(2, 6)}


@settings(max_examples=60)
@given(**sizes)
def test_against_the_whole_matrix(seed: int, rows: int, dimension: int) -> None:
    first, second = drawn(seed, rows, dimension)
    cosine = np.array([[a @ b / sqrt(a @ a) / sqrt(b @ b) for b in second] for a in first])
    own, rest = np.diag(cosine), ~np.eye(rows, dtype=bool)
    best = [max(*cosine[i][rest[i]], *cosine[:, i][rest[:, i]]) for i in range(rows)]
    assert mexa(first, second) == pytest.approx(np.mean(own > best))
    both = [np.mean(matrix.argmax(axis=1) == np.arange(rows)) for matrix in (cosine, cosine.T)]
    assert bitext_accuracy(first, second) == pytest.approx(np.mean(both))
    assert margin(first, second) == pytest.approx(own.mean() - cosine[rest].mean())
    x, y = first - first.mean(axis=0), second - second.mean(axis=0)
    cka = np.sum((y.T @ x) ** 2) / sqrt(np.sum((x.T @ x) ** 2) * np.sum((y.T @ y) ** 2))
    assert linear_cka(first, second) == pytest.approx(cka)
    unit = [z / np.linalg.norm(z, axis=1)[:, None] for z in (first, second)]
    assert language_gap_norm(first, second) == pytest.approx(np.linalg.norm(unit[0].mean(0) - unit[1].mean(0)))
    raw = language_gap_norm(first, second, read="raw")
    assert raw == pytest.approx(np.linalg.norm(first.mean(0) - second.mean(0)))


@settings(max_examples=60)
@given(**sizes)
def test_what_must_not_change_a_value(seed: int, rows: int, dimension: int) -> None:
    first, second = drawn(seed, rows, dimension)
    rng = np.random.default_rng(seed + 1)
    turn, _ = np.linalg.qr(rng.normal(size=(dimension, dimension)))
    order = rng.permutation(rows)
    for name, measured in PAIRED.items():
        value = measured(first, second)
        assert measured(second, first) == pytest.approx(value), name
        assert measured(first[order], second[order]) == pytest.approx(value), name
        if name not in ("l1", "jsd"):
            assert measured(first @ turn, second @ turn) == pytest.approx(value), name
            assert measured(7 * first, 7 * second) == pytest.approx(value), name
    assert linear_cka(first, 3 * second @ turn + 5) == pytest.approx(linear_cka(first, second))
    one = isotropy(first)
    assert isotropy(first @ turn).partition_ratio == pytest.approx(one.partition_ratio, rel=1e-6)
    assert isotropy(-first).partition_ratio == pytest.approx(one.partition_ratio)
    assert isotropy(5 * first).average_cosine == pytest.approx(one.average_cosine)


@settings(max_examples=40)
@given(seed=st.integers(0, 1 << 16), rows=st.integers(2, 9), dimension=st.integers(2, 6), block=st.integers(1, 10))
def test_blocks_never_show(seed: int, rows: int, dimension: int, block: int) -> None:
    first, second = drawn(seed, rows, dimension)
    whole = pairs.cosines(first, second)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pairs, "_BLOCK", block)
        found = pairs.cosines(first, second)
    assert (found.above == whole.above).all()
    assert (found.equal == whole.equal).all()


def test_the_same_embeddings_match_perfectly() -> None:
    first, _ = drawn(1, 6, 4)
    values = {name: measured(first, first) for name, measured in PAIRED.items()}
    assert values["mexa"] == values["bitext_accuracy"] == 1.0
    assert values["l1"] == values["jsd"] == values["language_gap_norm"] == 0.0
    assert values["linear_cka"] == pytest.approx(1.0)


def test_mexa_needs_both_directions_and_no_tie() -> None:
    # The second target text lies between the first pivot text and its own.
    assert mexa([[1, 0], [0, 1]], [[1, 0], [2, 1]]) == 0.5
    assert mexa([[1, 0], [2, 1]], [[1, 0], [0, 1]]) == 0.5
    twins = [[1, 0], [1, 0], [0, 1]]
    assert mexa(twins, [[1.0, 0.0], [0.9, 0.1], [0.0, 1.0]]) == pytest.approx(1 / 3)
    assert mexa(twins, twins) == pytest.approx(1 / 3)


def test_ties_count_by_chance_in_bitext_accuracy() -> None:
    twins = [[1.0, 0.0], [2.0, 0.0], [0.0, 1.0]]
    assert bitext_accuracy(twins, twins) == pytest.approx((0.5 + 0.5 + 1) / 3)
    same = np.ones((8, 3))
    assert bitext_accuracy(same, same) == pytest.approx(1 / 8)
    # Duplicates that differ only by rounding tie, too.
    rng = np.random.default_rng(3)
    rows = np.repeat(rng.normal(size=(40, 33)), 2, axis=0)
    assert bitext_accuracy(rows, rows * rng.uniform(0.5, 2, size=(80, 1))) == pytest.approx(0.5)


def test_margin_by_hand() -> None:
    assert margin([[1, 0], [0, 1]], [[0, 1], [1, 0]]) == -1.0
    # Cosines 1, 0.6; 0, 0.8.
    assert margin([[1, 0], [0, 1]], [[1, 0], [3, 4]]) == pytest.approx(0.9 - 0.3)


def test_mismatch_by_hand() -> None:
    found = embedding_mismatch([[1, 0], [1, 0]], [[0, 1], [1, 0]])
    assert found.l1 == 1.0
    assert found.jsd == pytest.approx(0.3330827 / 2, abs=1e-7)
    assert embedding_mismatch([[3, 4]], [[4, 3]], read="normalized").l1 == pytest.approx(0.4)
    assert embedding_mismatch([[3, 4]], [[4, 3]], read="scaled").l1 == pytest.approx(0.4 * sqrt(2))


def test_mismatch_keeps_its_digits_near_zero_and_far_away() -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(1, 8))
    steps = [embedding_mismatch(rows, rows + shift * np.eye(1, 8)).jsd for shift in (1e-3, 1e-5, 1e-7, 1e-9)]
    for far, near in pairwise(steps):
        assert far / near == pytest.approx(100, rel=1e-2)
    far_apart = embedding_mismatch([[1000.0, -1000.0, 0.1]], [[-1000.0, 1000.0, 0.1]])
    assert far_apart.jsd == pytest.approx(sqrt(log(2)))


def test_nearly_uniform_softmax_is_the_distance_over_the_root_of_8d() -> None:
    rng = np.random.default_rng(2)
    first = rng.normal(size=(20, 768))
    second = first + 0.1 * rng.normal(size=first.shape)
    unit = [z / np.linalg.norm(z, axis=1)[:, None] for z in (first, second)]
    wanted = np.linalg.norm(unit[0] - unit[1], axis=1).mean() / sqrt(8 * 768)
    assert embedding_mismatch(first, second, read="normalized").jsd == pytest.approx(wanted, rel=0.01)


def test_a_language_gap_of_two_means_opposite_languages() -> None:
    assert language_gap_norm([[2, 0], [5, 0]], [[-1, 0], [-3, 0]]) == 2.0
    assert language_gap_norm([[2, 0], [4, 0]], [[-1, 0], [-3, 0]], read="raw") == 5.0


def test_cka_of_wide_and_tall_arrays_is_one_formula() -> None:
    first, second = drawn(4, 5, 12)
    x, y = first - first.mean(axis=0), second - second.mean(axis=0)
    tall = np.sum((y.T @ x) ** 2) / sqrt(np.sum((x.T @ x) ** 2) * np.sum((y.T @ y) ** 2))
    assert linear_cka(first, second) == pytest.approx(tall)
    assert isnan(linear_cka(np.full((4, 3), 0.1), first[:4, :3]))


def test_isotropy_by_hand() -> None:
    # Along x the partition function is 2 e or 2 / e, along y it is 2.
    found = isotropy([[1, 0], [1, 0]])
    assert found.average_cosine == pytest.approx(1.0)
    assert found.partition_ratio == pytest.approx(exp(-2))
    assert isotropy([[3, 0], [3, 0]], read="normalized").partition_ratio == pytest.approx(exp(-2))
    assert isotropy([[2, 0], [2, 0]], read="scaled").partition_ratio == pytest.approx(exp(-2 * sqrt(2)))
    assert isotropy([[5000.0, 0], [5000.0, 1]]).partition_ratio == 0.0


@pytest.mark.parametrize("measured", PAIRED.values(), ids=PAIRED)
def test_arrays_that_are_no_pairs_are_refused(measured: Callable[..., float]) -> None:
    with pytest.raises(UsageError, match="3 pivot texts but 2 target texts; row i of one must translate"):
        measured(np.ones((3, 2)), np.ones((2, 2)))
    with pytest.raises(EmbeddingError, match="the pivot texts have 2 dimensions and the target texts 3"):
        measured(np.ones((2, 2)), np.ones((2, 3)))
    with pytest.raises(EmbeddingError, match=r"target texts: 1 rows are zero, NaN or infinite \(1\)"):
        measured(np.ones((2, 2)), [[1, 1], [0, 0]])
    with pytest.raises(EmbeddingError, match=r"pivot texts have shape \(2,\)"):
        measured([1, 2], [1, 2])
    with pytest.raises(UsageError, match="there are no pivot texts"):
        measured(np.ones((0, 2)), np.ones((0, 2)))


@pytest.mark.parametrize("name", ["mexa", "bitext_accuracy", "margin", "linear_cka"])
def test_one_pair_is_too_few(name: str) -> None:
    with pytest.raises(UsageError, match="this measure needs 2 or more pairs, but got 1"):
        PAIRED[name]([[1.0, 0.0]], [[1.0, 0.0]])


def test_unknown_ways_of_reading_are_refused() -> None:
    read: Any = "cosine"
    with pytest.raises(
        UsageError, match="unknown form 'cosine' of embeddings; expected one of raw, normalized, scaled"
    ):
        embedding_mismatch([[1.0]], [[1.0]], read=read)
    with pytest.raises(UsageError, match="isotropy needs 2 or more texts, but got 1"):
        isotropy([[1.0, 2.0]])


def test_no_torch() -> None:
    code = "import sys, clinometer.geometry; print('torch' in sys.modules)"
    assert python(code) == "False"
