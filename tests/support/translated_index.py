"""Indexes with a chosen share of translated documents: every language shifts and turns the same space of meanings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

DIMENSION = 48
TURN = 0.15


class TranslatedIndex(NamedTuple):
    """Documents, row for row: embeddings, languages, and the group that translations share."""

    rows: NDArray[np.float32]
    languages: list[str]
    groups: list[str]

    def taken(self, numbers: Any) -> TranslatedIndex:
        """Some of the documents."""
        numbers = list(map(int, numbers))
        return TranslatedIndex(
            self.rows[numbers], [self.languages[row] for row in numbers], [self.groups[row] for row in numbers]
        )


def translated_index(
    sizes: Mapping[str, int], translated: float = 1.0, *, pivot: str = "en", seed: int = 0, copies: int = 1
) -> TranslatedIndex:
    """An index in topics of about eight documents.

    Args:
        sizes: Number of documents of each language.
        translated: Share of a language's documents, or of the pivot's if these are fewer, with a translation in the
            pivot.
        pivot: Language that the others are translated from.
        seed: Seed of everything.
        copies: Number of near copies of each document, itself included.
    """
    draw = np.random.default_rng(seed)
    total = sum(sizes.values())
    topics = draw.normal(size=(total // 8 + 1, DIMENSION))
    meanings = 0.7 * topics[draw.integers(len(topics), size=total)] + draw.normal(size=(total, DIMENSION))
    spaces = {label: _space(draw, turned=label != pivot) for label in sorted(sizes)}
    rows: list[Any] = []
    languages: list[str] = []
    groups: list[str] = []
    unused = sizes[pivot]
    for label, size in sizes.items():
        if label == pivot:
            members = np.arange(size)
        else:
            shared = round(translated * min(size, sizes[pivot]))
            members = np.concatenate([draw.permutation(sizes[pivot])[:shared], unused + np.arange(size - shared)])
            unused += size - shared
        shift, rotation = spaces[label]
        for member in members.tolist():
            first = (meanings[member] + shift) @ rotation + 0.35 * draw.normal(size=DIMENSION)
            rows += [first, *(first + 0.02 * draw.normal(size=(copies - 1, DIMENSION)))]
            languages += [label] * copies
            groups += [str(member)] * copies
    return TranslatedIndex(np.array(rows, dtype=np.float32), languages, groups)


def _space(draw: np.random.Generator, *, turned: bool) -> tuple[NDArray[Any], NDArray[Any]]:
    """A shift of all meanings, and a rotation by a moderate angle in every plane."""
    shift = draw.normal(size=DIMENSION)
    skew = draw.normal(size=(DIMENSION, DIMENSION)) * TURN
    left, _, right = np.linalg.svd(np.eye(DIMENSION) + (skew - skew.T if turned else 0.0))
    return shift, left @ right
