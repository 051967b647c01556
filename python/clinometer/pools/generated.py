"""Generated distractors: any number of vectors distributed like an encoder's real documents of one language.

They are not texts and not relevant to anything. Say so wherever a figure depends on them, and report how far they agree
with real distractors where both exist.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clinometer.errors import UsageError
from clinometer.files import written_whole
from clinometer.memory import refuse_more_than_available
from clinometer.parameters import checked, whole
from clinometer.vectors import unit_rows

__all__ = ["generated"]

_AT_ONCE = 8192


@checked
def generated(
    vectors: ArrayLike,
    count: int,
    *,
    smoothing: float = 1.0,
    seed: int = 0,
    path: str | os.PathLike[str] | None = None,
) -> NDArray[np.float16]:
    """Random unit vectors with the mean and the covariance of real ones, by a smoothed bootstrap.

    Each is m + sqrt(1 - h^2) (v - m) + h e, scaled to length one: v a real unit vector drawn with replacement, m their
    mean, e Gaussian with their covariance, h the smoothing. Any h preserves mean and covariance before the scaling; 1
    gives a Gaussian, small values stay near the real vectors and their clusters. Source: the smoothed bootstrap with
    corrected variance of Silverman and Young (1987).

    Args:
        vectors: `(n, d)`: embeddings of real documents in one language, two or more.
        count: Number of vectors. With the same seed a smaller number gives the first of a larger one.
        smoothing: Smoothing h, above 0 and at most 1.
        seed: Seed of the draw.
        path: File to write them to as `.npy`, atomically; the result is then a read-only memory map of it.

    Returns:
        `(count, d)` float16.

    Raises:
        EmbeddingError: Vectors that are zero, NaN or infinite.
        UsageError: Fewer than two vectors, or count or smoothing out of range.

    Example:
        >>> import numpy as np
        >>> real = np.random.default_rng(0).normal(1, 0.3, size=(500, 4))
        >>> distractors = generated(real, 2000, seed=1)
        >>> distractors.shape, bool(np.allclose(distractors.mean(0), generated(real, 2000, seed=2).mean(0), atol=0.03))
        ((2000, 4), True)
    """
    rows = unit_rows(vectors, "real documents")
    if len(rows) < 2:
        raise UsageError(f"got {len(rows)} real documents; give two or more, better thousands")
    whole(count, "count", least=1, most=(1 << 32) - 1)
    if path is None:
        refuse_more_than_available(2 * count * rows.shape[1], "the generated rows", "give a path, or a lower count")
    if not 0 < smoothing <= 1:
        raise UsageError(f"smoothing is {smoothing!r}, but must be above 0 and at most 1")
    mean = rows.mean(axis=0)
    _, lengths, directions = np.linalg.svd(rows - mean, full_matrices=False)
    spread = directions * (lengths / np.sqrt(len(rows) - 1))[:, None]
    # Single precision is enough for float16 output, and faster for a million rows.
    centre, scaled_spread = mean.astype(np.float32), (smoothing * spread).astype(np.float32)
    centred = rows.astype(np.float32)
    centred -= centre

    def blocks() -> Iterator[NDArray[np.float16]]:
        for number, start in enumerate(range(0, count, _AT_ONCE)):
            # Each block has its own generator and is drawn in full: a smaller count gives the first of a larger.
            generator = np.random.default_rng([seed, number])
            block = generator.standard_normal((_AT_ONCE, len(scaled_spread)), dtype=np.float32) @ scaled_spread
            if smoothing < 1:
                block += np.float32(np.sqrt(1 - smoothing**2)) * centred[generator.integers(len(rows), size=_AT_ONCE)]
            block += centre
            block /= np.sqrt(np.einsum("nd,nd->n", block, block))[:, None]
            yield block[: count - start].astype(np.float16)

    if path is None:
        # Blocks that are joined afterwards would be in memory twice.
        vectors_out = np.empty((count, rows.shape[1]), dtype=np.float16)
        for number, block in enumerate(blocks()):
            vectors_out[number * _AT_ONCE : (number + 1) * _AT_ONCE] = block
        return vectors_out
    # Written, not mapped: on a full disk, a map ends the process.
    with written_whole(path) as file:
        header = {"descr": np.lib.format.dtype_to_descr(np.dtype(np.float16)), "fortran_order": False}
        np.lib.format.write_array_header_1_0(file, header | {"shape": (count, rows.shape[1])})
        for block in blocks():
            file.write(block.data)
    result: NDArray[np.float16] = np.load(path, mmap_mode="r")
    return result
