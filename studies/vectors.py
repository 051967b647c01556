"""Vectors of the studies."""

from __future__ import annotations

from typing import Any

import numpy as np


def unit(rows: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Rows scaled to length one, in the precision that they have."""
    scaled: np.ndarray[Any, Any] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return scaled
