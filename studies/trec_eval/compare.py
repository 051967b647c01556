"""Our figures of runs next to those of trec_eval, per query and on average, file by file.

    python -m studies.trec_eval.generate DIR
    python -m studies.trec_eval.compare DIR

DIR holds pairs of judgements and a run, `qrels*` and `results*` with the same ending, such as trec_eval's own `test`
folder. The figures of trec_eval come from pytrec_eval, which compiles it; where DIR has what trec_eval printed,
`out.test.aq` or `out.test.aqc`, its four digits are compared, too. Exits with 1 if any figure differs.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytrec_eval

import clinometer as cm
from clinometer.collection import Collection, CollectionBuilder
from clinometer.io.trec import read_qrels, read_run
from clinometer.scorers import RunScorer
from studies.command_line import parser

CUTOFFS = (5, 10, 15, 20, 30, 100, 200, 500, 1000)
MEASURES = {
    "nDCG": "ndcg", "AP": "map", "RR": "recip_rank", "Rprec": "Rprec", "Bpref": "bpref",
    **{f"nDCG@{k}": f"ndcg_cut_{k}" for k in CUTOFFS},
    **{f"AP@{k}": f"map_cut_{k}" for k in CUTOFFS},
    **{f"P@{k}": f"P_{k}" for k in CUTOFFS},
    **{f"R@{k}": f"recall_{k}" for k in CUTOFFS},
    **{f"Success@{k}": f"success_{k}" for k in (1, 5, 10)},
}  # fmt: skip
"""trec_eval's names by ours."""

Grades = dict[str, dict[str, int]]
Scores = dict[str, dict[str, float]]
Figures = dict[tuple[str, str], float]
"""Figures by query (`all` for the mean) and our name of the measure."""


class Difference(NamedTuple):
    """One figure that is not equal."""

    query_set: str
    query: str
    measure: str
    ours: float
    theirs: float


def collection_of(qrels: Grades, run: Scores) -> Collection:
    """The judged and listed documents and the judged queries, without texts, in one language."""
    builder = CollectionBuilder("trec")
    for document in dict.fromkeys(name for part in (qrels, run) for entry in part.values() for name in entry):
        builder.add_document(document, document, "en")
    for query, grades in qrels.items():
        builder.add_query(query, query, "en")
        for document, grade in grades.items():
            builder.judge(query, document, grade)
    return builder.build()


def our_figures(qrels: Grades, run: Scores, query_set: str) -> Figures:
    """What `clinometer.evaluate` gives."""
    evaluation = cm.evaluate(
        collection_of(qrels, run), RunScorer(run), scenarios=["mono-same"], measures=list(MEASURES), ties="trec",
        query_set=query_set, resamples=0,
    )  # fmt: skip
    figures: Figures = {("all", row["measure"]): row["value"] for row in evaluation.rows}
    for measure in MEASURES:
        values = zip(evaluation.per_query["query_id"].tolist(), evaluation.per_query[measure].tolist(), strict=True)
        figures |= {(query, measure): value for query, value in values}
    return figures


def their_figures(qrels: Grades, run: Scores, query_set: str) -> Figures:
    """What trec_eval gives: with `-c` (`complete`) a judged query without a list counts as 0, else it is left out."""
    families = {name.rstrip("0123456789").rstrip("_") for name in MEASURES.values()}
    judge = pytrec_eval.RelevanceEvaluator(qrels, families | {f"success.{k}" for k in (1, 5, 10)} - {"success"})
    by_query = judge.evaluate(run)
    queries = qrels if query_set == "complete" else by_query
    figures: Figures = {}
    for ours, theirs in MEASURES.items():
        values = {query: by_query.get(query, {}).get(theirs, 0.0) for query in queries}
        figures |= {(query, ours): value for query, value in values.items()}
        figures["all", ours] = float(np.mean(list(values.values())))
    return figures


def differences(qrels: Grades, run: Scores, query_set: str, tolerance: float = 1e-9) -> Iterator[Difference]:
    """The figures that differ by more than the tolerance, or that only one of the two has."""
    ours, theirs = our_figures(qrels, run, query_set), their_figures(qrels, run, query_set)
    for key in dict.fromkeys([*theirs, *ours]):
        one, other = ours.get(key, np.nan), theirs.get(key, np.nan)
        if not abs(one - other) <= tolerance:
            yield Difference(query_set, *key, one, other)


def printed_figures(path: Path) -> Figures:
    """The figures in trec_eval's own output, lines of measure, query and value, for the measures that we have."""
    our_name = {theirs: ours for ours, theirs in MEASURES.items()}
    cells = [line.split() for line in path.read_text(encoding="utf-8").splitlines()]
    return {(query, our_name[name]): float(value) for name, query, value in cells if name in our_name}


def main() -> None:
    options = parser(__doc__)
    options.add_argument("folder", type=Path, metavar="DIR")
    folder = options.parse_args().folder
    wrong = 0
    print(f"{'run':32} {'queries':>8} {'averaged as':12} {'figures':>8} {'different':>10}")
    for results in sorted(folder.glob("results*")):
        judged = results.with_name(results.name.replace("results", "qrels", 1))
        if not judged.exists():
            continue
        qrels, run = read_qrels(judged), read_run(results)
        for query_set, printed in (("listed", "out.test.aq"), ("complete", "out.test.aqc")):
            unequal = list(differences(qrels, run, query_set))
            count = len(their_figures(qrels, run, query_set))
            if results.name == "results.test" and (folder / printed).exists():
                ours = our_figures(qrels, run, query_set)
                figures = printed_figures(folder / printed)
                count += len(figures)
                unequal += [
                    Difference(query_set, *key, ours[key], value)
                    for key, value in figures.items()
                    if abs(ours[key] - value) > 0.5e-4 + 1e-9
                ]
            wrong += len(unequal)
            print(f"{results.name:32} {len(qrels):8} {query_set:12} {count:8,} {len(unequal):10,}")
            for difference in unequal[:3]:
                print(f"    {difference}")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
