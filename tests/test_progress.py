"""Progress of long steps: bars on terminals, single lines elsewhere, nothing where it is not asked for."""

from __future__ import annotations

import re
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from support.command_line import Run

from clinometer.progress import Lines, Silent, drawn, progress, tracked


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_step_has_one_line_at_its_end(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    with Lines(1000, "scan", "documents", clock=clock) as bar:
        for _ in range(10):
            clock.now += 0.4
            bar.update(100)
    assert capsys.readouterr().err == "scan: 1,000 of 1,000 documents, 4.0 s, 250/s\n"
    bar.close()
    assert capsys.readouterr().err == ""


def test_a_long_step_has_a_line_every_minute_with_rate_and_time_left(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    with Lines(1000, "training", "steps", initial=100, clock=clock) as bar:
        bar.set_postfix({"loss": "0.5"})
        for _ in range(6):
            clock.now += 30
            bar.update(50)
    assert capsys.readouterr().err.splitlines() == [
        # 100 steps in the first minute; those of the earlier run are not of this rate.
        "training: 200 of 1,000 steps, 1.7/s, 8:00 min left, loss 0.5",
        "training: 300 of 1,000 steps, 1.7/s, 7:00 min left, loss 0.5",
        "training: 400 of 1,000 steps, 1.7/s, 6:00 min left, loss 0.5",
        "training: 400 of 1,000 steps, 3:00 min, 1.7/s, loss 0.5",
    ]


def test_what_is_over_at_once_has_no_line_if_it_is_late(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(tracked(range(3), "tests", "measures", shown=True, late=True)) == [0, 1, 2]
    assert capsys.readouterr().err == ""
    assert list(tracked(range(3), "tests", "measures", shown=True)) == [0, 1, 2]
    assert re.fullmatch(r"tests: 3 of 3 measures, [\d.]+ s, [\d.,e+]+/s\n", capsys.readouterr().err)


def test_a_terminal_has_a_bar_and_what_is_not_shown_nothing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    silent = progress(3, "scan", "documents", shown=False, initial=1)
    assert isinstance(silent, Silent)
    with silent as bar:
        bar.update(2)
        bar.set_postfix({"loss": 1})
    assert bar.n == 3
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    drawn: Any = progress(3, "scan", "documents", shown=True)
    with drawn as bar:
        bar.update(3)
    written = capsys.readouterr().err
    assert "scan: 100%" in written
    assert "documents/s" in written
    assert re.search(r"\[\d\d:\d\d<\d\d:\d\d", written)


def test_the_lines_of_an_evaluation(run: Run) -> None:
    done = run("evaluate", "demo", "--languages", "en,de", "--encoder", "offline", "--progress", "--resamples", "0")
    assert done.code == 0
    for step in ("queries: 300 of 300 texts", "documents: 150 of 150 texts", "scan: 150 of 150 documents"):
        assert done.err.count(f"{step}, ") == 1
    assert "\r" not in done.err
    quiet = run("evaluate", "demo", "--languages", "en,de", "--encoder", "bm25", "--resamples", "0")
    assert "index:" not in quiet.err


def test_a_bar_is_drawn_in_a_kernel_and_not_where_one_is_only_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    shells: dict[str, Any] = {"shell": None}
    monkeypatch.setitem(sys.modules, "ipykernel", ModuleType("ipykernel"))
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shells["shell"]))
    assert not drawn()
    shells["shell"] = SimpleNamespace(kernel=object())
    assert drawn()
