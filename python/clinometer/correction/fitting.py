"""From a collection to a fitted correction: which texts are drawn, what moves the queries, and what is worth a warning.

Only the drawn texts are encoded. The same collection, sample size and seed draw the same texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from clinometer.collection import Collection, Texts
from clinometer.correction.base import Correction
from clinometer.correction.records import fitted_on
from clinometer.correction.sample import by_language, choose, choose_parallel
from clinometer.encoders import Encoder, PrecomputedEncoder, encode
from clinometer.encoders.base import Side
from clinometer.errors import UsageError

__all__ = [
    "QUERY_FITS",
    "QueryFit",
    "Sample",
    "SampledTexts",
    "drawn",
    "encode_sample",
    "fit_sample",
    "query_fit",
    "summary",
]

QueryFit = Literal["own", "documents", "none"]
QUERY_FITS: tuple[QueryFit, ...] = ("own", "documents", "none")
_FEW, _ENOUGH = 30, 60


@dataclass(frozen=True, eq=False)
class SampledTexts:
    """Embeddings of the drawn documents or queries, with their labels.

    Args:
        vectors: `(n, d)`.
        languages: Label of each row.
        groups: Parallel group of each row, None where it has none.
    """

    vectors: NDArray[Any]
    languages: Sequence[str]
    groups: Sequence[str | None]


@dataclass(frozen=True, eq=False)
class Sample:
    """What a correction is fitted on.

    Args:
        documents: The documents.
        queries: The queries, None if none are used.
        queries_by: What moves the queries.
        origin: What `fitted_on` of the correction will say: where the texts are from, encoder, size, seed.
    """

    documents: SampledTexts
    queries: SampledTexts | None
    queries_by: QueryFit
    origin: dict[str, Any]


def query_fit(method: str, asked: str | None, queries: int, groups: Sequence[str | None]) -> QueryFit:
    """What moves the queries: what is fitted on sample queries (`own`), on the `documents`, or nothing (`none`).

    Args:
        method: Of the correction.
        asked: What the user wants; None for `own` where there are queries that the method can be fitted on.
        queries: How many there are.
        groups: Their parallel groups, which `shift` needs.

    Raises:
        UsageError: There is no such choice, or it cannot be had here.

    Example:
        >>> query_fit("center", None, 100, [None] * 100), query_fit("shift", None, 100, [None] * 100)
        ('own', 'documents')
    """
    if asked is not None and asked not in QUERY_FITS:
        raise UsageError(f"what moves the queries is {asked!r}; choose one of {', '.join(QUERY_FITS)}")
    if asked == "own" and not queries:
        raise UsageError("there are no queries to fit on; let documents or none move them")
    if method == "calibrate" and (not queries or asked not in (None, "own")):
        raise UsageError("calibrate is fitted on scores of queries, so it needs queries of its own; give some")
    if method == "lir" and asked == "none":
        raise UsageError("lir without queries would take components out of documents alone; choose own or documents")
    if asked is not None:
        return asked
    usable = any(group is not None for group in groups) if method == "shift" else queries > 0
    return "own" if usable else "documents"


def drawn(
    method: str,
    languages: Sequence[str],
    groups: Sequence[str | None],
    texts: int | None,
    *,
    seed: int = 0,
    pivot: str = "en",
) -> NDArray[np.int64]:
    """Row numbers of the sample, ascending: so many texts of each language, whole translations for `shift`.

    Raises:
        UsageError: `texts` is less than 1.
    """
    if method == "shift":
        return choose_parallel(languages, groups, texts, pivot=pivot, seed=seed)
    return choose(languages, texts, seed)


def encode_sample(
    collection: Collection,
    encoder: Encoder,
    method: str,
    *,
    texts: int | None = 200,
    queries_by: str | None = None,
    seed: int = 0,
    pivot: str = "en",
    adapted: Any = None,
    show_progress_bar: bool = False,
) -> Sample:
    """Draw texts of a collection and encode them, and no others.

    Args:
        collection: Its judgements are not looked at.
        encoder: What encodes. Precomputed embeddings belong to the whole collection.
        method: Of the correction, which decides what a sample is.
        texts: How many of each language, documents and queries each; None for all.
        queries_by: As `asked` of `query_fit`.
        seed: Of the drawing.
        pivot: For `shift`.
        adapted: A function that puts an adapter behind an encoder, None for none.
        show_progress_bar: Draw bars on standard error.

    Raises:
        UsageError: As for `query_fit` and `drawn`.
        EmbeddingError: Precomputed embeddings are not those of this collection.
    """
    kind = query_fit(method, queries_by, len(collection.queries), collection.queries.groups)
    of_documents, of_queries = (
        drawn(method, side.languages, side.groups, texts, seed=seed, pivot=pivot) if wanted else np.empty(0, np.int64)
        for side, wanted in ((collection.documents, True), (collection.queries, kind == "own"))
    )
    if isinstance(encoder, PrecomputedEncoder):
        encoder = PrecomputedEncoder(
            encoder.encode_queries(collection.queries.texts)[of_queries],
            encoder.encode_documents(collection.documents.texts)[of_documents],
            name=encoder.record.name,
        )
    if adapted is not None:
        encoder = adapted(encoder)
    documents = _encoded(encoder, collection.documents.take(of_documents), "documents", show_progress_bar)
    queries = None
    if kind == "own":
        queries = _encoded(encoder, collection.queries.take(of_queries), "queries", show_progress_bar)
    origin = {"source": collection.name, "sample": texts, "seed": seed, **fitted_on(encoder.record)}
    return Sample(documents, queries, kind, origin)


def _encoded(encoder: Encoder, texts: Texts, side: Side, show_progress_bar: bool) -> SampledTexts:
    vectors = encode(encoder, texts.texts, side, languages=texts.languages, show_progress_bar=show_progress_bar)
    return SampledTexts(vectors, texts.languages, texts.groups)


def fit_sample(method: str, sample: Sample, **options: Any) -> Correction:
    """Fit on a sample.

    Args:
        method: One of `clinometer.correction.METHODS`.
        sample: What to fit on.
        **options: Those of the method's `fit`.

    Returns:
        The correction; its settings say what it was `fitted_on`.

    Raises:
        UsageError: As for `clinometer.correction.fit`.
    """
    from clinometer.correction import fit

    documents, asked = sample.documents, sample.queries
    if sample.queries_by == "none":
        options |= {"query_means": "none"} if method == "center" else {"correct_queries": False}
    correction = fit(
        method,
        documents.vectors,
        documents.languages,
        None if asked is None else asked.vectors,
        None if asked is None else asked.languages,
        groups=documents.groups,  # type: ignore[arg-type]
        query_groups=None if asked is None else asked.groups,  # type: ignore[arg-type]
        **options,
    )
    return replace(correction, settings={**correction.settings, "fitted_on": sample.origin})


def summary(correction: Correction, sample: Sample) -> tuple[list[dict[str, Any]], list[str]]:
    """What was fitted for each language, and what the user should know about it.

    Returns:
        For each language `language`, `documents` and `queries` (texts of it in the sample), `mean_length` and
        `query_mean_length` (length of the mean of its unit vectors, from 0 to 1: how much its texts have in common;
        None without texts), and `strength` and `query_strength` (None for methods without). Then warnings.
    """
    sides = {"documents": sample.documents, "queries": sample.queries}
    grouped = {
        what: {} if side is None else by_language(side.vectors, side.languages, what) for what, side in sides.items()
    }
    labels = sorted({label for groups in grouped.values() for label in groups})

    def length(what: str, label: str) -> float | None:
        rows = grouped[what].get(label)
        return None if rows is None else float(np.linalg.norm(rows.mean(axis=0)))

    facts = [
        {
            "language": label,
            "documents": len(grouped["documents"].get(label, ())),
            "queries": len(grouped["queries"].get(label, ())),
            "mean_length": length("documents", label),
            "query_mean_length": length("queries", label),
            "strength": correction.settings.get("strength"),
            "query_strength": correction.settings.get("query_strength"),
        }
        for label in labels
    ]
    told = []
    for what, groups in grouped.items():
        if few := {label: len(rows) for label, rows in groups.items() if len(rows) < _FEW}:
            named = ", ".join(f"{label} ({count})" for label, count in few.items())
            told.append(
                f"few {what} to fit on: {named}; what is fitted on fewer than {_FEW} texts is partly chance, so give "
                f"{_ENOUGH} or more of each language"
            )
    if len(correction.languages) == 1:
        told.append(
            f"the documents are all in {correction.languages[0]}; a correction evens languages out, so give two or more"
        )
    return facts, told
