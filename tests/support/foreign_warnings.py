"""Warnings of other packages do not fail a test; those of clinometer still do."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def ignored(*categories: type[Warning]) -> Iterator[None]:
    """Warnings of these categories from torch, transformers, sentence-transformers and the like are not errors."""
    with warnings.catch_warnings():
        for category in categories:
            warnings.filterwarnings(
                "ignore", category=category, module=r"(torch|transformers|sentence_transformers|accelerate|datasets)\b"
            )
        yield
