"""The compiled core; `clinometer.scan` is its friendly face."""

from collections.abc import Callable
from typing import Any, Self, final

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Documents",
    "PassOptions",
    "ScanResult",
    "Targets",
    "Weights",
    "bootstrap_means",
    "fma_peak",
    "instruction_sets",
    "permutation_counts",
    "scan",
    "score_pairs",
]

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

@final
class Documents:
    def __new__(
        cls,
        rows: NDArray[Any],
        languages: NDArray[np.uint16],
        language_count: int,
        places: NDArray[np.uint32] | None,
        first_place: int,
        read_ahead: bool,
    ) -> Self: ...

@final
class Targets:
    def __new__(
        cls,
        indptr: NDArray[np.int64],
        scores: NDArray[np.float32] | None,
        places: NDArray[np.uint32],
        rows: NDArray[np.uint32] | None = None,
    ) -> Self: ...

@final
class PassOptions:
    def __new__(
        cls,
        similarity: str,
        k: int,
        per_language: bool,
        precision: str | None,
        threads: int,
        block: int,
        isa: str | None,
    ) -> Self: ...

@final
class ScanResult:
    @property
    def greater(self) -> NDArray[np.uint32]: ...
    @property
    def equal(self) -> NDArray[np.uint32]: ...
    @property
    def before(self) -> NDArray[np.uint32]: ...
    @property
    def target_scores(self) -> NDArray[np.float32]: ...
    @property
    def pool_sizes(self) -> NDArray[np.int64]: ...
    @property
    def rescored(self) -> int: ...
    @property
    def top_places(self) -> NDArray[np.uint32] | None: ...
    @property
    def top_scores(self) -> NDArray[np.float32] | None: ...

def scan(
    queries: NDArray[Any],
    documents: Documents,
    targets: Targets,
    options: PassOptions,
    progress: Callable[[int], object] | None = None,
) -> ScanResult: ...
def bootstrap_means(values: NDArray[np.float64], *, resamples: int, seed: int, threads: int) -> NDArray[np.float64]: ...
def permutation_counts(
    differences: NDArray[np.float64], *, resamples: int, seed: int, threads: int
) -> NDArray[np.uint64]: ...

@final
class Weights:
    def __new__(cls, matrix: NDArray[np.float32], isa: str | None = None) -> Self: ...
    def products(self, rows: NDArray[np.float32], threads: int = 1) -> NDArray[np.float32]: ...
