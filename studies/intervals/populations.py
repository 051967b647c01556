"""Populations to draw values from, with their true means: the shapes that values per query have."""

from __future__ import annotations

from collections.abc import Callable
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
Draw = Callable[[np.random.Generator, tuple[int, int, int]], Values]
"""From a generator and (samples, clusters, questions of a cluster) to that many values, NaN where there is none."""

SHARE, DIFFERENCE, UNBOUNDED = (0.0, 1.0), (-1.0, 1.0), (-np.inf, np.inf)
SHARES = (0.01, 0.02, 0.05, 0.10, 0.25, 0.50)


class Population(NamedTuple):
    """Values of one shape.

    Args:
        family: Heading in the table.
        name: Its line.
        draw: Function that draws the values.
        truth: True mean.
        range: Least and largest possible value.
        questions: Number of questions of each cluster.
        translations: Whether the questions of a cluster are translations: columns whose means are averaged.
    """

    family: str
    name: str
    draw: Draw
    truth: float
    range: tuple[float, float]
    questions: int = 1
    translations: bool = False


def _latent(rng: np.random.Generator, shape: tuple[int, int, int], correlation: float) -> Values:
    samples, clusters, questions = shape
    common = rng.normal(size=(samples, clusters, 1))
    own = rng.normal(size=(samples, clusters, questions))
    return np.asarray(np.sqrt(correlation) * common + np.sqrt(1 - correlation) * own)


def _uneven(rng: np.random.Generator, values: Values) -> Values:
    """The values of clusters of unequal sizes: one question most often, the largest possible number seldom."""
    sizes = np.minimum(rng.geometric(0.35, size=(*values.shape[:2], 1)), values.shape[2])
    return np.where(np.arange(values.shape[2]) < sizes, values, np.nan)


def _shifted(shape: Callable[[Values], Values], correlation: float = 0.0, *, uneven: bool = False) -> Draw:
    def draw(rng: np.random.Generator, size: tuple[int, int, int]) -> Values:
        values = shape(_latent(rng, size, correlation))
        return _uneven(rng, values) if uneven else values

    return draw


def _share(share: float) -> Callable[[Values], Values]:
    limit = NormalDist().inv_cdf(1 - share)
    return lambda latent: np.asarray(latent > limit, dtype=np.float64)


def _rises(rises: float, falls: float) -> Callable[[Values], Values]:
    above, below = NormalDist().inv_cdf(1 - rises), NormalDist().inv_cdf(falls)
    return lambda latent: np.asarray((latent > above).astype(np.float64) - (latent < below))


def _same(latent: Values) -> Values:
    return latent


def _mixture(zero: float, at: float, a: float, b: float) -> Draw:
    """The value `at` for a share of the queries, a beta distribution for the others: as nDCG is."""
    return lambda rng, size: np.where(rng.random(size) < zero, at, rng.beta(a, b, size))


def _mostly_equal(share: float) -> Draw:
    """Differences of which most are 0, and the others scatter around 0.3."""
    return lambda rng, size: np.where(rng.random(size) < share, rng.beta(2.6, 1.4, size) * 2 - 1, 0.0)


def _gaps(rng: np.random.Generator, size: tuple[int, int, int]) -> Values:
    return rng.exponential(size=size) - 0.5 * rng.exponential(size=size)


def _missing(draw: Draw) -> Draw:
    def drawn(rng: np.random.Generator, size: tuple[int, int, int]) -> Values:
        return np.where(rng.random(size) < 0.3, np.nan, draw(rng, size))

    return drawn


def populations() -> list[Population]:
    """All of them, by family."""
    root = float(np.exp(0.5))
    made: list[Population] = [
        Population("Independent questions", "normal", _shifted(_same), 0.0, UNBOUNDED),
        Population("Independent questions", "exponential", _shifted(_exponential), 1.0, UNBOUNDED),
        Population("Independent questions", "lognormal", _shifted(np.exp), root, UNBOUNDED),
        Population("Independent questions", "as nDCG, 30 % are 0", _mixture(0.3, 0, 4, 1.5), 0.7 * 4 / 5.5, SHARE),
        Population("Independent questions", "as nDCG, 90 % are 1", _mixture(0.9, 1, 2, 2), 0.95, SHARE),
    ]
    made += [
        Population("Shares", f"{share:.0%} of the questions".replace("%", " %"), _shifted(_share(share)), share, SHARE)
        for share in SHARES
    ]
    for rho in (0.1, 0.3, 0.5):
        family = f"Questions that share an answer, correlation {rho}"
        many: dict[str, Any] = {"questions": 5}
        uneven: dict[str, Any] = {"questions": 8}
        made += [
            Population(family, "normal, 5 each", _shifted(_same, rho), 0.0, UNBOUNDED, **many),
            Population(family, "normal, 1 to 8 each", _shifted(_same, rho, uneven=True), 0.0, UNBOUNDED, **uneven),
            Population(family, "lognormal, 5 each", _shifted(np.exp, rho), root, UNBOUNDED, **many),
            Population(family, "lognormal, 1 to 8 each", _shifted(np.exp, rho, uneven=True), root, UNBOUNDED, **uneven),
            Population(family, "10 % share, 5 each", _shifted(_share(0.1), rho), 0.1, SHARE, **many),
            Population(
                family, "10 % share, 1 to 8 each", _shifted(_share(0.1), rho, uneven=True), 0.1, SHARE, **uneven
            ),
            Population(family, "50 % share, 5 each", _shifted(_share(0.5), rho), 0.5, SHARE, **many),
            Population(family, "2 % share, 5 each", _shifted(_share(0.02), rho), 0.02, SHARE, **many),
        ]
    six: dict[str, Any] = {"questions": 6, "translations": True}
    family = "Means over 6 languages, translations with correlation 0.6"
    made += [
        Population(family, "normal", _shifted(_same, 0.6), 0.0, UNBOUNDED, **six),
        Population(family, "lognormal", _shifted(np.exp, 0.6), root, UNBOUNDED, **six),
        Population(family, "10 % share", _shifted(_share(0.1), 0.6), 0.1, SHARE, **six),
        Population(family, "share of differences, 15 % up, 5 % down", _shifted(_rises(0.15, 0.05), 0.6), 0.1,
                   DIFFERENCE, **six),
    ]  # fmt: skip
    family = "Paired differences"
    made += [
        Population(family, "normal", lambda rng, size: rng.normal(0.1, 0.2, size), 0.1, UNBOUNDED),
        Population(family, "of two exponential values", _gaps, 0.5, UNBOUNDED),
        Population(family, "as of nDCG, 30 % differ", _mostly_equal(0.3), 0.3 * 0.3, DIFFERENCE),
        Population(family, "as of nDCG, 10 % differ", _mostly_equal(0.1), 0.1 * 0.3, DIFFERENCE),
        Population(family, "of shares, 30 % up, 20 % down", _shifted(_rises(0.3, 0.2)), 0.1, DIFFERENCE),
        Population(family, "of shares, 15 % up, 5 % down", _shifted(_rises(0.15, 0.05)), 0.1, DIFFERENCE),
        Population(family, "of shares, 4 % up, 1 % down", _shifted(_rises(0.04, 0.01)), 0.03, DIFFERENCE),
        Population(family, "of shares, 15 % up, 5 % down, 5 that share an answer", _shifted(_rises(0.15, 0.05), 0.3),
                   0.1, DIFFERENCE, 5),
    ]  # fmt: skip
    family = "30 % of the values undefined"
    made += [
        Population(family, "lognormal, 5 that share an answer", _missing(_shifted(np.exp, 0.3)), root, UNBOUNDED, 5),
        Population(family, "10 % share, 5 that share an answer", _missing(_shifted(_share(0.1), 0.3)), 0.1, SHARE, 5),
        Population(family, "10 % share, 6 languages", _missing(_shifted(_share(0.1), 0.6)), 0.1, SHARE, **six),
    ]  # fmt: skip
    return made


def _exponential(latent: Values) -> Values:
    normal = NormalDist()
    tail = np.vectorize(normal.cdf, otypes=[float])
    return np.asarray(-np.log(tail(-latent)))
