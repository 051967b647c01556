"""XQuAD files, in both units."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any, Literal

import pytest

from clinometer.errors import CollectionError, FormatError, LanguageError, UsageError
from clinometer.io.xquad import read_xquad

Paragraphs = list[tuple[str, list[str]]]


def squad(*articles: Paragraphs) -> dict[str, Any]:
    return {
        "version": "1.1",
        "data": [
            {
                "title": "t",
                "paragraphs": [
                    {"context": context, "qas": [{"id": q, "question": f"{q}?", "answers": []} for q in ids]}
                    for context, ids in article
                ],
            }
            for article in articles
        ],
    }


def write(folder: Path, label: str, *articles: Paragraphs) -> None:
    (folder / f"xquad.{label}.json").write_text(json.dumps(squad(*articles)), encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three paragraphs; two of them have one text in English but not in German."""
    write(tmp_path, "en", [("Cats.", ["q1", "q2"]), ("Dogs.", ["q3"])], [("Cats.", ["q4"])])
    write(tmp_path, "de", [("Katzen.", ["q1", "q2"]), ("Hunde.", ["q3"])], [("Kater.", ["q4"])])
    (tmp_path / "README.md").touch()
    return tmp_path


def judgements(collection: Any) -> dict[str, list[str]]:
    return {
        query: [
            collection.documents.ids[row]
            for row in collection.judged[collection.indptr[number] : collection.indptr[number + 1]]
        ]
        for number, query in enumerate(collection.queries.ids)
    }


def test_passages_are_distinct_by_language_and_parallel_by_position(folder: Path) -> None:
    collection = read_xquad(folder)
    assert collection.documents.ids == ("de:0-0", "de:0-1", "de:1-0", "en:0-0", "en:0-1")
    assert collection.documents.groups == ("0-0", "0-1", "1-0", "0-0", "0-1")
    assert collection.queries.ids[:4] == ("de:q1", "de:q2", "de:q3", "de:q4")
    assert collection.queries.groups[:4] == ("q1", "q2", "q3", "q4")
    found = judgements(collection)
    assert found["en:q1"] == found["de:q2"] == ["de:0-0", "en:0-0"]
    assert found["en:q4"] == found["de:q4"] == ["de:1-0", "en:0-0"]
    assert collection.grades.tolist() == [1] * 16
    assert collection.notes == {"unit": "passage", "duplicates_removed": {"en": 1}, "questions_not_in_all_languages": 0}


def test_rows_keep_one_document_for_each_question(folder: Path) -> None:
    collection = read_xquad(folder, unit="row")
    assert len(collection.documents) == len(collection.queries) == 8
    assert collection.documents.ids == collection.queries.ids
    assert collection.documents.groups == ("q1", "q2", "q3", "q4") * 2
    assert judgements(collection)["en:q2"] == ["de:q2", "en:q2"]
    assert collection.notes == {
        "unit": "row",
        "duplicates_kept": {"de": 1, "en": 2},
        "questions_not_in_all_languages": 0,
    }


def test_only_the_wanted_files_are_opened_and_order_is_that_of_the_files(folder: Path) -> None:
    (folder / "xquad.zh.json").write_text("broken")
    chosen = read_xquad(folder, languages=["eng_Latn", "de"])
    assert chosen.languages == ("de", "en")
    assert read_xquad(folder, languages=["en"]).digest() == chosen.restrict(["en"]).digest()


def test_questions_of_one_language_only_are_counted(folder: Path) -> None:
    write(folder, "fr", [("Chats.", ["q1"])])
    collection = read_xquad(folder)
    assert collection.notes["questions_not_in_all_languages"] == 3
    assert judgements(collection)["fr:q1"] == ["de:0-0", "en:0-0", "fr:0-0"]
    assert judgements(collection)["en:q3"] == ["de:0-1", "en:0-1"]


def test_gzip_is_read(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    packed = tmp_path_factory.mktemp("packed")
    for path in folder.glob("*.json"):
        (packed / f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
    assert read_xquad(packed).digest() == read_xquad(folder).digest()


def test_a_question_at_two_places_is_refused(folder: Path) -> None:
    write(folder, "fr", [("Chats.", ["q1"]), ("Chiens.", ["q2"])])
    with pytest.raises(CollectionError, match="question 'q2' is at 0-0 in de but at 0-1 in fr"):
        read_xquad(folder)


@pytest.mark.parametrize("unit", ["passage", "row"])
def test_a_question_twice_in_one_file_is_left_out_and_counted(folder: Path, unit: Literal["passage", "row"]) -> None:
    write(folder, "fr", [("Chats.", ["q1", "q1"])])
    collection = read_xquad(folder, languages=["fr"], unit=unit)
    assert collection.queries.ids == ("fr:q1",)
    assert collection.notes["queries_repeated_left_out"] == {"fr": 1}


def test_a_question_with_two_texts_is_refused(folder: Path) -> None:
    write(folder, "fr", [("Chats.", ["q1", "q1"])])
    path = folder / "xquad.fr.json"
    path.write_text(
        path.read_text(encoding="utf-8").replace('"question": "', '"question": "Donc, ', 1), encoding="utf-8"
    )
    with pytest.raises(
        CollectionError, match=r"xquad\.fr\.json: data\[0\]\.paragraphs\[0\]: duplicate query id 'fr:q1'"
    ):
        read_xquad(folder)


def test_nested_too_deeply_is_a_sentence(folder: Path) -> None:
    (folder / "xquad.fr.json").write_text('{"data": [], "version": ' + "[" * 100_000)
    with pytest.raises(FormatError, match=r"xquad\.fr\.json: nested .* deep.*; an XQuAD file is SQuAD 1\.1"):
        read_xquad(folder)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"data":\n [}', r"xquad\.fr\.json:2: JSON is malformed"),
        (b'{"data": [{"paragraphs": [{"context": "x"}]}]}', r"missing required field `qas` - at `\$\.data"),
        (b'{"data": [{"paragraphs": [{"context": "x", "qas": [{"id": 5, "question": "?"}]}]}]}', "strings as ids"),
    ],
)
def test_malformed_files(folder: Path, content: bytes, message: str) -> None:
    (folder / "xquad.fr.json").write_bytes(content)
    with pytest.raises(FormatError, match=message):
        read_xquad(folder)


def test_broken_gzip(folder: Path) -> None:
    (folder / "xquad.fr.json.gz").write_bytes(b"no gzip")
    with pytest.raises(FormatError, match=r"xquad\.fr\.json\.gz: broken gzip"):
        read_xquad(folder)


def test_folders_and_options_that_cannot_be_used(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    with pytest.raises(FileNotFoundError, match=r"has no file named xquad\.LL\.json"):
        read_xquad(tmp_path_factory.mktemp("empty"))
    with pytest.raises(LanguageError, match="has no ko; it has de, en"):
        read_xquad(folder, languages=["ko"])
    with pytest.raises(UsageError, match="unit is 'sentence', but it should be 'passage' or 'row'"):
        read_xquad(folder, unit="sentence")  # type: ignore[arg-type]
    (folder / "xquad.en.json.gz").touch()
    with pytest.raises(CollectionError, match=r"xquad\.en\.json and xquad\.en\.json\.gz are both en; remove one"):
        read_xquad(folder)


@pytest.mark.shared
def test_the_real_files(shared: Path) -> None:
    collection = read_xquad(shared / "data" / "xquad")
    assert (len(collection.languages), len(collection.documents), len(collection.queries)) == (12, 2880, 14280)
    assert len(collection.judged) == 14280 * 12
    assert collection.describe()["complete_groups"] == 240
    assert collection.notes["questions_not_in_all_languages"] == 0
    rows = read_xquad(shared / "data" / "xquad", unit="row")
    assert (len(rows.documents), len(rows.queries), len(rows.judged)) == (14280, 14280, 14280 * 12)
    assert rows.notes["duplicates_kept"]["en"] == 950


def test_the_names_of_xquad_r_are_read(folder: Path, tmp_path: Path) -> None:
    expected = read_xquad(folder)
    (tmp_path / "xquad-r").mkdir()
    for label, name in (("en", "en.json"), ("de", "xquad-r.de.json")):
        file = json.loads((folder / f"xquad.{label}.json").read_text(encoding="utf-8"))
        for article in file["data"]:
            for paragraph in article["paragraphs"]:
                paragraph |= {"sentences": [paragraph["context"]], "sentence_breaks": [[0, 5]]}
        (tmp_path / "xquad-r" / name).write_text(json.dumps(file), encoding="utf-8")
    (tmp_path / "xquad-r" / "package.json").write_text("{}")
    assert sorted(read_xquad(tmp_path / "xquad-r").documents.texts) == sorted(expected.documents.texts)
    (folder / "fr.json").write_text("{}")
    assert read_xquad(folder).digest() == expected.digest()
