"""Rows made ready for scoring on a device, in the very bits of the core (`prepare_row` in rust/matrix.rs).

The squared length is summed in float64 over eight interleaved lanes, added pairwise at the end; cosine multiplies by
the reciprocal length in float64 and rounds once to float32. A product of two float32 numbers is exact in float64, so
each step rounds once, whether a device fuses it or not.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch

__all__ = ["exact_device", "lengths_of", "power_of_two", "prepared", "slices"]

_LANES = 8
_ELEMENTS_AT_ONCE = 1 << 22


def exact_device(device: torch.device) -> torch.device:
    """The device for float64: the same, or the processor where it has none, as Apple's."""
    return torch.device("cpu") if device.type == "mps" else device


def slices(rows: int, dimension: int) -> Iterator[slice]:
    """Parts of some rows, small enough to hold several times in float64."""
    step = max(1, _ELEMENTS_AT_ONCE // dimension)
    for start in range(0, rows, step):
        yield slice(start, min(start + step, rows))


def lengths_of(rows: torch.Tensor) -> torch.Tensor:
    """`(n,)` float64: lengths of float32 rows, in the bits of the core; NaN or infinite where a component is."""
    lanes = torch.zeros((len(rows), _LANES), dtype=torch.float64, device=rows.device)
    for start in range(0, rows.shape[1], _LANES):
        part = rows[:, start : start + _LANES].double()
        lanes[:, : part.shape[1]].addcmul_(part, part)
    pairs = lanes[:, 0::2] + lanes[:, 1::2]
    fours = pairs[:, 0::2] + pairs[:, 1::2]
    return (fours[:, 0] + fours[:, 1]).sqrt_()


def prepared(rows: torch.Tensor, similarity: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows ready for scoring, `(n, d)` float32, and their original lengths, `(n,)` float64.

    Args:
        rows: `(n, d)` of any real type, on a device with float64.
        similarity: `cosine` or `dot`.
    """
    ready = torch.empty(rows.shape, dtype=torch.float32, device=rows.device)
    lengths = torch.empty(len(rows), dtype=torch.float64, device=rows.device)
    for part in slices(*rows.shape):
        wide = rows[part].float()
        lengths[part] = lengths_of(wide)
        if similarity == "cosine":
            ready[part] = (wide.double() * lengths[part].reciprocal()[:, None]).float()
        else:
            ready[part] = wide
    return ready, lengths


def power_of_two(exponents: torch.Tensor) -> torch.Tensor:
    """2 to the power of whole numbers between -1022 and 1023, exactly, as float64."""
    return ((exponents.to(torch.int64) + 1023) << 52).view(torch.float64)
