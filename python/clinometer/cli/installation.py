"""What is installed: versions of the package and what it needs, its extras, the kernels of the core, memory, threads.

Nothing that is optional is imported; what is known of it comes from its metadata.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from typing import Any, TypedDict

from clinometer.memory import available_bytes

__all__ = ["Extra", "describe", "extras", "usable_cores", "version_of", "within"]

_NEEDED = ("numpy", "langcodes", "msgspec", "rich", "tqdm", "typer")
_NOT_FOR_USERS = ("all", "bench", "dev", "docs", "fuzz")
"""Extras that are not shown, nor those that begin with one of them and a hyphen."""

_REQUIREMENT = re.compile(r"^\s*([\w.-]+)\s*(?:\[([^\]]*)\])?\s*\(?([^;)]*)\)?\s*(?:;\s*(.*))?$")
_MARKED = re.compile(r"""extra\s*==\s*['"]([\w.-]+)['"]""")
_BOUND = re.compile(r"(>=|<=|==|!=|~=|<|>)\s*([\w.*+!-]+)")


class Extra(TypedDict):
    """An extra of clinometer.

    Args:
        name: Its name.
        packages: Version of each of its packages; None for one that is not installed.
        outside: Bounds of the packages whose version is outside of them.
    """

    name: str
    packages: dict[str, str | None]
    outside: dict[str, str]


def describe(kernels: Sequence[str]) -> dict[str, Any]:
    """Everything, for programs.

    Args:
        kernels: Names of the kernels for users, the best first.
    """
    tools = {
        "cargo": "needed only to build clinometer from its source",
        "git": "needed only to get the source of clinometer",
    }
    return {
        "versions": {
            "clinometer": version_of("clinometer"),
            "python": platform.python_version(),
            **{name: version_of(name) for name in _NEEDED},
        },
        "executable": sys.executable,
        "system": f"{platform.system()} {platform.release()} on {platform.machine()}",
        "free_memory": available_bytes(),
        "threads": usable_cores(),
        "cores": os.cpu_count() or 1,
        "core": _core(kernels),
        "extras": extras(),
        "tools": {name: {"path": shutil.which(name), "needed": needed} for name, needed in tools.items()},
    }


def usable_cores() -> int:
    """Number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _core(kernels: Sequence[str]) -> dict[str, Any]:
    """The kernels that this machine has, and the one that is taken, which is the first; or why there are none."""
    try:
        from clinometer import _core as core

        available = core.instruction_sets()
    except Exception as error:  # whatever keeps a compiled module from loading
        return {"kernel": None, "kernels": [], "error": f"{type(error).__name__}: {error}"}
    return {"kernel": available[0], "kernels": [name for name in kernels if name in available], "error": None}


def extras() -> list[Extra]:
    """The extras for users, by name, with the versions of their packages."""
    from importlib.metadata import PackageNotFoundError, requires

    try:
        lines = requires("clinometer") or []
    except PackageNotFoundError:
        return []
    parts: dict[str, list[tuple[str, list[str], str]]] = {}
    for line in lines:
        match = _REQUIREMENT.match(line)
        marked = _MARKED.search(match[4] or "") if match else None
        if match and marked:
            inner = [name.strip() for name in (match[2] or "").split(",") if name.strip()]
            parts.setdefault(marked[1], []).append((match[1], inner, match[3].strip()))
    return [
        _extra(name, dict(_packages(name, parts)))
        for name in sorted(parts)
        if name.partition("-")[0] not in _NOT_FOR_USERS
    ]


def _packages(name: str, parts: dict[str, list[tuple[str, list[str], str]]]) -> Iterator[tuple[str, str]]:
    """Package and bounds of an extra, with those of the extras inside it."""
    for package, inner, bounds in parts.get(name, ()):
        if package == "clinometer":
            for other in inner:
                yield from _packages(other, parts)
        else:
            yield package, bounds


def _extra(name: str, bounds: dict[str, str]) -> Extra:
    versions = {package: version_of(package) for package in bounds}
    outside = {
        package: bounds[package]
        for package, version in versions.items()
        if version is not None and not within(version, bounds[package])
    }
    return {"name": name, "packages": versions, "outside": outside}


def within(version: str, bounds: str) -> bool:
    """Whether the numbers of a version are within bounds such as `>=1.15,<2`; other operators are not looked at.

    Example:
        >>> within("1.15.2", ">=1.15,<2"), within("2.0.0rc1", ">=1.15,<2"), within("1.9", ">=1.15,<2")
        (True, False, False)
    """
    numbers = _numbers(version)
    for operator, limit in _BOUND.findall(bounds):
        other = _numbers(limit)
        if (operator == ">=" and numbers < other) or (operator == "<" and numbers >= other):
            return False
    return True


def _numbers(version: str) -> tuple[int, ...]:
    """The release of a version without zeros at its end."""
    match = re.match(r"(?:\d+!)?(\d+(?:\.\d+)*)", version)
    numbers = [int(part) for part in match[1].split(".")] if match else []
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


def version_of(package: str) -> str | None:
    """The version of an installed package; None for one that is not installed."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:
        return None
