"""Whether two measures go together over several retrievers: the correlations of Pearson and Spearman.

The unit is the retriever, so a handful of evaluations say little: how many there are stands with every figure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinometer.errors import UsageError
from clinometer.evaluation.results import Evaluation
from clinometer.measures import parse

__all__ = ["Correlation", "correlate"]

_FEWEST = 3


@dataclass(frozen=True)
class Correlation:
    """How two measures go together over n retrievers.

    Args:
        x: Name of the one measure, in canonical spelling.
        y: Name of the other.
        scenario: Where both were measured.
        query_language: Of the rows; `macro` is the mean over query languages.
        retrievers: Names of the retrievers, in the order given.
        x_values: Their values of x.
        y_values: Their values of y.
        n: How many retrievers.
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
        """All of it, for JSON."""
        return asdict(self)


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
        evaluations: At least three, each of another retriever.
        x: Name of a measure.
        y: Name of another.
        scenario: Its name.
        query_language: Of the rows: a label, `macro`, `macro-target` or `macro-pivot`.
        pool_languages: Needed where queries of one language meet several pools.
        names: What the retrievers are called; by default as their encoders are.

    Returns:
        The correlations, with the values they were computed from.

    Raises:
        UsageError: Fewer than three evaluations, on several collections, without a value, or all with the same value.
        MeasureError: A measure's name cannot be read.

    Example:
        >>> import clinometer as cm
        >>> options = {"languages": ["en", "de"], "scenarios": ["multilingual"], "measures": ["nDCG@10", "MaxR"]}
        >>> found = [cm.evaluate("demo", what, **options) for what in ("bm25", "bm25:b=0", "bm25:k1=0.2")]
        >>> correlation = cm.correlate(found, "nDCG@10", "MaxR")
        >>> correlation.n, -1 <= correlation.pearson <= 1
        (3, True)
    """
    given = list(evaluations)
    if len(given) < _FEWEST:
        raise UsageError(
            f"{len(given)} evaluations are too few for a correlation; give those of {_FEWEST} retrievers or more"
        )
    if len({str(evaluation.collection.get("digest")) for evaluation in given}) > 1:
        raise UsageError("these are evaluations on several collections; correlate retrievers on one collection")
    called = tuple(names) if names is not None else tuple(str(one.encoder.get("name", "")) for one in given)
    if len(called) != len(given):
        raise UsageError(f"{len(called)} names for {len(given)} evaluations; give one for each")
    measures = [str(measure) for measure in parse([x, y])]
    if len(measures) < 2:
        raise UsageError(f"{x} and {y} are one measure; choose two")
    pool = None if pool_languages is None else list(pool_languages)
    columns = []
    for measure in measures:
        values = [one.value(measure, scenario, query_language, pool) for one in given]
        if None in values:
            raise UsageError(
                f"{called[values.index(None)]} has no value of {measure} in {scenario} for {query_language}; leave it "
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
        retrievers=called,
        x_values=tuple(first.tolist()),
        y_values=tuple(second.tolist()),
        n=len(given),
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
