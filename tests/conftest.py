"""Fixtures that many tests share."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from support import faults
from support.command_line import Outcome, Run

import clinometer as cm
from clinometer.cli import main
from clinometer.executors import Executor

# A machine that is busy with other tests is slow, which is not a fault.
settings.register_profile("tests", deadline=None)
settings.load_profile("tests")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with the evaluation data, beside the repository; tests that need it are skipped where it is absent."""
    folder = Path(__file__).resolve().parents[2] / "shared"
    if not (folder / "data").is_dir():
        pytest.skip("the evaluation data is not beside this checkout")
    return folder


@pytest.fixture(scope="session")
def demo_evaluation() -> cm.Evaluation:
    """The embedded collection in three languages, scored by the embedded encoder."""
    return cm.evaluate("demo", "offline", languages=["en", "de", "zh"], resamples=0)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run `clinometer` with these arguments, in this process; an exception that escapes fails the test."""

    def command(*arguments: object) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["clinometer", *map(str, arguments)])
        for name in ("HF_HUB_DISABLE_PROGRESS_BARS", "HF_DATASETS_DISABLE_PROGRESS_BARS"):
            monkeypatch.setenv(name, "1")  # as the command itself does, but only for this test
        capsys.readouterr()
        with pytest.raises(SystemExit) as caught:
            main()
        out, err = capsys.readouterr()
        code = caught.value.code
        return Outcome(code if isinstance(code, int) else int(code is not None), out, err)

    return command


@pytest.fixture(scope="session")
def cluster() -> Iterator[Executor]:
    """One small Ray cluster of this machine for all tests that need one."""
    ray = pytest.importorskip("ray", reason="Ray is not installed (make test-ray)")
    from clinometer.executors.ray import RayExecutor

    # Workers cannot import these tests: what the tests define goes to them by value.
    ray.cloudpickle.register_pickle_by_value(faults)
    with RayExecutor(cpus=2, object_store=80_000_000) as executor:
        yield executor
