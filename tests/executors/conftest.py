"""One small Ray cluster of this machine for all tests that need one."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from clinometer.executors import Executor


@pytest.fixture(scope="session")
def cluster() -> Iterator[Executor]:
    ray = pytest.importorskip("ray", reason="Ray is not installed (make test-ray)")
    from clinometer.executors.ray import RayExecutor

    # Workers cannot import these tests: what the tests define goes to them by value.
    faults = Path(__file__).with_name("faults.py")
    sys.path.insert(0, str(faults.parent))
    import faults as module

    ray.cloudpickle.register_pickle_by_value(module)
    with RayExecutor(cpus=2, object_store=80_000_000) as executor:
        yield executor
