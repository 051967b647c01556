"""Benchmarks in the layout of SHIFT and MIMO, with made-up texts: variants, labels, groups, and what is refused."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

import clinometer as cm
from clinometer.errors import CollectionError, FormatError, LanguageError, UsageError
from clinometer.io import load
from clinometer.io.mlir import read_mlir


def lines(path: Path, *items: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(item, ensure_ascii=False) + "\n" for item in items), encoding="utf-8")


def write(folder: Path, corpus: list[Any], queries: list[Any], qrels: list[Any]) -> Path:
    for name, items in (("corpus", corpus), ("queries", queries), ("qrels", qrels)):
        lines(folder / f"{name}.jsonl", *items)
    return folder


CORPUS = [
    {"doc_en_0": {"text": "Cats sleep.", "lang": "en"}},
    {"doc_dt_1": {"text": "Katten slapen.", "lang": "dt"}},
    {
        "doc_en_2": {"text": "Dogs bark.", "lang": "en"},
        "doc_dt_3": {"title": "Honden", "text": "blaffen.", "lang": "dt"},
    },
]
QRELS = [{"q_a": {"doc_en_0": 1, "doc_dt_1": 1}}, {"q_b": {"doc_en_2": 1, "doc_dt_3": 1}}]


@pytest.fixture
def english(tmp_path: Path) -> Path:
    """Queries in English only, whose language the folder says."""
    queries = [{"_id": "q_a", "text": "Who sleeps?"}, {"q_b": "Who barks?"}, {"q_c": "Not judged?"}]
    return write(tmp_path / "MLIR-en" / "Tiny_test", CORPUS, queries, QRELS)


@pytest.fixture
def every(tmp_path: Path) -> Path:
    """Queries in every language, whose ids begin with it."""
    ids = [f"{label}_q_{name}" for name in ("a", "b", "b2") for label in ("en", "dt")]
    queries = [{"_id": name, "text": f"{name}?", "lang": name[:2]} for name in ids]
    qrels = [{name: QRELS["_b" in name]["q_b" if "_b" in name else "q_a"]} for name in ids]
    return write(tmp_path / "MMLIR" / "Tiny_test", CORPUS, queries, qrels)


def test_queries_in_one_language(english: Path) -> None:
    collection = read_mlir(english)
    assert collection.name == "Tiny_test"
    assert collection.documents.ids == ("doc_en_0", "doc_dt_1", "doc_en_2", "doc_dt_3")
    assert collection.documents.texts[1::2] == ("Katten slapen.", "Honden blaffen.")
    assert collection.documents.languages == ("en", "nl", "en", "nl")
    assert collection.queries.ids == ("q_a", "q_b")
    assert collection.queries.texts == ("Who sleeps?", "Who barks?")
    assert collection.queries.languages == ("en", "en")
    assert (collection.judged.tolist(), collection.grades.tolist()) == ([0, 1, 2, 3], [1] * 4)
    assert collection.documents.groups == ("judged:doc_en_0",) * 2 + ("judged:doc_en_2",) * 2
    assert collection.notes == {
        "languages_found_by": {"folder": 3, "field": 4},
        "labels_read_as": {"dt as nl": 2},
        "queries_without_judgement": 1,
        "groups_inferred_from_judgements": {"documents": 2},
    }


def test_queries_in_every_language_are_parallel_by_their_ids(every: Path) -> None:
    collection = load(f"mlir:{every}")
    assert collection.queries.languages == ("en", "nl") * 3
    # Two questions have one answer, so that judgements could not tell which of them translate each other.
    assert collection.queries.groups == ("q_a", "q_a", "q_b", "q_b", "q_b2", "q_b2")
    assert collection.notes["query_groups_by_id"] == 3
    assert collection.notes["groups_inferred_from_judgements"] == {"documents": 2}
    assert collection.notes["labels_read_as"] == {"dt as nl": 5}
    assert read_mlir(every, languages=["nl"]).queries.ids == ("dt_q_a", "dt_q_b", "dt_q_b2")
    assert len(cm.load(f"mlir:{every}").complete().queries) == 6
    # One id with another language than its own, and no group is taken from ids.
    queries = [json.loads(line) for line in (every / "queries.jsonl").read_text().splitlines()]
    lines(every / "queries.jsonl", *queries[:-1], {**queries[-1], "lang": "en"})
    found = read_mlir(every)
    assert set(found.queries.groups) == {None}
    assert found.notes["parallel_texts_without_group"] == {"queries": 6}


def test_where_languages_of_queries_come_from(english: Path, tmp_path: Path) -> None:
    assert read_mlir(english, query_language="fr").queries.languages == ("fr", "fr")
    lines(
        english / "queries.jsonl", {"_id": "q_a", "text": "Who?", "lang": "de"}, {"q_b": {"text": "Wer?", "lang": "de"}}
    )
    assert read_mlir(english, query_language="fr").queries.languages == ("de", "de")
    qrels = [{"en_1": {"doc_en_0": 1}}, {"zh-Hant_1": {"doc_en_0": 2}}]
    other = write(tmp_path / "own", CORPUS, [{"en_1": "Who?"}, {"zh-Hant_1": "Shei?"}], qrels)
    found = read_mlir(other, query_language="id")
    assert found.queries.languages == ("en", "zh-Hant")
    assert found.queries.groups == ("1", "1")
    assert found.grades.tolist() == [1, 2]
    assert found.notes["languages_found_by"] == {"id": 2, "field": 4}
    with pytest.raises(
        FormatError, match=r"queries.jsonl:1: 'en_1' has no language, and the folder is not in one such as"
    ):
        read_mlir(other)
    lines(other / "queries.jsonl", {"_id": 7, "text": "Who?"})
    with pytest.raises(
        FormatError, match=r"queries.jsonl:1: '7' has no language, and the id does not begin with one, such"
    ):
        read_mlir(other, query_language="id")
    lines(other / "qrels.jsonl", {"7": {"doc_en_0": 1}})
    assert read_mlir(other, query_language="en").notes["numbers_read_as_string_ids"] == ["queries._id"]
    with pytest.raises(LanguageError, match="'not a language'"):
        read_mlir(other, query_language="not a language")


def test_packed_files_and_requested_languages(english: Path) -> None:
    for name in ("corpus", "queries", "qrels"):
        path = english / f"{name}.jsonl"
        (english / f"{name}.jsonl.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    assert read_mlir(english, languages=["en"]).documents.ids == ("doc_en_0", "doc_en_2")
    with pytest.raises(LanguageError, match="has no fr; it has en, nl"):
        read_mlir(english, languages=["fr"])


def test_the_folder_above_names_its_benchmarks(english: Path, every: Path, tmp_path: Path) -> None:
    with pytest.raises(
        FileNotFoundError, match=r"MLIR-en has no corpus.jsonl, but benchmarks: Tiny_test; give the fold"
    ):
        read_mlir(english.parent)
    with pytest.raises(
        FileNotFoundError, match=r"but benchmarks: MLIR-en/Tiny_test, MMLIR/Tiny_test; .* as mlir:.*MLIR-en/Tiny_test"
    ):
        read_mlir(tmp_path)
    (every / "qrels.jsonl").unlink()
    with pytest.raises(FileNotFoundError, match=r"has neither qrels.jsonl nor qrels.jsonl.gz"):
        read_mlir(every)


@pytest.mark.parametrize(
    ("file", "item", "text"),
    [
        (
            "corpus",
            {"d": "text"},
            r"corpus.jsonl:1: the entry 'd' is 'text', but it should be an object of text and lang",
        ),
        ("corpus", {"": {"text": "x", "lang": "en"}}, "corpus.jsonl:1: an id is empty"),
        ("corpus", {"d": {"text": "x"}}, r"corpus.jsonl:1: the field 'lang' is missing; the row has 'text'"),
        ("corpus", {"d": {"lang": "en"}}, r"corpus.jsonl:1: the field 'text' is missing; the row has 'lang'"),
        ("corpus", {"d": {"text": "x", "lang": "no such"}}, r"corpus.jsonl:1: 'no such' is not a language"),
        ("corpus", ["d"], r"corpus.jsonl:1: Expected `object`, got `array`; a line should be one whole JSON object"),
        ("queries", {"_id": "q_a"}, r"queries.jsonl:1: the field 'text' is missing"),
        ("queries", {"q_a": 3}, r"queries.jsonl:1: the query 'q_a' is 3, but it should be a text; a line is"),
        ("queries", {"": "x"}, r"queries.jsonl:1: an id is empty; every query needs one"),
        ("queries", {"_id": "", "text": "x"}, r"queries.jsonl:1: the field '_id' is empty"),
        ("queries", {"_id": "q_a", "text": "x", "lang": "?"}, r"queries.jsonl:1: '\?' is not a language"),
        (
            "qrels",
            {"q_a": ["doc_en_0"]},
            r"qrels.jsonl:1: the entry 'q_a' is \['doc_en_0'\], but .* documents and grades",
        ),
        (
            "qrels",
            {"q_a": {"doc_en_0": 0.5}},
            r"qrels.jsonl:1: the grade of 'doc_en_0' is 0.5, but it should be a whole",
        ),
        ("qrels", {"q_a": {"doc_en_0": None}}, r"qrels.jsonl:1: the grade of 'doc_en_0' is None"),
    ],
)
def test_lines_that_cannot_be_used_are_named(english: Path, file: str, item: Any, text: str) -> None:
    lines(english / f"{file}.jsonl", item)
    with pytest.raises(FormatError, match=text):
        read_mlir(english)


def test_judgements_of_absent_texts_and_repeats(english: Path) -> None:
    lines(english / "qrels.jsonl", QRELS[0], {"q_b": {"gone": 1, "doc_en_2": 1}})
    with pytest.raises(CollectionError, match="the judgements name 1 missing documents, such as 'gone'"):
        read_mlir(english)
    assert read_mlir(english, allow_missing=True).notes["judged_documents_missing"] == 1
    lines(english / "qrels.jsonl", QRELS[0], {"q_a": {"doc_en_0": 1}})
    with pytest.raises(FormatError, match=r"qrels.jsonl:2: document 'doc_en_0' is judged twice for query 'q_a'"):
        read_mlir(english)
    lines(english / "qrels.jsonl", *QRELS)
    lines(english / "corpus.jsonl", *CORPUS, {"doc_en_0": {"text": "Other.", "lang": "en"}})
    with pytest.raises(CollectionError, match="doc_en_0"):
        read_mlir(english)
    with pytest.raises(UsageError, match="unknown option language of mlir; expected query_language, allow_missing"):
        load(f"mlir:{english}", language="en")
