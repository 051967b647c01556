"""Arrays of every library become NumPy's with the same numbers, and what cannot is refused by a sentence."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import clinometer as cm
from clinometer.adapters import Adapter
from clinometer.correction import Center
from clinometer.encoders import PrecomputedEncoder
from clinometer.errors import ClinometerError, EmbeddingError, FormatError, UsageError
from clinometer.measures.fairness import peer
from clinometer.statistics.significance import holm
from clinometer.vectors import array_of, checked_rows

ROWS = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)


def bfloat16(rows: Any) -> Any:
    return rows.astype(pytest.importorskip("ml_dtypes").bfloat16)


def test_bfloat16_of_numpy_becomes_float32_without_a_change() -> None:
    rounded = bfloat16(ROWS)
    exact = (rounded.view(np.uint16).astype(np.uint32) << 16).view(np.float32)
    assert array_of(rounded, "rows").dtype == np.float32
    assert array_of(rounded, "rows").tolist() == exact.tolist() != ROWS.tolist()
    for options in ({}, {"similarity": "dot"}):
        found = cm.search(rounded[:2], rounded, k=3, **options)  # type: ignore[arg-type]
        assert found.ids.tolist() == cm.search(exact[:2], exact, k=3, **options).ids.tolist()  # type: ignore[arg-type]
    encoder = PrecomputedEncoder(rounded, rounded)
    assert encoder.encode_queries([""] * 6).tolist() == exact.tolist()


def masked(rows: Any = ROWS) -> Any:
    return np.ma.array(rows, mask=np.arange(rows.size).reshape(rows.shape) == 5)


@pytest.mark.parametrize(
    ("action", "kind"),
    [
        (lambda: cm.search(masked(), ROWS), EmbeddingError),
        (lambda: cm.search(ROWS, masked()), EmbeddingError),
        (lambda: cm.search(ROWS, [ROWS, masked()]), EmbeddingError),
        (lambda: cm.search(ROWS, list(masked())), EmbeddingError),
        (lambda: PrecomputedEncoder(ROWS, masked()), EmbeddingError),
        (lambda: checked_rows(masked(), "rows"), EmbeddingError),
        (lambda: Center.fit(ROWS, ["en"] * 6).apply(masked(), ["en"] * 6), EmbeddingError),
        (lambda: Adapter("linear", {"weight": np.eye(4), "bias": np.zeros(4)}).apply(masked()), EmbeddingError),
        (lambda: cm.rank_relevant(ROWS[:1], ROWS, [np.ma.array([1, 2], mask=[False, True])]), UsageError),
        (lambda: cm.rank_relevant(ROWS[:1], ROWS, masked(np.array([[1, 2, 3, 4, 5, 0]]))), UsageError),
        (lambda: cm.search(ROWS, ROWS, languages=np.ma.array([0] * 6, mask=[True] + [False] * 5)), UsageError),
        (
            lambda: cm.measure(cm.rank_relevant(ROWS[:1], ROWS, [[0]]), ["RR"], grades=np.ma.array([1], mask=[True])),
            UsageError,
        ),
        (
            lambda: peer(np.ma.array([1, 2], mask=[False, True]), ["en", "de"], [1, 1], cutoff=1, weights={1: 1.0}),
            UsageError,
        ),
        (lambda: holm(np.ma.array([0.1, 0.2], mask=[False, True])), UsageError),
    ],
)
def test_masked_values_are_refused(action: Any, kind: type[ClinometerError]) -> None:
    with pytest.raises(kind, match=r"have \d masked values \(the first in row \d\); fill them with .filled"):
        action()


def test_an_array_with_nothing_masked_is_an_array() -> None:
    assert cm.search(np.ma.array(ROWS), np.ma.array(ROWS), k=2).ids.tolist() == cm.search(ROWS, ROWS, k=2).ids.tolist()


@pytest.mark.parametrize("values", [object(), {"a": 1}, [[1.0], [1.0, 2.0]], "text", None])
def test_no_array_is_one_sentence(values: Any) -> None:
    with pytest.raises(ClinometerError):
        cm.search(values, ROWS)
    with pytest.raises(ClinometerError):
        checked_rows(values, "rows")


@pytest.mark.models
def test_tensors_of_torch_are_read_wherever_they_are() -> None:
    torch = pytest.importorskip("torch")
    tensor = torch.from_numpy(ROWS).requires_grad_()
    assert cm.search(tensor, tensor, k=2).ids.tolist() == cm.search(ROWS, ROWS, k=2).ids.tolist()
    rounded = torch.from_numpy(ROWS).bfloat16()
    exact = rounded.float().numpy()
    for rows in (rounded, list(rounded)):
        assert cm.search(rows, rows, k=3).scores.tolist() == cm.search(exact, exact, k=3).scores.tolist()
    assert (
        cm.rank_relevant(rounded[:1], [rounded], [[1]]).scores.tolist()
        == cm.rank_relevant(exact[:1], exact, [[1]]).scores.tolist()
    )
    assert checked_rows(rounded, "rows").tolist() == exact.tolist()
    assert PrecomputedEncoder(rounded, rounded).encode_queries([""] * 6).tolist() == exact.tolist()
    scored = cm.scan_scores(rounded, [[0]] * 6)
    assert scored.ranks is not None
    assert scored.ranks.scores.tolist() == exact[:, 0].tolist()
    with pytest.raises(ClinometerError):
        cm.search(torch.from_numpy(ROWS).to_sparse(), ROWS)


def every_part(scores: NDArray[Any]) -> Iterator[NDArray[Any]]:
    yield from (scores, scores[20:], scores[:, 8:16], scores.T, scores[::-1], np.asarray(scores), scores.view("i4"))


def test_a_memory_map_whose_file_is_shorter_by_now_is_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "scores.npy"
    np.save(path, np.zeros((100, 1000), dtype=np.float32))
    scores = np.load(path, mmap_mode="r")
    for part in (*every_part(scores), scores[:0]):
        array_of(part, "scores")
    os.truncate(path, 5_000)
    for part in every_part(scores):
        with pytest.raises(
            FormatError, match=r"scores\.npy: 5,000 bytes, but expected at least \d+,\d+; copy it again"
        ):
            array_of(part, "scores")
    array_of(scores[0], "scores")  # this row is whole
    path.unlink()
    array_of(scores[0], "scores")  # a file without a name is still there


def test_scores_whose_file_is_cut_during_the_scan_are_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "scores.npy"
    np.save(path, np.zeros((40, 1000), dtype=np.float32))
    scores = np.load(path, mmap_mode="r")

    def blocks() -> Iterator[NDArray[Any]]:
        yield scores[:20]
        os.truncate(path, 5_000)
        yield scores[20:]

    with pytest.raises(FormatError, match="5,000 bytes, but expected at least 160,128"):
        cm.scan_scores(blocks(), [[0]] * 40)


def test_precomputed_embeddings_whose_file_is_cut_are_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "rows.npy"
    np.save(path, np.ones((40, 1000), dtype=np.float32))
    encoder = PrecomputedEncoder.from_files(path, path)
    os.truncate(path, 5_000)
    with pytest.raises(FormatError, match="5,000 bytes, but expected at least 160,128"):
        encoder.encode_queries(["text"] * 40)
