"""The build backend: maturin, once there is a Rust that can compile the core.

Without one, pip and make say the same sentence instead of a traceback. Run as a script, it only looks for Rust. It runs
before pip has checked the version of Python, so it must be readable by older ones.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

__all__ = [
    "build_editable",
    "build_sdist",
    "build_wheel",
    "get_requires_for_build_editable",
    "get_requires_for_build_sdist",
    "get_requires_for_build_wheel",
    "prepare_metadata_for_build_editable",
    "prepare_metadata_for_build_wheel",
    "require_rust",
]

_MANIFEST = Path(__file__).resolve().parent.parent / "Cargo.toml"
_REMEDY = "install Rust from https://rustup.rs, or update it by `rustup update`, and try again"


def require_rust() -> None:
    """End the process with one sentence if cargo is missing, does not run, or is older than Cargo.toml asks for."""
    lowest = re.search(r'^rust-version = "(\d+)\.(\d+)"$', _MANIFEST.read_text(encoding="utf-8"), re.MULTILINE)
    if lowest is None:
        sys.exit(f"{_MANIFEST} has no rust-version")
    version = f"{lowest[1]}.{lowest[2]}"
    need = f"clinometer needs Rust {version} or newer to compile its core"
    cargo = shutil.which("cargo")
    if cargo is None:
        sys.exit(f"{need}, and cargo is not on the PATH: {_REMEDY}")
    answer = subprocess.run([cargo, "--version"], capture_output=True, text=True, check=False)
    numbers = re.match(r"cargo (\d+)\.(\d+)", answer.stdout)
    if answer.returncode or numbers is None:
        lines = (answer.stderr or answer.stdout).strip().splitlines() or ["no output"]
        sys.exit(f"{need}, and {cargo} does not run ({lines[0][:200]}): {_REMEDY}")
    if (int(numbers[1]), int(numbers[2])) < (int(lowest[1]), int(lowest[2])):
        sys.exit(f"{need}, and {cargo} is {numbers[1]}.{numbers[2]}: {_REMEDY}")


def _delegate(name: str, *arguments: Any) -> Any:
    require_rust()
    # Only pip's build environment has it.
    import maturin

    return getattr(maturin, name)(*arguments)


def get_requires_for_build_wheel(config_settings: Any = None) -> Any:
    """PEP 517."""
    return _delegate("get_requires_for_build_wheel", config_settings)


def get_requires_for_build_editable(config_settings: Any = None) -> Any:
    """PEP 660."""
    return _delegate("get_requires_for_build_editable", config_settings)


def get_requires_for_build_sdist(config_settings: Any = None) -> Any:
    """PEP 517."""
    return _delegate("get_requires_for_build_sdist", config_settings)


def prepare_metadata_for_build_wheel(metadata_directory: str, config_settings: Any = None) -> Any:
    """PEP 517."""
    return _delegate("prepare_metadata_for_build_wheel", metadata_directory, config_settings)


def prepare_metadata_for_build_editable(metadata_directory: str, config_settings: Any = None) -> Any:
    """PEP 660."""
    return _delegate("prepare_metadata_for_build_editable", metadata_directory, config_settings)


def build_wheel(wheel_directory: str, config_settings: Any = None, metadata_directory: Any = None) -> Any:
    """PEP 517."""
    return _delegate("build_wheel", wheel_directory, config_settings, metadata_directory)


def build_editable(wheel_directory: str, config_settings: Any = None, metadata_directory: Any = None) -> Any:
    """PEP 660."""
    return _delegate("build_editable", wheel_directory, config_settings, metadata_directory)


def build_sdist(sdist_directory: str, config_settings: Any = None) -> Any:
    """PEP 517."""
    return _delegate("build_sdist", sdist_directory, config_settings)


if __name__ == "__main__":
    require_rust()
