"""Our figures of runs next to those of trec_eval, per query and on average, file by file.

    python -m studies.trec_eval.generate DIR
    python -m studies.trec_eval.compare DIR

DIR holds pairs of judgements and a run, `qrels*` and `results*` with the same ending (else `qrels.test`), such as
trec_eval's own `test` folder. The figures of trec_eval come from pytrec_eval, which compiles it. Where DIR has what
trec_eval printed in its own tests, `out.test` to `out.test.aql`, those four digits are compared, too. Exits with 1 if
any figure differs.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
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


class Printed(NamedTuple):
    """What trec_eval printed for two files: with `-c` or not, from a grade (`-l`), of the first documents (`-M`)."""

    output: str
    qrels: str
    results: str
    query_set: str
    level: int = 1
    deepest: int | None = None


PRINTED = (
    Printed("out.test", "qrels.test", "results.test", "listed"),
    Printed("out.test.a", "qrels.test", "results.test", "listed"),
    Printed("out.test.aq", "qrels.test", "results.test", "listed"),
    Printed("out.test.aqc", "qrels.test", "results.trunc", "complete"),
    Printed("out.test.aqcM", "qrels.test", "results.trunc", "complete", deepest=100),
    Printed("out.test.aql", "qrels.rel_level", "results.test", "listed", level=2),
)
"""The outputs in trec_eval's test folder, as its `make quicktest` makes them."""


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


def our_figures(qrels: Grades, run: Scores, query_set: str, level: int = 1) -> Figures:
    """What `clinometer.evaluate` gives, for documents that are relevant from grade `level` on."""
    ours = {name: _from_grade(name, level) for name in MEASURES}
    evaluation = cm.evaluate(
        collection_of(qrels, run), RunScorer(run), scenarios=["mono-same"], measures=list(ours.values()), ties="trec",
        query_set=query_set, resamples=0,
    )  # fmt: skip
    name_of = {measure: name for name, measure in ours.items()}
    figures: Figures = {("all", name_of[row["measure"]]): row["value"] for row in evaluation.rows}
    for name, measure in ours.items():
        values = zip(evaluation.per_query["query_id"].tolist(), evaluation.per_query[measure].tolist(), strict=True)
        figures |= {(query, name): value for query, value in values}
    return figures


def _from_grade(name: str, level: int) -> str:
    """The measure of documents of this grade or more; the gains of nDCG are those of all grades."""
    stem, at, cutoff = name.partition("@")
    return name if level == 1 or stem == "nDCG" else f"{stem}(rel={level}){at}{cutoff}"


def their_figures(qrels: Grades, run: Scores, query_set: str, level: int = 1) -> Figures:
    """What trec_eval gives: with `-c` (`complete`) a judged query without a list counts as 0, else it is left out."""
    families = {name.rstrip("0123456789").rstrip("_") for name in MEASURES.values()}
    families |= {f"success.{k}" for k in (1, 5, 10)}
    judge = pytrec_eval.RelevanceEvaluator(qrels, families - {"success"}, relevance_level=level)
    by_query = judge.evaluate(run)
    queries = qrels if query_set == "complete" else by_query
    figures: Figures = {}
    for ours, theirs in MEASURES.items():
        values = {query: by_query.get(query, {}).get(theirs, 0.0) for query in queries}
        figures |= {(query, ours): value for query, value in values.items()}
        figures["all", ours] = float(np.mean(list(values.values())))
    return figures


def differences(qrels: Grades, run: Scores, query_set: str, tolerance: float = 1e-9) -> list[Difference]:
    """The figures that differ by more than the tolerance, or that only one of the two has."""
    ours, theirs = our_figures(qrels, run, query_set), their_figures(qrels, run, query_set)
    return _unequal(query_set, ours, theirs, dict.fromkeys([*theirs, *ours]), tolerance)


def _unequal(
    query_set: str, ours: Figures, theirs: Figures, keys: Iterable[tuple[str, str]], tolerance: float
) -> list[Difference]:
    pairs = {key: (ours.get(key, np.nan), theirs.get(key, np.nan)) for key in keys}
    return [
        Difference(query_set, *key, *pair) for key, pair in pairs.items() if not abs(pair[0] - pair[1]) <= tolerance
    ]


def printed_differences(folder: Path, printed: Printed) -> tuple[int, list[Difference]]:
    """Number of the figures in trec_eval's own output that we have, and those that differ in the fourth digit."""
    our_name = {theirs: ours for ours, theirs in MEASURES.items()}
    text = (folder / printed.output).read_text(encoding="utf-8")
    cells = [line.split() for line in text.splitlines() if len(line.split()) == 3]
    theirs = {(query, our_name[name]): float(value) for name, query, value in cells if name in our_name}
    qrels, run = read_qrels(folder / printed.qrels), read_run(folder / printed.results)
    if printed.deepest is not None:
        run = {query: _first(scores, printed.deepest) for query, scores in run.items()}
    ours = our_figures(qrels, run, printed.query_set, printed.level)
    return len(theirs), _unequal(printed.query_set, ours, theirs, theirs, 0.5e-4 + 1e-9)


def _first(scores: dict[str, float], count: int) -> dict[str, float]:
    """The first documents of a list, in the order of trec_eval."""
    ordered = sorted(scores, key=lambda document: (np.float32(scores[document]), document), reverse=True)
    return {document: scores[document] for document in ordered[:count]}


def main() -> None:
    options = parser(__doc__)
    options.add_argument("folder", type=Path, metavar="DIR")
    folder = options.parse_args().folder
    print(f"{'run':24} {'judgements':24} {'compared with':16} {'averaged as':12} {'figures':>8} {'different':>10}")
    wrong = 0

    def show(results: str, judged: str, source: str, query_set: str, count: int, unequal: list[Difference]) -> None:
        nonlocal wrong
        wrong += len(unequal)
        print(f"{results:24} {judged:24} {source:16} {query_set:12} {count:8,} {len(unequal):10,}")
        for difference in unequal[:3]:
            print(f"    {difference}")

    for results in sorted(folder.glob("results*")):
        judged = results.with_name(results.name.replace("results", "qrels", 1))
        judged = judged if judged.exists() else folder / "qrels.test"
        if judged.exists():
            qrels, run = read_qrels(judged), read_run(results)
            for query_set in ("listed", "complete"):
                count = len(their_figures(qrels, run, query_set))
                unequal = differences(qrels, run, query_set)
                show(results.name, judged.name, "pytrec_eval", query_set, count, unequal)
    for printed in PRINTED:
        if all((folder / name).exists() for name in printed[:3]):
            count, unequal = printed_differences(folder, printed)
            show(printed.results, printed.qrels, printed.output, printed.query_set, count, unequal)
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
