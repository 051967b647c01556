"""Evaluations as files and tables: whole or not there, and the same when read back."""

from __future__ import annotations

import builtins
import gzip
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.brute_force import embeddings, random_collection

import clinometer as cm
from clinometer import Evaluation
from clinometer.encoders import PrecomputedEncoder
from clinometer.errors import FormatError, MissingExtraError, UsageError
from clinometer.files import written_whole

FIELDS = ["scenario", "query_language", "pool_languages", "measure", "value", "ci_low", "ci_high", "queries",
          "documents", "ties"]  # fmt: skip


@pytest.fixture(scope="module")
def evaluation() -> Evaluation:
    collection = random_collection(11)
    encoder = PrecomputedEncoder(
        embeddings(1, len(collection.queries), 4, False), embeddings(2, len(collection.documents), 4, False)
    )
    # Every document is relevant to many queries here, so they would be one cluster.
    return cm.evaluate(collection, encoder, resamples=50, resample="question")


def test_json_holds_the_contract(evaluation: Evaluation) -> None:
    found = json.loads(evaluation.to_json())
    assert list(found)[:4] == ["collection", "encoder", "settings", "rows"]
    assert found["notices"] == evaluation.notices
    assert found["rows"] == evaluation.rows
    for row in found["rows"]:
        assert list(row) == FIELDS
        assert row["value"] is not None
        assert row["queries"] > 0
        # One question alone has no interval, and there are two of them.
        if row["ci_low"] is None:
            assert row["ci_high"] is None
        else:
            assert row["ci_low"] <= row["value"] <= row["ci_high"]
        assert isinstance(row["pool_languages"], list)
        assert [type(row[name]) for name in ("queries", "documents", "ties")] == [int, int, int]


def test_values_with_and_without_intervals_are_counted(evaluation: Evaluation) -> None:
    missing = sum(row["ci_low"] is None for row in evaluation.rows)
    assert 0 < missing < len(evaluation.rows)
    assert evaluation.notices[-1].startswith(f"{missing} of {len(evaluation.rows)} values have no interval: ")


def test_json_is_read_back(evaluation: Evaluation, tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    assert evaluation.to_json(path) == path.read_text(encoding="utf-8")
    found = Evaluation.from_json(path)
    assert found.to_dict() == evaluation.to_dict()
    assert found.to_json() == evaluation.to_json()
    assert found.per_query == {}
    assert [one.name for one in tmp_path.iterdir()] == ["results.json"]


def test_notices_may_be_missing(evaluation: Evaluation, tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    path.write_text(json.dumps({k: v for k, v in evaluation.to_dict().items() if k != "notices"}), encoding="utf-8")
    assert Evaluation.from_json(path).notices == []


WHOLE: dict[str, Any] = {"collection": {}, "encoder": {}, "settings": {}, "rows": []}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "not a results file: "),
        (b"{", "not a results file: "),
        (b"[1]", "not a results file: Expected `object`"),
        (b'{"a": "\xff"}', "not a results file: "),
        (b'{"rows": []}', "not a results file: it has no collection, encoder, settings$"),
        (json.dumps(WHOLE | {"rows": 3}).encode(), "not a results file: check its rows$"),
        (json.dumps(WHOLE | {"encoder": "offline", "settings": []}).encode(), "check its encoder, settings$"),
        (json.dumps(WHOLE | {"rows": [7]}).encode(), "row 0 of the results has no scenario, query_language, pool_"),
        (json.dumps(WHOLE | {"rows": [dict.fromkeys(FIELDS), {}]}).encode(), "row 1 of the results has no scenario"),
        (
            json.dumps(WHOLE | {"rows": [dict.fromkeys(FIELDS[:-1])]}).encode(),
            "row 0 of the results has no ties$",
        ),
    ],
)
def test_other_files_are_refused(tmp_path: Path, content: bytes, sentence: str) -> None:
    path = tmp_path / "results.json"
    path.write_bytes(content)
    with pytest.raises(FormatError, match=sentence) as caught:
        Evaluation.from_json(path)
    assert str(caught.value).startswith(f"{path}: ")


def test_a_missing_file_stays_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Evaluation.from_json(tmp_path / "absent.json")


def test_values_per_query_as_lines(evaluation: Evaluation, tmp_path: Path) -> None:
    evaluation.per_query_to(tmp_path / "one.jsonl.gz")
    evaluation.per_query_to(tmp_path / "two.jsonl.gz")
    # No time and no name in the header: same values, same bytes.
    assert (tmp_path / "one.jsonl.gz").read_bytes() == (tmp_path / "two.jsonl.gz").read_bytes()
    lines = [json.loads(line) for line in gzip.decompress((tmp_path / "one.jsonl.gz").read_bytes()).splitlines()]
    table = evaluation.per_query
    assert len(lines) == len(table["query_id"])
    for at, line in enumerate(lines):
        assert list(line) == [
            "query_id",
            "query_language",
            "scenario",
            "pool_languages",
            "question",
            "cluster",
            "values",
        ]
        assert line["query_id"] == table["query_id"][at]
        assert "+".join(line["pool_languages"]) == table["pool_languages"][at]
        assert [line[name] for name in ("question", "cluster")] == [table["question"][at], table["cluster"][at]]
        for name in list(table)[6:]:
            value = table[name][at]
            assert (name in line["values"]) == (not np.isnan(value))
            assert line["values"].get(name, value) == pytest.approx(value, abs=0, nan_ok=True)


def test_a_folder_is_read_back(evaluation: Evaluation, tmp_path: Path) -> None:
    evaluation.to_json(tmp_path / "results.json")
    evaluation.per_query_to(tmp_path / "per_query.jsonl.gz")
    found = Evaluation.from_folder(tmp_path)
    assert found.to_dict() == evaluation.to_dict()
    assert list(found.per_query) == list(evaluation.per_query)
    for name, column in evaluation.per_query.items():
        assert found.per_query[name].dtype == column.dtype
        np.testing.assert_array_equal(found.per_query[name], column)
    # And written again, it is the same file.
    found.per_query_to(tmp_path / "again.jsonl.gz")
    assert (tmp_path / "again.jsonl.gz").read_bytes() == (tmp_path / "per_query.jsonl.gz").read_bytes()


def test_translations_share_a_question(evaluation: Evaluation) -> None:
    collection = random_collection(11)
    group_of = dict(zip(collection.queries.ids, collection.queries.groups, strict=True))
    table = evaluation.per_query
    numbers: dict[str, set[int]] = {}
    for name, number in zip(table["query_id"].tolist(), table["question"].tolist(), strict=True):
        numbers.setdefault(name, set()).add(number)
    assert {len(found) for found in numbers.values()} == {1}
    groups: dict[int, set[str | None]] = {}
    for name, found in numbers.items():
        groups.setdefault(min(found), set()).add(group_of[name])
    assert {len(shared) for shared in groups.values()} == {1}
    assert len(groups) < len(numbers)


def test_results_without_values_per_query_are_no_folder_of_an_evaluation(
    evaluation: Evaluation, tmp_path: Path
) -> None:
    evaluation.to_json(tmp_path / "results.json")
    with pytest.raises(
        UsageError, match=r"has a results\.json but no per_query\.jsonl\.gz, .* evaluate again with -o$"
    ):
        Evaluation.from_folder(tmp_path)


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda text: gzip.compress(gzip.decompress(text) + b'{"query_id": 3}\n'), r":\d+: not a line of values"),
        (lambda text: gzip.compress(gzip.decompress(text).replace(b'"question":', b'"q":', 1)), ":1: .*`question`"),
        (lambda text: text[: len(text) // 2], r":\d+: broken gzip"),
        (lambda text: b"plain", r":\d+: broken gzip"),
    ],
)
def test_damaged_values_per_query_are_named(evaluation: Evaluation, tmp_path: Path, damage: Any, sentence: str) -> None:
    evaluation.to_json(tmp_path / "results.json")
    path = tmp_path / "per_query.jsonl.gz"
    evaluation.per_query_to(path)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(FormatError, match=sentence):
        Evaluation.from_folder(tmp_path)


def test_means_of_the_columns_are_the_rows(evaluation: Evaluation) -> None:
    table = evaluation.per_query
    checked = 0
    for row in evaluation.rows:
        here = (
            (table["scenario"] == row["scenario"])
            & (table["query_language"] == row["query_language"])
            & (table["pool_languages"] == "+".join(row["pool_languages"]))
        )
        if row["measure"] in table and here.any():
            values = table[row["measure"]][here]
            assert row["value"] == pytest.approx(np.nanmean(values))
            assert row["queries"] == np.count_nonzero(~np.isnan(values))
            checked += 1
    assert checked > 100


def test_values_per_query_cannot_be_written_without_any(evaluation: Evaluation, tmp_path: Path) -> None:
    evaluation.to_json(tmp_path / "results.json")
    with pytest.raises(UsageError, match=r"was read from a results\.json, which has no values per query"):
        Evaluation.from_json(tmp_path / "results.json").per_query_to(tmp_path / "per_query.jsonl.gz")
    assert [one.name for one in tmp_path.iterdir()] == ["results.json"]


def test_one_value(evaluation: Evaluation) -> None:
    row = next(row for row in evaluation.rows if row["measure"] == "MaxR" and row["scenario"] == "multi")
    found = evaluation.value("MaxR", "multi", row["query_language"], row["pool_languages"])
    assert found == row["value"]
    with pytest.raises(UsageError, match="queries in en have 2 rows for MaxR in multi; give pool_languages, one of "):
        evaluation.value("MaxR", "multi", "en")
    with pytest.raises(UsageError, match="the results have no query language 'fr' for MaxR in multi; expected one of "):
        evaluation.value("MaxR", "multi", "fr")


def test_data_frames(evaluation: Evaluation) -> None:
    polars, pandas = evaluation.to_polars(), evaluation.to_pandas()
    assert list(polars.columns) == list(pandas.columns) == FIELDS
    assert polars.height == len(pandas) == len(evaluation.rows)
    assert polars["value"].to_list() == pandas["value"].tolist() == [row["value"] for row in evaluation.rows]
    assert polars["pool_languages"].to_list() == pandas["pool_languages"].tolist()


@pytest.mark.parametrize("library", ["polars", "pandas"])
def test_a_missing_data_frame_library_is_named(
    evaluation: Evaluation, library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any, **options: Any) -> Any:
        if name == library:
            raise ImportError(name)
        return real(name, *rest, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtraError, match=rf"^to_{library} needs .*pip install 'clinometer\[tables\]'$"):
        getattr(evaluation, f"to_{library}")()


def test_a_file_is_whole_or_not_there(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def interrupted() -> None:
        with written_whole(path) as file:
            file.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_bytes() == b"old"
    assert [one.name for one in tmp_path.iterdir()] == ["file"]
    with written_whole(path) as file:
        file.write(b"new")
        file.flush()
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert [one.name for one in tmp_path.iterdir()] == ["file"]


def test_a_folder_that_is_not_there_is_named(evaluation: Evaluation, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="absent"):
        evaluation.to_json(tmp_path / "absent" / "results.json")


def test_an_evaluation_is_shown_in_a_few_lines(demo_evaluation: Evaluation) -> None:
    text = repr(demo_evaluation)
    assert text.startswith("Evaluation of offline on demo: ")
    assert len(text.splitlines()) <= 7
    assert max(map(len, text.splitlines())) <= 160
    value = demo_evaluation.value("MaxRnorm", "multi", "macro-target")
    assert f"multi, queries in other languages: Max@R norm {value:.1f}, Complete@10 " in text
    hostile = replace(demo_evaluation, encoder={**demo_evaluation.encoder, "name": "<script>alert(1)</script>"})
    page = hostile._repr_html_()
    assert "<script>" not in page
    assert f"<td>{value:.1f}</td>" in page
