"""Runs the blocks of a page in order, as a reader would: one folder, one Python session, one shell."""

from __future__ import annotations

import contextlib
import doctest
import io
import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

from support.command_line import Run
from support.documentation import ROOT, Block, installs, shell_lines

_SAME = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


class PageRunner:
    """The working folder, the names of the Python blocks so far, and the output of the last block."""

    def __init__(
        self,
        folder: Path,
        names: dict[str, Any],
        placeholders: dict[str, str],
        run: Run,
        *,
        every_scenario: bool = True,
    ) -> None:
        self.folder = folder
        self.names = names
        self._placeholders = {re.compile(rf"(?<![\w/.-]){re.escape(key)}(?![\w/-])"): value
                              for key, value in placeholders.items()}  # fmt: skip
        self.every_scenario = every_scenario
        self._run = run
        self.output = ""

    def run(self, block: Block) -> None:
        """Run a block, or compare it with the output of the last; a failure names page and line."""
        try:
            if block.kind == "file":
                assert block.title is not None
                (self.folder / block.title).parent.mkdir(parents=True, exist_ok=True)
                (self.folder / block.title).write_text(self._filled(block.code), encoding="utf-8")
            elif block.kind == "output":
                assert doctest.OutputChecker().check_output(block.code, self.output, _SAME), (
                    f"expected:\n{block.code}\ngot:\n{self.output}"
                )
            elif block.kind == "installs":
                for line in shell_lines(block.code):
                    check_install(line)
            elif block.kind.startswith("run"):
                self.output = self._python(block) if block.language == "python" else self._shell(block)
        except BaseException as error:
            error.add_note(f"in the block at {block}")
            raise

    def _filled(self, code: str) -> str:
        for pattern, value in self._placeholders.items():
            code = pattern.sub(lambda _, value=value: value, code)  # type: ignore[misc]
        return code

    def _python(self, block: Block) -> str:
        code = compile("\n" * (block.line - 1) + self._filled(block.code), block.page, "exec", dont_inherit=True)
        with contextlib.redirect_stdout(io.StringIO()) as output:
            exec(code, self.names)
        return output.getvalue()

    def _shell(self, block: Block) -> str:
        output = ""
        for line in shell_lines(self._filled(block.code)):
            for command in line.split(" && "):
                output += self._command(command)
        return output

    def _command(self, command: str) -> str:
        words = shlex.split(command, comments=True)
        if installs(command):
            check_install(command)
            return ""
        target = None
        if ">" in words:
            *words, _, target = words
        if words[0] != "clinometer":
            path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
            done = subprocess.run(
                ["bash", "-euc", command],
                cwd=self.folder,
                env={**os.environ, "PATH": path, "PYTEST_ADDOPTS": "-p pytest_clinometer -p no:cacheprovider"},
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
            return done.stdout
        # The same in less time: most of it goes into the drawing of reports.
        if words[1] != "demo" and "demo" in words and "--languages" not in words:
            words += ["--languages", "en,de"]
        if words[1] == "evaluate" and "--scenarios" not in words and not self.every_scenario:
            words += ["--scenarios", "multi"]
        words = [name for word in words for name in (self._matches(word) or [word])]
        outcome = self._run(*words[1:])
        # A condition of an example need not hold on the small collection here, but the command must be understood.
        assert outcome.code in ((0, 1) if words[1] == "check" else (0,)), f"{command}\n{outcome.out}{outcome.err}"
        if target is None:
            return outcome.out + outcome.err
        (self.folder / target).write_text(outcome.out, encoding="utf-8")
        return ""

    def _matches(self, word: str) -> list[str]:
        return sorted(path.name for path in self.folder.glob(word)) if "*" in word else []


def check_install(line: str) -> None:
    """Targets of make and extras of pip exist, and nothing comes from an index where it is not."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    words = shlex.split(line, comments=True)
    if words[0] == "make":
        for target in words[1:]:
            assert "=" in target or re.search(rf"^(\S+ )*{target}( \S+)*:", makefile, re.MULTILINE), line
    if words[:2] == ["pip", "install"]:
        for requirement in words[2:]:
            match = re.fullmatch(r"\.(?:\[([\w,-]+)\])?", requirement)
            assert match, f"{line}: nothing is published; install from the clone, such as '.[models]'"
            assert {*(match[1] or "").split(",")} - {""} <= extras.keys(), line
