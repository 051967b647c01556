"""Result files of mteb: the documented form, mteb's own reader where it is there, and back into rows."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

import clinometer as cm
from clinometer import Evaluation
from clinometer.errors import FormatError, LanguageError, UsageError
from clinometer.integrations.mteb import read_mteb, to_mteb, write_mteb
from clinometer.languages import long_label


@pytest.fixture(scope="module")
def evaluation() -> Evaluation:
    return cm.evaluate(
        "demo", "offline", languages=["en", "de", "zh"], measures=["nDCG@10", "MaxR", "RankGap", "R@5"], resamples=0
    )


def test_every_row_of_one_language_is_a_score_of_its_subset(evaluation: Evaluation) -> None:
    found = evaluation.to_mteb("DemoMixedPool")
    assert list(found) == [
        "dataset_revision", "task_name", "mteb_version", "scores", "evaluation_time", "kg_co2_emissions",
    ]  # fmt: skip
    assert found["dataset_revision"] == evaluation.collection["digest"]
    subsets = {subset["hf_subset"]: subset for subset in found["scores"]["test"]}
    assert {"en:en", "en:de", "en+de:de", "en+de:en", "en+de:de:one-sided", "en+de+zh:zh"} <= set(subsets)
    assert subsets["en+zh:zh"]["languages"] == ["zho-Hans", "eng-Latn"]
    assert subsets["en+de:de"]["max_r"] == evaluation.value("MaxR", "multi", "de", ["en", "de"])
    for subset in subsets.values():
        assert subset["main_score"] == subset["ndcg_at_10"]
    scores = sum(len(subset) - 3 for subset in subsets.values())
    plain = [row for row in evaluation.rows if "macro" not in row["query_language"] and row["value"] is not None]
    assert scores == len(plain)


def test_the_file_reads_back_into_rows(evaluation: Evaluation, tmp_path: Path) -> None:
    path = write_mteb(evaluation, tmp_path / "deep", "DemoMixedPool", main="MaxR")
    assert path.name == "DemoMixedPool.json"
    rows = {(row["subset"], row["measure"]): row for row in read_mteb(path)}
    row = rows["en+de:de", "nDCG@10"]
    assert row["value"] == evaluation.value("nDCG@10", "multi", "de", ["en", "de"])
    assert (row["task"], row["split"], row["languages"]) == ("DemoMixedPool", "test", ["deu-Latn", "eng-Latn"])
    assert rows["en+de:de", "main_score"]["value"] == rows["en+de:de", "MaxR"]["value"]


def test_mteb_itself_reads_the_file(evaluation: Evaluation, tmp_path: Path) -> None:
    results = pytest.importorskip("mteb.results", reason="the extra mteb is not installed", exc_type=ImportError)
    path = write_mteb(evaluation, tmp_path, "DemoMixedPool")
    found = results.TaskResult.from_disk(path)
    assert found.task_name == "DemoMixedPool"
    assert found.get_score() == pytest.approx(
        sum(subset["main_score"] for subset in to_mteb(evaluation, "x")["scores"]["test"])
        / len(to_mteb(evaluation, "x")["scores"]["test"])
    )


def test_what_cannot_be_written_or_read(evaluation: Evaluation, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no nDCG@20 for .*; evaluate with it, or choose another main"):
        to_mteb(evaluation, "x", main="nDCG@20")
    with pytest.raises(UsageError, match="the task name 'a/b' cannot name a file"):
        write_mteb(evaluation, tmp_path, "a/b")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "x.json").write_text(json.dumps({"test": {"ndcg_at_10": 1}}))
    with pytest.raises(FormatError, match=r"x\.json: not a result file of mteb: .*task_name"):
        read_mteb(tmp_path / "x.json")
    with pytest.raises(LanguageError, match="'lang1' has no ISO 639-3 code and script"):
        long_label("lang1")


NEW = {"dataset_revision": None, "task_name": "Small", "mteb_version": "1.12.75", "kg_co2_emissions": None}


def text_of(scores: object, **fields: object) -> str:
    return json.dumps({**NEW, "scores": scores, **fields})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            text_of({"test": [{"hf_subset": "default", "languages": ["deu-Latn"], "ndcg_at_10": 0.25}]}),
            [("test", "default", ["deu-Latn"], "nDCG@10", 0.25)],
        ),
        (
            text_of({"test": [{"ndcg_at_10": math.nan, "main_score": math.inf, "languages": None, "hf_subset": None}]}),
            [("test", "default", [], "nDCG@10", math.nan), ("test", "default", [], "main_score", math.inf)],
        ),
        (
            text_of({"dev": [{"hf_subset": "en", "map_at_10": 1}], "test": [{"hf_subset": 1}, {"f1": -math.inf}]}),
            [("dev", "en", [], "AP@10", 1.0), ("test", "default", [], "f1", -math.inf)],
        ),
        (
            text_of({"test": {"f1": 0.5, "scores_per_experiment": [{"f1": 0.5}], "main_score": None, "ok": True}}),
            [("test", "default", [], "f1", 0.5)],
        ),
        (
            text_of({"test": [{"f1": 0.5}]}).replace("0.5", "1" + "0" * 400),
            [("test", "default", [], "f1", math.inf)],
        ),
        (
            json.dumps(
                {
                    "mteb_dataset_name": "Small",
                    "mteb_version": "1.1.0",
                    "test": {"ndcg_at_10": 0.5, "evaluation_time": 3},
                }
            ),
            [("test", "default", [], "nDCG@10", 0.5)],
        ),
        (
            json.dumps(
                {
                    "mteb_dataset_name": "Small",
                    "test": {"de-en": {"f1": 0.5}, "evaluation_time": 3},
                    "dataset_revision": None,
                }
            ),
            [("test", "de-en", [], "f1", 0.5)],
        ),
        (
            json.dumps({"mteb_dataset_name": "Small", "validation": {"cos_sim": {"pearson": 0.5, "p": {}}}}),
            [("validation", "default", [], "cos_sim_pearson", 0.5)],
        ),
    ],
)
def test_files_of_every_version_are_read(
    tmp_path: Path, text: str, expected: list[tuple[str, str, list[str], str, float]]
) -> None:
    path = tmp_path / "Small.json"
    path.write_text(text, encoding="utf-8-sig")
    rows = read_mteb(path)
    assert {row["task"] for row in rows} == {"Small"}
    columns = ("split", "subset", "languages", "measure", "value")
    # As text, for NaN does not equal itself.
    assert [str(tuple(row[name] for name in columns)) for row in rows] == [str(row) for row in expected]


@pytest.mark.parametrize(
    "text",
    [
        "", "[1]", "{", "[" * 100_000, '{"task_name": 3, "scores": {}}', '{"task_name": "x"}', text_of({}),
        text_of([1]), text_of({"test": [1]}), text_of({"test": 3}), text_of({"test": [{"f1": "0.5"}]}),
        "\udcff", '{"name": "model"}',
    ],
)  # fmt: skip
def test_other_files_are_refused_in_a_sentence(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(FormatError, match=r"x\.json: not a result file of mteb: "):
        read_mteb(path)
