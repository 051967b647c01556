"""Collections derived from a collection: documents removed or added, judgements adapted, and a note of the change.

Remaining texts keep their order, and new ones follow them, so equal scores are ordered the same in every pool.
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
from clinometer.suggestions import one_of

__all__ = ["Keep", "by_language", "enlarged", "keys_of", "noted", "thinned"]

Keep = Literal["complete", "own", "any"]
"""Queries that stay when documents are removed: those that keep all their relevant documents, one in their own
language, or one in any language."""


def keys_of(texts: Texts, rows: Iterable[int] | None = None) -> list[str]:
    """The parallel group of each text, or its id if it has none."""
    selected = range(len(texts)) if rows is None else rows
    return [f"id:{texts.ids[row]}" if (group := texts.groups[row]) is None else f"group:{group}" for row in selected]


def by_language(labels: Iterable[str]) -> str:
    """Counts by language as text.

    Example:
        >>> by_language(["en", "de", "en"])
        'en 2, de 1'
    """
    return ", ".join(f"{label} {count}" for label, count in Counter(labels).items()) or "none"


def noted(collection: Collection, step: str, facts: Mapping[str, Any]) -> Collection:
    """The collection with another entry in its notes, numbered in the order of the steps."""
    number = 1 + sum(key.startswith("pool_") for key in collection.notes)
    return replace(collection, notes={**collection.notes, f"pool_{number}": {"made by": step, **facts}})


def thinned(
    collection: Collection, documents: NDArray[np.bool_], queries: Keep, step: str
) -> tuple[Collection, dict[str, Any]]:
    """The collection with some of its documents, and the queries that still have their relevant documents.

    Args:
        collection: Any collection.
        documents: `(N,)`: True for documents that stay.
        queries: Rule for the queries that stay, see `Keep`; a query without any relevant document always stays.
        step: Text of the step in error messages.

    Returns:
        The collection, and facts about the removed queries, for its notes.

    Raises:
        UsageError: The rule is unknown.
        CollectionError: No document or no query would be left.
    """
    if queries not in get_args(Keep):
        raise UsageError(f"queries is {queries!r}, but must be {one_of(queries, get_args(Keep))}")
    query_of = np.repeat(np.arange(len(collection.queries)), np.diff(collection.indptr))
    relevant, stays = collection.grades >= 1, documents[collection.judged]

    def counted(rows: NDArray[np.bool_]) -> NDArray[np.int64]:
        return np.bincount(query_of[rows], minlength=len(collection.queries))

    total, remaining = counted(relevant), counted(relevant & stays)
    if queries == "own":
        query_languages = np.array(collection.queries.languages, dtype=np.str_)[query_of]
        in_own_language = np.array(collection.documents.languages, dtype=np.str_)[collection.judged] == query_languages
        query_stays = (counted(relevant & stays & in_own_language) > 0) | (total == 0)
    else:
        query_stays = (remaining == total) | (remaining > 0) if queries == "any" else remaining == total
    if not documents.any() or not query_stays.any():
        missing = "documents" if not documents.any() else "queries with their relevant documents"
        raise CollectionError(f"{step} leaves no {missing} in {collection.name!r}; keep a larger share")
    removed = np.flatnonzero(~query_stays)
    new_document, new_query = np.cumsum(documents) - 1, np.cumsum(query_stays) - 1
    judgements = stays & query_stays[query_of]
    counts = np.bincount(new_query[query_of[judgements]], minlength=int(query_stays.sum()))
    smaller = replace(
        collection,
        documents=collection.documents.take(np.flatnonzero(documents)),
        queries=collection.queries.take(np.flatnonzero(query_stays)),
        indptr=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        judged=new_document[collection.judged[judgements]].astype(np.int64),
        grades=collection.grades[judgements],
    )
    meaning = {
        "complete": "that keep all their relevant documents",
        "own": "that keep a relevant document in their own language",
        "any": "that keep a relevant document in any language",
    }[queries]
    facts = {"queries kept": f"those {meaning}", "queries left out": len(removed)}
    if removed.size:
        facts["queries left out by language"] = by_language(
            collection.queries.languages[row] for row in removed.tolist()
        )
    return smaller, facts


def enlarged(collection: Collection, documents: Texts, judgements: Sequence[tuple[int, int, int]] = ()) -> Collection:
    """The collection with more documents after its own.

    Args:
        collection: Any collection.
        documents: The new documents.
        judgements: Query row, row among the new documents, and grade of each new judgement.

    Raises:
        CollectionError: The collection already has an id; the message names it.
    """
    own_documents = collection.documents
    own_ids = set(own_documents.ids)
    if duplicates := [name for name in documents.ids if name in own_ids]:
        raise CollectionError(
            f"{collection.name!r} already has a document {duplicates[0]!r}; a step of a pool was applied twice, or "
            "another collection has the name of an earlier one"
        )
    query_of = np.repeat(np.arange(len(collection.queries)), np.diff(collection.indptr))
    added = np.array(judgements, dtype=np.int64).reshape(-1, 3)
    query = np.concatenate([query_of, added[:, 0]])
    judged = np.concatenate([collection.judged, added[:, 1] + len(own_documents)])
    grades = np.concatenate([collection.grades, added[:, 2].astype(np.int32)])
    order = np.lexsort((judged, query))
    counts = np.bincount(query, minlength=len(collection.queries))
    return replace(
        collection,
        documents=Texts(
            ids=(*own_documents.ids, *documents.ids),
            texts=(*own_documents.texts, *documents.texts),
            languages=(*own_documents.languages, *documents.languages),
            groups=(*own_documents.groups, *documents.groups),
        ),
        indptr=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        judged=judged[order].astype(np.int64),
        grades=grades[order].astype(np.int32),
    )
