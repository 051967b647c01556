"""Documents with the id of a query, which are often the query itself: ArguAna, Quora, duplicate questions.

They can be left out of the query's own pool. A collection that has some says so in the notices of its results.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from clinometer.collection import Collection

__all__ = ["as_rows", "own_documents", "own_id_notices"]


def own_documents(collection: Collection) -> NDArray[np.int64]:
    """`(Q,)`: position of the document with each query's own id, -1 if there is none.

    Example:
        >>> import clinometer as cm
        >>> int((own_documents(cm.load("demo")) >= 0).sum())
        0
    """
    query_ids = set(collection.queries.ids)
    row_of = {name: row for row, name in enumerate(collection.documents.ids) if name in query_ids}
    return np.array([row_of.get(name, -1) for name in collection.queries.ids], dtype=np.int64)


def as_rows(own: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Own documents as CSR `(indptr, documents)`."""
    has_one = own >= 0
    return np.concatenate([[0], np.cumsum(has_one)]).astype(np.int64), own[has_one]


def own_id_notices(collection: Collection, excluded: NDArray[np.int64] | None) -> list[str]:
    """Sentences for the results: how many queries have a document with their own id, and what became of it.

    Args:
        collection: Evaluated collection.
        excluded: `own_documents` if they were left out, else None.
    """
    own = own_documents(collection) if excluded is None else excluded
    indptr, relevant = collection.relevant()
    query_of = np.repeat(np.arange(len(own)), np.diff(indptr))
    is_answer = np.zeros(len(own), dtype=np.bool_)
    is_answer[query_of[relevant == own[query_of]]] = True
    with_own = own >= 0
    queries = f"of {len(own):,} queries"
    if excluded is not None:
        count, answers = int(np.count_nonzero(with_own)), int(np.count_nonzero(is_answer))
        if not count:
            return ["no document has the same id as a query, so exclude_own_id left nothing out"]
        judged = f"; for {answers:,} of them it is judged relevant, which then does not count" if answers else ""
        return [f"{count:,} {queries} were searched without the document that has the same id{judged}"]
    # A document that is an answer under the query's id is a translation or a copy that is meant to be retrieved.
    rows = np.flatnonzero(with_own & ~is_answer)
    if not rows.size:
        return []
    texts = collection.documents.texts
    alike = sum(collection.queries.texts[row].strip() == texts[own[row]].strip() for row in rows.tolist())
    return [
        f"for {len(rows):,} {queries} the pool has a document with the same id that is not an answer ({alike:,} with "
        "the same text); if it is the query itself, as in ArguAna or Quora, leave it out with exclude_own_id "
        "(--exclude-own-id)"
    ]
