"""Measures directly from the counts of a scan, for arrays without a collection."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clinometer.errors import MeasureError, UsageError
from clinometer.measures import Measure, evaluate_measure, parse
from clinometer.measures.placements import Placements
from clinometer.parameters import checked
from clinometer.scanning.counts import Counts, RankCounts, counts_of, tie_order
from clinometer.vectors import array_of, refuse_masked

__all__ = ["measure"]

MOST_GRADE = (1 << 31) - 1
_QUERIES = 2048


@checked
def measure(
    ranks: RankCounts,
    measures: Iterable[str | Measure],
    *,
    languages: Iterable[str] | None = None,
    grades: ArrayLike | None = None,
) -> dict[str, NDArray[np.float64]]:
    """Values per query of measures that compare no particular languages.

    Args:
        ranks: Counts of `rank_relevant` or `scan`; their tie mode is used.
        measures: Names such as `nDCG@10`, `RR`, `AP@100`, `R@100`, `MaxR`, `MaxRnorm`, `Complete@10`.
        languages: Languages of the pool; all by default.
        grades: `(R,)`: grade of each relevant document, 1 or more; all 1 by default.

    Returns:
        `(Q,)` float64 by measure in canonical spelling; NaN for queries without a relevant document in the pool, and
        for measures of ranks where a relevant document was not retrieved.

    Raises:
        MeasureError: A measure is unknown, or needs languages of queries, which counts do not have.
        UsageError: The grades do not match the relevant documents, or the scan does not have a language.

    Example:
        >>> import numpy as np, clinometer as cm
        >>> documents = np.array([[1, 0], [0.8, 0.6], [0, 1]], dtype=np.float32)
        >>> ranks = cm.rank_relevant(documents[:1], documents, [[1]])
        >>> {name: values.tolist() for name, values in cm.measure(ranks, ["RR", "Success@1"]).items()}
        {'RR': [0.5], 'Success@1': [0.0]}
    """
    parsed = parse(measures)
    weights = np.broadcast_to(np.int64(1), len(ranks.codes)) if grades is None else _weights(grades, len(ranks.codes))
    if ranks.pool_sizes is None and any(parsed_measure.name == "MaxRnorm" for parsed_measure in parsed):
        raise UsageError("MaxRnorm needs the size of the pool, which these counts do not have")
    columns = ranks.columns(languages)
    values_of = {str(parsed_measure): np.empty(len(ranks.indptr) - 1) for parsed_measure in parsed}
    # Batches whose arrays are small enough to be reused: fresh memory costs more than the arithmetic.
    for start in range(0, len(ranks.indptr) - 1, _QUERIES):
        span = slice(start, start + _QUERIES)
        queries, placed = _placements(_batch(ranks, span), columns, _slice(ranks, span, weights))
        for parsed_measure in parsed:
            values = None
            if parsed_measure.needs == "counts":
                values = evaluate_measure(parsed_measure, placed, pivot="", query_language="", other_language=None)
            if values is None:
                raise MeasureError(
                    f"{parsed_measure} needs the languages of queries, which counts do not have; use evaluate"
                )
            column = values_of[str(parsed_measure)][span]
            if not isinstance(queries, slice):
                column[:] = np.nan
            column[queries] = values
    return values_of


def _weights(grades: ArrayLike, size: int) -> NDArray[np.int64]:
    refuse_masked(grades, "grades", UsageError)
    weights = array_of(grades, "grades", packed=True)
    if (
        weights.shape != (size,)
        or weights.dtype.kind not in "iu"
        or not (1 <= weights.min(initial=1) <= weights.max(initial=1) <= MOST_GRADE)
    ):
        raise UsageError(
            f"grades must be {size} whole numbers from 1 on, up to {MOST_GRADE:,}, one for each relevant document"
        )
    return weights.astype(np.int64)


def _slice(ranks: RankCounts, span: slice, column: NDArray[Any]) -> NDArray[Any]:
    ends = ranks.indptr[span.start : span.stop + 1]
    return column[ends[0] : ends[-1]]


def _batch(ranks: RankCounts, span: slice) -> RankCounts:
    """The counts of some queries, without a copy."""
    if span.stop >= len(ranks.indptr) - 1 and span.start == 0:
        return ranks
    ends = ranks.indptr[span.start : span.stop + 1]
    return counts_of(ranks, slice(ends[0], ends[-1]), ends - ends[0])


def _placements(
    ranks: RankCounts, columns: list[int], grades: NDArray[np.int64]
) -> tuple[NDArray[np.int64] | slice, Placements]:
    """The queries with a relevant document in the pool, and the placements of these documents."""
    before = ranks.tied_before(tie_order(ranks.ties))
    counts = Counts(ranks.greater, ranks.equal, before)
    indptr, language, retrieved = ranks.indptr, ranks.codes, ranks.retrieved
    queries: NDArray[np.int64] | slice = slice(None)
    per_query = np.diff(indptr)
    if len(columns) < len(ranks.languages) or not per_query.all():
        rows = np.flatnonzero(np.isin(language, columns))
        query_of = np.repeat(np.arange(len(per_query)), per_query)
        queries, answers_per_query = np.unique(query_of[rows], return_counts=True)
        indptr = np.concatenate([[0], np.cumsum(answers_per_query)]).astype(np.int64)
        counts, grades, retrieved = counts.take(rows, columns), grades[rows], retrieved[rows]
        language = np.searchsorted(columns, language[rows])
    size = 0 if ranks.pool_sizes is None else int(ranks.pool_sizes[columns].sum())
    zeros = np.broadcast_to(np.int64(0), counts.greater.shape)
    return queries, Placements(
        indptr=indptr,
        grades=grades,
        language=language,
        counts=counts,
        related=Counts(zeros, zeros, zeros),
        sizes=np.broadcast_to(np.int64(size), len(indptr) - 1),
        languages=tuple(ranks.languages[column] for column in columns),
        ties=ranks.ties,
        retrieved=None if retrieved.all() else retrieved,
    )
