"""TREC runs as scorers: what is listed ranks as written, what is not stands below, tied, and is counted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytrec_eval

import clinometer as cm
from clinometer import Collection
from clinometer.errors import CollectionError, FormatError, UsageError
from clinometer.io.trec import write_run
from clinometer.scorers import RunScorer

MEASURES = ["nDCG@10", "AP", "RR", "R@3", "MaxR", "LPR"]


def tiny() -> Collection:
    """Four topics in two languages."""
    builder = cm.CollectionBuilder("tiny")
    for topic in range(4):
        for language in ("en", "de"):
            builder.add_document(f"{language}{topic}", f"text {topic} {language}", language, str(topic))
            builder.add_query(f"q-{language}{topic}", f"ask {topic} {language}", language, str(topic))
    for topic in range(4):
        for asked in ("en", "de"):
            for language in ("en", "de"):
                builder.judge(f"q-{asked}{topic}", f"{language}{topic}")
    return builder.build()


def full_run(collection: Collection, seed: int, levels: int) -> dict[str, dict[str, float]]:
    rng = np.random.default_rng(seed)
    return {
        query: {document: float(rng.integers(levels)) for document in collection.documents.ids}
        for query in collection.queries.ids
    }


def value(evaluation: cm.Evaluation, measure: str, query: str) -> float:
    table = evaluation.per_query
    return float(table[measure][table["query_id"] == query][0])


@pytest.mark.parametrize("levels", [3, 1000])
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_a_whole_run_measures_as_trec_eval_does(tmp_path: Path, levels: int, suffix: str) -> None:
    collection = tiny()
    run = full_run(collection, levels, levels)
    write_run(tmp_path / f"a.trec{suffix}", run, "a")
    scorer = RunScorer(tmp_path / f"a.trec{suffix}")
    found = cm.evaluate(collection, scorer, scenarios=["multilingual"], measures=MEASURES, ties="trec", resamples=0)
    qrels = {query: {f"{language}{query[-1]}": 1 for language in ("en", "de")} for query in run}
    judge = pytrec_eval.RelevanceEvaluator(qrels, {"ndcg_cut.10", "map", "recip_rank", "recall.3"})
    for query, wanted in judge.evaluate(run).items():
        for ours, theirs in (("nDCG@10", "ndcg_cut_10"), ("AP", "map"), ("RR", "recip_rank"), ("R@3", "recall_3")):
            assert value(found, ours, query) == pytest.approx(wanted[theirs])
    assert found.notices == []
    assert found.encoder["name"] == f"a.trec{suffix}"
    assert found.encoder["kind"] == "run"
    assert found.encoder["revision"].startswith("sha256:")
    assert found.encoder["settings"] == {"lists": 8, "shortest": 8, "longest": 8}
    assert found.settings["similarity"] == "run"


def cut_run() -> dict[str, dict[str, float]]:
    """German answers are listed second and English ones not at all, for every query but two."""
    run: dict[str, dict[str, float]] = {
        f"q-{asked}{topic}": {f"en{(topic + 1) % 4}": 2.0, f"de{topic}": 1.0}
        for topic in range(4)
        for asked in ("en", "de")
    }
    run["q-en0"] = {}
    del run["q-de0"]
    return run


@pytest.mark.parametrize(
    ("ties", "listed", "unlisted"),
    # The collection is en0 de0 en1 de1 ...: of the six unlisted ones for topic 1, en1 is third in order of position.
    [("index", 2, 5), ("optimistic", 2, 3), ("pessimistic", 2, 8), ("expected", 2, 5.5)],
)
def test_what_is_not_listed_stands_at_the_bottom_and_is_tied(ties: Any, listed: int, unlisted: float) -> None:
    found = cm.evaluate(tiny(), RunScorer(cut_run()), scenarios=["multilingual"], measures=MEASURES, ties=ties,
                        resamples=0)  # fmt: skip
    assert value(found, "RR", "q-en1") == 1 / listed
    assert value(found, "MaxR", "q-en1") == unlisted
    assert value(found, "LPR", "q-de1") == 100
    rows = [row for row in found.rows if row["measure"] == "MaxR" and row["query_language"] == "en"]
    assert rows[0]["ties"] == 3 + 2


def test_queries_without_a_list_are_at_chance_with_expected_ties() -> None:
    found = cm.evaluate(tiny(), RunScorer(cut_run()), scenarios=["multilingual"], measures=["LPR", "nDCG@1"],
                        ties="expected", resamples=0)  # fmt: skip
    for query in ("q-en0", "q-de0"):
        assert value(found, "LPR", query) == 50
        assert value(found, "nDCG@1", query) == 2 / 8


def test_what_is_missing_is_said() -> None:
    run = cut_run() | {"q-fr1": {"en1": 1.0}}
    run["q-en1"]["fr1"] = 3.0
    found = cm.evaluate(tiny(), RunScorer(run, name="mine"), scenarios=["multilingual"], measures=["RR"], resamples=0)
    assert found.notices == [
        "mine: 10 of 16 answers are not listed; they rank below all listed documents and tie with all unlisted ones",
        "mine: 1 of 8 queries have no list; all their documents tie",
        "mine: 1 lists are of queries that are not in the collection",
        "mine: 1 listed documents are not in the collection and are left out",
    ]
    assert value(found, "RR", "q-en1") == 1 / 2


def test_copies_of_an_answer_are_no_answers() -> None:
    """A verbatim copy that is not judged has a row of its own in the scan; it is not missed."""
    builder = cm.CollectionBuilder("copies")
    for name, text in (("a", "same"), ("b", "same"), ("c", "other")):
        builder.add_document(name, text, "en")
    builder.add_query("q", "what?", "en")
    builder.judge("q", "a")
    lists = {"q": {"c": 1.0}}
    found = cm.evaluate(builder.build(), RunScorer(lists), scenarios=["mono-same"], measures=["RR"], resamples=0)
    assert found.notices[0].startswith("run: 1 of 1 answers are not listed")


def test_other_languages_of_a_run_are_left_out_and_counted() -> None:
    found = cm.evaluate(tiny(), RunScorer(full_run(tiny(), 1, 9)), languages=["de"], scenarios=["mono-same"],
                        measures=["RR"], resamples=0)  # fmt: skip
    assert found.notices == [
        "run: 4 lists are of queries that are not in the collection",
        "run: 16 listed documents are not in the collection and are left out",
    ]


def test_what_is_no_run_of_the_collection_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        CollectionError, match=r"none of the collection's queries: its ids look like '7', the collection"
    ):
        cm.evaluate(tiny(), RunScorer({"7": {"en1": 1.0}}))
    with pytest.raises(CollectionError, match=r"none of the collection's documents: its ids look like '8'"):
        cm.evaluate(tiny(), RunScorer({"q-en1": {"8": 1.0}}))
    with pytest.raises(UsageError, match="the run lists 'en1' for 'q-en1' with score -inf"):
        RunScorer({"q-en1": {"en1": -np.inf}})
    with pytest.raises(UsageError, match="the run lists no document"):
        RunScorer({"q-en1": {}})
    with pytest.raises(FileNotFoundError, match="does not exist"):
        RunScorer(tmp_path / "absent.trec")
    (tmp_path / "bad.trec").write_text("q Q0 d 1\n")
    with pytest.raises(FormatError, match=r"bad\.trec:1: 4 columns"):
        RunScorer(tmp_path / "bad.trec")
