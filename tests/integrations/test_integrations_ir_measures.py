"""Our measures inside ir_measures: equal to an evaluation, and honest about what a run lacks."""

from __future__ import annotations

import ir_measures
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.brute_force import embeddings, random_collection

import clinometer as cm
from clinometer.encoders import PrecomputedEncoder
from clinometer.errors import CollectionError, UsageError
from clinometer.integrations.ir_measures import MEASURES, LanguageProvider
from clinometer.io.trec import qrels_of, run_of

NAMES = ("MaxR", "MaxRnorm", "Complete@3", "RankGap", "PivotFirst", "Intrusion", "IntrusionCount", "Intrusion(by=own)")


def parsed(name: str) -> ir_measures.Measure:
    return ir_measures.parse_measure(name.replace("=own", "='own'"))


@settings(max_examples=20)
@given(seed=st.integers(0, 1 << 20), tied=st.booleans())
def test_it_agrees_with_an_evaluation(seed: int, tied: bool) -> None:
    # Texts all differ, so that the qrels say all that the collection knows.
    collection = random_collection(seed).restrict(["en", "de"])
    if any(len(twins) for twins in collection.twins()) or not len(collection.relevant()[1]):
        return
    queries = embeddings(seed, len(collection.queries), 4, tied)
    documents = embeddings(seed + 1, len(collection.documents), 4, tied)
    ids = collection.documents.ids
    top = cm.search(queries, documents, k=len(ids), ties="trec", document_ids=ids)
    evaluation = cm.evaluate(
        collection, PrecomputedEncoder(queries, documents), scenarios=["multi"], measures=NAMES, ties="trec",
        resamples=0,
    )  # fmt: skip
    provider = LanguageProvider(
        dict(zip(ids, collection.documents.languages, strict=True)),
        dict(zip(collection.queries.ids, collection.queries.languages, strict=True)),
    )
    run = run_of(top, collection.queries.ids, ids)
    qrels = qrels_of(collection)
    found = {
        (metric.query_id, str(metric.measure).replace("'", "")): metric.value
        for metric in provider.iter_calc([parsed(name) for name in NAMES], qrels, run)
    }
    table = evaluation.per_query
    for name in NAMES:
        values = table.get(name, np.full(len(table["query_id"]), np.nan))
        for query, value in zip(table["query_id"].tolist(), values.tolist(), strict=True):
            assert found[query, name] == pytest.approx(value, nan_ok=True), (query, name)


LANGUAGES = {"a": "en", "b": "deu_Latn", "c": "en", "d": "de"}


def test_by_hand() -> None:
    provider = LanguageProvider(LANGUAGES, {"q": "de", "r": "en"})
    qrels = {"q": {"a": 1, "b": 2, "c": 0}, "r": {"a": 1}, "nothing": {"a": 0}}
    run = {"q": {"a": 3.0, "c": 2.0, "b": 1.0}, "r": {"a": 1.0, "c": 1.0}}
    values = {
        (metric.query_id, str(metric.measure)): metric.value
        for metric in provider.iter_calc([MEASURES["MaxR"], parsed("Complete@2"), MEASURES["RankGap"]], qrels, run)
    }
    assert values["q", "MaxR"] == 3
    assert values["q", "RankGap"] == pytest.approx(np.log2(3))
    assert values["r", "MaxR"] == 2  # c comes first, as in trec_eval
    assert values["r", "Complete@2"] == 100
    assert np.isnan(values["r", "RankGap"])
    assert np.isnan(values["nothing", "MaxR"])
    # Queries without a value do not count.
    assert provider.calc_aggregate([MEASURES["RankGap"]], qrels, run)[MEASURES["RankGap"]] == pytest.approx(np.log2(3))


def test_what_a_run_lacks_has_no_rank() -> None:
    provider = LanguageProvider(LANGUAGES)
    measures = [MEASURES["MaxR"], MEASURES["MaxRnorm"], parsed("Complete@2"), parsed("Complete@4")]
    qrels = {"q": {"a": 1, "b": 1}, "r": {"a": 1}}
    found = {(m.query_id, str(m.measure)): m.value for m in provider.iter_calc(measures, qrels, {"q": {"a": 1.0}})}
    for query in ("q", "r"):
        assert np.isnan(found[query, "MaxR"])
        assert found[query, "MaxRnorm"] == found[query, "Complete@2"] == found[query, "Complete@4"] == 0


def test_names_are_registered_and_supported() -> None:
    provider = LanguageProvider(LANGUAGES, {"q": "de"})
    for name in NAMES:
        assert provider.supports(parsed(name)), name
    assert not provider.supports(ir_measures.nDCG)
    assert "MaxR" in ir_measures.measures.registry


def test_what_is_missing_is_named() -> None:
    with pytest.raises(UsageError, match="languages is empty"):
        LanguageProvider({})
    provider = LanguageProvider(LANGUAGES)
    with pytest.raises(CollectionError, match=r"query 'q': document 'x' has no language; add it to the mapping"):
        provider.calc_aggregate([MEASURES["MaxR"]], {"q": {"a": 1}}, {"q": {"x": 1.0}})
    with pytest.raises(CollectionError, match="RankGap needs the language of query 'q'; add it to query_languages"):
        provider.calc_aggregate([MEASURES["RankGap"]], {"q": {"a": 1}}, {"q": {"a": 1.0}})
