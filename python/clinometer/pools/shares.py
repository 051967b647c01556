"""Skewed language shares: a pool in which one language has most of the documents, as real indexes have."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from clinometer.collection import Collection
from clinometer.errors import LanguageError, UsageError
from clinometer.languages import canonical
from clinometer.pools.draws import apportioned, number_of
from clinometer.pools.rebuilt import Keep, by_language, keys_of, noted, thinned

__all__ = ["skew"]


def skew(
    collection: Collection, shares: Mapping[str, float], *, queries: Keep = "complete", seed: int = 0
) -> Collection:
    """Thin the documents of each language until the languages have the given shares of the pool.

    The pool is as large as the shares allow: the language that is scarcest beside its share keeps all that it has, but
    for rounding. Which documents stay is drawn by parallel group, in one order for all languages: what a small language
    has, a large one has too. So a smaller share keeps a part of what a larger one keeps. [our definition]

    Args:
        collection: Any.
        shares: Share of the pool by language, 0 to 1. Languages that are not named divide what is left equally.
        queries: Which queries stay: `complete` (all their relevant documents are still there; what is measured is then
            the same as in the whole pool, among other documents), `own` (a relevant document in their own language),
            or `any`. How many went is in the notes.
        seed: Of the draw.

    Returns:
        The collection, described in its notes. Each language has its share of the documents within one document.

    Raises:
        LanguageError: The collection has no documents in a language that is named.
        UsageError: The shares are no shares, add up to more than 1, or leave nothing for other languages.
        CollectionError: No query would be left.

    Example:
        >>> import clinometer as cm
        >>> collection = cm.pools.skew(cm.load("demo", languages=["en", "de", "zh"]), {"en": 0.9})
        >>> [collection.documents.languages.count(label) for label in ("en", "de", "zh")]
        [75, 4, 4]
    """
    labels = list(dict.fromkeys(collection.documents.languages))
    wanted = _shares(shares, labels)
    step = f"skew({', '.join(f'{label}={share:g}' for label, share in wanted.items())}, queries={queries}, seed={seed})"
    texts = collection.documents
    rows = {label: texts.rows_in([label]) for label in labels}
    size = int(min(len(rows[label]) / share for label, share in wanted.items() if share > 0) + 1e-9)
    counts = dict(zip(labels, apportioned(size, np.array([wanted[label] for label in labels])), strict=True))
    keep = np.zeros(len(texts), dtype=np.bool_)
    for label, members in rows.items():
        order = sorted(zip(keys_of(texts, members), members, strict=True), key=lambda item: _place(item[0], seed))
        keep[[row for _, row in order[: counts[label]]]] = True
    smaller, lost = thinned(collection, keep, queries, step)
    facts = {"documents": by_language(smaller.documents.languages), "documents taken out": int(np.sum(~keep)), **lost}
    return noted(smaller, step, facts)


def _place(key: str, seed: int) -> tuple[int, str]:
    return number_of(key, seed, "skew"), key


def _shares(shares: Mapping[str, float], labels: list[str]) -> dict[str, float]:
    """The share of every language, in the order of the collection."""
    named = {canonical(label): share for label, share in shares.items()}
    if not named:
        raise UsageError("no share was given; write one for a language or more, such as en=0.9")
    if absent := [label for label in named if label not in labels]:
        raise LanguageError(
            f"the collection has no documents in {', '.join(absent)}, whose share was given; it has {', '.join(labels)}"
        )
    if wrong := [f"{label}={share!r}" for label, share in named.items() if not _is_share(share)]:
        raise UsageError(f"{', '.join(wrong)}: a share must be a number from 0 to 1")
    total, others = sum(named.values()), [label for label in labels if label not in named]
    if total > 1 + 1e-9 or (not others and abs(total - 1) > 1e-9):
        raise UsageError(f"the shares add up to {total:g}, but must add up to 1; change them, or leave a language out")
    if others and total > 1 - 1e-9:
        raise UsageError(
            f"the shares add up to 1 and leave nothing for {', '.join(others)}; give these a share, 0 if they are to go"
        )
    return {label: named.get(label, (1 - total) / max(len(others), 1)) for label in labels}


def _is_share(share: object) -> bool:
    return isinstance(share, (int, float)) and not isinstance(share, bool) and 0 <= share <= 1
