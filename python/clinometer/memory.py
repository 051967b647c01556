"""Memory that this process can still get, and requests that exceed it, refused before they are made.

Linux grants more memory than there is and ends the process that uses it, so a failed request cannot be waited for.
"""

from __future__ import annotations

import os
from pathlib import Path

from clinometer.errors import UsageError
from clinometer.numerals import read_int

__all__ = ["available_bytes", "refuse_more_than_available", "size_text"]

_MEMINFO = Path("/proc/meminfo")
_CONTAINERS = (
    (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")),
    (Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"), Path("/sys/fs/cgroup/memory/memory.usage_in_bytes")),
)
"""Limit and use of the memory of a container."""


def available_bytes() -> int | None:
    """Bytes free without swapping, within the limit of the container; None where the system does not say."""
    amounts = [amount for amount in (_available(), *(_left(*files) for files in _CONTAINERS)) if amount is not None]
    return min(amounts, default=None)


def refuse_more_than_available(needed: int, what: str, fix: str) -> None:
    """Refuse a request for more memory than there is.

    Args:
        needed: Bytes.
        what: Noun for what needs them.
        fix: What to do instead.

    Raises:
        UsageError: There is less memory.
    """
    available = available_bytes()
    if available is not None and needed > available:
        raise UsageError(f"{what} need {size_text(needed)}, but {size_text(available)} of memory are free; {fix}")


def size_text(size: float) -> str:
    """Bytes as a short text.

    Example:
        >>> size_text(487_300_000), size_text(2.5e12), size_text(20)
        ('487.3 MB', '2.5 TB', '0.1 MB')
    """
    for unit, name in ((1e15, "PB"), (1e12, "TB"), (1e9, "GB")):
        if size >= unit:
            return f"{size / unit:,.1f} {name}" if size < 1e24 else f"{size / unit:.1e} {name}"
    return f"{max(size / 1e6, 0.1):.1f} MB"


def _available() -> int | None:
    try:
        for line in _MEMINFO.read_text(encoding="ascii").splitlines():
            name, _, amount = line.partition(":")
            if name == "MemAvailable":
                return 1024 * read_int(amount.split()[0])
    except (OSError, ValueError, IndexError):
        pass
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def _left(limit: Path, use: Path) -> int | None:
    try:
        return max(0, read_int(limit.read_text(encoding="ascii").strip()) - read_int(use.read_text().strip()))
    except (OSError, ValueError):
        return None
