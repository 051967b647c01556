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
    with pytest.raises(UsageError, match="unit is 'word', but it should be 'passage', 'row' or 'sentence'"):
        read_xquad(folder, unit="word")  # type: ignore[arg-type]
    (folder / "xquad.en.json.gz").touch()
    with pytest.raises(CollectionError, match=r"xquad\.en\.json and xquad\.en\.json\.gz are both en; remove one"):
        read_xquad(folder)


def test_a_copy_under_another_name_does_not_hide_the_files_of_xquad_r(folder: Path) -> None:
    collection = read_xquad(folder)
    for label in ("en", "de"):
        (folder / f"xquad.{label}.json").rename(folder / f"{label}.json")
    (folder / "xquad.en.json.bak").write_bytes((folder / "en.json").read_bytes())
    assert read_xquad(folder).digest() == collection.digest()


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


def split(*sentences: str, asked: dict[str, str], gap: str = " ") -> dict[str, Any]:
    """A made-up paragraph of XQuAD-R; each question is answered by a piece of text."""
    context = gap.join(sentences)
    starts = [len(gap.join(sentences[:number])) + len(gap) * (number > 0) for number in range(len(sentences))]
    return {
        "context": context,
        "sentences": list(sentences),
        "sentence_breaks": [[start, start + len(text)] for start, text in zip(starts, sentences, strict=True)],
        "qas": [
            {"id": q, "question": f"{q}?", "answers": [{"answer_start": context.index(text), "text": text}]}
            for q, text in asked.items()
        ],
    }


def write_r(folder: Path, label: str, *paragraphs: dict[str, Any]) -> None:
    content = {"data": [{"paragraphs": list(paragraphs)}], "version": "1.1"}
    (folder / f"{label}.json").write_text(json.dumps(content), encoding="utf-8")


@pytest.fixture
def sentences(tmp_path: Path) -> Path:
    """Chinese says in one sentence what English says in two, in the second paragraph."""
    write_r(
        tmp_path,
        "en",
        split("Cats sleep.", "Dogs bark.", "Yes.", asked={"q1": "Cats", "q2": "bark"}),
        split("It rained.", "Yes.", "It was May.", asked={"q3": "rained", "q4": "May"}),
    )
    write_r(
        tmp_path,
        "zh",
        split("猫睡觉。", "狗叫。", asked={"q1": "猫", "q2": "叫"}, gap=""),
        split("五月下雨了。", "完。", asked={"q3": "下雨", "q4": "五月"}, gap=""),
    )
    return tmp_path


def test_sentences_are_candidates_and_those_with_the_answer_relevant(sentences: Path) -> None:
    collection = read_xquad(sentences, unit="sentence")
    assert collection.documents.ids[:5] == ("en:0-0-0", "en:0-0-1", "en:0-0-2", "en:0-1-0", "en:0-1-2")
    assert collection.documents.ids[5:] == ("zh:0-0-0", "zh:0-0-1", "zh:0-1-0", "zh:0-1-1")
    answers = {
        "q1": ["en:0-0-0", "zh:0-0-0"],
        "q2": ["en:0-0-1", "zh:0-0-1"],
        "q3": ["en:0-1-0", "zh:0-1-0"],
        "q4": ["en:0-1-2", "zh:0-1-0"],
    }
    assert judgements(collection) == {f"{label}:{q}": ids for label in ("en", "zh") for q, ids in answers.items()}
    groups = dict(zip(collection.documents.ids, collection.documents.groups, strict=True))
    assert groups["en:0-0-1"] == groups["zh:0-0-1"] == "en:0-0-1"
    assert groups["en:0-1-0"] is groups["zh:0-1-0"] is groups["en:0-0-2"] is None
    assert collection.queries.groups[:4] == ("q1", "q2", "q3", "q4")
    assert collection.notes == {
        "unit": "sentence",
        "duplicates_removed": {"en": 1},
        "questions_not_in_all_languages": 0,
        "parallel_texts_without_group": {"documents": 3},
    }
    # Passages of the same files, whose sentences are not looked at.
    assert len(read_xquad(sentences).documents) == 4


def test_answers_and_boundaries_that_do_not_fit_are_counted(sentences: Path) -> None:
    path = sentences / "en.json"
    content = json.loads(path.read_text())
    first, second = content["data"][0]["paragraphs"]
    first["qas"][0]["answers"] = [{"answer_start": 5, "text": "sleep. Dogs"}]
    first["qas"][1]["answers"] = [{"answer_start": 11, "text": " "}]
    second["sentences"][0] = "It poured."
    second["qas"][1]["answers"] = []
    path.write_text(json.dumps(content))
    collection = read_xquad(sentences, unit="sentence")
    assert judgements(collection)["en:q1"] == ["en:0-0-0", "zh:0-0-0"]
    assert judgements(collection)["en:q2"] == judgements(collection)["zh:q2"] == ["zh:0-0-1"]
    found = {name: count for name, count in collection.notes.items() if name not in ("unit", "duplicates_removed")}
    assert found == {
        "questions_not_in_all_languages": 2,
        "answers_across_sentences": 1,
        "answers_outside_sentences": 1,
        "sentences_unlike_their_boundaries": 1,
    }
    alone = read_xquad(sentences, unit="sentence", languages=["en"])
    assert alone.queries.ids == ("en:q1", "en:q3")
    assert alone.notes["questions_without_answer_left_out"] == 2


def test_a_sentence_said_before_has_the_group_of_its_answer(tmp_path: Path) -> None:
    write_r(tmp_path, "en", split("Yes.", "No.", asked={"q1": "No"}), split("Yes.", asked={"q2": "Yes"}))
    write_r(tmp_path, "de", split("Ja.", "Nein.", asked={"q1": "Nein"}), split("Doch.", asked={"q2": "Doch"}))
    collection = read_xquad(tmp_path, unit="sentence")
    groups = dict(zip(collection.documents.ids, collection.documents.groups, strict=True))
    assert groups["en:0-0-0"] == groups["de:0-1-0"] == "de:0-1-0"
    assert judgements(collection)["en:q2"] == ["de:0-1-0", "en:0-0-0"]


def test_files_without_sentences_are_refused(folder: Path, sentences: Path) -> None:
    with pytest.raises(FormatError, match=r"xquad.de.json: data\[0\].paragraphs\[0\] has no sentences, which the unit"):
        read_xquad(folder, unit="sentence", languages=["de"])
    (folder / "xquad.de.json").unlink()
    (folder / "xquad.en.json").unlink()
    content = json.loads((sentences / "en.json").read_text())
    content["data"][0]["paragraphs"][1]["sentence_breaks"].pop()
    (sentences / "en.json").write_text(json.dumps(content))
    with pytest.raises(FormatError, match=r"paragraphs\[1\] has 3 sentences but 2 sentence_breaks; give the first and"):
        read_xquad(sentences, unit="sentence")
    (sentences / "en.json").write_text('{"data": [{"paragraphs": [{"context": 1}]}]}')
    with pytest.raises(FormatError, match=r"an XQuAD-R file is SQuAD 1\.1 JSON with sentences"):
        read_xquad(sentences, unit="sentence")


def test_sentences_of_questions_at_other_paragraphs_are_refused(sentences: Path) -> None:
    content = json.loads((sentences / "zh.json").read_text())
    content["data"][0]["paragraphs"].reverse()
    (sentences / "zh.json").write_text(json.dumps(content))
    with pytest.raises(CollectionError, match="question 'q3' is at 0-1 in en but at 0-0 in zh"):
        read_xquad(sentences, unit="sentence")
