"""What readers know of queries besides language and group."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from clinometer import CollectionBuilder
from clinometer.io.beir import read_beir, write_beir
from clinometer.io.belebele import read_belebele
from clinometer.io.demo import read_demo
from clinometer.io.parallel import read_parallel
from clinometer.io.xquad import read_xquad


def lines(path: Path, rows: Sequence[Any]) -> Path:
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return path


def by_id(queries: Any, name: str) -> dict[str, str | None]:
    return dict(zip(queries.ids, queries.fields[name], strict=True))


def test_xquad_gives_the_article_one_name_in_all_languages(tmp_path: Path) -> None:
    for label, titles in (("de", ["Warschau", "Normannen"]), ("en", ["Warsaw", "Normans"])):
        data = [
            {"title": title, "paragraphs": [{"context": f"{title}.", "qas": [{"id": f"q{n}", "question": "Wo?"}]}]}
            for n, title in enumerate(titles)
        ]
        (tmp_path / f"xquad.{label}.json").write_text(json.dumps({"data": data}), encoding="utf-8")
    assert by_id(read_xquad(tmp_path).queries, "article") == {
        "de:q0": "Warschau", "de:q1": "Normannen", "en:q0": "Warschau", "en:q1": "Normannen",
    }  # fmt: skip


def test_xquad_without_titles_has_no_field(tmp_path: Path) -> None:
    data = [{"paragraphs": [{"context": "c", "qas": [{"id": "q", "question": "Wo?"}]}]}]
    (tmp_path / "xquad.de.json").write_text(json.dumps({"data": data}), encoding="utf-8")
    assert read_xquad(tmp_path).queries.fields == {}


def test_belebele_gives_the_site(tmp_path: Path) -> None:
    rows = [
        {"link": link, "question_number": 1, "flores_passage": f"text {link}", "question": "Which?"}
        for link in ("https://en.wikinews.org/wiki/A", "https://en.wikibooks.org/wiki/B", "no link")
    ]
    lines(tmp_path / "eng_Latn.jsonl", rows)
    assert list(by_id(read_belebele(tmp_path).queries, "site").values()) == [
        "en.wikinews.org", "en.wikibooks.org", None,
    ]  # fmt: skip


def test_parallel_rows_give_their_strings(tmp_path: Path) -> None:
    text = {"query": "q?", "document": "d"}
    rows = [
        {"id": "a", "source": "handbook", "year": 2020, "texts": {"en": text, "de": text}},
        {"id": "b", "doc_id": "x", "texts": {"en": {"query": "r?", "document": "e"}}},
    ]
    queries = read_parallel(lines(tmp_path / "items.jsonl", rows)).queries
    assert set(queries.fields) == {"source", "doc_id"}
    assert by_id(queries, "source") == {"en:a": "handbook", "de:a": "handbook", "en:b": None}


def test_beir_gives_what_metadata_says_and_writes_it_again(tmp_path: Path) -> None:
    (tmp_path / "one" / "qrels").mkdir(parents=True)
    lines(tmp_path / "one" / "corpus.jsonl", [{"_id": "d", "text": "t", "language": "en"}])
    metadata = {"language": "en", "group": "g", "parallel_id": "p", "topic": "law", "year": 2021, "tags": ["a"]}
    queries = [{"_id": "q", "text": "t?", "metadata": metadata}, {"_id": "r", "text": "u?", "language": "en"}]
    lines(tmp_path / "one" / "queries.jsonl", queries)
    (tmp_path / "one" / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq\td\t1\nr\td\t1\n")
    found = read_beir(tmp_path / "one")
    assert found.queries.fields == {"topic": ("law", None), "year": ("2021", None)}
    write_beir(found, tmp_path / "two")
    again = read_beir(tmp_path / "two")
    assert (again.queries, again.documents) == (found.queries, found.documents)


def test_the_demonstration_gives_the_topic() -> None:
    queries = read_demo(languages=["en", "de"]).queries
    topics = by_id(queries, "topic")
    assert len(set(topics.values())) == 15
    assert all(name.partition(":")[2].startswith(f"{topic}-") for name, topic in topics.items())


def test_fields_stay_with_their_queries() -> None:
    builder = CollectionBuilder("made")
    builder.add_document("d", "text", "en")
    for name, fields in (("a", {"x": "1"}), ("b", None), ("c", {"y": "2", "x": "3"})):
        builder.add_query(name, f"{name}?", "en", fields=fields)
    assert builder.build().queries.fields == {"x": ("1", None, "3"), "y": (None, None, "2")}
