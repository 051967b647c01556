"""Ctrl-C during a scan ends the command soon, with one line and the exit code that shells expect."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

# The command as it is, on a pool whose scan would take minutes; a line says that the scan has begun.
SLOW = """
import signal
import sys
import numpy as np
import clinometer.scorers.in_memory
from clinometer import CollectionBuilder, io
from clinometer.cli import main
from clinometer.scanning.scan import scan

def load(source, **options):
    builder = CollectionBuilder("large")
    for label in ("en", "de"):
        builder.add_document(label, label, label)
        builder.add_query("q" + label, label, label)
        builder.judge("q" + label, label)
    return builder.build()

def long_scan(*arguments, **options):
    rows = np.random.default_rng(0).normal(size=(20000, 256)).astype(np.float32)
    print("scanning", file=sys.stderr, flush=True)
    scan(rows, [rows] * 200, threads=options["threads"])
    print("finished", file=sys.stderr, flush=True)

# A shell starts what it puts into the background with Ctrl-C ignored, and so would this process be.
signal.signal(signal.SIGINT, signal.default_int_handler)
io.load, clinometer.scorers.in_memory.scan = load, long_scan
sys.argv = ["clinometer", *sys.argv[1:]]
main()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals are others there")
@pytest.mark.parametrize("threads", ["1", "2"])
def test_ctrl_c_ends_a_scan(tmp_path: Path, threads: str) -> None:
    rows = str(tmp_path / "rows.npy")
    np.save(rows, np.eye(2, dtype=np.float32))
    command = ["evaluate", "demo", "--encoder", "precomputed", "--queries", rows, "--documents", rows, "--json"]
    process = subprocess.Popen(
        [sys.executable, "-c", SLOW, *command, "-o", str(tmp_path / "out"), "--threads", threads],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        seen = []
        for line in process.stderr:
            seen.append(line)
            if line == "scanning\n":
                break
        assert seen[-1:] == ["scanning\n"], seen
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        # The promise is a second; a machine that is busy with others gets longer.
        out, err = process.communicate(timeout=20)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 130
    assert (out, err) == ("", "clinometer: interrupted\n")
    assert not [*tmp_path.glob("out/*")]
