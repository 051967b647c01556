"""Belebele files, and how passages find their translations."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from clinometer.collection import Collection
from clinometer.errors import CollectionError, FormatError, LanguageError
from clinometer.io.belebele import read_belebele

Rows = list[tuple[str, int, str]]


def write(folder: Path, code: str, rows: Rows) -> None:
    lines = [
        json.dumps(
            {"link": link, "question_number": number, "flores_passage": passage, "question": f"{code} {link}{number}?"}
        )
        for link, number, passage in rows
    ]
    (folder / f"{code}.jsonl").write_text("\n".join(lines), encoding="utf-8")


def relevant(collection: Collection, query: str) -> list[str]:
    row = collection.queries.ids.index(query)
    return [
        collection.documents.ids[doc] for doc in collection.judged[collection.indptr[row] : collection.indptr[row + 1]]
    ]


def test_two_passages_of_one_page_are_kept_apart_in_any_row_order(tmp_path: Path) -> None:
    write(tmp_path, "eng_Latn", [("L", 1, "one"), ("L", 2, "one"), ("L", 3, "two"), ("M", 1, "three")])
    write(tmp_path, "deu_Latn", [("L", 3, "zwei"), ("M", 1, "drei"), ("L", 2, "eins"), ("L", 1, "eins")])
    collection = read_belebele(tmp_path)
    texts = dict(zip(collection.documents.ids, collection.documents.texts, strict=True))
    assert texts == {
        "de:L#p2": "zwei",
        "de:M#p1": "drei",
        "de:L#p1": "eins",
        "en:L#p1": "one",
        "en:L#p2": "two",
        "en:M#p1": "three",
    }
    assert relevant(collection, "en:L#q2") == ["de:L#p1", "en:L#p1"]
    assert relevant(collection, "de:L#q3") == ["de:L#p2", "en:L#p2"]
    assert set(collection.queries.groups) == {"L#q1", "L#q2", "L#q3", "M#q1"}
    assert collection.notes == {"duplicates_removed": {}, "questions_not_in_all_languages": 0}


def test_an_incomplete_language_still_finds_its_translations(tmp_path: Path) -> None:
    write(tmp_path, "eng_Latn", [("L", 1, "one"), ("L", 2, "one"), ("L", 3, "two")])
    write(tmp_path, "deu_Latn", [("L", 2, "eins"), ("L", 3, "zwei")])
    collection = read_belebele(tmp_path)
    assert relevant(collection, "de:L#q3") == ["de:L#p2", "en:L#p2"]
    assert relevant(collection, "en:L#q1") == ["en:L#p1"]
    assert collection.notes["questions_not_in_all_languages"] == 1


def test_one_text_under_two_links_is_kept_once(tmp_path: Path) -> None:
    write(tmp_path, "eng_Latn", [("L", 1, "same"), ("M", 1, "same")])
    write(tmp_path, "deu_Latn", [("L", 1, "eins"), ("M", 1, "zwei")])
    collection = read_belebele(tmp_path)
    assert len(collection.documents) == 3
    assert relevant(collection, "de:M#q1") == ["de:M#p1", "en:L#p1"]
    assert collection.notes["duplicates_removed"] == {"en": 1}


def test_languages_that_contradict_each_other_are_refused(tmp_path: Path) -> None:
    write(tmp_path, "eng_Latn", [("L", 1, "one"), ("L", 2, "one")])
    write(tmp_path, "tha_Thai", [("L", 1, "a"), ("L", 2, "b")])
    with pytest.raises(CollectionError, match=r"tha_Thai\.jsonl: questions 1 and 2 of L have two passages"):
        read_belebele(tmp_path)


def test_only_wanted_files_are_opened(tmp_path: Path) -> None:
    write(tmp_path, "eng_Latn", [("L", 1, "one")])
    (tmp_path / "zho_Hant.jsonl").write_text("broken")
    assert read_belebele(tmp_path, languages=["en"]).languages == ("en",)
    with pytest.raises(LanguageError, match="has no zh; it has en, zh-Hant"):
        read_belebele(tmp_path, languages=["zh"])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", r"eng_Latn\.jsonl:2: Input data was truncated"),
        ('{"link": "L"}', "eng_Latn.jsonl:2: the field 'question_number' is missing"),
        ('{"link": 3, "question_number": 2}', "the field 'link' is 3, .* write \"3\""),
        (
            '{"link": "L", "question_number": "2"}',
            "the field 'question_number' is '2', but it should be a whole number",
        ),
        (
            '{"link": "L", "question_number": 1, "flores_passage": "x", "question": "y"}',
            "eng_Latn.jsonl:2: question 1 of L is repeated",
        ),
    ],
)
def test_malformed_lines(tmp_path: Path, line: str, message: str) -> None:
    write(tmp_path, "eng_Latn", [("L", 1, "one")])
    with (tmp_path / "eng_Latn.jsonl").open("a") as file:
        file.write(f"\n{line}\n")
    with pytest.raises(FormatError, match=message):
        read_belebele(tmp_path)


def test_empty_questions_and_repeated_rows_are_left_out_and_counted(tmp_path: Path) -> None:
    row = '{"link": "L", "question_number": %d, "flores_passage": "x", "question": "%s"}'
    (tmp_path / "eng_Latn.jsonl").write_text("\n".join([row % (1, " "), row % (2, "?"), row % (2, "?")]))
    collection = read_belebele(tmp_path)
    assert (collection.queries.ids, collection.documents.ids) == (("en:L#q2",), ("en:L#p1",))
    assert collection.notes["queries_empty_left_out"] == {"en": 1}
    assert collection.notes["rows_repeated_left_out"] == {"en": 1}
    assert collection.notes["judgements_of_empty_texts_left_out"] == {"relevant": 1}


def test_a_link_that_is_not_a_url_is_named(tmp_path: Path) -> None:
    row = {"link": "http://[x", "question_number": 1, "flores_passage": "x", "question": "?"}
    (tmp_path / "eng_Latn.jsonl").write_text(json.dumps(row))
    with pytest.raises(FormatError, match=r"eng_Latn\.jsonl: the link 'http://\[x' is not a URL"):
        read_belebele(tmp_path)


@pytest.mark.shared
def test_the_real_files(shared: Path) -> None:
    collection = read_belebele(shared / "data" / "belebele")
    facts = collection.describe()
    assert facts["languages"] == ["de", "en", "id", "ko", "th", "vi"]
    assert (len(collection.documents), len(collection.queries), len(collection.judged)) == (2928, 5400, 5400 * 6)
    assert facts["complete_groups"] == facts["parallel_groups"] == 488
