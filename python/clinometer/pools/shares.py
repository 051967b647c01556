"""Skewed language shares: a pool in which one language has most of the documents, as in real indexes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from clinometer.collection import Collection
from clinometer.errors import LanguageError, UsageError
from clinometer.languages import canonical
from clinometer.parameters import checked
from clinometer.pools.draws import apportioned, is_share, number_of
from clinometer.pools.rebuilt import Keep, by_language, keys_of, noted, thinned

__all__ = ["skew"]


@checked
def skew(
    collection: Collection, shares: Mapping[str, float], *, queries: Keep = "complete", seed: int = 0
) -> Collection:
    """Thin the documents of each language until the languages have the given shares of the pool.

    The pool is as large as the shares allow: the language that is scarcest relative to its share keeps all documents,
    except for rounding. Documents are drawn by parallel group, in one order for all languages: a large language has
    every group that a small one has. So a smaller share keeps a subset of a larger one. [our definition]

    Args:
        collection: Any collection.
        shares: Share of the pool by language, 0 to 1. Languages that are not named divide the rest equally.
        queries: Queries that stay: `complete` (those that keep all relevant documents, so that the measured task is
            that of the whole pool, among other documents), `own` (those with a relevant document in their own
            language), or `any`. The notes have the number of removed queries.
        seed: Seed of the draw.

    Returns:
        The collection, described in its notes. Each language has its share of the documents within one document.

    Raises:
        LanguageError: The collection has no documents in a named language.
        UsageError: The shares are out of range, add up to more than 1, or leave nothing for other languages.
        CollectionError: No query would be left.

    Example:
        >>> import clinometer as cm
        >>> collection = cm.pools.skew(cm.load("demo", languages=["en", "de", "zh"]), {"en": 0.9})
        >>> [collection.documents.languages.count(label) for label in ("en", "de", "zh")]
        [75, 4, 4]
    """
    labels = list(dict.fromkeys(collection.documents.languages))
    share_of_language = _shares(shares, labels)
    shares_text = ", ".join(f"{label}={share:g}" for label, share in share_of_language.items())
    step = f"skew({shares_text}, queries={queries}, seed={seed})"
    texts = collection.documents
    rows = {label: texts.rows_in([label]) for label in labels}
    size = int(min(len(rows[label]) / share for label, share in share_of_language.items() if share > 0) + 1e-9)
    counts = dict(zip(labels, apportioned(size, np.array([share_of_language[label] for label in labels])), strict=True))
    keep = np.zeros(len(texts), dtype=np.bool_)
    for label, members in rows.items():
        keyed_rows = zip(keys_of(texts, members), members, strict=True)
        order = sorted(keyed_rows, key=lambda item: (number_of(item[0], seed, "skew"), item[0]))
        keep[[row for _, row in order[: counts[label]]]] = True
    smaller, query_facts = thinned(collection, keep, queries, step)
    facts = {
        "documents": by_language(smaller.documents.languages),
        "documents taken out": int(np.sum(~keep)),
        **query_facts,
    }
    return noted(smaller, step, facts)


def _shares(shares: Mapping[str, float], labels: list[str]) -> dict[str, float]:
    """The share of every language, in the order of the collection."""
    share_of = {canonical(label): share for label, share in shares.items()}
    if not share_of:
        raise UsageError("no shares were given; give one or more, such as en=0.9")
    if missing_labels := [label for label in share_of if label not in labels]:
        raise LanguageError(
            f"the shares name {', '.join(missing_labels)}, but the collection only has documents in {', '.join(labels)}"
        )
    if invalid := [f"{label}={share!r}" for label, share in share_of.items() if not is_share(share)]:
        raise UsageError(f"{', '.join(invalid)}: a share must be a number from 0 to 1")
    total, others = sum(share_of.values()), [label for label in labels if label not in share_of]
    if total > 1 + 1e-9 or (not others and abs(total - 1) > 1e-9):
        raise UsageError(f"the shares add up to {total:g}, but must add up to 1; change them, or remove a language")
    if others and total > 1 - 1e-9:
        raise UsageError(
            f"the shares add up to 1 and leave nothing for {', '.join(others)}; give these a share, 0 to remove them"
        )
    return {label: share_of.get(label, (1 - total) / max(len(others), 1)) for label in labels}
