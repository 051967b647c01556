"""The correction of a frozen teacher: centering, fitted on the training texts before training, saved beside the model.

A run that is resumed reads the file, so that it learns from the same teacher.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, get_args

from numpy.typing import NDArray

from clinometer.correction import Center, Correction, choose
from clinometer.correction import load as load_correction
from clinometer.encoders import Encoder, encode
from clinometer.encoders.base import Side
from clinometer.errors import UsageError
from clinometer.training.adapter_samples import column_language, is_query
from clinometer.training.data import ParallelSamples

__all__ = ["FILE", "TEXTS", "Teacher", "check_teacher", "embedded_texts", "teaching_correction"]

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
    center = Center.fit(*embedded_texts(samples, encoder, TEXTS))
    center.save(path)
    return center


def embedded_texts(
    samples: ParallelSamples, encoder: Encoder, most: int | None = None, *, show_progress_bar: bool = False
) -> tuple[NDArray[Any], list[str], NDArray[Any], list[str]]:
    """Embeddings and languages of the samples' distinct passages, then of their distinct queries.

    Args:
        samples: Training samples.
        encoder: Encoder of the texts.
        most: Maximum number of passages, and of queries, of each language; None for all.
        show_progress_bar: Draw bars on standard error.
    """

    def side(queries: bool) -> tuple[NDArray[Any], list[str]]:
        texts, languages = _texts_of(samples, queries)
        drawn = choose(languages, most)
        texts, languages = [texts[row] for row in drawn], [languages[row] for row in drawn]
        kind: Side = "queries" if queries else "documents"
        return encode(encoder, texts, kind, languages=languages, show_progress_bar=show_progress_bar), languages

    return *side(False), *side(True)


def check_teacher(teacher: str) -> None:
    """Refuse an unknown teacher.

    Raises:
        UsageError: The message names those that exist.
    """
    if teacher not in get_args(Teacher):
        raise UsageError(f"unknown value {teacher!r} of teacher; expected {' or '.join(get_args(Teacher))}")


def _texts_of(samples: ParallelSamples, queries: bool) -> tuple[list[str], list[str]]:
    """The distinct queries or passages of the samples, and their languages."""
    texts = {
        (text, column_language(name, language)): None
        for row, language in zip(samples.rows, samples.languages, strict=True)
        for name, text in zip(samples.columns, row, strict=True)
        if is_query(name) == queries
    }
    return [text for text, _ in texts], [language for _, language in texts]
