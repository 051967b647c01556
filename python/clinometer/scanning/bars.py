"""The bar of a scan, which costs nothing while it is not drawn: tqdm brings asyncio, which takes longer than NumPy."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

__all__ = ["Bar", "scan_bar"]


class Bar(Protocol):
    """What a scan does with its bar; tqdm's are such."""

    n: float

    def update(self, n: float = 1) -> bool | None:
        """Move the bar on by n."""


def scan_bar(total: int, unit: str, *, shown: bool) -> AbstractContextManager[Bar | None]:
    """A bar on standard error; None where it is not drawn.

    Args:
        total: Number of things to do.
        unit: Noun for them, in the plural.
        shown: Whether to draw it.

    Example:
        >>> with scan_bar(3, "documents", shown=False) as bar:
        ...     print(bar)
        None
    """
    if not shown:
        return nullcontext()
    from tqdm.auto import tqdm

    bar: AbstractContextManager[Bar] = tqdm(
        total=total, desc="scan", unit=f" {unit}", unit_scale=unit == "documents", file=sys.stderr
    )
    return bar
