"""Our measures inside ir_measures: equal to an evaluation, and honest about what a run lacks."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import ir_measures
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.brute_force import embeddings, random_collection

import clinometer as cm
from clinometer.encoders import PrecomputedEncoder
from clinometer.errors import CollectionError, UsageError
from clinometer.integrations import ir_measures as module
from clinometer.integrations.ir_measures import MEASURES, LanguageProvider
from clinometer.integrations.ir_measures.command import main
from clinometer.io.trec import qrels_of, read_run, run_of
from clinometer.io.trecfolder import write_trec

NAMES = ("MaxR", "MaxRnorm", "Complete@3", "RankGap", "PivotFirst", "Intrusion", "IntrusionCount", "Intrusion(by=own)")


def parsed(name: str) -> ir_measures.Measure:
    return ir_measures.parse_measure(name.replace("=own", "='own'"))


@settings(max_examples=20)
@given(seed=st.integers(0, 1 << 20), tied=st.booleans())
def test_it_agrees_with_an_evaluation(seed: int, tied: bool) -> None:
    # Texts all differ, so that the qrels say all that the collection knows.
    collection = random_collection(seed).restrict(["en", "de"])
    if any(len(twins) for twins in collection.twins()) or not len(collection.relevant()[1]):
        return
    queries = embeddings(seed, len(collection.queries), 4, tied)
    documents = embeddings(seed + 1, len(collection.documents), 4, tied)
    ids = collection.documents.ids
    top = cm.search(queries, documents, k=len(ids), ties="trec", document_ids=ids)
    evaluation = cm.evaluate(
        collection, PrecomputedEncoder(queries, documents), scenarios=["multi"], measures=NAMES, ties="trec",
        resamples=0,
    )  # fmt: skip
    provider = LanguageProvider(
        dict(zip(ids, collection.documents.languages, strict=True)),
        dict(zip(collection.queries.ids, collection.queries.languages, strict=True)),
    )
    run = run_of(top, collection.queries.ids, ids)
    qrels = qrels_of(collection)
    found = {
        (metric.query_id, str(metric.measure).replace("'", "")): metric.value
        for metric in provider.iter_calc([parsed(name) for name in NAMES], qrels, run)
    }
    table = evaluation.per_query
    for name in NAMES:
        values = table.get(name, np.full(len(table["query_id"]), np.nan))
        for query, value in zip(table["query_id"].tolist(), values.tolist(), strict=True):
            assert found[query, name] == pytest.approx(value, nan_ok=True), (query, name)


LANGUAGES = {"a": "en", "b": "deu_Latn", "c": "en", "d": "de"}


def test_by_hand() -> None:
    provider = LanguageProvider(LANGUAGES, {"q": "de", "r": "en"})
    qrels = {"q": {"a": 1, "b": 2, "c": 0}, "r": {"a": 1}, "nothing": {"a": 0}}
    run = {"q": {"a": 3.0, "c": 2.0, "b": 1.0}, "r": {"a": 1.0, "c": 1.0}}
    values = {
        (metric.query_id, str(metric.measure)): metric.value
        for metric in provider.iter_calc([MEASURES["MaxR"], parsed("Complete@2"), MEASURES["RankGap"]], qrels, run)
    }
    assert values["q", "MaxR"] == 3
    assert values["q", "RankGap"] == pytest.approx(np.log2(3))
    assert values["r", "MaxR"] == 2  # c comes first, as in trec_eval
    assert values["r", "Complete@2"] == 100
    assert np.isnan(values["r", "RankGap"])
    assert np.isnan(values["nothing", "MaxR"])
    # Queries without a value do not count.
    assert provider.calc_aggregate([MEASURES["RankGap"]], qrels, run)[MEASURES["RankGap"]] == pytest.approx(np.log2(3))


def test_what_a_run_lacks_has_no_rank() -> None:
    provider = LanguageProvider(LANGUAGES)
    measures = [MEASURES["MaxR"], MEASURES["MaxRnorm"], parsed("Complete@2"), parsed("Complete@4")]
    qrels = {"q": {"a": 1, "b": 1}, "r": {"a": 1}}
    found = {(m.query_id, str(m.measure)): m.value for m in provider.iter_calc(measures, qrels, {"q": {"a": 1.0}})}
    for query in ("q", "r"):
        assert np.isnan(found[query, "MaxR"])
        assert found[query, "MaxRnorm"] == found[query, "Complete@2"] == found[query, "Complete@4"] == 0


def test_names_are_registered_and_supported() -> None:
    provider = LanguageProvider(LANGUAGES, {"q": "de"})
    for name in NAMES:
        assert provider.supports(parsed(name)), name
    assert not provider.supports(ir_measures.nDCG)
    assert "MaxR" in ir_measures.measures.registry


def test_what_is_missing_is_named() -> None:
    with pytest.raises(UsageError, match="languages is empty"):
        LanguageProvider({})
    provider = LanguageProvider(LANGUAGES)
    with pytest.raises(CollectionError, match=r"query 'q': document 'x' has no language; add it to the mapping"):
        provider.calc_aggregate([MEASURES["MaxR"]], {"q": {"a": 1}}, {"q": {"x": 1.0}})
    with pytest.raises(CollectionError, match="RankGap needs the language of query 'q'; add it to query_languages"):
        provider.calc_aggregate([MEASURES["RankGap"]], {"q": {"a": 1}}, {"q": {"a": 1.0}})


@pytest.fixture
def unregistered() -> Iterator[None]:
    """No languages are registered, before and after."""
    module._REGISTERED.languages = None
    yield
    module._REGISTERED.languages = None


@pytest.mark.usefixtures("unregistered")
def test_calc_aggregate_of_ir_measures_computes_ours_next_to_its_own() -> None:
    qrels, run = {"q": {"a": 1, "b": 2}}, {"q": {"a": 3.0, "c": 2.0, "b": 1.0}}
    measures = [ir_measures.nDCG @ 10, MEASURES["MaxR"], parsed("Complete@2"), ir_measures.RR]
    values = ir_measures.calc_aggregate(measures, qrels, run)
    assert [values[measure] for measure in measures[1:]] == [3.0, 0.0, 1.0]
    assert values[measures[0]] == ir_measures.pytrec_eval.calc_aggregate([measures[0]], qrels, run)[measures[0]]
    with pytest.raises(UsageError, match="Intrusion, MaxRnorm: needs the language of every document; call Lang"):
        ir_measures.calc_aggregate([MEASURES["Intrusion"], MEASURES["MaxRnorm"]], qrels, run)
    provider = LanguageProvider(LANGUAGES, {"q": "de"}).register()
    ours = [parsed(name) for name in NAMES]
    ir_measures_values = ir_measures.calc_aggregate([ir_measures.RR, *ours], qrels, run)
    for measure, value in provider.calc_aggregate(ours, qrels, run).items():
        np.testing.assert_equal(ir_measures_values[measure], value)
    assert len([one for one in ir_measures.DefaultPipeline.providers if one.NAME == "clinometer"]) == 1


@pytest.mark.usefixtures("unregistered")
def test_the_command_line_with_the_files_of_a_folder_for_trec(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    collection = cm.load("demo", languages=["en", "de"])
    write_trec(collection, tmp_path / "trec")
    names = ["MaxR", "MaxRnorm", "Complete@10", "Intrusion", "RankGap"]
    evaluation = cm.evaluate(
        collection, "offline", ties="trec", scenarios=["multilingual"], measures=[*names, "nDCG@10"], resamples=0,
        save_run=tmp_path / "run.trec",
    )  # fmt: skip
    files = [str(tmp_path / "trec" / "qrels.txt"), str(tmp_path / "run.trec")]
    run_of_file = read_run(tmp_path / "run.trec")
    languages = ["--languages", str(tmp_path / "trec" / "languages.tsv")]
    main([*files, *names, "nDCG@10", *languages, "--places", "6"])
    printed = dict(line.split("\t") for line in capsys.readouterr().out.splitlines())
    of_documents, of_queries = (
        dict(zip(texts.ids, texts.languages, strict=True)) for texts in (collection.documents, collection.queries)
    )
    provider = LanguageProvider(of_documents, of_queries)
    computed = provider.calc_aggregate([MEASURES["Intrusion"], MEASURES["RankGap"]], qrels_of(collection), run_of_file)
    for name in [*names, "nDCG@10"]:
        # In a pool of two languages an evaluation compares the pivot's queries with none.
        one_language = name in ("Intrusion", "RankGap")
        expected = computed[MEASURES[name]] if one_language else np.nanmean(evaluation.per_query[name])
        assert float(printed[name]) == pytest.approx(expected, abs=1e-6), name
    assert computed[MEASURES["Intrusion"]] > 0
    main([*files, "Complete@10"])
    assert capsys.readouterr().out.startswith("Complete@10\t")


@pytest.mark.usefixtures("unregistered")
def test_queries_are_no_documents_wherever_the_options_stand(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "qrels").write_text("q 0 a 1\n")
    (tmp_path / "run").write_text("q Q0 b 1 2.0 t\n  \nq Q0 a 2 1.0 t\n")  # ir_measures skips blank lines
    (tmp_path / "labels").write_text("a\ten\nb\tde\nq\ten\n")
    files = [str(tmp_path / "qrels"), str(tmp_path / "run"), "MaxRnorm", "Intrusion"]
    options = ["--places", "4", "--provider", "clinometer"]
    for arguments in ([*files, *options], [*options, *files]):
        main([*arguments, "--languages", str(tmp_path / "labels")])
        assert capsys.readouterr().out == "MaxRnorm\t0.0000\nIntrusion\t1.0000\n"  # last of two documents, not of three


@pytest.mark.usefixtures("unregistered")
def test_the_command_line_refuses_by_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "qrels").write_text("q 0 a 1\n")
    (tmp_path / "run").write_text("q Q0 a 1 1.0 t\n")
    (tmp_path / "labels").write_text("a\ten\na\tde\n")
    files = [str(tmp_path / "qrels"), str(tmp_path / "run")]
    for extra, sentence in (
        (["Intrusion"], "Intrusion: needs the language of every document"),
        (["MaxR", "--languages", str(tmp_path / "labels")], "labels:2: 'a' has two languages"),
        (["MaxR", "--languages", str(tmp_path / "qrels")], "qrels:1: expected an id, a tab and a language"),
        (["MaxR", "--languages", str(tmp_path / "nowhere")], "nowhere"),
        (["MaxR", "--query-languages", str(tmp_path / "labels")], "--query-languages needs --languages"),
    ):
        with pytest.raises(SystemExit) as left:
            main([*files, *extra])
        assert left.value.code == 2
        assert sentence in capsys.readouterr().err.splitlines()[-1]


def test_it_runs_as_a_module(tmp_path: Path) -> None:
    (tmp_path / "qrels").write_text("q 0 a 1\n")
    (tmp_path / "run").write_text("q Q0 b 1 2.0 t\nq Q0 a 2 1.0 t\n")
    command = [sys.executable, "-m", "clinometer.integrations.ir_measures", "qrels", "run", "MaxR", "RR"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "MaxR\t2.0000\nRR\t0.5000\n"), done.stderr
