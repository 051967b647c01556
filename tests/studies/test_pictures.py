"""Pictures of README and docs: they are what the recorded results give, and no encoder is needed to draw them."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from studies import sources
from studies.pictures import figures, finding


def test_pictures_and_table_are_those_of_the_recorded_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: Any, **__: Any) -> None:
        raise AssertionError("an encoder was evaluated")

    monkeypatch.setattr(subprocess, "run", refused)
    (tmp_path / "images").mkdir()
    page = (sources.DOCS / "two-encoders.md").read_text(encoding="utf-8")
    (tmp_path / "two-encoders.md").write_text(page, encoding="utf-8")
    for module in (figures, finding):
        monkeypatch.setattr(module, "DOCS", tmp_path)
    monkeypatch.setattr("sys.argv", ["figures"])
    figures.main()
    for path in ("two-encoders.md", "images/lean.svg", "images/finding.svg"):
        assert (tmp_path / path).read_text(encoding="utf-8") == (sources.DOCS / path).read_text(encoding="utf-8"), path


def test_the_figure_stands_alone() -> None:
    svg = (sources.DOCS / "images" / "lean.svg").read_text(encoding="utf-8")
    assert ElementTree.fromstring(svg).get("height", "").endswith("pt")
    # A file has no stylesheet of a page, so its colours are written out, on a ground of its own.
    assert "var(" not in svg
    for name in figures.ENCODERS:
        assert f">{name}</text>" in svg
