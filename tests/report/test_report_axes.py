"""Axes: they use their space, end where the measure ends, and are equal for what is compared."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.report_pages import comparison, one_result, several_results

from clinometer.report.base.shapes import Stroke, Text
from clinometer.report.comparison.figure import draw_dumbbells
from clinometer.report.comparison.view import View
from clinometer.report.evaluation.causes import draw_causes
from clinometer.report.evaluation.figures import Drawing, draw_bars, draw_dots, draw_lean, limits, series_of
from clinometer.report.evaluation.page import drawings_of
from clinometer.report.evaluation.view import by_lean, read_results


def ends(drawing: Drawing | None) -> tuple[float, float]:
    assert drawing is not None
    return drawing.sheet.ends


@given(st.floats(0, 1), st.floats(0, 1), st.sampled_from(["Complete@10", "nDCG@10", "RankGap"]))
def test_an_axis_holds_its_numbers_and_no_more_than_the_measure_can_be(one: float, other: float, measure: str) -> None:
    scale = 100 if measure == "Complete@10" else 1
    least, most = sorted((scale * one, scale * other))
    low, high = limits(measure, least, most)
    assert low <= least <= most <= high
    assert low < high
    if measure != "RankGap":
        assert low >= 0
        assert high <= scale
    # At most a tenth of the axis, or one per cent of the scale, is without numbers.
    assert high - low <= 1.1 * (most - least) + 0.011 * scale


def test_no_axis_of_a_report_ends_beyond_its_measure() -> None:
    drawings = {drawing.name: drawing for drawing in drawings_of([one_result()])}
    for name in ("complete-10", "maxrnorm", "causes-one-sided", "causes-multi", "causes-multilingual"):
        low, high = ends(drawings[name])
        assert 0 <= low < high <= 100
    low, high = ends(drawings["intrusion"])
    assert -100 <= low < 0 < high <= 100


def test_bars_of_every_query_end_at_100_percent() -> None:
    result = one_result()
    for row in result["rows"]:
        if row["measure"] == "Intrusion":
            row |= {"value": 1.0, "ci_low": 0.98, "ci_high": 1.0}
    readings = read_results([result])
    assert ends(draw_bars(readings, by_lean(readings), "one-sided")) == (-100, 100)


def test_figures_use_their_space() -> None:
    result = one_result()
    for row in result["rows"]:
        if row["measure"] == "Complete@10":
            row |= {"value": 96.0, "ci_low": 95.0, "ci_high": 97.0}
    readings = read_results([result])
    low, high = ends(draw_dots(series_of(readings, ["target"]), by_lean(readings), "Complete@10", name="x", title="x"))
    assert 94 < low < 95
    assert 97 < high < 98


def test_encoders_are_side_by_side_on_equal_axes() -> None:
    results = several_results()
    drawings = {drawing.name: drawing for drawing in drawings_of(results)}
    assert ends(drawings["complete-10-target"]) == ends(drawings["complete-10-pivot"])
    for row in results[1]["analysis"]["rows"]:
        if row["category"] == "pivot":
            row["queries"] += 300
    readings = read_results(results)
    first, second = draw_causes(readings, by_lean(readings))
    assert ends(first) == ends(second)
    assert ends(second)[1] > 30


@pytest.mark.parametrize(("scenario", "measure"), [("multi", "Complete@10"), ("mono-same", "nDCG@1")])
def test_changes_of_every_encoder_are_on_equal_axes(scenario: str, measure: str) -> None:
    compared = comparison()
    pair = [draw_dumbbells(View(compared, label), scenario, measure, name=label) for label in ("straight", "bent")]
    assert ends(pair[0]) == ends(pair[1])


def test_no_interval_of_a_change_is_drawn_beyond_the_measure() -> None:
    compared = comparison()
    rows: list[dict[str, Any]] = [
        row | {"before": 96.0, "after": 100.0, "difference": 4.0, "ci_low": 2.0, "ci_high": 9.0}
        if row["measure"] == "Complete@10"
        else row
        for row in compared.rows
    ]
    compared.rows[:] = rows
    drawing = draw_dumbbells(View(compared, "straight"), "multi", "Complete@10", name="x")
    assert drawing is not None
    assert ends(drawing)[1] == 100
    strokes = [item.shape for item in drawing.sheet.placed if isinstance(item.shape, Stroke)]
    across = max(stroke.x2 for stroke in strokes if stroke.width == 0.8)
    assert max(stroke.x2 for stroke in strokes if stroke.width == 6.5) == across


@pytest.mark.parametrize("pivot", [0.2 * step for step in range(-12, 25)])
def test_the_names_of_the_sides_stand_beside_each_other(pivot: float) -> None:
    result = one_result()
    for row in result["rows"]:
        if row["measure"] == "RankGap":
            value = pivot if row["query_language"] == "en" else -2.0
            row |= {"value": value, "ci_low": value, "ci_high": value}
    readings = read_results([result])
    drawing = draw_lean(readings, by_lean(readings))
    assert drawing is not None
    texts = [placed.shape for placed in drawing.sheet.placed if isinstance(placed.shape, Text)]
    spans = []
    for text in texts:
        if text.text not in ("◀ leans away", "upright", "leans to English ▶"):
            continue
        width = 0.6 * text.size * len(text.text)
        start = text.x - {"start": 0.0, "middle": 0.5, "end": 1.0}[text.align] * width
        spans.append((start, start + width, text.text))
    spans.sort()
    assert "upright" in [text for *_, text in spans]
    for (_, end, _), (start, *_) in pairwise(spans):
        assert start >= end
