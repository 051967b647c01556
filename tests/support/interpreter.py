"""Python in a process of its own, for what only a fresh interpreter shows: imports, peaks of memory."""

from __future__ import annotations

import subprocess
import sys


def python(code: str, *arguments: str, strict: bool = False) -> str:
    """What this code prints; it must succeed, and where it is `strict` without a warning or a word of complaint."""
    options = ["-W", "error"] if strict else []
    command = [sys.executable, *options, "-c", code, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert not (strict and done.stderr)
    return done.stdout.strip()
