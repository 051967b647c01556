"""Generated distractors: vectors that are spread as an encoder's real documents of one language are, as many as wanted.

They are no texts and answer nothing. Say so wherever a figure rests on them, and show beside it how far they agree with
real distractors where both exist.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import ArrayLike, NDArray

from clinometer.errors import UsageError
from clinometer.vectors import unit_rows

__all__ = ["generated"]

_AT_ONCE = 8192


def generated(
    vectors: ArrayLike,
    count: int,
    *,
    smoothing: float = 1.0,
    seed: int = 0,
    path: str | os.PathLike[str] | None = None,
) -> NDArray[np.float16]:
    """Random unit vectors with the mean and the covariance of real ones: a smoothed bootstrap of these.

    Each is m + sqrt(1 - h^2) (v - m) + h e, scaled to length one: v a real unit vector drawn with replacement, m their
    mean, e Gaussian with their covariance, h the smoothing. Mean and covariance are kept for any h, before the scaling;
    1 is a Gaussian, small values stay near the real vectors, and keep their clusters. Source: the smoothed bootstrap
    with corrected variance of Silverman and Young (1987).

    Args:
        vectors: `(n, d)`: embeddings of real documents in one language, two or more.
        count: How many to make. Fewer, with one seed, are the first of more.
        smoothing: h, above 0 to 1.
        seed: Of the draw.
        path: File to write them to as `.npy`, whole or not at all; then a read-only memory map of it is returned.

    Returns:
        `(count, d)` float16.

    Raises:
        EmbeddingError: Vectors that are zero, NaN or infinite.
        UsageError: Fewer than two vectors, no count, or a smoothing that is none.

    Example:
        >>> import numpy as np
        >>> real = np.random.default_rng(0).normal(1, 0.3, size=(500, 4))
        >>> made = generated(real, 2000, seed=1)
        >>> made.shape, bool(np.allclose(made.mean(0), generated(real, 2000, seed=2).mean(0), atol=0.03))
        ((2000, 4), True)
    """
    rows = unit_rows(vectors, "real documents")
    if len(rows) < 2:
        raise UsageError(f"there is {len(rows)} real document; give two or more, better thousands")
    if isinstance(count, bool) or count < 1:
        raise UsageError(f"count is {count!r}, but must be 1 or more")
    if not 0 < smoothing <= 1:
        raise UsageError(f"smoothing is {smoothing!r}, but must be above 0 and at most 1")
    mean = rows.mean(axis=0)
    _, lengths, directions = np.linalg.svd(rows - mean, full_matrices=False)
    spread = directions * (lengths / np.sqrt(len(rows) - 1))[:, None]
    if path is None:
        made = np.empty((count, rows.shape[1]), dtype=np.float16)
        _fill(made, rows, mean, spread, smoothing, seed)
        return made
    partial = Path(path).with_name(f"{Path(path).name}.{os.getpid()}.partial")
    try:
        mapped: Any = open_memmap(partial, mode="w+", dtype=np.float16, shape=(count, rows.shape[1]))
        _fill(mapped, rows, mean, spread, smoothing, seed)
        mapped.flush()
        del mapped
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    found: NDArray[np.float16] = np.load(path, mmap_mode="r")
    return found


def _fill(
    made: NDArray[np.float16],
    rows: NDArray[np.float64],
    mean: NDArray[np.float64],
    spread: NDArray[np.float64],
    smoothing: float,
    seed: int,
) -> None:
    # Single precision, for what is stored has less, and a million rows are many.
    centre, ways, around = mean.astype(np.float32), (smoothing * spread).astype(np.float32), rows.astype(np.float32)
    around -= centre
    for number, start in enumerate(range(0, len(made), _AT_ONCE)):
        # Each block has a generator of its own and is made whole, so that fewer are the first of more.
        draw = np.random.default_rng([seed, number])
        block = draw.standard_normal((_AT_ONCE, len(ways)), dtype=np.float32) @ ways
        if smoothing < 1:
            block += np.float32(np.sqrt(1 - smoothing**2)) * around[draw.integers(len(rows), size=_AT_ONCE)]
        block += centre
        block /= np.sqrt(np.einsum("nd,nd->n", block, block))[:, None]
        made[start : start + _AT_ONCE] = block[: len(made) - start]
