"""The house in order: who may import whom, in Python and in Rust, read from the real import statements."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
PACKAGE = REPOSITORY / "python" / "clinometer"

ORDER = [
    *(
        "_core",
        "errors",
        "suggestions",
        "numerals",
        "parameters",
        "memory",
        "progress",
        "languages",
        "files",
        "contents",
        "vectors",
        "statistics",
    ),
    *("collection", "encoders", "adapters"),
    *("losses", "geometry", "executors", "store", "correction", "scanning", "mining"),
    *("measures", "demo", "io", "scorers"),
    *(
        "scenarios",
        "analysis",
        "report",
        "evaluation",
        "comparison",
        "advice",
        "pools",
        "training",
        "integrations",
        "cli",
    ),
    "__main__",
]
"""Rooms and files of the hall; each imports from those on its left only."""

CONVENIENCES = {
    ("adapters", "training"): "clinometer.adapters.fit_adapter is public; it is loaded when it is asked for",
    ("evaluation", "integrations"): "Evaluation.to_mteb writes a file that integrations.mteb reads and describes",
}
"""Imports against the order, deferred into functions, each with its reason."""

HALL = {
    *("__init__", "__main__", "_core", "contents", "errors", "languages"),
    *("memory", "numerals", "parameters", "progress", "suggestions", "vectors"),
}

Graph = dict[str, dict[str, str]]


def modules() -> dict[str, Path]:
    """Every module of the package by its dotted name, `__init__` for the package itself."""
    paths = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        paths[".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)] = path
    return paths


def python_imports(known: Mapping[str, Path], *, deferred: bool) -> Graph:
    """For each module, the modules that it imports and a line where it does; `deferred` also inside functions."""
    graph: Graph = {}
    for name, path in known.items():
        targets = graph.setdefault(name, {})
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree) if deferred else _at_import(tree.body):
            for target in _targets(node, known):
                targets.setdefault(target, f"{path.relative_to(REPOSITORY)}:{getattr(node, 'lineno', 0)}")
    return graph


def _at_import(body: list[ast.stmt]) -> Iterator[ast.AST]:
    """The statements that run when a module is imported; what only type checkers read is left out."""
    for node in body:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        yield node
        for branch in ("body", "orelse", "handlers", "finalbody"):
            if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and hasattr(node, branch):
                yield from _at_import(getattr(node, branch))


def _targets(node: ast.AST, known: Mapping[str, Path]) -> Iterator[str]:
    if isinstance(node, ast.ImportFrom):
        assert node.level == 0, "imports are written with their whole path"
        if node.module and node.module.split(".")[0] == "clinometer":
            module = node.module.removeprefix("clinometer").removeprefix(".")
            for alias in node.names:
                submodule = f"{module}.{alias.name}".removeprefix(".")
                yield submodule if submodule in (*known, "_core") else module or "__init__"
    elif isinstance(node, ast.Import):
        for alias in node.names:
            if alias.name.split(".")[0] == "clinometer":
                yield alias.name.removeprefix("clinometer").removeprefix(".") or "__init__"


def room(module: str) -> str:
    return module.split(".")[0]


def against_the_order(graph: Graph) -> Iterator[tuple[str, str, str]]:
    for name, targets in graph.items():
        for target, place in targets.items():
            here, there = room(name), room(target)
            if here != there and here != "__init__" and (there == "__init__" or ORDER.index(there) > ORDER.index(here)):
                yield here, there, f"{place}: {name} imports {target}"


def circles(graph: Mapping[str, Mapping[str, str]]) -> list[list[str]]:
    """Groups of nodes that reach each other, by Tarjan's algorithm."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    groups: list[list[str]] = []

    def visit(node: str) -> None:
        index[node] = low[node] = len(index)
        stack.append(node)
        for target in graph.get(node, {}):
            if target not in index:
                visit(target)
            if target in stack:
                low[node] = min(low[node], low[target])
        if low[node] == index[node]:
            group = stack[stack.index(node) :]
            del stack[stack.index(node) :]
            if len(group) > 1:
                groups.append(sorted(group))

    for node in graph:
        if node not in index:
            visit(node)
    return groups


def test_every_room_has_its_place_in_the_order() -> None:
    rooms = {room(name) for name in modules()} | {"_core"}
    assert rooms - {"__init__"} == set(ORDER)


def test_the_hall_holds_no_more_than_it_should() -> None:
    assert {path.stem for path in PACKAGE.iterdir() if path.suffix in (".py", ".pyi")} == HALL


def test_imports_run_leftwards() -> None:
    wrong = list(against_the_order(python_imports(modules(), deferred=True)))
    assert [sentence for here, there, sentence in wrong if (here, there) not in CONVENIENCES] == []
    assert {(here, there) for here, there, _ in wrong} == set(CONVENIENCES), "a convenience that nobody uses any more"
    assert len(CONVENIENCES) <= 2


def test_conveniences_are_deferred() -> None:
    graph = python_imports(modules(), deferred=False)
    assert [sentence for _, _, sentence in against_the_order(graph)] == []


def test_python_modules_import_in_no_circle() -> None:
    graph = python_imports(modules(), deferred=True)
    rooms_apart = {
        name: {target: place for target, place in targets.items() if (room(name), room(target)) not in CONVENIENCES}
        for name, targets in graph.items()
        if name != "__init__"
    }
    assert circles(rooms_apart) == []


def test_a_circle_is_found() -> None:
    assert circles({"a": {"b": ""}, "b": {"c": ""}, "c": {"a": ""}, "d": {"a": ""}}) == [["a", "b", "c"]]
    assert circles({"a": {"b": ""}, "b": {}}) == []


RUST = REPOSITORY / "rust"
CRATE_FACE = ("lib", "python")


def rust_imports() -> Graph:
    """For each Rust module, the modules of the crate that it uses outside its tests."""
    paths = {".".join(path.relative_to(RUST).with_suffix("").parts).removesuffix(".mod"): path
             for path in sorted(RUST.rglob("*.rs"))}  # fmt: skip
    graph: Graph = {}
    for name, path in paths.items():
        code = re.split(r"^#\[cfg\(test\)\]\s*\n(?:#\[.*\]\s*\n)*mod ", path.read_text("utf-8"), flags=re.M)[0]
        code = re.sub(r"//.*", "", code)
        targets = graph.setdefault(name, {})
        for statement in re.findall(r"\buse ((?:crate|super|self)::[^;]+);", code):
            for used in _expanded(statement):
                target = _rust_module(used, name, paths)
                if target and target != name:
                    targets.setdefault(target, f"rust/{path.relative_to(RUST)}: use {used}")
    return graph


def _expanded(statement: str) -> list[str]:
    """The single paths of a `use` with braces."""
    match = re.match(r"(?s)(.*?)\{(.*)\}\s*$", statement)
    if not match:
        return [re.sub(r"\s+as\s+\w+$", "", statement.strip())]
    paths, depth, start = [], 0, 0
    inner = match[2] + ","
    for at, character in enumerate(inner):
        depth += (character == "{") - (character == "}")
        if character == "," and depth == 0:
            if inner[start:at].strip():
                paths += _expanded(match[1].strip() + inner[start:at].strip())
            start = at + 1
    return paths


def _rust_module(used: str, name: str, paths: Mapping[str, Path]) -> str | None:
    parts = used.split("::")
    base = [] if parts[0] == "crate" else name.split(".") if parts[0] == "self" else name.split(".")[:-1]
    parts = parts[1:]
    while parts and parts[0] == "super":
        base, parts = base[:-1], parts[1:]
    for length in range(len(parts), 0, -1):
        if (candidate := ".".join([*base, *parts[:length]])) in paths:
            return candidate
    return ".".join(base) or "lib"


def test_rust_modules_import_in_no_circle() -> None:
    graph = {name: targets for name, targets in rust_imports().items() if room(name) not in CRATE_FACE}
    assert graph, "there is Rust code"
    assert circles(graph) == []


def test_the_rust_core_knows_nothing_of_python() -> None:
    inside = {name: targets for name, targets in rust_imports().items() if room(name) not in CRATE_FACE}
    assert [place for targets in inside.values() for target, place in targets.items() if room(target) == "python"] == []
    for path in RUST.rglob("*.rs"):
        if room(".".join(path.relative_to(RUST).parts)) != "python" and path.name != "lib.rs":
            assert "pyo3" not in path.read_text("utf-8"), path
