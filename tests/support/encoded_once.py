"""The embedded encoder encodes each text once in a test run: encoding is what takes the time, and a text's embedding
depends on nothing but the text (tests/encoders/test_encoders_offline.py shows this without what is here).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinometer.encoders import OfflineEncoder
from clinometer.encoders.texts import check_texts

Encode = Callable[[OfflineEncoder, Sequence[str], str, bool], NDArray[np.float32]]


@contextmanager
def encoded_once(folder: Path) -> Iterator[Encode]:
    """Keep the embedding of each text, in this process and for other processes of the run in `folder`.

    Yields the method of the encoder that is replaced meanwhile.
    """
    folder.mkdir(exist_ok=True)
    encode: Encode = OfflineEncoder._encode
    known: dict[str, NDArray[np.float32]] = {}

    def remembered(
        encoder: OfflineEncoder, texts: Sequence[str], stage: str, show_progress_bar: bool
    ) -> NDArray[np.float32]:
        if show_progress_bar:
            return encode(encoder, texts, stage, True)
        check_texts(texts, stage)
        keys = [hashlib.sha256(f"{encoder._threads} {text}".encode()).hexdigest() for text in texts]
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
        for key in missing:
            if (folder / key).exists():
                known[key] = np.fromfile(folder / key, dtype=np.float32)
        missing = {key: text for key, text in missing.items() if key not in known}
        for key, row in zip(missing, encode(encoder, list(missing.values()), stage, False), strict=True):
            known[key] = row
            partial = folder / f"{key}.{os.getpid()}"
            row.tofile(partial)
            partial.replace(folder / key)
        return np.stack([known[key] for key in keys]) if keys else np.empty((0, 512), dtype=np.float32)

    replaced: Any = OfflineEncoder
    replaced._encode = remembered
    try:
        yield encode
    finally:
        replaced._encode = encode
