"""Collections made from a collection: documents taken away or added, judgements that follow, and a note of it all.

Texts that stay keep their order, and new ones come after them, so equal scores are ordered alike in every pool.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from clinometer.collection import Collection, Texts
from clinometer.errors import CollectionError, UsageError

__all__ = ["Keep", "by_language", "enlarged", "keys_of", "noted", "thinned"]

Keep = Literal["complete", "own", "any"]
"""Which queries stay when documents go: those that keep all their relevant documents, one in their own language, or
one in any language."""


def keys_of(texts: Texts, rows: Iterable[int] | None = None) -> list[str]:
    """The parallel group of each text, or its id where it has none."""
    chosen = range(len(texts)) if rows is None else rows
    return [f"id:{texts.ids[row]}" if (group := texts.groups[row]) is None else f"group:{group}" for row in chosen]


def by_language(labels: Iterable[str]) -> str:
    """How many of each, in words.

    Example:
        >>> by_language(["en", "de", "en"])
        'en 2, de 1'
    """
    return ", ".join(f"{label} {count}" for label, count in Counter(labels).items()) or "none"


def noted(collection: Collection, step: str, facts: Mapping[str, Any]) -> Collection:
    """The collection with one more entry in its notes, numbered in the order of the steps."""
    number = 1 + sum(key.startswith("pool_") for key in collection.notes)
    return replace(collection, notes={**collection.notes, f"pool_{number}": {"made by": step, **facts}})


def thinned(
    collection: Collection, documents: NDArray[np.bool_], queries: Keep, step: str
) -> tuple[Collection, dict[str, Any]]:
    """The collection with some of its documents, and the queries that still have their answers.

    Args:
        collection: Any.
        documents: Which documents stay.
        queries: Which queries stay, see `Keep`; a query that had no relevant document in the first place always does.
        step: What is done, for the message.

    Returns:
        The collection, and facts about the queries that went, for its notes.

    Raises:
        UsageError: There is no such way to keep queries.
        CollectionError: No document or no query would be left.
    """
    if queries not in get_args(Keep):
        raise UsageError(f"queries is {queries!r}, but must be one of {', '.join(get_args(Keep))}")
    query_of = np.repeat(np.arange(len(collection.queries)), np.diff(collection.indptr))
    relevant, stays = collection.grades >= 1, documents[collection.judged]

    def counted(rows: NDArray[np.bool_]) -> NDArray[np.int64]:
        return np.bincount(query_of[rows], minlength=len(collection.queries))

    had, left = counted(relevant), counted(relevant & stays)
    if queries == "own":
        asked = np.array(collection.queries.languages, dtype=np.str_)[query_of]
        own = np.array(collection.documents.languages, dtype=np.str_)[collection.judged] == asked
        kept = (counted(relevant & stays & own) > 0) | (had == 0)
    else:
        kept = (left == had) | (left > 0) if queries == "any" else left == had
    if not documents.any() or not kept.any():
        what = "documents" if not documents.any() else "queries with their answers"
        raise CollectionError(f"{step} leaves no {what} in {collection.name!r}; keep a larger share")
    gone = np.flatnonzero(~kept)
    new_document, new_query = np.cumsum(documents) - 1, np.cumsum(kept) - 1
    judgements = stays & kept[query_of]
    counts = np.bincount(new_query[query_of[judgements]], minlength=int(kept.sum()))
    smaller = replace(
        collection,
        documents=collection.documents.take(np.flatnonzero(documents)),
        queries=collection.queries.take(np.flatnonzero(kept)),
        indptr=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        judged=new_document[collection.judged[judgements]].astype(np.int64),
        grades=collection.grades[judgements],
    )
    meaning = {
        "complete": "that keep all their relevant documents",
        "own": "that keep a relevant document in their own language",
        "any": "that keep a relevant document in any language",
    }[queries]
    facts = {"queries kept": f"those {meaning}", "queries left out": len(gone)}
    if gone.size:
        facts["queries left out by language"] = by_language(collection.queries.languages[row] for row in gone)
    return smaller, facts


def enlarged(collection: Collection, documents: Texts, judgements: Sequence[tuple[int, int, int]] = ()) -> Collection:
    """The collection with more documents after its own.

    Args:
        collection: Any.
        documents: The new ones.
        judgements: Query row, row among the new documents, and grade of each new judgement.

    Raises:
        CollectionError: An id is there already; it is named.
    """
    held = collection.documents
    known = set(held.ids)
    if twice := [name for name in documents.ids if name in known]:
        raise CollectionError(
            f"{collection.name!r} has a document {twice[0]!r} already; a step of a pool was applied twice, or another "
            "collection has the name of a former one"
        )
    query_of = np.repeat(np.arange(len(collection.queries)), np.diff(collection.indptr))
    new = np.array(judgements, dtype=np.int64).reshape(-1, 3)
    query = np.concatenate([query_of, new[:, 0]])
    judged = np.concatenate([collection.judged, new[:, 1] + len(held)])
    grades = np.concatenate([collection.grades, new[:, 2].astype(np.int32)])
    order = np.lexsort((judged, query))
    counts = np.bincount(query, minlength=len(collection.queries))
    return replace(
        collection,
        documents=Texts(
            ids=held.ids + documents.ids,
            texts=held.texts + documents.texts,
            languages=held.languages + documents.languages,
            groups=held.groups + documents.groups,
        ),
        indptr=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        judged=judged[order].astype(np.int64),
        grades=grades[order].astype(np.int32),
    )
