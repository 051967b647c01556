"""What the GitHub Action runs: evaluate, compare with a baseline, check, and tell the job what came out.

Arguments come in the environment and are split as a shell would, but never run by one. Exit code: that of the first
command that failed; 1 if a condition does not hold.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

__all__ = ["run"]

_RELATIVE = ("--max-drop", "--max-rise")


def run(environment: Mapping[str, str]) -> int:
    """Run the commands.

    Args:
        environment: Variables: `EVALUATE` (arguments), `RESULTS` (folder), `BASELINE` (folder), `CHECK` (conditions);
            `GITHUB_OUTPUT` and `GITHUB_STEP_SUMMARY`, the files that the runner reads.
    """
    results = Path(environment.get("RESULTS") or "clinometer-results")
    baseline = environment.get("BASELINE", "")
    conditions = shlex.split(environment.get("CHECK", ""), comments=True)
    if arguments := shlex.split(environment.get("EVALUATE", ""), comments=True):
        code, _ = _clinometer("evaluate", *arguments, "-o", str(results))
        if code:
            return code
    results.mkdir(parents=True, exist_ok=True)
    parts: list[str] = []
    outputs: dict[str, object] = {}
    holds = 0
    if conditions:
        page, junit = results / "check.md", results / "check.xml"
        relative = any(argument.partition("=")[0] in _RELATIVE for argument in conditions)
        against = ["--baseline", baseline] if baseline and relative else []
        files = ["-o", str(page), "-o", str(junit), "--force"]
        holds, _ = _clinometer("check", str(results), *conditions, *against, *files)
        if holds not in (0, 1) or not page.exists():
            return holds or 1
        parts.append(page.read_text(encoding="utf-8"))
        outputs = {"holds": str(holds == 0).lower(), "junit": junit}
    if baseline:
        code, text = _clinometer("compare", baseline, str(results), "--format", "markdown", capture=True)
        if code:
            return code
        parts.append(text)
    if parts:
        outcome = results / "outcome.md"
        outcome.write_text("\n".join(parts), encoding="utf-8")
        outputs["markdown"] = outcome
        _append(environment.get("GITHUB_STEP_SUMMARY"), "\n".join(parts))
    _append(environment.get("GITHUB_OUTPUT"), "".join(f"{name}={value}\n" for name, value in outputs.items()))
    return holds


def _clinometer(*arguments: str, capture: bool = False) -> tuple[int, str]:
    command = [sys.executable, "-m", "clinometer", *arguments]
    print(f"$ clinometer {shlex.join(arguments)}", flush=True)
    # As UTF-8 on Windows, too.
    environment = {**os.environ, "PYTHONUTF8": "1"}
    done = subprocess.run(
        command, stdout=subprocess.PIPE if capture else None, encoding="utf-8", env=environment, check=False
    )
    return done.returncode, done.stdout or ""


def _append(path: str | None, text: str) -> None:
    if path:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(text)


if __name__ == "__main__":
    sys.exit(run(os.environ))
