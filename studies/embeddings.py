"""Embeddings on disk, so that a study that was stopped resumes where it stopped."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from tqdm.auto import tqdm

import clinometer as cm
from clinometer.encoders.base import Encoder, Side, encode
from clinometer.files import written_whole
from studies.sources import ENCODERS

PART = 256


@cache
def encoder(name: str) -> Encoder:
    """The encoder of that name, loaded once."""
    return cm.encoder(ENCODERS[name])


def saved(path: Path, make: Callable[[], Any]) -> Any:
    """The array in a file; if the file does not exist, the array is made and the file appears whole."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        rows = make()
        with written_whole(path) as file:
            np.save(file, rows)
    return np.load(path)


def parts_folder(name: str, dataset: str, side: Side, work: Path) -> Path:
    return work / "embeddings" / name / f"{dataset}-{side}"


def embedded(name: str, dataset: str, side: Side, texts: Sequence[str], work: Path) -> Any:
    """Embeddings of texts by an encoder of `ENCODERS`, in parts of 256 texts, each encoded once and saved."""
    folder = parts_folder(name, dataset, side, work)
    parts = []
    for start in tqdm(range(0, len(texts), PART), desc=f"{name}, {side} of {dataset}"):
        part = list(texts[start : start + PART])
        path = folder / f"{start:06}.npy"
        parts.append(saved(path, lambda part=part: encode(encoder(name), part, side)))
    return np.concatenate(parts)
