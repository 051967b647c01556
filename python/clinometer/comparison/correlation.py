"""Whether two measures go together over several retrievers: the correlations of Pearson and Spearman.

The unit is the retriever, so a handful of evaluations say little; every result has their number.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinometer.errors import UsageError, shown
from clinometer.evaluation.results import Evaluation
from clinometer.measures import parse
from clinometer.parameters import checked

__all__ = ["Correlation", "correlate"]

_FEWEST = 3


@dataclass(frozen=True)
class Correlation:
    """The correlations of two measures over n retrievers.

    Args:
        x: Name of the first measure, in canonical spelling.
        y: Name of the second measure.
        scenario: Scenario of both measures.
        query_language: Query language of the rows; `macro` is the mean over query languages.
        retrievers: Names of the retrievers, in the order of the evaluations.
        x_values: Values of x, one for each retriever.
        y_values: Values of y, one for each retriever.
        n: Number of retrievers.
        pearson: Linear correlation, -1 to 1.
        spearman: Correlation of the ranks, equal values sharing the mean of their ranks, -1 to 1.
    """

    x: str
    y: str
    scenario: str
    query_language: str
    retrievers: tuple[str, ...]
    x_values: tuple[float, ...]
    y_values: tuple[float, ...]
    n: int
    pearson: float
    spearman: float

    def to_dict(self) -> dict[str, Any]:
        """All fields, for JSON."""
        return asdict(self)


@checked
def correlate(
    evaluations: Iterable[Evaluation],
    x: str,
    y: str,
    scenario: str = "multilingual",
    query_language: str = "macro",
    *,
    pool_languages: Sequence[str] | None = None,
    names: Sequence[str] | None = None,
) -> Correlation:
    """Correlate two measures over the evaluations of several retrievers on one collection.

    Args:
        evaluations: Evaluations of at least three different retrievers.
        x: Name of the first measure.
        y: Name of the second measure.
        scenario: Name of the scenario.
        query_language: Query language of the rows: a label, `macro`, `macro-target` or `macro-pivot`.
        pool_languages: Languages of the pool; needed if queries of one language are run against several pools.
        names: Names of the retrievers; by default those of their encoders.

    Returns:
        The correlations, with the values they were computed from.

    Raises:
        UsageError: Evaluations that are fewer than three, on several collections, without a value, or equal in a value.
        MeasureError: The name of a measure is unknown.

    Example:
        >>> import clinometer as cm
        >>> options = {"languages": ["en", "de"], "scenarios": ["multilingual"], "measures": ["nDCG@10", "MaxR"]}
        >>> results = [cm.evaluate("demo", name, **options) for name in ("bm25", "bm25:b=0", "bm25:k1=0.2")]
        >>> correlation = cm.correlate(results, "nDCG@10", "MaxR")
        >>> correlation.n, -1 <= correlation.pearson <= 1
        (3, True)
    """
    evaluations = list(evaluations)
    if strangers := [item for item in evaluations if not isinstance(item, Evaluation)]:
        raise UsageError(f"evaluations must be evaluations, not {shown(strangers[0])}")
    if len(evaluations) < _FEWEST:
        raise UsageError(
            f"{len(evaluations)} evaluations are too few for a correlation; pass those of {_FEWEST} or more retrievers"
        )
    if len({str(evaluation.collection.get("digest")) for evaluation in evaluations}) > 1:
        raise UsageError("the evaluations are on several collections; correlate retrievers on one collection")
    labels = names if names is not None else [str(evaluation.encoder.get("name", "")) for evaluation in evaluations]
    if len(labels) != len(evaluations):
        raise UsageError(f"{len(labels)} names for {len(evaluations)} evaluations; pass one for each")
    measures = [str(measure) for measure in parse([x, y])]
    if len(measures) < 2:
        raise UsageError(f"{x} and {y} are the same measure; choose two different ones")
    pool = None if pool_languages is None else list(pool_languages)
    columns = []
    for measure in measures:
        values = [evaluation.value(measure, scenario, query_language, pool) for evaluation in evaluations]
        if None in values:
            raise UsageError(
                f"{labels[values.index(None)]} has no value of {measure} in {scenario} for {query_language}; leave it "
                "out"
            )
        if len(set(values)) == 1:
            raise UsageError(
                f"all retrievers have the same {measure}, {values[0]}, so there is nothing to correlate; "
                "choose another measure"
            )
        columns.append(np.array(values, dtype=np.float64))
    first, second = columns
    return Correlation(
        x=measures[0],
        y=measures[1],
        scenario=scenario,
        query_language=query_language,
        retrievers=tuple(labels),
        x_values=tuple(first.tolist()),
        y_values=tuple(second.tolist()),
        n=len(evaluations),
        pearson=_pearson(first, second),
        spearman=_pearson(_ranks(first), _ranks(second)),
    )


def _pearson(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    x, y = x - x.mean(), y - y.mean()
    return float(np.clip(x @ y / np.sqrt((x @ x) * (y @ y)), -1.0, 1.0))


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ranks from 1, equal values sharing their mean."""
    ordered = np.sort(values)
    return (np.searchsorted(ordered, values, "left") + np.searchsorted(ordered, values, "right") + 1) / 2
