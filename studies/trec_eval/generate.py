"""Pairs of judgements and runs with what makes evaluators disagree: ties, float32, graded and negative judgements.

    python -m studies.trec_eval.generate DIR

Writes `qrels.NAME` and `results.NAME` for each kind, from fixed seeds, for `python -m studies.trec_eval.compare DIR`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from clinometer.io.trec import write_qrels, write_run
from studies.command_line import parser

Grades = dict[str, dict[str, int]]
Scores = dict[str, dict[str, float]]


def names(count: int) -> list[str]:
    """Ids whose order as strings is not their order as numbers, in upper and lower case, some not in ASCII."""
    return [f"{'dDäω'[number % 4]}{number}" for number in range(count)]


def pair(
    seed: int,
    draw: Callable[[np.random.Generator, int], np.ndarray[tuple[int], np.dtype[np.float64]]],
    *,
    grades: tuple[int, ...] = (0, 0, 1),
    queries: int = 12,
    documents: int = 60,
    judged: int = 25,
    length: int = 30,
    unlisted: int = 0,
) -> tuple[Grades, Scores]:
    """Judgements and run of some queries; the first `unlisted` have no list, the last one no relevant document."""
    rng, ids = np.random.default_rng(seed), names(documents)
    qrels: Grades = {}
    run: Scores = {}
    for query in range(queries):
        name = str(301 + query)
        chosen = rng.choice(documents, judged, replace=False)
        drawn = rng.choice(grades, judged) if query < queries - 1 else np.zeros(judged, dtype=np.int64)
        qrels[name] = {ids[row]: int(grade) for row, grade in zip(chosen, drawn, strict=True)}
        if query >= unlisted:
            listed = rng.choice(documents, min(documents, int(rng.integers(1, length + 1))), replace=False)
            run[name] = {ids[row]: float(score) for row, score in zip(listed, draw(rng, len(listed)), strict=True)}
    run["999"] = {ids[0]: 1.0}  # not judged
    return qrels, run


KINDS: dict[str, Callable[[int], tuple[Grades, Scores]]] = {
    "distinct": lambda seed: pair(seed, lambda rng, count: rng.permutation(count) / 7.0),
    "ties": lambda seed: pair(seed, lambda rng, count: rng.integers(0, 3, count) / 2.0),
    "constant": lambda seed: pair(seed, lambda _, count: np.ones(count)),
    "negative": lambda seed: pair(seed, lambda rng, count: -rng.integers(0, 20, count) * 1.5),
    "float32": lambda seed: pair(seed, lambda rng, count: 30.1234567 + rng.integers(0, 40, count) * 1e-7),
    "huge": lambda seed: pair(seed, lambda rng, count: rng.choice([-1e300, -1e39, -1.0, 1e38, 1e39, 1e300], count)),
    "graded": lambda seed: pair(seed, lambda rng, count: rng.random(count), grades=(0, 1, 2, 3, 10)),
    "negative-grades": lambda seed: pair(seed, lambda rng, count: rng.random(count), grades=(-2, -1, 0, 1, 2)),
    "unlisted": lambda seed: pair(seed, lambda rng, count: rng.random(count), unlisted=4),
    "short": lambda seed: pair(seed, lambda rng, count: rng.random(count), length=2, judged=50),
    "sparse": lambda seed: pair(seed, lambda rng, count: rng.random(count), judged=3, grades=(1,)),
    "long": lambda seed: pair(
        seed, lambda rng, count: rng.integers(0, 900, count) / 8.0, queries=3, documents=3000, judged=800, length=2500
    ),
}
"""Judgements and run by kind, from a seed."""


def main() -> None:
    options = parser(__doc__)
    options.add_argument("folder", type=Path, metavar="DIR")
    folder = options.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    for number, (kind, make) in enumerate(KINDS.items()):
        qrels, run = make(number)
        write_qrels(folder / f"qrels.{kind}", qrels)
        write_run(folder / f"results.{kind}", run, kind)


if __name__ == "__main__":
    main()
