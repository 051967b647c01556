"""Scores from anywhere: equal to the scan where they are its own, and to a full sort where they are not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from numpy.typing import NDArray
from support.brute_force import embeddings, ordered, random_collection, rank_of, scores_of
from support.languages import LANGUAGES

import clinometer as cm
from clinometer.errors import EmbeddingError, FormatError, UsageError
from clinometer.scanning.counts import TIE_MODES, TieMode
from clinometer.scanning.scan import Scan
from clinometer.scorers import MatrixScorer, counting


def same(one: Scan, other: Scan) -> None:
    """Equal in every value and bit, and of the same types."""
    for name in ("ranks", "top"):
        left, right = getattr(one, name), getattr(other, name)
        assert (left is None) == (right is None)
        for field in fields(left) if left is not None else ():
            a, b = getattr(left, field.name), getattr(right, field.name)
            if isinstance(b, np.ndarray):
                assert_array_equal(a, b, err_msg=field.name)
                assert a.dtype == b.dtype, field.name
            else:
                assert a == b, field.name


@settings(max_examples=60)
@given(
    seed=st.integers(0, 1 << 20),
    tied=st.booleans(),
    ties=st.sampled_from(TIE_MODES),
    k=st.integers(0, 40),
    per_language=st.booleans(),
    excluded=st.booleans(),
    block=st.integers(1, 4),
)
def test_canonical_scores_give_what_the_scan_gives(
    seed: int, tied: bool, ties: TieMode, k: int, per_language: bool, excluded: bool, block: int
) -> None:
    rng = np.random.default_rng(seed)
    queries, documents = embeddings(seed + 1, 4, 3, tied), embeddings(seed + 2, 30, 3, tied)
    picked = [rng.permutation(30) for _ in range(4)]
    options: dict[str, Any] = {
        "relevant": [rows[: rng.integers(0, 5)] for rows in picked],
        "languages": np.array(LANGUAGES)[rng.integers(0, 3, 30)],
        "k": k,
        "per_language": per_language,
        "ties": ties,
        "document_ids": [f"d{number}" for number in rng.permutation(30)] if rng.random() < 0.5 else None,
        "exclude": [rows[6 : 6 + rng.integers(0, 3)] for rows in picked] if excluded else None,
    }
    scores = scores_of(queries, documents)
    wanted = cm.scan(queries, documents, **options)
    same(cm.scan_scores(scores, **options), wanted)
    same(cm.scan_scores((scores[at : at + block] for at in range(0, 4, block)), **options), wanted)


@settings(max_examples=60)
@given(
    seed=st.integers(0, 1 << 20),
    kind=st.sampled_from([np.float32, np.float64, np.int64, np.float16]),
    levels=st.sampled_from([2, 5, 1000]),
    infinite=st.booleans(),
)
def test_ranks_and_lists_are_those_of_a_full_sort(seed: int, kind: Any, levels: int, infinite: bool) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, levels, (3, 25)).astype(kind)
    if kind == np.float64:
        # Differences that float32 would not see.
        scores = 1.0 + scores * 1e-12
    if infinite and scores.dtype.kind == "f":
        scores[rng.random(scores.shape) < 0.3] = -np.inf
    languages = np.array(LANGUAGES)[rng.integers(0, 3, 25)]
    ids = [f"d{number}" for number in rng.permutation(25)]
    relevant = [rng.choice(25, 4, replace=False) for _ in range(3)]
    ties: Any
    for ties in TIE_MODES:
        found = cm.scan_scores(scores, relevant, languages, 6, per_language=True, ties=ties, document_ids=ids)
        assert found.ranks is not None
        assert found.top is not None
        known = [label for label in ("en", "zh") if label in found.ranks.languages]
        for pool in (known, list(found.ranks.languages)):
            rows = np.flatnonzero(np.isin(languages, pool)).tolist()
            names = [ids[row] for row in rows]
            ranks = found.ranks.ranks(pool) if pool else np.zeros(12)
            for query, target, rank in zip(np.repeat(range(3), 4), np.concatenate(relevant), ranks, strict=True):
                retrieved = scores[query][target] > -np.inf
                in_pool = target in rows and retrieved
                assert rank == (rank_of(scores[query][rows], rows.index(target), ties, names) if in_pool else 0)
            if pool:
                best = found.top.pool(pool)
                for query in range(3):
                    order = ordered(scores[query][rows], "trec" if ties == "trec" else "index", names)
                    retrieved_rows = [rows[place] for place in order if scores[query][rows[place]] > -np.inf]
                    assert best.ids[query][best.ids[query] >= 0].tolist() == retrieved_rows[:6]


def test_many_targets_are_counted_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    scores = np.random.default_rng(3).integers(0, 9, (2, 40)).astype(np.float32)
    relevant = [np.arange(40)[::-1], np.arange(17)]
    whole = cm.scan_scores(scores, relevant, k=3)
    monkeypatch.setattr(counting, "_BLOCK_COMPARISONS", 100)
    monkeypatch.setattr(counting, "_BLOCK_SCORES", 40)
    same(cm.scan_scores(scores, relevant, k=3), whole)


def test_a_memory_map_is_read_in_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scores = np.random.default_rng(4).random((7, 10)).astype(np.float32)
    np.save(tmp_path / "scores.npy", scores)
    monkeypatch.setattr(counting, "_BLOCK_SCORES", 20)
    mapped = np.load(tmp_path / "scores.npy", mmap_mode="r")
    relevant = [[row] for row in range(7)]
    same(cm.scan_scores(mapped, relevant, k=2), cm.scan_scores(scores.copy(), relevant, k=2))


def test_languages_as_codes_may_leave_one_without_documents() -> None:
    found = cm.scan_scores(np.array([[3.0, 2.0, 1.0]]), [[2]], [0, 2, 2], 2, per_language=True)
    assert found.ranks is not None
    assert found.top is not None
    assert found.ranks.greater.tolist() == [[1, 0, 1]]
    assert found.top.ids.tolist() == [[[0, -1], [-1, -1], [1, 2]]]


def test_counts_of_parts_of_the_pool_merge() -> None:
    scores = np.random.default_rng(5).integers(0, 4, (3, 20)).astype(np.float32)
    languages = np.array(LANGUAGES)[[0, 1, 2, 1] * 5]
    whole = cm.scan_scores(scores, [[1], [2, 4], [0]], languages)
    assert whole.ranks is not None
    ranks = cm.measure(whole.ranks, ["RR", "nDCG@5"])
    for query, rows in enumerate([[1], [2, 4], [0]]):
        order = ordered(scores[query], "index").tolist()
        assert ranks["RR"][query] == 1 / (1 + min(order.index(row) for row in rows))


@pytest.mark.parametrize(
    ("scores", "options", "error", "message"),
    [
        ([[1.0, np.nan]], {}, EmbeddingError, "the score in row 0, column 1 is NaN; use -inf"),
        ([["a"]], {}, EmbeddingError, "must be float32 or float64"),
        ([[1j]], {}, EmbeddingError, "must be float32 or float64"),
        ([1.0], {}, EmbeddingError, "of shape \\(1,\\)"),
        (np.empty((0, 3)), {}, UsageError, "no rows or no columns"),
        ([[1.0, 2.0]], {"relevant": [[2]]}, UsageError, "document 2 as relevant, but documents are numbered 0 to 1"),
        ([[1.0, 2.0]], {"relevant": [[0], [1]]}, UsageError, "for 2 queries, but there are 1"),
        ([[1.0, 2.0]], {"languages": ["en"]}, UsageError, "1 languages for 2 documents"),
        ([[1.0, 2.0]], {"k": -1}, UsageError, "k is -1"),
        ([[1.0, 2.0]], {"ties": "first"}, UsageError, "unknown tie mode 'first'"),
    ],
)
def test_what_cannot_be_counted_is_refused(
    scores: Any, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        cm.scan_scores(np.asarray(scores), **options)


def blocks(*shapes: tuple[int, int]) -> Iterator[NDArray[Any]]:
    return (np.zeros(shape) for shape in shapes)


def test_blocks_that_do_not_fit_are_refused() -> None:
    with pytest.raises(UsageError, match="row 1 of the scores has 2 columns, but the first row has 3"):
        cm.scan_scores(blocks((1, 3), (1, 2)), [[0], [0]])
    with pytest.raises(UsageError, match="more than 1 rows"):
        cm.scan_scores(blocks((1, 3), (1, 3)), [[0]])
    with pytest.raises(UsageError, match="the scores have 1 rows, but there are 2 queries"):
        cm.scan_scores(blocks((1, 3)), [[0], [0]])
    with pytest.raises(UsageError, match="in blocks need the relevant documents"):
        cm.scan_scores(blocks((1, 3)), k=2)
    top = cm.scan_scores(blocks((1, 3), (1, 3)), (np.array([0, 1, 2]), np.array([0, 2]))).ranks
    assert top is not None
    assert top.ranks().tolist() == [1, 3]


# In the place of an encoder.


def test_a_matrix_of_cosines_evaluates_as_its_embeddings() -> None:
    from clinometer.encoders import PrecomputedEncoder

    collection = random_collection(11)
    asked, rows = embeddings(1, len(collection.queries), 5, False), embeddings(2, len(collection.documents), 5, False)
    measures = ["MaxR", "nDCG@10", "LPR", "LPR(variant=any)", "FourWay(NSR-QL)", "Intrusion", "LangShare@2"]
    one = cm.evaluate(collection, PrecomputedEncoder(asked, rows), measures=measures, resamples=0)
    other = cm.evaluate(collection, MatrixScorer(scores_of(asked, rows), name="mine"), measures=measures, resamples=0)
    assert other.rows == one.rows
    assert other.encoder["name"] == "mine"
    assert (other.encoder["kind"], other.settings["similarity"]) == ("scores", "scores")


def test_scores_in_float64_are_not_rounded_on_the_way_to_a_measure() -> None:
    builder = cm.CollectionBuilder("made")
    for name, language in (("a-en", "en"), ("a-de", "de"), ("b-de", "de")):
        builder.add_document(name, f"text {name}", language)
    builder.add_query("q", "what?", "de")
    builder.judge("q", "a-en")
    builder.judge("q", "a-de")
    # Equal in float32: English would come first, and the unrelated one would be counted among the related ones.
    scores = np.array([[1.0, 1.0 + 2e-12, 1.0 + 1e-12]])
    for ties in ("index", "expected"):
        found = cm.evaluate(
            builder.build(), MatrixScorer(scores), scenarios=["multilingual"], ties=ties, resamples=0,
            measures=["LPR", "MaxR", "FourWay(SR-QL)", "StrongViolation"],
        )  # fmt: skip
        assert [row["value"] for row in found.rows] == [100, 3, 100, 1]


def test_a_matrix_must_fit_the_collection(tmp_path: Path) -> None:
    collection = random_collection(1)
    with pytest.raises(UsageError, match=r"the scores of scores are 2 x 3, but the collection has .* in the same lang"):
        cm.evaluate(collection, MatrixScorer(np.zeros((2, 3))))
    with pytest.raises(EmbeddingError, match="must be numbers, one row for each query"):
        MatrixScorer(np.zeros(3))
    (tmp_path / "no.npy").write_text("1 2 3")
    with pytest.raises(FormatError, match=r"no\.npy: not a \.npy file with one array of numbers"):
        MatrixScorer.from_file(tmp_path / "no.npy")
    with pytest.raises(FileNotFoundError, match="does not exist"):
        MatrixScorer.from_file(tmp_path / "absent.npy")
    np.savez(tmp_path / "two.npz", a=np.zeros(2))
    with pytest.raises(FormatError, match=r"not a \.npy file with one array"):
        MatrixScorer.from_file(tmp_path / "two.npz")


@settings(max_examples=25)
@given(
    seed=st.integers(0, 1 << 20), form=st.sampled_from(["csr_array", "csc_matrix", "coo_array", "lil_array", "blocks"])
)
def test_what_a_sparse_matrix_does_not_list_scores_zero(seed: int, form: str) -> None:
    sparse = pytest.importorskip("scipy.sparse")
    draw = np.random.default_rng(seed)
    dense = draw.integers(-2, 4, size=(5, 40)) * (draw.random((5, 40)) < 0.3)
    dense = dense.astype(draw.choice(["float32", "float64", "int64"]))
    relevant = [draw.permutation(40)[:3] for _ in dense]
    options: dict[str, Any] = {"languages": draw.integers(0, 3, size=40), "k": 7, "per_language": True, "pool_k": 5}
    if form == "blocks":
        scores: Any = (sparse.csr_array(rows) for rows in np.array_split(dense, 2))
        result = cm.scan_scores(scores, csr(relevant), **options)
    else:
        result = cm.scan_scores(getattr(sparse, form)(dense), relevant, **options)
    same(result, cm.scan_scores(dense, relevant, **options))


def csr(relevant: list[NDArray[Any]]) -> tuple[NDArray[Any], NDArray[Any]]:
    return np.cumsum([0, *map(len, relevant)]), np.concatenate(relevant)


def test_a_sparse_matrix_is_evaluated_as_the_dense_one() -> None:
    sparse = pytest.importorskip("scipy.sparse")
    collection = random_collection(2)
    draw = np.random.default_rng(0)
    dense = np.round(draw.random((len(collection.queries), len(collection.documents))), 1)
    dense[draw.random(dense.shape) < 0.7] = 0
    options: dict[str, Any] = {"measures": ["MaxR", "LPR"], "resamples": 0, "ties": "expected"}
    of_sparse = cm.evaluate(collection, MatrixScorer(sparse.csr_matrix(dense)), **options)
    assert of_sparse.rows == cm.evaluate(collection, MatrixScorer(dense), **options).rows
    assert of_sparse.encoder["dtype"] == "float64"
    with pytest.raises(UsageError, match="the scores of scores are 1 x 1, but the collection has"):
        cm.evaluate(collection, MatrixScorer(sparse.csr_matrix([[1.0]])), **options)
    with pytest.raises(EmbeddingError, match="row 0, column 0 is NaN"):
        cm.scan_scores(sparse.csr_matrix([[np.nan]]), [[0]])


def test_masked_scores_are_refused() -> None:
    scores = np.ma.array([[0.5, 0.7]], mask=[[False, True]])
    with pytest.raises(EmbeddingError, match=r"the scores have 1 masked values .the first in row 0.; fill them"):
        cm.scan_scores(scores, [[0]])
    with pytest.raises(EmbeddingError, match="the scores have 1 masked values"):
        MatrixScorer(scores)
    same(cm.scan_scores(np.ma.array([[0.5, 0.7]]), [[0]]), cm.scan_scores(np.array([[0.5, 0.7]]), [[0]]))
