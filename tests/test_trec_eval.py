"""Figures of truncated runs against trec_eval's, compiled in pytrec_eval: of whole files, and of every pool's part."""

from __future__ import annotations

import importlib
import shutil
from pathlib import Path
from typing import Any

import ir_measures
import numpy as np
import pytest
import pytrec_eval
from support.languages import LANGUAGES

import clinometer as cm
from clinometer.collection import CollectionBuilder
from clinometer.errors import MeasureError
from clinometer.io.trec import read_run, write_qrels, write_run
from clinometer.measures import parse
from clinometer.scenarios import Setting, settings_of
from clinometer.scorers import RunScorer

compare: Any = importlib.import_module("studies.trec_eval.compare")
generate: Any = importlib.import_module("studies.trec_eval.generate")


@pytest.mark.parametrize("query_set", ["listed", "complete"])
@pytest.mark.parametrize("kind", list(generate.KINDS))
def test_every_figure_is_that_of_trec_eval(kind: str, query_set: str) -> None:
    for seed in (0, 1):
        qrels, run = generate.KINDS[kind](seed)
        assert compare.differences(qrels, run, query_set) == []


GRADED = {
    "Bpref": "bpref", "Rprec": "Rprec", "AP": "map", "AP@10": "map_cut_10", "P@5": "P_5", "R@10": "recall_10",
    "RR": "recip_rank", "Success@5": "success_5",
}  # fmt: skip


def by_query(qrels: Any, run: Any, measures: list[str]) -> dict[str, dict[str, float]]:
    """Our values by measure and query, over the queries of trec_eval without -c."""
    evaluation = cm.evaluate(
        compare.collection_of(qrels, run), RunScorer(run), scenarios=["mono-same"], measures=measures, ties="trec",
        query_set="listed", resamples=0,
    )  # fmt: skip
    table = evaluation.per_query
    return {
        measure: dict(zip(table["query_id"].tolist(), table[measure].tolist(), strict=True)) for measure in measures
    }


@pytest.mark.parametrize("level", [1, 2, 3])
@pytest.mark.parametrize("kind", ["graded", "negative-grades", "unlisted", "ties", "long"])
def test_grades_from_which_documents_are_relevant(kind: str, level: int) -> None:
    qrels, run = generate.KINDS[kind](level)
    names = {str(parse([name.replace("@", f"(rel={level})@") if "@" in name else f"{name}(rel={level})"])[0]): theirs
             for name, theirs in GRADED.items()}  # fmt: skip
    ours = by_query(qrels, run, list(names))
    families = {"bpref", "Rprec", "map", "map_cut.10", "P.5", "recall.10", "recip_rank", "success.5"}
    judge = pytrec_eval.RelevanceEvaluator(qrels, families, relevance_level=level)
    for query, values in judge.evaluate(run).items():
        for name, theirs in names.items():
            assert ours[name][query] == pytest.approx(values[theirs], abs=1e-9), (query, name)


@pytest.mark.parametrize("kind", list(generate.KINDS))
def test_pools_of_judged_documents_only(kind: str) -> None:
    qrels, run = generate.KINDS[kind](7)
    names = [
        "nDCG(judged_only=True)@10", "AP(judged_only=True)", "AP(judged_only=True, rel=2)@5", "RR(judged_only=True)",
        "P(judged_only=True)@5", "R(judged_only=True)@10", "Success(judged_only=True)@1", "Rprec(judged_only=True)",
    ]  # fmt: skip
    ours = by_query(qrels, run, names)
    for name in names:
        measure = ir_measures.parse_measure(name.replace(" ", ""))
        for metric in ir_measures.pytrec_eval.iter_calc([measure], qrels, run):
            if metric.query_id in run:
                assert ours[name][metric.query_id] == pytest.approx(metric.value, abs=1e-9), (name, metric.query_id)


@pytest.mark.skipif(shutil.which("perl") is None, reason="gdeval is a Perl script")
@pytest.mark.parametrize("kind", ["distinct", "ties", "negative-grades", "unlisted", "long"])
def test_expected_reciprocal_rank_is_that_of_gdeval(kind: str) -> None:
    """Not of scores that differ below float32, which gdeval reads with all digits; grades of its scale, 0 to 4."""
    qrels, run = generate.KINDS[kind](2)
    ours = by_query(qrels, run, ["ERR@5", "ERR@20"])
    measures = [ir_measures.ERR @ 5, ir_measures.ERR @ 20]
    judged_lists = {query: scores for query, scores in run.items() if query in qrels}
    metrics = list(ir_measures.gdeval.iter_calc(measures, qrels, judged_lists))
    assert len({metric.query_id for metric in metrics}) > 2
    for metric in metrics:
        if metric.query_id in run:
            assert ours[str(metric.measure)][metric.query_id] == pytest.approx(metric.value, abs=1e-5), metric.query_id


def test_measures_of_judged_documents_need_them() -> None:
    ranks = cm.scan_scores(np.array([[2.0, 1.0]]), [[1]]).ranks
    assert ranks is not None
    with pytest.raises(MeasureError, match="Bpref ranks judged documents only, which a scan of relevant ones"):
        cm.measure(ranks, ["Bpref"])
    assert cm.measure(ranks, ["Rprec", "RBP", "ERR", "P(rel=2)@1"], grades=[2])["P(rel=2)@1"].tolist() == [0.0]
    demo = cm.load("demo", languages=["en", "de"])
    with pytest.raises(MeasureError, match=r"AP\(judged_only=True\) rank judged documents only, which parts of one"):
        cm.pools.evaluate_pools(demo, {"whole": demo}, measures=["AP(judged_only=True)"])


def test_the_comparison_sees_a_difference() -> None:
    qrels, run = generate.KINDS["unlisted"](0)
    theirs = compare.their_figures(qrels, run, "complete")
    assert compare.our_figures(qrels, run, "listed")["all", "AP"] != pytest.approx(theirs["all", "AP"])
    first = next(iter(run))
    assert compare.differences(qrels, run | {first: dict.fromkeys(qrels[first], 1.0)}, "complete") == []
    assert compare.our_figures(qrels, run | {first: {"d0": 1.0}}, "complete") != compare.our_figures(
        qrels, run, "complete"
    )


@pytest.mark.parametrize("printed", compare.PRINTED, ids=lambda printed: printed.output)
def test_the_command_compares_files_and_what_trec_eval_printed(
    printed: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The outputs are made here from pytrec_eval, as trec_eval's own tests make them from its files."""
    qrels, run = generate.KINDS["graded"](4)
    truncated = {query: scores for query, scores in run.items() if query not in ("302", "305")}
    write_qrels(tmp_path / printed.qrels, qrels)
    write_run(tmp_path / printed.results, run if printed.results == "results.test" else truncated, "t")
    run = read_run(tmp_path / printed.results)
    if printed.deepest is not None:
        monkeypatch.setattr(compare, "PRINTED", [printed._replace(deepest=7)])
        run = {query: dict(list(scores.items())[:7]) for query, scores in run.items()}
    figures = compare.their_figures(qrels, run, printed.query_set, printed.level)
    lines = [f"{compare.MEASURES[name]}\t{query}\t{value:.4f}" for (query, name), value in figures.items()]
    (tmp_path / printed.output).write_text("\n".join(["runid\tall\tSTANDARD", *lines]) + "\n")
    monkeypatch.setattr("sys.argv", ["compare", str(tmp_path)])
    with pytest.raises(SystemExit) as done:
        compare.main()
    out = capsys.readouterr().out
    assert done.value.code == 0, out
    assert f"{printed.output:16} {printed.query_set:12} {len(figures):8,} {0:10,}" in out
    (tmp_path / printed.output).write_text("map\tall\t0.9999\n")
    with pytest.raises(SystemExit) as done:
        compare.main()
    assert done.value.code == 1
    assert "Difference(" in capsys.readouterr().out


def test_the_generated_files_are_equal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["generate", str(tmp_path)])
    generate.main()
    with pytest.raises(SystemExit) as done:
        compare.main()
    assert done.value.code == 0
    assert capsys.readouterr().out.count("pytrec_eval") == 2 * len(generate.KINDS)


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
    for number in range(18):
        query = f"q{number}"
        builder.add_query(query, query, LANGUAGES[number % 3])
        judged = rng.choice(list(language_of), 4, replace=False).tolist()
        qrels[query] = {name: int(grade) for name, grade in zip(judged, rng.integers(0, 3, 4), strict=True)}
        for name, grade in qrels[query].items():
            builder.judge(query, name, grade)
        if number:
            listed = rng.choice(list(language_of), 12, replace=False).tolist()
            run[query] = {name: float(score) for name, score in zip(listed, rng.integers(0, 6, 12), strict=True)}
    collection = builder.build()
    measures = {"nDCG": "ndcg", "AP@5": "map_cut_5", "RR": "recip_rank", "R@10": "recall_10", "Bpref": "bpref"}
    scenarios = ["mono-same", "mono-cross", "multi", "one-sided", "multilingual"]
    evaluation = cm.evaluate(collection, RunScorer(run), scenarios=scenarios, measures=list(measures), ties="trec",
                             query_set="complete", resamples=0)  # fmt: skip
    table = evaluation.per_query
    for setting in settings_of(scenarios, collection.languages, "en", "pivot"):

        def in_pool(query: str, name: str, setting: Setting = setting) -> bool:
            removed = language_of[name] == setting.removed and qrels[query].get(name, 0) > 0
            return language_of[name] in setting.pool and not removed

        part = {
            query: {name: grade for name, grade in grades.items() if in_pool(query, name)}
            for query, grades in qrels.items()
            if LANGUAGES[int(query[1:]) % 3] == setting.query_language
        }
        part = {query: grades for query, grades in part.items() if grades}
        lists = {
            query: {name: score for name, score in run.get(query, {}).items() if in_pool(query, name)} for query in part
        }
        judge = pytrec_eval.RelevanceEvaluator(part, {"ndcg", "map_cut.5", "recip_rank", "recall.10", "bpref"})
        by_query = judge.evaluate({query: scores for query, scores in lists.items() if scores})
        rows = (table["scenario"] == setting.scenario) & (table["pool_languages"] == "+".join(setting.pool))
        rows &= table["query_language"] == setting.query_language
        assert sorted(table["query_id"][rows].tolist()) == sorted(part)
        for query in part:
            for ours, theirs in measures.items():
                (value,) = table[ours][rows & (table["query_id"] == query)]
                assert value == pytest.approx(by_query.get(query, {}).get(theirs, 0.0)), (setting, query, ours)
