"""Generated distractors: unit vectors with the mean and covariance of real ones, a part of more, whole on disk."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from clinometer.errors import EmbeddingError, UsageError
from clinometer.pools import generated


def real() -> NDArray[np.float64]:
    draw = np.random.default_rng(3)
    return draw.normal(size=(3000, 6)) * [0.1, 0.2, 0.1, 0.3, 0.1, 0.1] + [1, 1, 0, 0, 0, 1]


@pytest.mark.parametrize("smoothing", [0.2, 0.7, 1.0])
def test_mean_and_covariance_are_those_of_the_real_vectors(smoothing: float) -> None:
    rows = real()
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    made = generated(real(), 20_000, smoothing=smoothing).astype(np.float64)
    np.testing.assert_allclose(np.linalg.norm(made, axis=1), 1, atol=2e-3)
    np.testing.assert_allclose(made.mean(0), rows.mean(0), atol=0.01)
    np.testing.assert_allclose(np.cov(made.T), np.cov(rows.T), atol=0.003)


def test_little_smoothing_stays_near_the_real_vectors() -> None:
    rows = real()[:50]
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    near, far = (
        (generated(rows, 500, smoothing=h).astype(np.float64) @ rows.T).max(axis=1).mean() for h in (0.05, 1.0)
    )
    assert near > 0.995 > far


def test_fewer_are_the_first_of_more_and_seeds_differ() -> None:
    more = generated(real(), 9000, smoothing=0.5, seed=4)
    np.testing.assert_array_equal(generated(real(), 100, smoothing=0.5, seed=4), more[:100])
    assert not np.array_equal(generated(real(), 100, smoothing=0.5, seed=5), more[:100])


def test_a_file_holds_the_same(tmp_path: Path) -> None:
    mapped = generated(real(), 9000, path=tmp_path / "made.npy")
    assert isinstance(mapped, np.memmap)
    assert not mapped.flags.writeable
    np.testing.assert_array_equal(mapped, generated(real(), 9000))
    assert [path.name for path in tmp_path.iterdir()] == ["made.npy"]


def test_what_cannot_be_generated_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="two or more"):
        generated(np.ones((1, 3)), 5)
    with pytest.raises(UsageError, match="count is 0"):
        generated(real(), 0)
    with pytest.raises(UsageError, match="smoothing is 0"):
        generated(real(), 5, smoothing=0)
    with pytest.raises(EmbeddingError):
        generated(np.zeros((3, 3)), 5, path=tmp_path / "made.npy")
    assert not list(tmp_path.iterdir())


def test_generated_rows_are_in_memory_once() -> None:
    rows = np.random.default_rng(0).normal(size=(50, 64)).astype(np.float32)
    tracemalloc.start()
    size = generated(rows, 400_000).nbytes
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1.6 * size
