"""Mappings of a study as groups of options: keys are named as the options are, and unknown ones are refused."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, NoReturn, TypeVar, get_args, get_type_hints

from clinometer.cli.expansion import OptionGroup, at_home, is_group, option_name
from clinometer.cli.yaml_file import Node
from clinometer.errors import ClinometerError, FormatError, shown
from clinometer.numerals import read_int, read_number
from clinometer.suggestions import close_names

__all__ = ["Entry", "group_keys", "written_options"]

_Group = TypeVar("_Group", bound=OptionGroup)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,79}")
_LITERAL = re.compile(r"true|false|null|-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?")


class Entry:
    """A mapping whose keys are taken one by one; `finish` refuses what nobody took.

    Args:
        path: The file, for messages.
        node: The mapping.
        what: What it describes, for messages, such as `an encoder`.
    """

    def __init__(self, path: Path, node: Node, what: str) -> None:
        if not isinstance(node.value, dict):
            raise FormatError(path, node.line, f"{what} is {shown(node.plain())}, but must be keys with values")
        self.line, self.what = node.line, what
        self._path, self._nodes = path, node.value
        self._known: list[str] = []

    def fail(self, problem: object, line: int | None = None) -> NoReturn:
        """Refuse the entry."""
        raise FormatError(self._path, line or self.line, str(problem)) from None

    def node(self, key: str) -> Node | None:
        """The value of a key, None if it has none."""
        self._known.append(key)
        node = self._nodes.get(key)
        return None if node is None or node.value is None else node

    def text(self, key: str) -> str | None:
        """The text of a key."""
        node = self.node(key)
        if node is not None and not isinstance(node.value, str):
            self.fail(f"{key} is {shown(node.plain())}, but must be one text", node.line)
        return None if node is None else str(node.value)

    def required(self, key: str, fix: str) -> str:
        """The text of a key that must be there and not be empty."""
        text = self.text(key)
        if not text:
            self.fail(f"{self.what} has no {key}; {fix}")
        return text

    def texts(self, key: str) -> list[str] | None:
        """The list of texts of a key; one text is a list of one."""
        node = self.node(key)
        return None if node is None else self._texts(key, node)

    def entries(self, key: str, what: str) -> list[Entry]:
        """The list of mappings of a key."""
        node = self.node(key)
        if node is None:
            return []
        if not isinstance(node.value, list):
            self.fail(f"{key} must be a list, each item after a dash; it is {shown(node.plain())}", node.line)
        return [Entry(self._path, item, what) for item in node.value]

    def entry(self, key: str, what: str) -> Entry:
        """The mapping of a key; an empty one if the key is absent."""
        return Entry(self._path, self.node(key) or Node(self.line, {}), what)

    def by_name(self, key: str) -> dict[str, str]:
        """The texts of a mapping; one text alone is under an empty name."""
        node = self.node(key)
        if node is None:
            return {}
        if not isinstance(node.value, dict):
            return {"": self.text(key) or ""}
        return {name: self._one(f"{key} of {name}", item) for name, item in node.value.items()}

    def number(self, key: str) -> float | None:
        """The number of a key."""
        node = self.node(key)
        return None if node is None else self._number(key, node, self._one(key, node), float, None)

    def flag(self, key: str) -> bool:
        """Whether a key is true; without it, it is not."""
        node = self.node(key)
        return node is not None and self._flag(key, node) == "true"

    def name(self, default: str) -> str:
        """The name, which is part of file names."""
        name = self.text("name") or default
        if not name:
            self.fail(f"{self.what} has no name; give one")
        if not _NAME.fullmatch(name):
            self.fail(f"the name {shown(name)} cannot name a folder; use letters, digits, and . _ + - in between")
        return name

    def group(self, kind: type[_Group], *, without: Sequence[str] = (), **set_values: Any) -> _Group:
        """A group of options from keys that are named as its options.

        Args:
            kind: The group.
            without: Options that have no key here.
            **set_values: Values of some of these.
        """
        hints = get_type_hints(kind, include_extras=True)
        values: dict[str, Any] = {}
        lines = [self.line]
        for field in fields(kind):
            if is_group(inner := hints[field.name]):
                values[field.name] = self.group(inner, without=without)
            elif field.name in set_values:
                values[field.name] = set_values[field.name]
            elif field.name not in without:
                key = option_name(kind, field.name)[2:]
                if (node := self.node(key)) is not None:
                    annotation, info = get_args(inner)
                    values[field.name] = self._converted(key, node, annotation, info)
                    lines.append(node.line)
                elif field.default is MISSING:
                    self.fail(f"{self.what} has no {key}; give one")
        try:
            return kind(**values)
        except ClinometerError as error:
            self.fail(str(error).replace("--", ""), max(lines) if len(lines) == 2 else None)

    def finish(self) -> None:
        """Refuse keys that no part of the study has.

        Raises:
            FormatError: The message names the first, and one like it.
        """
        known = list(dict.fromkeys(self._known))
        for key, node in self._nodes.items():
            if key not in known:
                near = close_names(key, known, most=1)
                fix = f"did you mean {near[0]!r}?" if near else f"expected one of {', '.join(known)}"
                self.fail(f"unknown key {shown(key)} of {self.what}; {fix}", node.line)

    def _converted(self, key: str, node: Node, annotation: Any, info: Any) -> Any:
        kinds = [part for part in (get_args(annotation) or (annotation,)) if part is not type(None)]
        kind = annotation if getattr(annotation, "__origin__", None) is list else kinds[0]
        if getattr(kind, "__origin__", None) is list:
            return [at_home(text) for text in self._assignments(key, node)]
        if kind is str and info.metavar == "A,B,...":
            return ",".join(self._texts(key, node))
        if kind is bool:
            return self._flag(key, node) == "true"
        text = self._one(key, node)
        if kind is Path and not text:
            self.fail(f"{key} is empty; give a path, or leave it out", node.line)
        if kind in (int, float):
            return self._number(key, node, text, kind, info.min)
        return at_home(Path(text) if kind is Path else text)

    def _number(self, key: str, node: Node, text: str, kind: type, least: float | None) -> int | float:
        noun = "a whole number" if kind is int else "a number"
        try:
            value = read_int(text) if kind is int else read_number(text)
        except ValueError:
            self.fail(f"{key} is {shown(text)}, but must be {noun}", node.line)
        if least is not None and value < least:
            self.fail(f"{key} is {shown(text)}, but must be {least:g} or more", node.line)
        return value

    def _one(self, key: str, node: Node) -> str:
        if not isinstance(node.value, str):
            self.fail(f"{key} is {shown(node.plain())}, but must be one value", node.line)
        return node.value

    def _flag(self, key: str, node: Node) -> str:
        text = self._one(key, node)
        if text not in ("true", "false"):
            self.fail(f"{key} is {shown(text)}, but must be true or false", node.line)
        return text

    def written(self, key: str, *, several: bool, joined: bool, is_flag: bool) -> list[str] | str | None:
        """The text of a key as on the command line; None if it has none.

        Args:
            key: The key.
            several: Whether the option can be repeated, so that it has a list, also of `NAME=VALUE` from a mapping.
            joined: Whether a list is one text with commas.
            is_flag: Whether the text must be `true` or `false`.
        """
        node = self.node(key)
        if node is None:
            return None
        if several:
            return self._assignments(key, node)
        if is_flag:
            return self._flag(key, node)
        return ",".join(self._texts(key, node)) if joined else self._one(key, node)

    def line_of(self, key: str) -> int:
        """The line of a key, or of the mapping."""
        node = self._nodes.get(key)
        return self.line if node is None else node.line

    def spelled(self, spellings: Mapping[str, str]) -> None:
        """Take other spellings of keys for the keys.

        Raises:
            FormatError: A key is there in two spellings.
        """
        nodes: dict[str, Node] = {}
        for key, node in self._nodes.items():
            name = spellings.get(key, key)
            if name in nodes:
                self.fail(f"{key} is in line {nodes[name].line} as well, as {name}; remove one of them", node.line)
            nodes[name] = node
        self._nodes = nodes

    def _texts(self, key: str, node: Node) -> list[str]:
        items = node.value if isinstance(node.value, list) else [node]
        return [self._one(f"an item of {key}", item) for item in items]

    def _assignments(self, key: str, node: Node) -> list[str]:
        """Texts, or `NAME=VALUE` for each pair of a mapping."""
        if not isinstance(node.value, dict):
            return self._texts(key, node)
        return [
            f"{name}={item.value if isinstance(item.value, str) else json.dumps(_typed(item), ensure_ascii=False)}"
            for name, item in node.value.items()
        ]


def _typed(node: Node) -> Any:
    """A value as JSON would have it."""
    if isinstance(node.value, dict):
        return {name: _typed(item) for name, item in node.value.items()}
    if isinstance(node.value, list):
        return [_typed(item) for item in node.value]
    literal = node.value is not None and not node.quoted and _LITERAL.fullmatch(node.value)
    return json.loads(node.value) if literal else node.value  # type: ignore[arg-type]


def group_keys(kind: type[OptionGroup], *, without: Sequence[str] = ()) -> Mapping[str, tuple[str, str]]:
    """The keys of a group of options, each with its metavariable and help."""
    hints = get_type_hints(kind, include_extras=True)
    keys: dict[str, tuple[str, str]] = {}
    for field in fields(kind):
        if is_group(inner := hints[field.name]):
            keys |= group_keys(inner, without=without)
        elif field.name not in without:
            info = get_args(inner)[1]
            keys[option_name(kind, field.name)[2:]] = (info.metavar or "true|false", info.help or "")
    return keys


def written_options(group: OptionGroup, *, without: Sequence[str] = ()) -> list[str]:
    """Options of the command line whose values are not the defaults, with their values.

    Example:
        >>> from clinometer.cli.encoder_options import Prompts
        >>> written_options(Prompts(query_prompt="query: "))
        ['--query-prompt', 'query: ']
    """
    written: list[str] = []
    for field in fields(group):
        value = getattr(group, field.name)
        if isinstance(value, OptionGroup):
            written += written_options(value, without=without)
        elif value != field.default and field.name not in without:
            name = option_name(type(group), field.name)
            for item in value if isinstance(value, list) else [value]:
                written += [name] if item is True else [name, str(item)]
    return written
