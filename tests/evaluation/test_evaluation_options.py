"""The options of `evaluate`: their defaults, what is recorded of them, and what is refused before the work."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from support.brute_force import collection_of
from support.hand_worked import Told, evaluated

import clinometer as cm
from clinometer import Collection
from clinometer.encoders import EncoderRecord, PrecomputedEncoder
from clinometer.errors import (
    CollectionError,
    EmbeddingError,
    FormatError,
    LanguageError,
    MeasureError,
    UsageError,
)
from clinometer.scenarios.options import DEFAULT_MEASURES, EvaluationOptions


def test_what_was_done_is_recorded(collection: Collection, encoder: Told) -> None:
    found = evaluated(collection, encoder, "mrr", "ndcg_cut_10", scenarios=["mono-same"], ties="trec", seed=7)
    assert found.settings == {
        "pivot": "en", "pairs": "pivot", "scenarios": ["mono-same"], "measures": ["RR", "nDCG@10"], "ties": "trec",
        "resamples": 0, "confidence": 0.95, "seed": 7, "resample": "cluster", "clusters": 2, "questions": 2,
        "similarity": "cosine", "query_set": "answered", "exclude_own_id": False,
        "version": cm.__version__,
    }  # fmt: skip
    assert found.encoder["kind"] == "precomputed"
    assert found.collection["digest"] == collection.digest()


def test_defaults_are_all_scenarios_and_the_default_measures(collection: Collection, encoder: Told) -> None:
    found = cm.evaluate(collection, encoder)
    assert set(DEFAULT_MEASURES) == {row["measure"] for row in found.rows}
    assert len({row["scenario"] for row in found.rows}) == 5


def test_options_may_be_generators(collection: Collection, encoder: Told) -> None:
    wanted = evaluated(collection, encoder, "MaxR", languages=["en", "de"], scenarios=["multi"])
    found = cm.evaluate(
        collection,
        encoder,
        measures=(name for name in ["MaxR"]),
        languages=(label for label in ["en", "de"]),
        scenarios=(name for name in ["multi"]),
        resamples=0,
    )
    assert found.rows == wanted.rows
    assert found.settings == wanted.settings


class Fixed:
    """An encoder that returns what it is told to."""

    def __init__(self, queries: NDArray[Any], documents: NDArray[Any]) -> None:
        self.queries, self.documents = queries, documents
        self.record = EncoderRecord(name="fixed", kind="precomputed")

    def encode_queries(self, texts: Sequence[str], *, show_progress_bar: bool = False) -> NDArray[Any]:
        return self.queries

    def encode_documents(self, texts: Sequence[str], *, show_progress_bar: bool = False) -> NDArray[Any]:
        return self.documents


def test_embeddings_that_cannot_be_scored_are_named_by_id(collection: Collection) -> None:
    good_queries, good_documents = np.ones((6, 2), np.float32), np.ones((8, 2), np.float32)
    for bad, names in ((np.nan, "'en1', 'zh1'"), (np.inf, "'en1', 'zh1'"), (0.0, "'en1', 'zh1'")):
        documents = good_documents.copy()
        documents[[1, 7]] = bad
        with pytest.raises(EmbeddingError, match=rf"2 documents are zero, NaN or infinite \({names}\); encode these"):
            evaluated(collection, Fixed(good_queries, documents), "MaxR")
    queries = np.zeros((6, 2), np.float32)
    with pytest.raises(EmbeddingError, match=r"6 queries .*'q-en0'.*'q-zh0', \.\.\.\)"):
        evaluated(collection, Fixed(queries, good_documents), "MaxR")
    with pytest.raises(
        EmbeddingError, match="the encoder returned 7 rows for 8 documents, but must return one for each"
    ):
        evaluated(collection, Fixed(good_queries, good_documents[1:]), "MaxR")
    with pytest.raises(EmbeddingError, match="queries have dimension 2, documents 3; encode both with one encoder"):
        evaluated(collection, Fixed(good_queries, np.ones((8, 3), np.float32)), "MaxR")


MISTAKES: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"scenarios": ["multy"]}, UsageError, "unknown scenario 'multy'; expected one of mono-same, mono-cross, multi"),
    ({"scenarios": []}, UsageError, "no scenario was chosen; expected one of mono-same"),
    ({"scenarios": "multi"}, UsageError, r"scenarios must be a list of texts, not 'multi'; write \['multi'\]"),
    ({"languages": "en,de"}, UsageError, r"languages must be a list of texts, not 'en,de'; write \['en', 'de'\]"),
    ({"languages": ["en", "?"]}, LanguageError, r"'\?' is not a language label; write one like 'en'"),
    ({"languages": ["en", "fr"]}, LanguageError, "collection 'made' has no fr; it has en, de, zh"),
    ({"languages": ["de", "zh"]}, LanguageError, "the pivot 'en' is not among the languages de, zh; choose another"),
    ({"languages": ["en"]}, UsageError, "mono-cross, multi, one-sided need two languages, but there is only en"),
    ({"pivot": "fr"}, LanguageError, "the pivot 'fr' is not among the languages en, de, zh; choose another pivot"),
    ({"pairs": "some"}, UsageError, "pairs is 'some', but must be pivot or all"),
    ({"measures": ["nDCG@", "Foo"]}, MeasureError, "2 measure names cannot be used: 'nDCG@'.*'Foo'"),
    ({"measures": []}, MeasureError, "no measure was chosen; choose some, such as MaxR"),
    ({"ties": "random"}, UsageError, "unknown tie mode 'random'; expected one of index, trec"),
    ({"resamples": -1}, UsageError, "resamples is -1, but cannot be negative"),
    ({"confidence": 1.0}, UsageError, "confidence is 1.0, but must lie between 0 and 1"),
    ({"confidence": float("nan")}, UsageError, "confidence is nan, but must be a finite number"),
    ({"seed": -1}, UsageError, "seed is -1, but cannot be negative"),
    ({"seed": 1 << 64}, UsageError, "seed is 18446744073709551616, but can be at most"),
    ({"threads": 0}, UsageError, "threads is 0, but must be 1 or more"),
    ({"examples": -1}, UsageError, "examples is -1, but cannot be negative"),
    ({"examples": 10**16}, UsageError, "examples is 10000000000000000, but can be at most 1,000,000,000"),
]  # fmt: skip


@pytest.mark.parametrize(("options", "kind", "sentence"), MISTAKES, ids=[str(mistake[0]) for mistake in MISTAKES])
def test_options_that_cannot_be_used_are_refused(
    collection: Collection, encoder: Told, options: dict[str, Any], kind: type[Exception], sentence: str
) -> None:
    with pytest.raises(kind, match=sentence):
        cm.evaluate(collection, encoder, **options)


class Untouched(Fixed):
    """An encoder that must not be asked."""

    def encode_documents(self, texts: Sequence[str], *, show_progress_bar: bool = False) -> NDArray[Any]:
        raise AssertionError("texts were encoded although an option cannot be used")

    encode_queries = encode_documents


@pytest.mark.parametrize(("options", "kind", "sentence"), MISTAKES, ids=[str(mistake[0]) for mistake in MISTAKES])
def test_options_are_refused_before_anything_is_encoded(
    collection: Collection, options: dict[str, Any], kind: type[Exception], sentence: str
) -> None:
    with pytest.raises(kind, match=sentence):
        cm.evaluate(collection, Untouched(np.ones((1, 1)), np.ones((1, 1))), **options)


def test_every_bad_option_is_seen_without_a_collection() -> None:
    EvaluationOptions()
    EvaluationOptions(languages=["eng_Latn", "deu_Latn"], pivot="eng_Latn")
    for options, kind, sentence in MISTAKES:
        if "made" not in sentence and options != {"pivot": "fr"}:
            with pytest.raises(kind, match=sentence):
                EvaluationOptions.of(**options)


def test_a_source_that_cannot_be_read_is_refused(tmp_path: Any) -> None:
    with pytest.raises(UsageError, match="unknown source 'nowhere'; expected demo, xquad:DIR"):
        cm.evaluate("nowhere", "offline")
    with pytest.raises(FileNotFoundError, match="absent does not exist; check the path"):
        cm.evaluate(f"xquad:{tmp_path / 'absent'}", "offline")
    (tmp_path / "corpus.jsonl").write_text('{"_id": "a", "text": "A"}\n{"_id": ', encoding="utf-8")
    (tmp_path / "queries.jsonl").write_text('{"_id": "q", "text": "Q"}\n', encoding="utf-8")
    (tmp_path / "qrels").mkdir()
    (tmp_path / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq\ta\t1\n", encoding="utf-8")
    with pytest.raises(FormatError, match=r"corpus\.jsonl:2: "):
        cm.evaluate(cm.load(f"beir:{tmp_path}", language="en"), "offline")


def test_a_collection_without_answers_is_refused() -> None:
    collection = collection_of([("a", "A", "en")], [("q", "en")], {("q", "a"): 0})
    one = np.ones((1, 2), np.float32)
    with pytest.raises(CollectionError, match="no query of 'made' has a relevant document in these languages"):
        evaluated(collection, PrecomputedEncoder(one, one), "MaxR", scenarios=["mono-same"])


def test_measures_that_no_setting_defines_are_refused(collection: Collection, encoder: Told) -> None:
    with pytest.raises(CollectionError, match="none of the measures has a value in any of the settings"):
        evaluated(collection, encoder, "RankGap", scenarios=["mono-same"])


def test_a_bar_is_drawn_only_when_asked_for(
    collection: Collection, encoder: Told, capsys: pytest.CaptureFixture[str]
) -> None:
    evaluated(collection, encoder, "MaxR")
    assert capsys.readouterr() == ("", "")
    evaluated(collection, encoder, "MaxR", show_progress_bar=True)
    out, err = capsys.readouterr()
    assert out == ""
    assert "scan" in err
