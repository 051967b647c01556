"""One scan of a collection, from which the placements and result lists of every setting are made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinometer.collection import Collection, Texts
from clinometer.errors import CollectionError, MeasureError
from clinometer.measures import Measure
from clinometer.measures.placements import Placements
from clinometer.scanning.arguments import tie_places
from clinometer.scanning.counts import Counts, RankCounts, TieMode, TopK, counts_within, tie_order
from clinometer.scanning.exclude import join, without, without_listed
from clinometer.scenarios import Setting
from clinometer.scenarios.drawing import Drawing, drawing_of
from clinometer.scenarios.judged import JudgedRows, rows_of, with_judged
from clinometer.scenarios.own_documents import as_rows, own_documents
from clinometer.scenarios.targets import csr_rows, most_in_one_language, related_targets
from clinometer.scorers.base import Scanner

__all__ = ["ScanPlan", "ScannedCollection", "scan_plan"]

_TIED_ON_TOP = 32
"""Maximum number of documents of one language that tie for the first place, for measures that need all of them."""


@dataclass(frozen=True)
class ScannedCollection:
    """A collection and the result of one scan over all its languages: placements and lists in any setting.

    Args:
        collection: Scanned collection.
        counts: Rows for every relevant document, and for the verbatim duplicates of relevant documents.
        grades: `(R,)`: grade of each row; 0 for a duplicate that is not judged itself.
        places: `(R,)`: position of each row's document in the tie order of the scan.
        sizes: Number of documents of each pool language, in the order of `counts.languages`.
        codes: `(N,)`: language of each document, as an index into `counts.languages`.
        top: The best documents per language, if a measure needs them.
        ties: Tie mode of the measures.
        pooled: The best documents of the pool of all languages, if requested.
        excluded: `(Q,)`: the document that is left out of each query's pool, -1 for none; None if none is for any.
        left_out: `(Q,)`: queries that no setting has; None for none.
        judged: Rows for all judged documents, if a measure needs them.
    """

    collection: Collection
    counts: RankCounts
    grades: NDArray[np.int64]
    places: NDArray[np.int64]
    sizes: NDArray[np.int64]
    codes: NDArray[np.int64]
    top: TopK | None
    ties: TieMode
    pooled: TopK | None = None
    excluded: NDArray[np.int64] | None = None
    left_out: NDArray[np.bool_] | None = None
    judged: JudgedRows | None = None

    def in_setting(self, setting: Setting) -> ScannedCollection:  # noqa: ARG002 - see `clinometer.scenarios.feedback`
        """The scan of a setting's pool: this one, whose queries are the same for every pool."""
        return self

    def content(self) -> dict[str, Any]:
        """The fields of this class by name, for a scan that has more."""
        return {name: getattr(self, name) for name in ScannedCollection.__dataclass_fields__}

    @cached_property
    def drawing(self) -> Drawing:
        """The questions and clusters of all queries."""
        return drawing_of(self.collection)

    @cached_property
    def query_of(self) -> NDArray[np.int64]:
        """`(R,)`: the query that each row belongs to."""
        return np.repeat(np.arange(len(self.collection.queries)), np.diff(self.counts.indptr))

    def is_related(self, keys: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether keys are of a query and one of its relevant documents or their duplicates."""
        return _among(keys, self._related_keys)

    def is_judged(self, keys: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether keys are of a query and a document that is judged for it, whatever the grade."""
        return _among(keys, self._judged_keys)

    @cached_property
    def _related_keys(self) -> NDArray[np.int64]:
        return np.sort(self.keys(self.query_of, self.counts.documents))

    @cached_property
    def _judged_keys(self) -> NDArray[np.int64]:
        collection = self.collection
        query_of = np.repeat(np.arange(len(collection.queries)), np.diff(collection.indptr))
        return np.sort(self.keys(query_of, collection.judged))

    def keys(self, queries: NDArray[np.int64], documents: NDArray[np.int64]) -> NDArray[np.int64]:
        """One number for each pair of a query and a document."""
        return queries * len(self.codes) + documents

    def placements(self, setting: Setting) -> tuple[NDArray[np.int64], Placements]:
        """The queries of a setting with an answer in its pool (row numbers), and the placements of their answers."""
        labels = self.counts.languages
        pool = [labels.index(label) for label in setting.pool]
        rows = self.answers(setting)
        queries, answers_per_query = np.unique(self.query_of[rows], return_counts=True)
        counts, related = self._counts.take(rows, pool), self._related.take(rows, pool)
        sizes = np.full(len(queries), self.sizes[pool].sum(), dtype=np.int64)
        if self.excluded is not None:
            excluded = self.excluded[queries]
            sizes -= (excluded >= 0) & np.isin(self.codes[excluded], pool)
        if setting.removed is not None:
            removed_code = labels.index(setting.removed)
            removed = related.only(setting.pool.index(setting.removed))
            counts, related = counts - removed, related - removed
            removed_rows = self.query_of[self.counts.codes == removed_code]
            sizes -= np.bincount(removed_rows, minlength=len(self.collection.queries))[queries]
        code_in_pool = np.full(len(labels), -1, dtype=np.int64)
        code_in_pool[pool] = np.arange(len(pool))
        return queries, Placements(
            indptr=np.concatenate([[0], np.cumsum(answers_per_query)]).astype(np.int64),
            grades=self.grades[rows],
            language=code_in_pool[self.counts.codes[rows]],
            counts=counts,
            related=related,
            sizes=sizes,
            languages=setting.pool,
            ties=self.ties,
            retrieved=None if self.counts.retrieved.all() else self.counts.retrieved[rows],
        )

    def judged_placements(self, setting: Setting) -> Placements:
        """The placements of the same answers in a pool of the documents that were judged for each query.

        Raises:
            MeasureError: The scan has no rows for judged documents.
        """
        if self.judged is None:
            raise MeasureError("measures of judged documents need a scan of these; evaluate the collection by itself")
        rows, code = self.answers(setting), self.counts.languages.index
        pool = [code(label) for label in setting.pool]
        removed = None if setting.removed is None else code(setting.removed)
        return self.judged.placements(self.query_of[rows], self.counts.documents[rows], pool, removed, self.ties)

    def answers(self, setting: Setting) -> NDArray[np.int64]:
        """Rows of the counts that are answers in a setting: the rows of its placements, in the same order."""
        codes = [self.counts.languages.index(label) for label in setting.pool if label != setting.removed]
        of_setting = self.in_language(setting.query_language)[self.query_of]
        return np.flatnonzero(of_setting & (self.grades >= 1) & np.isin(self.counts.codes, codes))

    def unanswered(self, setting: Setting) -> NDArray[np.int64]:
        """The queries of a setting with a judged document in its pool, but no answer."""
        collection, labels = self.collection, self.counts.languages
        query_of = np.repeat(np.arange(len(collection.queries)), np.diff(collection.indptr))
        codes = self.codes[collection.judged]
        in_pool = np.isin(codes, [labels.index(label) for label in setting.pool])
        if setting.removed is not None:
            in_pool &= (codes != labels.index(setting.removed)) | (collection.grades < 1)
        if self.excluded is not None:
            in_pool &= collection.judged != self.excluded[query_of]
        judged = np.unique(query_of[in_pool])
        judged = judged[self.in_language(setting.query_language)[judged]]
        return np.setdiff1d(judged, self.query_of[self.answers(setting)])

    def pool_size(self, setting: Setting) -> int:
        """Number of documents of a setting's pool, with those that are removed for single queries."""
        return int(self.sizes[[self.counts.languages.index(label) for label in setting.pool]].sum())

    def queries_in(self, language: str) -> int:
        """Number of queries in a language, without those that are left out."""
        return int(np.count_nonzero(self.in_language(language)))

    def in_language(self, language: str) -> NDArray[np.bool_]:
        """`(Q,)`: which queries are in a language, without those that are left out."""
        mask: NDArray[np.bool_] = self._query_languages == language
        return mask if self.left_out is None else mask & ~self.left_out

    @cached_property
    def _query_languages(self) -> NDArray[np.str_]:
        return np.array(self.collection.queries.languages, dtype=np.str_)

    @cached_property
    def _counts(self) -> Counts:
        # Expected ties have no order; any one will do.
        order = self.counts.held if self.ties == "expected" else tie_order(self.ties)
        return Counts(self.counts.greater, self.counts.equal, self.counts.tied_before(order))

    @cached_property
    def _related(self) -> Counts:
        """The part of the counts that comes from a query's own rows."""
        return counts_within(self.counts, self.places)


def _among(keys: NDArray[np.int64], ordered: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which keys are among others that are sorted; faster than `np.isin`, which sorts both."""
    if not ordered.size:
        return np.zeros(keys.shape, dtype=np.bool_)
    members: NDArray[np.bool_] = ordered[np.searchsorted(ordered, keys).clip(max=ordered.size - 1)] == keys
    return members


@dataclass(frozen=True)
class ScanPlan:
    """What a scan of a collection counts and lists, for any scanner.

    Args:
        collection: Collection to scan.
        ties: Order of equal scores.
        targets: Relevant and related documents of each query, as CSR with grades, and judged ones if a measure needs
            them.
        is_related: Which targets are relevant or related; None for all.
        is_judged: Which targets are judged; None if no measure needs judged ones.
        excluded: `(Q,)`: the document that is not in each query's pool, -1 for none; None if none is for any.
        depth: Length of the lists of each language.
        pool_k: Length of the lists of the pool of all languages.
        left_out: Ids of queries that are in no setting.
    """

    collection: Collection
    ties: TieMode
    targets: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]
    is_related: NDArray[np.bool_] | None
    is_judged: NDArray[np.bool_] | None
    excluded: NDArray[np.int64] | None
    depth: int
    pool_k: int
    left_out: frozenset[str]

    def of(self, queries: NDArray[np.int64]) -> ScanPlan:
        """The plan for some of the queries, each as often as it is named."""
        indptr, targets, grades = self.targets
        rows, starts = csr_rows(indptr, queries)
        return replace(
            self,
            targets=(starts, targets[rows], grades[rows]),
            is_related=None if self.is_related is None else self.is_related[rows],
            is_judged=None if self.is_judged is None else self.is_judged[rows],
            excluded=None if self.excluded is None else self.excluded[queries],
        )

    def scanned(self, scan: Scanner) -> ScannedCollection:
        """The collection with the counts and lists of a scan of the plan's queries."""
        collection, ties, documents = self.collection, self.ties, self.collection.documents
        indptr, targets, grades = self.targets
        order = tie_places(ties, documents.ids if ties == "trec" else None, len(documents))
        ranks, top, pooled = _scan_without(
            self.excluded, scan, (indptr, targets), documents, ties, order, depth=min(self.depth, len(documents)),
            pool_k=min(self.pool_k, len(documents)),
        )  # fmt: skip
        counts = _with_languages(ranks, collection.languages)
        places = targets if order is None else order[targets].astype(np.int64)
        judged = None
        if self.is_related is not None and self.is_judged is not None:
            of_judged, of_related = self.is_judged, self.is_related
            judged = JudgedRows(rows_of(counts, of_judged), grades[of_judged], places[of_judged])
            counts, grades, places = rows_of(counts, of_related), grades[of_related], places[of_related]
        code_of = {label: code for code, label in enumerate(counts.languages)}
        own_codes = np.array([code_of[label] for label in documents.coded_languages.labels], dtype=np.int64)
        codes = own_codes[documents.coded_languages.codes]
        left_out = self.left_out
        return ScannedCollection(
            collection=collection,
            counts=counts,
            grades=grades,
            places=places,
            sizes=np.bincount(codes, minlength=len(code_of)),
            codes=codes,
            top=top,
            ties=ties,
            pooled=pooled,
            excluded=self.excluded,
            left_out=np.array([query in left_out for query in collection.queries.ids]) if left_out else None,
            judged=judged,
        )


def scan_plan(
    collection: Collection,
    measures: Sequence[Measure],
    settings: Sequence[Setting],
    ties: TieMode,
    listed: int = 0,
    pool_k: int = 0,
    left_out: frozenset[str] = frozenset(),
    *,
    exclude_own_id: bool = False,
) -> ScanPlan:
    """The plan of one scan of a collection, for all settings and measures.

    Args:
        collection: Collection to scan.
        measures: Measures that the counts and lists must suffice for.
        settings: Settings of the measures.
        ties: Order of equal scores.
        listed: Minimum number of documents of each pool in the lists, whatever the measures need.
        pool_k: Number of the best documents of the pool of all languages for each query.
        left_out: Ids of queries that are scanned, but in no setting.
        exclude_own_id: Whether each query's pool is without the document that has the query's id.

    Raises:
        CollectionError: No query has a relevant document.
    """
    excluded = own_documents(collection) if exclude_own_id else None
    indptr, targets, grades = related_targets(collection, excluded)
    if not len(targets):
        raise CollectionError(f"no query of {collection.name!r} has a relevant document in these languages")
    depth = max([listed, *(measure.list_depth for measure in measures)])
    needs_leader = any(measure.needs == "leader" for measure in measures)
    if needs_leader and ties == "expected":
        depth = max(depth, _TIED_ON_TOP)
    if depth and (
        any(setting.removed for setting in settings) or (needs_leader and ties in ("pessimistic", "expected"))
    ):
        # One-sided lists lose the query's own answers in one language, and tied answers may precede an unrelated
        # document in the list that precedes them in the tie mode.
        depth += most_in_one_language(collection, indptr, targets)
    is_related = is_judged = None
    if any(measure.judged_only for measure in measures):
        (indptr, targets, grades), is_related, is_judged = with_judged(collection, (indptr, targets, grades), excluded)
    return ScanPlan(
        collection, ties, (indptr, targets, grades), is_related, is_judged, excluded, depth, pool_k, left_out
    )


def _scan_without(
    excluded: NDArray[np.int64] | None,
    scan: Scanner,
    relevant: tuple[NDArray[np.int64], NDArray[np.int64]],
    documents: Texts,
    ties: TieMode,
    places: NDArray[np.uint32] | None,
    *,
    depth: int,
    pool_k: int,
) -> tuple[RankCounts, TopK | None, TopK | None]:
    """Counts and lists of a scan; the document to exclude of each query is scanned like the others and then removed."""
    removed = None if excluded is None else as_rows(excluded)
    (indptr, rows), extra = relevant, 0
    if removed is not None:
        indptr, rows, excluded_mask = join(relevant, removed)
        extra = 1
    result = scan(
        relevant=(indptr, rows),
        languages=documents.coded_languages,
        k=depth and min(depth + extra, len(documents)),
        per_language=True,
        pool_k=pool_k and min(pool_k + extra, len(documents)),
        ties=ties,
        document_ids=documents.ids if ties == "trec" else None,
    )
    assert result.ranks is not None  # noqa: S101 - the scan had relevant documents
    if removed is None:
        return result.ranks, result.top, result.pooled
    row_places = rows if places is None else places[rows].astype(np.int64)
    top = None if result.top is None else without_listed(result.top, removed, depth)
    pooled = None if result.pooled is None else without_listed(result.pooled, removed, pool_k)
    return without(result.ranks, excluded_mask, row_places), top, pooled


def _with_languages(counts: RankCounts, languages: Sequence[str]) -> RankCounts:
    """The counts with a column of zeros for each language that has queries but no documents."""
    missing = tuple(label for label in languages if label not in counts.languages)
    greater, equal, before = (
        np.pad(column, ((0, 0), (0, len(missing)))) for column in (counts.greater, counts.equal, counts.before)
    )
    languages = counts.languages + missing
    return replace(counts, greater=greater, equal=equal, before=before, languages=languages, pool_sizes=None)
