"""Parallel JSONL files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from clinometer.collection import Collection
from clinometer.errors import CollectionError, FormatError, LanguageError, UsageError
from clinometer.io.parallel import read_parallel


def row(name: str, **texts: tuple[str, str]) -> dict[str, Any]:
    return {"id": name, "texts": {label: {"query": query, "document": doc} for label, (query, doc) in texts.items()}}


def write(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("".join(f"{json.dumps(item)}\n" for item in rows), encoding="utf-8")
    return path


def relevant(collection: Collection, query: str) -> list[str]:
    number = collection.queries.ids.index(query)
    return [
        collection.documents.ids[doc]
        for doc in collection.judged[collection.indptr[number] : collection.indptr[number + 1]]
    ]


def test_rows_are_groups_and_half_translated_ones_are_kept(tmp_path: Path) -> None:
    path = write(
        tmp_path / "items.jsonl",
        row("a", en=("cat?", "A cat."), deu_Latn=("Katze?", "Eine Katze.")),
        row("b", en=("dog?", "A dog.")),
    )
    collection = read_parallel(path)
    assert collection.name == "items"
    assert collection.documents.ids == collection.queries.ids == ("en:a", "de:a", "en:b")
    assert collection.documents.groups == collection.queries.groups == ("a", "a", "b")
    assert relevant(collection, "de:a") == ["en:a", "de:a"]
    assert relevant(collection, "en:b") == ["en:b"]
    assert collection.notes == {"duplicates_removed": {}, "groups_not_in_all_languages": 1}


def test_duplicates_are_removed_and_judged_through_the_kept_one(tmp_path: Path) -> None:
    path = write(
        tmp_path / "items.jsonl",
        row("a", en=("cat?", "Same."), de=("Katze?", "Eins.")),
        row("b", en=("dog?", "Same."), de=("Hund?", "Zwei.")),
    )
    collection = read_parallel(path)
    assert collection.documents.ids == ("en:a", "de:a", "de:b")
    assert len(collection.queries) == 4
    assert relevant(collection, "en:b") == relevant(collection, "de:b") == ["en:a", "de:b"]
    assert collection.notes["duplicates_removed"] == {"en": 1}


def test_empty_texts_are_left_out_by_name(tmp_path: Path) -> None:
    path = write(tmp_path / "items.jsonl", row("a", en=("cat?", "A cat."), de=(" ", "Katze."), fr=("chat ?", "")))
    collection = read_parallel(path)
    assert collection.languages == ("en",)
    assert collection.notes["empty_left_out"] == {"de": 1, "fr": 1}
    assert collection.notes["empty_left_out_ids"] == ["de:a", "fr:a"]


def test_several_files_and_a_choice_of_languages(tmp_path: Path) -> None:
    first = write(tmp_path / "one.jsonl", row("a", en=("cat?", "A cat."), de=("Katze?", "Katze."), fr=("c", "d")))
    second = write(tmp_path / "two.jsonl", row("b", fr=("e", "f")), row("c", de=("Hund?", "Hund.")))
    both = read_parallel([first, second], languages=iter(["de", "en"]))
    assert both.name == "parallel"
    assert both.documents.ids == ("en:a", "de:a", "de:c")
    assert both.notes["groups_not_in_all_languages"] == 1
    assert both.digest() == read_parallel([first, second]).restrict(["de", "en"]).digest()
    with pytest.raises(LanguageError, match=r"one\.jsonl has no ko; it has en, de, fr"):
        read_parallel(first, languages=["ko"])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("nonsense", r"items\.jsonl:2: JSON is malformed"),
        ('{"id": 7, "texts": {}}', r"items\.jsonl:2: the field 'id' is 7, but it should be a string; write \"7\""),
        ('{"id": "b"}', r"items\.jsonl:2: the field 'texts' is missing"),
        ('{"id": "b", "texts": ["en"]}', "the field 'texts' is .* but it should be an object"),
        ('{"id": "b", "texts": {"en": {"query": "x"}}}', "the field 'document' is missing; the row has 'query'"),
        ('{"id": "b", "texts": {"e": {"query": "x", "document": "y"}}}', "items.jsonl:2: 'e' is not a language label"),
        (
            '{"id": "b", "texts": {"en": {"query": "x", "document": "y"}, "eng": {"query": "x", "document": "y"}}}',
            "has en twice, the second time as 'eng'",
        ),
        ('{"id": "a", "texts": {}}', r"items\.jsonl:2: duplicate id 'a', first at .*items\.jsonl:1;"),
    ],
)
def test_malformed_lines(tmp_path: Path, line: str, message: str) -> None:
    path = write(tmp_path / "items.jsonl", row("a", en=("cat?", "A cat.")))
    with path.open("a") as file:
        file.write(line)
    with pytest.raises(FormatError, match=message):
        read_parallel(path)


def test_files_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"x\.jsonl does not exist"):
        read_parallel(tmp_path / "x.jsonl")
    with pytest.raises(UsageError, match="no file to read"):
        read_parallel([])
    with pytest.raises(CollectionError, match="empty has no documents"):
        read_parallel(write(tmp_path / "empty.jsonl"))


@pytest.mark.shared
def test_tico19(shared: Path) -> None:
    collection = read_parallel(shared / "data" / "tico19" / "tico19_retrieval.jsonl.gz")
    facts = collection.describe()
    expected = dict.fromkeys(["en", "ar", "bn", "es", "fa", "hi", "id", "pt", "ru", "sw", "zh"], 499) | {"fr": 447}
    assert facts["documents"] == facts["queries"] == expected
    assert collection.notes == {"duplicates_removed": {}, "groups_not_in_all_languages": 52}


@pytest.mark.shared
def test_training_files(shared: Path) -> None:
    files = sorted((shared / "data" / "train").glob("*.jsonl.gz"))
    collection = read_parallel(files, languages=["en", "de", "ja"])
    facts = collection.describe()
    assert facts["queries"] == {"en": 5475, "de": 3687, "ja": 1263}
    assert facts["documents"] == {"en": 5475, "de": 3687, "ja": 1262}
    assert collection.notes["duplicates_removed"] == {"ja": 1}
