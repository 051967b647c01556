"""Geometry before and after: the table says what the rows say, and the figure says what the table says."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from support.languages import LANGUAGES

from clinometer.errors import UsageError
from clinometer.geometry import MEASURES, alignment_table
from clinometer.report.mismatch import mismatch_report

LABELS = [label for label in LANGUAGES for _ in range(4)]
GROUPS = list("abcd") * 3


def table(spread: float) -> list[dict[str, Any]]:
    rng = np.random.default_rng(8)
    pivot = rng.normal(size=(4, 6))
    others = [pivot + spread * rng.normal(size=pivot.shape) for _ in range(2)]
    return alignment_table(np.concatenate([pivot, *others]), LABELS, GROUPS)


def test_every_value_is_in_the_table_next_to_its_counterpart() -> None:
    before, after = table(1.0), table(0.1)
    found = mismatch_report(before, after, measures=list(MEASURES), names=("base", "ours"))
    assert [line.label for line in found.table.lines] == ["German", "Chinese", "mean"]
    assert [column.encoder for column in found.table.columns] == ["base", "ours"] * len(MEASURES)
    for line, language in zip(found.table.lines[:2], ("de", "zh"), strict=True):
        cells = iter(line.cells)
        for measure in MEASURES:
            for rows in (before, after):
                (row,) = [row for row in rows if (row["language"], row["measure"]) == (language, measure)]
                assert float(next(cells).text.replace("−", "-")) == pytest.approx(row["value"], rel=5e-3)
    means = [float(cell.text.replace("−", "-")) for cell in found.table.lines[2].cells[:2]]
    assert means[0] > 5 * means[1]
    assert "4 pairs of texts in each language" in found.markdown
    assert found.markdown.count("\n|") == 5
    assert "Mean cosine of translations" in found.markdown


def test_the_figure_has_a_dot_for_each_value() -> None:
    found = mismatch_report(table(1.0), table(0.1))
    assert found.drawing is not None
    root = ElementTree.fromstring(found.drawing.svg)
    assert root.get("aria-label") == found.drawing.text
    assert re.match(r"Mismatch \(L1\), by language\. German [\d.]+ before, [\d.]+ after; Chinese", found.drawing.text)
    across = [float(node.attrib["cx"]) for node in root.iter("{http://www.w3.org/2000/svg}circle")]
    # One column of dots after the other, and the mismatch is less after; the axis starts at 0.
    assert len(across) == 4
    numbers = [float(text) for text in re.findall(r"[\d.]+(?= before| after)", found.drawing.text)]
    lengths = [numbers[0], numbers[2], numbers[1], numbers[3]]
    scale = (across[0] - across[2]) / (lengths[0] - lengths[2])
    assert [(x - across[2]) / scale for x in across] == pytest.approx([n - lengths[2] for n in lengths], abs=0.02)
    assert found.drawing.svg == mismatch_report(table(1.0), table(0.1)).drawing.svg  # type: ignore[union-attr]


def test_values_below_zero_and_undefined_ones_are_shown() -> None:
    rows = alignment_table([[1, 0], [0, 1], [0, 1], [1, 0]], ["en", "en", "de", "de"], list("abab"))
    undefined = [row | {"value": None} for row in rows]
    found = mismatch_report(rows, undefined, measures=["margin"])
    assert [cell.text for cell in found.table.lines[0].cells] == ["−1", "–"]
    assert found.drawing is not None
    assert "German −1 before, – after" in found.drawing.text
    assert mismatch_report(undefined, undefined).drawing is None


def test_tables_that_do_not_fit_are_refused() -> None:
    whole = table(1.0)
    german = [row for row in whole if row["language"] == "de"]
    for before, after in ((whole, german), (whole, [row | {"pairs": 3} for row in whole]), ([], [])):
        with pytest.raises(UsageError, match="not of the same languages, pivot and pairs"):
            mismatch_report(before, after)
    with pytest.raises(UsageError, match="unknown measure of geometry 'cka'; expected one of mismatch_l1"):
        mismatch_report(whole, whole, measures=["cka"])
    both = [*german, *(row | {"pivot": "zh"} for row in german)]
    with pytest.raises(UsageError, match="several pivots"):
        mismatch_report(both, both)
