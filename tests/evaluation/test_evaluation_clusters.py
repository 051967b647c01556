"""Questions that share an answer count as one in every interval, and results say so."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import clinometer as cm
from clinometer.collection import Collection, CollectionBuilder
from clinometer.encoders import PrecomputedEncoder
from clinometer.errors import FormatError, UsageError
from clinometer.evaluation.results import Evaluation
from clinometer.report import plain_report
from clinometer.scenarios.drawing import drawing_of

PASSAGES, EACH = 30, 4
LANGUAGES = ("en", "de")


def passages(*, shared: bool = True, hub: bool = False) -> Collection:
    """Passages in two languages with four questions each; a passage of one's own for each question unless `shared`."""
    builder = CollectionBuilder("passages")
    for number in range(PASSAGES if shared else PASSAGES * EACH):
        for language in LANGUAGES:
            builder.add_document(f"{language}{number}", f"passage {number} {language}", language, group=f"p{number}")
    for question in range(PASSAGES * EACH):
        passage = question // EACH if shared else question
        for language in LANGUAGES:
            name = f"q{question}{language}"
            builder.add_query(name, f"question {question} {language}", language, group=f"q{question}")
            # Judged in one language only: the translation of the passage is the same answer.
            builder.judge(name, f"{language}{passage}")
            if hub:
                builder.judge(name, "en0")
    return builder.build()


def vectors_of(collection: Collection, seed: int, strength: float = 1.0) -> tuple[Any, Any]:
    """Embeddings of queries and documents in which the questions of a passage succeed or fail together."""
    rng = np.random.default_rng(seed)
    documents = rng.normal(size=(len(collection.documents), 8))
    indptr, relevant = collection.relevant()
    queries = rng.normal(size=(len(collection.queries), 8)) * 0.3
    luck = strength * rng.random(len(collection.documents)) * 2
    for query in range(len(queries)):
        answer = relevant[indptr[query]]
        queries[query] += luck[answer // 2] * documents[answer]
    return queries.astype(np.float32), documents.astype(np.float32)


def encoder_of(collection: Collection, seed: int, strength: float = 1.0) -> PrecomputedEncoder:
    return PrecomputedEncoder(*vectors_of(collection, seed, strength))


OPTIONS: dict[str, Any] = {"scenarios": ["mono-same", "multilingual"], "measures": ["MaxR", "Success@1", "RR"]}


@pytest.fixture(scope="module")
def collection() -> Collection:
    return passages()


@pytest.fixture(scope="module")
def evaluations(collection: Collection) -> list[Evaluation]:
    return [cm.evaluate(collection, encoder_of(collection, 1, strength), **OPTIONS) for strength in (0.4, 1.2)]


def width(evaluation: Evaluation, measure: str = "Success@1", language: str = "macro") -> float:
    for row in evaluation.rows:
        if (row["scenario"], row["query_language"], row["measure"]) == ("mono-same", language, measure):
            return float(row["ci_high"] - row["ci_low"])
    raise AssertionError


def test_what_is_drawn_is_recorded_and_said(collection: Collection, evaluations: list[Evaluation]) -> None:
    settings = evaluations[0].settings
    assert (settings["resample"], settings["clusters"], settings["questions"]) == ("cluster", PASSAGES, PASSAGES * EACH)
    table = evaluations[0].per_query
    cluster_of = dict(zip(table["query_id"].tolist(), table["cluster"].tolist(), strict=True))
    for question in range(PASSAGES * EACH):
        assert cluster_of[f"q{question}en"] == cluster_of[f"q{question}de"] == question // EACH
    said = "Intervals (95%) are over 30 groups of questions that share an answer (120 questions)."
    assert said in " ".join(plain_report([evaluations[0].to_dict()]).split())


def test_shared_answers_widen_intervals(collection: Collection, evaluations: list[Evaluation]) -> None:
    alone = cm.evaluate(collection, encoder_of(collection, 1, 0.4), resample="question", **OPTIONS)
    assert [row["value"] for row in alone.rows] == [row["value"] for row in evaluations[0].rows]
    assert width(evaluations[0]) > 1.3 * width(alone)
    assert (alone.settings["resample"], alone.settings["clusters"]) == ("question", PASSAGES)


def test_without_shared_answers_both_modes_agree() -> None:
    separate = passages(shared=False)
    rows = [
        cm.evaluate(separate, encoder_of(separate, 2), resample=unit, **OPTIONS).rows
        for unit in ("cluster", "question")
    ]
    assert rows[0] == rows[1]


def test_an_answer_to_everything_leaves_no_interval() -> None:
    joined = passages(hub=True)
    evaluation = cm.evaluate(joined, encoder_of(joined, 1), **OPTIONS)
    assert evaluation.settings["clusters"] == 1
    assert {row["ci_low"] for row in evaluation.rows} == {None}
    (notice,) = (text for text in evaluation.notices if "interval" in text)
    assert notice.startswith("all 120 questions hang together through shared answers")
    assert "--resample question" in notice
    by_question = cm.evaluate(joined, encoder_of(joined, 1), resample="question", **OPTIONS)
    assert all(row["ci_low"] is not None for row in by_question.rows)


def test_few_groups_are_called_rough(collection: Collection) -> None:
    few = collection.only(np.arange(len(collection.documents)), np.arange(12 * EACH * 2))
    options = {"scenarios": ["multilingual", "multi"], "measures": ["MaxR", "RankGap"]}
    evaluation = cm.evaluate(few, encoder_of(few, 1), **options)  # type: ignore[arg-type]
    text = " ".join(plain_report([evaluation.to_dict()]).split())
    assert "Only 12 independent groups of questions: the intervals are rough." in text


def test_threads_do_not_show(collection: Collection, evaluations: list[Evaluation]) -> None:
    options = OPTIONS | {"measures": [*OPTIONS["measures"], "LanguageGap(RR)"], "scenarios": ["multi", "mono-same"]}
    one, two = (cm.evaluate(collection, encoder_of(collection, 1), threads=number, **options) for number in (1, 2))
    assert one.to_json() == two.to_json()


def test_groups_have_the_clusters_of_their_own_queries(collection: Collection) -> None:
    """Two groups of queries that share answers with each other: within a group nothing is shared."""
    fields: dict[str, tuple[str | None, ...]] = {
        "part": tuple(str(row // 2 % EACH) for row in range(len(collection.queries)))
    }
    fielded = replace(collection, queries=replace(collection.queries, fields=fields))
    grouped = cm.evaluate(fielded, encoder_of(fielded, 1), by="part", **OPTIONS)
    members = np.flatnonzero(np.array(fields["part"]) == "2")
    drawing = drawing_of(fielded, members)
    assert len(np.unique(drawing.clusters[members])) == PASSAGES
    alone = fielded.only(np.arange(len(fielded.documents)), members)
    queries, documents = vectors_of(fielded, 1)
    rows = cm.evaluate(alone, PrecomputedEncoder(queries[members], documents), **OPTIONS).rows
    of_group = [row for row in grouped.by if row["group"] == "2"]
    assert [(row["value"], row["ci_low"]) for row in of_group] == [(row["value"], row["ci_low"]) for row in rows]


def test_comparisons_draw_clusters_from_memory_and_from_files(evaluations: list[Evaluation], tmp_path: Path) -> None:
    fresh = cm.compare(*evaluations, resamples=400)
    assert (fresh.settings["resample"], fresh.settings["clusters"]) == ("cluster", PASSAGES)
    for name, evaluation in zip("ab", evaluations, strict=True):
        evaluation.to_folder(tmp_path / name)
    saved = [Evaluation.from_folder(tmp_path / name) for name in "ab"]
    assert cm.compare(*saved, resamples=400).to_json() == fresh.to_json()
    alone = cm.compare(*evaluations, resamples=400, resample="question")
    key = ("Success@1", "mono-same", "macro")
    clustered, by_question = fresh.row(*key), alone.row(*key)
    assert clustered is not None
    assert by_question is not None
    assert clustered["ci_high"] - clustered["ci_low"] > 1.2 * (by_question["ci_high"] - by_question["ci_low"])
    assert clustered["p"] >= by_question["p"]


def test_older_results_without_clusters_are_read_and_said_to_be_drawn_by_question(
    evaluations: list[Evaluation], tmp_path: Path
) -> None:
    evaluations[0].to_folder(tmp_path)
    path = tmp_path / "per_query.jsonl.gz"
    lines = [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
    for line in lines:
        del line["cluster"]
    path.write_bytes(gzip.compress("\n".join(map(json.dumps, lines)).encode()))
    older = Evaluation.from_folder(tmp_path)
    assert "cluster" not in older.per_query
    comparison = cm.compare(older, older, resamples=100, labels=["a", "b"])
    assert comparison.settings["resample"] == "question"
    assert comparison.notices == [
        "b: the results do not say which questions share an answer, so each question counts as independent, and "
        "intervals may be too narrow; evaluate again with -o"
    ]
    # One of the two is enough: they are results on one collection.
    assert cm.compare(older, evaluations[1], resamples=100).settings["resample"] == "cluster"
    lines[3]["cluster"] = 1
    path.write_bytes(gzip.compress("\n".join(map(json.dumps, lines)).encode()))
    with pytest.raises(FormatError, match="only some lines have a cluster"):
        Evaluation.from_folder(tmp_path)


def test_results_that_differ_in_what_is_shared_are_refused(evaluations: list[Evaluation]) -> None:
    table = evaluations[1].per_query
    split = replace(evaluations[1], per_query=table | {"cluster": table["question"]})
    with pytest.raises(UsageError, match="differ in which questions share an answer"):
        cm.compare(evaluations[0], split, resamples=10)
    renumbered = replace(evaluations[1], per_query=table | {"cluster": 1000 - table["cluster"]})
    assert cm.compare(evaluations[0], renumbered, resamples=10).settings["clusters"] == PASSAGES


def test_units_are_checked(collection: Collection, evaluations: list[Evaluation]) -> None:
    with pytest.raises(UsageError, match="resample is 'passage', but must be cluster or question"):
        cm.evaluate(collection, encoder_of(collection, 1), resample="passage")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="resample is 'passage'"):
        cm.compare(*evaluations, resample="passage")  # type: ignore[arg-type]
