"""The survey: one scan of a collection, from which every setting's placements and result lists are made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from clinometer.collection import Collection
from clinometer.errors import CollectionError
from clinometer.measures import Measure
from clinometer.scanning.arguments import tie_places
from clinometer.scanning.counts import RankCounts, TieMode, TopK, counts_within
from clinometer.scenarios import Setting, Standings
from clinometer.scorers.base import Scanner

__all__ = ["Survey", "related_targets", "survey_of"]

_TIED_ON_TOP = 32
"""How many documents of one language may tie for the first place, for measures that need to know them all."""


class Survey(NamedTuple):
    """A collection as scanned.

    Args:
        collection: What was scanned.
        standings: The counts, from which placements are made.
        codes: Language of each document, as an index into the languages of the standings' counts.
        top: The best documents per language, if a measure needs them.
        related: Sorted keys `query * documents + document` of each query's relevant documents and their duplicates.
        judged: Such keys of all judgements, of whatever grade.
    """

    collection: Collection
    standings: Standings
    codes: NDArray[np.int64]
    top: TopK | None
    related: NDArray[np.int64]
    judged: NDArray[np.int64]

    @classmethod
    def keyed(
        cls,
        collection: Collection,
        standings: Standings,
        codes: NDArray[np.int64],
        top: TopK | None,
        answered: tuple[NDArray[np.int64], NDArray[np.int64]],
    ) -> Survey:
        """The same, its keys made of query and document (`answered`) of relevant documents and their duplicates."""
        size = len(codes)
        asked = np.repeat(np.arange(len(collection.queries)), np.diff(collection.indptr))
        related, judged = (np.sort(q * size + d) for q, d in (answered, (asked, collection.judged)))
        return cls(collection, standings, codes, top, related, judged)


def survey_of(
    collection: Collection,
    scan: Scanner,
    measures: Sequence[Measure],
    settings: Sequence[Setting],
    ties: TieMode,
    listed: int = 0,
) -> Survey:
    """Scan a collection once, for all settings and measures.

    Args:
        collection: What is scanned.
        scan: Scores it.
        measures: What the counts and lists must suffice for.
        settings: In which pools.
        ties: How equal scores are ordered.
        listed: How many documents of each pool must be known by name, whatever the measures need.

    Raises:
        CollectionError: No query has a relevant document.
    """
    indptr, targets, grades = related_targets(collection)
    if not len(targets):
        raise CollectionError(f"no query of {collection.name!r} has a relevant document in these languages")
    depth = max([listed, *(measure.cutoff or 1 for measure in measures if measure.needs_lists)])
    tops = any(measure.needs_lists and measure.name not in ("LangShare", "Judged") for measure in measures)
    if tops and ties == "expected":
        depth = max(depth, _TIED_ON_TOP)
    if depth and (any(setting.removed for setting in settings) or (tops and ties in ("pessimistic", "expected"))):
        # One-sided lists lose the query's own answers in one language, and tied answers may come before an unrelated
        # document in the list that comes before them in the tie mode.
        depth += _most_in_one_language(collection, indptr, targets)
    found = scan(
        relevant=(indptr, targets),
        languages=collection.documents.languages,
        k=min(depth, len(collection.documents)),
        per_language=True,
        ties=ties,
        document_ids=collection.documents.ids if ties == "trec" else None,
    )
    assert found.ranks is not None  # noqa: S101 - the scan was given relevant documents
    counts = _with_languages(found.ranks, collection.languages)
    places = tie_places(ties, collection.documents.ids, len(collection.documents))
    target_places = targets if places is None else places[targets].astype(np.int64)
    code_of = {label: code for code, label in enumerate(counts.languages)}
    codes = np.array([code_of[label] for label in collection.documents.languages], dtype=np.int64)
    sizes = np.bincount(codes, minlength=len(code_of))
    standings = Standings(
        counts, grades, collection.queries.languages, sizes, counts_within(counts, target_places), ties
    )
    query_of = np.repeat(np.arange(len(collection.queries)), np.diff(indptr))
    return Survey.keyed(collection, standings, codes, found.top, (query_of, targets))


def related_targets(collection: Collection) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Relevant documents and their verbatim duplicates (grade 0 unless judged), as CSR with grades."""
    twins = collection.twins()
    targets: list[int] = []
    grades: list[int] = []
    indptr = [0]
    for query in range(len(collection.queries)):
        span = slice(collection.indptr[query], collection.indptr[query + 1])
        found = {
            int(row): int(grade)
            for row, grade in zip(collection.judged[span], collection.grades[span], strict=True)
            if grade >= 1
        }
        for row in list(found):
            for twin in twins[row]:
                found.setdefault(int(twin), 0)
        targets += found.keys()
        grades += found.values()
        indptr.append(len(targets))
    return np.array(indptr, np.int64), np.array(targets, np.int64), np.array(grades, np.int64)


def _with_languages(counts: RankCounts, languages: Sequence[str]) -> RankCounts:
    """The counts with a column of zeros for each language that has queries but no documents."""
    absent = tuple(label for label in languages if label not in counts.languages)
    greater, equal, before = (
        np.pad(column, ((0, 0), (0, len(absent)))) for column in (counts.greater, counts.equal, counts.before)
    )
    languages = counts.languages + absent
    return replace(counts, greater=greater, equal=equal, before=before, languages=languages, pool_sizes=None)


def _most_in_one_language(collection: Collection, indptr: NDArray[np.int64], targets: NDArray[np.int64]) -> int:
    codes = np.unique(np.array(collection.documents.languages, dtype=np.str_), return_inverse=True)[1]
    query_of = np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))
    return int(np.unique(query_of * (codes.max() + 1) + codes[targets], return_counts=True)[1].max())
