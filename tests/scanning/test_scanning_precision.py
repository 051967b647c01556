"""16-bit integers, float32 and every kernel give the same bits, on real embeddings and on awkward ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import clinometer as cm
from clinometer import _core
from clinometer.errors import UsageError

RNG = np.random.default_rng(11)


def assert_all_equal(queries: NDArray[Any], documents: NDArray[Any], relevant: Any, languages: Any, k: int) -> int:
    """Compare every kernel and precision with portable float32; return how many pairs integers left open."""
    wanted = cm.scan(queries, documents, relevant, languages, k, kernel="portable", precision="float32", threads=1)
    assert wanted.ranks is not None
    assert wanted.top is not None
    rescored = 0
    for kernel in _core.instruction_sets():
        for precision in ("float32", "int16-certified", None):
            found = cm.scan(queries, documents, relevant, languages, k, kernel=kernel, precision=precision)
            assert found.ranks is not None
            assert found.top is not None
            for name in ("scores", "greater", "equal", "before"):
                assert np.array_equal(getattr(found.ranks, name), getattr(wanted.ranks, name)), (kernel, precision)
            for name in ("ids", "scores"):
                assert np.array_equal(getattr(found.top, name), getattr(wanted.top, name)), (kernel, precision)
            rescored = max(rescored, found.rescored)
    return rescored


@pytest.mark.parametrize(
    "documents",
    [
        RNG.standard_normal((900, 65)),
        np.repeat(RNG.standard_normal((9, 65)), 100, axis=0),
        RNG.standard_normal((900, 65)) * 10.0 ** RNG.integers(-30, 30, (900, 1)),
        np.eye(65)[RNG.integers(0, 65, 900)],
        RNG.standard_normal((900, 65)) * 1e-41,
    ],
    ids=["random", "duplicates", "huge and tiny", "one component", "denormal"],
)
@pytest.mark.parametrize("count", [2, 90])
def test_no_arithmetic_shows(documents: NDArray[Any], count: int) -> None:
    rows = documents.astype(np.float32)
    rows[~rows.any(axis=1)] = 1
    queries = RNG.standard_normal((count, 65)).astype(np.float32)
    relevant = [RNG.choice(900, 3, replace=False) for _ in queries]
    assert_all_equal(queries, rows, relevant, RNG.choice(["en", "de", "zh"], 900), 20)


@pytest.mark.shared
def test_no_arithmetic_shows_on_real_embeddings(shared: Path) -> None:
    collection = cm.load(f"xquad:{shared}/data/xquad", languages=["en", "de"])
    encoder = cm.encoder("offline")
    documents = encoder.encode_documents(collection.documents.texts)
    queries = encoder.encode_queries(collection.queries.texts[:600])
    indptr, rows = collection.relevant()
    relevant = (indptr[:601], rows[: indptr[600]])
    rescored = assert_all_equal(queries, documents, relevant, collection.documents.languages, 50)
    assert 0 < rescored < 600 * len(documents)


def test_unknown_precision_is_refused() -> None:
    with pytest.raises(UsageError, match="unknown precision 'int8'"):
        cm.search(np.eye(2), np.eye(2), precision="int8")
