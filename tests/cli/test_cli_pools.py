"""`--pool`: done in the order given, recorded in the results, refused before any work."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.command_line import Run

QUICK = ["--scenarios", "multi", "--measures", "MaxR", "--resamples", "0", "--languages", "en,de"]


def test_steps_are_done_and_recorded(run: Run, tmp_path: Path) -> None:
    steps = ["skew(en=0.8)", "near-duplicates(0.2, judged=no)"]
    options = [part for step in steps for part in ("--pool", step)]
    done = run("evaluate", "demo", *QUICK, *options, "--json", "-o", tmp_path)
    assert done.code == 0, done.err
    found = json.loads(done.out)
    assert found["settings"]["pool"] == steps
    assert found["collection"]["documents"] == {"en": 89, "de": 23}
    assert found["collection"]["notes"]["pool_1"]["made by"] == "skew(en=0.8, de=0.2, queries=complete, seed=0)"
    assert "pool 2: made by near_duplicates(0.2" in done.err
    for name in ("report.md", "report.html"):
        assert "en=0.8, de=0.2, queries=complete" in (tmp_path / name).read_text()


@pytest.mark.parametrize("bad", ["sqew(en=0.8)", "skew(en=8)", "skew(fr=0.5)"])
def test_what_cannot_be_is_refused(run: Run, bad: str) -> None:
    done = run("evaluate", "demo", *QUICK, "--pool", bad)
    assert done.code == 2
    assert done.out == ""
    assert len(done.err.strip().splitlines()) == 1
