"""How results are read: rows by side and language, other spellings of a measure, labels of results."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from clinometer.errors import UsageError
from clinometer.report.evaluation.view import by_lean, read_results

Make = Callable[..., dict[str, Any]]


def test_rows_are_found_by_side_and_language(make_result: Make, make_row: Make) -> None:
    rows = [
        make_row("multi", "de", ["en", "de"], "MaxR", 1.0),
        make_row("multi", "en", ["en", "de"], "MaxR", 2.0),
        make_row("multi", "macro-target", ["*"], "MaxR", 3.0),
        make_row("mono-cross", "de", ["en"], "MaxR", 4.0),
        make_row("mono-cross", "en", ["de"], "MaxR", 5.0),
        make_row("mono-same", "en", ["en"], "MaxR", 6.0),
        make_row("multilingual", "de", ["en", "de", "zh"], "MaxR", 7.0),
    ]
    (reading,) = read_results([make_result() | {"rows": rows}])
    asked = [
        ("multi", "target", "de"),
        ("multi", "pivot", "de"),
        ("multi", "target", None),
        ("mono-cross", "target", "de"),
        ("mono-cross", "pivot", "de"),
        ("mono-same", "pivot", "de"),
        ("multilingual", "target", "de"),
        ("multi", "target", "zh"),
    ]
    assert [reading.number(*place, "MaxR") for place in asked] == [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, None]  # type: ignore[arg-type]


def test_other_spellings_of_a_measure_are_found(make_result: Make, make_row: Make) -> None:
    (reading,) = read_results([make_result() | {"rows": [make_row("multi", "de", ["en", "de"], "ndcg_cut_10", 0.5)]}])
    assert reading.number("multi", "target", "de", "nDCG@10") == 0.5


def test_a_mean_that_covers_other_pairs_is_not_taken_for_the_targets_mean(make_result: Make) -> None:
    (pivot,), (every,) = read_results([make_result()]), read_results([make_result(pairs="all")])
    assert pivot.number("multi", "target", None, "MaxR") is not None
    assert every.number("multi", "target", None, "MaxR") is None
    assert every.number("multilingual", "target", None, "MaxR") is not None


def test_languages_are_ordered_by_lean_and_unknown_ones_come_last(make_result: Make, make_row: Make) -> None:
    gaps = {"de": 0.1, "th": 2.0, "zh": None}
    rows = [make_row("multi", label, ["en", label], "RankGap", gap) for label, gap in gaps.items()]
    readings = read_results([make_result() | {"rows": rows}])
    assert by_lean(readings) == ["th", "de", "zh"]
    assert by_lean(read_results([make_result() | {"rows": []}])) == ["de", "th", "zh"]


@pytest.mark.parametrize(
    ("names", "collections", "labels"),
    [
        (["org/one", "org/two"], ["x", "x"], ["one", "two"]),
        (["a/model", "b/model"], ["x", "x"], ["a/model", "b/model"]),
        (["model", "model"], ["x", "y"], ["model on x", "model on y"]),
        (["model", "model", "other"], ["x", "x", "x"], ["model #1", "model #2", "other"]),
    ],
)
def test_every_result_has_a_label_of_its_own(
    make_result: Make, names: list[str], collections: list[str], labels: list[str]
) -> None:
    results = [make_result(name=name, collection=where) for name, where in zip(names, collections, strict=True)]
    assert [reading.label for reading in read_results(results)] == labels


def test_languages_that_the_encoder_does_not_claim(make_result: Make) -> None:
    result = make_result(languages=("en", "de", "zh-Hant", "hi"))
    result["encoder"] = result["encoder"] | {"languages": ["en", "de", "zh"]}
    (reading,) = read_results([result])
    assert reading.not_made_for() == ["hi"]


def test_what_cannot_be_read_is_refused(make_result: Make, make_row: Make) -> None:
    row = make_row("multi", "de", ["en", "de"], "MaxR", 1.0)
    with pytest.raises(UsageError, match="at least one result"):
        read_results([])
    with pytest.raises(UsageError, match="wrap the single result in a list"):
        read_results(make_result())  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="result 2 has no 'rows'"):
        read_results([make_result(), {"collection": {}, "encoder": {}, "settings": {}}])
    with pytest.raises(UsageError, match="result 1, row 1 has no value; evaluate again"):
        read_results([make_result() | {"rows": [{key: row[key] for key in row if key != "value"}]}])
    with pytest.raises(UsageError, match=r"row 2: a second row for MaxR in multi, de queries, pool de\+en"):
        read_results([make_result() | {"rows": [row, row | {"pool_languages": ["de", "en"], "measure": "Max@R"}]}])
    other = make_result()
    other["settings"] = other["settings"] | {"pivot": "de"}
    with pytest.raises(UsageError, match=r"different pivots \(en, de\)"):
        read_results([make_result(), other])
