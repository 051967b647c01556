"""TREC folders: what `convert` writes, and judgements with runs but no texts."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytrec_eval import RelevanceEvaluator

import clinometer as cm
from clinometer.errors import CollectionError, FormatError
from clinometer.io.beir import write_beir
from clinometer.io.trec import read_qrels, read_run
from clinometer.io.trecfolder import read_trec, write_trec
from clinometer.scorers import RunScorer


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Judgements, a run and languages, without texts."""
    root = tmp_path / "bare"
    root.mkdir()
    (root / "qrels.txt").write_text("1 0 de-a 1\n1 0 en-a 2\n2 0 de-b 1\n2 0 en-c 0\n")
    (root / "run.bm25.trec").write_text(
        "1 Q0 en-x 1 9 t\n1 Q0 de-a 2 8 t\n1 Q0 en-a 3 7 t\n2 Q0 de-x 1 9 t\n2 Q0 en-c 2 8 t\n2 Q0 de-b 3 7 t\n"
    )
    labels = [(name, name[:2]) for name in ("de-a", "en-a", "de-b", "en-c", "en-x", "de-x", "de-z")]
    lines = [f"{name}\t{label}" for name, label in [*labels, ("1", "en"), ("2", "deu")]]
    (root / "languages.tsv").write_text("\n".join(lines) + "\n")
    return root


def test_what_is_written_reads_back(tmp_path: Path) -> None:
    collection = cm.load("demo", languages=["en", "de"])
    write_trec(collection, tmp_path / "trec")
    assert read_trec(tmp_path / "trec").digest() == collection.digest()
    german = cm.load(f"trec:{tmp_path / 'trec'}", languages=["de"])
    assert german.digest() == collection.restrict(["de"]).digest()


def test_judgements_and_a_run_need_no_texts(folder: Path) -> None:
    collection = read_trec(folder)
    assert set(collection.documents.ids) == {"de-a", "en-a", "de-b", "en-c", "en-x", "de-x", "de-z"}
    assert dict(zip(collection.queries.ids, collection.queries.languages, strict=True)) == {"1": "en", "2": "de"}
    assert collection.notes["texts_absent"] == "queries and documents"
    path = folder / "run.bm25.trec"
    evaluation = cm.evaluate(
        collection, RunScorer(str(path)), scenarios=["multilingual"], measures=["nDCG@10"], ties="trec"
    )
    evaluator = RelevanceEvaluator(read_qrels(folder / "qrels.txt"), {"ndcg_cut.10"})
    expected = {query: values["ndcg_cut_10"] for query, values in evaluator.evaluate(read_run(path)).items()}
    values = zip(evaluation.per_query["query_id"], evaluation.per_query["nDCG@10"], strict=True)
    assert {str(query): float(value) for query, value in values} == pytest.approx(expected)


def test_languages_from_ids_or_an_option(folder: Path) -> None:
    (folder / "languages.tsv").unlink()
    with pytest.raises(FormatError, match=r"qrels\.txt:1: '1' has no language; add it to languages\.tsv"):
        read_trec(folder)
    assert set(read_trec(folder, language="en").documents.languages) == {"en"}
    (folder / "languages.tsv").write_text("1\ten\n2\tde\n")
    collection = read_trec(folder, language="id")
    assert collection.documents.ids == ("de-a", "en-a", "de-b", "en-c", "en-x", "de-x")
    assert collection.documents.languages == ("de", "en", "de", "en", "en", "de")


def test_what_needs_texts_says_so(folder: Path, tmp_path: Path) -> None:
    collection = read_trec(folder)
    sentence = "'bare' has no texts of queries and documents, which .* needs; add them, or evaluate a run, scores"
    for what in ("offline", "bm25"):
        with pytest.raises(CollectionError, match=sentence):
            cm.evaluate(collection, what)
    for write in (write_beir, write_trec):
        with pytest.raises(CollectionError, match=sentence):
            write(collection, tmp_path / "out")


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("languages.tsv", "1\ten\n1\tde\n", r"languages\.tsv:2: '1' is en above and de here; give queries and doc"),
        ("languages.tsv", "1 en\n", r"languages\.tsv:1: expected two columns, separated by a tab"),
        ("languages.tsv", "1\t\udcff\n", r"languages\.tsv:1: not UTF-8"),
        ("topics.tsv", "1\n", r"topics\.tsv:1: expected two columns"),
        ("topics.tsv", "1\tWho?\n\ufeff\n", r"topics\.tsv:2: expected two columns"),
        ("corpus.jsonl", '{"id": "de-a"}\n', r"corpus\.jsonl:1: the field 'contents' is missing"),
        (
            "qrels.tsv",
            "1\t0\tde-a\t1\n",
            r"qrels\.tsv and qrels\.txt are both judgements; keep one|qrels\.txt and qrels",
        ),
    ],
)
def test_files_that_do_not_fit_are_named(folder: Path, file: str, text: str, message: str) -> None:
    (folder / file).write_text(text, encoding="utf-8", errors="surrogateescape")
    with pytest.raises(FormatError, match=message):
        read_trec(folder, language="en")


def test_a_folder_without_judgements(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"has no judgements such as qrels\.txt"):
        read_trec(tmp_path)
