"""The compiled core; `clinometer.scan` is its friendly face."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["bootstrap_means", "fma_peak", "instruction_sets", "permutation_counts", "scan", "score_pairs"]

def fma_peak(threads: int, isa: str | None = None) -> float: ...
def instruction_sets() -> list[str]: ...
def score_pairs(
    queries: NDArray[Any],
    documents: NDArray[Any],
    query_rows: NDArray[np.uint32],
    document_rows: NDArray[np.uint32],
    *,
    similarity: str,
    isa: str | None,
) -> NDArray[np.float32]: ...
def scan(
    queries: NDArray[Any],
    documents: NDArray[Any],
    languages: NDArray[np.uint16],
    *,
    language_count: int,
    places: NDArray[np.uint32] | None,
    first_place: int,
    indptr: NDArray[np.int64],
    target_scores: NDArray[np.float32],
    target_places: NDArray[np.uint32],
    similarity: str,
    k: int,
    per_language: bool,
    threads: int,
    block: int,
    isa: str | None,
    progress: Callable[[int], object] | None,
    read_ahead: bool = False,
    precision: str | None = None,
) -> dict[str, Any]: ...
def bootstrap_means(values: NDArray[np.float64], *, resamples: int, seed: int, threads: int) -> NDArray[np.float64]: ...
def permutation_counts(
    differences: NDArray[np.float64], *, resamples: int, seed: int, threads: int
) -> NDArray[np.uint64]: ...
