"""An encoder that saves what it has encoded, text by text, so that a study that was stopped resumes where it stopped.

Parts of 32 texts are written one after another: `documents-NAME.npy` with `documents-NAME.json`, which lists the
digests of its texts. No text is encoded twice. Several processes may fill one folder.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

import clinometer as cm
from clinometer.encoders.base import EncoderRecord, Side, encode
from clinometer.files import written_whole

_PART = 32


class CachedEncoder:
    """Args: the name or path of a model, as `cm.encoder` takes it, and a folder for its embeddings."""

    def __init__(self, model: str, folder: Path) -> None:
        self._inner = cm.encoder(model)
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._rows: dict[str, dict[str, NDArray[np.float32]]] = {}

    @property
    def record(self) -> EncoderRecord:
        return self._inner.record

    def encode_queries(self, texts: Sequence[str], *, show_progress_bar: bool = False) -> NDArray[np.float32]:
        return self._encoded("queries", texts, show_progress_bar)

    def encode_documents(self, texts: Sequence[str], *, show_progress_bar: bool = False) -> NDArray[np.float32]:
        return self._encoded("documents", texts, show_progress_bar)

    def _encoded(self, side: Side, texts: Sequence[str], bar: bool) -> NDArray[np.float32]:
        known = self._known(side)
        digests = [hashlib.sha256(text.encode()).hexdigest() for text in texts]
        missing = {digest: text for digest, text in zip(digests, texts, strict=True) if digest not in known}
        # Texts of one length in one batch waste no time on padding; the order is the same in every run.
        todo = sorted(missing.items(), key=lambda item: (len(item[1]), item[0]))
        for start in tqdm(range(0, len(todo), _PART), desc=f"{self.record.name} {side}", disable=not bar):
            part = dict(todo[start : start + _PART])
            rows = np.asarray(encode(self._inner, list(part.values()), side), dtype=np.float32)
            name = self._folder / f"{side}-{hashlib.sha256(''.join(part).encode()).hexdigest()[:12]}"
            with written_whole(name.with_suffix(".npy")) as file:
                np.save(file, rows)
            # The digests come last: once they are written, the rows are whole.
            with written_whole(name.with_suffix(".json")) as file:
                file.write(json.dumps(list(part)).encode())
            known.update(zip(part, rows, strict=True))
        return np.stack([known[digest] for digest in digests])

    def _known(self, side: Side) -> dict[str, NDArray[np.float32]]:
        if side not in self._rows:
            self._rows[side] = {}
            for names in sorted(self._folder.glob(f"{side}-*.json")):
                rows = np.load(names.with_suffix(".npy"))
                self._rows[side].update(zip(json.loads(names.read_text()), rows, strict=True))
        return self._rows[side]
