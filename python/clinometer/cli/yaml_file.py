"""A YAML file as texts with their lines, so that every error names one, and each option reads its own text.

Of YAML's types only mappings, lists and texts are used: `no` is the language and not false, `0123` stays as written.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from clinometer.contents import BYTE_ORDER_MARK, not_utf8
from clinometer.errors import FormatError, first_line, optional_package, shown
from clinometer.files import regular

__all__ = ["Node", "read_yaml"]

_LARGEST = 1 << 20
_DEEPEST = 12
_MOST = 20_000
_TYPES = ("str", "int", "float", "bool", "null", "timestamp", "value", "map", "seq")
_PREFIX = "tag:yaml.org,2002:"


@dataclass(frozen=True)
class Node:
    """A value of the file.

    Args:
        line: Its line from 1; that of its key, if it has one.
        value: A mapping, a list, a text as written, or None for nothing or `null`.
        quoted: Whether a text is in quotes, or a block.
    """

    line: int
    value: dict[str, Node] | list[Node] | str | None
    quoted: bool = False

    def plain(self) -> Any:
        """The value without lines, for a manifest."""
        if isinstance(self.value, dict):
            return {name: node.plain() for name, node in self.value.items()}
        return [node.plain() for node in self.value] if isinstance(self.value, list) else self.value


def read_yaml(path: Path, what: str = "a study", content: str = "encoders and collections") -> Node:
    """The one document of a YAML file.

    Args:
        path: The file.
        what: What it describes, for messages.
        content: What it must have, for messages.

    Raises:
        MissingExtraError: PyYAML is not installed.
        FormatError: It is not such a file; the line is named.
        FileNotFoundError: The file does not exist.
    """
    yaml = optional_package("yaml", f"reading {what}", "study")
    if (file := regular(path)).stat().st_size > _LARGEST:
        raise FormatError(path, None, f"longer than 1 MiB; check that this is the file of {what}")
    try:
        text = file.read_bytes().removeprefix(BYTE_ORDER_MARK).decode()
    except UnicodeDecodeError as error:
        raise FormatError(path, None, not_utf8(error)) from None
    try:
        document = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = error.problem or error.context or "not YAML"
        raise FormatError(path, mark and mark.line + 1, f"not YAML: {first_line(problem)}; check its indents") from None
    except yaml.YAMLError as error:
        raise FormatError(path, None, f"not YAML: {first_line(error)}; save it as plain text") from None
    except (RecursionError, ValueError):
        raise FormatError(path, None, f"nested more than {_DEEPEST} levels deep; check its brackets") from None
    if document is None:
        raise FormatError(path, None, f"the file is empty; write {what} with {content}")
    return _Reading(path, yaml, what).node(document, 1)


class _Reading:
    """The walk through the nodes of one file; an anchor may stand for many, so they are counted."""

    def __init__(self, path: Path, yaml: Any, what: str) -> None:
        self._path, self._yaml, self._what, self._count = path, yaml, what, 0

    def node(self, node: Any, depth: int) -> Node:
        line = node.start_mark.line + 1
        self._count += 1
        if depth > _DEEPEST or self._count > _MOST:
            problem = f"nested more than {_DEEPEST} levels deep" if depth > _DEEPEST else f"more than {_MOST:,} values"
            raise FormatError(self._path, line, f"{problem}; check its anchors and brackets")
        kind = node.tag.removeprefix(_PREFIX)
        if kind not in _TYPES and kind != "merge":
            raise FormatError(
                self._path, line, f"{shown(node.tag)} is a type of YAML that {self._what} has not; remove it"
            )
        if isinstance(node, self._yaml.MappingNode):
            return Node(line, dict(self._pairs(node, depth)))
        if isinstance(node, self._yaml.SequenceNode):
            return Node(line, [self.node(item, depth + 1) for item in node.value])
        quoted = node.style is not None
        return Node(line, None if kind == "null" and not quoted else node.value, quoted)

    def _pairs(self, mapping: Any, depth: int) -> Iterator[tuple[str, Node]]:
        line_of: dict[str, int] = {}
        for key_node, value in mapping.value:
            key = self.node(key_node, depth + 1)
            if not isinstance(key.value, str):
                raise FormatError(self._path, key.line, f"a key is {shown(key.plain())}, but must be a word")
            if key.value in line_of:
                earlier = line_of[key.value]
                raise FormatError(
                    self._path, key.line, f"the key {key.value!r} is in line {earlier} as well; remove one of them"
                )
            line_of[key.value] = key.line
            yield key.value, replace(self.node(value, depth + 1), line=key.line)
