"""Partly translated collections: some of the content exists in every language, the rest in one."""

from __future__ import annotations

from typing import Literal

import numpy as np

from clinometer.collection import Collection
from clinometer.errors import UsageError
from clinometer.languages import canonical
from clinometer.parameters import checked
from clinometer.pools.draws import check_share, first, number_of, share_of
from clinometer.pools.rebuilt import Keep, by_language, noted, thinned

__all__ = ["translate_partly"]


@checked
def translate_partly(
    collection: Collection,
    share: float,
    *,
    rest: Literal["pivot", "random"] = "pivot",
    pivot: str = "en",
    queries: Keep = "any",
    seed: int = 0,
) -> Collection:
    """Keep all translations of a share of the parallel groups; of the others keep one language. [our definition]

    Args:
        collection: Any collection. Documents without a group, and groups in one language, are not changed.
        share: Share of the groups that stay translated, 0 to 1. A larger share is always a superset of a smaller one.
        rest: The language that the other groups keep: `pivot`, or `random`, one of their languages drawn by group. A
            group without the pivot keeps a random one.
        pivot: The language that content is written in first.
        queries: Queries that stay: those that keep `any` relevant document, one in their `own` language, or all
            (`complete`).
        seed: Seed of the draw.

    Returns:
        The collection, described in its notes.

    Raises:
        UsageError: The share is out of range, or `rest` is unknown.
        CollectionError: No query would be left.

    Example:
        >>> import clinometer as cm
        >>> collection = cm.pools.translate_partly(cm.load("demo", languages=["en", "de"]), 0.2)
        >>> [collection.documents.languages.count(label) for label in ("en", "de")]
        [75, 15]
    """
    check_share("the share of translated groups", share)
    if rest not in ("pivot", "random"):
        raise UsageError(f"rest is {rest!r}, but must be pivot or random")
    pivot = canonical(pivot)
    step = f"translate_partly({share:g}, rest={rest}, pivot={pivot}, queries={queries}, seed={seed})"
    texts = collection.documents
    languages_of: dict[str, dict[str, None]] = {}
    for group, label in zip(texts.groups, texts.languages, strict=True):
        if group is not None:
            languages_of.setdefault(group, {})[label] = None
    parallel = {group: sorted(labels) for group, labels in languages_of.items() if len(labels) > 1}
    translated = first(parallel, share_of(len(parallel), share), seed, "translated")
    single: dict[str, str] = {}
    for group, labels in parallel.items():
        if group not in translated:
            random_label = labels[number_of(group, seed, "single language") % len(labels)]
            single[group] = pivot if rest == "pivot" and pivot in labels else random_label
    keep = np.array(
        [single.get(group or "", label) == label for group, label in zip(texts.groups, texts.languages, strict=True)]
    )
    smaller, query_facts = thinned(collection, keep, queries, step)
    facts = {
        "groups translated": len(translated),
        "groups in one language": len(single),
        "which one": by_language(single.values()),
        "documents taken out": int(np.sum(~keep)),
        **query_facts,
    }
    return noted(smaller, step, facts)
