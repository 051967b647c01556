"""Distractors: documents of other collections, relevant to none of the queries, that bring a pool to any size."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from clinometer.collection import Collection, Texts
from clinometer.errors import CollectionError, UsageError, shown
from clinometer.parameters import checked
from clinometer.pools.draws import apportioned, number_of
from clinometer.pools.rebuilt import by_language, enlarged, noted

__all__ = ["Others", "candidates", "distract", "documents_wanted", "named"]

Others = Collection | Mapping[str, Collection] | Sequence[Collection]


@checked
def distract(collection: Collection, others: Others, *, size: int | None = None, seed: int = 0) -> Collection:
    """Add documents of other collections to the pool, as documents that are relevant to no query.

    Only documents in the collection's languages are added, without those that repeat the text of another document of
    the same language. Ids and groups get the other collection's name as a prefix: `tico19:en:PubMed_1`.
    [our definition]

    Args:
        collection: Any collection.
        others: Another collection, several, or several by name. It is up to you that their documents are relevant to
            none of the queries; they are not judged.
        size: Number of documents of the whole pool, its own included; languages keep their shares in `collection`. All
            distractors by default. A larger size is a superset of a smaller one.
        seed: Seed of the order of distractors.

    Returns:
        The collection with the distractors after its own documents, described in its notes.

    Raises:
        UsageError: The size is below that of the collection, or a language has too few distractors.
        CollectionError: Two other collections have the same name.

    Example:
        >>> import clinometer as cm
        >>> demo = cm.load("demo", languages=["en", "de"])
        >>> builder = cm.CollectionBuilder("other")
        >>> for number in range(5):
        ...     builder.add_document(f"en-{number}", f"Page {number}.", "en")
        ...     builder.add_document(f"de-{number}", f"Seite {number}.", "de")
        >>> builder.add_query("q", "Which page?", "en")
        >>> larger = cm.pools.distract(demo, builder.build(), size=154)
        >>> len(larger.documents), sorted(larger.documents.languages[-4:])
        (154, ['de', 'de', 'en', 'en'])
    """
    texts, facts = candidates(collection, named(others), seed)
    step = f"distract({', '.join(named(others))}{'' if size is None else f', size={size}'}, seed={seed})"
    if size is not None:
        own_counts = Counter(collection.documents.languages)
        target_counts = documents_wanted(own_counts, size, f"the collection {collection.name!r}")
        missing_counts = Counter({label: target_counts[label] - count for label, count in own_counts.items()})
        check_enough(missing_counts, Counter(texts.languages))
        rows = []
        for row, label in enumerate(texts.languages):
            if missing_counts[label] > 0:
                missing_counts[label] -= 1
                rows.append(row)
        texts = texts.take(rows)
    larger = enlarged(collection, texts)
    facts = {"distractors": by_language(texts.languages), "documents": len(larger.documents), **facts}
    return noted(larger, step, facts)


def named(others: Others) -> dict[str, Collection]:
    """The other collections by name.

    Raises:
        CollectionError: Two have the same name.
    """
    if isinstance(others, Collection):
        others = [others]
    if not isinstance(others, (list, tuple, Mapping)):
        raise UsageError(f"others must be collections, not {shown(others)}")
    for other in others.values() if isinstance(others, Mapping) else others:
        if not isinstance(other, Collection):
            raise UsageError(f"others must be collections, not {shown(other)}")
    if isinstance(others, Mapping):
        return dict(others)
    collections: dict[str, Collection] = {}
    for other in others:
        if other.name in collections:
            raise CollectionError(f"two collections have the name {other.name!r}; give them in a dictionary, by name")
        collections[other.name] = other
    return collections


def candidates(collection: Collection, others: Mapping[str, Collection], seed: int) -> tuple[Texts, dict[str, Any]]:
    """All documents of the others that can be distractors, in order, and facts about those left out."""
    languages = set(collection.languages)
    known = set(zip(collection.documents.languages, collection.documents.texts, strict=True))
    distractors: list[tuple[int, str, str, str, str | None]] = []
    repeats: list[str] = []
    foreign: list[str] = []
    for name, other in others.items():
        texts = other.documents
        for row, (text, label) in enumerate(zip(texts.texts, texts.languages, strict=True)):
            if label not in languages:
                foreign.append(label)
            elif (label, text) in known:
                repeats.append(label)
            else:
                known.add((label, text))
                new_id, group = f"{name}:{texts.ids[row]}", texts.groups[row]
                group = None if group is None else f"{name}:{group}"
                distractors.append((number_of(new_id, seed, "distractor"), new_id, text, label, group))
    distractors.sort(key=lambda entry: entry[:2])
    columns = zip(*(entry[1:] for entry in distractors), strict=True) if distractors else ((), (), (), ())
    facts: dict[str, Any] = {"verbatim duplicates left out": by_language(repeats)}
    if foreign:
        facts["left out in other languages"] = len(foreign)
    return Texts(*columns), facts


def documents_wanted(held: Mapping[str, int], size: int, what: str) -> dict[str, int]:
    """Number of documents of each language in a pool of `size` that keeps the shares of the documents held.

    Raises:
        UsageError: More documents are held.
    """
    total = sum(held.values())
    if isinstance(size, bool) or size < total:
        raise UsageError(
            f"the size {size} is below the {total} documents that {what} already has; give {total} or more"
        )
    counts = apportioned(size, np.array(list(held.values()), dtype=np.float64))
    return dict(zip(held, counts.tolist(), strict=True))


def check_enough(needed: Mapping[str, int], available: Mapping[str, int]) -> None:
    """Refuse sizes that need more distractors than are available.

    Raises:
        UsageError: The message names all languages with too few.
    """
    shortages = [
        f"{label} has {available.get(label, 0):,} of {count:,}"
        for label, count in needed.items()
        if count > available.get(label, 0)
    ]
    if shortages:
        raise UsageError(
            f"too few distractors for this size ({'; '.join(shortages)}); give more of them, or a smaller size"
        )
