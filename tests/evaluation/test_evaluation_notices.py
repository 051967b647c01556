"""Notices: many ties and whom they favour, queries without a list or an answer, measures of answers without a rank."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from support.parallel_texts import all_translated

import clinometer as cm
from clinometer import Collection, CollectionBuilder
from clinometer.errors import UsageError
from clinometer.report import plain_report
from clinometer.scorers import MatrixScorer, RunScorer

LEAN = ["LPR", "PivotFirst", "RankGap"]


def constant(collection: Collection) -> MatrixScorer:
    return MatrixScorer(np.zeros((len(collection.queries), len(collection.documents)), dtype=np.float32), name="zeros")


def evaluated(collection: Collection, scorer: Any, **options: Any) -> cm.Evaluation:
    chosen: dict[str, Any] = {"measures": LEAN, "scenarios": ["multi", "multilingual"], "resamples": 0} | options
    return cm.evaluate(collection, scorer, **chosen)


@pytest.mark.parametrize(
    ("ties", "languages", "favoured"),
    [
        ("index", ("en", "de"), "en"), ("index", ("de", "en"), "de"), ("optimistic", ("de", "en"), "de"),
        ("pessimistic", ("en", "de", "zh"), "en"), ("trec", ("de", "en"), "en"), ("trec", ("en", "de", "zh"), "zh"),
    ],
)  # fmt: skip
def test_a_constant_scorer_leans_by_the_order_of_ties_and_says_so(
    ties: Any, languages: tuple[str, ...], favoured: str
) -> None:
    collection = all_translated(4, languages)
    evaluation = evaluated(collection, constant(collection), ties=ties)
    (notice,) = evaluation.notices
    answers = 4 * len(languages) ** 2
    assert notice.startswith(f"100.0% of the answers tie with other documents ({answers} of {answers}); ties={ties} ")
    assert f"which favours {favoured}: it comes first in 100.0% of its ties with other languages" in notice
    assert notice in " ".join(plain_report([evaluation.to_dict()], verbose=True).split())
    # The figures next to each other are those of the two evaluations.
    chance = evaluated(collection, constant(collection), ties="expected")
    figures = re.findall(r"(\w+) ([\d.-]+) instead of ([\d.-]+) \((\S+), (\w+) in ([^)]+)\)", notice)
    assert {"LPR", "PivotFirst"} <= {name for name, *_ in figures}
    for name, expected, ordered, scenario, query_language, pool in figures:
        for number, result in ((expected, chance), (ordered, evaluation)):
            value = result.value(name, scenario, query_language, pool.split("+"))
            assert value == pytest.approx(float(number), abs=0.051)


def test_a_constant_scorer_is_at_chance_with_expected_ties() -> None:
    collection = all_translated(3, ("en", "de", "zh"))
    evaluation = evaluated(collection, constant(collection), ties="expected")
    assert evaluation.notices == []
    for row in evaluation.rows:
        languages = 3 if row["scenario"] == "multilingual" else 2
        assert row["value"] == pytest.approx({"LPR": 100 / languages, "PivotFirst": 0.5, "RankGap": 0}[row["measure"]])


@pytest.mark.parametrize(("topics", "noticed"), [(25, True), (26, False)])
def test_one_answer_in_a_hundred_is_many(topics: int, noticed: bool) -> None:
    collection = all_translated(topics)
    shape = len(collection.queries), len(collection.documents)
    scores = np.random.default_rng(1).permutation(shape[0] * shape[1]).reshape(shape).astype(np.float64)
    first, other = collection.relevant()[1][0], len(collection.documents) - 1
    scores[0, other] = scores[0, first]
    evaluation = evaluated(collection, MatrixScorer(scores))
    assert bool(evaluation.notices) == noticed
    if noticed:
        assert evaluation.notices[0].startswith("1.0% of the answers tie with other documents (1 of 100)")


def test_ties_within_a_language_favour_none() -> None:
    collection = all_translated(3)
    scores = np.zeros((len(collection.queries), len(collection.documents)))
    scores[:, 1::2] = 1.0
    (notice,) = evaluated(collection, MatrixScorer(scores)).notices
    assert notice.startswith("100.0% of the answers tie with other documents (12 of 12)")
    assert "favours" not in notice
    assert "LPR" not in notice


@pytest.mark.parametrize("query_set", ["answered", "complete", "listed"])
def test_queries_of_the_means(query_set: str) -> None:
    """One query has no list, one no answer, and one answers all."""
    builder = CollectionBuilder("three")
    for name in ("a", "b"):
        builder.add_document(name, f"text {name}", "en")
    for query, grade in (("good", 1), ("unlisted", 1), ("unanswered", 0)):
        builder.add_query(query, f"question {query}", "en")
        builder.judge(query, "a", grade)
    run = {"good": {"a": 1.0}, "unanswered": {"b": 1.0}}
    evaluation = cm.evaluate(builder.build(), RunScorer(run), scenarios=["mono-same"], measures=["RR", "MaxR", "P@1"],
                             query_set=query_set, resamples=0)  # fmt: skip
    queries = {"answered": 2, "complete": 3, "listed": 2}[query_set]
    for measure in ("RR", "P@1"):
        (row,) = (row for row in evaluation.rows if row["measure"] == measure)
        assert (row["value"], row["queries"]) == (pytest.approx(1 / queries), queries)
    (row,) = (row for row in evaluation.rows if row["measure"] == "MaxR")
    assert (row["value"], row["queries"]) == (1, 1)
    assert evaluation.settings["query_set"] == query_set
    left_out = "mono-same, pool en: 1 of the en queries have no answer in the pool and are left out"
    assert (left_out in evaluation.notices) == (query_set == "answered")
    text = " ".join(evaluation.notices)
    assert ("counts as 0 in the measures of trec_eval" in text) == (query_set != "answered")
    assert ("1 of 3 queries have no list and are left out, as in trec_eval without -c" in text) == (
        query_set == "listed"
    )
    assert ("MaxR 1 of 2" in text) == (query_set != "listed")


def test_an_unknown_query_set_is_refused() -> None:
    with pytest.raises(UsageError, match="unknown query set 'all'; expected one of answered, complete, listed"):
        cm.evaluate("demo", query_set="all")
