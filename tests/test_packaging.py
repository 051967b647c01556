"""What is around the package: a missing compiler, versions that must agree, workflows, what goes into the sources."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
ACTIONS = [*WORKFLOWS, *ROOT.glob("action.yml")]


def packaging(name: str) -> ModuleType:
    """A module of packaging/, which is not part of the package."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "packaging" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


LOWEST = tomllib.loads((ROOT / "Cargo.toml").read_text(encoding="utf-8"))["package"]["rust-version"]


@pytest.mark.skipif(os.name != "posix", reason="cargo is replaced by shell scripts")
@pytest.mark.parametrize(
    ("script", "part"),
    [
        (None, "and cargo is not on the PATH: install Rust from https://rustup.rs"),
        ("echo cargo 1.63.0", "/cargo is 1.63: install Rust"),
        ("echo cargo 0.99.0", "/cargo is 0.99: install Rust"),
        ("echo 'error: rustup could not choose a version' >&2; exit 1", "does not run (error: rustup could not choose"),
        ("exit 0", "does not run (no output)"),
        (f"echo cargo {LOWEST}.0", None),
        ("echo 'cargo 2.0.0 (abcdef 2030-01-01)'", None),
    ],
)
def test_without_a_compiler_pip_and_make_say_one_sentence(tmp_path: Path, script: str | None, part: str | None) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    if script is not None:
        (tools / "cargo").write_text(f"#!/bin/sh\n{script}\n")
        (tools / "cargo").chmod(0o755)
    environment = {**os.environ, "PATH": f"{tools}{os.pathsep}/usr/bin{os.pathsep}/bin"}
    if any(Path(folder, "cargo").exists() for folder in ("/usr/bin", "/bin")):
        pytest.skip("the system has a cargo of its own")
    # What pip calls first, as it calls it, and what make calls before it makes anything.
    hook = f"import sys; sys.path.insert(0, {str(ROOT / 'packaging')!r}); import clinometer_build as backend; "
    pip = [sys.executable, "-c", hook + "backend.require_rust()"]
    make = ["make", "--silent", f"PYTHON={sys.executable}", "rust"]
    outcomes = [
        subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        for command in (pip, make)
    ]
    if part is None:
        assert [(done.returncode, done.stdout + done.stderr) for done in outcomes] == [(0, ""), (0, "")]
        return
    assert [done.returncode for done in outcomes] == [1, 2]
    sentence = outcomes[0].stderr
    assert sentence.startswith(f"clinometer needs Rust {LOWEST} or newer to compile its core, and ")
    assert part in sentence
    assert sentence.count("\n") == 1
    assert outcomes[1].stderr.startswith(sentence)


def test_every_hook_of_the_build_backend_looks_for_rust(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    backend = packaging("clinometer_build")
    monkeypatch.setenv("PATH", str(tmp_path))
    hooks = [name for name in backend.__all__ if name != "require_rust"]
    assert len(hooks) == 8
    for name in hooks:
        with pytest.raises(SystemExit, match="cargo is not on the PATH"):
            getattr(backend, name)("folder")


CARGO, CITATION = '[package]\nversion = "0.2.0"\n', "cff-version: 1.2.0\nversion: 0.2.0\n"


@pytest.mark.parametrize(
    ("changes", "tag", "parts"),
    [
        ({}, "", []),
        ({"CHANGELOG.md": "# Changelog\n\n## 0.2.0 (2027-01-31)\n"}, "", []),
        ({"CHANGELOG.md": "## Unreleased (0.3.0)\n"}, "", ["'Unreleased (0.3.0)', not 'Unreleased (0.2.0)'"]),
        ({"CITATION.cff": "version: 0.1.0\n"}, "", ["CITATION.cff has version 0.1.0, Cargo.toml 0.2.0"]),
        ({}, "v0.2.0", ["'Unreleased (0.2.0)', not '0.2.0 (YEAR-MONTH-DAY)'"]),
        ({"CHANGELOG.md": "## 0.2.0 (2027-01-31)\n"}, "v0.2.0", ["lacks the line `date-released: 2027-01-31`"]),
        (
            {"CHANGELOG.md": "## 0.2.0 (2027-01-31)\n", "CITATION.cff": CITATION + 'date-released: "2027-01-31"\n'},
            "v0.2.0",
            [],
        ),
        (
            {"CHANGELOG.md": "## 0.2.0 (2027-01-31)\n", "CITATION.cff": CITATION + "date-released: 2027-01-31\n"},
            "0.2.0",
            ["the tag is 0.2.0, and Cargo.toml has version 0.2.0"],
        ),
    ],
)
def test_a_release_has_one_version(changes: dict[str, str], tag: str, parts: list[str]) -> None:
    texts = {"Cargo.toml": CARGO, "CITATION.cff": CITATION, "CHANGELOG.md": "## Unreleased (0.2.0)\n"} | changes
    problems = packaging("version").problems(texts.__getitem__, tag)
    assert len(problems) == len(parts)
    for problem, part in zip(problems, parts, strict=True):
        assert part in problem


def test_the_files_of_this_repository_have_one_version() -> None:
    read = packaging("version").problems
    assert read(lambda name: (ROOT / name).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("path", ACTIONS, ids=lambda path: path.name)
def test_other_peoples_actions_are_pinned_to_a_commit(path: Path) -> None:
    uses = re.findall(r"uses: (\S+)(.*)", path.read_text(encoding="utf-8"))
    assert uses
    for action, comment in uses:
        if not action.startswith("./"):
            assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", action), action
            assert re.fullmatch(r" # v\d+\.\d+\.\d+", comment), action


@pytest.mark.parametrize("path", ACTIONS, ids=lambda path: path.name)
def test_what_workflows_run_is_in_this_repository(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    rules = re.findall(r"^([a-z][a-z0-9. %-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    targets = {target for rule in rules for target in rule.split()}
    assert "lint" in targets
    runs = [line for line in text.splitlines() if re.match(r"^ *(- )?run: |^ {10,}", line)]
    called = [target for line in runs for target in re.findall(r"\bmake ([a-z][a-z0-9.-]*)", line)]
    files = [name for line in runs for name in re.findall(r"(?<![\w.])(packaging/[\w./-]+)", line)]
    assert {"ci.yml": called, "release.yml": files, "action.yml": files}[path.name]
    assert [target for target in called if target not in targets] == []
    assert [name for name in files if not (ROOT / name).is_file()] == []


def test_one_action_has_one_commit_everywhere() -> None:
    uses = [use for path in ACTIONS for use in re.findall(r"uses: (\S+)@(\S+)", path.read_text(encoding="utf-8"))]
    commits: dict[str, set[str]] = {}
    for action, commit in uses:
        commits.setdefault(action, set()).add(commit)
    assert {action: pins for action, pins in commits.items() if len(pins) > 1} == {}


def test_workflows_only_read_unless_a_job_says_otherwise() -> None:
    assert [path.name for path in WORKFLOWS] == ["ci.yml", "release.yml"]
    for path in WORKFLOWS:
        assert re.search(r"^permissions:\n  contents: read\n$", path.read_text(encoding="utf-8"), re.MULTILINE)


def test_the_smoke_test_passes_here() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "packaging" / "smoke.py"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"clinometer \S+ works, with the kernels .+\n", done.stdout)


def test_the_promised_versions_of_files_are_those_that_are_written() -> None:
    page = (ROOT / "docs" / "reference" / "versions.md").read_text(encoding="utf-8")
    promised = dict(re.findall(r"^\| .+ \| `(clinometer-[a-z-]+)` \| (\d+) \|", page, re.MULTILINE))
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "python" / "clinometer").rglob("*.py")]
    written: dict[str, str] = {}
    for source in sources:
        for form in re.findall(r'^_FORMAT = "(clinometer-[a-z-]+)"', source, re.MULTILINE):
            (number,) = set(re.findall(r'^_VERSION = (\d+)$|"version": (\d+)', source, re.MULTILINE))
            written[form] = "".join(number)
    assert promised == written
