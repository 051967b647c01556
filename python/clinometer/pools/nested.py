"""Evaluations of many pools that are parts of one collection, from one encoding and one scan of it.

Each pool is evaluated as if alone, but its scanner uses the counts of the scan of the whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from clinometer.collection import Collection, Texts
from clinometer.encoders.base import EncoderRecord
from clinometer.errors import CollectionError, MeasureError
from clinometer.evaluation import evaluate
from clinometer.evaluation.results import Evaluation
from clinometer.measures import parse
from clinometer.pools.strata import Strata, lists_in, ranks_in, strata_of
from clinometer.scanning.counts import TieMode, TopK
from clinometer.scanning.exclude import join
from clinometer.scanning.scan import Scan
from clinometer.scenarios.options import DEFAULT_MEASURES, EvaluationOptions
from clinometer.scenarios.own_documents import as_rows, own_documents
from clinometer.scenarios.targets import related_targets
from clinometer.scorers import ScanOptions, Scored, score

__all__ = ["evaluate_pools", "list_depth"]


def evaluate_pools(
    whole: Collection,
    pools: Mapping[str, Collection],
    encoder: Any = "offline",
    *,
    languages: Iterable[str] | None = None,
    measures: Iterable[str] | None = None,
    ties: TieMode = "index",
    threads: int | None = None,
    exclude_own_id: bool = False,
    show_progress_bar: bool = False,
    **options: Any,
) -> dict[str, Evaluation]:
    """Evaluate pools whose documents and queries are part of one collection, with one scan.

    Args:
        whole: The collection that holds all pools; not evaluated unless it is among them.
        pools: Collections by name, each with documents and queries of `whole` in the same order, such as those of
            `skew`, `translate_partly` and `distract` with several sizes.
        encoder: As for `clinometer.evaluate`, like the options below.
        languages: Languages to evaluate; all by default.
        measures: Names of measures.
        ties: Order of equal scores.
        threads: Number of threads of the scan; the result does not depend on it.
        exclude_own_id: Leave the document with the query's own id out of its pools.
        show_progress_bar: Draw bars on standard error.
        **options: `scenarios`, `pivot`, `pairs`, `resamples`, `confidence`, `seed`.

    Returns:
        Evaluations of the pools by name, equal to those of `clinometer.evaluate` in every bit.

    Raises:
        CollectionError: A pool has texts, an order or judgements that the whole does not have.
        ClinometerError: As for `clinometer.evaluate`.

    Example:
        >>> import clinometer as cm
        >>> demo = cm.load("demo", languages=["en", "de"])
        >>> pools = {f"{share:.0%}": cm.pools.skew(demo, {"en": share}) for share in (0.5, 0.9)}
        >>> evaluations = cm.pools.evaluate_pools(demo, pools, scenarios=["multi"], measures=["MaxR"], resamples=0)
        >>> [evaluations[name].collection["documents"] for name in pools]
        [{'en': 75, 'de': 75}, {'en': 75, 'de': 8}]
    """
    languages = None if languages is None else list(languages)
    measures = list(DEFAULT_MEASURES) if measures is None else list(measures)
    # Options that cannot be used are refused before the texts are encoded.
    EvaluationOptions.of(languages=languages, measures=measures, ties=ties, threads=threads, **options)
    if judged := [str(measure) for measure in parse(measures) if measure.judged_only]:
        raise MeasureError(
            f"{', '.join(judged)} rank judged documents only, which parts of one scan do not have; evaluate each pool "
            "by itself"
        )
    whole = whole.restrict(languages)
    chosen = {name: pool.restrict(languages) for name, pool in pools.items()}
    parts = {name: _Part.of(whole, pool, name) for name, pool in chosen.items()}
    strata = strata_of(whole.documents.languages, [part.members(len(whole.documents)) for part in parts.values()])
    scored = score(encoder, whole, ScanOptions(threads=threads, show_progress_bar=show_progress_bar))
    own = own_documents(whole) if exclude_own_id else None
    indptr, targets, _ = related_targets(whole, own)
    depth = list_depth(measures, indptr)
    if own is not None:
        indptr, targets, _ = join((indptr, targets), as_rows(own))
        depth += bool(depth)
    scan = scored.scan(
        relevant=(indptr, targets),
        languages=strata.labels.tolist(),
        k=min(depth, len(whole.documents)),
        per_language=True,
        ties=ties,
        document_ids=whole.documents.ids if ties == "trec" else None,
    )
    evaluations = {}
    for number, (name, pool) in enumerate(chosen.items()):
        scanner = _PartScanner(scan, strata, number, parts[name], len(whole.documents))
        part = _PartScorer(scored._replace(scan=scanner))
        evaluations[name] = evaluate(
            pool, part, measures=measures, ties=ties, threads=threads, exclude_own_id=exclude_own_id, **options
        )
    return evaluations


def list_depth(measures: Sequence[str], indptr: NDArray[np.int64]) -> int:
    """Maximum length of the lists of each language in an evaluation of these measures; 0 if none needs lists."""
    deepest = max((measure.list_depth for measure in parse(measures)), default=0)
    # Ties for the first place, and answers that are removed from lists, make them longer; see
    # `clinometer.scenarios.scanned`.
    return max(deepest, 32) + int(np.diff(indptr).max(initial=0)) if deepest else 0


class _Part:
    """Rows of the texts of a pool in the whole."""

    def __init__(self, documents: NDArray[np.int64], queries: NDArray[np.int64]) -> None:
        self.documents, self.queries = documents, queries

    @classmethod
    def of(cls, whole: Collection, pool: Collection, name: str) -> _Part:
        part = cls(
            _rows(whole.documents, pool.documents, f"documents of the pool {name!r}"),
            _rows(whole.queries, pool.queries, f"queries of the pool {name!r}"),
        )
        whole_pairs, pool_pairs = (_pairs(collection) for collection in (whole, pool))
        missing = {(part.queries[query], part.documents[document]) for query, document in pool_pairs} - whole_pairs
        if missing:
            query, document = min(missing)
            raise CollectionError(
                f"the pool {name!r} has a judgement that the whole lacks: query {whole.queries.ids[query]!r}, "
                f"document {whole.documents.ids[document]!r}; make both from one collection"
            )
        return part

    def members(self, size: int) -> NDArray[np.bool_]:
        mask = np.zeros(size, dtype=np.bool_)
        mask[self.documents] = True
        return mask


def _rows(whole: Texts, part: Texts, subject: str) -> NDArray[np.int64]:
    row_of = {name: row for row, name in enumerate(whole.ids)}
    rows = np.array([row_of.get(name, -1) for name in part.ids], dtype=np.int64)
    for position, row in enumerate(rows.tolist()):
        if row < 0 or (whole.texts[row], whole.languages[row]) != (part.texts[position], part.languages[position]):
            raise CollectionError(
                f"the {subject} are not all in the whole: {part.ids[position]!r} is missing, or has another text; "
                "evaluate this pool separately"
            )
    if np.any(np.diff(rows) < 0):
        raise CollectionError(f"the {subject} have another order than in the whole; evaluate this pool separately")
    return rows


def _pairs(collection: Collection) -> set[tuple[int, int]]:
    indptr, targets, _ = related_targets(collection)
    query_of = np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))
    return set(zip(query_of.tolist(), targets.tolist(), strict=True))


class _PartScorer:
    """A pool that was scored as a part of the whole."""

    def __init__(self, scored: Scored) -> None:
        self._scored = scored

    @property
    def record(self) -> EncoderRecord:
        return msgspec.convert(self._scored.record, EncoderRecord)

    def score(self, collection: Collection, options: ScanOptions = ScanOptions()) -> Scored:  # noqa: ARG002
        return self._scored


class _PartScanner:
    """Scanner of one pool that uses the scan of the whole."""

    def __init__(self, scan_result: Scan, strata: Strata, number: int, part: _Part, size: int) -> None:
        self._scan_result, self._strata, self._number, self._part, self._size = scan_result, strata, number, part, size

    def __call__(
        self,
        *,
        relevant: tuple[NDArray[np.int64], NDArray[np.int64]],
        languages: Sequence[str],
        k: int,
        per_language: bool,  # noqa: ARG002 - lists are always per language
        pool_k: int = 0,  # noqa: ARG002 - no run is written of a part
        ties: TieMode,  # noqa: ARG002 - the whole was scanned with them
        document_ids: Sequence[str] | None,  # noqa: ARG002
    ) -> Scan:
        ranks = self._scan_result.ranks
        assert ranks is not None  # noqa: S101 - the scan of the whole had relevant documents
        indptr, targets = relevant
        labels = list(dict.fromkeys(languages))
        query_of = np.repeat(np.arange(len(ranks.indptr) - 1), np.diff(ranks.indptr))
        keys = query_of * self._size + ranks.documents
        order = np.argsort(keys, kind="stable")
        query_rows = self._part.queries[np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))]
        rows = order[np.searchsorted(keys, query_rows * self._size + self._part.documents[targets], sorter=order)]
        counts = ranks_in(ranks, self._strata, self._number, labels, rows, indptr)
        row_in_pool = np.full(self._size + 1, -1, dtype=np.int64)
        row_in_pool[self._part.documents] = np.arange(len(self._part.documents))
        counts = replace(counts, documents=targets)
        if not k or self._scan_result.top is None:
            return Scan(counts, None)
        top = lists_in(self._scan_result.top, self._strata, self._number, labels, self._part.queries)
        # Row -1 (no document) is the last entry.
        return Scan(
            counts, TopK(row_in_pool[top.ids][..., :k], top.scores[..., :k], top.places[..., :k], top.languages)
        )
