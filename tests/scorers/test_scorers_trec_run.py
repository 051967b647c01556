"""TREC runs as scorers: what is listed ranks as written, what is not has no rank, is missed and is counted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytrec_eval

import clinometer as cm
from clinometer import Collection
from clinometer.errors import CollectionError, FormatError, UsageError
from clinometer.io.trec import read_run, write_run
from clinometer.scanning.counts import TIE_MODES
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
    return float(table[measure][table["query_id"] == query][0]) if measure in table else float("nan")


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
    assert [notice for notice in found.notices if "ties=trec" not in notice] == []
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


@pytest.mark.parametrize("ties", TIE_MODES)
def test_what_is_not_listed_has_no_rank(ties: Any) -> None:
    """German answers are second in their lists, English ones are missed, and two queries have no list."""
    measures = [*MEASURES, "MaxRnorm", "Complete@10", "PivotFirst", "RankGap", "Intrusion", "IntrusionCount"]
    evaluation = cm.evaluate(tiny(), RunScorer(cut_run()), scenarios=["multilingual"], measures=measures, ties=ties,
                             resamples=0)  # fmt: skip
    expected = {
        "nDCG@10": 1 / np.log2(3) / (1 + 1 / np.log2(3)), "AP": 1 / 4, "RR": 1 / 2, "R@3": 1 / 2, "MaxR": np.nan,
        "MaxRnorm": 0, "Complete@10": 0, "LPR": 100, "PivotFirst": 0, "RankGap": np.nan, "Intrusion": 1,
        "IntrusionCount": 1,
    }  # fmt: skip
    for measure, number in expected.items():
        assert value(evaluation, measure, "q-de1") == pytest.approx(number, nan_ok=True), measure
    assert value(evaluation, "LPR", "q-en1") == 0
    missed = dict.fromkeys(("nDCG@10", "AP", "RR", "R@3", "MaxRnorm", "Complete@10"), 0.0)
    for query in ("q-en0", "q-de0"):
        for measure in expected:
            assert value(evaluation, measure, query) == pytest.approx(missed.get(measure, np.nan), nan_ok=True), measure
    assert {row["ties"] for row in evaluation.rows} == {0}
    assert not [row for row in evaluation.rows if row["measure"] in ("MaxR", "RankGap")]
    lpr = [row for row in evaluation.rows if row["measure"] == "LPR" and row["query_language"] == "de"]
    assert [row["queries"] for row in lpr] == [3]


def test_a_rank_is_0_for_what_is_not_listed() -> None:
    scan = cm.scan_scores(np.array([[2.0, -np.inf, 1.0, -np.inf]]), [[1, 2]], ["en", "de", "de", "en"], 4)
    assert scan.ranks is not None
    assert scan.top is not None
    assert scan.ranks.ranks().tolist() == [0, 2]
    assert scan.ranks.ranks(["de"], ties="pessimistic").tolist() == [0, 1]
    assert scan.ranks.tied == 0
    assert scan.top.ids.tolist() == [[0, 2, -1, -1]]
    by_measure = cm.measure(scan.ranks, ["R@4", "MaxR", "RR"])
    assert by_measure["R@4"].tolist() == [0.5]
    assert by_measure["RR"].tolist() == [0.5]
    assert np.isnan(by_measure["MaxR"]).all()


def test_a_list_is_filtered_by_the_languages_of_a_pool() -> None:
    run = {f"q-{language}{topic}": {"en3": 4.0, f"de{topic}": 3.0, "de3": 2.0, f"en{topic}": 1.0}
           for topic in range(3) for language in ("en", "de")}  # fmt: skip
    evaluation = cm.evaluate(tiny(), RunScorer(run), measures=["RR", "MaxR"], resamples=0)
    table = evaluation.per_query
    for scenario, pool, query, rank in (
        ("mono-same", "de", "q-de1", 1), ("mono-same", "en", "q-en1", 2), ("multi", "en+de", "q-de1", 2),
        ("one-sided", "en+de", "q-en1", 3),
    ):  # fmt: skip
        row = (table["scenario"] == scenario) & (table["pool_languages"] == pool) & (table["query_id"] == query)
        assert table["RR"][row].tolist() == [1 / rank]
        assert table["MaxR"][row].tolist() == [4 if scenario == "multi" else rank]


def test_only_the_listed_documents_are_in_saved_runs_and_on_top(tmp_path: Path) -> None:
    path = tmp_path / "again.trec"
    evaluation = cm.evaluate(tiny(), RunScorer(cut_run()), measures=["LangShare@10", "Judged@10", "LPR(variant=any)"],
                             scenarios=["multilingual"], resamples=0, save_run=path)  # fmt: skip
    assert read_run(path) == {query: scores for query, scores in cut_run().items() if scores}
    # One of two listed documents is judged; the other, on top, is unrelated and English.
    assert value(evaluation, "Judged@10", "q-de1") == 0.5
    assert value(evaluation, "LangShare@10", "q-de1") == 1
    assert value(evaluation, "LPR(variant=any)", "q-de1") == 0
    assert np.isnan(value(evaluation, "LPR(variant=any)", "q-de0"))


def test_examples_show_answers_without_a_rank() -> None:
    analysis = cm.analyse(tiny(), RunScorer(cut_run()), scenarios=["multilingual"], resamples=0)
    missed = [example for example in analysis.examples if example["query_language"] == "en"]
    assert {(example["rank"], example["max_rank"], example["answer"]["score"]) for example in missed} == {
        (None, None, None)
    }
    assert missed[0]["above"] == {"en": 1}
    assert [(entry["rank"], entry["margin"]) for entry in missed[0]["first"]] == [(1, None), (2, None)]
    assert json.loads(analysis.to_json())["examples"][0]["query"]


@pytest.mark.parametrize(("ties", "rank"), [("index", 1), ("trec", 5), ("optimistic", 1)])
def test_scores_have_the_digits_that_trec_eval_reads(ties: Any, rank: int) -> None:
    """Only trec_eval's order rounds to float32; what rounds to minus infinity is listed all the same."""
    run = {"q-en0": {name: 0.1 + (1e-12 if name == "de0" else 0.0) for name in ("en1", "en2", "en3", "de3", "de0")}}
    run["q-en1"] = {"en1": -1e300, "de0": 0.0}
    evaluation = cm.evaluate(tiny(), RunScorer(run), scenarios=["multilingual"], measures=["RR"], ties=ties,
                             resamples=0)  # fmt: skip
    assert value(evaluation, "RR", "q-en0") == 1 / rank
    assert value(evaluation, "RR", "q-en1") == 1 / 2


def test_a_byte_order_mark_is_not_part_of_the_first_line(tmp_path: Path) -> None:
    write_run(tmp_path / "a.trec", full_run(tiny(), 1, 9), "a")
    (tmp_path / "b.trec").write_bytes(b"\xef\xbb\xbf" + (tmp_path / "a.trec").read_bytes())
    assert read_run(tmp_path / "b.trec") == read_run(tmp_path / "a.trec")


def test_what_is_missing_is_said() -> None:
    run = cut_run() | {"q-fr1": {"en1": 1.0}}
    run["q-en1"]["fr1"] = 3.0
    evaluation = cm.evaluate(tiny(), RunScorer(run, name="mine"), scenarios=["multilingual"],
                             measures=["RR", "PivotFirst", "LPR"], resamples=0)  # fmt: skip
    assert evaluation.notices == [
        "mine: 10 of 16 answers are not listed; they have no rank and count as missed",
        "mine: queries of the run that are not in the collection: 1",
        "mine: listed documents that are not in the collection: 1; they are left out, and the documents below them "
        "move up",
        "2 of 8 queries have no list and count as missed; query_set=listed leaves them out, as trec_eval without -c "
        "does",
        "answers that were not retrieved have no rank, so some measures have a value for fewer queries (all settings "
        "together): LPR 6 of 8, PivotFirst 3 of 4; these figures leave out the harder queries",
    ]
    assert value(evaluation, "RR", "q-en1") == 1 / 2


def test_copies_of_an_answer_are_no_answers() -> None:
    """A verbatim copy that is not judged has a row of its own in the scan; it is not missed."""
    builder = cm.CollectionBuilder("copies")
    for name, text in (("a", "same"), ("b", "same"), ("c", "other")):
        builder.add_document(name, text, "en")
    builder.add_query("q", "what?", "en")
    builder.judge("q", "a")
    lists = {"q": {"c": 1.0}}
    found = cm.evaluate(builder.build(), RunScorer(lists), scenarios=["mono-same"], measures=["RR"], resamples=0)
    assert found.notices[0] == "run: 1 of 1 answers are not listed; they have no rank and count as missed"


def test_other_languages_of_a_run_are_left_out_and_counted() -> None:
    found = cm.evaluate(tiny(), RunScorer(full_run(tiny(), 1, 10**6)), languages=["de"], scenarios=["mono-same"],
                        measures=["RR"], resamples=0)  # fmt: skip
    assert found.notices == [
        "run: queries of the run that are not in the collection: 4",
        "run: listed documents that are not in the collection: 16; they are left out, and the documents below them "
        "move up",
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
