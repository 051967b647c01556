"""Feedback: each pool's second search, by hand and by brute force; the first place stays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from support.judged_topics import judged_topics

import clinometer as cm
from clinometer.correction import CorrectedEncoder, fit
from clinometer.correction.feedback import fed_back
from clinometer.encoders import EncoderRecord, PrecomputedEncoder
from clinometer.errors import EmbeddingError, UsageError
from clinometer.scenarios import Setting, settings_of
from clinometer.scorers import MatrixScorer, StoredEmbeddings
from clinometer.store import EmbeddingStore, StoreWriter

LANGUAGES = ("en", "de", "zh")
TOPICS, DIMENSION, WEIGHT = 12, 6, 0.4
MEASURES = ["Complete@3", "nDCG@1", "nDCG@10", "RankGap", "Intrusion", "Intrusion(by=own)", "LangShare@3", "Judged@3"]


def unit(rows: NDArray[Any]) -> NDArray[np.float64]:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float64)


@pytest.fixture(scope="module")
def collection() -> cm.Collection:
    return judged_topics("feedback", LANGUAGES, TOPICS, without=[(5, "zh")])


@pytest.fixture(scope="module")
def arrays(collection: cm.Collection) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    draw = np.random.default_rng(1)
    meaning = draw.normal(size=(TOPICS, DIMENSION))
    lean = {label: draw.normal(size=DIMENSION) for label in LANGUAGES}
    sides = [
        np.array([meaning[int(group or 0)] + lean[label] + 0.6 * draw.normal(size=DIMENSION)
                  for group, label in zip(side.groups, side.languages, strict=True)], dtype=np.float32)
        for side in (collection.queries, collection.documents)
    ]  # fmt: skip
    return sides[0], sides[1]


def second_scores(
    collection: cm.Collection, arrays: tuple[Any, Any], setting: Setting, excluded: bool = False
) -> NDArray[np.float32]:
    """Scores of the second search in one pool, for the queries of its language; of the first for the others."""
    queries, documents = map(unit, arrays)
    scores = queries @ documents.T
    first = scores.copy()
    languages = np.array(collection.documents.languages)
    for query, label in enumerate(collection.queries.languages):
        if label != setting.query_language:
            continue
        pool = np.isin(languages, setting.pool)
        span = slice(collection.indptr[query], collection.indptr[query + 1])
        answers = collection.judged[span][collection.grades[span] >= 1]
        if setting.removed is not None:
            pool[answers[languages[answers] == setting.removed]] = False
        if excluded:
            pool &= np.array(collection.documents.ids) != collection.queries.ids[query]
        best = np.flatnonzero(pool)[first[query, pool].argmax()]
        moved = queries[query] + WEIGHT * documents[best]
        scores[query] = documents @ (moved / np.linalg.norm(moved))
    return scores.astype(np.float32)


def rows_of(evaluation: cm.Evaluation, setting: Setting) -> dict[str, NDArray[Any]]:
    table = evaluation.per_query
    mask = (table["scenario"] == setting.scenario) & (table["query_language"] == setting.query_language)
    mask &= table["pool_languages"] == "+".join(setting.pool)
    return {name: np.asarray(column)[mask] for name, column in table.items()}


@pytest.mark.parametrize("options", [{}, {"exclude_own_id": True}, {"ties": "trec"}, {"pairs": "all"}])
def test_every_pool_is_searched_with_its_own_best_document(
    collection: cm.Collection, arrays: tuple[Any, Any], options: dict[str, Any]
) -> None:
    fixed: dict[str, Any] = {"measures": MEASURES, "resamples": 0, **options}
    evaluation = cm.evaluate(collection, PrecomputedEncoder(*arrays), feedback=WEIGHT, **fixed)
    scenarios = ("mono-same", "mono-cross", "multi", "one-sided", "multilingual")
    compared = 0
    for setting in settings_of(scenarios, collection.languages, "en", options.get("pairs", "pivot")):
        for mirrored in (False, True):
            if mirrored and not setting.removed:
                continue
            scores = second_scores(
                collection, arrays, setting.mirrored() if mirrored else setting, "exclude_own_id" in options
            )
            alone = cm.evaluate(collection, MatrixScorer(scores), scenarios=[setting.scenario], **fixed)
            wanted = rows_of(alone, setting)
            values = rows_of(evaluation, setting)
            assert values["query_id"].tolist() == wanted["query_id"].tolist()
            for measure in MEASURES:
                if measure in wanted and mirrored == (measure == "Intrusion(by=own)"):
                    np.testing.assert_allclose(values[measure], wanted[measure], err_msg=f"{setting} {measure}")
                    compared += int(np.count_nonzero(~np.isnan(wanted[measure])))
    assert compared > 500


def test_the_first_place_stays_and_more_changes(collection: cm.Collection, arrays: tuple[Any, Any]) -> None:
    measures = ["nDCG@1", "RR", "Complete@3"]
    plain, fed = (
        cm.evaluate(collection, PrecomputedEncoder(*arrays), measures=measures, resamples=0, feedback=weight).per_query
        for weight in (None, WEIGHT)
    )
    np.testing.assert_array_equal(plain["nDCG@1"], fed["nDCG@1"])
    np.testing.assert_array_equal(np.asarray(plain["RR"]) == 1, np.asarray(fed["RR"]) == 1)
    assert (np.asarray(plain["Complete@3"]) != np.asarray(fed["Complete@3"])).any()


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 9), st.floats(0.01, 100.0))
def test_the_best_document_stays_first(seed: int, dimension: int, weight: float) -> None:
    draw = np.random.default_rng(seed)
    queries, documents = draw.normal(size=(5, dimension)), draw.normal(size=(30, dimension))
    documents[20:] = documents[:10] + 0.01 * draw.normal(size=(10, dimension))
    documents[19] = documents[0]
    best = cm.search(queries.astype(np.float32), documents.astype(np.float32), k=1).ids[:, 0]
    moved = fed_back(queries, documents[best], weight)
    again = cm.search(moved, documents.astype(np.float32), k=30)
    # What may come before it has the same score but for the rounding of float32.
    first = np.take_along_axis(again.scores, np.argmax(again.ids == best[:, None], axis=1)[:, None], axis=1)
    assert (again.scores[:, :1] - first <= 4e-7).all()
    assert (again.ids[:, 0] == best).mean() >= 0.8


def test_by_hand() -> None:
    # (1, 0) + 0.5 (0.6, 0.8) = (1.3, 0.4), of length sqrt(1.85); a row of zeros is no document.
    moved = fed_back([[2.0, 0.0], [0.0, 3.0]], [[3.0, 4.0], [0.0, 0.0]], weight=0.5)
    np.testing.assert_allclose(moved, [[1.3 / 1.85**0.5, 0.4 / 1.85**0.5], [0.0, 1.0]], atol=1e-7)
    draw = np.random.default_rng(0)
    rows = draw.normal(size=(9000, 3)).astype(np.float32)
    np.testing.assert_array_equal(
        fed_back(rows, rows[::-1])[8500:8600], fed_back(rows[8500:8600], rows[::-1][8500:8600])
    )
    with pytest.raises(EmbeddingError, match=r"queries have shape \(1, 2\), their documents \(2, 2\)"):
        fed_back([[1.0, 0.0]], [[1.0, 0.0], [0.0, 1.0]])
    with pytest.raises(EmbeddingError, match="nothing is left of 1 rows after feedback"):
        fed_back([[1.0, 0.0]], [[-1.0, 0.0]], weight=1.0)


def test_stores_give_the_same_results(
    collection: cm.Collection, arrays: tuple[Any, Any], tmp_path: Path
) -> None:  # fmt: skip
    draw = np.random.default_rng(2)
    texts = {"queries": collection.queries, "documents": collection.documents}
    for (stage, side), rows in zip(texts.items(), arrays, strict=True):
        order = draw.permutation(len(side))
        shuffled = side.take(order)
        with StoreWriter(tmp_path / stage, EncoderRecord(name="model", kind="http"), stage, "float32") as writer:  # type: ignore[arg-type]
            writer.append(rows[order], shuffled.ids, shuffled.languages, shuffled.groups)
            if stage == "documents":
                writer.append(draw.normal(size=(3, DIMENSION)), ["x", "y", "z"], ["en", "fr", "de"])
    documents, queries = (EmbeddingStore.open(tmp_path / stage) for stage in ("documents", "queries"))
    stores = StoredEmbeddings(documents, queries)
    stored, held = (
        cm.evaluate(collection, scorer, measures=MEASURES, resamples=0, feedback=WEIGHT)
        for scorer in (stores, PrecomputedEncoder(*arrays))
    )
    assert stored.rows == held.rows
    assert stored.encoder["name"] == "model + feedback"


def test_a_run_and_examples_show_the_second_search(
    collection: cm.Collection, arrays: tuple[Any, Any], tmp_path: Path
) -> None:
    evaluation = cm.evaluate(
        collection, PrecomputedEncoder(*arrays), measures=["nDCG@10"], resamples=0, feedback=WEIGHT, examples=1,
        save_run=tmp_path / "run.trec",
    )  # fmt: skip
    everything = Setting("multilingual", "de", tuple(collection.languages))
    scores = second_scores(collection, arrays, everything)
    run = [line.split() for line in (tmp_path / "run.trec").read_text().splitlines()]
    for row, (name, label) in enumerate(zip(collection.queries.ids, collection.queries.languages, strict=True)):
        if label == "de":
            listed = [line[2] for line in run if line[0] == name]
            assert listed == [collection.documents.ids[place] for place in np.argsort(-scores[row], kind="stable")]
    assert evaluation.analysis is not None
    assert evaluation.encoder["remedies"] == [{"method": "feedback", "digest": "", "settings": {"weight": WEIGHT}}]
    assert evaluation.encoder["name"] == "precomputed + feedback"
    evaluation.report(tmp_path / "report.md")
    assert "feedback (weight 0.4)" in (tmp_path / "report.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("weight", [0, -0.2, float("nan"), float("inf"), True, "0.2"])
def test_weights_that_are_refused(collection: cm.Collection, arrays: tuple[Any, Any], weight: Any) -> None:
    with pytest.raises(UsageError, match=r"feedback is .*(but must be|number)"):
        cm.evaluate(collection, PrecomputedEncoder(*arrays), feedback=weight)


@pytest.mark.parametrize("weight", [1e6 + 1, 1e38, 1e300])
def test_a_weight_that_leaves_nothing_of_the_query_is_refused(
    collection: cm.Collection, arrays: tuple[Any, Any], weight: float
) -> None:
    with pytest.raises(UsageError, match=r"feedback is .*, which leaves nothing of the query; give less"):
        fed_back([[1.0, 0.0]], [[0.0, 1.0]], weight)
    with pytest.raises(UsageError, match="which leaves nothing of the query"):
        cm.evaluate(collection, PrecomputedEncoder(*arrays), feedback=weight)
    assert fed_back([[1.0, 0.0]], [[0.0, 1.0]], 1e6)[0, 0] > 0


@pytest.mark.parametrize("dtype", ["V8", "M8[s]", "S3", object])
def test_documents_that_are_not_numbers_are_refused(dtype: Any) -> None:
    with pytest.raises(EmbeddingError, match="not a numeric array"):
        fed_back([[1.0, 0.0]], np.zeros((1, 2), dtype=dtype))


def test_scores_without_cosines_are_refused(collection: cm.Collection, arrays: tuple[Any, Any]) -> None:
    scores = np.ones((len(arrays[0]), len(arrays[1])), dtype=np.float32)
    with pytest.raises(UsageError, match="feedback needs embeddings that are compared by cosine, but"):
        cm.evaluate(collection, MatrixScorer(scores), feedback=0.2)
    with pytest.raises(UsageError, match="scores by dot; leave it out"):
        cm.evaluate(collection, PrecomputedEncoder(*arrays), feedback=0.2, similarity="dot")


def test_a_calibration_is_refused(collection: cm.Collection, arrays: tuple[Any, Any]) -> None:
    """Its documents hold their language, and the best one would shut all other languages out."""
    languages = collection.queries.languages, collection.documents.languages
    calibration = fit("calibrate", arrays[1], languages[1], arrays[0], languages[0])
    encoder = CorrectedEncoder(PrecomputedEncoder(*arrays), calibration)
    assert cm.evaluate(collection, encoder, resamples=0).encoder["remedies"][0]["method"] == "calibrate"
    with pytest.raises(UsageError, match="feedback cannot follow calibrate"):
        cm.evaluate(collection, encoder, feedback=0.2, resamples=0)
