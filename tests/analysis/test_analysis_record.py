"""An analysis as files and tables."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from support.brute_force import embeddings, random_collection

import clinometer as cm
from clinometer import Evaluation
from clinometer.analysis import EXAMPLES, Analysis, read_examples, write_examples
from clinometer.encoders import PrecomputedEncoder
from clinometer.errors import FormatError


@pytest.fixture(scope="module")
def evaluation() -> Evaluation:
    collection = random_collection(11)
    encoder = PrecomputedEncoder(
        embeddings(1, len(collection.queries), 4, False), embeddings(2, len(collection.documents), 4, False)
    )
    return cm.evaluate(collection, encoder, resamples=20, examples=2)


def test_a_folder_is_read_back_whole(evaluation: Evaluation, tmp_path: Path) -> None:
    evaluation.to_folder(tmp_path)
    assert evaluation.examples
    found = Evaluation.from_folder(tmp_path)
    assert found.analysis == evaluation.analysis
    alone = Evaluation.from_json(tmp_path / "results.json")
    assert alone.analysis is not None
    assert (alone.analysis.rows, alone.examples) == (found.analysis.rows if found.analysis else None, [])
    assert alone.with_examples(tmp_path).examples == evaluation.examples
    # The file of counts holds no text of the collection.
    told = (tmp_path / "results.json").read_text(encoding="utf-8")
    assert evaluation.examples[0]["answer"]["id"] not in told
    before = (tmp_path / EXAMPLES).read_bytes()
    evaluation.to_folder(tmp_path)
    assert (tmp_path / EXAMPLES).read_bytes() == before


def test_examples_of_an_earlier_run_do_not_stay(evaluation: Evaluation, tmp_path: Path) -> None:
    evaluation.to_folder(tmp_path)
    plain = Evaluation(evaluation.collection, evaluation.encoder, evaluation.settings, evaluation.rows,
                       per_query=evaluation.per_query)  # fmt: skip
    plain.to_folder(tmp_path)
    assert not (tmp_path / EXAMPLES).exists()
    assert Evaluation.from_folder(tmp_path).analysis is None


def test_as_json_and_polars(evaluation: Evaluation, tmp_path: Path) -> None:
    analysis = evaluation.analysis
    assert analysis is not None
    assert json.loads(analysis.to_json(tmp_path / "a.json")) == analysis.to_dict()
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8")) == analysis.to_dict()
    table = analysis.to_polars()
    assert (table.height, table.columns[:4]) == (
        len(analysis.rows), ["scenario", "query_language", "pool_languages", "category"],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (gzip.compress(b"{}\n"), ":1: not an example of an error analysis (Object missing required field `scenario`)"),
        (gzip.compress(b"nothing\n"), ":1: JSON is malformed"),
        (b"plain", ":1: broken gzip"),
    ],
    ids=["no example", "no JSON", "not compressed"],
)
def test_a_damaged_file_of_examples_is_named(tmp_path: Path, content: bytes, sentence: str) -> None:
    path = tmp_path / EXAMPLES
    path.write_bytes(content)
    with pytest.raises(FormatError, match="again") as caught:
        read_examples(path)
    assert f"{path}{sentence}" in str(caught.value)


def test_a_half_written_file_of_examples_is_refused(evaluation: Evaluation, tmp_path: Path) -> None:
    path = tmp_path / EXAMPLES
    write_examples(evaluation.examples, path)
    assert read_examples(path) == evaluation.examples
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(FormatError, match="broken gzip"):
        read_examples(path)


def test_results_with_broken_rows_of_an_analysis_are_refused(evaluation: Evaluation, tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    for key, wrong, sentence in (
        (
            "analysis",
            {"rows": [{"scenario": "multi"}]},
            r"required field `query_language` - at `\$\.analysis\.rows\[0\]`",
        ),
        ("analysis", [], r"Expected `object \| null`, got `array` - at `\$\.analysis`"),
        ("by", [{"field": "topic"}], r"required field `scenario` - at `\$\.by\[0\]`"),
        ("by", {"a": 1}, r"Expected `array \| null`, got `object` - at `\$\.by`"),
    ):
        path.write_text(json.dumps(evaluation.to_dict() | {key: wrong}), encoding="utf-8")
        with pytest.raises(FormatError, match=sentence):
            Evaluation.from_json(path)


def test_an_analysis_of_nothing() -> None:
    assert Analysis({}, []).to_dict() == {"settings": {}, "rows": [], "examples": []}
