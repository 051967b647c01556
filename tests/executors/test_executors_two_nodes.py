"""A cluster of two nodes, in two networks where that is allowed, gives the bits of one process, also if a node dies."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.ray


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What came of the work of `support.two_nodes_work`."""
    pytest.importorskip("ray", reason="Ray is not installed (make test-ray)")
    paths = [str(Path(__file__).parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    # A secret of this cluster's own, which its processes and the work share.
    environment |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    environment.pop("RAY_ADDRESS", None)
    command = [sys.executable, "-m", "support.two_nodes_work", str(tmp_path_factory.mktemp("nodes"))]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=290)
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_both_nodes_work_and_give_the_same_bits(result: dict[str, Any]) -> None:
    assert result["nodes"] == 2
    assert result["scan"] is True
    assert result["encoding"] is True


def test_a_node_that_dies_during_a_scan(result: dict[str, Any]) -> None:
    assert result["killed"] is True
    assert result["after a death"] is True


def test_a_worker_that_does_not_see_the_store(result: dict[str, Any]) -> None:
    if result["networks"] == 1:
        pytest.skip("a second network with a folder of its own needs the rights for it")
    assert ".npy: this shard does not exist on " in result["unseen"]
    assert "every worker must reach the store under the same path, or read it from a URL" in result["unseen"]
