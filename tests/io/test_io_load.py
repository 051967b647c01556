"""`load`: from a source to its reader."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.interpreter import python

from clinometer.collection import Collection, CollectionBuilder
from clinometer.errors import UsageError
from clinometer.io import load
from clinometer.io.beir import write_beir
from clinometer.io.judgements import read_judgements
from clinometer.io.trecfolder import write_trec


def test_every_form_reaches_its_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[Any, ...]] = []

    def reader(source: object = None, *, languages: object = None, split: str = "") -> Collection:
        seen.append((source, languages, split))
        return Collection.__new__(Collection)

    for kind in ("demo", "xquad", "belebele", "beir", "parallel", "hub"):
        monkeypatch.setattr(f"clinometer.io.{kind}.read_{kind}", reader)
    for source in ("demo", "xquad:d", "belebele:d", "beir:d:e", "parallel:a,b", "hub:org/name"):
        load(source, languages=["en"], split="dev")
    assert [item[0] for item in seen] == [None, "d", "d", "d:e", ["a", "b"], "org/name"]
    assert all(item[1:] == (["en"], "dev") for item in seen)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (
            "data/xquad",
            r"unknown source 'data/xquad'; expected demo, xquad:DIR, .* .*irds:NAME\[,NAME...\] or hub:NAME",
        ),
        ("squad:x", "unknown source 'squad:x'"),
        ("xquad:", "'xquad' needs a path or name after the colon; write xquad:DIR"),
        ("beir", "'beir' needs a path or name after the colon"),
        ("demo:x", "'demo' takes nothing after its name; write demo"),
    ],
)
def test_sources_of_no_known_form(source: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        load(source)
    with pytest.raises(UsageError):
        load(Path(source))


def test_the_home_folder_is_found_in_every_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    builder = CollectionBuilder("tiny")
    builder.add_document("d", "A cat.", "en", group="g")
    builder.add_query("q", "Who?", "en", group="g")
    builder.judge("q", "d")
    collection = builder.build()
    write_beir(collection, "~/beir")
    write_trec(collection, Path("~/trec"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["beir", "trec"]
    assert load("beir:~/beir").digest() == load("hub:~/beir").digest() == collection.digest()
    assert read_judgements("~/trec/qrels.txt") == {"q": {"d": 1}}
    for source in ("xquad:~/none", "belebele:~/none", "beir:~/none", "parallel:~/none,~/more"):
        with pytest.raises(FileNotFoundError, match=str(tmp_path / "none")):
            load(source)


def test_unknown_options_are_named() -> None:
    with pytest.raises(UsageError, match="unknown option split, foo of xquad; expected unit"):
        load("xquad:x", split="test", unit="row", foo=1)
    with pytest.raises(UsageError, match="unknown option unit of demo; expected none"):
        load("demo", unit="row")
    with pytest.raises(UsageError, match=r"beir; expected split, language, allow_missing"):
        load("beir:x", revision="main")


def test_a_string_of_languages_is_refused() -> None:
    with pytest.raises(UsageError, match=r"languages must be a list of texts, not 'en,de'; write \['en', 'de'\]"):
        load("demo", languages="en,de")


@pytest.mark.parametrize("source", ["xquad:absent", "belebele:absent", "beir:absent", "parallel:absent"])
def test_absent_places_are_named(source: str) -> None:
    with pytest.raises(FileNotFoundError, match="absent does not exist"):
        load(source)


def test_readers_are_imported_only_when_used() -> None:
    code = "import sys, clinometer.io; print([m for m in sys.modules if m.startswith(('clinometer.io.', 'datasets'))])"
    assert python(code) == "[]"
