"""Distractors: documents of other collections that answer none of the queries, which make a pool as large as wanted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from clinometer.collection import Collection, Texts
from clinometer.errors import CollectionError, UsageError
from clinometer.pools.draws import apportioned, number_of
from clinometer.pools.rebuilt import by_language, enlarged, noted

__all__ = ["Others", "candidates", "distract", "documents_wanted", "named"]

Others = Collection | Mapping[str, Collection] | Sequence[Collection]


def distract(collection: Collection, others: Others, *, size: int | None = None, seed: int = 0) -> Collection:
    """Add documents of other collections to the pool, as documents that are relevant to no query.

    Only documents in the collection's languages are taken. One with the text of a document that is there already, in
    the same language, is left out. Ids and groups get the other collection's name in front: `tico19:en:PubMed_1`.
    [our definition]

    Args:
        collection: Any.
        others: Another collection, several, or several by name. That their documents answer none of the queries is for
            you to know; nobody judges them here.
        size: Documents of the whole pool, its own included; languages keep the shares that they have in `collection`.
            All distractors by default. A larger size is a superset of a smaller one.
        seed: Of the order in which distractors come.

    Returns:
        The collection with the distractors after its own documents, described in its notes.

    Raises:
        UsageError: The size is below that of the collection, or a language has too few distractors.
        CollectionError: Two other collections have one name.

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
    found, facts = candidates(collection, named(others), seed)
    step = f"distract({', '.join(named(others))}{'' if size is None else f', size={size}'}, seed={seed})"
    if size is not None:
        held = Counter(collection.documents.languages)
        wanted = documents_wanted(held, size, f"the collection {collection.name!r}")
        check_enough({label: wanted[label] - held[label] for label in held}, Counter(found.languages))
        taken: Counter[str] = Counter()
        rows = []
        for row, label in enumerate(found.languages):
            if taken[label] < wanted.get(label, 0) - held.get(label, 0):
                taken[label] += 1
                rows.append(row)
        found = found.take(rows)
    larger = enlarged(collection, found)
    facts = {"distractors": by_language(found.languages), "documents": len(larger.documents), **facts}
    return noted(larger, step, facts)


def named(others: Others) -> dict[str, Collection]:
    """The other collections by name.

    Raises:
        CollectionError: Two have one name.
    """
    if isinstance(others, Collection):
        others = [others]
    if isinstance(others, Mapping):
        return dict(others)
    found: dict[str, Collection] = {}
    for other in others:
        if other.name in found:
            raise CollectionError(f"two collections are called {other.name!r}; give them in a dictionary, by name")
        found[other.name] = other
    return found


def candidates(collection: Collection, others: Mapping[str, Collection], seed: int) -> tuple[Texts, dict[str, Any]]:
    """All documents of the others that can be distractors, in the order in which they come, and what was left out."""
    languages = set(collection.languages)
    taken = set(zip(collection.documents.languages, collection.documents.texts, strict=True))
    found: list[tuple[int, str, str, str, str | None]] = []
    repeats: list[str] = []
    foreign: list[str] = []
    for name, other in others.items():
        texts = other.documents
        for row, (text, label) in enumerate(zip(texts.texts, texts.languages, strict=True)):
            if label not in languages:
                foreign.append(label)
            elif (label, text) in taken:
                repeats.append(label)
            else:
                taken.add((label, text))
                new_id, group = f"{name}:{texts.ids[row]}", texts.groups[row]
                group = None if group is None else f"{name}:{group}"
                found.append((number_of(new_id, seed, "distractor"), new_id, text, label, group))
    found.sort(key=lambda item: item[:2])
    columns = zip(*(item[1:] for item in found), strict=True) if found else ((), (), (), ())
    facts: dict[str, Any] = {"verbatim duplicates left out": by_language(repeats)}
    if foreign:
        facts["left out in other languages"] = len(foreign)
    return Texts(*columns), facts


def documents_wanted(held: Mapping[str, int], size: int, what: str) -> dict[str, int]:
    """Documents of each language in a pool of `size` that keeps the shares of what is held.

    Raises:
        UsageError: More is held already.
    """
    total = sum(held.values())
    if isinstance(size, bool) or size < total:
        raise UsageError(
            f"the size {size} is below the {total} documents that {what} has already; give {total} or more"
        )
    counts = apportioned(size, np.array(list(held.values()), dtype=np.float64))
    return dict(zip(held, counts.tolist(), strict=True))


def check_enough(wanted: Mapping[str, int], available: Mapping[str, int]) -> None:
    """Refuse sizes that need more distractors than there are.

    Raises:
        UsageError: All languages with too few are named.
    """
    short = [
        f"{label} has {available.get(label, 0):,} of {count:,}"
        for label, count in wanted.items()
        if count > available.get(label, 0)
    ]
    if short:
        raise UsageError(
            f"there are too few distractors for this size ({'; '.join(short)}); give more of them, or a smaller size"
        )
