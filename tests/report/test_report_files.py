"""Figures as files: every one, whole, with title and key, and the same bytes each time."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clinometer.report import draw_figures
from clinometer.report.base import figure_files as files
from clinometer.report.evaluation.page import drawings_of

Make = Callable[..., dict[str, Any]]


def test_every_figure_as_svg_and_png(make_result: Make, tmp_path: Path) -> None:
    results = [make_result(pairs="all")]
    drawings = drawings_of(results)
    paths = draw_figures(results, tmp_path / "new" / "figures")
    names = [drawing.name for drawing in drawings]
    assert len(set(names)) == len(names) > 5
    assert [path.name for path in paths] == [f"{name}.{ending}" for name in names for ending in ("svg", "png")]
    assert sorted(path.name for path in (tmp_path / "new" / "figures").iterdir()) == sorted(path.name for path in paths)
    for drawing in drawings:
        svg = (tmp_path / "new" / "figures" / f"{drawing.name}.svg").read_text(encoding="utf-8")
        ET.fromstring(svg)
        told = " ".join(svg.split())
        for text in (drawing.title.split()[0], *(mark.text for mark in drawing.key)):
            assert text.replace("'", "&#x27;") in told or text in told
        png = (tmp_path / "new" / "figures" / f"{drawing.name}.png").read_bytes()
        assert png.startswith(b"\x89PNG\r\n\x1a\n")
        assert png.endswith(b"IEND\xaeB`\x82")


def test_same_results_same_bytes_and_the_page_is_not_touched(make_result: Make, tmp_path: Path) -> None:
    import matplotlib

    results = [make_result(), make_result(name="<b> & $x$", start=300)]
    before = [drawing.svg for drawing in drawings_of(results)]
    drawings = drawings_of(results)
    first = files.save_figures(drawings, tmp_path / "one")
    with matplotlib.rc_context({"font.size": 30, "savefig.dpi": 20, "savefig.facecolor": "black"}):
        settings = dict(matplotlib.rcParams)
        second = draw_figures(results, tmp_path / "two")
        assert dict(matplotlib.rcParams) == settings
    again = files.save_figures(drawings, tmp_path / "three")
    for others in (second, again):
        assert [path.name for path in others] == [path.name for path in first]
        assert [path.read_bytes() for path in others] == [path.read_bytes() for path in first]
    assert [drawing.svg for drawing in drawings] == before


def test_a_figure_that_fails_leaves_no_half(make_result: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> dict[str, bytes]:
        raise OSError("disk full")

    monkeypatch.setattr(files, "_contents", fail)
    with pytest.raises(OSError, match="disk full"):
        draw_figures([make_result()], tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_results_without_figures(make_result: Make, make_row: Make, tmp_path: Path) -> None:
    result = make_result() | {"rows": [make_row("multi", "de", ["en", "de"], "AP", 0.5)]}
    assert draw_figures([result], tmp_path) == []
