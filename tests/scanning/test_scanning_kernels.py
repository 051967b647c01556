"""Kernels: which this machine has, and that a system which refuses one is served by the next."""

import subprocess
import sys

import pytest

from clinometer import _core

# Linux is asked for the tiles of AMX by arch_prctl(ARCH_REQ_XCOMP_PERM); sandboxes may refuse it, as this filter does.
REFUSED = """
import ctypes
import struct

libc = ctypes.CDLL(None, use_errno=True)
instructions = [
    (0x20, 0, 0, 0),  # the number of the system call
    (0x15, 0, 3, 158),  # arch_prctl
    (0x20, 0, 0, 16),  # its first argument
    (0x15, 0, 1, 0x1023),  # ARCH_REQ_XCOMP_PERM
    (0x06, 0, 0, 0x00050001),  # not permitted
    (0x06, 0, 0, 0x7FFF0000),  # every other call is allowed
]
code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *instruction) for instruction in instructions))
program = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(instructions), ctypes.addressof(code)))
NO_NEW_PRIVILEGES, SECCOMP, FILTER = 38, 22, 2
if libc.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0) or libc.prctl(SECCOMP, FILTER, program, 0, 0):
    raise SystemExit(77)
"""

SCAN = """
import hashlib
import numpy as np
import clinometer as cm
from clinometer import _core

rng = np.random.default_rng(7)
queries, documents = rng.standard_normal((90, 70), dtype=np.float32), rng.standard_normal((3000, 70), dtype=np.float32)
relevant = [[n, n + 1000] for n in range(90)]
scan = cm.scan(queries, documents, relevant, ["en", "de"] * 1500, 10, precision="int16-certified")
arrays = [scan.ranks.greater, scan.ranks.equal, scan.top.ids, scan.top.scores]
print(hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest(), *_core.instruction_sets())
"""


def output(script: str) -> list[str]:
    process = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=600)
    if process.returncode == 77:
        pytest.skip("this system installs no filter")
    assert process.returncode == 0, process.stderr
    return process.stdout.split()


def test_every_machine_has_the_portable_kernel_and_the_emulation() -> None:
    assert _core.instruction_sets()[-2:] == ["portable", "emulated-amx"]


@pytest.mark.skipif("amx" not in _core.instruction_sets(), reason="this machine has no AMX")
def test_where_the_system_refuses_tiles_the_next_kernel_gives_the_same_bits() -> None:
    digest, *kernels = output(SCAN)
    digest_refused, *kernels_refused = output(REFUSED + SCAN)
    assert kernels[0] == "amx"
    assert kernels_refused == kernels[1:]
    assert digest == digest_refused
