"""Per-language centering as a user with an index can do it, without translations or judgements."""

from __future__ import annotations

from typing import Any

import clinometer as cm
from clinometer.correction import Center, choose

SAMPLE = 240


def sampled(collection: cm.Collection, q: Any, sample: int = SAMPLE) -> tuple[Any, list[str]]:
    """Embeddings and languages of a sample of the queries, which is the same for every correction."""
    languages = collection.queries.languages
    drawn = choose(languages, sample, 0)
    return q[drawn], [languages[row] for row in drawn]


def centered(collection: cm.Collection, q: Any, d: Any, sample: int = SAMPLE, **options: Any) -> Center:
    """Centering on the documents and a sample of the queries."""
    return Center.fit(d, list(collection.documents.languages), *sampled(collection, q, sample), **options)


def corrections(collection: cm.Collection, q: Any, d: Any, sample: int = SAMPLE) -> dict[str, Any]:
    """None, and centering on what a user with an index has: its documents, or a sample of queries as well."""
    return {
        "none": None,
        "index": Center.fit(d, list(collection.documents.languages)),
        "index+queries": centered(collection, q, d, sample),
    }


def corrected(correction: Any, collection: cm.Collection, q: Any, d: Any) -> tuple[Any, Any]:
    """Queries and documents with the correction, if there is one."""
    if correction is None:
        return q, d
    return (
        correction.apply_queries(q, collection.queries.languages),
        correction.apply(d, collection.documents.languages),
    )
