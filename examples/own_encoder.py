"""Evaluate an encoder of your own: anything with a record and two methods.

    python examples/own_encoder.py

The encoder here counts character trigrams, so it can only match languages that share words and script.
"""

from collections.abc import Sequence
from zlib import crc32

import numpy as np

import clinometer as cm
from clinometer.encoders import EncoderRecord


class Trigrams:
    """Hashed counts of character trigrams."""

    record = EncoderRecord(name="trigrams", kind="example", dimension=512)

    def encode_queries(self, texts: Sequence[str], *, show_progress_bar: bool = False) -> np.ndarray:
        rows = np.zeros((len(texts), 512), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            for start in range(len(text) - 2):
                row[crc32(text[start : start + 3].lower().encode()) % 512] += 1
        return rows

    encode_documents = encode_queries


evaluation = cm.evaluate("demo", Trigrams(), languages=["en", "de", "fr"], scenarios=["mono-same", "multi"])
for language in ("de", "fr"):
    alone = evaluation.value("nDCG@10", "mono-same", language)
    together = evaluation.value("Complete@10", "multi", language)
    print(f"{language}: nDCG@10 in its own language {alone:.3f}, both answers in the top ten {together:.1f} %")
