"""The pytest plugin: bounds of markers, what a failing test says, and that it costs nothing at the start of pytest."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

SETUP = """
import numpy as np
import pytest
from clinometer.encoders import PrecomputedEncoder
import clinometer as cm

@pytest.fixture(scope="session")
def collection():
    return cm.load("demo", languages=["en", "de"])

@pytest.fixture(scope="session")
def arrays(collection):
    rng = np.random.default_rng(0)
    sides = (collection.queries, collection.documents)
    return [rng.normal(size=(len(side), 8)).astype(np.float32) for side in sides]

@pytest.fixture(scope="session")
def encoder(arrays):
    return PrecomputedEncoder(*arrays)

OPTIONS = {"scenarios": ["multi"], "measures": ["MaxR", "nDCG@10"], "resamples": 20}
"""


def run(pytester: pytest.Pytester, tests: str, *arguments: str) -> pytest.RunResult:
    pytester.makepyfile(SETUP + tests)
    return pytester.runpytest_subprocess("-p", "pytest_clinometer", "-p", "no:cacheprovider", *arguments)


def test_bounds_of_markers(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
@pytest.mark.clinometer(min=["MaxR=1"], max="nDCG@10[multi]=1")
def test_holds(clinometer, collection, encoder):
    assert clinometer.evaluate(collection, encoder, **OPTIONS).value("MaxR", "multi", "de") > 1
    assert clinometer.checks == 1

@pytest.mark.clinometer(max=["MaxR[multi,de]=1"])
def test_fails(clinometer, collection, encoder):
    clinometer.evaluate(collection, encoder, **OPTIONS)

@pytest.mark.clinometer(max=["MaxR[multi,de]=1"])
class TestNearer:
    @pytest.mark.clinometer(max=["MaxR[multi,de]=1e9"])
    def test_wins(self, clinometer, collection, encoder):
        clinometer.evaluate(collection, encoder, **OPTIONS)

@pytest.mark.clinometer(max=["MaxR=1"])
def test_of_nothing(clinometer):
    pass

@pytest.mark.clinometer(max=["MaxRR=1"])
def test_misspelt_measure(clinometer, collection, encoder):
    clinometer.evaluate(collection, encoder, **OPTIONS)

@pytest.mark.clinometer(maximum=["MaxR=1"])
def test_misspelt_bound(clinometer):
    pass

def test_without_marker(clinometer, collection, encoder):
    clinometer.evaluate(collection, encoder, **OPTIONS)
""",
        "--strict-markers",
    )
    # Nothing evaluated is an error of the fixture at its end, a misspelt bound one at its start.
    result.assert_outcomes(passed=4, failed=2, errors=2)
    result.stdout.fnmatch_lines(
        [
            "the test has the marker clinometer and evaluated nothing with the fixture",
            "the marker clinometer has no maximum; expected some of max, min, *",
            "clinometer check of precomputed on demo",
            "FAIL  --max MaxR[[]multi,de[]]=1 (1 of 1 row)",
            "       multi, questions in de, pool en+de: *",
            "clinometer cannot check: --max MaxRR=1: *",
        ],
        consecutive=False,
    )


def test_a_baseline_in_the_repository(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
DROP = {"baseline": "accepted", "max_drop": ["nDCG@10=0"]}

def test_writes(collection, encoder, pytestconfig):
    folder = pytestconfig.rootpath / "accepted"
    folder.mkdir()
    evaluation = cm.evaluate(collection, encoder, **OPTIONS)
    evaluation.to_json(folder / "results.json")
    evaluation.per_query_to(folder / "per_query.jsonl.gz")

@pytest.mark.clinometer(**DROP, paired=True)
def test_same(clinometer, collection, encoder):
    clinometer.evaluate(collection, encoder, **OPTIONS)
    clinometer.check("accepted")

@pytest.mark.clinometer(**DROP)
def test_worse(clinometer, collection, arrays):
    worse = PrecomputedEncoder(-arrays[0], arrays[1])
    evaluation = cm.evaluate(collection, worse, **OPTIONS)
    clinometer.check(evaluation, max_drop=["nDCG@10=1"])
    clinometer.check(evaluation, max_drop=[], baseline=None, max_rise=[], min=["nDCG@10=0.9"])
""",
    )
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["FAIL  --min nDCG@10=0.9 (*"])


def test_pytest_starts_without_the_package(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
import sys

def test_start():
    assert "pytest_clinometer" in sys.modules
    assert not [name for name in sys.modules if name.partition(".")[0] in ("clinometer", "numpy", "msgspec")]
"""
    )
    result = pytester.runpytest_subprocess("-p", "pytest_clinometer", "-p", "no:hypothesispytest")
    result.assert_outcomes(passed=1)
    markers = pytester.runpytest_subprocess("-p", "pytest_clinometer", "--markers")
    markers.stdout.fnmatch_lines(["@pytest.mark.clinometer(min=[[][]], *"])


def test_the_wheel_has_the_plugin_and_pytest_finds_it() -> None:
    project = tomllib.loads((Path(__file__).resolve().parents[2] / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["entry-points"]["pytest11"] == {"pytest_clinometer": "pytest_clinometer"}
    assert project["tool"]["maturin"]["python-packages"] == ["clinometer", "pytest_clinometer"]
