"""Seeded draws that depend on the item alone, not on the other items of a collection or their order.

A hash gives every item its position in a random order; a draw takes the first, so a smaller draw is always a subset of
a larger one.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from clinometer.errors import UsageError

__all__ = ["apportioned", "check_share", "first", "is_share", "number_of", "sentences", "share_of"]


def number_of(key: str, seed: int, what: str) -> int:
    """A random whole number from 0 to 2^64 - 1 that depends only on the key, the seed and the kind of draw.

    Example:
        >>> [number_of("a", seed, "skew") == number_of("a", 0, "skew") for seed in (0, 1)]
        [True, False]
    """
    text = f"{what}\x1f{seed}\x1f{key}".encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big")


def first(keys: Iterable[str], count: int, seed: int, what: str) -> set[str]:
    """The first `count` distinct keys in random order.

    Example:
        >>> first("abcdef", 2, 0, "skew") < first("fedcba", 4, 0, "skew")
        True
    """
    return set(sorted(set(keys), key=lambda key: (number_of(key, seed, what), key))[:count])


def is_share(value: object) -> bool:
    """Whether a value is a number from 0 to 1."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 1


def check_share(what: str, share: float) -> None:
    """Refuse a value that is not a share, by a `UsageError`."""
    if not is_share(share):
        raise UsageError(f"{what} is {share!r}, but must be a number from 0 to 1")


def share_of(count: int, share: float) -> int:
    """The share of `count` as a whole number, halves rounded up."""
    return int(np.floor(count * share + 0.5))


def apportioned(total: int, weights: NDArray[np.float64]) -> NDArray[np.int64]:
    """Whole numbers that add up to `total`, in proportion to the weights, by the largest-remainder method.

    Example:
        >>> apportioned(10, np.array([0.7, 0.15, 0.15])).tolist()
        [7, 2, 1]
    """
    exact = total * weights / weights.sum()
    # Parts that are whole except for rounding errors are whole.
    exact = np.where(np.abs(exact - np.rint(exact)) < 1e-9 * max(total, 1), np.rint(exact), exact)
    counts: NDArray[np.int64] = np.floor(exact).astype(np.int64)
    order = np.argsort(counts - exact, kind="stable")
    counts[order[: total - int(counts.sum())]] += 1
    return counts


# Sentence ends of most scripts. A Latin mark needs a space after it, one of a script without spaces does not.
_END = re.compile(r"[.!?؟।॥۔…]+[\"'”’»)\]]*\s+|[。！？]+[」』”’）]*\s*|\n+")
# Thai, Lao, Khmer and Burmese have a space, not a mark, between sentences.
_SPACED = re.compile(r"\s+")
_SPACE_ENDS = ("th", "lo", "km", "my")


def sentences(text: str, language: str) -> list[str]:
    """The sentences of a text, each with the white space after it.

    A rule, not a model: abbreviations end a sentence here, and in Thai a space does.

    Example:
        >>> sentences("It rains. Why? Nobody knows", "en")
        ['It rains. ', 'Why? ', 'Nobody knows']
        >>> sentences("下雨了。为什么？", "zh")
        ['下雨了。', '为什么？']
    """
    pattern = _SPACED if language.split("-")[0] in _SPACE_ENDS else _END
    parts, start = [], 0
    for match in pattern.finditer(text):
        if match.start() > start:
            parts.append(text[start : match.end()])
            start = match.end()
    if start < len(text):
        parts.append(text[start:])
    return parts
