"""A slice of real data with a real transformer: multilingual-e5-small on two languages of XQuAD.

The model lies in `models/multilingual-e5-small`, where `make test-models` puts it together; results on the whole
collection are in `studies/results`.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest

import clinometer as cm
from clinometer.collection import Collection

MODEL = Path(__file__).resolve().parents[2] / "models" / "multilingual-e5-small"
pytestmark = [pytest.mark.models, pytest.mark.shared, pytest.mark.filterwarnings("ignore")]


def first_topics(collection: Collection, passages: int) -> Collection:
    """The first passages of each language, with the queries about them."""
    groups = list(dict.fromkeys(collection.documents.groups))[:passages]
    builder = cm.CollectionBuilder(collection.name)
    documents, queries = collection.documents, collection.queries
    kept = {row for row, group in enumerate(documents.groups) if group in groups}
    for row in sorted(kept):
        builder.add_document(documents.ids[row], documents.texts[row], documents.languages[row], documents.groups[row])
    for query in range(len(queries)):
        judged = collection.judged[collection.indptr[query] : collection.indptr[query + 1]]
        if kept.issuperset(judged.tolist()):
            builder.add_query(queries.ids[query], queries.texts[query], queries.languages[query], queries.groups[query])
            for row in judged:
                builder.judge(queries.ids[query], documents.ids[row])
    return builder.build()


@pytest.fixture(scope="module")
def evaluation(shared: Path) -> cm.Evaluation:
    if not MODEL.is_dir():
        pytest.skip("multilingual-e5-small is not built; `make test-models` does it")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what torch says while loading is its own
        collection = first_topics(cm.load(f"xquad:{shared}/data/xquad", languages=["en", "zh"]), passages=30)
        return cm.evaluate(collection, str(MODEL), scenarios=["multi", "one-sided", "mono-same"], resamples=200)


def test_the_prompts_of_e5_are_in_force(evaluation: cm.Evaluation) -> None:
    record = evaluation.encoder
    assert (record["query_prompt"], record["document_prompt"]) == ("query: ", "passage: ")
    assert (record["name"], record["dimension"], record["max_length"]) == ("multilingual-e5-small", 384, 512)


def test_chinese_queries_bury_the_english_answer(evaluation: cm.Evaluation) -> None:
    """On its own language the model is good; in the mixed pool it puts unrelated Chinese passages first."""
    in_own_language = evaluation.value("nDCG@1", "mono-same", "zh")
    complete = evaluation.value("Complete@10", "multi", "zh")
    intruded = evaluation.value("Intrusion(by=own)", "one-sided", "zh")
    gap = evaluation.value("RankGap", "multi", "zh")
    assert in_own_language is not None
    assert in_own_language > 0.9
    assert complete is not None
    assert complete < 30
    assert intruded is not None
    assert intruded > 0.9
    assert gap is not None
    assert gap < -2


def test_one_vector_per_text(evaluation: cm.Evaluation) -> None:
    assert sum(evaluation.collection["documents"].values()) == 60
    assert all(np.isfinite(row["value"]) for row in evaluation.rows)
