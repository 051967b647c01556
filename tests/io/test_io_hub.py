"""Data sets of the Hub, through a stand-in for the package `datasets`."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from clinometer.errors import CollectionError, FormatError, LanguageError, MissingExtraError, UsageError
from clinometer.io import load
from clinometer.io.beir import write_beir
from clinometer.io.hub import read_hub

Rows = list[dict[str, Any]]


class FakeDatasets(ModuleType):
    """Three functions of `datasets` over a dictionary of subsets and splits; every call is recorded."""

    def __init__(self, subsets: dict[str, dict[str, Rows]]) -> None:
        super().__init__("datasets")
        self.subsets = subsets
        self.calls: list[tuple[Any, ...]] = []

    def get_dataset_config_names(self, path: str, revision: str | None = None) -> list[str]:
        self.calls.append((path, revision))
        if path == "org/unreachable":
            raise ConnectionError("Couldn't reach 'org/unreachable' on the Hub\nsecond line")
        return list(self.subsets)

    def get_dataset_split_names(self, path: str, config_name: str, revision: str | None = None) -> list[str]:
        return list(self.subsets[config_name])

    def load_dataset(self, path: str, name: str, split: str, revision: str | None = None) -> Rows:
        self.calls.append((path, name, split, revision))
        return self.subsets[name][split]


def qrels(*rows: tuple[Any, Any, Any]) -> Rows:
    return [{"query-id": query, "corpus-id": doc, "score": score} for query, doc, score in rows]


def texts(**by_id: str) -> Rows:
    return [{"_id": name, "title": "", "text": text} for name, text in by_id.items()]


@pytest.fixture
def together(monkeypatch: pytest.MonkeyPatch) -> FakeDatasets:
    fake = FakeDatasets(
        {
            "corpus": {
                "corpus": [
                    {"id": "d1", "title": "Cats", "text": "sleep.", "language": "eng-Latn"},
                    {"id": "d2", "title": None, "text": "Katzen.", "language": "deu-Latn"},
                ]
            },
            "queries": {
                "queries": [
                    {"id": "q1", "text": "Who?", "language": "eng-Latn"},
                    {"id": "q2", "text": "Unjudged?", "language": "eng-Latn"},
                ]
            },
            "default": {"test": qrels(("q1", "d1", 1.0), ("q1", "d2", 2)), "dev": []},
        }
    )
    monkeypatch.setitem(sys.modules, "datasets", fake)
    return fake


@pytest.fixture
def by_language(monkeypatch: pytest.MonkeyPatch) -> FakeDatasets:
    fake = FakeDatasets(
        {
            "en-corpus": {"test": texts(d1="Cats.", d2="Dogs.")},
            "en-queries": {"test": texts(q1="Who?")},
            "en-qrels": {"test": qrels(("q1", "d1", 1))},
            "deu_Latn-corpus": {"test": texts(d1="Katzen.")},
            "deu_Latn-queries": {"test": texts(q1="Wer?", q2="Was?")},
            "deu_Latn-qrels": {"test": qrels(("q1", "d1", 1), ("q2", "d1", 1))},
            "en-ko-corpus": {"test": []},
        }
    )
    monkeypatch.setitem(sys.modules, "datasets", fake)
    return fake


def test_one_corpus_whose_rows_say_the_language(together: FakeDatasets) -> None:
    collection = read_hub("org/cats", revision="abc")
    assert collection.name == "cats"
    assert collection.documents.ids == ("d1", "d2")
    assert collection.documents.texts == ("Cats sleep.", "Katzen.")
    assert collection.languages == ("en", "de")
    assert (collection.judged.tolist(), collection.grades.tolist()) == ([0, 1], [1, 2])
    assert collection.notes == {
        "split": "test",
        "languages_found_by": {"field": 4},
        "revision": "abc",
        "queries_without_judgement": 1,
        "groups_inferred_from_judgements": {"documents": 1},
    }
    assert together.calls == [
        ("org/cats", "abc"),
        ("org/cats", "default", "test", "abc"),
        ("org/cats", "queries", "queries", "abc"),
        ("org/cats", "corpus", "corpus", "abc"),
    ]
    assert read_hub("org/cats", languages=["en"]).documents.ids == ("d1",)


def test_subsets_for_each_language_are_loaded_when_wanted(by_language: FakeDatasets) -> None:
    collection = read_hub("org/cats")
    assert collection.documents.ids == ("en:d1", "en:d2", "de:d1")
    assert collection.queries.ids == ("en:q1", "de:q1", "de:q2")
    assert set(collection.documents.groups) == {None}
    assert collection.judged.tolist() == [0, 2, 2]
    assert collection.notes["subsets_not_read"] == ["en-ko-corpus"]
    assert collection.notes["parallel_by_id"] is False
    by_language.calls.clear()
    assert read_hub("org/cats", languages=["de"]).languages == ("de",)
    assert {call[1] for call in by_language.calls[1:]} == {"deu_Latn-corpus", "deu_Latn-queries", "deu_Latn-qrels"}
    with pytest.raises(LanguageError, match="hub:org/cats has no fr; it has en, de"):
        read_hub("org/cats", languages=["fr"])


@pytest.fixture
def mlaire(monkeypatch: pytest.MonkeyPatch) -> FakeDatasets:
    """Made-up rows in the layout of MLAIRE: one corpus, ids with languages, every translation judged."""
    labels = ("en", "de", "zh")
    rows = {
        kind: [
            {"_id": f"{label}_{number}", "title": "", "text": f"{kind} {number} {label}", "lang": label}
            for number in range(count)
            for label in labels
        ]
        for kind, count in (("corpus", 2), ("queries", 3))
    }
    judged = [
        (query["_id"], f"{label}_{max(int(query['_id'][3:]) - 1, 0)}", 1)
        for query in rows["queries"]
        for label in labels
    ]
    subsets = {kind: {"test": items} for kind, items in rows.items()} | {"qrels": {"test": qrels(*judged)}}
    fake = FakeDatasets(subsets)
    monkeypatch.setitem(sys.modules, "datasets", fake)
    return fake


def test_the_layout_of_mlaire(mlaire: FakeDatasets) -> None:
    collection = load("hub:nlpai-lab/mlaire-xquad")
    assert collection.name == "mlaire-xquad"
    assert collection.languages == ("en", "de", "zh")
    assert (len(collection.documents), len(collection.queries), len(collection.judged)) == (6, 9, 27)
    assert collection.notes["languages_found_by"] == {"field": 15}
    assert collection.notes["groups_inferred_from_judgements"] == {"documents": 2}
    # Two questions have one passage, so judgements do not say which of them translate each other; ids do.
    assert collection.notes["parallel_texts_without_group"] == {"queries": 9}
    parallel = load("hub:nlpai-lab/mlaire-xquad", parallel=True)
    assert parallel.queries.groups == ("0", "0", "0", "1", "1", "1", "2", "2", "2")
    assert parallel.documents.groups == ("0", "0", "0", "1", "1", "1")
    assert parallel.judged.tolist() == collection.judged.tolist()
    assert parallel.notes["parallel_by_id"] is True
    for item in mlaire.subsets["corpus"]["test"]:
        del item["lang"]
    assert load("hub:nlpai-lab/mlaire-mlqa", language="zh").documents.languages == ("zh",) * 6


def test_judgements_across_the_subsets_of_languages(by_language: FakeDatasets) -> None:
    by_language.subsets["deu_Latn-corpus"]["test"] = texts(e1="Katzen.", d1="Hunde.")
    by_language.subsets["en-qrels"]["test"] = qrels(("q1", "d1", 1), ("q1", "e1", 1))
    collection = read_hub("org/cats")
    # d1 is in the corpus of the query's language, e1 only in the other.
    assert collection.documents.ids == ("en:d1", "en:d2", "de:e1", "de:d1")
    assert collection.judged[: collection.indptr[1]].tolist() == [0, 2]
    by_language.subsets["en-qrels"]["test"] = qrels(("q1", "gone", 1))
    with pytest.raises(CollectionError, match="1 missing documents, such as 'en:gone'"):
        read_hub("org/cats")


def test_parallel_ids_make_groups_and_judgements_across_languages(by_language: FakeDatasets) -> None:
    by_language.subsets["en-qrels"]["test"] = qrels(("q1", "d1", 1), ("q1", "d2", 1))
    collection = read_hub("org/cats", parallel=True)
    assert collection.documents.groups == ("d1", "d2", "d1")
    assert collection.queries.groups == ("q1", "q1", "q2")
    assert collection.indptr.tolist() == [0, 3, 5, 7]
    assert collection.judged.tolist() == [0, 1, 2, 0, 2, 0, 2]


def test_number_ids_are_read_as_strings_and_said(together: FakeDatasets) -> None:
    together.subsets["corpus"]["corpus"] = [{"_id": 1, "text": "x", "language": "en"}]
    together.subsets["default"]["test"] = qrels(("q1", "1", 1))
    collection = read_hub("org/cats")
    assert collection.documents.ids == ("1",)
    assert collection.notes["numbers_read_as_string_ids"] == ["corpus._id"]


def test_rows_that_cannot_be_used_are_named(together: FakeDatasets) -> None:
    together.subsets["default"]["test"] = qrels(("q1", "d1", 0.5))
    with pytest.raises(
        FormatError, match=r"hub:org/cats/default:1: the score is 0\.5, .* scale fractions to whole grades"
    ):
        read_hub("org/cats")
    together.subsets["default"]["test"] = qrels(("q1", "d1", 1), ("q1", "d1", 1))
    with pytest.raises(FormatError, match="hub:org/cats/default:2: document 'd1' is judged twice"):
        read_hub("org/cats")
    together.subsets["default"]["test"] = qrels(("q1", "gone", 1))
    with pytest.raises(CollectionError, match="hub:org/cats: the judgements name 1 missing documents, such as 'gone'"):
        read_hub("org/cats")
    assert read_hub("org/cats", allow_missing=True).notes["judged_documents_missing"] == 1
    del together.subsets["corpus"]["corpus"][1]["language"]
    together.subsets["default"]["test"] = qrels(("q1", "d1", 1))
    with pytest.raises(FormatError, match="hub:org/cats/corpus:2: 'd2' has no language; add the field"):
        read_hub("org/cats")
    assert read_hub("org/cats", language="de").documents.languages == ("en", "de")


def test_layouts_that_are_not_known(together: FakeDatasets, tmp_path: Path) -> None:
    with pytest.raises(CollectionError, match=r"subset 'default' has no split 'train'; .* one of test, dev"):
        read_hub("org/cats", split="train")
    with pytest.raises(
        FormatError, match=r"hub:org/cats/queries:1: the id 'q1' does not begin with its language, such as"
    ):
        read_hub("org/cats", parallel=True)
    together.subsets["corpus"] = {"train": [], "dev": []}
    with pytest.raises(CollectionError, match="subset 'corpus' has no split 'test'"):
        read_hub("org/cats")
    del together.subsets["default"]
    with pytest.raises(CollectionError, match="has the subset 'corpus' but not 'queries' and 'qrels'; it has"):
        read_hub("org/cats")
    del together.subsets["corpus"]
    with pytest.raises(CollectionError, match="neither a subset 'corpus' nor one such as 'de-corpus'; it has queries"):
        read_hub("org/cats")
    with pytest.raises(UsageError, match=r"revision is 'abc', but .* is a local folder"):
        read_hub(str(tmp_path), revision="abc")


def test_options_and_subsets_that_contradict(by_language: FakeDatasets) -> None:
    with pytest.raises(UsageError, match="has a subset for each language, so leave the option language out"):
        read_hub("org/cats", language="en")
    by_language.subsets["eng_Latn-corpus"] = {}
    with pytest.raises(CollectionError, match="has subsets for en under two names: en and eng_Latn"):
        read_hub("org/cats")


def test_a_local_folder_gives_its_name(together: FakeDatasets, tmp_path: Path) -> None:
    assert read_hub(f"{tmp_path}/").name == tmp_path.name
    assert together.calls[0] == (f"{tmp_path}/", None)


@pytest.mark.usefixtures("together")
def test_what_cannot_be_reached_is_one_sentence() -> None:
    with pytest.raises(CollectionError) as caught:
        read_hub("org/unreachable")
    assert str(caught.value) == (
        "hub:org/unreachable could not be read (Couldn't reach 'org/unreachable' on the Hub); "
        "check the name and the network, or download it and give its folder"
    )


def test_a_missing_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'clinometer\[hub\]'"):
        read_hub("org/cats")


def test_a_folder_in_the_layout_of_beir_needs_no_other_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    collection = load("demo", languages=["en", "de"])
    write_beir(collection, tmp_path / "demo")
    read = load(f"hub:{tmp_path / 'demo'}", languages=["de"])
    assert read.digest() == collection.restrict(["de"]).digest()
    assert read.documents.groups == collection.restrict(["de"]).documents.groups
    with pytest.raises(UsageError, match="is a folder in BEIR's layout; leave the options parallel and revision out"):
        load(f"hub:{tmp_path / 'demo'}", parallel=True)
