"""The expansion of an index in memory or in a store: its translations are mined among all documents."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clinometer.correction.base import Correction
from clinometer.correction.expansion import WEIGHT, Expansion, check_expansion_weight
from clinometer.correction.mined import LEAST_PAIRS, MinedPairs
from clinometer.mining.pairs import MARGIN, NEIGHBOURS, SAMPLE, Index, index_of, known_groups, mined_in
from clinometer.parameters import checked, whole
from clinometer.store.reader import EmbeddingStore

__all__ = ["expanded"]

_BLOCK = 8192


@checked
def expanded(
    documents: ArrayLike | EmbeddingStore,
    languages: Sequence[str] | None = None,
    *,
    correction: Correction | None = None,
    weight: float = WEIGHT,
    groups: Sequence[Any] | None = None,
    pivot: str = "en",
    neighbours: int = NEIGHBOURS,
    margin: float = MARGIN,
    least: int = LEAST_PAIRS,
    seed: int = 0,
    threads: int | None = None,
    show_progress_bar: bool = False,
) -> Expansion:
    """The expansion of an index: which documents are blended with which, how strongly.

    Pairs are mined as by `mine`, after the correction, but every document looks for a partner, so that time grows with
    the square of the documents of a language. Documents that are equal to a paired one in their language are blended
    like it. Expand the index again as it grows.

    Args:
        documents: `(N, d)` embeddings of all documents that are searched by cosine, or a store of them.
        languages: Language of each document; None for those of the store.
        correction: Correction that is still to be applied to the documents, such as a turn; None for none. After it
            they are blended.
        weight: Weight of the translation, from 0 to 1.
        groups: Parallel groups of the documents, where they are known: only to count the pairs that are right. Those of
            a store are read from it.
        pivot: Language that the others are paired with.
        neighbours: As for `clinometer.mining.mine`.
        margin: As for `clinometer.mining.mine`.
        least: Smallest number of pairs of a language that is expanded.
        seed: Seed of the sample by which chance is estimated.
        threads: Number of threads; the result does not depend on it.
        show_progress_bar: Draw a bar on standard error.

    Raises:
        UsageError: No language has enough pairs, or an option cannot be used.
        LanguageError: As for `clinometer.mining.mine`.

    Example:
        >>> import clinometer as cm
        >>> from clinometer.correction import Center
        >>> from clinometer.encoders import encode
        >>> demo = cm.load("demo", languages=["en", "de"])
        >>> rows = encode(cm.encoder("offline"), demo.documents.texts, "documents")
        >>> rows = Center.fit(rows, demo.documents.languages).apply(rows, demo.documents.languages)
        >>> expansion = expanded(rows, demo.documents.languages, groups=demo.documents.groups)
        >>> expansion.expanded, expansion.settings["pairs_right"], expansion.apply(rows).shape == rows.shape
        (('de',), {'de': 1.0}, True)
    """
    check_expansion_weight(weight)
    whole(least, "least", least=1)
    if groups is None and isinstance(documents, EmbeddingStore):
        groups = known_groups(documents.groups)
    # Scaled again even after a correction, so that it is all the same who applies that.
    index = index_of(documents, languages, correction, threads, scaled=True)
    pairs = mined_in(
        index, pivot=pivot, groups=groups, neighbours=neighbours, margin=margin, sample=None, chance_sample=SAMPLE,
        seed=seed, rows=False, show_progress_bar=show_progress_bar,
    )  # fmt: skip
    return Expansion.of(
        pairs, len(index.codes), weight=weight, pivot=pivot, least=least, copies=_copies(index, pairs),
        mined_by={"neighbours": neighbours, "margin": float(margin), "seed": seed},
    )  # fmt: skip


def _copies(index: Index, pairs: Mapping[str, MinedPairs]) -> dict[int, list[int]]:
    """Positions of documents that equal a paired one of their language, by its position."""
    paired = np.concatenate([np.empty(0, np.int64), *(side for mined in pairs.values() for side in _sides(mined))])
    copies: dict[int, list[int]] = {}
    for label in index.labels:
        own = index.of(label)
        members = own[np.isin(own, paired)]
        position_of = dict(zip(_digests(index, members), members.tolist(), strict=True))
        for document, digest in zip(own.tolist(), _digests(index, own), strict=True):
            if (position := position_of.get(digest, document)) != document:
                copies.setdefault(position, []).append(document)
    return copies


def _digests(index: Index, positions: NDArray[np.int64]) -> Iterator[bytes]:
    for start in range(0, len(positions), _BLOCK):
        for row in index.taken(positions[start : start + _BLOCK]):
            yield blake2b(row.tobytes(), digest_size=16).digest()


def _sides(mined: MinedPairs) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    assert mined.documents is not None and mined.pivot_documents is not None  # noqa: S101, PT018 - they were mined here
    return mined.documents, mined.pivot_documents
