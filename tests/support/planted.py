"""Embeddings that lie apart by language and by nothing else, so that a correction has all to gain."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from support.languages import LANGUAGES


def rows(topics: int = 40, seed: int = 0, lean: float = 6.0) -> NDArray[Any]:
    """Topic after topic, each in all languages: alike but for a direction of their language."""
    draw = np.random.default_rng(seed)
    topic = np.repeat(draw.normal(size=(topics, 16)), len(LANGUAGES), axis=0)
    language = lean * np.tile(np.eye(len(LANGUAGES), 4), (topics, 1))
    return np.hstack([topic + 0.05 * draw.normal(size=topic.shape), language]).astype(np.float32)
