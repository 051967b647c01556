"""Result files of mteb: the documented form, mteb's own reader where it is there, and back into rows."""

from __future__ import annotations

import json
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
    with pytest.raises(FormatError, match=r"x\.json: not a result file of mteb 1\.11 or newer: .*task_name"):
        read_mteb(tmp_path / "x.json")
    with pytest.raises(LanguageError, match="'lang1' has no ISO 639-3 code and script"):
        long_label("lang1")
