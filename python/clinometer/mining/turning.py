"""A centering followed by a turn, fitted on an index in memory or in a store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numpy.typing import ArrayLike

from clinometer.correction.center import Center
from clinometer.correction.turn import Turn
from clinometer.mining.pairs import MARGIN, NEIGHBOURS, SAMPLE, known_groups, mine
from clinometer.parameters import checked
from clinometer.store.reader import EmbeddingStore

__all__ = ["turned"]


@checked
def turned(
    center: Center,
    documents: ArrayLike | EmbeddingStore,
    languages: Sequence[str] | None = None,
    *,
    groups: Sequence[Any] | None = None,
    pivot: str = "en",
    neighbours: int = NEIGHBOURS,
    margin: float = MARGIN,
    sample: int | None = SAMPLE,
    seed: int = 0,
    threads: int | None = None,
    show_progress_bar: bool = False,
    **options: Any,
) -> Turn:
    """The centering, followed by a turn that is fitted on the index.

    Fit it on the index that it serves, and again as that grows: it learns the translations that are there.

    Args:
        center: The fitted centering.
        documents: `(N, d)` embeddings of the index before any correction, or a store of them.
        languages: Language of each document; None for those of the store.
        groups: Parallel groups of the documents, where they are known: only to count the pairs that are right. Those of
            a store are read from it.
        pivot: Language that the others are turned to.
        neighbours: As for `clinometer.mining.mine`.
        margin: As for `clinometer.mining.mine`.
        sample: As for `clinometer.mining.mine`.
        seed: As for `clinometer.mining.mine`.
        threads: As for `clinometer.mining.mine`.
        show_progress_bar: Draw a bar on standard error.
        **options: Options of `clinometer.correction.Turn.fit`: `ridge` and `least`.

    Raises:
        UsageError: No language has enough pairs, or an option cannot be used.
        LanguageError: As for `clinometer.mining.mine`.

    Example:
        >>> import clinometer as cm
        >>> from clinometer.encoders import encode
        >>> demo = cm.load("demo", languages=["en", "de"])
        >>> rows = encode(cm.encoder("offline"), demo.documents.texts, "documents")
        >>> turn = turned(Center.fit(rows, demo.documents.languages), rows, demo.documents.languages)
        >>> turn.turned, turn.settings["turn"]["pairs"]["de"] > 50
        (('de',), True)
    """
    if groups is None and isinstance(documents, EmbeddingStore):
        groups = known_groups(documents.groups)
    pairs = mine(
        documents, languages, center, pivot=pivot, groups=groups, neighbours=neighbours, margin=margin, sample=sample,
        seed=seed, threads=threads, show_progress_bar=show_progress_bar,
    )  # fmt: skip
    mined_by = {"neighbours": neighbours, "margin": margin, "sample": sample, "seed": seed}
    return Turn.fit(center, pairs, pivot=pivot, mined_by=mined_by, **options)
