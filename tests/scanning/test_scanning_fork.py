"""A forked child can scan: no threads outlive a call, so none are missing after a fork."""

from __future__ import annotations

import subprocess
import sys

import pytest

FORKED = """
import os, sys
import numpy as np
import clinometer as cm

rows = np.random.default_rng(0).standard_normal((3000, 32), dtype=np.float32)
wanted = cm.search(rows[:50], rows, k=5, threads=3).ids
child = os.fork()
if child == 0:
    same = np.array_equal(wanted, cm.search(rows[:50], rows, k=5, threads=3).ids)
    os._exit(0 if same else 1)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
def test_a_forked_child_scans() -> None:
    assert subprocess.run([sys.executable, "-c", FORKED], timeout=60, check=False).returncode == 0
