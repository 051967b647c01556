"""The correction of a frozen teacher: centering, fitted on the training texts before training, saved beside the model.

A run that is resumed reads the file, so that it learns from the same teacher.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from clinometer.correction import Center, Correction, choose
from clinometer.correction import load as load_correction
from clinometer.encoders import Encoder, encode
from clinometer.training.adapter_samples import column_language, is_query
from clinometer.training.data import ParallelSamples

__all__ = ["FILE", "TEXTS", "Teacher", "teaching_correction", "texts_of"]

Teacher = Literal["pivot", "centered"]
FILE = "teacher-center.npz"
TEXTS = 240
"""Most texts of each language, and of each kind, that the means are fitted on."""


def teaching_correction(samples: ParallelSamples, encoder: Encoder, folder: Path) -> Correction:
    """Centering by the means of the training texts in each language, by the encoder as it is; fitted once per folder.

    Args:
        samples: Training samples, of which at most `TEXTS` passages and queries of each language are encoded.
        encoder: The untrained model.
        folder: Folder of the training, where the correction is saved.
    """
    path = folder / FILE
    if path.exists():
        return load_correction(path)
    sides = {}
    for queries in (False, True):
        texts, languages = texts_of(samples, queries)
        drawn = choose(languages, TEXTS)
        rows = encode(encoder, [texts[row] for row in drawn], "queries" if queries else "documents")
        sides[queries] = rows, [languages[row] for row in drawn]
    center = Center.fit(*sides[False], *sides[True])
    center.save(path)
    return center


def texts_of(samples: ParallelSamples, queries: bool) -> tuple[list[str], list[str]]:
    """The distinct queries or passages of the samples, and their languages."""
    texts = {
        (text, column_language(name, language)): None
        for row, language in zip(samples.rows, samples.languages, strict=True)
        for name, text in zip(samples.columns, row, strict=True)
        if is_query(name) == queries
    }
    return [text for text, _ in texts], [language for _, language in texts]
