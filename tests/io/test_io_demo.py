"""The embedded collection."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from clinometer.errors import CollectionError, FormatError, LanguageError
from clinometer.io import demo
from clinometer.io.demo import read_demo


@pytest.fixture
def topics(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stand-in for the package's folder."""
    folder = tmp_path / "topics"
    folder.mkdir()
    monkeypatch.setattr(demo, "files", lambda _: tmp_path)
    for domain, languages in (("zoo", ["en", "de"]), ("kitchen", ["en"])):
        texts = {label: {"passage": f"{label} {domain}", "queries": ["first?", "second?"]} for label in languages}
        (folder / f"{domain}.json").write_text(
            json.dumps({"domain": domain, "topics": [{"id": f"{domain}-one", "texts": texts}]})
        )
    (folder / "NOTES.md").touch()
    return folder


@pytest.mark.usefixtures("topics")
def test_ids_groups_and_judgements() -> None:
    collection = read_demo()
    assert collection.documents.ids == ("en:kitchen-one", "en:zoo-one", "de:zoo-one")
    assert collection.documents.groups == ("kitchen-one", "zoo-one", "zoo-one")
    assert collection.queries.ids[:2] == ("en:kitchen-one:1", "en:kitchen-one:2")
    assert collection.queries.groups[2:] == ("zoo-one:1", "zoo-one:2", "zoo-one:1", "zoo-one:2")
    assert collection.judged.tolist() == [0, 0, 1, 2, 1, 2, 1, 2, 1, 2]
    assert collection.notes == {"topics": {"kitchen": 1, "zoo": 1}}


@pytest.mark.usefixtures("topics")
def test_languages_are_chosen() -> None:
    assert read_demo(languages=["de"]).documents.ids == ("de:zoo-one",)
    with pytest.raises(LanguageError, match="the demonstration has no ko; it has en, de"):
        read_demo(languages=["ko"])


def test_a_damaged_file_is_named(topics: Path) -> None:
    (topics / "zoo.json").write_text('{"domain": "zoo",\n"topics": [}')
    with pytest.raises(FormatError, match=r"zoo\.json:2: JSON is malformed: .*; the package is damaged"):
        read_demo()
    (topics / "zoo.json").write_text('{"domain": "zoo", "topics": [{"id": "x", "texts": {"en": {"passage": "p"}}}]}')
    with pytest.raises(FormatError, match=r"zoo\.json: Object missing required field `queries`"):
        read_demo()


def test_a_topic_twice_is_refused(topics: Path) -> None:
    (topics / "again.json").write_bytes((topics / "zoo.json").read_bytes())
    with pytest.raises(CollectionError, match="zoo: duplicate document id 'en:zoo-one'"):
        read_demo()


def test_the_embedded_collection_is_complete() -> None:
    collection = read_demo()
    facts = collection.describe()
    assert facts["parallel_groups"] == facts["complete_groups"] == sum(collection.notes["topics"].values())
    assert len(set(facts["queries"].values())) == 1
    assert len(collection.judged) == len(collection.queries) * len(collection.languages)
