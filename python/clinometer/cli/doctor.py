"""`clinometer doctor`: what is installed on this machine, which kernel a scan takes, and what is missing."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import typer

from clinometer.cli.option_groups import Json
from clinometer.cli.terminal import fitted
from clinometer.files import json_bytes

if TYPE_CHECKING:
    from clinometer.cli.installation import Extra

__all__ = ["doctor"]

_VALUES = 14
"""Column of what is known of an entry."""

_NEEDS = {
    "amx": "needs Linux on x86-64 with AMX tiles of bytes and AVX-512",
    "avx512": "needs x86-64 with AVX-512 F, BW, DQ, VL and VNNI",
    "avx2": "needs x86-64 with AVX2 and FMA",
    "portable": "runs anywhere; slow without fused multiply-add",
}
"""The kernels, the best first, and what they need; the last one of the core, which emulates another, is for tests."""


def doctor(json: Json = False) -> None:
    """Show what is installed: kernels, versions, extras, memory and threads. Exit code 1 if the core does not load.

    Example:
        clinometer doctor
    """
    from clinometer.cli.installation import describe

    record = describe(list(_NEEDS))
    if json:
        sys.stdout.write(json_bytes(record).decode())
    else:
        sys.stdout.writelines(f"{fitted(line, ' ' * _VALUES)}\n" for line in _lines(record))
    if record["core"]["error"] is not None:
        raise typer.Exit(1)


def _lines(record: dict[str, Any]) -> list[str]:
    from clinometer.memory import size_text

    lines = [f"{name:<12}{version or 'not installed'}" for name, version in record["versions"].items()]
    lines += [f"{'system':<12}{record['system']}"]
    memory = record["free_memory"]
    lines += [f"{'memory':<12}{'unknown' if memory is None else f'{size_text(memory)} free'}"]
    lines += [f"{'threads':<12}{record['threads']} for this process, of {record['cores']} cores"]
    lines += ["", "Core", *(f"  {line}" for line in _core(record["core"])), "", "Extras"]
    lines += [f"  {extra['name']:<12}{_extra(extra)}" for extra in record["extras"]]
    lines += ["", "Tools", *(f"  {name:<12}{_tool(tool)}" for name, tool in record["tools"].items())]
    return lines


def _core(core: dict[str, Any]) -> list[str]:
    if core["error"] is not None:
        return [f"does not load: {core['error']}", "install clinometer again for this Python and this machine"]
    lines = []
    for name, needs in _NEEDS.items():
        state = "taken: the best that this machine has" if name == core["kernel"] else "available"
        lines.append(f"{name:<12}{state if name in core['kernels'] else f'not on this machine: {needs}'}")
    return lines


def _extra(extra: Extra) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in extra["packages"].items() if version is not None)
    problems = [f"{name} is missing" for name, version in extra["packages"].items() if version is None]
    problems += [f"{name} {extra['packages'][name]} must be {bounds}" for name, bounds in extra["outside"].items()]
    fix = f"pip install 'clinometer[{extra['name']}]'"
    if not problems:
        return versions
    return f"{'; '.join(problems)}: {fix}" if versions else f"not installed: {fix}"


def _tool(tool: dict[str, Any]) -> str:
    where = tool["path"] or "not on the PATH"
    return f"{where}; {tool['needed']}"
