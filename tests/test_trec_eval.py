"""Figures of truncated runs against trec_eval's, compiled in pytrec_eval: of whole files, and of every pool's part."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytrec_eval
from support.languages import LANGUAGES

import clinometer as cm
from clinometer.collection import CollectionBuilder
from clinometer.scenarios import settings_of
from clinometer.scorers import RunScorer

compare: Any = importlib.import_module("studies.trec_eval.compare")
generate: Any = importlib.import_module("studies.trec_eval.generate")


@pytest.mark.parametrize("query_set", ["listed", "complete"])
@pytest.mark.parametrize("kind", list(generate.KINDS))
def test_every_figure_is_that_of_trec_eval(kind: str, query_set: str) -> None:
    for seed in (0, 1):
        qrels, run = generate.KINDS[kind](seed)
        assert list(compare.differences(qrels, run, query_set)) == []


def test_the_comparison_sees_a_difference() -> None:
    qrels, run = generate.KINDS["unlisted"](0)
    theirs = compare.their_figures(qrels, run, "complete")
    assert compare.our_figures(qrels, run, "listed")["all", "AP"] != pytest.approx(theirs["all", "AP"])
    first = next(iter(run))
    assert list(compare.differences(qrels, run | {first: dict.fromkeys(qrels[first], 1.0)}, "complete")) == []
    assert compare.our_figures(qrels, run | {first: {"d0": 1.0}}, "complete") != compare.our_figures(
        qrels, run, "complete"
    )


def test_the_command_compares_files_and_what_trec_eval_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["generate", str(tmp_path)])
    monkeypatch.setattr(generate, "KINDS", {"test": generate.KINDS["ties"]})
    generate.main()
    figures = compare.their_figures(*generate.KINDS["test"](0), "complete")
    lines = [f"{compare.MEASURES[name]}\t{query}\t{value:.4f}" for (query, name), value in figures.items()]
    (tmp_path / "out.test.aqc").write_text("\n".join(["runid\tall\tties", *lines]) + "\n")
    with pytest.raises(SystemExit) as done:
        compare.main()
    assert done.value.code == 0
    assert f"complete     {2 * len(figures):8,} {0:10,}" in capsys.readouterr().out
    (tmp_path / "out.test.aqc").write_text("map\tall\t0.9999\n")
    with pytest.raises(SystemExit) as done:
        compare.main()
    assert done.value.code == 1


def test_queries_without_an_answer_are_left_out_by_default() -> None:
    qrels, run = generate.KINDS["unlisted"](3)
    ours, theirs = compare.our_figures(qrels, run, "answered"), compare.their_figures(qrels, run, "complete")
    answered = [query for query, grades in qrels.items() if max(grades.values()) > 0]
    assert len(answered) == len(qrels) - 1
    assert ours["all", "nDCG@10"] == pytest.approx(np.mean([theirs[query, "nDCG@10"] for query in answered]))
    assert {query for query, _ in ours} == {*answered, "all"}


@pytest.mark.parametrize("seed", range(3))
def test_every_pool_has_its_part_of_the_lists(seed: int) -> None:
    """A pool of some languages is measured as trec_eval measures judgements and run filtered by these languages."""
    rng = np.random.default_rng(seed)
    builder = CollectionBuilder("three")
    language_of = {f"d{number}": LANGUAGES[number % 3] for number in range(36)}
    for name, language in language_of.items():
        builder.add_document(name, name, language)
    qrels: dict[str, dict[str, int]] = {}
    run: dict[str, dict[str, float]] = {}
    for number in range(9):
        query = f"q{number}"
        builder.add_query(query, query, LANGUAGES[number % 3])
        judged = rng.choice(list(language_of), 8, replace=False).tolist()
        qrels[query] = {name: int(grade) for name, grade in zip(judged, rng.integers(0, 3, 8), strict=True)}
        for name, grade in qrels[query].items():
            builder.judge(query, name, grade)
        if number:
            listed = rng.choice(list(language_of), 12, replace=False).tolist()
            run[query] = {name: float(score) for name, score in zip(listed, rng.integers(0, 6, 12), strict=True)}
    collection = builder.build()
    measures = {"nDCG": "ndcg", "AP@5": "map_cut_5", "RR": "recip_rank", "R@10": "recall_10"}
    scenarios = ["mono-same", "mono-cross", "multi", "multilingual"]
    evaluation = cm.evaluate(collection, RunScorer(run), scenarios=scenarios, measures=list(measures), ties="trec",
                             query_set="complete", resamples=0)  # fmt: skip
    table = evaluation.per_query
    for setting in settings_of(scenarios, collection.languages, "en", "pivot"):
        in_pool = {name for name, language in language_of.items() if language in setting.pool}
        part = {
            query: {name: grade for name, grade in grades.items() if name in in_pool}
            for query, grades in qrels.items()
            if LANGUAGES[int(query[1:]) % 3] == setting.query_language
        }
        lists = {
            query: {name: score for name, score in run.get(query, {}).items() if name in in_pool} for query in part
        }
        judge = pytrec_eval.RelevanceEvaluator(part, {"ndcg", "map_cut.5", "recip_rank", "recall.10"})
        by_query = judge.evaluate({query: scores for query, scores in lists.items() if scores})
        rows = (table["scenario"] == setting.scenario) & (table["pool_languages"] == "+".join(setting.pool))
        for query in (query for query, grades in part.items() if grades):
            for ours, theirs in measures.items():
                (value,) = table[ours][rows & (table["query_id"] == query)]
                assert value == pytest.approx(by_query.get(query, {}).get(theirs, 0.0)), (setting, query, ours)
