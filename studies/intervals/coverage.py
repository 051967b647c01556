"""How often 95 % intervals hold the true mean, before, after and by other methods: studies/results/intervals.json.

python -m studies.intervals.coverage

Samples are drawn with fixed seeds, and the same samples go to all methods. `before` is the percentile bootstrap over
questions, `after` what the package does. For shares of independent questions, coverage is exact, without samples.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from math import comb
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinometer.statistics.resampling import BootstrapMeans, Resamples, summed
from studies.command_line import parser
from studies.intervals.candidates import over_clusters, percentile
from studies.intervals.populations import SHARE, SHARES, Population, populations
from studies.result_files import write_result

Values = NDArray[np.float64]
Ends = tuple[Values, Values]

SIZES = (20, 50, 200, 1000)
FEW = (4, 6, 8, 10, 12, 15, 20, 30)
NEAR = 0.2
"""Shares from 20 % below to 20 % above one, over which its coverage is averaged."""

_MOST_VALUES = 4_000_000
_EPSILON = 1e-12


def after(values: Values, population: Population) -> Ends:
    """The package's intervals of samples, `(samples, clusters, questions)`."""
    samples, clusters, questions = values.shape
    if not population.translations:
        table = np.moveaxis(values, 0, 2).reshape(clusters * questions, samples)
        numbers = np.repeat(np.arange(clusters), questions)
        means = BootstrapMeans.of(table, Resamples(), numbers, [population.range] * samples)
        estimates = means.plain()
    else:
        table = np.moveaxis(values, 0, 1).reshape(clusters, samples * questions)
        means = BootstrapMeans.of(table, Resamples(), None, [population.range] * table.shape[1])
        estimates = [means.mean(range(first, first + questions)) for first in range(0, table.shape[1], questions)]
    return np.array([one.low for one in estimates]), np.array([one.high for one in estimates])


def _covered(ends: Ends, truth: float) -> float:
    return float(np.mean((ends[0] <= truth + _EPSILON) & (ends[1] >= truth - _EPSILON)))


def _methods(values: Values, population: Population) -> dict[str, Ends]:
    samples, clusters, questions = values.shape
    if population.translations:
        # As the package: the translations of a question are one row, and a mean of means is resampled as one.
        known = ~np.isnan(values)
        shares = np.where(known, values, 0.0) / np.maximum(known.sum(axis=1, keepdims=True), 1) / questions
        rows = shares.sum(axis=2).T * clusters
        sums, counts, by_question = rows, np.ones_like(rows), rows
    else:
        by_question = np.moveaxis(values, 0, 2).reshape(clusters * questions, samples)
        numbers = np.repeat(np.arange(clusters), questions)
        sums, counts = (
            summed(part, numbers) for part in (np.nan_to_num(by_question), (~np.isnan(by_question)).astype(np.float64))
        )
    return {"before": percentile(by_question), **over_clusters(sums, counts), "after": after(values, population)}


def simulated(
    population: Population, clusters: int, seed: int, samples: int, methods: Callable[..., dict[str, Ends]]
) -> dict[str, Any]:
    """Coverage of each method at one number of clusters, and the mean width of its intervals."""
    rng = np.random.default_rng(seed)
    step = min(samples, max(1, _MOST_VALUES // (clusters * population.questions)))
    covered: dict[str, list[float]] = {}
    widths: dict[str, list[float]] = {}
    for _ in range(0, samples, step):
        values = population.draw(rng, (step, clusters, population.questions))
        for name, ends in methods(values, population).items():
            covered.setdefault(name, []).append(_covered(ends, population.truth))
            with np.errstate(invalid="ignore"):
                width = ends[1] - ends[0]
            widths.setdefault(name, []).append(float(np.mean(width[np.isfinite(width)])))
    return {
        "family": population.family,
        "name": population.name,
        "clusters": clusters,
        "coverage": {name: round(float(np.mean(parts)), 4) for name, parts in covered.items()},
        "width": {name: float(f"{np.mean(parts):.4g}") for name, parts in widths.items()},
    }


def exact(size: int) -> list[dict[str, Any]]:
    """Coverage of shares of independent questions at one size, and averaged over shares nearby."""
    counts = np.arange(size + 1)
    values = (np.arange(size)[:, None] < counts).astype(np.float64)
    estimates = BootstrapMeans.of(values, Resamples(), None, [SHARE] * (size + 1)).plain()
    ways = np.array([float(comb(size, int(count)) / 2**size) for count in counts])

    def probability(share: float) -> Values:
        # 2^size keeps the products within floating point.
        log = counts * np.log(2 * share) + (size - counts) * np.log(2 * (1 - share))
        return np.asarray(np.exp(log + np.log(np.maximum(ways, 1e-300))))

    def of_bootstrap(count: int) -> tuple[float, float]:
        # The means of resamples are binomial, so their percentiles need no resamples.
        if count in (0, size):
            return count / size, count / size
        total = np.cumsum(probability(count / size))
        low, high = (int(np.searchsorted(total, tail)) for tail in (0.025, 0.975))
        return low / size, high / size

    ends = {
        "before": np.array([of_bootstrap(int(count)) for count in counts]),
        "after": np.array([(one.low, one.high) for one in estimates]),
    }
    lines = []
    for share in SHARES:
        near = np.linspace(share * (1 - NEAR), share * (1 + NEAR), 101)
        line: dict[str, Any] = {"share": share, "size": size, "coverage": {}, "averaged": {}}
        for name, limits in ends.items():

            def at(truth: float, limits: Values = limits) -> float:
                inside = (limits[:, 0] <= truth + _EPSILON) & (limits[:, 1] >= truth - _EPSILON)
                return float(probability(truth)[inside].sum())

            line["coverage"][name] = round(at(share), 4)
            line["averaged"][name] = round(float(np.mean([at(truth) for truth in near])), 4)
        lines.append(line)
    return lines


def of_population(number: int, samples: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The simulations of one population: all methods, and the package's with few clusters; seeds are its own."""
    population = populations()[number]
    lines = [simulated(population, size, 1000 * number + size, samples, _methods) for size in SIZES]
    few = [
        simulated(
            population, size, 1000 * number + size, samples, lambda values, drawn: {"after": after(values, drawn)}
        )
        for size in FEW
    ]
    print(population.family, population.name, lines[0]["coverage"], flush=True)
    return lines, few


def run(samples: int, jobs: int) -> dict[str, Any]:
    """All simulations."""
    lines: list[dict[str, Any]] = []
    few: list[dict[str, Any]] = []
    size = len(populations())
    with ProcessPoolExecutor(jobs) as pool:
        for of_all, of_few in pool.map(of_population, range(size), [samples] * size):
            lines += of_all
            few += of_few
    shares = [line for size in SIZES for line in exact(size)]
    return {"samples": samples, "simulated": lines, "few": few, "shares": shares}


if __name__ == "__main__":
    options = parser(__doc__)
    options.add_argument("--samples", type=int, default=1000, help="samples of each population and size")
    options.add_argument("--jobs", type=int, default=1, help="processes; the result does not depend on it")
    chosen = options.parse_args()
    write_result("intervals", run(chosen.samples, chosen.jobs))
