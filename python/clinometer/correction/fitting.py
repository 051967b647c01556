"""From a collection to a fitted correction: drawing texts, choosing what corrects the queries, and warnings.

Only the drawn texts are encoded. The same collection, sample size and seed draw the same texts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from clinometer.collection import Collection, Texts
from clinometer.correction.base import Correction
from clinometer.correction.records import fitted_on
from clinometer.correction.sample import PARALLEL, by_language, choose, choose_parallel
from clinometer.correction.turn import Turn
from clinometer.encoders import Encoder, PrecomputedEncoder, encode
from clinometer.encoders.base import Side
from clinometer.errors import UsageError
from clinometer.suggestions import one_of

__all__ = [
    "QUERY_FITS",
    "QueryFit",
    "Sample",
    "SampledTexts",
    "drawn",
    "encode_sample",
    "fit_sample",
    "mining_facts",
    "query_fit",
    "summary",
]

QueryFit = Literal["own", "documents", "none"]
QUERY_FITS: tuple[QueryFit, ...] = ("own", "documents", "none")
_FEW, _ENOUGH = 30, 60


@dataclass(frozen=True, eq=False)
class SampledTexts:
    """`(n, d)` embeddings of the drawn documents or queries, with the language and the group, if any, of each row."""

    vectors: NDArray[Any]
    languages: Sequence[str]
    groups: Sequence[str | None]


@dataclass(frozen=True, eq=False)
class Sample:
    """A sample that a correction is fitted on.

    Args:
        documents: The documents.
        queries: The queries, None if none are used.
        queries_by: Source of the correction of queries; see `query_fit`.
        origin: Value of `fitted_on` in the settings of the correction: source of the texts, encoder, size, seed.
        index: All documents, where a turn needs them; None if only the sample was encoded.
        query_languages: Languages of all queries, drawn or not, for `query-shift`; empty if there are none.
    """

    documents: SampledTexts
    queries: SampledTexts | None
    queries_by: QueryFit
    origin: dict[str, Any]
    index: SampledTexts | None = None
    query_languages: Sequence[str] = ()


def query_fit(method: str, queries_by: str | None, queries: int, groups: Sequence[str | None]) -> QueryFit:
    """Source of the correction of queries: sample queries (`own`), the `documents`, or nothing (`none`).

    Args:
        method: Method of the correction.
        queries_by: Choice of the user; None for `own` if there are queries that the method can be fitted on, else
            `documents`.
        queries: Number of queries.
        groups: Parallel groups of the queries, which `shift` needs.

    Raises:
        UsageError: The choice is unknown, or not possible here.

    Example:
        >>> query_fit("center", None, 100, [None] * 100), query_fit("shift", None, 100, [None] * 100)
        ('own', 'documents')
    """
    if queries_by is not None and queries_by not in QUERY_FITS:
        raise UsageError(f"queries_by is {queries_by!r}, but must be {one_of(queries_by, QUERY_FITS)}")
    if method == "query-shift":
        if queries_by not in (None, "none"):
            raise UsageError(f"query-shift never moves queries, so queries_by cannot be {queries_by}; leave it out")
        return "none"
    if queries_by == "own" and not queries:
        raise UsageError("queries_by is own, but there are no queries to fit on; choose documents or none")
    if method == "calibrate" and (not queries or queries_by not in (None, "own")):
        raise UsageError("calibrate is fitted on scores of queries, so it needs its own queries; give some")
    if method == "lir" and queries_by == "none":
        raise UsageError("lir with queries_by none would only change documents; choose own or documents")
    if queries_by is not None:
        return queries_by
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
    """Row numbers of the sample, ascending: up to `texts` texts of each language, whole parallel groups for `shift`.

    `query-shift` has no pivot: groups in more languages come first.

    Raises:
        UsageError: `texts` is less than 1.
    """
    if method in PARALLEL:
        return choose_parallel(languages, groups, texts, pivot=None if method == "query-shift" else pivot, seed=seed)
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
    whole_index: bool = False,
    show_progress_bar: bool = False,
) -> Sample:
    """Draw texts of a collection and encode only these.

    Args:
        collection: Collection of the texts; its judgements are ignored.
        encoder: Any encoder. Precomputed embeddings belong to the whole collection.
        method: Method of the correction, which determines the kind of sample.
        texts: Maximum number of documents, and of queries, per language; None for all.
        queries_by: As for `query_fit`.
        seed: Seed of the draw.
        pivot: Pivot of `shift`.
        adapted: Function that adds an adapter to an encoder; None for none.
        whole_index: Whether to encode every document, for a turn; the sample is the same.
        show_progress_bar: Draw bars on standard error.

    Raises:
        UsageError: As for `query_fit` and `drawn`.
        EmbeddingError: Precomputed embeddings are not those of this collection.
    """
    kind = query_fit(method, queries_by, len(collection.queries), collection.queries.groups)
    document_rows, query_rows = (
        drawn(method, side.languages, side.groups, texts, seed=seed, pivot=pivot) if needed else np.empty(0, np.int64)
        for side, needed in ((collection.documents, True), (collection.queries, kind == "own"))
    )
    encoded_rows = np.arange(len(collection.documents)) if whole_index else document_rows
    if isinstance(encoder, PrecomputedEncoder):
        encoder = PrecomputedEncoder(
            encoder.encode_queries(collection.queries.texts)[query_rows],
            encoder.encode_documents(collection.documents.texts)[encoded_rows],
            name=encoder.record.name,
        )
    if adapted is not None:
        encoder = adapted(encoder)
    documents = _encoded(encoder, collection.documents.take(encoded_rows), "documents", show_progress_bar)
    index = documents if whole_index else None
    if whole_index:
        texts_drawn = collection.documents.take(document_rows)
        documents = SampledTexts(documents.vectors[document_rows], texts_drawn.languages, texts_drawn.groups)
    query_texts = collection.queries.take(query_rows)
    queries = _encoded(encoder, query_texts, "queries", show_progress_bar) if kind == "own" else None
    origin = {"source": collection.name, "sample": texts, "seed": seed, **fitted_on(encoder.record)}
    return Sample(documents, queries, kind, origin, index, collection.queries.languages)


def _encoded(encoder: Encoder, texts: Texts, side: Side, show_progress_bar: bool) -> SampledTexts:
    vectors = encode(encoder, texts.texts, side, languages=texts.languages, show_progress_bar=show_progress_bar)
    return SampledTexts(vectors, texts.languages, texts.groups)


def fit_sample(method: str, sample: Sample, **options: Any) -> Correction:
    """Fit on a sample, with options of the method's `fit`; the settings record the sample as `fitted_on`.

    Raises:
        UsageError: As for `clinometer.correction.fit`.
    """
    from clinometer.correction import fit

    documents, queries = sample.documents, sample.queries
    if method == "query-shift":
        options = {"sources": sorted(set(sample.query_languages)) or None, **options}
    elif sample.queries_by == "none":
        options |= {"query_means": "none"} if method == "center" else {"correct_queries": False}
    options["groups"] = documents.groups
    if queries is not None:
        options |= {"queries": queries.vectors, "query_languages": queries.languages, "query_groups": queries.groups}
    correction = fit(method, documents.vectors, documents.languages, **options)
    return replace(correction, settings={**correction.settings, "fitted_on": sample.origin})


def summary(correction: Correction, sample: Sample) -> tuple[list[dict[str, Any]], list[str]]:
    """Facts about the fit for each language, and warnings. A turn adds its pairs.

    Returns:
        For each language `language`, `documents` and `queries` (numbers of its texts in the sample), `mean_length` and
        `query_mean_length` (length of the mean of its unit vectors, from 0 to 1: how much its texts have in common;
        None without texts), and `strength` and `query_strength` (None for methods without). With a turn also `pairs`,
        `by_chance`, `margin` (the median) and `pairs_right`, None where it is not known. Then warnings.
    """
    sides = {"documents": sample.documents, "queries": sample.queries}
    grouped = {
        name: {} if side is None else by_language(side.vectors, side.languages, name) for name, side in sides.items()
    }
    labels = sorted({label for groups in grouped.values() for label in groups})

    def length(side: str, label: str) -> float | None:
        rows = grouped[side].get(label)
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
            **_turn_facts(correction, label),
        }
        for label in labels
    ]
    warnings = correction.notices() if isinstance(correction, Turn) else []
    for name, groups in grouped.items():
        if few := {label: len(rows) for label, rows in groups.items() if len(rows) < _FEW}:
            named = ", ".join(f"{label} ({count})" for label, count in few.items())
            warnings.append(
                f"few {name} to fit on: {named}; a fit on fewer than {_FEW} texts is partly chance, so give {_ENOUGH} "
                "or more of each language"
            )
    if len(correction.languages) == 1:
        warnings.append(
            f"the documents are all in {correction.languages[0]}; a correction aligns languages, so give two or more"
        )
    bridged = {
        tuple(sorted((source, label))): partner
        for source, partners in correction.settings.get("through", {}).items()
        for label, partner in partners.items()
    }
    if bridged:
        named = ", ".join(f"{a}-{b} through {partner}" for (a, b), partner in sorted(bridged.items()))
        warnings.append(
            f"{len(bridged)} pairs of languages share no translations and are compared through a third: {named}"
        )
    return facts, warnings


def _turn_facts(correction: Correction, label: str) -> dict[str, Any]:
    if not isinstance(correction, Turn):
        return {}
    return mining_facts(correction.settings["turn"], label)


def mining_facts(record: Mapping[str, Any], label: str) -> dict[str, Any]:
    """Pairs of a language, those that chance explains, the median of their margins, and the share that is right."""
    quartiles = record["margins"].get(label)
    return {
        "pairs": record["pairs"].get(label),
        "by_chance": record["pairs_by_chance"].get(label),
        "margin": quartiles and quartiles[1],
        "pairs_right": record["pairs_right"].get(label),
    }
