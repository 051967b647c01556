"""Data sets of ir_datasets, from files that a test writes: what is read is what ir_datasets says is there."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import clinometer as cm
from clinometer.encoders import PrecomputedEncoder
from clinometer.errors import CollectionError, FormatError, MissingExtraError, UsageError
from clinometer.io.irds import read_irds
from clinometer.io.trec import qrels_of

ir_datasets = pytest.importorskip("ir_datasets", reason="the extra irds is not installed")

Register = Callable[..., str]


@pytest.fixture
def register(tmp_path: Path) -> Iterator[Register]:
    """Write a data set, register it under a name, and take it off the register again."""
    names: list[str] = []

    def made(
        title: str,
        documents: dict[str, str],
        queries: dict[str, str],
        qrels: list[tuple[str, str, int]],
        **languages: str,
    ) -> str:
        folder = tmp_path / title
        folder.mkdir(parents=True)
        for file, texts in (("docs", documents), ("queries", queries)):
            lines = [f"{name}\t{text}\n" for name, text in texts.items()]
            (folder / f"{file}.tsv").write_text("".join(lines), encoding="utf-8")
        lines = [f"{query} 0 {document} {grade}\n" for query, document, grade in qrels]
        (folder / "qrels").write_text("".join(lines), encoding="utf-8")
        formats, local = ir_datasets.formats, ir_datasets.util.LocalDownload
        parts = [
            formats.TsvDocs(local(folder / "docs.tsv"), lang=languages.get("docs_lang")),
            formats.TsvQueries(local(folder / "queries.tsv"), lang=languages.get("queries_lang")),
            formats.TrecQrels(local(folder / "qrels"), {}),
        ]
        ir_datasets.registry.register(title, ir_datasets.Dataset(*parts))
        names.append(title)
        return title

    yield made
    for name in names:
        ir_datasets.registry._registered.pop(name)


@pytest.fixture
def german(register: Register) -> str:
    return register(
        "test-clir/de", {"1": "Eine Katze.", "2": "Ein Hund.", "3": "Ein Haus."}, {"q": "a cat", "r": "a dog"},
        [("q", "1", 1), ("q", "2", 0), ("r", "2", 2)], docs_lang="de", queries_lang="en",
    )  # fmt: skip


@pytest.fixture
def chinese(register: Register) -> str:
    return register(
        "test-clir/zh", {"1": "一只猫。", "2": "一条狗。"}, {"q": "a cat"}, [("q", "1", 3)],
        docs_lang="zh", queries_lang="en",
    )  # fmt: skip


def test_one_data_set_is_what_ir_datasets_says(german: str) -> None:
    collection = cm.load(f"irds:{german}")
    data = ir_datasets.load(german)
    assert collection.documents.ids == tuple(document.doc_id for document in data.docs_iter())
    assert collection.documents.texts == tuple(document.default_text() for document in data.docs_iter())
    assert collection.queries.texts == tuple(query.text for query in data.queries_iter())
    qrels: dict[str, dict[str, int]] = {}
    for judgement in data.qrels_iter():
        qrels.setdefault(judgement.query_id, {})[judgement.doc_id] = judgement.relevance
    assert qrels_of(collection) == qrels
    assert set(collection.documents.languages) == {"de"}
    assert set(collection.queries.languages) == {"en"}
    assert collection.name == "test-clir-de"
    assert collection.notes["languages_found_by"] == {"queries: stated": 2, "documents: stated": 3}


def test_several_lie_in_one_pool_and_share_their_topics(german: str, chinese: str) -> None:
    collection = cm.load(f"irds:{german},{chinese}")
    assert collection.documents.ids == ("de:1", "de:2", "de:3", "zh:1", "zh:2")
    assert collection.queries.ids == ("en:q", "en:r")
    assert qrels_of(collection) == {"en:q": {"de:1": 1, "de:2": 0, "zh:1": 3}, "en:r": {"de:2": 2}}
    assert collection.documents.groups == ("judged:de:1", None, None, "judged:de:1", None)
    assert collection.notes["groups_inferred_from_judgements"] == {"documents": 1}


def test_parallel_data_sets(register: Register) -> None:
    names = [
        register(
            f"test-parallel/{label}", {"7": f"answer {label}", "8": f"other {label}"}, {"q": f"question {label}"},
            [("q", "7", 1)], docs_lang=label, queries_lang=label,
        )
        for label in ("de", "en")
    ]  # fmt: skip
    collection = read_irds(names, parallel=True)
    assert qrels_of(collection) == {f"{label}:q": {"de:7": 1, "en:7": 1} for label in ("de", "en")}
    assert collection.documents.groups == ("7", "8", "7", "8")
    assert qrels_of(read_irds(names)) == {"de:q": {"de:7": 1}, "en:q": {"en:7": 1}}
    with pytest.raises(UsageError, match="parallel is for several data sets"):
        read_irds(names[:1], parallel=True)


def test_languages_from_the_name_or_an_option(register: Register) -> None:
    name = register("test-named/fr/part", {"1": "Un chat."}, {"q": "a cat"}, [("q", "1", 1)])
    with pytest.raises(FormatError, match="the language of the queries is not known; give the option query_language"):
        cm.load(f"irds:{name}")
    collection = cm.load(f"irds:{name}", query_language="en")
    assert collection.languages == ("fr", "en")
    other = register("test-plain", {"1": "Un chat."}, {"q": "a cat"}, [("q", "1", 1)], queries_lang="en")
    with pytest.raises(FormatError, match="the language of the documents is not known; give the option language='de'"):
        cm.load(f"irds:{other}")
    assert cm.load(f"irds:{other}", language="fr").languages == ("fr", "en")


def test_fields_pools_and_gaps(register: Register, german: str) -> None:
    assert read_irds([german], judged_only=True).documents.ids == ("1", "2")
    assert read_irds([german], judged_only=True).notes["documents_not_judged_left_out"] == 1
    assert read_irds([german], query_field="text").queries.texts == ("a cat", "a dog")
    with pytest.raises(FormatError, match="a query has no text 'ht_title'; it has query_id, text"):
        read_irds([german], query_field="ht_title")
    gaps = register(
        "test-gaps", {"1": "x", "2": ""}, {"q": "?"}, [("q", "1", 1), ("q", "9", 1)], docs_lang="de", queries_lang="de"
    )
    with pytest.raises(CollectionError, match="the judgements name 1 missing documents"):
        read_irds([gaps])
    collection = read_irds([gaps], allow_missing=True)
    assert (collection.notes["judged_documents_missing"], collection.notes["documents_empty_left_out"]) == (
        1,
        {"de": 1},
    )


def test_what_nobody_judged_is_reported_and_said(german: str, chinese: str) -> None:
    collection = cm.load(f"irds:{german},{chinese}")
    documents = np.eye(5, dtype=np.float32) + np.float32(0.1)
    queries = documents[[0, 1]]
    evaluation = cm.evaluate(
        collection, PrecomputedEncoder(queries, documents), scenarios=["multilingual"], measures=["R@2", "Judged@1"]
    )
    # The top ten are the whole pool of five: of q three are judged, of r one.
    values = dict(
        zip(evaluation.per_query["query_id"].tolist(), evaluation.per_query["Judged@10"].tolist(), strict=True)
    )
    assert values == {"en:q": pytest.approx(3 / 5), "en:r": pytest.approx(1 / 5)}
    assert evaluation.per_query["Judged@1"].tolist() == [1.0, 1.0]
    assert evaluation.value("Judged@10", "multilingual", "en") == pytest.approx(0.4)
    (notice,) = [notice for notice in evaluation.notices if "judgement" in notice]
    assert notice.startswith(
        "multilingual, pool en+de+zh: 60.0% of the top 10 documents of en queries have no judgement"
    )


def test_judged_is_that_of_ir_measures(german: str) -> None:
    import ir_measures

    from clinometer.io.trec import run_of

    collection = cm.load(f"irds:{german}")
    rng = np.random.default_rng(3)
    queries, documents = (rng.normal(size=(size, 4)).astype(np.float32) for size in (2, 3))
    top = cm.search(queries, documents, k=3)
    run = run_of(top, collection.queries.ids, collection.documents.ids)
    evaluation = cm.evaluate(
        collection, PrecomputedEncoder(queries, documents), scenarios=["multilingual"], measures=["Judged@2"]
    )
    ours = dict(zip(evaluation.per_query["query_id"].tolist(), evaluation.per_query["Judged@2"].tolist(), strict=True))
    for metric in ir_measures.iter_calc([ir_measures.Judged @ 2], qrels_of(collection), run):
        assert ours[metric.query_id] == metric.value


def test_what_cannot_be_had(german: str, register: Register, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="ir_datasets has no data set 'no/such'; look at its catalogue"):
        cm.load("irds:no/such")
    with pytest.raises(CollectionError, match="irds:mmarco/de has no queries, qrels; name one of its parts"):
        cm.load("irds:mmarco/de")
    other = register("test-clir/x", {"5": "x"}, {"q": "a kitten"}, [("q", "5", 1)], docs_lang="fr", queries_lang="en")
    with pytest.raises(FormatError, match="query 'en:q' has another text in another data set"):
        cm.load(f"irds:{german},{other}")
    (tmp_path / "test-clir/de/docs.tsv").unlink()
    with pytest.raises(CollectionError, match=r"irds:test-clir/de: the docs could not be read .* set IR_DATASETS_HOME"):
        cm.load(f"irds:{german}")
    modules: dict[str, Any] = {"ir_datasets": None}
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    with pytest.raises(MissingExtraError, match=r"pip install 'clinometer\[irds\]'"):
        cm.load(f"irds:{german}")
